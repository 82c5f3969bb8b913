"""What the command line prints: results on stdout, everything else on stderr."""

import asyncio
import json
import logging
import sys
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.markdown import Markdown
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from agents import schema
from agents.errors import ReadroomError
from mcp_server.render import response_text, stopped_text

if TYPE_CHECKING:
    from agents.assistant import Assistant
    from agents.settings import Settings

ResultT = TypeVar("ResultT")
OnProgress = Callable[[schema.Progress], None]
STOPPED = 3
"""The exit code where the time to wait ended before the work did; 1 is an error, 2 a wrong option."""


def run(
    work: "Callable[[Assistant, OnProgress], Awaitable[ResultT]]",
    settings: "Settings",
) -> ResultT:
    """Do the work with an assistant that lives as long as it takes, and show its progress."""
    from agents.assistant import Assistant

    async def with_assistant(on_progress: OnProgress) -> ResultT:
        assistant = Assistant(settings)
        try:
            return await work(assistant, on_progress)
        finally:
            await assistant.close()

    with progress_bar() as on_progress:
        return asyncio.run(with_assistant(on_progress))


@contextmanager
def progress_bar() -> Generator[OnProgress]:
    """Yield a callback that draws a bar on stderr, and nothing where stderr is no terminal."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("Starting", total=1.0)
        yield lambda progress: bar.update(task, completed=progress.fraction, description=progress.message)


@contextmanager
def exit_code(*, as_json: bool) -> Generator[None]:
    """Turn what goes wrong in the body into a message and the exit code 1."""
    try:
        yield
    except ReadroomError as error:
        _print_error(error.message, error.hint, as_json=as_json)
        raise typer.Exit(1) from error
    except (typer.Exit, typer.Abort, KeyboardInterrupt):
        raise
    except Exception as error:
        logging.getLogger("readroom").exception("Unexpected error")
        _print_error(f"{type(error).__name__}: {error}", "Run `readroom doctor` to see what is wrong.", as_json=as_json)
        raise typer.Exit(1) from error


def print_response(response: schema.Response, *, wait: float, as_json: bool) -> None:
    """Print an answer or an analysis.

    Raises:
        typer.Exit: It is not finished, and stops here with this process.
    """
    if response.status == "running":
        _print_stopped(response, stopped_text(response, wait), as_json=as_json)
        raise typer.Exit(STOPPED)
    session = f"go on with --session {response.session.session_id}"
    print_result(response, response_text(response, go_on=session), as_json=as_json)


def print_result(result: BaseModel, text: str, *, as_json: bool) -> None:
    """Print the result as JSON, as Markdown for a terminal, or as plain Markdown for a pipe."""
    if as_json:
        write(result.model_dump_json(indent=2) + "\n")
    elif sys.stdout.isatty():
        Console().print(Markdown(text))
    else:
        write(text + "\n")


def write(text: str) -> None:
    """Write to stdout exactly these characters, in UTF-8 whatever the platform."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode())
    sys.stdout.buffer.flush()


def note(text: str) -> None:
    """Print a line for the user that is no part of the result."""
    Console(stderr=True, highlight=False).print(text, markup=False, soft_wrap=True)


def _print_stopped(response: schema.Response, stopped: str, *, as_json: bool) -> None:
    # The assistant's first paragraph says that the work goes on, as it does in a server.
    noted = response.markdown.partition("\n\n")[2]
    if as_json:
        write(
            response.model_copy(update={"markdown": f"{stopped}\n\n{noted}".rstrip()}).model_dump_json(indent=2) + "\n"
        )
        return
    if noted:
        print_result(response, noted, as_json=False)
    note(stopped)


def _print_error(message: str, hint: str, *, as_json: bool) -> None:
    if as_json:
        write(json.dumps({"error": message, "hint": hint}, ensure_ascii=False) + "\n")
    else:
        note(f"Error: {message}\n{hint}")
