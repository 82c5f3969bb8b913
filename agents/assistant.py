"""One caller's call: what it may ask for, how long it waits, and where its progress goes."""
# MERGED """The one front door: opens documents and sessions, runs the agents, and loses nothing on the way."""
# MERGED """What the data folder keeps of a user's documents and questions, and forgetting it."""

import asyncio
import importlib.metadata
import math
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from pydantic import Field

from agents.documents.library import Library
from agents.documents.store import StoredDocument
from agents.engine.engine import Engine
from agents.engine.registry import EngineOpening, Opened, choose_engine
from agents.engine.tasks.reading import UpdateSummary
from agents.errors import EngineError, RequestError
from agents.jobs.single_flight import Report, SingleFlight, StillRunning, job_key
from agents.jobs.window_cache import WindowCache
from agents.language.tokens import estimate_tokens
from agents.schema import (
    MAX_QUESTION_CHARACTERS,
    Analysis,
    Answer,
    Document,
    EngineInfo,
    Frozen,
    Mode,
    Progress,
    ServerStatus,
    SessionInfo,
)
from agents.sessions.history import History
from agents.sessions.sessions import Session, SessionStore
from agents.sessions.store import StoredSession
from agents.settings import LEAST_WINDOW_TOKENS, Settings
from agents.supervisor.answer import to_analysis, to_answer, without_sources
from agents.supervisor.prefix_cache import PrefixCache
from agents.supervisor.run import Request, Run
from agents.supervisor.supervisor import Supervisor

OnProgress = Callable[[Progress], None]


class Call:
    """One caller's time limit and progress."""

    def __init__(self, wait_seconds: float, on_progress: OnProgress | None) -> None:
        self._deadline = time.monotonic() + wait_seconds
        self._on_progress = on_progress
        self.latest = Progress(fraction=0.0, message="Starting")
        self.notes: tuple[str, ...] = ()

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the caller wants a word; None: never."""
        return None if math.isinf(self._deadline) else max(0.0, self._deadline - time.monotonic())

    def report(self, progress: Progress) -> None:
        """Pass progress on to the caller."""
        self.latest = progress
        if self._on_progress:
            self._on_progress(progress)

    def part(self, start: float, end: float) -> OnProgress:
        """Return where a part of the work reports, as that share of the whole."""
        return lambda progress: self.report(
            Progress(fraction=start + (end - start) * progress.fraction, message=progress.message)
        )


def check_question(question: str) -> None:
    """Check a question's length.

    Raises:
        RequestError: It is empty or longer than 20,000 characters.
    """
    if not question.strip():
        raise RequestError("The question is empty.", hint="Write the question in one or more words.")
    if len(question) > MAX_QUESTION_CHARACTERS:
        raise RequestError(
            f"The question has {len(question):,} characters; at most {MAX_QUESTION_CHARACTERS:,} are read.",
            hint="Shorten it; hand long texts over as a document.",
        )


def check_analysis(
    mode: Mode, focus: str | None, compare_with: Sequence[str], window_tokens: int | None = None
) -> None:
    """Check that an analysis makes sense.

    Raises:
        RequestError: A comparison without a second document, a second document without a comparison, a long focus, or
            a window of fewer than 1,024 tokens.
    """
    if mode == "comparison" and not compare_with:
        raise RequestError("A comparison needs a second document.", hint="Name it in compare_with.")
    if compare_with and mode != "comparison":
        raise RequestError(f"compare_with has no place in mode {mode}.", hint="Set mode to comparison or leave it out.")
    if focus is not None and not focus.strip():
        raise RequestError("The focus is empty.", hint="Say what to look for, or leave focus out.")
    if focus is not None:
        check_question(focus)
    if window_tokens is not None and window_tokens < LEAST_WINDOW_TOKENS:
        raise RequestError(
            f"A window of {window_tokens:,} tokens is too small.", hint=f"Ask for {LEAST_WINDOW_TOKENS:,} at least."
        )


def disambiguate_titles(documents: tuple[Document, ...]) -> tuple[Document, ...]:
    """Return the documents with their names behind titles that several share, as two versions of a contract do."""
    shared = Counter(document.title for document in documents)
    return tuple(
        document
        if shared[document.title] == 1
        else document.model_copy(update={"title": f"{document.title} ({document.name})"})
        for document in documents
    )


def describe_analysis(documents: Sequence[Document], mode: Mode, focus: str | None) -> str:
    """Return the turn that an analysis is in its session."""
    titles = " and ".join(document.title for document in documents)
    return f"{mode.capitalize()} of {titles}" + (f", focus: {focus}" if focus else "")


async def session_documents(library: Library, ids: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the documents that a follow-up is about, and warnings for its caller.

    A file that was named again after it had changed stands for itself: its older text is left out. Of one that has
    changed since, the text that was read stays, and the caller is told.

    Args:
        library: Knows where the documents came from.
        ids: Of the session's documents.
    """
    now = {document_id: await library.held_now(document_id) for document_id in ids}
    current = {held.document_id for files in now.values() for held in files}
    kept: list[str] = []
    warnings: list[str] = []
    for document_id, files in now.items():
        if document_id in current or not files:
            kept.append(document_id)
        elif not any(held.document_id in now for held in files):
            kept.append(document_id)
            warnings.append(f"{files[0].path} has changed since it was read. Name it again to have its new text read.")
    return tuple(kept), tuple(warnings)


