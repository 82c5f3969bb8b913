"""The command `readroom`: every command that a user can type.

Nothing of `agents` is imported before a command runs: another distribution with a package of that name may be
installed in its place, and `refuse_a_shared_package` must be able to say so. What a command needs it imports itself,
so that `readroom --help` is there at once.
"""

import gc
import math
import os
import time
from typing import TYPE_CHECKING, Annotated, Literal, get_args

import typer

from mcp_server.hosts import ClientName

if TYPE_CHECKING:
    from agents.assistant import Assistant

app = typer.Typer(
    name="readroom",
    help="Local agents read long documents and answer with checked quotes.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 an error, 2 a wrong option, 3 --wait ended before the work did, 130 Ctrl-C.",
)
engine = typer.Typer(name="engine", help="The resident vLLM that all of a user's servers share.", no_args_is_help=True)
app.add_typer(engine)
admin = typer.Typer(name="admin", help="What whoever runs a server for others needs.", no_args_is_help=True)
app.add_typer(admin)
users = typer.Typer(name="users", help="Who may use a server that several share.", no_args_is_help=True)
app.add_typer(users)

Json = Annotated[bool, typer.Option("--json", help="Print the result, or the error, as JSON.")]
Session = Annotated[str | None, typer.Option("--session", help="Go on with this session_id.")]
Continue = Annotated[bool, typer.Option("--continue", "-c", help="Go on with the session used last.")]
Wait = Annotated[
    float, typer.Option("--wait", min=0, help="Seconds to wait at most; then the work stops, with exit code 3.")
]
OfUser = Annotated[
    str | None, typer.Option("--user", help="What is kept of this user, on a server that several share.")
]
Roots = Annotated[
    list[str] | None, typer.Option("--root", help="A folder or s3://BUCKET/PREFIX that may be read; may be repeated.")
]
# These repeat what `agents` and mcp_server/install.py define, for neither may be imported yet.
Mode = Literal["summary", "detailed", "comparison", "extraction"]
Suite = Literal["quick", "full", "context", "quality"]
Scope = Annotated[
    Literal["project", "user"] | None,
    typer.Option(help="For claude-code: this folder's .mcp.json (the default), or all your projects."),
]


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
    """Stop before a package that is not Readroom's, or that another distribution has overwritten, is imported."""
    from mcp_server.environment import foreign_agents, overwritten_agents

    # `readroom doctor` tells of an overwritten one together with the rest.
    if problem := foreign_agents() or (None if ctx.invoked_subcommand == "doctor" else overwritten_agents()):
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
        from mcp_server.cli_arguments import missing_roots, with_roots
        from mcp_server.transports import serve as serve_clients

        gc.enable()
        if ignored := ignored_variables(os.environ):
            note(" ".join(ignored))
        settings = with_roots(load_settings(), root or [])
        for missing in missing_roots(settings):
            note(f"{missing} is not a folder that can be read: nothing there is found until it is one.")
        address = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
        serve_clients(settings.model_copy(update={"server": settings.server.model_copy(update=address)}), transport)


@app.command()
def ask(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="[FILE ...] QUESTION",
            help="Files and folders (- is standard input), then the question; without any, the whole library is asked.",
        ),
    ],
    session: Session = None,
    go_on: Continue = False,
    wait: Wait = math.inf,
    root: Roots = None,
    as_json: Json = False,
) -> None:
    """Answer a question from documents, from a session's, or from all in the library."""
    from mcp_server.cli_output import exit_code, print_responses, run

    with exit_code(as_json=as_json):
        from agents.schema import Answer, OnProgress
        from agents.settings import load_settings
        from mcp_server.cli_arguments import (
            chosen_session,
            files_and_question,
            library_documents,
            named_documents,
            remember_session,
        )

        files, question = files_and_question(words)
        with named_documents(load_settings(), files, root or []) as (documents, settings):
            session = chosen_session(settings, session, go_on=go_on)

            async def work(assistant: "Assistant", on_progress: OnProgress) -> Answer:
                asked = documents if documents or session else await library_documents(assistant)
                return await assistant.ask(question, asked, session, wait, on_progress)

            answer = run(work, settings)
        remember_session(settings, answer)
        print_responses([answer], wait=wait, as_json=as_json)


