"""The front door: ask questions about documents, analyse them, read in them.

Assistant             ask(), analyze(), and what else a caller may want
check_question, ...   what a call is checked for before anything is opened
"""

import asyncio
import importlib.metadata
import time
from collections import Counter
from collections.abc import AsyncGenerator, Container, Sequence
from contextlib import asynccontextmanager, suppress
from functools import cached_property
from typing import Any, NamedTuple, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from agents import evidence, reading, telemetry
from agents.calls import Call, StartedSessions, WaitOverError, analysis_key, ask_key
from agents.documents.collection import Collection, collect, open_source
from agents.documents.library import Library, Parsing
from agents.engine.engine import Engine
from agents.engine.registry import ActiveEngine, LazyEngine
from agents.engine.tasks.reading import UpdateSummary
from agents.errors import RequestError, SessionError
from agents.escaping import as_markdown
from agents.grounding.normalization import forget_long_texts
from agents.jobs.admission import Admission, Loads, Task
from agents.jobs.claims import Claims
from agents.jobs.processes import Processes
from agents.jobs.shared_runs import SharedRuns
from agents.jobs.single_flight import ReportProgress, SingleFlight, StillRunning, job_key
from agents.jobs.window_cache import WindowCache
from agents.language.tokens import estimate_tokens
from agents.markdown import name_titles, without_sources
from agents.resident import Resident
from agents.schema import (
    MAX_QUESTION_CHARACTERS,
    SAID_ELSEWHERE,
    STARTING,
    Analysis,
    Answer,
    Document,
    DocumentList,
    DocumentText,
    EngineInfo,
    EvidencePage,
    Mode,
    OnProgress,
    Progress,
    ServerStatus,
)
from agents.sessions.history import History
from agents.sessions.sessions import Session, SessionStore
from agents.settings import MIN_WINDOW_TOKENS, Settings
from agents.stored_data import StoredNames
from agents.supervisor.answer import opened_by, to_response
from agents.supervisor.other_process import OtherProcess
from agents.supervisor.run import Request
from agents.supervisor.supervisor import PrefixCache, Supervisor

HISTORY_WITHOUT_CONTEXT = 8_192
"""Tokens of history for an engine that has no context window."""
MIN_OPENING_SECONDS = 0.25
"""Even a caller that does not wait waits this long for documents, which is enough for those that were opened before."""
MAX_NOTES = 20
"""Notes of work under way that a poll shows."""
NAMED_DOCUMENTS = 50
"""Of more documents a question is answered from those that hold the best passages; as many as a call may name."""
READ_DOCUMENTS = 20
"""Passages that choose these documents; two and a half times as many as are read."""
ANALYSED_DOCUMENTS = 20
"""Documents of a folder that one analysis reads."""
OPENING_SHARE = 0.1
"""Share of a call's progress that opening the documents takes."""
ResponseT = TypeVar("ResponseT", Answer, Analysis)
_RESULTS: TypeAdapter[Answer | Analysis] = TypeAdapter(Answer | Analysis)


class Shared(NamedTuple):
    """What the assistants of one process's users have in common. Nothing of it holds what belongs to one of them."""

    engine: LazyEngine
    processes: Processes | None
    parsing: Parsing
    claims: Claims
    loads: Loads | None


