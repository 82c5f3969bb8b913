"""Whose call it is: the bearer tokens of a server's owner and of its users, and a line of JSON for each call.

Tokens         whose token it is
caller         the user who makes the call under way; set by `known_caller`, which no call goes round
known_caller   middleware

with_its_end_told   tells how a call ended
"""

import hmac
import json
import logging
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from io import TextIOWrapper
from logging.handlers import WatchedFileHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken, TokenVerifier
from mcp.server.context import CallNext, HandlerResult, ServerMiddleware, ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_REQUEST
from pydantic import SecretStr
from typing_extensions import override

from agents.errors import SettingsError
from agents.settings import ServerSettings
from agents.users import User, Users, token_digest

if TYPE_CHECKING:
    from mcp_server.oauth import IssuedTokens

OWNER = "owner"
"""Whoever has the server's one token, or starts it without any, as the audit names them."""
_NO_USER = "-"
"""The client_id of the owner's access; no user has this name."""
HANDSHAKE = {"initialize", "server/discover", "ping"}
_NAMED = ("document", "documents", "compare_with", "document_id", "folder", "uri", "session_id", "mode", "suite")
"""Arguments that say what a call is about; questions and quotes are nobody else's business."""
_NAMED_CHARACTERS = 500
caller: ContextVar[User | None] = ContextVar("caller")
"""The user who makes the call under way; None: the owner."""


class UserAccess(AccessToken):
    """What a user's token gives. The SDK keeps connections of one `client_id` from those of others."""

    user: User | None = None


class Tokens(TokenVerifier):
    """Accepts the owner's bearer token and those of users.

    Args:
        owner: The owner's token; None: the owner does not come over HTTP.
        users: Asked at each request.
        issued: Checks what an OAuth issuer has signed.

    Raises:
        SettingsError: The owner's token is empty, or the users cannot be read.
    """

    def __init__(self, owner: SecretStr | None, users: Users | None, issued: "IssuedTokens | None" = None) -> None:
        if owner is not None and not owner:
            raise SettingsError(
                "READROOM_SERVER__TOKEN is empty.", hint="Set it to a long random text, or leave it unset."
            )
        self._owner = None if owner is None else token_digest(owner.get_secret_value())
        self._users = users
        self._issued = issued
        if users:
            users.all()

    @override
    async def verify_token(self, token: str) -> AccessToken | None:
        """Return the access that the token gives, or None if it is nobody's."""
        if self._owner and hmac.compare_digest(token_digest(token), self._owner):
            return UserAccess(token=token, client_id=_NO_USER, scopes=[])
        user = self._users and (self._users.by_token(token) or await self._issued_to(self._users, token))
        return UserAccess(token=token, client_id=user.name, scopes=[], user=user) if user else None

    async def _issued_to(self, users: Users, token: str) -> User | None:
        subject = self._issued and await self._issued.subject(token)
        return users.by_subject(subject) if subject else None


def known_caller(settings: ServerSettings, *, needs_token: bool) -> ServerMiddleware[Any]:
    """Return middleware that says in `caller` whose call it is, by the token of this very request.

    Args:
        settings: Say where each call is noted.
        needs_token: Whether whoever comes over HTTP must have shown a token.
    """
    log = _audit_log(settings.audit_file) if settings.audit_file else None

    async def know(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        caller.set(_user_of(ctx, needs_token=needs_token))
        if log is None or ctx.request_id is None or ctx.method in HANDSHAKE:
            return await call_next(ctx)
        return await _audited(log, ctx, call_next)

    return know


def _user_of(ctx: ServerRequestContext[Any, Any], *, needs_token: bool) -> User | None:
    if ctx.request is None or not needs_token:
        return None
    shown = ctx.request.scope.get("user")
    access = shown.access_token if isinstance(shown, AuthenticatedUser) else None
    if not isinstance(access, UserAccess):
        # The SDK has refused whoever has none; without one nobody is taken for the owner.
        raise MCPError(INVALID_REQUEST, "This request shows no token.")
    return access.user


class _AuditFile(WatchedFileHandler):
    """A file that only its owner may read, and that is begun anew where another program has moved it away."""

    @override
    def _open(self) -> TextIOWrapper:
        descriptor = os.open(self.baseFilename, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
        return os.fdopen(descriptor, "a", encoding="utf-8")


def _audit_log(path: Path) -> logging.Handler:
    try:
        return _AuditFile(path)
    except OSError as error:
        raise SettingsError(
            f"{path} cannot be written: {error.strerror}.", hint="READROOM_SERVER__AUDIT_FILE names it."
        ) from error


async def _audited(log: logging.Handler, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Add a line to the log: who called what, about what, and how it ended; nothing of what was asked or answered."""
    params = dict(ctx.params or {})
    given = {**params, **_mapping(params.get("arguments"))}
    user = caller.get()

    def write(end: CallEnd) -> None:
        session = _mapping(end.content.get("session"))
        line = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "user": user.name if user else OWNER,
            "call": params.get("name") if ctx.method == "tools/call" else ctx.method,
            **{name: _shortened(given[name]) for name in _NAMED if given.get(name)},
            **{key: each for key, each in session.items() if key == "session_id"},
            "ended": end.outcome,
            "seconds": round(end.seconds, 3),
        }
        log.handle(logging.makeLogRecord({"msg": json.dumps(line)}))

    return await with_its_end_told(call_next(ctx), write)


class CallEnd(NamedTuple):
    """How a call ended."""

    outcome: str
    """refused, cancelled, or the status that its result says."""
    seconds: float
    """How long it took."""
    content: Mapping[str, Any]
    """Of its result, as it goes over the wire; none where it has no result."""


async def with_its_end_told(answering: Awaitable[HandlerResult], tell: Callable[[CallEnd], None]) -> HandlerResult:
    """Await a call's answer and return it; tell how the call ended, however it does."""
    started, outcome, content = time.perf_counter(), "cancelled", dict[str, Any]()
    try:
        answered = await answering
        result = _mapping(answered)
        content = _mapping(result.get("structuredContent"))
        outcome = "refused" if result.get("isError") else str(content.get("status", "complete"))
    except Exception:
        outcome = "refused"
        raise
    else:
        return answered
    finally:
        tell(CallEnd(outcome, time.perf_counter() - started, content))


def _mapping(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _shortened(value: object) -> object:
    if isinstance(value, list):
        return [_shortened(each) for each in cast("list[object]", value)[:50]]
    return str(value)[:_NAMED_CHARACTERS]
