"""Prompt tokens that vLLM really computes for an answer: our layout beside the two usual ones.

READROOM_ENGINE__KIND=vllm READROOM_ENGINE__MODEL=... python -m benchmarks.prefix_sharing [--tokens 20000]

The agents answer three complex questions about a new document, and what they set the engine is recorded. The same
tasks are then laid out as agents usually are, the role's system prompt, the question, and then what its tools
return; and once more with the document before the question. All counts are the engine's own. Small random weights
serve as well as any: every task is computed, and only which way a question takes and how it is cut is decided by
rule here.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import Any, TypeVar, cast

import httpx

from agents.assistant import Assistant
from agents.benchmark.completions import CompletionClient
from agents.benchmark.made_documents import write_markdown
from agents.benchmark.metrics import rise
from agents.benchmark.recording import RecordingEngine
from agents.benchmark.served import find_served
from agents.benchmark.workbench import ask
from agents.engine.base import Outcome, ResultT
from agents.engine.endpoint import Endpoint
from agents.engine.prompts import messages
from agents.engine.tasks.base import Task
from agents.engine.tasks.decisions import NextStep, NextStepResult, Plan, PlanResult, Route, RouteResult
from agents.settings import Settings, load_settings
from benchmarks.record import record

QUESTIONS = 3
T = TypeVar("T")


class DirectedEngine(RecordingEngine):
    """A recording engine that computes every task, and replaces what it decides by what a complex question needs."""

    async def run(self, task: Task[ResultT]) -> Outcome[ResultT]:
        """Compute the task; its result counts only where it is no decision."""
        outcome = await super().run(task)
        result: object = outcome.result
        if isinstance(task, Route):
            result = RouteResult(kind="complex", reason="As the benchmark says.")
        elif isinstance(task, Plan):
            result = PlanResult(sub_questions=tuple(part.strip() for part in task.question.split(" And ")))
        elif isinstance(task, NextStep):
            usual = {"finish": task.may_finish[0]} if task.may_finish else {"next": task.allowed[:1]}
            result = NextStepResult.model_validate(usual)
        return Outcome(cast("ResultT", result), outcome.usage)


async def answer_with_agents(
    settings: Settings, engine: DirectedEngine, folder: Path, tokens: int
) -> tuple[int, list[float]]:
    """Ask about a new document of about so many tokens; return the prompt tokens and the seconds of each answer."""
    path = folder / "made.md"
    # Another document each time: the engine must not have seen it.
    facts = write_markdown(path, max(1, round(tokens / engine.count_tokens(_page(folder)))), seed=time.time_ns())
    own = settings.model_copy(
        update={
            "data_dir": folder / "data",
            "documents": settings.documents.model_copy(update={"roots": (folder,)}),
        }
    )
    assistant = Assistant(own, engine=engine)
    try:
        question = f"{facts[0].question} And {facts[-1].question}"
        answers = [await ask(assistant, f"({number}) {question}", [path]) for number in range(QUESTIONS)]
    finally:
        await assistant.close()
    return sum(answer.usage.prompt_tokens for answer in answers), [answer.usage.seconds for answer in answers]


def _page(folder: Path) -> str:
    path = folder / "page.md"
    write_markdown(path, 1, seed=16)
    return path.read_text(encoding="utf-8")


def question_first(task: Task[Any]) -> list[dict[str, str]]:
    """Lay a task out as agent frameworks do: the role, the question, then what was retrieved for it."""
    role, document, question = _parts(task)
    return [_system(role), _user(question), _user(document)]


def role_first(task: Task[Any]) -> list[dict[str, str]]:
    """Lay a task out with the role first, and the document before the question."""
    role, document, question = _parts(task)
    return [_system(role), _user(document + question)]


def _parts(task: Task[Any]) -> tuple[str, str, str]:
    """Cut a task's own prompt into the role with its instruction, the document, and the question."""
    system, user = messages(task, "JSON")
    before, _, instruction = user["content"].rpartition(f"Instruction ({task.role}):")
    document, close, question = before.rpartition("</document>")
    return f"You are the {task.role} agent.{instruction}\n{system['content']}", document + close, question


def _system(content: str) -> dict[str, str]:
    return {"role": "system", "content": content}


def _user(content: str) -> dict[str, str]:
    return {"role": "user", "content": content}


async def prefilled(client: CompletionClient, work: Awaitable[T]) -> tuple[int, T]:
    """Do the work, and return how many prompt tokens the engine computed meanwhile."""
    before = await client.metrics()
    done = await work
    after = await client.metrics()
    return int(rise(before, after, "vllm:prompt_tokens_by_source_total", source="local_compute") or 0), done


async def send(endpoint: Endpoint, prompts: list[list[dict[str, str]]]) -> None:
    """Send prompts one after another, one token each: only what is prefilled counts."""
    async with httpx.AsyncClient(headers=endpoint.headers(), timeout=endpoint.request_seconds, trust_env=False) as http:
        for prompt in prompts:
            body = {"model": endpoint.model, "messages": prompt, "max_tokens": 1}
            (await http.post(f"{endpoint.base_url}/chat/completions", json=body)).raise_for_status()


async def main(tokens: int) -> None:
    """Measure the layouts on the engine that the environment names."""
    settings = load_settings()
    user = Assistant(settings)
    opened = await user.engine(lambda progress: print(progress.message, flush=True))
    served = await find_served(settings, opened.engine.info)
    if served is None:
        raise SystemExit(f"This needs a vLLM, and {opened.engine.info.name} answers. {opened.warning or ''}")
    client, engine = CompletionClient(served.endpoint), DirectedEngine(opened.engine)
    with tempfile.TemporaryDirectory() as name:
        ours, (asked, seconds) = await prefilled(client, answer_with_agents(settings, engine, Path(name), tokens))
    tasks = [task for task, _ in engine.outcomes]
    usual, _ = await prefilled(client, send(served.endpoint, [question_first(task) for task in tasks]))
    role, _ = await prefilled(client, send(served.endpoint, [role_first(task) for task in tasks]))
    await client.close()
    await user.close()
    record(
        "prefix_sharing",
        f"python -m benchmarks.prefix_sharing --tokens {tokens}: {QUESTIONS} complex questions about a new document on "
        f"{Path(opened.engine.info.model or '').name} by vLLM; tokens as the engine's own metrics count them.",
        {
            "questions": QUESTIONS,
            "engine_calls": len(tasks),
            "prompt_tokens_asked": asked,
            "prefilled_tokens": ours,
            "prefilled_tokens_question_first": usual,
            "prefilled_tokens_role_first": role,
            "question_first_to_ours": usual / ours,
            "role_first_to_ours": role / ours,
            "engine_seconds_first_answer": seconds[0],
            "engine_seconds_last_answer": seconds[-1],
        },
        goal="at least 4 times fewer prefilled tokens than prompts with the role and the question first",
        met=usual >= 4 * ours,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, default=20_000)
    asyncio.run(main(parser.parse_args().tokens))
