"""The proof that conditions differ only in the fields under test."""

from campaign.check.claim.declaration import Declaration
from campaign.check.findings import CheckResult, Finding, VariantResult
from campaign.check.proof import dump, prove

__all__ = ["CheckResult", "Declaration", "Finding", "VariantResult", "dump", "prove"]
