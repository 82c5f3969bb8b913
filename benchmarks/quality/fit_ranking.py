"""Fit the weights by which the engine without a model ranks sentences, and its confidence, on a question set.

    python -m benchmarks.quality.fit_ranking --set FOLDER

Prints what goes into agents/engine/extractive/weights.py, and how well such weights do on documents that they were
not fitted on: every document's questions are answered with weights fitted on all the others.

The ranking is a conditional logit: how likely a sentence is the one that answers, among all of its document's. The
confidence is a logistic regression on what the ranking says of its best sentence, over questions whose document
answers them and others whose does not.
"""

import argparse
import asyncio
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from agents.documents.library import Library
from agents.engine.extractive.ranking import TextIndex, text_index
from agents.engine.extractive.weights import CONFIDENCE, MEASURES
from agents.grounding.quotes import locate
from agents.schema import Document
from agents.settings import DocumentsSettings
from benchmarks.quality.judge import NEAR_CHARACTERS
from benchmarks.quality.questions import Question, load

CANDIDATES = 300
"""Sentences of a document that a question's answer is told from while weights are fitted: the best by equal weights."""
STEPS, RATE, SHRINKAGE = 250, 0.1, 0.002
"""Of the descent (Adam); the weights are shrunk a little, by their squares."""
SHRINKAGE_OF_CONFIDENCE = 1.0


@dataclass(frozen=True)
class Case:
    """A question with the measures of its document's sentences."""

    question: Question
    index: TextIndex
    measures: Any
    held: Any
    places: Any
    """Of each sentence: its page, or the thousands of characters before it in a document without pages."""
    answers: Any
    """Which sentences answer."""
    right: frozenset[int]
    """The places where a citation counts."""

    def scores(self, weights: Any) -> Any:
        """Return the sentences' scores."""
        return self.measures @ weights

    def signs(self, weights: Any) -> list[float]:
        """Return what tells of whether the best sentence answers."""
        asked = self.index.question(self.question.text)
        return list(self.index.signs(asked, self.scores(weights), self.held).values())


async def read(questions: Sequence[Question], library: Library) -> list[Case]:
    """Open every question's document and measure its sentences; a question without known words is left out."""
    cases: list[Case] = []
    for question in questions:
        document = await library.open(str(question.document))
        index = text_index(await library.passages(document.document_id))
        asked = index.question(question.text)
        if asked.stems and index.spans:
            cases.append(_case(question, document, index))
    return cases


def _case(question: Question, document: Document, index: TextIndex) -> Case:
    starts = np.array([index.passages[number].start + start for number, start, _ in index.spans])
    ends = np.array([index.passages[number].start + end for number, _, end in index.spans])
    paged = len(document.pages) > 1
    places = np.array([document.page_at(start) if paged else start // NEAR_CHARACTERS for start in starts])
    pages = [page for page in document.pages if page.number in question.pages]
    right = np.isin(places, question.pages) if question.pages else np.zeros(len(places), dtype=bool)
    evidence = (
        locate(question.evidence, document, [(page.start, page.end) for page in pages]) if question.evidence else None
    )
    answers = (starts < evidence.end) & (evidence.start < ends) if evidence else right
    if not question.pages:
        right = answers
    measures, held = index.measure(index.question(question.text))
    return Case(
        question, index, measures, held, places, answers if answers.any() else right, frozenset(places[right].tolist())
    )


def fit_ranking(cases: Iterable[Case]) -> Any:
    """Return the measures' weights under which the answering sentences are likeliest."""
    data = [_candidates(case) for case in cases if case.answers.any()]
    weights, mean, square = (np.zeros(len(MEASURES)) for _ in range(3))
    for step in range(1, STEPS + 1):
        slope = SHRINKAGE * weights
        for measures, answers in data:
            likely = _softmax(measures @ weights)
            slope = slope + measures.T @ (likely - _softmax(np.where(answers, measures @ weights, -np.inf))) / len(data)
        mean, square = 0.9 * mean + 0.1 * slope, 0.999 * square + 0.001 * slope**2
        weights = weights - RATE * mean / (1 - 0.9**step) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
    return weights


def _candidates(case: Case) -> tuple[Any, Any]:
    best = np.argsort(-case.measures.sum(axis=1), kind="stable")[:CANDIDATES]
    kept = np.unique(np.append(best, np.flatnonzero(case.answers)))
    return case.measures[kept], case.answers[kept]


def _softmax(scores: Any) -> Any:
    likely = np.exp(scores - scores.max())
    return likely / likely.sum()


def fit_confidence(signs: Any, answered: Any) -> Any:
    """Return the bias and the signs' weights of a logistic regression, by Newton's method."""
    inputs = np.column_stack([np.ones(len(signs)), signs])
    shrunk = np.diag([0.0, *[SHRINKAGE_OF_CONFIDENCE] * signs.shape[1]])
    weights = np.zeros(inputs.shape[1])
    for _ in range(30):
        likely = _sigmoid(inputs @ weights)
        slope = inputs.T @ (likely - answered) + shrunk @ weights
        weights = weights - np.linalg.solve((inputs.T * (likely * (1 - likely))) @ inputs + shrunk, slope)
    return weights


def _sigmoid(values: Any) -> Any:
    return 1.0 / (1.0 + np.exp(-values))


def report(cases: Sequence[Case]) -> str:
    """Return the figures on documents left out of the fit, and the weights fitted on all."""
    documents = sorted({case.question.document for case in cases})
    left_out = {each: fit_ranking(c for c in cases if c.question.document != each) for each in documents}
    answerable = [case for case in cases if case.question.answer is not None and case.right]
    ranks = [_rank(case, left_out[case.question.document]) for case in answerable]
    signs = np.array([case.signs(left_out[case.question.document]) for case in cases])
    answered = np.array([case.question.answer is not None for case in cases])
    sure = np.zeros(len(cases))
    for each in documents:
        own = np.array([case.question.document == each for case in cases])
        weights = fit_confidence(signs[~own], answered[~own])
        sure[own] = _sigmoid(np.column_stack([np.ones(own.sum()), signs[own]]) @ weights)
    lines = [
        f"{len(cases)} questions, {len(documents)} documents, each answered with weights fitted on the others:",
        f"  best sentence on a gold page {np.mean([rank < 1 for rank in ranks]):.3f}, one of the best three pages "
        f"{np.mean([rank < 3 for rank in ranks]):.3f}",
        "  confidence below  answerable  unanswerable",
        *(
            f"  {limit:16.2f}  {np.mean(sure[answered] < limit):10.3f}  {np.mean(sure[~answered] < limit):12.3f}"
            for limit in (0.3, 0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9)
        ),
        f"MEASURES = {_named(MEASURES, fit_ranking(cases))}",
        f"CONFIDENCE = {_named(CONFIDENCE, fit_confidence(signs, answered))}",
    ]
    return "\n".join(lines)


def _rank(case: Case, weights: Any) -> int:
    """Return how many places are ranked before the first right one, each at its best sentence."""
    best = np.argsort(-case.scores(weights), kind="stable")
    order = list(dict.fromkeys(case.places[best].tolist()))
    return min(order.index(place) for place in case.right)


def _named(names: Iterable[str], values: Iterable[float]) -> dict[str, float]:
    return {name: round(float(value), 2) for name, value in zip(names, values, strict=True)}


async def run(folder: Path, part: Any) -> None:
    """Read the set, fit, print."""
    with tempfile.TemporaryDirectory() as data:
        library = Library(DocumentsSettings(roots=(folder,)), Path(data))
        cases = await read(load(folder, part), library)
        await library.close()
    print(report(cases))


def main() -> None:
    """Read the command line."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--set", dest="folder", type=Path, required=True, help="the folder of the question set")
    asked.add_argument("--part", choices=("all", "work", "check"), default="work")
    options = asked.parse_args()
    asyncio.run(run(options.folder.resolve(), options.part))


if __name__ == "__main__":
    main()
