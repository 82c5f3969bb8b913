"""What the measurements of one run share: a place to measure in, and what is known of the machine."""

import importlib.metadata
import math
import platform
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import psutil

from agents.assistant import Assistant
from agents.benchmark.corpus import Fact, cloze_questions, write_markdown, write_pdf, write_text
from agents.benchmark.report import Machine, Suite
from agents.documents.library import Library
from agents.engine.engine import Engine
from agents.engine.extractive.engine import ExtractiveEngine
from agents.engine.model_config import GIB
from agents.engine.vllm.hardware import read_gpus
from agents.schema import Answer
from agents.settings import Settings

SEED = 2026
T = TypeVar("T")
_DISTRIBUTIONS = (
    "readroom",
    "mcp",
    "langgraph",
    "langgraph-supervisor",
    "llama-index-core",
    "bm25s",
    "pypdfium2",
    "xberg",
)


@dataclass
class Workbench:
    """A place to measure in: folders of its own, so that the user's library and sessions stay as they are.

    Args:
        settings: The user's.
        engine: What answers.
        folder: Empty; whatever a measurement writes goes below it.
        suite: Decides how much is measured.
        documents: The user's files; none: made ones.
        say: Told what is being done now.
    """

    settings: Settings
    engine: Engine
    folder: Path
    suite: Suite
    documents: tuple[Path, ...] = ()
    say: Callable[[str], None] = lambda _: None
    notes: list[str] = field(default_factory=list[str])
    texts: list[str] = field(default_factory=list[str])
    """Of the user's documents, once they have been read."""
    text_sha256: str | None = None
    """Of the text whose perplexity was measured."""
    _folders: int = 0

    @property
    def thorough(self) -> bool:
        """Whether there is time for large documents and many repetitions."""
        return self.suite != "quick"

    def settings_for(self, data_dir: Path) -> Settings:
        """Return the user's settings with another data folder, allowed to read what is made here."""
        roots = (*self.settings.documents.allowed_roots(), str(self.folder.resolve()))
        documents = self.settings.documents.model_copy(update={"roots": roots})
        # Files that go with the folder: what is made up for a measurement is not for a database that others ask.
        changed = {"data_dir": data_dir, "database_url": None, "documents": documents}
        return self.settings.model_copy(update=changed)

    def new_folder(self) -> Path:
        """Return a folder that nothing has written to."""
        self._folders += 1
        folder = self.folder / f"part-{self._folders}"
        folder.mkdir()
        return folder

    def new_library(self) -> Library:
        """Return an empty library."""
        settings = self.settings_for(self.new_folder())
        return Library(settings.documents, settings.data_dir)

    def new_assistant(self, engine: Engine | None = None) -> Assistant:
        """Return an assistant that knows no document and no session, on the same engine or another."""
        return Assistant(self.settings_for(self.new_folder()), engine=engine or self.engine)

    def synthetic_pdf(self, pages: int) -> tuple[Path, list[Fact]]:
        """Return a PDF that was made here and the facts in it."""
        path = self.folder / f"made-{pages}-{SEED}.pdf"
        return path, write_pdf(path, pages, SEED)

    def synthetic_documents(self, pages: int) -> list[Path]:
        """Return a PDF, a Markdown and a text document that were made here."""
        markdown, text = self.folder / "made.md", self.folder / "made.txt"
        write_markdown(markdown, pages, SEED + 1)
        write_text(text, pages, SEED + 2)
        return [self.synthetic_pdf(pages)[0], markdown, text]

    def small_document(self) -> Path:
        """Return a document that is used before the clock runs, so that no module's import is measured."""
        path = self.folder / "small.md"
        write_markdown(path, 1, SEED - 1)
        return path

    async def import_everything(self) -> None:
        """Have a question answered without a model: a running server has imported what an answer needs."""
        assistant = self.new_assistant(ExtractiveEngine())
        try:
            await ask(assistant, "Which section is this?", [self.small_document()])
        finally:
            await assistant.close()

    async def document_and_questions(self, pages: int) -> tuple[Path, list[str]]:
        """Return a document and questions to it: the user's first one, or one that was made here."""
        if not self.documents:
            path, facts = self.synthetic_pdf(pages)
            return path, [fact.question for fact in facts[:: max(1, len(facts) // 40)]]
        library = self.new_library()
        try:
            document = await library.open(str(self.documents[0]))
        finally:
            await library.close()
        known = cloze_questions(document, str(self.documents[0]), range(0, 100, 3))
        return self.documents[0], [each.question for each in known] or [f"What is {document.title} about?"]


async def ask(assistant: Assistant, question: str, documents: Sequence[Path | str]) -> Answer:
    """Ask in a session of its own and wait for the answer as long as it takes."""
    return await assistant.ask(question, [str(path) for path in documents], wait_seconds=math.inf)


async def timed(work: Awaitable[T]) -> tuple[float, T]:
    """Return the seconds that a piece of work takes, and its result."""
    started = time.perf_counter()
    result = await work
    return time.perf_counter() - started, result


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that `share` of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def describe_machine() -> Machine:
    """Return what this machine is."""
    gpus = read_gpus()
    return Machine(
        system=f"{platform.system()} {platform.release()}",
        processor=_processor(),
        cores=psutil.cpu_count(logical=True) or 1,
        memory_gib=round(psutil.virtual_memory().total / GIB, 1),
        gpus=tuple(f"{gpu.name}, {gpu.total_gib:.0f} GiB" for gpu in gpus),
        gpu_driver=gpus[0].driver if gpus else "",
    )


def _processor() -> str:
    """Return the processor's name; Linux alone does not tell it through `platform`."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def installed_versions() -> dict[str, str]:
    """Return the versions of Python and of the distributions that do the work."""
    versions = {"python": platform.python_version()}
    for name in _DISTRIBUTIONS:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions
