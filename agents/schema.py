"""Frozen models that cross borders: between the agents' parts, over MCP, and out of `--json`."""

from bisect import bisect_right
from collections.abc import Callable
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

Status = Literal["complete", "running", "partial"]
Mode = Literal["summary", "detailed", "comparison", "extraction"]
RouteKind = Literal["simple", "complex", "whole_document"]
NoteKind = Literal["overview", "point", "figure", "date", "name", "item"]
Support = Literal["supported", "partly", "not"]
"""How far a claim's quotes say what it says."""
Verdict = Literal["exact", "same_words", "similar", "absent"]
"""Whether words stand in a document."""
WEAKEST_FIRST: tuple[Support, ...] = ("not", "partly", "supported")
MAX_QUESTION_CHARACTERS = 20_000
"""A longer question is refused."""
SAID_ELSEWHERE = {"markdown", "outline"}
"""Fields of a response whose words stand in its others: neither stored nor handed out with them."""
MILLISECONDS = 3
"""Decimals of the seconds that are told."""
MAX_QUOTES = 200
"""Quotes that are marked on one page."""


class Frozen(BaseModel):
    """A value: immutable, and without unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def __deepcopy__(self, _memo: dict[int, Any] | None = None) -> Self:
        """Return the value itself: langgraph copies every hand-over, and whole documents with it."""
        return self


PageKind = Literal["page", "slide", "sheet"]


class Page(Frozen):
    """One page, slide or sheet: `text[start:end]` of its document."""

    number: int = Field(description="Counted from 1.")
    start: int = Field(description="First character, an offset into the document's text.")
    end: int = Field(description="One past the last character.")
    label: str = Field(
        default="", exclude=True, description="The number printed on it, if it is another: 'iv'; a sheet's name."
    )
    kind: PageKind = Field(default="page", exclude=True, description="What users call it.")


class Heading(Frozen):
    """A heading and where it stands."""

    level: int = Field(description="1 for the highest.")
    text: str
    start: int = Field(description="First character, an offset into the document's text.")


class Document(Frozen):
    """A parsed document: one text, cut into pages."""

    document_id: str = Field(description="The first 16 hex digits of the SHA-256 of the file's bytes.")
    title: str
    name: str = Field(description="The file's name, without its folder.")
    text: str = Field(repr=False, description="The whole text; every offset in Readroom points into it.")
    pages: tuple[Page, ...] = Field(repr=False)
    headings: tuple[Heading, ...] = ()
    warnings: tuple[str, ...] = Field(default=(), description="What the parser had to leave out, hidden text included.")
    parsed: bool = Field(default=True, description="False when it came from the library without parsing.")

    def page_name(self, number: int) -> str:
        """Return what a source calls a page: "page 3", "page 5 (printed: iii)", "slide 3" or "sheet “Budget”"."""
        # Pages count from 1.
        if not 1 <= number <= len(self.pages):
            return f"page {number}"
        page = self.pages[number - 1]
        if page.kind == "sheet" and page.label:
            return f"sheet “{page.label}”"
        printed = f" (printed: {page.label})" if page.label not in ("", str(number)) else ""
        return f"{page.kind} {number}{printed}"

    def page_at(self, offset: int) -> int:
        """Return the number of the page that holds the character at `offset`."""
        place = bisect_right(self.pages, offset, key=lambda page: page.start)
        return self.pages[place - 1].number if place else 1


class Passage(Frozen):
    """About 300 tokens of a document; a document's passages tile its text without gap or overlap."""

    document_id: str
    title: str = Field(description="The document's title.")
    index: int = Field(description="Position among the document's passages, from 0.")
    start: int = Field(description="First character, an offset into the document's text.")
    end: int = Field(description="One past the last character.")
    page: int = Field(description="The page on which most of the passage stands.")
    heading: str = Field(default="", description="The headings above it, outermost first, joined by ' > '.")
    text: str


class SearchHit(Frozen):
    """A passage and how well it matches; scores compare within one search only."""

    passage: Passage
    score: float


class Citation(Frozen):
    """A quote that was found in its document."""

    id: str = Field(description="The mark in the Markdown, for example '1' for [1].")
    document_id: str
    title: str = Field(default="", description="Of its document; a tool's result has it in `documents` alone.")
    page: int
    place: str = Field(
        default="", description="What the page is called, where it is not 'page N': slide 3, sheet “Budget”."
    )
    start: int = Field(description="First character of the quote in the document's text.")
    end: int = Field(description="One past the last character.")
    quote: str = Field(description="The document's own words: text[start:end].")
    verified: Literal["exact", "fuzzy"] = Field(
        description="exact: the quote was asked for word for word; fuzzy: a contiguous match of at least 0.9, "
        "shown in the document's words."
    )


class Claim(Frozen):
    """One statement of an answer and the citations it rests on."""

    text: str
    citations: tuple[str, ...] = Field(description="Ids of citations.")
    supported: Support
    kind: NoteKind = Field(default="point", description="In an analysis: what it is; an overview comes first.")
    section: str = Field(default="", description="In an analysis: the document's heading above it.")


