"""The tools: `ask`, `analyze_document` and `benchmark`."""

import asyncio
import base64
import importlib
import inspect
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Annotated, Any, cast

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import CallToolResult, ContentBlock, ImageContent, TextContent, ToolAnnotations

from agents.benchmark.report import BenchmarkReport, Suite
from agents.calls import analysis_key, ask_key
from agents.errors import BusyError, ReadroomError, RequestError
from agents.escaping import as_markdown, one_line
from agents.schema import STARTING, Analysis, Answer, EngineInfo, OnProgress, Progress, Response, SessionInfo
from mcp_server.back_pressure import refusal
from mcp_server.lazy_assistant import LazyAssistant
from mcp_server.parameters import (
    AnalysedPath,
    AnalysisMode,
    BenchmarkPaths,
    BenchmarkSuite,
    Cursor,
    DocumentPaths,
    Focus,
    OtherDocumentPaths,
    Question,
    SessionId,
    WaitSeconds,
    WindowTokens,
)
from mcp_server.parts import first_part, next_part, part_text, structured_content
from mcp_server.resources import cited_links
from mcp_server.users import caller
from mcp_server.viewer.page import VIEWER_URI

if TYPE_CHECKING:
    from agents.assistant import Assistant

RunSuite = Callable[["Assistant", Suite, OnProgress, Sequence[str]], Awaitable[BenchmarkReport]]
_logger = logging.getLogger(__name__)
_SMALLEST_RISE = 1e-4
_IN_VIEWER = {"ui": {"resourceUri": VIEWER_URI}}
"""Has clients that show MCP Apps open the viewer with the tool's result."""


def add_tools(server: MCPServer[Any], lazy: LazyAssistant, wait_seconds: float) -> None:
    """Register the three tools; `wait_seconds` is the default of their parameter of that name."""
    _add_ask(server, lazy, wait_seconds)
    _add_analyze_document(server, lazy, wait_seconds)
    _add_benchmark(server, lazy)


def _add_ask(server: MCPServer[Any], lazy: LazyAssistant, default_wait: float) -> None:
    async def ask(
        ctx: Context[Any, Any],
        question: Question,
        documents: DocumentPaths = (),
        session_id: SessionId = None,
        wait_seconds: WaitSeconds = default_wait,
        cursor: Cursor = None,
    ) -> Annotated[CallToolResult, Answer]:
        """Answer a question from documents or whole folders on this machine, with quotes that were checked.

        Every statement carries a quote with its document and page, located in the source by code; of a source marked
        verbatim, the statement itself is the quote. Use it for
        questions that some passages answer, or that name pages or sections ("page 19", "clause 4.2"); use
        analyze_document to read a whole document or to compare two. The result holds a session_id: with it, the
        next question knows the history and the documents.
        """
        with readable_errors():
            async with notified_progress(ctx) as on_progress:
                same_call = ask_key(question, documents)
                begun = await lazy.begin(same_call, session_id, wait_seconds)
                if isinstance(begun, str):
                    return part_result(Answer(question=question, **_starting(begun)))
                assistant, session = begun
                if cursor is not None:
                    return await _next_part(assistant, cursor, Answer, "analyze_document")
                answer = await assistant.ask(question, documents, session, wait_seconds, on_progress)
                return part_result(await first_part(answer))

    add_tool(server, ask, "Ask documents a question", meta=_IN_VIEWER)


def _add_analyze_document(server: MCPServer[Any], lazy: LazyAssistant, default_wait: float) -> None:
    async def analyze_document(
        ctx: Context[Any, Any],
        document: AnalysedPath,
        mode: AnalysisMode = "summary",
        focus: Focus = None,
        compare_with: OtherDocumentPaths = (),
        window_tokens: WindowTokens = None,
        session_id: SessionId = None,
        wait_seconds: WaitSeconds = default_wait,
        cursor: Cursor = None,
    ) -> Annotated[CallToolResult, Analysis]:
        """Read a document from beginning to end, however long it is, and analyse it.

        Gives a summary, a detailed account, a comparison with other documents, or a table of what focus names;
        with checked quotes, and with a coverage that says what was read and what was not. For one narrow
        question, ask is faster.
        """
        with readable_errors():
            async with notified_progress(ctx) as on_progress:
                same_call = analysis_key([document, *compare_with], mode, focus, window_tokens)
                begun = await lazy.begin(same_call, session_id, wait_seconds)
                if isinstance(begun, str):
                    return part_result(Analysis(mode=mode, focus=focus, **_starting(begun)))
                assistant, session = begun
                if cursor is not None:
                    return await _next_part(assistant, cursor, Analysis, "ask")
                analysis = await assistant.analyze(
                    document, mode, focus, compare_with, window_tokens, session, wait_seconds, on_progress
                )
                return part_result(await first_part(analysis))

    add_tool(server, analyze_document, "Analyse a whole document", meta=_IN_VIEWER)


