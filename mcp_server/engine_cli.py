"""The commands `readroom engine`: the resident vLLM that all servers of a user share."""

from typing import TYPE_CHECKING, Annotated

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
