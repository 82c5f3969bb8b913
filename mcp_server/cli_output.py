"""What the command line prints: results on stdout, everything else on stderr.

All of it goes through `write`, `write_json` or `note`, so that no word of a document, and no file's name, acts on a
terminal.
"""

import asyncio
import json
import logging
import sys
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.markdown import Markdown

from agents import schema
from agents.errors import ReadroomError
from agents.escaping import TerminalFormatter, as_markdown, as_terminal, as_terminal_json, one_line
from agents.schema import OnProgress
from mcp_server.cli_progress import shown_progress
from mcp_server.render import pluralize, response_text, stopped_text

if TYPE_CHECKING:
    from agents.assistant import Assistant
    from agents.engine.vllm.lifecycle import EngineStatus
    from agents.settings import Settings
    from agents.stored_data import Forgotten, MigratedStore, StoredData
    from agents.users import User

ResultT = TypeVar("ResultT")
STOPPED = 3
"""The exit code where the time to wait ended before the work did; 1 is an error, 2 a wrong option."""
_QUESTION_CHARACTERS = 80
"""Characters of a session's first question that are listed."""


def run(work: "Callable[[Assistant, OnProgress], Awaitable[ResultT]]", settings: "Settings") -> ResultT:
    """Do the work with an assistant that lives as long as it takes, and show its progress."""
    with shown_progress() as on_progress:
        return run_quietly(lambda assistant: work(assistant, on_progress), settings)


def run_quietly(work: "Callable[[Assistant], Awaitable[ResultT]]", settings: "Settings") -> ResultT:
    """Do the work with an assistant that lives as long as it takes."""
    from agents.assistant import Assistant

    async def with_assistant() -> ResultT:
        assistant = Assistant(settings)
        try:
            return await work(assistant)
        finally:
            await assistant.close()

    return asyncio.run(with_assistant())


@contextmanager
def exit_code(*, as_json: bool) -> Generator[None]:
    """Turn what goes wrong in the body into a message and the exit code 1."""
    if logging.lastResort:
        logging.lastResort.setFormatter(TerminalFormatter())
    try:
        yield
    except (typer.Exit, typer.Abort):
        raise
    except Exception as error:
        if isinstance(error, ReadroomError):
            message, hint = error.message, error.hint
        else:
            logging.getLogger("readroom").exception("Unexpected error")
            message, hint = f"{type(error).__name__}: {error}", "Run `readroom doctor` to see what is wrong."
        if as_json:
            write_json({"error": message, "hint": hint}, indent=None)
        else:
            note(f"Error: {one_line(message)}\n{one_line(hint)}")
        raise typer.Exit(1) from error


def print_responses(responses: Sequence[schema.Response], *, wait: float, as_json: bool) -> None:
    """Print answers or analyses; as JSON several are a list.

    Raises:
        typer.Exit: One is not finished, and stops here with this process.
    """
    shown = [_shown(response, wait) for response in responses]
    if as_json:
        whole: Any = [response.model_dump(mode="json") for response, _ in shown]
        write_json(whole if len(whole) > 1 else whole[0])
    elif markdown := "\n\n".join(text for _, text in shown if text):
        print_markdown(markdown)
    if stopped := [stopped_text(response, wait) for response in responses if response.status == "running"]:
        if not as_json:
            note("\n".join(stopped))
        raise typer.Exit(STOPPED)


def _shown(response: schema.Response, wait: float) -> tuple[schema.Response, str]:
    """Return a response as it is printed, as JSON and as Markdown."""
    if response.status != "running":
        session = response.session.session_id
        go_on = f"go on with --session {session}, see each quote on its page with `readroom view {session}`"
        return response, response_text(response, go_on=go_on)
    # The assistant's first paragraph says that the work goes on, as it does in a server.
    noted = response.markdown.partition("\n\n")[2]
    markdown = f"{stopped_text(response, wait)}\n\n{noted}".rstrip()
    return response.model_copy(update={"markdown": markdown, "message": markdown}), noted


def print_result(result: BaseModel, text: str, *, as_json: bool) -> None:
    """Print the result as JSON, as Markdown for a terminal, or as plain Markdown for a pipe."""
    if as_json:
        write_json(result.model_dump(mode="json"))
    else:
        print_markdown(text)


