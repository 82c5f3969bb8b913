"""Parsing: bytes in, text with pages and headings out, in a process of its own."""
