"""How results look in a terminal. Rendering only: values in, text out."""