def print_plain(value: object, text: str, *, as_json: bool, indent: int | None = None) -> None:
    """Print a value as JSON, on one line unless it is indented, or else a text that is no Markdown."""
    if as_json:
        write_json(value, indent=indent)
    else:
        write(text)


def print_markdown(text: str) -> None:
    """Print Markdown: formatted for a terminal, as it is for a pipe."""
    if sys.stdout.isatty():
        Console().print(Markdown(as_terminal(text)))
    else:
        write(text + "\n")


def write_json(value: object, *, indent: int | None = 2) -> None:
    """Write a value as JSON."""
    write(as_terminal_json(json.dumps(value, indent=indent, ensure_ascii=False)) + "\n")


def write_exactly(text: str) -> None:
    """Write to stdout exactly these characters, as far as it is no terminal: whoever counts in them reads a pipe."""
    write(text) if sys.stdout.isatty() else _write(text)


def write(text: str) -> None:
    """Write to stdout, in UTF-8 whatever the platform."""
    _write(as_terminal(text))


def _write(text: str) -> None:
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode())
    sys.stdout.buffer.flush()


def note(text: str) -> None:
    """Print a line for the user that is no part of the result."""
    Console(stderr=True, highlight=False).print(as_terminal(text), markup=False, soft_wrap=True)


def engine_status_text(status: "EngineStatus") -> str:
    """Return the resident engine's status as Markdown."""
    process = f" (process {status.pid}, port {status.port})" if status.pid else ""
    lines = [
        f"- **engine**: {status.state}{process}, {status.clients} clients, {status.restarts} restarts",
        f"- **model**: {status.model}, {status.context_tokens:,} tokens of context, KV cache {status.kv_cache_dtype}",
    ]
    if status.memory_gib is not None:
        over = ", over its budget: long requests wait" if status.over_budget else ""
        lines.append(f"- **memory in use**: {status.memory_gib:.1f} GiB{over}")
    if status.plan:
        lines += [f"- **{what}**: {amount}" for what, amount in status.plan.rows()]
    lines += [f"- {note}" for note in (*status.notes, *((status.failure,) if status.failure else ()))]
    lines += [f"- missing: {what}" for what in status.missing]
    return "\n".join([*lines, f"- **log**: {status.log_path}"])


def sessions_text(stored: "StoredData") -> str:
    """Return the sessions as Markdown."""
    titles = {each.document_id: each.title for each in stored.documents}
    lines: list[str] = []
    for each in stored.sessions:
        used = datetime.fromtimestamp(each.used).astimezone()
        about = as_markdown(", ".join(titles.get(key, key) for key in each.document_ids))
        question = as_markdown(each.question[:_QUESTION_CHARACTERS])
        turns = pluralize(each.turns, "turn")
        lines.append(f"- `{each.session_id}` last used {used:%Y-%m-%d %H:%M}, {turns}, “{question}”: {about}")
    return "\n".join(lines) or "No session is kept."


def documents_text(stored: "StoredData") -> str:
    """Return the documents as Markdown."""
    lines = [
        f"- `{each.document_id}` {as_markdown(each.title)}, {pluralize(each.pages, 'page')}, "
        f"{each.characters:,} characters" + (f": {as_markdown(', '.join(each.paths))}" if each.paths else "")
        for each in stored.documents
    ]
    return "\n".join(lines) or "No document is kept."


def users_text(users: "Sequence[User]") -> str:
    """Return users, and what each may read."""
    return "".join(f"{user.name}: {', '.join(map(str, user.folders))}\n" for user in users) or "There is no user.\n"


def migrated_text(stores: "Sequence[MigratedStore]") -> str:
    """Return the stores that are ready, and where they are."""
    return "".join(f"{store.name}: ready in {store.place}\n" for store in stores)


def forgotten_text(forgotten: "Forgotten") -> str:
    """Return what was forgotten as Markdown, and what still quotes it."""
    sessions = pluralize(len(forgotten.sessions), "session")
    documents = pluralize(len(forgotten.documents), "document")
    lines = [
        f"Forgotten: {sessions}, {documents}.",
        "A server that runs keeps what it has read in its memory until it ends.",
    ]
    if forgotten.still_logged:
        lines.append("Another process has the data folder open: end it and run this again, for its log may hold them.")
    if forgotten.still_quoted_in:
        ids = " ".join(forgotten.still_quoted_in)
        lines.append(f"The answers of other sessions still quote what was forgotten: `readroom forget {ids}`")
    return "\n\n".join(lines)
