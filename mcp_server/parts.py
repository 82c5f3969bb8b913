"""Results in parts: as many whole claims as one result may hold, and a cursor for the rest.

first_part       of a response, the whole of which is stored with its session
next_part        of what a cursor names, also after a restart
structured_content, part_text   the two forms of a part; each says everything once
"""

import asyncio
import bisect
import json
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import Field, ValidationError

from agents.cursors import Count, decode_cursor, encode_cursor
from agents.errors import RequestError, SessionError
from agents.language.tokens import estimate_tokens
from agents.markdown import to_markdown
from agents.schema import SAID_ELSEWHERE, Analysis, Answer, Citation, Frozen, Part, Response, RouteReport, Usage
from mcp_server.render import response_text

if TYPE_CHECKING:
    from agents.assistant import Assistant

PART_TOKENS = 12_000
"""Of either form, as estimated; of JSON that is some 9,000 of a byte-pair vocabulary's (o200k). Hosts warn of 10,000,
and cut at 25,000."""
PART_CHARACTERS = 48_000
"""Of either form: a host puts a longer result than 50,000 characters into a file."""
MAX_NAMED = 20
"""Documents, warnings, or lines about what was not read, that one result names."""
_LEAST_CLAIM_TOKENS = 25
"""No claim with its citation takes fewer in JSON."""
_BRIEF = {"claims", "citations", "closest", "coverage", "route", "session", "engine", "usage", "documents", "warnings"}
"""Fields whose own fields are left out where they have their default values."""
_IN_DOCUMENTS = {name: {"__all__": {"title"}} for name in ("citations", "closest")}
"""What a document's entry says of all that is cited from it."""
_NEW_CALL = "Make the call again without cursor."

ResponseT = TypeVar("ResponseT", bound=Response)


class ResultPlace(Frozen):
    """Where a stored result goes on."""

    session: str = Field(pattern=r"^[0-9a-f-]{36}$")
    number: int = Count
    start: int = Count


async def first_part(response: ResponseT) -> ResponseT:
    """Return as many of a response's claims as one result holds; what follows can be had by its `next_cursor`.

    A response that could not be stored, as on a full disk, is returned whole.
    """
    number = response.session.result
    if number is None:
        return response.model_copy(update=_named(response, response.citations))
    place = ResultPlace(session=response.session.session_id, number=number, start=0)
    return await asyncio.to_thread(_cut, response, place)


async def next_part(assistant: "Assistant", cursor: str) -> Answer | Analysis:
    """Return the part of a stored result that a cursor names.

    Raises:
        RequestError: It is no cursor, or its result is not stored any more.
    """
    place = decode_cursor(ResultPlace, cursor)
    gone = RequestError("The result that this cursor belongs to is not stored any more.", hint=_NEW_CALL)
    try:
        response = await assistant.result(place.session, place.number)
    except (SessionError, ValidationError) as error:
        raise gone from error
    if response is None or not 0 < place.start < len(response.claims):
        raise gone
    return await asyncio.to_thread(_cut, response, place)


def structured_content(part: Response) -> dict[str, Any]:
    """Return the fields of a part, without what others say: its Markdown, and what has its default value.

    What a client looks at to know what it has got, such as `status` and `not_found`, is there whatever it is.
    """
    content = part.model_dump(mode="json", exclude=SAID_ELSEWHERE, exclude_none=True)
    brief = part.model_dump(mode="json", include=_BRIEF, exclude=_IN_DOCUMENTS, exclude_defaults=True)
    return content | brief


def part_text(part: Response) -> str:
    """Return a part as Markdown that stands alone."""
    return response_text(part.model_copy(update={"markdown": to_markdown(part)}))


def _cut(response: ResponseT, place: ResultPlace) -> ResponseT:
    """Return the claims from a place on that fit, at least one."""
    most = min(len(response.claims), place.start + PART_TOKENS // _LEAST_CLAIM_TOKENS)
    ends = range(place.start + 1, most + 1)
    fitting = bisect.bisect_left(ends, True, key=lambda end: not _fits(_part(response, place, end)))
    return _part(response, place, ends[max(0, fitting - 1)] if ends else 0)


def _fits(part: Response) -> bool:
    structured = json.dumps(structured_content(part), ensure_ascii=False, separators=(",", ":"))
    return all(
        len(form) <= PART_CHARACTERS and estimate_tokens(form) <= PART_TOKENS for form in (structured, part_text(part))
    )


def _part(response: ResponseT, place: ResultPlace, end: int) -> ResponseT:
    """Return a response's claims from a place to `end` with their sources; with the first ones, the rest of it."""
    claims, total = response.claims[place.start : end], len(response.claims)
    used = {number for claim in claims for number in claim.citations}
    citations = tuple(each for each in response.citations if each.id in used)
    update: dict[str, Any] = {"claims": claims, "citations": citations, **_named(response, citations)}
    if place.start:
        route = response.route and RouteReport(kind=response.route.kind, reason=response.route.reason)
        update |= {"warnings": (), "usage": Usage(), "route": route}
    if len(claims) < total:
        # A reworded answer holds the marks of all claims, so it comes whole or not at all.
        update["message"] = ""
        update["part"] = Part(first=place.start + 1, last=end, total=total)
        following = place.model_copy(update={"start": end})
        update["next_cursor"] = encode_cursor(following) if end < total else None
    return response.model_copy(update=update)


def _named(response: Response, citations: tuple[Citation, ...]) -> dict[str, Any]:
    """Return what grows with the number of documents, those that are cited first, and how many are left out."""
    cited = {each.document_id for each in (*citations, *getattr(response, "closest", ()))}
    documents, warnings = response.documents, _few(response.warnings, "more warnings.")
    if len(documents) > MAX_NAMED:
        documents = tuple(sorted(documents, key=lambda each: each.document_id not in cited))
        warnings = (*warnings, f"{len(documents) - MAX_NAMED:,} more documents were searched than are named here.")
    skipped = _few(response.coverage.skipped, "more documents were not read whole")
    return {
        "documents": documents[:MAX_NAMED],
        "coverage": response.coverage.model_copy(update={"skipped": skipped}),
        "warnings": warnings,
    }


def _few(lines: tuple[str, ...], more: str) -> tuple[str, ...]:
    """Return the first lines, and how many more there are."""
    return (*lines[:MAX_NAMED], f"{len(lines) - MAX_NAMED:,} {more}") if len(lines) > MAX_NAMED else lines
