"""Models of the builtin functions, the methods of builtin types, and the standard library."""
