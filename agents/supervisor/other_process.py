"""A run that goes on in another process: reading whole documents holds an interpreter's lock for a minute and more.

The run travels by value, but for what each process has of its own, above all the documents: both have the library. An
engine that is more than code stays where it is, and is called from there.
"""

import asyncio
import importlib
import io
import pickle
import time
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TypeVar, cast

from pydantic import SecretStr
from typing_extensions import override

from agents import telemetry
from agents.documents.library import Library
from agents.engine.engine import Engine, Outcome, Task
from agents.engine.extractive.engine import ExtractiveEngine
from agents.jobs.processes import Parent, Processes
from agents.jobs.single_flight import ReportProgress
from agents.jobs.window_cache import WindowCache
from agents.schema import Document, EngineInfo, Frozen, Progress
from agents.settings import DocumentsSettings
from agents.supervisor.answer import Completed
from agents.supervisor.run import Clock, Run, Texts
from agents.supervisor.state import State
from agents.supervisor.supervisor import Supervisor

MIN_TOKENS = 8_192
"""Less is read where it is: in a few tenths of a second, not much longer than a process takes to be told of it."""
_FINISH = f"{__name__}:finish"
ResultT = TypeVar("ResultT", bound=Frozen)


@dataclass(frozen=True)
class Reading:
    """What another process needs to know to load the documents of a run."""

    data_dir: Path
    database_url: SecretStr | None
    settings: DocumentsSettings
    titles: Mapping[str, str]
    """By document id, as this run tells them apart."""
    engine: EngineInfo | None
    """Of an engine that stays where it is; None: the rules, which are everywhere."""
    asked_at: float
    """When, on the monotonic clock, which is the machine's."""
    trace: Mapping[str, str]
    """What the spans there go on with; empty where none are recorded."""


class OtherProcess:
    """Reads long documents in another process.

    Args:
        processes: What reads them.
        data_dir: The folder of the library and of the window cache.
        database_url: Of a PostgreSQL that holds them instead.
        settings: The library's.
    """

    def __init__(
        self, processes: Processes, data_dir: Path, database_url: SecretStr | None, settings: DocumentsSettings
    ) -> None:
        self._processes = processes
        self._data_dir = data_dir
        self._database_url = database_url
        self._settings = settings

    def takes(self, run: Run, state: State) -> bool:
        """Whether the rest of a run belongs there: it will read whole documents, and they are long."""
        if "routed" not in state or state["routed"].kind != "whole_document":
            return False
        named = state["routed"].named
        return (run.texts.tokens_of(named) if named else run.texts.total_tokens) >= MIN_TOKENS

    async def finish(self, run: Run, state: State) -> Completed:
        """Bring a run to its judgement. A cancel ends the process that reads.

        Raises:
            EngineError: The process was killed, and another one too.
        """
        stays = None if isinstance(run.engine, ExtractiveEngine) else run.engine.info
        titles = {document.document_id: document.title for document in run.request.documents}
        stored = self._data_dir, self._database_url, self._settings
        reading = Reading(*stored, titles, stays, time.monotonic(), telemetry.carrier())

        async def report(progress: Progress, notes: tuple[str, ...]) -> None:
            run.on_progress(progress, notes)

        async def compute(task: Task[ResultT], trace: Mapping[str, str]) -> Outcome[ResultT]:
            with telemetry.continued(trace):
                return await run.engine.run(task)

        async def count_tokens(text: str) -> int:
            return await asyncio.to_thread(run.engine.count_tokens, text)

        own = OwnParts.of_run(run)
        begun = await asyncio.to_thread(own.dumps, run, state)
        answers = {"run": compute, "count_tokens": count_tokens, "report": report}
        if self._processes.are_busy:
            run.report(0.1, "Waiting until another long document is read")
        finished = await self._processes.run(_FINISH, reading, begun, answers=answers)
        return Completed(*await asyncio.to_thread(own.loads, finished))


