# ruff: noqa: ANN401
"""Fit what is made of a model's word: which sentences its answer is from, and whether the text answers at all.

    python -m benchmarks.quality.fit_answers --set FOLDER --replies FILE

Asks the model (READROOM_ENGINE__BASE_URL) of every question whether the best passages answer it, and for an answer, and
keeps both in the file; where that is there already, no model is needed. Prints what goes into the files named below,
and how well it does on documents that it was not fitted on: a tenth of them is left out of each fit.

ANSWER_WEIGHT       how much a sentence's measures by the answer's words count beside those by the question's: in
                    agents/engine/extractive/weights.py, the next two in agents/supervisor/synthesis.py
ANSWERABLE          a logistic regression on the model's log odds of "yes" and the rules' confidence
NOT_ANSWERED_BELOW  a bound for it, to be chosen from what each refuses
"""

import argparse
import asyncio
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from agents.assistant import Assistant
from agents.documents.library import Library
from agents.engine.extractive.weights import ANSWER_WEIGHT, CONFIDENCE, MEASURES
from agents.engine.tasks.answering import Answerable, Draft
from agents.settings import DocumentsSettings, load_settings
from agents.supervisor.retrieval import JUDGED
from agents.supervisor.synthesis import ANSWERABLE
from benchmarks.quality.fit_ranking import FOLDS, Case, fit_confidence, logistic, named, read
from benchmarks.quality.prompts import ask_all, find
from benchmarks.quality.questions import Question, load
from benchmarks.record import made_on

WEIGHTS = np.arange(0.0, 1.01, 0.05)
BOUNDS = np.arange(0.0, 2.01, 0.1)

Told = Mapping[str, tuple[float, str]]
"""By question: the model's log odds that the passages answer it, and its answer."""


def read_told(file: Path) -> Told:
    """Return what a model said, as `write_told` has kept it."""
    return {name: (odds, answer) for name, (odds, answer) in json.loads(file.read_text())["replies"].items()}


def write_told(file: Path, told: Told) -> None:
    """Keep what the model said, with what it was said on."""
    made = {
        "what": "a model's log odds that the best passages answer each question, and its answer",
        **made_on(),
        "replies": told,
    }
    file.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n")


async def ask(questions: Sequence[Question], folder: Path, at_once: int) -> Told:
    """Return what the model says to every question; those that it gave no answer to are left out."""
    with tempfile.TemporaryDirectory() as data:
        settings = load_settings().model_copy(
            update={"data_dir": Path(data), "documents": DocumentsSettings(roots=(folder,))}
        )
        assistant = Assistant(settings)
        try:
            engine = (await assistant.engine(lambda _: None)).engine
            asked = await find(questions, assistant.library)
            shown = ((each.question.text, each.ranking) for each in asked)
            judging = [Answerable(evidence=ranking[:JUDGED], question=text) for text, ranking in shown]
            shown = ((each.question.text, each.ranking[: settings.supervisor.passages]) for each in asked)
            drafting = [Draft(evidence=evidence, question=text) for text, evidence in shown]
            odds, drafts = await ask_all(engine, judging, at_once), await ask_all(engine, drafting, at_once)
        finally:
            await assistant.close()
    both = zip(questions, odds, drafts, strict=True)
    return {question.id: (one.result.log_odds, two.result.answer) for question, one, two in both if one and two}


class Answered:
    """A question that a model was asked, with its sentences' scores by the question and by the model's answer."""

    def __init__(self, case: Case, told: tuple[float, str]) -> None:
        self._case = case
        self.answerable = case.question.answer is not None
        weights = np.array(list(MEASURES.values()))
        self._scores = case.scores(weights)
        said = case.index.question(told[1])
        self._by_answer = case.index.measure(said) @ weights if said else np.zeros(len(self._scores))
        asked = case.index.question(case.question.text)
        signs = list(case.index.signs(asked, self._scores + ANSWER_WEIGHT * self._by_answer).values())
        log_odds = CONFIDENCE["bias"] + sum(np.array(list(CONFIDENCE.values())[1:]) * signs)
        self.signs = (told[0], float(log_odds))
        """The model's log odds, and the rules', of what its answer is from."""
        self.first = np.array([self._first(weight) for weight in WEIGHTS])
        """By weight: whether the best sentence is on a gold page."""

    def _first(self, weight: float) -> bool:
        best = int(np.argmax(self._scores + weight * self._by_answer))
        return bool(self._case.places[best] in self._case.right)


