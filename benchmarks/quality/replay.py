"""Ask a question set of the agents with what a model once said: what they make of it, measured without a GPU.

    python -m benchmarks.quality.replay --set FOLDER --replies benchmarks/results/replies_h100.json

The replies are those that fit_answers keeps: whether the best passages answer a question, and an answer. Everything
else is the product's own, so a change of what follows a model's reply shows here; a change of a prompt does not.
"""

import argparse
import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agents.assistant import Assistant
from agents.engine.engine import ChoiceResult
from agents.engine.tasks.answering import Answerable, Draft, DraftResult
from agents.settings import DocumentsSettings, EngineSettings, Settings
from benchmarks.quality.fit_answers import Told, read_told
from benchmarks.quality.judge import find_evidence, judge_each, table
from benchmarks.quality.questions import Question, load
from benchmarks.quality.systems import Product, Reply
from benchmarks.scripted_engine import ScriptedEngine


def recorded(told: tuple[float, str]) -> ScriptedEngine:
    """Return an engine that says about one question what a model said; whatever else it is asked it answers by rule."""
    log_odds, answer = told
    return ScriptedEngine({Answerable: ChoiceResult(log_odds=log_odds), Draft: DraftResult(answer=answer)})


async def replay(questions: Sequence[Question], told: Told, folder: Path) -> dict[str, Any]:
    """Return the figures of the agents, and of the engine without a model, over the questions with a reply."""
    replies: list[Reply] = []
    with tempfile.TemporaryDirectory() as data:
        settings = Settings(
            data_dir=Path(data),
            documents=DocumentsSettings(roots=(folder,)),
            engine=EngineSettings(kind="extractive"),
        )
        without = Assistant(settings)
        for question in questions:
            assistant = Assistant(settings, recorded(told[question.id]))
            replies.append(await Product("replayed", assistant).answer(question))
            await assistant.close()
            replies.append(await Product("readroom_without_a_model", without).answer(question))
        evidence = await find_evidence(questions, without.library)
        await without.close()
    return judge_each(questions, replies, evidence)


def main() -> None:
    """Read the command line."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--set", dest="folder", type=Path, required=True, help="the folder of the question set")
    asked.add_argument("--part", choices=("all", "work", "check"), default="work")
    asked.add_argument("--replies", type=Path, required=True, help="what the model said, as fit_answers keeps it")
    options = asked.parse_args()
    told = read_told(options.replies)
    questions = [question for question in load(options.folder, options.part) if question.id in told]
    print(table(asyncio.run(replay(questions, told, options.folder.resolve()))))


if __name__ == "__main__":
    main()
