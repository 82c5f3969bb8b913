"""What a client of the bundle starts: Readroom with what its dialogue was given.

    uv run server.py FOLDER...

A field that was left empty arrives as an empty text, or as its own name: `${user_config.model}`.
"""

import os
import sys


def is_given(value: str) -> bool:
    """Return whether somebody has filled the field in."""
    return bool(value.strip()) and not value.startswith("${user_config.")


def main() -> None:
    """Serve the folders over stdio; an empty field is no setting."""
    for name, value in list(os.environ.items()):
        if name.startswith("READROOM_") and not is_given(value):
            del os.environ[name]
    from mcp_server.cli import app

    app(["serve", *(word for folder in sys.argv[1:] if is_given(folder) for word in ("--root", folder))])


if __name__ == "__main__":
    main()
