"""The assistant, imported after the handshake and off the event loop, so that a client is answered at once."""

import asyncio
import gc
import importlib
import logging
import threading
import uuid
from collections import defaultdict
from collections.abc import AsyncGenerator, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

import anyio

from agents.calls import StartedSessions
from agents.errors import ReadroomError
from agents.settings import Settings
from agents.users import User, settings_of
from mcp_server.users import caller

if TYPE_CHECKING:
    from agents.assistant import Assistant

HEAVY_MODULES = (
    "agents.assistant",
    "agents.supervisor.graph",
    "llama_index.core.memory",
    "sqlalchemy.dialects.sqlite",
    "agents.sessions.messages",
    "bm25s",
    "agents.engine.extractive.answering",
    "agents.engine.extractive.decisions",
)
"""What the first answer imports, in this order; the first makes the assistant, which can list documents then."""
MIN_START_SECONDS = 0.25
"""Even a caller that does not wait waits this long, as `agents.assistant.MIN_OPENING_SECONDS` has it of documents."""
_logger = logging.getLogger(__name__)


class Imports(NamedTuple):
    """Imports under way on a thread."""

    first: Future[None]
    all: Future[None]

    def cancel(self) -> None:
        """End the wait of whoever waits: nothing more is imported."""
        for future in self:
            future.cancel()

    def fail(self, error: BaseException) -> None:
        """Raise the error in whoever waits."""
        for future in self:
            if not future.done():
                future.set_exception(error)


class LazyAssistant:
    """An assistant whose heavy modules are imported on a thread of their own; each user has one of their own.

    Nothing else of the server holds an assistant, so that whose documents and sessions a call meets is decided here.

    Args:
        settings: Handed to the assistant.
        assistant: A ready assistant, used as it is and closed by whoever made it.
        modules: What to import; the assistant is made as soon as the first one is there.
        refuses: Whether calls are refused that would wait too long for all others' work.
    """

    def __init__(
        self,
        settings: Settings,
        assistant: "Assistant | None" = None,
        modules: Sequence[str] = HEAVY_MODULES,
        *,
        refuses: bool = False,
    ) -> None:
        self._settings = settings
        self._refuses = refuses
        self._given = assistant
        self._modules = modules
        # By the user as a whole: whoever is given other folders has another assistant from then on.
        self._built: dict[User | None, Assistant] = {}
        self._all_started: defaultdict[User | None, StartedSessions] = defaultdict(StartedSessions)
        self._imports: Imports | None = None
        self._warming: asyncio.Task[None] | None = None
        self._abandoned = threading.Event()
        self._holders = 0

    def warm_up(self) -> None:
        """Start to import what the first answer needs, then to prepare parsing; once is enough."""
        if self._given is None and self._warming is None:
            self._warming = asyncio.create_task(self._warm_up())

    async def get(self) -> "Assistant":
        """Return the assistant once everything that it needs is imported."""
        if self._given is not None:
            return self._given
        await asyncio.shield(asyncio.wrap_future(self._started_imports().all))
        return self._assistant()

    async def get_to_list(self) -> "Assistant":
        """Return the assistant as soon as it can list documents, which needs nothing of what answers need."""
        if self._given is not None:
            return self._given
        await asyncio.shield(asyncio.wrap_future(self._started_imports().first))
        return self._assistant()

    async def get_within(self, seconds: float) -> "Assistant | None":
        """Return the assistant; None where it is not imported in time, while its import goes on."""
        try:
            return await asyncio.wait_for(self.get(), max(seconds, MIN_START_SECONDS))
        except TimeoutError:
            return None

    async def begin(
        self, same_call: str, session_id: str | None, seconds: float
    ) -> "tuple[Assistant, str | None] | str":
        """Return the assistant and the call's session, or the session alone where the assistant is not there in time.

        A call that is told to come again has this session when it comes; it is empty where servers share a database.

        Args:
            same_call: Equal for calls that are the same but for the session (`agents.calls`).
            session_id: The session that the caller named.
            seconds: How long to wait.
        """
        started = None if session_id else self._started.take(same_call)
        try:
            if assistant := await self.get_within(seconds):
                return assistant, session_id or started
            # Another server that shares the database could not know of it.
            new = "" if self._settings.database_url else str(uuid.uuid4())
            started = started or session_id or new
            return started
        finally:
            if started and started != session_id:
                self._started.leave(same_call, started)

    async def _warm_up(self) -> None:
        try:
            (await self.get()).library.warm_up()
        except ReadroomError as error:
            # The first call meets the same error and reports it.
            _logger.info("Nothing was prepared: %s", error)

    @asynccontextmanager
    async def held(self) -> AsyncGenerator[None]:
        """Keep the assistant open inside the body; it is closed when nothing holds it any more."""
        self._holders += 1
        self._abandoned.clear()
        try:
            yield
        finally:
            self._holders -= 1
            if not self._holders:
                # A killed client cancels everything around this; a half-closed assistant would log errors at length.
                with anyio.CancelScope(shield=True):
                    await self._close()

    async def _close(self) -> None:
        self._abandoned.set()
        warming, self._warming = self._warming, None
        if warming is not None:
            warming.cancel()
            await asyncio.wait({warming})
        built, self._built = self._built, {}
        # The owner's, with which the others share, was made first.
        for assistant in reversed(built.values()):
            await assistant.close()

    @property
    def _started(self) -> StartedSessions:
        return self._all_started[self._caller]

    @property
    def _caller(self) -> User | None:
        """Whoever makes the call under way, however they show it; where there are users, nobody is one unsaid."""
        user = caller.get() if self._settings.users_file else caller.get(None)
        return user and user.model_copy(update={"token_sha256": None, "subject": None})

    def _assistant(self) -> "Assistant":
        """Return the assistant of whoever makes the call under way."""
        from agents.assistant import Assistant
        from agents.jobs.admission import server_loads
        from agents.jobs.processes import Processes

        user = self._caller
        if None not in self._built:
            loads = server_loads() if self._refuses else None
            started = self._all_started[None]
            self._built[None] = Assistant(self._settings, processes=Processes(), started=started, loads=loads)
        if user not in self._built and user is not None:
            own = settings_of(user, self._settings)
            self._built[user] = Assistant(own, started=self._started, shared=self._built[None].shared)
        return self._built[user]

    def _started_imports(self) -> Imports:
        if self._imports is None or self._imports.all.cancelled():
            self._imports = Imports(Future(), Future())
            # Not a daemon: interpreters crash when they exit under a thread that is importing C extensions.
            threading.Thread(target=self._import, args=(self._imports,), name="readroom-warm-up").start()
        return self._imports

    def _import(self, imports: Imports) -> None:
        try:
            for name in self._modules:
                if self._abandoned.is_set():
                    imports.cancel()
                    return
                importlib.import_module(name)
                if not imports.first.done():
                    imports.first.set_result(None)
        except BaseException as error:  # raised again in every waiting call
            imports.fail(error)
        else:
            # Modules are never freed: walking them costs every full garbage collection 0.1 s.
            gc.collect()
            gc.freeze()
            imports.all.set_result(None)
