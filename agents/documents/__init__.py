"""Documents: from a path to text, passages and quotes with known offsets.

library     the front door: open, passages, search; keeps what was parsed
files       what may be opened: roots, sizes, kinds of path; urls fetches where that is allowed
loader      runs parse.py in a child process within limits: forks, the client of fork_server, or a new interpreter
parse       the child: formats tells what the bytes are, then
            pdf (hidden_pdf) | office (hidden_office, hidden_html) | plain read them into a Parsed
headings    headings in Markdown, by number, by size
passages    cuts a text into passages that tile it
terms       a text's search terms; index ranks passages by them, search keeps indexes; embeddings is the second opinion
store       SQLite
quotes      finds a quote's own words in a document; normal is the form in which texts are compared
"""