class Part(Frozen):
    """Which of a result's claims are handed out, where they do not fit one result."""

    first: int = Field(description="The first one's number, from 1.")
    last: int
    total: int = Field(description="Claims of the whole result.")


class Coverage(Frozen):
    """How much of the documents was read."""

    tokens_total: int = 0
    tokens_read: int = 0
    pages_total: int = 0
    pages_read: int = 0
    windows: int = Field(default=0, description="Reading windows that were read.")
    skipped: tuple[str, ...] = Field(default=(), description="What was not read, and why.")

    @property
    def complete(self) -> bool:
        """Whether everything was read."""
        return self.tokens_read >= self.tokens_total


class AgentStep(Frozen):
    """One turn of one agent."""

    agent: str
    seconds: float
    outcome: str = Field(default="done", description="done, failed or timed out, and what came of it.")


class RouteReport(Frozen):
    """Which way the request took, and why."""

    kind: RouteKind
    reason: str
    agents: tuple[AgentStep, ...] = ()


class SessionInfo(Frozen):
    """What the session holds."""

    session_id: str
    turns: int = 0
    tokens: int = 0
    token_limit: int = 131_072
    archived_turns: int = Field(default=0, description="Turns that now stand behind the running summary.")
    result: int | None = Field(
        default=None, description="The number under which this result is stored with the session; None: it is not."
    )


STARTING = "starting"
"""In place of an engine's name, until it is known which one answers."""


class EngineInfo(Frozen):
    """The engine that made an answer."""

    name: str = Field(description="extractive, vllm or openai-compatible; starting: not known yet.")
    generative: bool = Field(default=False, description="Whether it understands language: a model, not rules.")
    model: str | None = None
    context_tokens: int | None = Field(default=None, description="Tokens that one request may hold.")
    kv_cache_dtype: str | None = None
    tokenizer: str = Field(default="estimate", description="Whose tokens are counted.")
    notes: tuple[str, ...] = Field(default=(), description="What the engine could not do as asked, and why.")


class Usage(Frozen):
    """What an answer cost. Usages add up."""

    engine_calls: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = Field(default=0, description="Prompt tokens served from the engine's prefix cache.")
    completion_tokens: int = 0
    seconds: float = 0.0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            engine_calls=self.engine_calls + other.engine_calls,
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            seconds=self.seconds + other.seconds,
        )


class DocumentInfo(Frozen):
    """A document as an answer names it."""

    document_id: str
    title: str
    pages: int
    tokens: int
    parsed: bool = Field(description="False when it came from the library without parsing.")
    pages_read: tuple[tuple[int, int], ...] = Field(
        default=(), description="The first and last of each run of pages of which something was read."
    )


class Progress(Frozen):
    """How far a piece of work has come."""

    fraction: float = Field(ge=0.0, le=1.0)
    message: str


OnProgress = Callable[[Progress], None]
"""A caller's callback; it is told how far its work has come."""


class Response(Frozen):
    """What `ask` and `analyze_document` have in common."""

    status: Status = "complete"
    markdown: str = Field(
        default="",
        description="The whole answer as Markdown, citations marked [1], [2], ... A tool's result has it as text, and "
        "its structured content does not repeat it.",
    )
    message: str = Field(
        default="",
        description="What is said in place of claims: why nothing was found, how far the work has come, or the answer "
        "as a model has reworded it.",
    )
    citations: tuple[Citation, ...] = ()
    claims: tuple[Claim, ...] = ()
    grounded: float = Field(default=0.0, description="Share of the claims that their quotes support, 0 to 1.")
    coverage: Coverage = Coverage()
    route: RouteReport | None = Field(default=None, description="None while status is running.")
    session: SessionInfo
    engine: EngineInfo
    usage: Usage = Usage()
    documents: tuple[DocumentInfo, ...] = ()
    warnings: tuple[str, ...] = ()
    progress: Progress | None = Field(default=None, description="Set while status is running.")
    part: Part | None = Field(default=None, description="Which claims these are; None: all.")
    next_cursor: str | None = Field(
        default=None, description="Make the same call with it as `cursor` for the next part; None: there is none."
    )


class Answer(Response):
    """The answer to a question."""

    question: str = Field(description="The question that was searched, made self-contained from the session.")
    not_found: bool = Field(default=False, description="The documents do not say; only ever true at full coverage.")
    confidence: float | None = Field(
        default=None,
        description="Without a language model: how likely the documents answer this at all, 0 to 1.",
    )
    weak: bool = Field(default=False, description="Whether that is so unlikely that the claims may miss the question.")
    closest: tuple[Citation, ...] = Field(
        default=(), description="Where no claim stands: the passages nearest to an answer, to be judged by the reader."
    )


