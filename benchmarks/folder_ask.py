"""Asking a folder of 1,000 known documents without a model: seconds, and whether the right one is cited.

python -m benchmarks.folder_ask [--documents 1000] [--pages 1] [--questions 40]
python -m benchmarks.folder_ask --each      names every file by itself, as one had to before folders were taken
"""

import argparse
import asyncio
import tempfile
from pathlib import Path

from agents.assistant import Assistant
from agents.benchmark.corpus import Fact, write_text
from agents.benchmark.workbench import percentile, timed
from agents.schema import Answer
from agents.settings import DocumentsSettings, EngineSettings, Settings
from benchmarks.record import record

UNANSWERABLE = "Who was the first king of the moon?"


def write_all(folder: Path, documents: int, pages: int) -> list[Fact]:
    """Write made documents; return the first fact of each."""
    folder.mkdir()
    return [write_text(folder / f"{number}.txt", pages, seed=number)[0] for number in range(documents)]


async def main(documents: int, pages: int, questions: int, *, each: bool) -> None:
    """Open the documents, ask, change the folder and ask again, then ask in an assistant that has nothing at hand."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        folder = root / "documents"
        facts = write_all(folder, documents, pages)
        named = [str(path) for path in sorted(folder.iterdir())] if each else [str(folder)]
        settings = Settings(
            data_dir=root / "data",
            documents=DocumentsSettings(roots=(folder,)),
            engine=EngineSettings(kind="extractive"),
        )

        async def ask(assistant: Assistant, question: str) -> tuple[float, Answer]:
            return await timed(assistant.ask(question, named, wait_seconds=3_600))

        assistant = Assistant(settings)
        opening, _ = await ask(assistant, facts[0].question)
        seconds: list[float] = []
        right = 0
        for fact in facts[:: max(1, documents // questions)]:
            taken, answer = await ask(assistant, fact.question)
            seconds.append(taken)
            right += any(fact.answer in citation.quote for citation in answer.citations)
        refusing, _ = await ask(assistant, UNANSWERABLE)
        changed = None
        if not each:
            fact = write_text(folder / "1.txt", pages, seed=documents + 1)[0]
            folder.joinpath("2.txt").unlink()
            changed, _ = await ask(assistant, fact.question)
        await assistant.close()
        assistant = Assistant(settings)
        afresh, answer = await ask(assistant, facts[3].question)
        await assistant.close()
    slowest = max([*seconds, refusing])
    record(
        "folder_ask_each" if each else "folder_ask",
        f"python -m benchmarks.folder_ask --documents {documents} --pages {pages} --questions {questions}"
        f"{' --each' if each else ''}: one question after another, no model, made documents of some 500 words a page.",
        {
            "documents": documents,
            "pages_each": pages,
            "questions": len(seconds),
            "first_ask_that_opens_all_seconds": opening,
            "ask_p50_seconds": percentile(seconds, 0.5),
            "ask_p95_seconds": percentile(seconds, 0.95),
            "ask_slowest_seconds": max(seconds),
            "ask_without_answer_seconds": refusing,
            "ask_after_one_file_changed_and_one_went_seconds": changed,
            "first_ask_of_a_new_assistant_seconds": afresh,
            "right_document_cited_percent": 100 * right / len(seconds),
            "characters_of_an_answer": len(answer.model_dump_json()),
        },
        goal="every ask over known documents under 1 s",
        met=slowest < 1,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=1_000)
    parser.add_argument("--pages", type=int, default=1)
    parser.add_argument("--questions", type=int, default=40)
    parser.add_argument("--each", action="store_true")
    asked = parser.parse_args()
    asyncio.run(main(asked.documents, asked.pages, asked.questions, each=asked.each))