@app.command()
def analyze(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE ...",
            help="Files, folders or the document_ids of earlier results; - is standard input. Each is analysed, but in "
            "a comparison the first is compared with the others.",
        ),
    ],
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
    """Read whole documents and analyse them."""
    from mcp_server.cli_output import exit_code, print_responses, run

    with exit_code(as_json=as_json):
        from agents.schema import Analysis, OnProgress
        from agents.settings import load_settings
        from mcp_server.cli_arguments import chosen_session, named_documents, remember_session

        with named_documents(load_settings(), [*files, *(compare or [])], root or []) as (sources, settings):
            session = chosen_session(settings, session, go_on=go_on)
            count = 1 if mode == "comparison" else len(files)
            ends = time.monotonic() + wait

            async def work(assistant: "Assistant", on_progress: OnProgress) -> list[Analysis]:
                done: list[Analysis] = []
                for source in sources[:count]:
                    same_session = done[-1].session.session_id if done else session
                    left = max(0.0, ends - time.monotonic())
                    analysis = await assistant.analyze(
                        source, mode, focus, sources[count:], window_tokens, same_session, left, on_progress
                    )
                    done.append(analysis)
                return done

            analyses = run(work, settings)
        remember_session(settings, analyses[-1])
        print_responses(analyses, wait=wait, as_json=as_json)


@app.command()
def text(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The document, or its document_id; - is standard input.")],
    page: Annotated[int | None, typer.Option(min=1, help="Only this page.")] = None,
    root: Roots = None,
    as_json: Json = False,
) -> None:
    """Print a document's text exactly as citations count it."""
    from mcp_server.cli_output import exit_code, write_exactly, write_json

    with exit_code(as_json=as_json):
        import asyncio

        from agents.settings import load_settings
        from mcp_server.cli_arguments import named_documents, open_document, page_span

        with named_documents(load_settings(), [file], root or []) as ((source,), settings):
            document = asyncio.run(open_document(source, settings))
        start, end = (0, len(document.text)) if page is None else page_span(document, page)
        shown = document.model_copy(update={"text": document.text[start:end]})
        if as_json:
            write_json(shown.model_dump(mode="json"))
        else:
            write_exactly(shown.text)


