"""Decoding under the schemas of the product's own tasks, beside free decoding of the same prompts.

    python -m benchmarks.schema_decoding --base-url http://127.0.0.1:8000/v1 --set FOLDER [--out RESULT.json]

Questions of a set become the product's Draft tasks over the eight best passages, and the documents' beginnings
WindowNotes tasks; Answerable is one word without a schema. Each is sent as the engine sends it at first (`lines`,
without any grammar; `formed` is the share of answers that have the form, so that no second call is needed), as free
JSON, under its schema without lengths, which is what the engine falls back to, and under the schema that bounds every
text, by one stream and by eight. `ratio` compares with free JSON: tokens per second, and `seconds` for the same tasks.
Prefill is the same, so that what `first_token_seconds` has beyond the free one's is what compiling the grammar costs.
"""

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import httpx

from agents.documents.library import Library
from agents.engine import output_schema, prompt_layout
from agents.engine.engine import InvalidAnswerError, Task
from agents.engine.tasks.answering import Draft
from agents.engine.tasks.reading import WindowNotes
from agents.settings import DocumentsSettings
from benchmarks.quality.questions import load

MOST_TOKENS = 400
STREAMS = (1, 8)
Form: TypeAlias = Literal["free", "lines", "schema", "bounded"]
"""How an answer is decoded."""


async def make_tasks(folder: Path, work: Path, count: int) -> dict[str, list[Task[Any]]]:
    """Return tasks of two roles over the set's documents."""
    library = Library(DocumentsSettings(roots=(folder,)), work)
    tasks: dict[str, list[Task[Any]]] = {"Draft": [], "WindowNotes": []}
    for question in load(folder, "work")[:count]:
        document = await library.open(str(question.document))
        hits = await library.search(question.text, [document.document_id], 8)
        evidence = tuple(hit.passage for hit in hits)
        if not evidence:
            continue
        tasks["Draft"].append(Draft(question=question.text, evidence=evidence))
        passages = await library.passages(document.document_id)
        tasks["WindowNotes"].append(WindowNotes(evidence=passages[:12], mode="summary"))
    await library.close()
    return tasks


async def decode(client: httpx.AsyncClient, url: str, model: str, task: Task[Any], form: Form) -> dict[str, float]:
    """Send one task; return its completion tokens, seconds to the first token, and seconds in all."""
    schema = output_schema.schema(task)
    body: dict[str, Any] = {
        "model": model,
        "messages": prompt_layout.messages(task, "" if form == "lines" else output_schema.template(schema)),
        "temperature": 0,
        "max_tokens": MOST_TOKENS,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if form == "lines" and (stop := task.line_stop()):
        body["stop"] = [stop]
    if form in ("schema", "bounded"):
        sent = schema if form == "bounded" else output_schema.without_lengths(schema)
        body["response_format"] = {"type": "json_schema", "json_schema": {"name": "answer", "schema": sent}}
    started, first, tokens, text = time.perf_counter(), 0.0, 0, ""
    async with client.stream("POST", f"{url}/chat/completions", json=body) as reply:
        reply.raise_for_status()
        async for line in reply.aiter_lines():
            if not line.startswith("data: {"):
                continue
            event = json.loads(line[6:])
            if event["choices"] and (piece := event["choices"][0]["delta"].get("content")):
                first, text = first or time.perf_counter() - started, text + piece
            if event.get("usage"):
                tokens = event["usage"]["completion_tokens"]
    seconds = time.perf_counter() - started
    return {"tokens": tokens, "first": first, "seconds": seconds, "formed": _has_form(task, text, form)}


def _has_form(task: Task[Any], text: str, form: Form) -> bool:
    try:
        (output_schema.parse_lines if form == "lines" else output_schema.parse)(task, text)
    except InvalidAnswerError:
        return False
    return True


async def measure(url: str, model: str, tasks: Sequence[Task[Any]], streams: int, form: Form) -> dict[str, float]:
    """Return tokens per second of all streams together, and the mean seconds to the first token."""
    turn = asyncio.Semaphore(streams)
    async with httpx.AsyncClient(timeout=600) as client:

        async def one(task: Task[Any]) -> dict[str, float]:
            async with turn:
                return await decode(client, url, model, task, form)

        started = time.perf_counter()
        done = await asyncio.gather(*(one(task) for task in tasks))
        wall = time.perf_counter() - started
    decoding = sum(each["seconds"] - each["first"] for each in done)
    tokens = sum(each["tokens"] for each in done)
    return {
        "tokens": tokens,
        "seconds": round(wall, 2),
        "tokens_per_second": round(tokens / wall, 1),
        "decode_tokens_per_second": round(tokens / decoding, 1) if decoding else 0.0,
        "first_token_seconds": round(statistics.mean(each["first"] for each in done), 3),
        "formed": round(statistics.mean(each["formed"] for each in done), 3),
    }


async def run(options: argparse.Namespace) -> None:
    """Measure every role, free and under its schema."""
    async with httpx.AsyncClient(timeout=30) as client:
        model = (await client.get(f"{options.base_url}/models")).json()["data"][0]["id"]
    tasks = await make_tasks(options.folder, options.work, options.count)
    found: dict[str, Any] = {}
    for role, several in tasks.items():
        for streams in STREAMS:
            # The first pass fills the prefix cache, so that all forms wait for the same.
            await measure(options.base_url, model, several, 8, "free")
            first_time = await measure(options.base_url, model, several, streams, "schema")
            forms = {form: await measure(options.base_url, model, several, streams, form) for form in get_args(Form)}
            rate = forms["free"]["decode_tokens_per_second"]
            found[f"{role}, {streams} at once"] = {
                **forms,
                "first_time": first_time,
                "ratio": {form: round(each["decode_tokens_per_second"] / rate, 3) for form, each in forms.items()},
                "ratio_of_seconds": {
                    form: round(each["seconds"] / forms["free"]["seconds"], 3) for form, each in forms.items()
                },
            }
            print(role, streams, json.dumps(found[f"{role}, {streams} at once"]), flush=True)
    if options.out:
        options.out.write_text(json.dumps(found, indent=1) + "\n")


def main() -> None:
    """Read the command line."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--base-url", required=True)
    asked.add_argument("--set", dest="folder", type=Path, required=True, help="the folder of the question set")
    asked.add_argument("--count", type=int, default=24, help="questions")
    asked.add_argument("--work", type=Path, default=Path("build/quality"), help="where the library is kept")
    asked.add_argument("--out", type=Path)
    options = asked.parse_args()
    options.folder, options.work = options.folder.resolve(), options.work.absolute()
    asyncio.run(run(options))


if __name__ == "__main__":
    main()
