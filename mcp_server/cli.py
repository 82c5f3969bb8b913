"""The commands `readroom engine`: the resident vLLM that all servers of a user share."""
# MERGED """The commands that list what is kept, and forget it."""
# MERGED """The command `readroom`."""

import gc
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args

import typer

if TYPE_CHECKING:
    from agents.engine.vllm.lifecycle import EngineStatus

engine = typer.Typer(name="engine", help="The resident vLLM that all of a user's servers share.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print the result, or the error, as JSON.")]


@engine.command()
def start(as_json: Json = False) -> None:
    """Start the engine, or wait until the one that is starting is ready."""
    from mcp_server.cli_output import exit_code, print_result, progress_bar

    with exit_code(as_json=as_json):
        import asyncio

        from agents.engine.vllm import lifecycle
        from agents.settings import load_settings

        settings = load_settings()
        data_dir = settings.ready_data_dir()
        with progress_bar() as on_progress:
            asyncio.run(lifecycle.start(settings.engine, data_dir, on_progress))
        running = asyncio.run(lifecycle.status(settings.engine, data_dir))
        print_result(running, status_text(running), as_json=as_json)


@engine.command()
def stop(as_json: Json = False) -> None:
    """Stop the engine and give the GPU back."""
    from mcp_server.cli_output import exit_code, write

    with exit_code(as_json=as_json):
        import asyncio
        import json

        from agents.engine.vllm import lifecycle
        from agents.settings import load_settings

        stopped = asyncio.run(lifecycle.stop(load_settings().data_dir))
        said = "The engine was stopped." if stopped else "No engine was running."
        write((json.dumps({"stopped": stopped}) if as_json else said) + "\n")


@engine.command()
def status(as_json: Json = False) -> None:
    """Say whether the engine runs, what it holds, and what it would need."""
    from mcp_server.cli_output import exit_code, print_result

    with exit_code(as_json=as_json):
        import asyncio

        from agents.engine.vllm import lifecycle
        from agents.settings import load_settings

        settings = load_settings()
        found = asyncio.run(lifecycle.status(settings.engine, settings.data_dir))
        print_result(found, status_text(found), as_json=as_json)


@engine.command()
def logs(
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many of the last lines.")] = 40,
    as_json: Json = False,
) -> None:
    """Print the end of vLLM's log."""
    from mcp_server.cli_output import exit_code, note, write

    with exit_code(as_json=as_json):
        import json

        from agents.engine.vllm import lifecycle
        from agents.settings import load_settings

        tail = lifecycle.log_tail(load_settings().data_dir, lines)
        write(json.dumps({"log": tail}, ensure_ascii=False) + "\n" if as_json else tail)
        if not tail:
            note("There is no log: the engine has not been started.")


def status_text(found: "EngineStatus") -> str:
    """Return the status as Markdown."""
    process = f" (process {found.pid}, port {found.port})" if found.pid else ""
    lines = [
        f"- **engine**: {found.state}{process}, {found.clients} clients, {found.restarts} restarts",
        f"- **model**: {found.model}, {found.context_tokens:,} tokens of context, KV cache {found.kv_cache_dtype}",
    ]
    if found.memory_gib is not None:
        over = ", over its budget: long requests wait" if found.over_budget else ""
        lines.append(f"- **memory in use**: {found.memory_gib:.1f} GiB{over}")
    if found.plan:
        lines += [f"- **{what}**: {amount}" for what, amount in found.plan.rows()]
    lines += [f"- {note}" for note in (*found.notes, *((found.failure,) if found.failure else ()))]
    lines += [f"- missing: {what}" for what in found.missing]
    return "\n".join([*lines, f"- **log**: {found.log_path}"])


if TYPE_CHECKING:
    from collections.abc import Callable

    from agents.assistant import Forgotten, StoredData

stored = typer.Typer()

_SHOWN = 80
"""Characters of a session's first question."""


@stored.command()
def sessions(as_json: Json = False) -> None:
    """List the sessions that are kept, the one last used first."""
    _list(sessions_text, as_json=as_json)


