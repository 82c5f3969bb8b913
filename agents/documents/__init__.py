"""Documents: loading, keeping, searching, locating quotes."""
