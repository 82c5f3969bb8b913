"""The viewer as one page of HTML, with a policy that lets it load nothing."""

import base64
import functools
import hashlib
from pathlib import Path

VIEWER_URI = "ui://readroom/evidence"
"""Under which clients that show MCP Apps find the viewer."""
_FOLDER = Path(__file__).parent


@functools.cache
def viewer_page(*, alone: bool) -> str:
    """Return the viewer's HTML.

    Args:
        alone: Whether it is opened in a browser and asks the server that it came from; else it asks the window around
            it, and may reach nothing at all.
    """
    style, script = (_FOLDER.joinpath(f"viewer.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    policy = "; ".join(
        [
            "default-src 'none'",
            f"script-src {_hash(script)}",
            f"style-src {_hash(style)}",
            "img-src data:",
            "connect-src 'self'" if alone else "connect-src 'none'",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )
    page = _FOLDER.joinpath("viewer.html").read_text(encoding="utf-8")
    return page.replace("{{policy}}", policy).replace("{{style}}", style).replace("{{script}}", script)


def _hash(source: str) -> str:
    """Return what a policy calls the one inline script or style that it lets through."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"
