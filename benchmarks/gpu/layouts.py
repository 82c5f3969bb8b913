"""The same recorded tasks, sent in the product's layout and in the two usual ones: what the engine must prefill."""

import time
from collections.abc import Callable, Sequence
from itertools import takewhile
from typing import Any, TypeAlias

import httpx

from agents.benchmark.completion_client import CompletionClient, count_prefilled
from agents.engine.engine import Task
from agents.engine.openai.endpoint import Endpoint
from agents.engine.prompt_layout import messages
from benchmarks.prefix_sharing import question_first, role_first

Messages: TypeAlias = list[dict[str, str]]


def document_first(task: Task[Any]) -> Messages:
    """Lay a task out as the product does: document, question, role."""
    return messages(task, "JSON")


LAYOUTS: dict[str, Callable[[Task[Any]], Messages]] = {
    "document_first": document_first,
    "role_first": role_first,
    "question_first": question_first,
}


def retitled(task: Task[Any], mark: str) -> Task[Any]:
    """Return the task about a document of another title: no layout finds anything of it in the cache."""
    evidence = tuple(each.model_copy(update={"title": f"{mark} {each.title}"}) for each in task.evidence)
    return task.model_copy(update={"evidence": evidence})


async def replay(
    endpoint: Endpoint, client: CompletionClient, tasks: Sequence[Task[Any]], layout: str, seconds: float
) -> list[dict[str, Any]]:
    """Send tasks one after another, one token each; return what each took, as far as the time goes.

    Args:
        endpoint: The engine.
        client: Reads its metrics.
        tasks: Recorded from the agents.
        layout: One of LAYOUTS.
        seconds: No task begins after this time; one under way is waited for.
    """
    mark = f"{layout} {time.time_ns()}"
    deadline = time.monotonic() + seconds
    done: list[dict[str, Any]] = []
    async with httpx.AsyncClient(headers=endpoint.headers(), timeout=endpoint.request_seconds, trust_env=False) as http:
        for task in takewhile(lambda _: time.monotonic() < deadline, tasks):
            body = {
                "model": endpoint.model,
                "messages": LAYOUTS[layout](retitled(task, mark)),
                "max_tokens": 1,
            }
            began = time.monotonic()
            tokens, response = await count_prefilled(
                client, http.post(f"{endpoint.base_url}/chat/completions", json=body)
            )
            response.raise_for_status()
            done.append(
                {
                    "task": type(task).__name__,
                    "prompt_tokens": response.json()["usage"]["prompt_tokens"],
                    "prefilled_tokens": tokens,
                    "seconds": round(time.monotonic() - began, 3),
                }
            )
    return done


async def compare(
    endpoint: Endpoint, client: CompletionClient, tasks: Sequence[Task[Any]], seconds: float
) -> dict[str, Any]:
    """Replay tasks in every layout; ratios are over the tasks that all layouts came to in the time."""
    deadline = time.monotonic() + seconds
    rows: dict[str, list[dict[str, Any]]] = {}
    for number, layout in enumerate(LAYOUTS):
        share = (deadline - time.monotonic()) / (len(LAYOUTS) - number)
        rows[layout] = await replay(endpoint, client, tasks, layout, share)
    common = min(len(done) for done in rows.values())
    if not common:
        return {"error": "no task was sent in every layout: the time was up", "tasks": len(tasks), "each": rows}
    sums = {layout: _sum(done[:common]) for layout, done in rows.items()}
    ours = sums["document_first"]
    ratios = {
        f"{layout}_to_document_first": {
            key: round(sums[layout][key] / ours[key], 2) if ours[key] else None
            for key in ("prefilled_tokens", "seconds")
        }
        for layout in ("role_first", "question_first")
    }
    return {"tasks": len(tasks), "compared_tasks": common, "sums": sums, "ratios": ratios, "each": rows}


def _sum(done: Sequence[dict[str, Any]]) -> dict[str, float]:
    return {key: round(sum(row[key] for row in done), 3) for key in ("prompt_tokens", "prefilled_tokens", "seconds")}
