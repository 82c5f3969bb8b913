"""`python -m mcp_server` serves over stdio; with arguments it is the command `readroom`."""

import sys

from mcp_server.cli import app

if __name__ == "__main__":
    first = sys.argv[1:2]
    app(
        args=sys.argv[1:] if first and not first[0].startswith("--") else ["serve", *sys.argv[1:]], prog_name="readroom"
    )
