"""Streams that a client of the 2025 protocols can take up again where its connection broke.

The SDK has every session store its events in one place under the numbers of its requests, and these repeat from one
session to another. Here each event belongs to the session that stored it, and is handed to that session alone.
"""

import itertools
from collections import OrderedDict
from collections.abc import MutableMapping
from contextvars import ContextVar
from dataclasses import dataclass
from weakref import WeakValueDictionary

from mcp.server.streamable_http import (
    MCP_SESSION_ID_HEADER,
    EventCallback,
    EventId,
    EventMessage,
    EventStore,
    StreamId,
)
from mcp_types import JSONRPCMessage
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from typing_extensions import override

MAX_BYTES = 32 * 1024 * 1024
"""What the events of all sessions may take: a thousand of the largest answers, which are cut at about 25,000 tokens."""
_RECORD_BYTES = 300
"""What an event takes beside its message, by tracemalloc over 100,000 of them."""
RETRY_MILLISECONDS = 1_000
"""After how long a client whose stream broke is asked to come back."""


class Session:
    """Stands for a session before it has an id, and lives as long as a task of the session does."""


@dataclass(frozen=True)
class _Stored:
    session: Session | None
    stream_id: StreamId
    message: JSONRPCMessage | None
    size: int


_session: ContextVar[Session | None] = ContextVar("session", default=None)


class SessionContext:
    """ASGI middleware: tells the events of one session from those of others.

    The SDK starts a session's tasks in the context of the request that opens it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._sessions: MutableMapping[str, Session] = WeakValueDictionary()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request in the context of its session."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        known = self._sessions.get(Headers(scope=scope).get(MCP_SESSION_ID_HEADER, ""))
        session = known or Session()

        async def learn_the_id(message: Message) -> None:
            if (
                known is None
                and message["type"] == "http.response.start"
                and (session_id := Headers(raw=message["headers"]).get(MCP_SESSION_ID_HEADER))
            ):
                self._sessions[session_id] = session
            await send(message)

        token = _session.set(session)
        try:
            await self._app(scope, receive, learn_the_id)
        finally:
            _session.reset(token)


class RecentEvents(EventStore):
    """The latest events of all sessions, in memory; the oldest make room.

    Args:
        max_bytes: What they may take, with their messages as JSON.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._events: OrderedDict[EventId, _Stored] = OrderedDict()
        self._bytes = 0
        self._numbers = itertools.count(1)

    @override
    async def store_event(self, stream_id: StreamId, message: JSONRPCMessage | None) -> EventId:
        """Store an event of the current session and return its id."""
        size = _RECORD_BYTES + (len(message.model_dump_json()) if message else 0)
        event_id = str(next(self._numbers))
        self._events[event_id] = _Stored(_session.get(), stream_id, message, size)
        self._bytes += size
        while self._bytes > self._max_bytes and len(self._events) > 1:
            self._bytes -= self._events.popitem(last=False)[1].size
        return event_id

    @override
    async def replay_events_after(self, last_event_id: EventId, send_callback: EventCallback) -> StreamId | None:
        """Send what the event's stream held after it; return the stream, or None where it is not known any more."""
        last = self._events.get(last_event_id)
        if last is None or last.session is not _session.get():
            return None
        after = itertools.dropwhile(lambda event_id: event_id != last_event_id, list(self._events))
        for event_id in itertools.islice(after, 1, None):
            event = self._events.get(event_id)
            if event and event.message and (event.session, event.stream_id) == (last.session, last.stream_id):
                await send_callback(EventMessage(event.message, event_id))
        return last.stream_id
