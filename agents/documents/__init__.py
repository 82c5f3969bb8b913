"""Documents: from a path to text, passages and search.

library     the front door: open, passages, search; stores what was parsed
access      what may be opened: roots, sizes, kinds of path
objects     S3-compatible storage; urls fetches from the web where that is allowed
parsing     bytes in, text with pages and headings out, in a process of its own; formats is the registry of readers
passages    cuts a text into passages that tile it
places      where the pages and sections that a question refers to stand in a text
search      ranks passages by their terms and, if that is switched on, by embeddings
store       the SQLite database
"""