async def finish(parent: Parent, reading: Reading, begun: bytes) -> bytes:
    """Finish a run in this process, which `OtherProcess` has started.

    Args:
        parent: Has the engine, and is told of the progress.
        reading: How to load its documents.
        begun: The run and its state.
    """
    if reading.trace:
        importlib.import_module("agents.exporters").export_spans()
    library = Library(reading.settings, reading.data_dir, database_url=reading.database_url)
    window_cache = WindowCache(reading.data_dir, database_url=reading.database_url)

    def report(progress: Progress, notes: tuple[str, ...] = (), /) -> None:
        parent.call("report", progress, notes)

    try:
        engine = CalledEngine(parent, reading.engine) if reading.engine else ExtractiveEngine()
        opened = [await library.get(document_id) for document_id in reading.titles]
        documents = [each.model_copy(update={"title": reading.titles[each.document_id]}) for each in opened]
        own = OwnParts(
            engine=engine,
            library=library,
            window_cache=window_cache,
            texts=await Texts.load(library, engine, documents),
            documents={document.document_id: document for document in documents},
            report=report,
        )
        run, state = own.loads(begun)
        # Waiting for a process is not part of the run.
        run.budget.started += time.monotonic() - reading.asked_at
        with telemetry.continued(reading.trace):
            finished = await Supervisor(library, window_cache, run.settings).finish(run, state)
        return own.dumps(finished.run, finished.state)
    finally:
        await library.close()
        await window_cache.close()


@dataclass(frozen=True)
class OwnParts:
    """What a process has of its own of a run, and another process has, too."""

    engine: Engine
    library: Library
    window_cache: WindowCache
    texts: Texts
    documents: Mapping[str, Document]
    """By id."""
    report: ReportProgress
    clock: Clock = time.monotonic

    @classmethod
    def of_run(cls, run: Run) -> "OwnParts":
        """Return the parts of a run."""
        return cls(
            engine=run.engine,
            library=run.library,
            window_cache=run.window_cache,
            texts=run.texts,
            documents={document.document_id: document for document in run.request.documents},
            report=run.on_progress,
            clock=run.budget.clock,
        )

    def dumps(self, run: Run, state: State) -> bytes:
        """Return a run and its state as bytes, without these parts."""
        content = io.BytesIO()
        # The graph's own keys are none of another graph's business.
        _Pickler(self, content).dump((run, {key: state[key] for key in State.__annotations__ if key in state}))
        return content.getvalue()

    def loads(self, content: bytes) -> tuple[Run, State]:
        """Return a run and its state from bytes, with these parts."""
        return _Unpickler(self, io.BytesIO(content)).load()


class _Pickler(pickle.Pickler):
    """Leaves out a process's own parts."""

    def __init__(self, own: OwnParts, content: io.BytesIO) -> None:
        super().__init__(content, protocol=pickle.HIGHEST_PROTOCOL)
        self._documents = own.documents
        self._names = {id(getattr(own, part.name)): part.name for part in fields(own)}

    @override
    def persistent_id(self, obj: object) -> tuple[str, str] | None:
        if isinstance(obj, Document) and obj.document_id in self._documents:
            return "document", obj.document_id
        if name := self._names.get(id(obj)):
            return "part", name
        # The fallback's, where the run's own is another.
        return ("rules", "") if isinstance(obj, ExtractiveEngine) else None


class _Unpickler(pickle.Unpickler):
    """Puts a process's own parts in."""

    def __init__(self, own: OwnParts, content: io.BytesIO) -> None:
        super().__init__(content)
        self._own = own

    @override
    def persistent_load(self, pid: tuple[str, str]) -> object:
        kind, name = pid
        if kind == "document":
            return self._own.documents[name]
        return getattr(self._own, name) if kind == "part" else ExtractiveEngine()


class CalledEngine:
    """An engine in another process.

    Args:
        parent: The process.
        info: What the engine is.
    """

    def __init__(self, parent: Parent, info: EngineInfo) -> None:
        self._parent = parent
        self._info = info

    @property
    def info(self) -> EngineInfo:
        """What the engine is."""
        return self._info

    async def run(self, task: Task[ResultT]) -> Outcome[ResultT]:
        """Have the engine compute a task; a cancel reaches it."""
        return cast("Outcome[ResultT]", await asyncio.wrap_future(self._parent.call("run", task, telemetry.carrier())))

    def count_tokens(self, text: str) -> int:
        """Have the engine count a text's tokens."""
        return self._parent.call("count_tokens", text).result()

    async def close(self) -> None:
        """Do nothing: the engine is another process's."""