class Analysis(Response):
    """The analysis of a whole document, or a comparison of several; an extraction's claims are a table's rows."""

    mode: Mode
    focus: str | None = Field(
        default=None, description="What was looked for; an extraction without a focus says what it takes by itself."
    )
    outline: tuple[str, ...] = Field(
        default=(), description="The document's headings, or its windows' topics. Left out of a tool's result."
    )


class ListedDocument(Frozen):
    """A document that may be read: a file in the allowed folders, or one that the library holds."""

    path: str | None = Field(default=None, description="The file; None where it has gone or was fetched.")
    document_id: str | None = Field(default=None, description="Its id, once it was opened.")
    title: str | None = Field(default=None, description="Known once it was opened, as are its pages and tokens.")
    pages: int | None = None
    tokens: int | None = Field(default=None, description="Estimated by rule.")
    bytes: int | None = None
    modified: str | None = Field(default=None, description="When the file was last changed, in UTC.")


class DocumentList(Frozen):
    """Some of the documents that may be read."""

    folders: tuple[str, ...] = Field(description="The folders that were looked through.")
    total: int = Field(description="Documents found there, or those that match the query.")
    documents: tuple[ListedDocument, ...] = Field(description="The newest first; with a query, the best match first.")
    next_cursor: str | None = Field(default=None, description="Pass it as cursor to get the rest; None: that is all.")
    notes: tuple[str, ...] = Field(default=(), description="What was not looked at, and why.")


class TextSpan(Frozen):
    """A stretch of a document's text, all of it on one page."""

    page: int
    page_name: str = Field(description="What users call the page: 'page 5 (printed: iii)', 'slide 3'.")
    start: int = Field(description="First character, an offset into the document's text.")
    end: int = Field(description="One past the last character.")
    text: str = Field(description="The document's own words: text[start:end].")


class QuotePlace(TextSpan):
    """One place where words stand."""

    sentence: str = Field(description="The sentence around them.")


class QuoteCheck(Frozen):
    """Whether and where given words stand in a document."""

    find: str = Field(description="The words that were looked for.")
    verdict: Verdict = Field(
        description="exact: they stand there, character by character. same_words: but for capitals, white space, "
        "hyphenation or typography. similar: not in these words; the places say what stands there instead. absent: "
        "not there; the place, if there is one, holds what comes nearest."
    )
    count: int = Field(description="How often they stand there, similar places included; 0 where absent.")
    places: tuple[QuotePlace, ...] = Field(description="Where, in the order of the text; at most 20.")


class DocumentText(Frozen):
    """A part of a document in its own words, or where given words stand in it."""

    document_id: str
    title: str
    pages_total: int
    tokens_total: int = Field(description="Of the whole document, estimated by rule.")
    reading: str = Field(description="What was asked for: 'the whole document', 'page 3', 'section 4.2 Payment'.")
    spans: tuple[TextSpan, ...] = Field(default=(), description="In the order of the text, cut at the ends of pages.")
    next_cursor: str | None = Field(default=None, description="Pass it as cursor to read on; None: that is all of it.")
    sections: tuple[str, ...] = Field(
        default=(), description="With a document's beginning: headings that section takes, and their pages."
    )
    check: QuoteCheck | None = Field(default=None, description="Set where find was given.")
    notes: tuple[str, ...] = ()


Rectangle = tuple[float, float, float, float]
"""Left, top, right and bottom, as shares of a picture's width and height."""


class PagePicture(Frozen):
    """A page as a picture."""

    width: int = Field(description="In pixels.")
    height: int
    webp: str = Field(description="The picture as WebP, in base64.")
    places: tuple[tuple[Rectangle, ...], ...] = Field(
        description="Where each quote stands, a rectangle for each line; none where it was not found on the picture."
    )


class MarkedText(Frozen):
    """A stretch of text, and which quotes it is part of."""

    text: str
    quotes: tuple[int, ...] = Field(default=(), description="Their positions among the quotes asked for, from 0.")


class EvidencePage(Frozen):
    """A page of a document with the quotes on it."""

    document_id: str
    title: str
    page: int
    page_name: str = Field(description="What users call the page: 'page 5 (printed: iii)', 'slide 3'.")
    pages_total: int
    start: int = Field(description="First character of the text shown, an offset into the document's text.")
    end: int = Field(description="One past the last one.")
    cut: bool = Field(description="Whether the page's text goes on before or behind that.")
    text: tuple[MarkedText, ...] = Field(description="The text shown, in the document's own words.")
    picture: PagePicture | None = Field(default=None, description="Of a PDF whose file is still there and unchanged.")
    note: str = Field(default="", description="Why there is no picture, where one was to be expected.")


class ServerStatus(Frozen):
    """What the server has and would use."""

    version: str
    data_dir: str
    engine: EngineInfo | None = Field(description="The engine in use; None before the first call needs one.")
    engine_reason: str = Field(description="Which engine is chosen, and why.")
    documents: int = Field(description="Documents in the library.")
    sessions: int = Field(description="Sessions that have not expired.")
