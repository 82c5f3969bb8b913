"""An assistant that answers at once, or as a test tells it to."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, TypeVar

from pydantic import TypeAdapter

from agents.errors import SessionError
from agents.schema import (
    Analysis,
    Answer,
    Citation,
    Claim,
    Coverage,
    DocumentInfo,
    DocumentList,
    DocumentText,
    EngineInfo,
    EvidencePage,
    ListedDocument,
    MarkedText,
    Mode,
    OnProgress,
    RouteReport,
    ServerStatus,
    SessionInfo,
    TextSpan,
)

SESSION_ID = "0d5f4d7e-9f0e-4a54-8f5c-5b0c5ff7a111"
DOCUMENT_ID = "0123456789abcdef"
ResponseT = TypeVar("ResponseT", Answer, Analysis)

COMMON: dict[str, Any] = {
    "markdown": "The pump holds 40 litres [1].",
    "citations": (
        Citation(
            id="1",
            document_id=DOCUMENT_ID,
            title="Pump manual",
            page=3,
            start=10,
            end=35,
            quote="The pump holds 40 litres.",
            verified="exact",
        ),
    ),
    "claims": (Claim(text="The pump holds 40 litres.", citations=("1",), supported="supported"),),
    "grounded": 1.0,
    "coverage": Coverage(tokens_total=900, tokens_read=300, pages_total=9, pages_read=3, windows=1),
    "route": RouteReport(kind="simple", reason="One fact is asked for."),
    "session": SessionInfo(session_id=SESSION_ID, turns=1, tokens=20),
    "engine": EngineInfo(name="extractive"),
    "documents": (DocumentInfo(document_id=DOCUMENT_ID, title="Pump manual", pages=9, tokens=900, parsed=True),),
}
ANSWER = Answer(question="How much does the pump hold?", **COMMON)
ANALYSIS = Analysis(mode="summary", **COMMON)


LISTED = DocumentList(
    folders=("/manuals",),
    total=70,
    documents=(
        ListedDocument(path="/manuals/pump.pdf", bytes=900, modified="2026-05-01T10:00:00+00:00"),
        ListedDocument(path="/manuals/valve.pdf", document_id=DOCUMENT_ID, title="Valves", pages=9, tokens=900),
    ),
    next_cursor="eyJ9",
)
READ = DocumentText(
    document_id=DOCUMENT_ID,
    title="Pump manual",
    pages_total=9,
    tokens_total=900,
    reading="page 3",
    spans=(TextSpan(page=3, page_name="page 3", start=10, end=35, text="The pump holds 40 litres."),),
    next_cursor="eyJ8",
)


SHOWN = EvidencePage(
    document_id=DOCUMENT_ID,
    title="Pump manual",
    page=3,
    page_name="page 3",
    pages_total=9,
    start=0,
    end=35,
    cut=False,
    text=(MarkedText(text="It is big "), MarkedText(text="The pump holds 40 litres.", quotes=(0,))),
)


async def do_nothing(on_progress: OnProgress) -> None:
    """Take no time."""


@dataclass
class FakeAssistant:
    """Answers with `answer` and `analysis` after `work` is done; remembers what it was asked."""

    answer: Answer = ANSWER
    analysis: Analysis = ANALYSIS
    work: Callable[[OnProgress], Awaitable[None]] = do_nothing
    asked: list[dict[str, Any]] = field(default_factory=list)
    listed: DocumentList = LISTED
    read: DocumentText = READ
    shown: EvidencePage = SHOWN
    names: Any = field(default_factory=lambda: SimpleNamespace(documents=(), sessions=()))
    text: str = "Page one.\fPage two."
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    closed: int = 0
    kept: dict[tuple[str, int], str] = field(default_factory=dict)

    async def ask(
        self,
        question: str,
        documents: Sequence[str] = (),
        session_id: str | None = None,
        wait_seconds: float | None = None,
        on_progress: OnProgress = lambda _: None,
    ) -> Answer:
        self.asked.append(
            {"question": question, "documents": documents, "session_id": session_id, "wait_seconds": wait_seconds}
        )
        await self._work(on_progress)
        return self._stored(self.answer)

    async def analyze(
        self,
        document: str,
        mode: Mode = "summary",
        focus: str | None = None,
        compare_with: Sequence[str] = (),
        window_tokens: int | None = None,
        session_id: str | None = None,
        wait_seconds: float | None = None,
        on_progress: OnProgress = lambda _: None,
    ) -> Analysis:
        asked = {"document": document, "mode": mode, "focus": focus, "compare_with": compare_with}
        self.asked.append(asked | {"window_tokens": window_tokens})
        await self._work(on_progress)
        return self._stored(self.analysis)

    async def document_text(self, document_id: str, page: int | None = None) -> str:
        return self.text if page is None else self.text.split("\f")[page - 1]

    async def list_documents(
        self, folder: str | None = None, query: str | None = None, cursor: str | None = None
    ) -> DocumentList:
        self.asked.append({"folder": folder, "query": query, "cursor": cursor})
        return self.listed

    async def read_document(
        self,
        document: str,
        pages: str | None = None,
        section: str | None = None,
        find: str | None = None,
        cursor: str | None = None,
        on_progress: OnProgress = lambda _: None,
    ) -> DocumentText:
        asked = {"document": document, "pages": pages, "section": section, "find": find, "cursor": cursor}
        self.asked.append(asked)
        await self._work(on_progress)
        return self.read

    async def stored(self) -> Any:
        return self.names

    async def transcript(self, session_id: str) -> str:
        if session_id != SESSION_ID:
            raise SessionError(f"There is no session {session_id}.", hint="Leave session_id out to start a new one.")
        return "## How much does the pump hold?\n\nThe pump holds 40 litres [1]."

    async def results(self, session_id: str) -> tuple[Answer | Analysis, ...]:
        return ()

    async def show_page(self, document_id: str, page: int, quotes: Sequence[tuple[int, int]] = ()) -> EvidencePage:
        self.asked.append({"document_id": document_id, "page": page, "quotes": quotes})
        return self.shown

    async def result(self, session_id: str, number: int) -> Answer | Analysis | None:
        stored = self.kept.get((session_id, number))
        return TypeAdapter[Answer | Analysis](Answer | Analysis).validate_json(stored) if stored else None

    async def status(self) -> ServerStatus:
        return ServerStatus(
            version="1.2.3", data_dir="/data", engine=None, engine_reason="No GPU.", documents=4, sessions=2
        )

    async def close(self) -> None:
        self.closed += 1

    def _stored(self, response: ResponseT) -> ResponseT:
        number = len(self.kept) + 1
        stored = response.model_copy(update={"session": response.session.model_copy(update={"result": number})})
        self.kept[response.session.session_id, number] = stored.model_dump_json()
        return stored

    async def _work(self, on_progress: OnProgress) -> None:
        try:
            await self.work(on_progress)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