class Assistant:
    """Answers questions and analyses documents. Cheap to make: every part is opened when it is first needed.

    Args:
        settings: All settings.
        engine: Answers in place of the one that the settings choose; whoever opened it closes it.
        processes: Read long documents, so that no other call waits behind that; closed with the assistant. None: this
            process reads them, which suits one caller.
        started: Sessions that calls were given before the assistant was made.
        shared: What it has in common with another user's assistant, which is closed later.
        loads: The work of all who share the server, by which calls are refused; None: none is.
    """

    def __init__(
        self,
        settings: Settings,
        engine: Engine | None = None,
        processes: Processes | None = None,
        started: StartedSessions | None = None,
        shared: Shared | None = None,
        loads: Loads | None = None,
    ) -> None:
        self.settings = settings
        self._shared = shared
        self._loads = shared.loads if shared else loads
        self._engine = shared.engine if shared else LazyEngine(settings.engine, settings.data_dir, engine)
        self._processes = shared.processes if shared else processes
        self._runs = SingleFlight()
        server = settings.server
        self._admission = Admission(server.max_runs, self._loads, server.wait_seconds, lambda: self._window_cache)
        # A file may change, so what was opened is not handed to later callers; the library makes reopening fast.
        self._openings = SingleFlight(claim_seconds=0.0)
        self._started = StartedSessions() if started is None else started
        self._resident = Resident()
        self._calls: Counter[str] = Counter()
        """Those that are waited for, by what is equal for calls that are the same."""

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
            documents: Absolute paths of files and folders, or document ids; none: the session's own.
            session_id: The session to continue; None starts one.
            wait_seconds: How long to wait; then `status` is "running" and the same call finds the work again.
                None takes the setting, infinity waits as long as it takes.
            on_progress: Told how far the work has come.

        Raises:
            RequestError: The question is empty or too long, or no document is named.
            SessionError: The session id is unknown, malformed or expired.
            DocumentError: A document cannot be opened.
            BusyError: Too much is being worked on already.
        """
        check_question(question)
        same_call = ask_key(question, documents)
        async with self._call("ask", same_call, session_id, wait_seconds, on_progress) as call:
            sources, warnings = (documents, ()) if documents else await self._session_documents(call.session)
            try:
                collection = await self._collect(sources, call, self.settings.documents.folder_documents)
                warnings = await self._outdated(documents, collection.documents) if documents else warnings
                engine = await self._engine.active(call.seconds_left, call.report)
                history = await self._history(call.session, engine) if session_id else History()
                opened, others = await self._choose(collection, question, history)
                request = Request(question.strip(), opened, history, others=others)
                answered = await self._run("ask", request, engine, call, collection)
            except WaitOverError:
                return Answer(question=question, **await self._still_running(call))
            answer = opened_by(cast("Answer", answered), opened, call.session.session_id)
            answer = answer.model_copy(update={"warnings": (*warnings, *collection.warnings, *answer.warnings)})
            return await self._record(call.session, question.strip(), answer)

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
            document: An absolute path or a document id; of a folder, the 20 newest documents are read.
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
            BusyError: Too much is being worked on already.
        """
        check_analysis(mode, focus, compare_with, window_tokens, several=await self.library.is_folder(document))
        documents = [document, *compare_with]
        same_call = analysis_key(documents, mode, focus, window_tokens)
        async with self._call("analyze", same_call, session_id, wait_seconds, on_progress) as call:
            try:
                collection = await self._collect(documents, call, ANALYSED_DOCUMENTS)
                outdated = await self._outdated(documents, collection.documents)
                opened = disambiguate_titles(await collection.load(self.library))
                if mode == "comparison" and not compare_with and len(opened) == 1:
                    raise RequestError(f"{document} holds only one document.", hint="Name another in compare_with.")
                engine = await self._engine.active(call.seconds_left, call.report)
                asked = describe_analysis(opened, mode, focus)
                request = Request(asked, opened, mode=mode, focus=focus, window_tokens=window_tokens)
                analysed = await self._run("analyze", request, engine, call, collection)
            except WaitOverError:
                return Analysis(mode=mode, focus=focus, **await self._still_running(call))
            analysis = opened_by(cast("Analysis", analysed), opened, call.session.session_id)
            analysis = analysis.model_copy(update={"warnings": (*outdated, *collection.warnings, *analysis.warnings)})
            return await self._record(call.session, asked, analysis)

    async def list_documents(
        self, folder: str | None = None, query: str | None = None, cursor: str | None = None
    ) -> DocumentList:
        """Return the documents that may be read; arguments and errors as in `agents.reading.list_documents`."""
        return await reading.list_documents(self.library, folder, query, cursor)

    async def complete_document(self, typed: str, *, ids: bool) -> list[str]:
        """Return what a half-typed document may become; arguments as in `agents.reading.complete_document`."""
        return await reading.complete_document(self.library, typed, ids=ids)

    async def read_document(
        self,
        document: str,
        pages: str | None = None,
        section: str | None = None,
        find: str | None = None,
        cursor: str | None = None,
        on_progress: OnProgress | None = None,
    ) -> DocumentText:
        """Return a part of a document in its own words, or where given words stand in it.

        Args:
            document: An absolute path or a document id.
            pages: As in `agents.reading.read_document`, whose errors are raised, too.
            section: The same.
            find: The same.
            cursor: The same.
            on_progress: Told how far a new document's opening has come.

        Raises:
            RequestError: Opening it takes longer than a call waits; it goes on, and the same call finds it.
            DocumentError: It cannot be opened.
        """

        async def work(report: ReportProgress) -> Document:
            return await open_source(
                self.library, document, lambda done, message: report(Progress(fraction=done, message=message))
            )

        wait = self.settings.server.wait_seconds
        key = job_key(task="open one", source=document)
        opened = await self._openings.join(key, work, wait_seconds=wait, on_progress=on_progress)
        if isinstance(opened, StillRunning):
            raise RequestError(f"Still working: {opened.progress.message}.", hint="Make the same call again.")
        try:
            part = await reading.read_document(self.library, opened, pages, section, find, cursor)
            outdated = await self._outdated((document,), {opened.document_id})
            return part.model_copy(update={"notes": (*outdated, *part.notes)})
        finally:
            if not self._calls:
                await asyncio.to_thread(self._give_back_memory)

    async def document_text(self, document_id: str, page: int | None = None) -> str:
        """Return a document's text, or one page of it.

        Raises:
            DocumentError: There is no such document in the library.
            RequestError: There is no such page.
        """
        document = await self.library.get(document_id)
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
            DocumentError: The session quotes a document that may not be read here: another server may have opened it.
        """
        turns = await (await self._readable_session(session_id)).transcript()
        return "\n\n".join(f"## {as_markdown(turn.question)}\n\n{turn.answer}" for turn in turns) or "No turns yet."

    async def result(self, session_id: str, number: int) -> Answer | Analysis | None:
        """Return a result that was stored; None if there is none of this number.

        Raises:
            SessionError: The session is unknown or expired, or cannot be read.
            DocumentError: As in `transcript`.
            pydantic.ValidationError: Another version wrote it in a form of its own.
        """
        stored = await (await self._readable_session(session_id)).result(number)
        return _RESULTS.validate_json(stored) if stored else None

    async def results(self, session_id: str) -> tuple[Answer | Analysis, ...]:
        """Return the stored results of a session, oldest first, but those that another version wrote in its own form.

        Raises:
            SessionError: The session is unknown or expired, or cannot be read.
            DocumentError: As in `transcript`.
        """
        found: list[Answer | Analysis] = []
        for stored in await (await self._readable_session(session_id)).results():
            with suppress(ValidationError):
                found.append(_RESULTS.validate_json(stored))
        return tuple(found)

    async def show_page(self, document_id: str, page: int, quotes: Sequence[evidence.Bounds] = ()) -> EvidencePage:
        """Return a page with quotes marked on it; arguments and errors as in `agents.evidence.show_page`."""
        return await evidence.show_page(self.library, document_id, page, quotes)

    async def page_numbers(self, document_id: str) -> list[str]:
        """Return the numbers of a document's pages.

        Raises:
            DocumentError: There is no such document in the library.
        """
        return [str(page.number) for page in (await self.library.get(document_id)).pages]

    async def stored(self) -> StoredNames:
        """Return the opened documents that may be read here, last opened first, and the sessions, last used first."""
        return StoredNames(await self.library.opened_documents(), await self._sessions.sessions())

    async def status(self) -> ServerStatus:
        """Return what the server has and would use."""
        current = self._engine.current
        return ServerStatus(
            version=importlib.metadata.version("readroom"),
            data_dir=str(self.settings.data_dir),
            engine=current.info if current else None,
            engine_reason=self._engine.choice().reason,
            documents=await self.library.count(),
            sessions=await self._sessions.count_sessions(),
        )

    async def engine(self, on_progress: OnProgress) -> ActiveEngine:
        """Return the engine that answers, waiting for its start as long as it takes."""
        return await self._engine.active(None, on_progress)

    @cached_property
    def library(self) -> Library:
        """Every document that was opened."""
        url = self.settings.database_url
        parsing = self._shared and self._shared.parsing
        return Library(self.settings.documents, self.settings.ready_data_dir(), database_url=url, parsing=parsing)

    @property
    def shared(self) -> Shared:
        """What other users' assistants may have in common with this one."""
        claims = self._window_cache.claims
        return Shared(self._engine, self._processes, self.library.parsing, claims, self._loads)

    async def close(self) -> None:
        """Cancel what is running and close every part that was opened."""
        await self._openings.close()
        await self._runs.close()
        if self._processes and not self._shared:
            await self._processes.close()
        for part in ("_sessions", "_window_cache", "library"):
            if opened := self.__dict__.get(part):
                await opened.close()
        if not self._shared:
            await self._engine.close()

    @asynccontextmanager
    async def _call(
        self,
        task: Task,
        same_call: str,
        session_id: str | None,
        wait_seconds: float | None,
        on_progress: OnProgress | None,
    ) -> AsyncGenerator[Call]:
        """Start the call's clock, then continue its session or start one, which the next poll of the call is given.

        Args:
            task: What is asked for.
            same_call: Equal for calls that are the same but for the session.
            session_id: The session to continue.
            wait_seconds: As in `ask`.
            on_progress: As in `ask`.

        Raises:
            BusyError: It would begin work, and there is too much already.
        """
        deadline = time.monotonic() + (self.settings.server.wait_seconds if wait_seconds is None else wait_seconds)
        left = None if session_id else await self._sessions.take(same_call)
        started = session_id is not None and self._started.discard(session_id)
        # Whoever is given a session that waited for this call was told to make it.
        if not (left or started or self._calls[same_call]):
            await self._admission.check(task, same_call)
        with self._admission.beginning(task, same_call) as beginning:
            if session_id and not started:
                session = await self._sessions.open(session_id)
            else:
                session = left or await self._sessions.create(session_id)
            call = Call(same_call, session, deadline, on_progress, beginning)
            self._calls[same_call] += 1
            try:
                yield call
            except asyncio.CancelledError:
                call.waits = True
                raise
            finally:
                self._calls -= Counter((same_call,))
                if call.waits and session.is_new:
                    with suppress(SessionError):
                        # The work is found again in any case, if in another session.
                        await self._sessions.leave(same_call, session)
                if not self._calls:
                    await asyncio.to_thread(self._give_back_memory)

    def _give_back_memory(self) -> None:
        forget_long_texts()
        self._resident.give_back()

    async def _readable_session(self, session_id: str) -> Session:
        """Open a session of whose documents each may be read here."""
        session = await self._sessions.open(session_id)
        await self.library.check_readable(await session.document_ids())
        return session

    async def _session_documents(self, session: Session) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the documents that a follow-up is about, and warnings for its caller.

        A file that was named again after it had changed stands for itself: its older text is left out.
        """
        return await self._up_to_date(await session.document_ids())

    async def _outdated(self, sources: Sequence[str], documents: Container[str]) -> tuple[str, ...]:
        """Return what to warn of where documents are named by their id, and their files hold something else by now."""
        named = [source for source in map(str.strip, sources) if source in documents]
        _, warnings = await self._up_to_date(named) if named else ((), ())
        return warnings

    async def _up_to_date(self, document_ids: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return documents without those whose file's newer text is among them, and what to warn of.

        Of a file that has changed since, the text that was read is used, and the caller is warned.
        """
        files = await self.library.current_contents(document_ids)
        current = {held.document_id for held_now in files.values() for held in held_now}
        used: list[str] = []
        warnings: list[str] = []
        for document_id, held_now in files.items():
            if document_id in current or not held_now:
                used.append(document_id)
            elif not any(held.document_id in files for held in held_now):
                used.append(document_id)
                changed = held_now[0].path
                warnings.append(f"{changed} has changed since it was read. Name it again to have its new text read.")
        return tuple(used), tuple(warnings)

    async def _collect(self, sources: Sequence[str], call: Call, limit: int) -> Collection:
        """Open the documents, of a folder at most `limit`; where the time runs out first, the opening goes on."""
        if not sources:
            raise RequestError(
                "No document is named, and the session has none.",
                hint="Name at least one: an absolute path of a file or a folder, or a document_id; list_documents "
                "shows which there are.",
            )

        async def work(report: ReportProgress) -> Collection:
            return await collect(self.library, sources, limit, report)

        wait = None if call.seconds_left is None else max(call.seconds_left, MIN_OPENING_SECONDS)
        key = job_key(task="open", sources=list(sources), limit=limit)
        opened = await self._openings.join(key, work, wait_seconds=wait, on_progress=call.part(0.0, OPENING_SHARE))
        if isinstance(opened, StillRunning):
            raise WaitOverError
        return opened

    async def _choose(
        self, collection: Collection, question: str, history: History
    ) -> tuple[tuple[Document, ...], int]:
        """Return the documents that a question is to be answered from, and how many others were searched.

        Of more documents than a call names one by one, these are the ones that hold the passages which match best: to
        the question, and where it goes on from another, to both together.
        """
        ids = list(collection.documents)
        if len(ids) > NAMED_DOCUMENTS:
            before = [turn.question for turn in history.turns[-1:]]
            queries = dict.fromkeys([question, " ".join([*before, question])])
            hits = [hit for query in queries for hit in await self.library.search(query, ids, READ_DOCUMENTS)]
            ids = list(dict.fromkeys(hit.passage.document_id for hit in hits))
        documents = disambiguate_titles(await collection.load(self.library, ids))
        return documents, len(collection.documents) - len(documents)

    async def _history(self, session: Session, opened: ActiveEngine) -> History:
        """Return the running summary and the turns since; the run fits them into its prompts."""
        limit = None if opened.engine.info.context_tokens else HISTORY_WITHOUT_CONTEXT
        summary, turns = await session.summary(), await session.history(limit)
        plain = [turn.model_copy(update={"answer": without_sources(turn.answer)}) for turn in turns]
        return await asyncio.to_thread(History.of, summary, plain, self._sessions.count)

    async def _run(
        self, task: Task, request: Request, opened: ActiveEngine, call: Call, collection: Collection
    ) -> Answer | Analysis:
        """Run a request, or join the same one in flight; where the call's time runs out first, the run goes on."""
        ids = [document.document_id for document in request.documents]
        key = job_key(
            task=task,
            question=request.question,
            documents=ids,
            history=request.history.as_text(),
            mode=request.mode,
            focus=request.focus,
            window=request.window_tokens,
            others=request.others,
            engine=[opened.engine.info.name, opened.engine.info.model],
        )

        async def work(report: ReportProgress) -> Answer | Analysis:
            with self._admission.working(task, call.same_call), telemetry.running(task):
                call.begin()
                cached = await self._prefix_cache.has(opened.engine, ids)
                completed = await self._supervisor.run(request, opened.engine, report, prefix_cached=cached)
            telemetry.judged(completed.state["judgement"].drafted, len(completed.state["judgement"].claims))
            completed.run.warn(*([opened.warning] if opened.warning else []))
            await self._prefix_cache.note(completed.run, ids)
            return await asyncio.to_thread(to_response, completed)

        async def shared(report: ReportProgress) -> Answer | Analysis:
            result: type[Answer | Analysis] = Answer if task == "ask" else Analysis
            # Another version may answer otherwise.
            key_here = f"{importlib.metadata.version('readroom')} {key}"
            return await SharedRuns(self._window_cache).run(key_here, result, work, report)

        perform = shared if self._window_cache.is_shared else work
        report = call.part(OPENING_SHARE, 1.0)
        if self._runs.is_in_flight(key):
            call.begin()
        run = await self._runs.join(key, perform, wait_seconds=call.seconds_left, on_progress=report)
        with suppress(SessionError):
            # What cannot be kept is said where the turn is not kept.
            await call.session.add_documents(list(collection.documents))
        if isinstance(run, StillRunning):
            call.notes = run.notes
            raise WaitOverError
        return run

    async def _still_running(self, call: Call) -> dict[str, Any]:
        """Return the fields of a response that says how far the work has come, and that promises the rest."""
        call.waits = True
        await self._admission.promise(call.same_call, begun=call.begun)
        notes = "\n".join(f"- {as_markdown(note)}" for note in call.notes[-MAX_NOTES:])
        message = (
            f"Still working: {as_markdown(call.latest.message)} ({call.latest.fraction:.0%}). Make the same call again "
            "to get the result; the work goes on meanwhile."
        )
        if notes:
            heading = "Noted so far:" if len(call.notes) <= MAX_NOTES else f"The last {MAX_NOTES} notes so far:"
            message = f"{message}\n\n{heading}\n{notes}"
        engine = self._engine.current
        return {
            "status": "running",
            "markdown": message,
            "message": message,
            "progress": call.latest,
            "session": await call.session.info(),
            "engine": engine.info if engine else EngineInfo(name=STARTING),
        }

    async def _record(self, session: Session, question: str, response: ResponseT) -> ResponseT:
        """Store the turn and its result before they are handed out, so that nothing that was answered is lost.

        Where they cannot be stored, as on a full disk, the response says so.
        """
        if self._shared:
            # They would tell that somebody else has had the same text read.
            usage = response.usage.model_copy(update={"cached_tokens": 0})
            response = response.model_copy(update={"usage": usage})
        try:
            await session.add_turn(question, response.markdown)
            info = await session.info()
            number = await session.add_result(response.model_dump_json(exclude=SAID_ELSEWHERE))
            return response.model_copy(update={"session": info.model_copy(update={"result": number})})
        except SessionError as error:
            lost = f"This answer was not kept, and the next question will not know of it: {error}"
            return response.model_copy(update={"warnings": (*response.warnings, lost)})

    @cached_property
    def _sessions(self) -> SessionStore:
        return SessionStore(
            self.settings.memory,
            self.settings.ready_data_dir(),
            self._count_tokens,
            self._update_summary,
            database_url=self.settings.database_url,
        )

    @cached_property
    def _window_cache(self) -> WindowCache:
        url = self.settings.database_url
        claims = self._shared and self._shared.claims
        return WindowCache(self.settings.ready_data_dir(), database_url=url, claims=claims)

    @cached_property
    def _prefix_cache(self) -> PrefixCache:
        return PrefixCache(self.settings.engine, self._window_cache)

    @cached_property
    def _supervisor(self) -> Supervisor:
        settings, processes = self.settings, self._processes
        stored = settings.ready_data_dir(), settings.database_url
        elsewhere = OtherProcess(processes, *stored, settings.documents) if processes else None
        return Supervisor(self.library, self._window_cache, settings.supervisor, elsewhere=elsewhere)

    def _count_tokens(self, text: str) -> int:
        engine = self._engine.current
        return engine.count_tokens(text) if engine else estimate_tokens(text)

    async def _update_summary(self, summary: str, turns: tuple[str, ...]) -> str:
        engine = self._engine.current
        if engine is None or not engine.info.generative:
            return ""  # The sessions' own rule sums up as well.
        return (await engine.run(UpdateSummary(summary=summary, turns=turns))).result.summary


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
    mode: Mode,
    focus: str | None,
    compare_with: Sequence[str],
    window_tokens: int | None = None,
    *,
    several: bool = False,
) -> None:
    """Check that an analysis makes sense; `several`: whether a folder is named in place of one document.

    Raises:
        RequestError: A comparison without a second document, a second document without a comparison, a long focus, or
            a window of fewer than 1,024 tokens.
    """
    if mode == "comparison" and not compare_with and not several:
        raise RequestError("A comparison needs a second document.", hint="Name it in compare_with.")
    if compare_with and mode != "comparison":
        raise RequestError(f"compare_with has no place in mode {mode}.", hint="Set mode to comparison or leave it out.")
    if focus is not None and not focus.strip():
        raise RequestError("The focus is empty.", hint="Say what to look for, or leave focus out.")
    if focus is not None:
        check_question(focus)
    if window_tokens is not None and window_tokens < MIN_WINDOW_TOKENS:
        raise RequestError(
            f"A window of {window_tokens:,} tokens is too small.", hint=f"Ask for {MIN_WINDOW_TOKENS:,} at least."
        )


def describe_analysis(documents: Sequence[Document], mode: Mode, focus: str | None) -> str:
    """Return the question under which an analysis is recorded in its session."""
    titles = name_titles([document.title for document in documents])
    return f"{mode.capitalize()} of {titles}" + (f", focus: {focus}" if focus else "")


def disambiguate_titles(documents: tuple[Document, ...]) -> tuple[Document, ...]:
    """Return the documents with the file's name behind a title that several share, as versions of a contract do."""
    shared = Counter(document.title for document in documents)
    return tuple(
        document
        if shared[document.title] == 1
        else document.model_copy(update={"title": f"{document.title} ({document.name})"})
        for document in documents
    )