@app.command()
def view(
    session: Annotated[
        str | None, typer.Argument(metavar="[SESSION]", help="A session_id; without it, the session used last.")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="The port to serve on; 0 takes a free one.")] = 0,
    root: Roots = None,
    as_json: Json = False,
) -> None:
    """Show a session's answers in the browser, each quote on its page; Ctrl-C ends it."""
    from mcp_server.cli_output import exit_code, note, print_plain, run_quietly

    with exit_code(as_json=as_json):
        from agents.settings import load_settings
        from mcp_server.cli_arguments import allow_named, chosen_session
        from mcp_server.viewer.local import serve_session

        settings = allow_named(load_settings(), [], root or [])
        session = session or chosen_session(settings, None, go_on=True) or ""

        def tell(address: str) -> None:
            print_plain({"url": address}, address + "\n", as_json=as_json)
            note("Open this address in a browser; it opens once. Ctrl-C ends it.")

        run_quietly(lambda assistant: serve_session(assistant, session, port, tell), settings)


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
    from mcp_server.cli_output import exit_code, note, print_result, run

    with exit_code(as_json=as_json):
        from agents.errors import RequestError
        from agents.settings import load_settings
        from mcp_server.cli_arguments import absolute, allow_named

        named = files or []
        if mistaken := sorted(set(named) & set(get_args(Suite))):
            raise RequestError(f"{mistaken[0]} is a suite, not a file.", hint=f"Write --suite {mistaken[0]}.")
        if compare and named:
            raise RequestError("Reports are compared as they are.", hint="Leave the files out, or leave out --compare.")
        if compare:
            from agents.benchmark.comparison import Comparison
            from agents.benchmark.report import load_report

            comparison = Comparison.of(*map(load_report, compare))
            print_result(comparison, comparison.markdown, as_json=as_json)
            return

        from agents.benchmark.runner import run_suite

        paths = [absolute(file) for file in named]
        settings = allow_named(load_settings(), named, root or [])
        report = run(lambda assistant, on_progress: run_suite(assistant, suite, on_progress, paths), settings)
        print_result(report, report.markdown, as_json=as_json)
        for path in filter(None, (report.json_path, report.png_path)):
            note(f"Kept in {path}")


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
    root: Annotated[
        list[str] | None,
        typer.Option(
            "--root",
            help="A folder or s3://BUCKET/PREFIX that may be read, beside those entered before; may be repeated.",
        ),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(
            help="The address of a `readroom serve --transport http` that runs already, with READROOM_SERVER__TOKEN as "
            "its token."
        ),
    ] = None,
    scope: Scope = None,
    only_print: Annotated[bool, typer.Option("--print", help="Print the configuration, and write nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Enter Readroom into a client's configuration, keeping what is there."""
    from mcp_server.cli_output import exit_code, print_result

    with exit_code(as_json=as_json):
        from agents.settings import load_settings
        from mcp_server.install import enter, plan

        token = load_settings().server.token if url else None
        secret = token.get_secret_value() if token else None
        installation = plan(client, root or [], url=url, token=secret, scope=scope)
        if not only_print:
            installation = enter(installation)
        print_result(installation, installation.text(), as_json=as_json)


@app.command()
def uninstall(
    client: Annotated[ClientName, typer.Argument(help="Where to take Readroom out.")],
    scope: Scope = None,
    as_json: Json = False,
) -> None:
    """Take Readroom out of a client's configuration, keeping everything else."""
    from mcp_server.cli_output import exit_code, print_result

    with exit_code(as_json=as_json):
        from mcp_server.install import find, remove

        removed = remove(find(client, scope))
        print_result(removed, removed.text(), as_json=as_json)


@engine.command()
def start(as_json: Json = False) -> None:
    """Start the engine, or wait until the one that is starting is ready."""
    from mcp_server.cli_output import engine_status_text, exit_code, print_result
    from mcp_server.cli_progress import shown_progress

    with exit_code(as_json=as_json):
        import asyncio

        from agents.engine.vllm import lifecycle
        from agents.settings import load_settings

        settings = load_settings()
        data_dir = settings.ready_data_dir()
        with shown_progress("The engine goes on starting: `readroom engine stop` ends it.") as on_progress:
            asyncio.run(lifecycle.start(settings.engine, data_dir, on_progress))
        running = asyncio.run(lifecycle.status(settings.engine, data_dir))
        print_result(running, engine_status_text(running), as_json=as_json)


@engine.command()
def stop(as_json: Json = False) -> None:
    """Stop the engine and give the GPU back."""
    from mcp_server.cli_output import exit_code, print_plain

    with exit_code(as_json=as_json):
        import asyncio

        from agents.engine.vllm import lifecycle
        from agents.settings import load_settings

        stopped = asyncio.run(lifecycle.stop(load_settings().data_dir))
        said = "The engine was stopped.\n" if stopped else "No engine was running.\n"
        print_plain({"stopped": stopped}, said, as_json=as_json)


@engine.command()
def status(as_json: Json = False) -> None:
    """Say whether the engine runs, what it holds, and what it would need."""
    from mcp_server.cli_output import engine_status_text, exit_code, print_result

    with exit_code(as_json=as_json):
        import asyncio

        from agents.engine.vllm import lifecycle
        from agents.settings import load_settings

        settings = load_settings()
        found = asyncio.run(lifecycle.status(settings.engine, settings.data_dir))
        print_result(found, engine_status_text(found), as_json=as_json)


@engine.command()
def logs(
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many of the last lines.")] = 40,
    as_json: Json = False,
) -> None:
    """Print the end of vLLM's log."""
    from mcp_server.cli_output import exit_code, note, print_plain

    with exit_code(as_json=as_json):
        from agents.engine.vllm import lifecycle
        from agents.settings import load_settings

        tail = lifecycle.log_tail(load_settings().data_dir, lines)
        print_plain({"log": tail}, tail, as_json=as_json)
        if not tail:
            note("There is no log: the engine has not been started.")


@app.command()
def sessions(user: OfUser = None, as_json: Json = False) -> None:
    """List the sessions that are kept, the one last used first."""
    from mcp_server.cli_output import exit_code, print_result, sessions_text

    with exit_code(as_json=as_json):
        import asyncio

        from agents.settings import load_settings
        from agents.stored_data import list_stored
        from mcp_server.cli_arguments import kept_of

        stored = asyncio.run(list_stored(kept_of(load_settings(), user)))
        print_result(stored, sessions_text(stored), as_json=as_json)


@app.command()
def documents(user: OfUser = None, as_json: Json = False) -> None:
    """List the documents that are kept, and the files they were read from."""
    from mcp_server.cli_output import documents_text, exit_code, print_result

    with exit_code(as_json=as_json):
        import asyncio

        from agents.settings import load_settings
        from agents.stored_data import list_stored
        from mcp_server.cli_arguments import kept_of

        stored = asyncio.run(list_stored(kept_of(load_settings(), user)))
        print_result(stored, documents_text(stored), as_json=as_json)


@app.command()
def forget(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID | FILE ...]", help="Sessions and documents by their ids, or files that were read."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Forget every session and every document.")] = False,
    user: OfUser = None,
    as_json: Json = False,
) -> None:
    """Delete sessions and documents from Readroom's data folder; the files themselves are left alone."""
    from mcp_server.cli_output import exit_code, forgotten_text, print_result

    with exit_code(as_json=as_json):
        import asyncio

        from agents.errors import RequestError
        from agents.settings import load_settings
        from agents.stored_data import forget as forget_stored
        from mcp_server.cli_arguments import forget_last_session, kept_of

        if everything == bool(names):
            raise RequestError(
                "It is not said what to forget.", hint="Name sessions, documents or files, or give --all."
            )
        settings = kept_of(load_settings(), user)
        forgotten = asyncio.run(forget_stored(settings, names or []))
        forget_last_session(settings, forgotten.sessions)
        print_result(forgotten, forgotten_text(forgotten), as_json=as_json)


