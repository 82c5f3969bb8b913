"""Prompt tokens that vLLM really computes for an answer: our layout beside the two usual ones.

READROOM_ENGINE__KIND=vllm READROOM_ENGINE__MODEL=... python -m benchmarks.prefix_sharing [--tokens 20000]

The agents answer a complex question with three parts about a new document, then two follow-ups in the same session, and
what they set the engine is recorded. The same tasks are then laid out as agents usually are, the role's system prompt,
the question, and then what its tools return; and once more with the document before the question. All counts are the
engine's own. Small random weights serve as well as any: every task is computed, and only whether passages answer, and
what is quoted, is decided by rule here.
"""

import argparse
import asyncio
import math
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from agents.assistant import Assistant
from agents.benchmark.completion_client import CompletionClient, count_prefilled
from agents.benchmark.corpus import write_markdown
from agents.benchmark.served import find_served
from agents.engine.engine import Engine, Task
from agents.engine.openai.endpoint import Endpoint
from agents.engine.prompt_layout import messages
from agents.settings import Settings, load_settings
from benchmarks.record import record
from benchmarks.scripted_engine import STEERED, ScriptedEngine

COMPLEX, FOLLOW_UP, NAIVE = 1.35, 0.10, 4.0
"""Goals: prefilled tokens to the document's, and those of the naive layout to ours."""


def directed(engine: Engine) -> ScriptedEngine:
    """Return an engine that computes every task, and whose answers are the text's own words."""
    return ScriptedEngine(STEERED, engine=engine)


@dataclass(frozen=True)
class Asked:
    """What one answer cost."""

    prefilled: int
    prompt_tokens: int
    seconds: float


async def answer_with_agents(
    client: CompletionClient, settings: Settings, engine: ScriptedEngine, folder: Path, tokens: int
) -> tuple[int, list[Asked]]:
    """Ask about a new document of about so many tokens, then twice more in the same session.

    Returns:
        The document's tokens, and what the complex question, a simple and a complex follow-up cost.
    """
    path = folder / "made.md"
    # Another document each time: the engine must not have seen it.
    facts = write_markdown(path, max(1, round(tokens / engine.count_tokens(_page(folder)))), seed=time.time_ns())
    own = settings.model_copy(
        update={
            "data_dir": folder / "data",
            "documents": settings.documents.model_copy(update={"roots": (str(folder),)}),
        }
    )
    assistant = Assistant(own, engine=engine)
    of = [fact.question for fact in facts]
    middle = len(of) // 2
    questions = (" ".join([of[0], of[middle], of[-1]]), of[middle + 1], " ".join([of[1], of[middle - 1], of[-2]]))
    asked: list[Asked] = []
    session, held = None, 0
    try:
        for question in questions:
            work = assistant.ask(question, [] if session else [str(path)], session, wait_seconds=math.inf)
            computed, answer = await count_prefilled(client, work)
            session, held = answer.session.session_id, answer.coverage.tokens_total
            asked.append(Asked(computed, answer.usage.prompt_tokens, answer.usage.seconds))
    finally:
        await assistant.close()
    return held, asked


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
    before, instruction, rest = user["content"].rpartition(task.instruction())
    form, mark, question = rest.partition("\n\nQuestion: ")
    document, close, history = before.rpartition("</document>")
    return (
        f"You are the {task.role} agent. {instruction}{form}\n{system['content']}",
        document + close,
        history + mark + question,
    )


def _system(content: str) -> dict[str, str]:
    return {"role": "system", "content": content}


def _user(content: str) -> dict[str, str]:
    return {"role": "user", "content": content}


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
    client, engine = CompletionClient(served.endpoint), directed(opened.engine)
    with tempfile.TemporaryDirectory() as name:
        document, asked = await answer_with_agents(client, settings, engine, Path(name), tokens)
    usual, _ = await count_prefilled(client, send(served.endpoint, [question_first(task) for task in engine.tasks]))
    role, _ = await count_prefilled(client, send(served.endpoint, [role_first(task) for task in engine.tasks]))
    await client.close()
    await user.close()
    figures = compared(document, asked, usual, role)
    record(
        "prefix_sharing",
        f"python -m benchmarks.prefix_sharing --tokens {tokens}: a complex question with three parts about a new "
        f"document and two follow-ups in its session on {Path(opened.engine.info.model or '').name} by vLLM "
        f"({' '.join(settings.engine.extra_args) or 'no more arguments'}); tokens as its own metrics count them.",
        {"engine_calls": len(engine.tasks)} | figures,
        goal="a complex question prefills at most 1.35 times its document, a follow-up at most 0.10 times, and prompts "
        "with the role and the question first at least 4 times as much as ours",
        met=figures["complex_to_document"] <= COMPLEX
        and figures["simple_follow_up_to_document"] <= FOLLOW_UP
        and figures["complex_follow_up_to_document"] <= FOLLOW_UP
        and figures["question_first_to_ours"] >= NAIVE,
    )


def compared(document: int, asked: list[Asked], usual: int, role: int) -> dict[str, float]:
    """Return the figures and their ratios."""
    ours = sum(each.prefilled for each in asked)
    names = ("complex", "simple_follow_up", "complex_follow_up")
    figures: dict[str, float] = {"document_tokens": document}
    for name, each in zip(names, asked, strict=True):
        figures |= {
            f"{name}_prompt_tokens": each.prompt_tokens,
            f"{name}_prefilled_tokens": each.prefilled,
            f"{name}_to_document": each.prefilled / document,
            f"{name}_seconds": each.seconds,
        }
    return figures | {
        "prefilled_tokens": ours,
        "prefilled_tokens_question_first": usual,
        "prefilled_tokens_role_first": role,
        "question_first_to_ours": usual / ours,
        "role_first_to_ours": role / ours,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, default=20_000)
    asyncio.run(main(parser.parse_args().tokens))
