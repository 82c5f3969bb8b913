"""`python -m mcp_server` serves over stdio; with arguments it is the command `readroom`."""

import sys

from mcp_server.cli import app

if __name__ == "__main__":
    app(args=sys.argv[1:] or ["serve"], prog_name="readroom")
