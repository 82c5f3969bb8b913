"""How to ask a model: forms of the two tasks of an answer, side by side over a question set.

    READROOM_ENGINE__BASE_URL=http://127.0.0.1:8000/v1 python -m benchmarks.quality.prompts --set FOLDER --out FILE

answerable   how well the log odds of "yes" tell the questions that a document answers from those it does not, by how
             many of the best passages are shown: the area under the curve, and what each bound refuses
drafts       quotes first or answer first, an invitation to refuse, more or fewer passages: the gold answer held, and
             how often the first citation is on a gold page, in the model's order and in the search's
"""

import argparse
import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field
from typing_extensions import override

from agents.assistant import Assistant
from agents.documents.library import Library
from agents.engine.engine import Engine, Outcome, Task, bounded
from agents.engine.tasks.answering import Answerable, Draft, DraftResult
from agents.errors import EngineError
from agents.grounding.quotes import locate
from agents.schema import Document, Frozen, Passage
from agents.settings import DocumentsSettings, load_settings
from benchmarks.quality.judge import find_evidence, judge
from benchmarks.quality.questions import Question, load
from benchmarks.quality.systems import Cited, Reply
from benchmarks.record import made_on

SHOWN = (2, 3, 5, 8, 20)
"""Numbers of passages from which the model tells whether they answer."""
BOUNDS = (-0.5, 0.0, 0.25, 0.5, 0.75, 1.0)
"""Log odds below which a question would be refused."""
NOT_FOUND = "The document does not say."


class AnswerFirstResult(Frozen):
    """The answer before its quotes."""

    answer: str = Field(json_schema_extra=bounded(600))
    quotes: tuple[str, ...] = Field(
        min_length=1, max_length=3, json_schema_extra={"items": {"type": "string", **bounded(400)}}
    )


class AnswerFirst(Task[AnswerFirstResult]):
    """Answer, then quote."""

    role: ClassVar[str] = "synthesis"

    @override
    def instruction(self) -> str:
        return (
            "Answer the question from the document text above and from nothing else, in one or two sentences. "
            "Then give one to three quotes that show it: words of the text, copied exactly."
        )


class MayRefuse(AnswerFirst):
    """The same, with an invitation to say that the text does not answer."""

    @override
    def instruction(self) -> str:
        return f'{super().instruction()} If the text does not answer it, the answer is "{NOT_FOUND}"'


class QuotesFirstResult(Frozen):
    """The quotes before the answer: the schema has the fields in this order."""

    quotes: tuple[str, ...] = Field(
        min_length=1, max_length=3, json_schema_extra={"items": {"type": "string", **bounded(400)}}
    )
    answer: str = Field(json_schema_extra=bounded(600))


class QuotesFirst(Task[QuotesFirstResult]):
    """Quote, then answer from the quotes."""

    role: ClassVar[str] = "synthesis"

    @override
    def instruction(self) -> str:
        return (
            "First copy from the document text above, exactly, the one to three quotes that answer the question. "
            "Then answer it from them in one or two sentences, in the language of the question."
        )


@dataclass(frozen=True)
class Asked:
    """A question, its document, and the passages that the search ranks best."""

    question: Question
    document: Document
    ranking: tuple[Passage, ...]


DRAFTS: Mapping[str, tuple[type[Task[Any]], int]] = {
    "answer_alone_8": (Draft, 8),
    "quotes_first_8": (QuotesFirst, 8),
    "quotes_first_5": (QuotesFirst, 5),
    "quotes_first_12": (QuotesFirst, 12),
    "answer_first_8": (AnswerFirst, 8),
    "answer_first_may_refuse_8": (MayRefuse, 8),
}
"""Forms of a draft by name: the task, and how many passages it shows."""


async def find(questions: Sequence[Question], library: Library) -> list[Asked]:
    """Open the documents and search them."""
    found: list[Asked] = []
    for question in questions:
        document = await library.open(str(question.document))
        hits = await library.search(question.text, [document.document_id], max(SHOWN))
        found.append(Asked(question, document, tuple(hit.passage for hit in hits)))
    return found


async def ask_all(engine: Engine, tasks: Sequence[Task[Any]], at_once: int) -> list[Outcome[Any] | None]:
    """Return the outcome of every task, in their order; None where the engine gave none."""
    turn = asyncio.Semaphore(at_once)

    async def ask(task: Task[Any]) -> Outcome[Any] | None:
        async with turn:
            try:
                return await engine.run(task)
            except EngineError:
                return None

    return await asyncio.gather(*map(ask, tasks))


def answerable_figures(asked: Sequence[Asked], odds: Sequence[float | None]) -> dict[str, Any]:
    """Return how well log odds tell the questions apart."""
    told = [(each.question.answer is not None, value) for each, value in zip(asked, odds, strict=True)]
    yes = [value for answers, value in told if answers and value is not None]
    no = [value for answers, value in told if not answers and value is not None]
    above = sum((one > other) + 0.5 * (one == other) for one in yes for other in no)
    return {
        "questions": len(told),
        "untold": sum(value is None for _, value in told),
        "area_under_curve": round(above / (len(yes) * len(no)), 3) if yes and no else None,
        "bounds": {
            str(bound): {
                "false_refusals": round(sum(value < bound for value in yes) / len(yes), 3) if yes else None,
                "right_refusals": round(sum(value < bound for value in no) / len(no), 3) if no else None,
            }
            for bound in BOUNDS
        },
    }


def to_reply(
    each: Asked, result: DraftResult | AnswerFirstResult | QuotesFirstResult, outcome: Outcome[Any], name: str
) -> Reply:
    """Return a draft as the judge reads it."""
    located = [found for quote in result.quotes if (found := locate(quote, each.document))]
    return Reply(
        question=each.question.id,
        system=name,
        text=result.answer,
        citations=tuple(Cited(page=at.page, start=at.start, end=at.end, quote=at.quote) for at in located),
        refused=NOT_FOUND in result.answer,
        claims=len(result.quotes),
        supported=len(located),
        calls=outcome.usage.engine_calls,
        prompt_tokens=outcome.usage.prompt_tokens,
        completion_tokens=outcome.usage.completion_tokens,
        seconds=outcome.usage.seconds,
    )


def in_the_searchs_order(reply: Reply, ranking: Sequence[Passage]) -> Reply:
    """Return a reply whose citations are in the order in which the search ranked their passages."""

    def rank(cited: Cited) -> int:
        places = (place for place, each in enumerate(ranking) if each.start <= cited.start < each.end)
        return next(places, len(ranking))

    return reply.model_copy(update={"citations": tuple(sorted(reply.citations, key=rank))})


async def measure(engine: Engine, asked: Sequence[Asked], library: Library, at_once: int) -> dict[str, Any]:
    """Return the figures of every form."""
    questions = [each.question for each in asked]
    evidence = await find_evidence(questions, library)
    answerable: dict[str, Any] = {}
    for shown in SHOWN:
        tasks = [Answerable(evidence=each.ranking[:shown], question=each.question.text) for each in asked]
        outcomes = await ask_all(engine, tasks, at_once)
        odds = [outcome.result.log_odds if outcome else None for outcome in outcomes]
        answerable[str(shown)] = answerable_figures(asked, odds)
    drafts: dict[str, Any] = {}
    for name, (kind, shown) in DRAFTS.items():
        outcomes = await ask_all(
            engine, [kind(evidence=each.ranking[:shown], question=each.question.text) for each in asked], at_once
        )
        replies = [
            to_reply(each, outcome.result, outcome, name) if outcome else Reply(question=each.question.id, system=name)
            for each, outcome in zip(asked, outcomes, strict=True)
        ]
        figures = judge(questions, replies, evidence)
        ranked = [in_the_searchs_order(reply, each.ranking) for reply, each in zip(replies, asked, strict=True)]
        figures["quotes_located"] = figures.pop("claims_supported")
        drafts[name] = figures | {
            "first_citation_in_the_searchs_order": judge(questions, ranked, evidence)["first_citation_on_gold"]
        }
    return {"answerable": answerable, "drafts": drafts}


async def run(options: argparse.Namespace) -> None:
    """Ask, judge and write."""
    settings = load_settings().model_copy(
        update={"data_dir": options.work, "documents": DocumentsSettings(roots=(options.folder,))}
    )
    questions = load(options.folder, options.part)[: options.limit]
    assistant = Assistant(settings)
    try:
        opened = await assistant.engine(lambda _: None)
        asked = await find(questions, assistant.library)
        figures = await measure(opened.engine, asked, assistant.library, options.at_once)
        made = {
            **made_on(),
            "engine": opened.engine.info.model_dump(mode="json"),
            "part": options.part,
        }
    finally:
        await assistant.close()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(made | figures, indent=1) + "\n")
    print(json.dumps(figures, indent=1))


def main() -> None:
    """Read the command line."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--set", dest="folder", type=Path, required=True, help="the folder of the question set")
    asked.add_argument("--part", choices=("all", "work", "check"), default="work")
    asked.add_argument("--limit", type=int, help="only the first questions")
    asked.add_argument("--at-once", type=int, default=32, help="tasks in flight")
    asked.add_argument("--work", type=Path, default=Path("build/quality"), help="where the library is kept")
    asked.add_argument("--out", type=Path, default=Path("build/quality/prompts.json"))
    options = asked.parse_args()
    options.folder, options.work = options.folder.resolve(), options.work.absolute()
    asyncio.run(run(options))


if __name__ == "__main__":
    main()
