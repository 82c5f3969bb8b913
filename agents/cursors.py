"""Cursors: where a result goes on, as an opaque word that a caller hands back."""

import base64
import binascii
from typing import TypeVar

from pydantic import Field, ValidationError

from agents.errors import RequestError
from agents.schema import Frozen

PlaceT = TypeVar("PlaceT", bound=Frozen)

Count = Field(ge=0, lt=2**63)
"""Of a place: no negative number, and none that a database cannot hold."""


def encode_cursor(place: Frozen) -> str:
    """Return the cursor of a place, whose model says what it goes on with."""
    text = f"{type(place).__name__}{place.model_dump_json()}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(form: type[PlaceT], cursor: str) -> PlaceT:
    """Return the place that a cursor stands for.

    Args:
        form: The model of such places.
        cursor: What a caller handed back.

    Raises:
        RequestError: It is no cursor, or one of another kind.
    """
    encoded = cursor.strip().encode()
    try:
        text = base64.urlsafe_b64decode(encoded + b"=" * (-len(encoded) % 4)).decode()
        return form.model_validate_json(text.removeprefix(form.__name__))
    except (binascii.Error, UnicodeDecodeError, ValidationError) as error:
        raise RequestError(
            f"{cursor[:60]!r} is no cursor of this tool.",
            hint="Pass next_cursor of an earlier result of the same tool as it is, or leave cursor out to begin anew.",
        ) from error