@stored.command()
def documents(as_json: Json = False) -> None:
    """List the documents that are kept, and the files they were read from."""
    _list(documents_text, as_json=as_json)


@stored.command()
def forget(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID | FILE ...]", help="Sessions and documents by their ids, or files that were read."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Forget every session and every document.")] = False,
    as_json: Json = False,
) -> None:
    """Delete sessions and documents from Readroom's data folder; the files themselves are left alone."""
    from mcp_server.cli_output import exit_code, print_result

    with exit_code(as_json=as_json):
        import asyncio

        from agents.assistant import forget as forget_stored
        from agents.errors import RequestError
        from agents.settings import load_settings
        from mcp_server.cli_arguments import forget_last

        if everything == bool(names):
            raise RequestError(
                "It is not said what to forget.", hint="Name sessions, documents or files, or give --all."
            )
        settings = load_settings()
        forgotten = asyncio.run(forget_stored(settings, names or []))
        forget_last(settings, forgotten.sessions)
        print_result(forgotten, forgotten_text(forgotten), as_json=as_json)


def sessions_text(found: "StoredData") -> str:
    """Return the sessions as Markdown."""
    titles = {each.document_id: each.title for each in found.documents}
    lines = [
        f"- `{each.session_id}` last used {_when(each.used)}, {_count(each.turns, 'turn')}, "
        f"“{each.question[:_SHOWN]}”: " + ", ".join(titles.get(key, key) for key in each.document_ids)
        for each in found.sessions
    ]
    return "\n".join(lines) or "No session is kept."


def documents_text(found: "StoredData") -> str:
    """Return the documents as Markdown."""
    lines = [
        f"- `{each.document_id}` {each.title}, {_count(each.pages, 'page')}, {each.characters:,} characters"
        + (f": {', '.join(each.paths)}" if each.paths else "")
        for each in found.documents
    ]
    return "\n".join(lines) or "No document is kept."


def forgotten_text(forgotten: "Forgotten") -> str:
    """Return what was forgotten as Markdown, and what still quotes it."""
    done = f"Forgotten: {_count(len(forgotten.sessions), 'session')}, {_count(len(forgotten.documents), 'document')}."
    lines = [done, "A server that runs keeps what it has read in its memory until it ends."]
    if forgotten.still_logged:
        lines.append("Another process has the data folder open: end it and run this again, for its log may hold them.")
    if forgotten.still_quoted_in:
        ids = " ".join(forgotten.still_quoted_in)
        lines.append(f"The answers of other sessions still quote what was forgotten: `readroom forget {ids}`")
    return "\n\n".join(lines)


def _list(text: "Callable[[StoredData], str]", *, as_json: bool) -> None:
    from mcp_server.cli_output import exit_code, print_result

    with exit_code(as_json=as_json):
        import asyncio

        from agents.assistant import list_stored
        from agents.settings import load_settings

        found = asyncio.run(list_stored(load_settings()))
        print_result(found, text(found), as_json=as_json)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number != 1)}"


def _when(seconds: float) -> str:
    import datetime

    return datetime.datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M")


app = typer.Typer(
    name="readroom",
    help="Local agents read long documents and answer with checked quotes.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 an error, 2 a wrong option, 3 --wait ended before the work did.",
)
app.add_typer(engine)
app.add_typer(stored)

Session = Annotated[str | None, typer.Option("--session", help="Go on with this session_id.")]
Continue = Annotated[bool, typer.Option("--continue", "-c", help="Go on with the session used last.")]
Wait = Annotated[
    float, typer.Option("--wait", min=0, help="Seconds to wait at most; then the work stops, with exit code 3.")
]
Roots = Annotated[list[Path] | None, typer.Option("--root", help="A folder that may be read; may be repeated.")]
Mode = Literal["summary", "detailed", "comparison", "extraction"]
Suite = Literal["quick", "full", "context", "quality"]
ClientName = Literal["claude-desktop", "claude-code", "cursor", "vscode"]


