"""Ask a question set of the product and of plain calls, side by side in one run, and keep every answer.

    READROOM_ENGINE__BASE_URL=http://127.0.0.1:8000/v1 python -m benchmarks.quality --set FOLDER --out answers.json
    READROOM_ENGINE__MODEL=FOLDER READROOM_ENGINE__KV_CACHE_DTYPE=auto python -m benchmarks.quality --set FOLDER ...
    python -m benchmarks.quality.judge answers.json --set FOLDER

The model is whatever the settings name: a server, or the resident engine, which is started. Systems take turns
question by question, `--at-once` questions together, so that all of them meet the same load.
"""

import argparse
import asyncio
import json
import time
from pathlib import Path

from agents.assistant import Assistant
from agents.benchmark.served import find_served
from agents.documents.library import Library
from agents.settings import DocumentsSettings, Settings, load_settings
from benchmarks.quality.judge import find_evidence, judge_each, table
from benchmarks.quality.pages import PagesByBM25
from benchmarks.quality.questions import Question, load
from benchmarks.quality.systems import Cites, PlainCall, Product, Reply, System
from benchmarks.record import made_on

PLAIN: dict[str, tuple[int | None, Cites]] = {
    "plain_8": (8, "quote"),
    "plain_20": (20, "quote"),
    "plain_whole": (None, "quote"),
    "sentences_8": (8, "sentence"),
    "sentences_20": (20, "sentence"),
    "passages_8": (8, "passage"),
    "passages_20": (20, "passage"),
}
"""Plain calls by name: passages in the prompt (None: the whole text), and how the model names its source."""
SYSTEMS = ("readroom", "readroom_without_a_model", "bm25_pages", *PLAIN)


async def ask_all(
    systems: list[System], questions: list[Question], at_once: int, seconds: float, whole: set[str]
) -> list[Reply]:
    """Return every system's reply to every question, as far as the time goes.

    Args:
        systems: Who is asked.
        questions: What is asked.
        at_once: Questions asked together.
        seconds: Time for everything; questions that were not begun by then are left out.
        whole: Ids of the questions whose document fits into the model's context as a whole.
    """
    replies: list[Reply] = []
    turn = asyncio.Semaphore(at_once)
    ends = time.monotonic() + seconds

    async def ask(question: Question) -> None:
        async with turn:
            for system in systems:
                if time.monotonic() > ends or (system.name == "plain_whole" and question.id not in whole):
                    continue
                replies.append(await system.answer(question))
        done = len({reply.question for reply in replies})
        if done % 20 == 0:
            print(f"{done} of {len(questions)} questions", flush=True)

    await asyncio.gather(*(ask(question) for question in questions))
    return replies


async def fitting(questions: list[Question], library: Library, tokens: int | None) -> set[str]:
    """Return the questions whose document fits into a context of so many tokens, by the fixed estimate."""
    if tokens is None:
        return set()
    found: set[str] = set()
    for question in questions:
        document = await library.open(str(question.document))
        # Three characters a token is low for English and high for Chinese: the server refuses what it cannot hold.
        if len(document.text) < 3 * (tokens - 1_024):
            found.add(question.id)
    return found


async def run(options: argparse.Namespace) -> None:
    """Ask, judge and write."""
    given = load_settings()
    settings = given.model_copy(
        update={"data_dir": options.work, "documents": DocumentsSettings(roots=(options.folder,))}
    )
    questions = load(options.folder, options.part)[: options.limit]
    assistant = Assistant(settings)
    without = Assistant(_without_model(settings))
    library = assistant.library
    systems: list[System] = []
    named = options.systems.split(",")
    if "readroom" in named:
        systems.append(Product("readroom", assistant))
    if "readroom_without_a_model" in named:
        systems.append(Product("readroom_without_a_model", without))
    if "bm25_pages" in named:
        systems.append(PagesByBM25("bm25_pages", library))
    engine = None
    plain = [name for name in named if name in PLAIN]
    if plain or "readroom" in named:
        active = await assistant.engine(lambda _: None)
        engine = active.engine.info
        served = await find_served(settings, engine)
        if served is None:
            why = active.warning or "Set READROOM_ENGINE__BASE_URL, or have the resident engine."
            raise SystemExit(f"These systems need a model. {why}")
        systems += [PlainCall(name, served.endpoint, library, *PLAIN[name]) for name in plain]
    whole = await fitting(questions, library, engine.context_tokens if engine else None)
    replies = await ask_all(systems, questions, options.at_once, options.seconds, whole)
    evidence = await find_evidence(questions, library)
    for part in (*systems, assistant, without):
        if isinstance(part, PlainCall | Assistant):
            await part.close()
    write(options.out, settings, engine, evidence, replies)
    print(table(judge_each(questions, replies, evidence)))


def _without_model(settings: Settings) -> Settings:
    engine = settings.engine.model_copy(update={"kind": "extractive", "base_url": None})
    return settings.model_copy(update={"engine": engine})


def write(
    out: Path, settings: Settings, engine: object, evidence: dict[str, tuple[int, int]], replies: list[Reply]
) -> None:
    """Write the answers with what they were made with."""
    out.parent.mkdir(parents=True, exist_ok=True)
    made = {
        **made_on(),
        "engine": engine.model_dump(mode="json") if engine else None,  # type: ignore[attr-defined]
        "settings": settings.engine.model_dump(mode="json", include={"model", "kv_cache_dtype", "quantization"}),
        "evidence": evidence,
        "replies": [reply.model_dump(mode="json") for reply in replies],
    }
    out.write_text(json.dumps(made, ensure_ascii=False) + "\n")


def main() -> None:
    """Read the command line."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--set", dest="folder", type=Path, required=True, help="the folder of the question set")
    asked.add_argument("--part", choices=("all", "work", "check"), default="work")
    asked.add_argument("--systems", default=",".join(SYSTEMS), help="which of " + ", ".join(SYSTEMS))
    asked.add_argument("--limit", type=int, help="only the first questions")
    asked.add_argument("--at-once", type=int, default=8, help="questions asked together")
    asked.add_argument("--seconds", type=float, default=3_600.0, help="time for the questions")
    asked.add_argument("--work", type=Path, default=Path("build/quality"), help="where the library is kept")
    asked.add_argument("--out", type=Path, default=Path("build/quality/answers.json"))
    options = asked.parse_args()
    options.folder, options.work = options.folder.resolve(), options.work.absolute()
    asyncio.run(run(options))


if __name__ == "__main__":
    main()
