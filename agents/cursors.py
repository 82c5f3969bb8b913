"""Cursors: where a result goes on, as an opaque word that a caller hands back."""

import base64
import binascii
import json
from typing import Any, cast

from agents.errors import RequestError


def encode_cursor(kind: str, **place: object) -> str:
    """Return the cursor of a place.

    Args:
        kind: What it goes on with: "list", "read", ...
        place: JSON values.
    """
    text = json.dumps({"kind": kind, **place}, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(kind: str, cursor: str) -> dict[str, Any]:
    """Return the place that a cursor of this kind stands for.

    Raises:
        RequestError: It is no cursor, or one of another kind.
    """
    try:
        place = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError):
        place = None
    if isinstance(place, dict) and cast("dict[str, Any]", place).pop("kind", None) == kind:
        return cast("dict[str, Any]", place)
    raise RequestError(
        f"{cursor[:60]!r} is no cursor of this tool.",
        hint="Pass next_cursor of an earlier result of the same tool as it is, or leave cursor out to begin anew.",
    )