HISTORY_WITHOUT_CONTEXT = 8_192
"""Tokens of history that an engine without a context is given."""
KNOWN_OPENS_SECONDS = 0.25
"""So long a caller waits for documents that are known, however little it wants to wait."""
OPENING_SHARE = 0.1
"""Share of a call's progress that opening the documents takes."""
ResponseT = TypeVar("ResponseT", Answer, Analysis)


class Assistant:
    """Answers questions and analyses documents. Cheap to make: every part is opened when it is first needed.

    Args:
        settings: All settings.
        engine: Answers in place of the one that the settings choose; whoever opened it closes it.
    """

    def __init__(self, settings: Settings, engine: Engine | None = None) -> None:
        self._settings = settings
        self._engine = EngineOpening(settings.engine, settings.data_dir, engine)
        self._warmth = PrefixCache(settings.engine)

    @property
    def settings(self) -> Settings:
        """All settings."""
        return self._settings

    async def engine(self, on_progress: OnProgress) -> Opened:
        """Return the engine that answers, waiting for its start as long as it takes."""
        return await self._engine.engine(None, on_progress)

    async def ask(
        self,
        question: str,
        documents: Sequence[str] = (),
        session_id: str | None = None,
        wait_seconds: float | None = None,
        on_progress: OnProgress | None = None,
    ) -> Answer:
        """Answer a question from documents, with quotes that were checked.

        Args:
            question: 1 to 20,000 characters.
            documents: Absolute paths or document ids; none: the session's own.
            session_id: The session to continue; None starts one.
            wait_seconds: How long to wait; then `status` is "running" and the same call finds the work again.
                None takes the setting, infinity waits as long as it takes.
            on_progress: Told how far the work has come.

        Raises:
            RequestError: The question is empty or too long, or no document is named.
            SessionError: The session id is unknown, malformed or expired.
            DocumentError: A document cannot be opened.
        """
        check_question(question)
        call = self._call(wait_seconds, on_progress)
        session = await self._session(session_id)
        own = () if documents else await session.document_ids()
        named, warnings = await session_documents(self._library, own)
        opened = await self._open(documents or named, call)
        if opened is None:
            return Answer(question=question, **await self._running(session, call))
        engine = await self._engine.engine(call.seconds_left, call.report)
        history = await self._history(session, engine) if session_id else History()
        request = Request(question.strip(), opened, history)
        run = await self._run("ask", request, engine, call)
        await session.add_documents([document.document_id for document in opened])
        if run is None:
            return Answer(question=question, **await self._running(session, call))
        answer = to_answer(run, SessionInfo(session_id=session.session_id), opened)
        answer = answer.model_copy(update={"warnings": (*warnings, *answer.warnings)})
        return await self._record(session, question.strip(), answer)

    async def analyze(
        self,
        document: str,
        mode: Mode = "summary",
        focus: str | None = None,
        compare_with: Sequence[str] = (),
        window_tokens: int | None = None,
        session_id: str | None = None,
        wait_seconds: float | None = None,
        on_progress: OnProgress | None = None,
    ) -> Analysis:
        """Analyse a whole document, or compare it with others.

        Args:
            document: An absolute path or a document id.
            mode: summary, detailed, comparison (needs `compare_with`) or extraction.
            focus: What to look for above all; in an extraction, what to extract.
            compare_with: Absolute paths or document ids.
            window_tokens: Tokens read at once, as far as the engine's context holds them; None takes the setting.
            session_id: The session to continue; None starts one.
            wait_seconds: As in `ask`.
            on_progress: Told how far the work has come.

        Raises:
            RequestError: A comparison without a second document, a focus that is too long, or a window that is too
                small.
            SessionError: The session id is unknown, malformed or expired.
            DocumentError: A document cannot be opened.
        """
        check_analysis(mode, focus, compare_with, window_tokens)
        call = self._call(wait_seconds, on_progress)
        session = await self._session(session_id)
        opened = await self._open([document, *compare_with], call)
        if opened is None:
            return Analysis(mode=mode, focus=focus, **await self._running(session, call))
        engine = await self._engine.engine(call.seconds_left, call.report)
        asked = describe_analysis(opened, mode, focus)
        request = Request(asked, opened, mode=mode, focus=focus, window_tokens=window_tokens)
        run = await self._run("analyze", request, engine, call)
        await session.add_documents([document.document_id for document in opened])
        if run is None:
            return Analysis(mode=mode, focus=focus, **await self._running(session, call))
        return await self._record(session, asked, to_analysis(run, SessionInfo(session_id=session.session_id), opened))

    async def document_text(self, document_id: str, page: int | None = None) -> str:
        """Return a document's text, or one page of it.

        Raises:
            DocumentError: There is no such document in the library.
            RequestError: There is no such page.
        """
        document = await self._library.get(document_id)
        if page is None:
            return document.text
        found = next((each for each in document.pages if each.number == page), None)
        if found is None:
            raise RequestError(f"{document.title} has no page {page}.", hint=f"It has {len(document.pages)} pages.")
        return document.text[found.start : found.end]

    async def transcript(self, session_id: str) -> str:
        """Return a session's turns as Markdown, archived ones too.

        Raises:
            SessionError: The session id is unknown, malformed or expired.
        """
        turns = await (await self._sessions.open(session_id)).transcript()
        return "\n\n".join(f"## {turn.question}\n\n{turn.answer}" for turn in turns) or "No turns yet."

    @property
    def library(self) -> Library:
        """Every document that was opened."""
        return self._library

    async def status(self) -> ServerStatus:
        """Return what the server has and would use."""
        current = self._engine.current
        return ServerStatus(
            version=importlib.metadata.version("readroom"),
            data_dir=str(self._settings.data_dir),
            engine=current.info if current else None,
            engine_reason=choose_engine(self._settings.engine, self._settings.data_dir).reason,
            documents=await self._library.count(),
            sessions=await self._sessions.count_sessions(),
        )

    async def close(self) -> None:
        """Cancel what is running and close every part that was opened."""
        for part in ("_openings", "_runs", "_sessions", "_store", "_library"):
            if opened := self.__dict__.get(part):
                await opened.close()
        await self._engine.close()

    @cached_property
    def _library(self) -> Library:
        return Library(self._settings.documents, self._settings.ready_data_dir())

    @cached_property
    def _store(self) -> WindowCache:
        return WindowCache(self._settings.ready_data_dir())

    @cached_property
    def _runs(self) -> SingleFlight:
        return SingleFlight()

    @cached_property
    def _openings(self) -> SingleFlight:
        # Files change: what was opened is not handed to later callers, the library sees to their speed.
        return SingleFlight(claim_seconds=0.0)

    @cached_property
    def _sessions(self) -> SessionStore:
        return SessionStore(self._settings.memory, self._settings.ready_data_dir(), self._count_tokens, self._digest)

    @cached_property
    def _supervisor(self) -> Supervisor:
        return Supervisor(self._library, self._store, self._settings.supervisor)

    def _count_tokens(self, text: str) -> int:
        engine = self._engine.current
        return engine.count_tokens(text) if engine else estimate_tokens(text)

    async def _digest(self, summary: str, turns: tuple[str, ...]) -> str:
        engine = self._engine.current
        if engine is None:
            raise EngineError("No engine is open.", hint="The rule-based summary serves instead.")
        return (await engine.run(UpdateSummary(summary=summary, turns=turns))).result.summary

    async def _session(self, session_id: str | None) -> Session:
        return await (self._sessions.open(session_id) if session_id else self._sessions.create())

    def _call(self, wait_seconds: float | None, on_progress: OnProgress | None) -> Call:
        return Call(self._settings.server.wait_seconds if wait_seconds is None else wait_seconds, on_progress)

    async def _open(self, sources: Sequence[str], call: Call) -> tuple[Document, ...] | None:
        """Open the documents; None where the call's time ran out first, while the opening goes on."""
        if not sources:
            raise RequestError(
                "No document is named, and the session has none.",
                hint="Name at least one: an absolute path, or a document_id of an earlier result.",
            )

        async def work(tell: Report) -> tuple[Document, ...]:
            documents: list[Document] = []
            for number, source in enumerate(dict.fromkeys(sources)):
                tell(Progress(fraction=number / len(sources), message=f"Opening {source}"))
                documents.append(await self._library.open(source))
            return disambiguate_titles(tuple({document.document_id: document for document in documents}.values()))

        key = job_key(task="open", sources=list(sources))
        # What was opened is known the next time, and then opens at once; who never waits must get past it, too.
        wait = None if call.seconds_left is None else max(call.seconds_left, KNOWN_OPENS_SECONDS)
        opened = await self._openings.join(key, work, wait_seconds=wait, on_progress=call.part(0.0, OPENING_SHARE))
        return None if isinstance(opened, StillRunning) else opened

    async def _history(self, session: Session, opened: Opened) -> History:
        """Return the conversation: the running summary and the turns since; the run fits it into its prompts."""
        limit = None if opened.engine.info.context_tokens else HISTORY_WITHOUT_CONTEXT
        summary, turns = await session.summary(), await session.history(limit)
        plain = [turn.model_copy(update={"answer": without_sources(turn.answer)}) for turn in turns]
        return await asyncio.to_thread(History.of, summary, plain, self._sessions.count)

    async def _run(self, task: str, request: Request, opened: Opened, call: Call) -> Run | None:
        """Run a request, or join the same one under way; None where the call's time ran out first."""
        ids = [document.document_id for document in request.documents]
        key = job_key(
            task=task,
            question=request.question,
            documents=ids,
            history=request.history.as_text(),
            mode=request.mode,
            focus=request.focus,
            window=request.window_tokens,
            engine=[opened.engine.info.name, opened.engine.info.model],
        )

        async def work(tell: Report) -> Run:
            run = self._supervisor.start(request, opened.engine, tell, prefix_cached=self._warmth.has(opened, ids))
            run.warnings.extend([opened.warning] if opened.warning else [])
            await self._supervisor.complete(run)
            self._warmth.note(run, ids)
            return run

        done = await self._runs.join(
            key, work, wait_seconds=call.seconds_left, on_progress=call.part(OPENING_SHARE, 1.0)
        )
        if isinstance(done, StillRunning):
            call.notes = done.notes
            return None
        return done

    async def _record(self, session: Session, question: str, response: ResponseT) -> ResponseT:
        """Record the turn before it is handed out, so that nothing that was answered is lost."""
        await session.add_turn(question, response.markdown)
        return response.model_copy(update={"session": await session.info()})

    async def _running(self, session: Session, call: Call) -> dict[str, Any]:
        """Return what is known while the work goes on."""
        known = "\n".join(f"- {note}" for note in call.notes)
        message = (
            f"Still working: {call.latest.message} ({call.latest.fraction:.0%}). Make the same call again to get the "
            f"result; the work goes on meanwhile."
        )
        engine = self._engine.current
        return {
            "status": "running",
            "markdown": f"{message}\n\nNoted so far:\n{known}" if known else message,
            "progress": call.latest,
            "session": await session.info(),
            "engine": engine.info if engine else EngineInfo(name="starting"),
        }