@users.command()
def add(
    name: Annotated[str, typer.Argument(help="Small letters of a to z, digits and underscores.")],
    folder: Annotated[
        list[str],
        typer.Option("--folder", help="A folder or s3://BUCKET/PREFIX that they may read; may be repeated."),
    ],
    library_characters: Annotated[
        int | None, typer.Option(min=1, help="Most characters of text that their library keeps.")
    ] = None,
    max_runs: Annotated[int | None, typer.Option(min=1, help="Calls of theirs that are worked on at once.")] = None,
    subject: Annotated[
        str | None, typer.Option(help="Who they are to the OAuth issuer, which has their tokens.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Enter a user into READROOM_USERS_FILE, or give one other folders and a new token; print the token, this once."""
    from mcp_server.cli_output import exit_code, note, print_plain

    with exit_code(as_json=as_json):
        from agents.settings import load_settings
        from agents.users import configured_users
        from mcp_server.cli_arguments import absolute_root

        folders = [absolute_root(each) for each in folder]
        token = configured_users(load_settings()).add(name, folders, library_characters, max_runs, subject)
        print_plain({"user": name, "token": token}, f"{token or name}\n", as_json=as_json)
        note(f"This is {name}'s bearer token. Only its hash is kept." if token else f"{name} is known by OAuth.")


@users.command("list")
def list_users(as_json: Json = False) -> None:
    """List the users and what they may read."""
    from mcp_server.cli_output import exit_code, print_plain, users_text

    with exit_code(as_json=as_json):
        from agents.settings import load_settings
        from agents.users import configured_users

        everybody = configured_users(load_settings()).all()
        shown = [user.model_dump(mode="json", exclude={"token_sha256"}) for user in everybody]
        print_plain(shown, users_text(everybody), as_json=as_json, indent=2)


@users.command()
def remove(name: Annotated[str, typer.Argument(help="The user's name.")], as_json: Json = False) -> None:
    """Take a user out, whose token is refused from then on; what is kept of them stays until it is forgotten."""
    from mcp_server.cli_output import exit_code, note, print_plain

    with exit_code(as_json=as_json):
        from agents.settings import load_settings
        from agents.users import configured_users

        configured_users(load_settings()).remove(name)
        print_plain({"removed": name}, f"{name} was taken out.\n", as_json=as_json)
        note(f"`readroom forget --all --user {name}` deletes what is kept of them.")


@admin.command()
def migrate(as_json: Json = False) -> None:
    """Make the tables of READROOM_DATABASE_URL, or of the data folder, or bring them to this version.

    A server does so by itself when it first needs them; this is for a database where its own user may make no tables.
    """
    from mcp_server.cli_output import exit_code, migrated_text, print_plain

    with exit_code(as_json=as_json):
        import asyncio

        from agents.settings import load_settings
        from agents.stored_data import migrate as migrate_stores

        stores = asyncio.run(migrate_stores(load_settings()))
        shown = [store.model_dump() for store in stores]
        print_plain(shown, migrated_text(stores), as_json=as_json, indent=2)