def print_version(asked: bool) -> None:
    """Print the installed version and end, where that is asked for."""
    if asked:
        from mcp_server.environment import readroom_version

        typer.echo(f"readroom {readroom_version()}")
        raise typer.Exit


@app.callback()
def refuse_a_shared_package(
    ctx: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Stop before a package that another distribution has overwritten is imported."""
    from mcp_server.environment import other_agents

    if ctx.invoked_subcommand != "doctor" and (problem := other_agents()):
        typer.echo(f"Error: {problem}", err=True)
        raise typer.Exit(1)


@app.command()
def serve(
    transport: Annotated[
        Literal["stdio", "http", "sse", "all"],
        typer.Option(help="stdio for clients on this machine; http is Streamable HTTP; all is http and sse."),
    ] = "stdio",
    host: Annotated[str | None, typer.Option(help="Address of the HTTP transports.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65_535, help="Their port; 0 takes a free one.")] = None,
    root: Roots = None,
    as_json: Json = False,
) -> None:
    """Serve MCP clients."""
    from mcp_server.cli_output import exit_code, note

    with exit_code(as_json=as_json):
        # Imports make no garbage, and looking for some costs a seventh of the start.
        gc.disable()
        from agents.settings import ignored_variables, load_settings
        from mcp_server.cli_arguments import with_roots
        from mcp_server.transports import serve as serve_clients

        gc.enable()
        if ignored := ignored_variables(os.environ):
            note(" ".join(ignored))
        settings = with_roots(load_settings(), root or [])
        address = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
        serve_clients(settings.model_copy(update={"server": settings.server.model_copy(update=address)}), transport)


@app.command()
def ask(
    words: Annotated[list[str], typer.Argument(metavar="FILE ... QUESTION", help="The files, then the question.")],
    session: Session = None,
    go_on: Continue = False,
    wait: Wait = math.inf,
    root: Roots = None,
    as_json: Json = False,
) -> None:
    """Answer a question from one or more documents, or from a session's."""
    from mcp_server.cli_output import exit_code, print_response, run

    with exit_code(as_json=as_json):
        from agents.settings import load_settings
        from mcp_server.cli_arguments import absolute, allowing, chosen, files_and_question, remember

        files, question = files_and_question(words, in_session=go_on or session is not None)
        settings = allowing(load_settings(), files, root or [])
        session = chosen(settings, session, go_on=go_on)
        answer = run(
            lambda assistant, on_progress: assistant.ask(
                question, [absolute(file) for file in files], session, wait, on_progress
            ),
            settings,
        )
        remember(settings, answer)
        print_response(answer, wait=wait, as_json=as_json)


@app.command()
def analyze(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The document, or the document_id of an earlier result.")],
    mode: Annotated[Mode, typer.Option(help="What to write.")] = "summary",
    focus: Annotated[str | None, typer.Option(help="What to look at or to extract.")] = None,
    compare: Annotated[list[str] | None, typer.Option(help="A document to compare with; may be repeated.")] = None,
    window_tokens: Annotated[
        int | None, typer.Option(min=1_024, help="Tokens read at once; 131072 reads in one pass where it fits.")
    ] = None,
    session: Session = None,
    go_on: Continue = False,
    wait: Wait = math.inf,
    root: Roots = None,
    as_json: Json = False,
) -> None:
    """Read a whole document and analyse it."""
    from mcp_server.cli_output import exit_code, print_response, run

    others = compare or []
    with exit_code(as_json=as_json):
        from agents.settings import load_settings
        from mcp_server.cli_arguments import absolute, allowing, chosen, remember

        settings = allowing(load_settings(), [file, *others], root or [])
        session = chosen(settings, session, go_on=go_on)
        analysis = run(
            lambda assistant, on_progress: assistant.analyze(
                absolute(file),
                mode,
                focus,
                [absolute(other) for other in others],
                window_tokens,
                session,
                wait,
                on_progress,
            ),
            settings,
        )
        remember(settings, analysis)
        print_response(analysis, wait=wait, as_json=as_json)


@app.command()
def text(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The document, or its document_id.")],
    page: Annotated[int | None, typer.Option(min=1, help="Only this page.")] = None,
    root: Roots = None,
    as_json: Json = False,
) -> None:
    """Print a document's text exactly as citations count it."""
    from mcp_server.cli_output import exit_code, write

    with exit_code(as_json=as_json):
        import asyncio

        from agents.settings import load_settings
        from mcp_server.cli_arguments import absolute, allowing, open_document, page_of

        document = asyncio.run(open_document(absolute(file), allowing(load_settings(), [file], root or [])))
        start, end = (0, len(document.text)) if page is None else page_of(document, page)
        shown = document.model_copy(update={"text": document.text[start:end]})
        write(shown.model_dump_json(indent=2) + "\n" if as_json else shown.text)


@app.command()
def benchmark(
    files: Annotated[
        list[str] | None, typer.Argument(metavar="[FILE ...]", help="Documents to measure on; none: made ones.")
    ] = None,
    suite: Annotated[Suite, typer.Option(help="What to measure.")] = "quick",
    compare: Annotated[
        tuple[str, str] | None, typer.Option(metavar="A.json B.json", help="Set two reports side by side instead.")
    ] = None,
    root: Roots = None,
    as_json: Json = False,
) -> None:
    """Measure what Readroom does on this machine, or compare two reports."""
    from agents.errors import RequestError
    from mcp_server.cli_output import exit_code

    with exit_code(as_json=as_json):
        if mistaken := sorted(set(files or []) & set(get_args(Suite))):
            raise RequestError(f"{mistaken[0]} is a suite, not a file.", hint=f"Write --suite {mistaken[0]}.")
        if compare is None:
            _run_benchmark(suite, files or [], root or [], as_json=as_json)
        elif files:
            raise RequestError("Reports are compared as they are.", hint="Leave the files out, or leave out --compare.")
        else:
            _compare_benchmarks(*compare, as_json=as_json)


def _run_benchmark(suite: Suite, files: list[str], roots: list[Path], *, as_json: bool) -> None:
    from agents.benchmark.suites import run_suite
    from agents.settings import load_settings
    from mcp_server.cli_arguments import absolute, allowing
    from mcp_server.cli_output import note, print_result, run

    paths = [absolute(file) for file in files]
    settings = allowing(load_settings(), files, roots)
    report = run(lambda assistant, on_progress: run_suite(assistant, suite, on_progress, paths), settings)
    print_result(report, report.markdown, as_json=as_json)
    for path in (report.json_path, report.png_path):
        if path:
            note(f"StoredData in {path}")


def _compare_benchmarks(before: str, after: str, *, as_json: bool) -> None:
    from agents.benchmark.report import Comparison, load_report
    from mcp_server.cli_output import print_result

    comparison = Comparison.of(load_report(before), load_report(after))
    print_result(comparison, comparison.markdown, as_json=as_json)


@app.command()
def doctor(as_json: Json = False) -> None:
    """Say what is installed, which engine would answer and why, and what is missing."""
    from mcp_server.cli_output import exit_code, print_result

    with exit_code(as_json=as_json):
        from mcp_server.doctor import diagnose

        diagnosis = diagnose()
        print_result(diagnosis, diagnosis.text(), as_json=as_json)
        if not diagnosis.healthy:
            raise typer.Exit(1)


@app.command()
def install(
    client: Annotated[ClientName, typer.Argument(help="Where to enter Readroom.")],
    root: Roots = None,
    only_print: Annotated[bool, typer.Option("--print", help="Print the configuration, and write nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Enter Readroom into a client's configuration, keeping what is there."""
    from mcp_server.cli_output import exit_code, print_result

    with exit_code(as_json=as_json):
        from mcp_server.install import enter, plan

        installation = plan(client, root or [])
        if not only_print:
            installation = enter(installation)
        print_result(installation, installation.text(), as_json=as_json)