def _add_benchmark(server: MCPServer[Any], lazy: LazyAssistant) -> None:
    async def benchmark(
        ctx: Context[Any, Any], suite: BenchmarkSuite = "quick", documents: BenchmarkPaths = ()
    ) -> Annotated[CallToolResult, BenchmarkReport]:
        """Measure what Readroom does on the server's machine, against its targets.

        Says how fast documents are read, searched and answered from, how much memory is used and, where a language
        model runs, its speed and context. Only for questions about Readroom itself; of the user's documents it reads
        none but those that are named.
        """
        with readable_errors():
            if caller.get(None):
                raise RequestError(
                    "It would measure the machine that all users share.",
                    hint="Whoever runs the server measures it by `readroom benchmark`.",
                )
            async with notified_progress(ctx) as on_progress:
                runner = await asyncio.to_thread(importlib.import_module, "agents.benchmark.runner")
                run_suite = cast("RunSuite", runner.run_suite)
                report = await run_suite(await lazy.get(), suite, on_progress, documents)
            content: list[ContentBlock] = [TextContent(type="text", text=report.markdown)]
            if png := report.png():
                content.append(ImageContent(type="image", data=base64.b64encode(png).decode(), mime_type="image/png"))
            return CallToolResult(
                content=content, structured_content=report.model_dump(mode="json", exclude={"markdown"})
            )

    add_tool(server, benchmark, "Measure this machine", meta=_IN_VIEWER)


@contextmanager
def readable_errors() -> Generator[None]:
    """Turn what goes wrong in the body into a ToolError that a model can act on.

    Raises:
        ToolError: Always in place of an exception; an unexpected one is logged and named by its type only.
    """
    try:
        yield
    except BusyError as error:
        raise refusal(error) from error
    except ReadroomError as error:
        raise ToolError(as_markdown(str(error))) from error
    except Exception as error:
        _logger.exception("A tool failed unexpectedly.")
        raise ToolError(
            f"Readroom failed unexpectedly ({type(error).__name__}); its log on stderr has the details. "
            "Run `readroom doctor` on the server's machine to see what is wrong with the installation."
        ) from error


def add_tool(
    server: MCPServer[Any],
    tool: Callable[..., Awaitable[CallToolResult]],
    title: str,
    *,
    idempotent: bool = False,
    meta: dict[str, Any] | None = None,
) -> None:
    """Register a tool, described by its docstring.

    Args:
        server: Where to register it.
        tool: The function.
        title: What users call it.
        idempotent: Whether the same call again changes nothing.
        meta: Its `_meta`.
    """
    # Documents are only read; what is written is Readroom's own library and sessions.
    annotations = ToolAnnotations(
        read_only_hint=True, destructive_hint=False, idempotent_hint=idempotent, open_world_hint=False
    )
    server.add_tool(tool, title=title, description=inspect.getdoc(tool), annotations=annotations, meta=meta)


def part_result(part: Response) -> CallToolResult:
    """Return a part of a response in both forms: a host may show its model either one alone."""
    return CallToolResult(
        content=[TextContent(type="text", text=part_text(part)), *cited_links(part)],
        structured_content=structured_content(part),
    )


async def _next_part(assistant: "Assistant", cursor: str, kind: type[Response], other_tool: str) -> CallToolResult:
    part = await next_part(assistant, cursor)
    if not isinstance(part, kind):
        raise RequestError("This cursor is of another tool's result.", hint=f"Pass it to {other_tool}.")
    return part_result(part)


def _starting(session_id: str) -> dict[str, Any]:
    """Return the fields of a response whose work could not begin yet."""
    return {
        "status": "running",
        "message": "Readroom is still starting, which takes a few seconds. Make the same call again.",
        "progress": Progress(fraction=0.0, message="Starting"),
        "session": SessionInfo(session_id=session_id),
        "engine": EngineInfo(name=STARTING),
    }


@asynccontextmanager
async def notified_progress(ctx: Context[Any, Any]) -> AsyncGenerator[OnProgress]:
    """Yield a callback that turns progress into notifications; any thread may call it.

    The protocol wants values that rise: a new message at the same fraction rises by a hair, and a
    fraction that falls back is reported at the highest so far.
    """
    loop = asyncio.get_running_loop()
    pending: asyncio.Queue[Progress | None] = asyncio.Queue()

    async def send() -> None:
        reported, message = 0.0, ""
        while (progress := await pending.get()) is not None:
            value = max(progress.fraction, reported + _SMALLEST_RISE)
            if value <= 1.0 and (progress.fraction > reported or progress.message != message):
                reported, message = value, progress.message
                await ctx.report_progress(value, 1.0, one_line(message))

    def report(progress: Progress) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(pending.put_nowait, progress)

    sender = asyncio.create_task(send())
    try:
        yield report
        loop.call_soon(pending.put_nowait, None)
        await sender
    finally:
        sender.cancel()
