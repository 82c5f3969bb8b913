"""Cursors: where a result goes on, as an opaque word that a caller hands back."""

import base64
import binascii
import json
from typing import Any

from agents.errors import RequestError

CursorKind = str
"""What a cursor goes on with: "list", "read", ..."""


def encode_cursor(kind: CursorKind, **place: object) -> str:
    """Return the cursor of a place, whose values are JSON."""
    text = json.dumps({"kind": kind, **place}, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(kind: CursorKind, cursor: str) -> dict[str, Any]:
    """Return the place that a cursor of this kind stands for.

    Raises:
        RequestError: It is no cursor, or one of another kind.
    """
    try:
        place = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError):
        place = None
    if not isinstance(place, dict) or place.pop("kind", None) != kind:
        raise RequestError(
            f"{cursor[:60]!r} is no cursor of this tool.",
            hint="Pass next_cursor of an earlier result of the same tool as it is, or leave cursor out to begin anew.",
        )
    return place