def report(cases: Sequence[Case], told: Told) -> str:
    """Return the figures on documents left out of the fit, and what was fitted on all."""
    documents = sorted({case.question.document for case in cases})
    kept = [case for case in cases if case.question.id in told]
    fold = np.array([documents.index(case.question.document) % FOLDS for case in kept])
    asked = [Answered(case, told[case.question.id]) for case in kept]
    return "\n".join(
        [
            f"{len(asked)} questions, {len(documents)} documents, a tenth of them left out of each fit",
            *_sources(asked, fold, np.array([bool(case.right) for case in kept])),
            *_refusals(asked, fold),
        ]
    )


def _sources(asked: Sequence[Answered], fold: Any, has_gold: Any) -> list[str]:
    counts = has_gold & np.array([each.answerable for each in asked])
    first, own = np.stack([each.first for each in asked])[counts], fold[counts]
    left_out = np.concatenate(
        [first[own == part, int(np.argmax(first[own != part].mean(axis=0)))] for part in range(FOLDS)]
    )
    return [
        f"first source on a gold page, of {len(first)}: {first[:, 0].mean():.3f} by the question alone",
        f"  {left_out.mean():.3f} with a weight fitted on other documents; by weight:",
        *(f"  {weight:4.2f}  {rate:.3f}" for weight, rate in zip(WEIGHTS, first.mean(axis=0), strict=True)),
        f"ANSWER_WEIGHT = {WEIGHTS[int(np.argmax(first.mean(axis=0)))]:.2f}",
    ]


def _refusals(asked: Sequence[Answered], fold: Any) -> list[str]:
    answerable = np.array([each.answerable for each in asked])
    signs = np.array([each.signs for each in asked])
    joined, alone = np.zeros(len(asked)), np.zeros(len(asked))
    for part in range(FOLDS):
        own = fold == part
        joined[own] = logistic(signs[own], fit_confidence(signs[~own], answerable[~own]))
        alone[own] = logistic(signs[own, :1], fit_confidence(signs[~own, :1], answerable[~own]))
    columns = [np.log(each / (1.0 - each)) for each in (joined, alone)]
    rows = (
        "  ".join([f"  {bound:4.2f}", *(f"{np.mean(each[part] < bound):.3f}" for each in columns for part in parts)])
        for bound in BOUNDS
        for parts in [(answerable, ~answerable)]
    )
    return [
        f"refused below, of {answerable.sum()} answerable and {(~answerable).sum()} others; by the model alone",
        *rows,
        f"ANSWERABLE = {named(ANSWERABLE, fit_confidence(signs, answerable))}",
    ]


async def run(options: argparse.Namespace) -> None:
    """Ask, where nothing is kept; read, fit, print."""
    folder, questions = options.folder, load(options.folder, options.part)
    if not options.replies.exists():
        write_told(options.replies, await ask(questions, folder, options.at_once))
    told = read_told(options.replies)
    if not options.fit:
        return
    with tempfile.TemporaryDirectory() as data:
        library = Library(DocumentsSettings(roots=(folder,)), Path(data))
        cases = await read(questions, library)
        await library.close()
    print(report(cases, told))


def main() -> None:
    """Read the command line."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--set", dest="folder", type=Path, required=True, help="the folder of the question set")
    asked.add_argument("--part", choices=("all", "work", "check"), default="work")
    asked.add_argument("--replies", type=Path, required=True, help="what the model said: read, or written")
    asked.add_argument("--at-once", type=int, default=32, help="tasks in flight")
    asked.add_argument("--no-fit", dest="fit", action="store_false", help="only ask")
    options = asked.parse_args()
    options.folder = options.folder.resolve()
    asyncio.run(run(options))


if __name__ == "__main__":
    main()
