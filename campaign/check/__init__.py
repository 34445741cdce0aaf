"""The proof that conditions differ only in the fields under test."""
