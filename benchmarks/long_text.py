"""A long document asked, summarised and extracted from: in one pass, and in windows.

    READROOM_ENGINE__BASE_URL=http://127.0.0.1:8000/v1 python -m benchmarks.long_text FILE --ask QUESTION --focus WHAT

The server's context must hold the document. The one pass leaves the document in the engine's prefix cache, so that the
questions after it are answered from the whole text; in windows they are answered from what a search finds.
"""

import argparse
import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

from agents.assistant import Assistant
from agents.schema import Response
from agents.settings import DocumentsSettings, load_settings
from benchmarks.record import made_on

ONE_PASS = 131_072


def figures(step: str, response: Response, characters: int) -> dict[str, Any]:
    """Return what a step gave and cost."""
    thirds = [0, 0, 0]
    for citation in response.citations:
        thirds[min(2, 3 * citation.start // characters)] += 1
    return {
        "step": step,
        "seconds": round(response.usage.seconds, 2),
        "calls": response.usage.engine_calls,
        "prompt_tokens": response.usage.prompt_tokens,
        "cached_tokens": response.usage.cached_tokens,
        "completion_tokens": response.usage.completion_tokens,
        "windows": response.coverage.windows,
        "tokens_read": response.coverage.tokens_read,
        "tokens_total": response.coverage.tokens_total,
        "claims": len(response.claims),
        "citations_by_third": thirds,
        "route": response.route.reason if response.route else "",
        "warnings": response.warnings,
        "markdown": response.markdown[:1_500],
    }


async def run(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Take every step in one pass, then in windows; each way begins with an empty data folder."""
    steps: list[dict[str, Any]] = []
    for way, window in (("one pass", ONE_PASS), ("windows", None)):
        shutil.rmtree(options.work, ignore_errors=True)
        documents = DocumentsSettings(roots=(options.file.parent,))
        settings = load_settings().model_copy(update={"data_dir": options.work, "documents": documents})
        if window:
            supervisor = settings.supervisor.model_copy(update={"window_tokens": window})
            settings = settings.model_copy(update={"supervisor": supervisor})
        assistant, path, wait = Assistant(settings), str(options.file), float("inf")
        try:
            summary = await assistant.analyze(path, "summary", wait_seconds=wait)
            characters = len(await assistant.document_text(summary.documents[0].document_id))
            steps.append(figures(f"summary, {way}", summary, characters))
            for question in options.ask:
                answer = await assistant.ask(question, [path], wait_seconds=wait)
                steps.append(figures(f"{question} ({way})", answer, characters))
            extraction = await assistant.analyze(path, "extraction", options.focus, wait_seconds=wait)
            steps.append(figures(f"extraction of {options.focus}, {way}", extraction, characters))
        finally:
            await assistant.close()
    return steps


def main() -> None:
    """Read the command line."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("file", type=Path)
    asked.add_argument("--ask", action="append", default=[], help="a question; may be given several times")
    asked.add_argument("--focus", required=True, help="what is extracted")
    asked.add_argument("--work", type=Path, default=Path("build/long_text"))
    asked.add_argument("--out", type=Path, default=Path("build/long_text.json"))
    options = asked.parse_args()
    options.file, options.work = options.file.resolve(), options.work.absolute()
    made = {
        **made_on(),
        "document": options.file.name,
        "steps": asyncio.run(run(options)),
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(made, ensure_ascii=False, indent=1) + "\n")
    for step in made["steps"]:
        print({name: value for name, value in step.items() if name not in ("markdown", "warnings", "route")})


if __name__ == "__main__":
    main()