class StoredData(Frozen):
    """Everything that is kept: sessions, the one last used first, and documents by title."""

    sessions: tuple[StoredSession, ...]
    documents: tuple[StoredDocument, ...]


class Forgotten(Frozen):
    """What was forgotten."""

    sessions: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    still_quoted_in: tuple[str, ...] = Field(
        default=(), description="Sessions that are kept and were about one of the documents: their answers quote it."
    )
    still_logged: bool = Field(
        default=False, description="Whether another process has the folder open, whose log may hold what was forgotten."
    )


async def list_stored(settings: Settings) -> StoredData:
    """Return all that is kept.

    Raises:
        SessionError: The sessions cannot be read.
        DocumentError: The library cannot be read.
    """
    async with _stores(settings) as (sessions, library, _):
        return StoredData(sessions=await sessions.sessions(), documents=await library.kept())


async def forget(settings: Settings, names: Sequence[str]) -> Forgotten:
    """Delete sessions and documents from the disk, all that are named or none; nobody's files are touched.

    A server that runs keeps what it has read in its memory until it ends.

    Args:
        settings: Say where the data folder is.
        names: A session_id, a document_id or the path of a file that was read; none: everything.

    Raises:
        RequestError: Nothing is kept by one of the names.
        SessionError: The sessions cannot be written.
        DocumentError: The library cannot be written.
    """
    async with _stores(settings) as (store, library, results):
        every = StoredData(sessions=await store.sessions(expired=True), documents=await library.kept())
        chosen = [_called(name, every) for name in names] if names else [every]
        sessions = list(dict.fromkeys(each.session_id for found in chosen for each in found.sessions))
        documents = list(dict.fromkeys(each.document_id for found in chosen for each in found.documents))
        for session_id in sessions:
            await store.forget(session_id)
        for document_id in documents:
            await library.forget(document_id)
        await results.erase()
    quoting = [
        each.session_id
        for each in every.sessions
        if each.session_id not in sessions and not set(documents).isdisjoint(each.document_ids)
    ]
    logged = any(log.stat().st_size for log in settings.data_dir.glob("*-wal"))
    return Forgotten(
        sessions=tuple(sessions), documents=tuple(documents), still_quoted_in=tuple(quoting), still_logged=logged
    )


def _called(name: str, every: StoredData) -> StoredData:
    """Return what a name stands for: of a file, every version that was read."""
    named, path = name.strip().lower(), _path(name)
    sessions = tuple(each for each in every.sessions if each.session_id == named)
    documents = tuple(each for each in every.documents if each.document_id == named or path in each.paths)
    if not sessions and not documents:
        raise RequestError(
            f"Nothing is kept of {name}.", hint="`readroom sessions` and `readroom documents` list what is."
        )
    return StoredData(sessions=sessions, documents=documents)


def _path(name: str) -> str:
    try:
        return str(Path(name).expanduser().resolve())
    except (OSError, RuntimeError, ValueError):
        return name


@asynccontextmanager
async def _stores(settings: Settings) -> AsyncGenerator[tuple[SessionStore, Library, WindowCache]]:
    folder = settings.ready_data_dir()
    sessions = SessionStore(settings.memory, folder, estimate_tokens)
    library, results = Library(settings.documents, folder), WindowCache(folder)
    try:
        yield sessions, library, results
    finally:
        await sessions.close()
        await library.close()
        await results.close()
