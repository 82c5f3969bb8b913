"""The commands `readroom engine`: the resident vLLM that all servers of a user share."""

from typing import Annotated

import typer

engine = typer.Typer(name="engine", help="The resident vLLM that all of a user's servers share.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print the result, or the error, as JSON.")]


@engine.command()
def start(as_json: Json = False) -> None:
    """Start the engine, or wait until the one that is starting is ready."""
    from mcp_server.terminal import exit_code, print_result, progress_bar

    with exit_code(as_json=as_json):
        import asyncio

        from agents.engine import vllm_server
        from agents.settings import load_settings

        settings = load_settings()
        with progress_bar() as on_progress:
            found = asyncio.run(vllm_server.start(settings.engine, settings.ready_data_dir(), on_progress))
        print_result(found, found.text(), as_json=as_json)


@engine.command()
def stop(as_json: Json = False) -> None:
    """Stop the engine and give the GPU back."""
    from mcp_server.terminal import exit_code, print_result

    with exit_code(as_json=as_json):
        import asyncio

        from agents.engine import vllm_server
        from agents.settings import load_settings

        found = asyncio.run(vllm_server.stop(load_settings().ready_data_dir()))
        print_result(found, found.text(), as_json=as_json)


@engine.command()
def status(as_json: Json = False) -> None:
    """Say whether the engine runs, and what it holds."""
    from mcp_server.terminal import exit_code, print_result

    with exit_code(as_json=as_json):
        import asyncio

        from agents.engine import vllm_server
        from agents.settings import load_settings

        found = asyncio.run(vllm_server.status(load_settings().ready_data_dir()))
        print_result(found, found.text(), as_json=as_json)


@engine.command()
def logs(
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many of the last lines.")] = 100,
    as_json: Json = False,
) -> None:
    """Print the end of the engine's log."""
    from mcp_server.terminal import exit_code, write

    with exit_code(as_json=as_json):
        import json

        from agents.engine import vllm_server
        from agents.settings import load_settings

        tail = vllm_server.log_tail(load_settings().ready_data_dir(), lines)
        write(json.dumps({"log": tail}) + "\n" if as_json else tail + "\n")
