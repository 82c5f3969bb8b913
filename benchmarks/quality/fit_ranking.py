# ruff: noqa: ANN401
"""Fit the weights by which the engine without a model ranks sentences, and its confidence, on a question set.

    python -m benchmarks.quality.fit_ranking --set FOLDER

Prints what goes into agents/engine/extractive/weights.py, and how well such weights do on documents that they were
not fitted on: a tenth of the documents is left out of each fit.

The ranking is a conditional logit: how likely a sentence is the one that answers, among all of its document's. The
confidence is a logistic regression on what the ranking says of its best sentence. Each question is asked of its
document, of that without the pages that answer it, and of another's; and again of the three passages alone in which it
is, or seems, answered, for a short text tells less. The bias is then set so that of the questions asked of their whole
document as many are expected to be answered as are.
"""

import argparse
import asyncio
import tempfile
from collections.abc import Iterable, Iterator, Sequence
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
FOLDS = 10
"""Parts of the documents, each of which is left out of a fit once."""


@dataclass(frozen=True)
class Case:
    """A question with the measures of its document's sentences."""

    question: Question
    index: TextIndex
    measures: Any
    places: Any
    """Of each sentence: its page, or the thousands of characters before it in a document without pages."""
    answers: Any
    """Which sentences answer."""
    right: frozenset[int]
    """The places where a citation counts."""

    def scores(self, weights: Any) -> Any:
        """Return the sentences' scores."""
        return self.measures @ weights


async def read(questions: Sequence[Question], library: Library) -> list[Case]:
    """Open every question's document and measure its sentences; a question without known words is left out."""
    cases: list[Case] = []
    for question in questions:
        document = await library.open(str(question.document))
        index = text_index(await library.passages(document.document_id))
        asked = index.question(question.text)
        if asked and len(index.spans):
            cases.append(_case(question, document, index))
    return cases


def _case(question: Question, document: Document, index: TextIndex) -> Case:
    starts = np.array([index.passages[number].start + start for number, start, _ in index.spans])
    ends = np.array([index.passages[number].start + end for number, _, end in index.spans])
    paged = len(document.pages) > 1
    places = np.array([document.page_at(start) if paged else start // NEAR_CHARACTERS for start in starts])
    right = np.isin(places, question.pages) if question.pages else np.zeros(len(places), dtype=bool)
    near = [(page.start, page.end) for page in document.pages if page.number in question.pages]
    evidence = locate(question.evidence, document, near) if question.evidence else None
    answers = (starts < evidence.end) & (evidence.start < ends) if evidence else right
    if not question.pages:
        right = answers
    measures = index.measure(index.question(question.text))
    return Case(
        question, index, measures, places, answers if answers.any() else right, frozenset(places[right].tolist())
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


@dataclass(frozen=True)
class Asked:
    """A question asked of a text."""

    case: Case
    of: str
    answered: bool
    index: TextIndex
    measures: Any

    def signs(self, weights: Any) -> list[float]:
        """Return what tells of whether the best sentence answers."""
        asked = self.index.question(self.case.question.text)
        return list(self.index.signs(asked, self.measures @ weights).values())


def ask(cases: Sequence[Case]) -> Iterator[Asked]:
    """Ask each question of its document, of that without its answer, and of another's; and of a few passages of each.

    What shares no word with the question is left out: nobody takes it for an answer.
    """
    for case, other in zip(cases, [*cases[len(cases) // 2 :], *cases], strict=False):
        answered = case.question.answer is not None
        right = np.isin(case.places, list(case.right))
        yield from _ask_of(case, case.index, "answering" if answered else "silent", right)
        if answered:
            gold = {case.index.spans[place][0] for place in np.flatnonzero(right)}
            rest = TextIndex(tuple(each for number, each in enumerate(case.index.passages) if number not in gold))
            yield from _ask_of(case, rest, "without its answer")
        if case.question.document != other.question.document:
            yield from _ask_of(case, other.index, "another's")


def _ask_of(case: Case, index: TextIndex, of: str, right: Any = None) -> Iterator[Asked]:
    question = index.question(case.question.text)
    if not question or not len(index.spans) or not (measured := index.measure(question)).any():
        return
    answered = of == "answering"
    yield Asked(case, of, answered, index, measured)
    likely = measured.sum(axis=1) * (right if answered else 1.0)
    number = index.spans[int(np.argmax(likely))][0]
    few = TextIndex(index.passages[max(0, number - 1) : number + 2])
    if (measured := few.measure(few.question(case.question.text))).any():
        yield Asked(case, f"{of}, few passages", answered, few, measured)


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


def _calibrated(weights: Any, signs: Any, answered: Any) -> Any:
    """Return the weights with a bias under which as many are expected to be answered as are."""
    for _ in range(30):
        likely = logistic(signs, weights)
        weights = np.append(weights[0] - np.mean(likely - answered) / np.mean(likely * (1 - likely)), weights[1:])
    return weights


def _sigmoid(values: Any) -> Any:
    return 1.0 / (1.0 + np.exp(-values))


def report(cases: Sequence[Case]) -> str:
    """Return the figures on documents left out of the fit, and the weights fitted on all."""
    documents = sorted({case.question.document for case in cases})
    fold = np.array([documents.index(case.question.document) % FOLDS for case in cases])
    weights = [fit_ranking(case for case, own in zip(cases, fold, strict=True) if own != left) for left in range(FOLDS)]
    answerable = [
        each for each in zip(cases, fold, strict=True) if each[0].question.answer is not None and each[0].right
    ]
    ranks = np.array([_rank(case, weights[own]) for case, own in answerable])
    asked = list(ask(cases))
    of, answered = (np.array([getattr(each, name) for each in asked]) for name in ("of", "answered"))
    own = np.array([documents.index(each.case.question.document) % FOLDS for each in asked])
    signs = np.array([each.signs(weights[fold]) for each, fold in zip(asked, own, strict=True)])
    sure = np.zeros(len(asked))
    whole = np.isin(of, ("answering", "silent"))
    for left in range(FOLDS):
        among = own != left
        fitted = fit_confidence(signs[among], answered[among])
        fitted = _calibrated(fitted, signs[among & whole], answered[among & whole])
        sure[~among] = logistic(signs[~among], fitted)
    ranking = fit_ranking(cases)
    signs = np.array([each.signs(ranking) for each in asked])
    confidence = _calibrated(fit_confidence(signs, answered), signs[whole], answered[whole])
    texts = list(dict.fromkeys(of.tolist()))
    limits = (
        f"  {limit:4.2f}  {'  '.join(_below(sure[of == text], limit) for text in texts)}"
        for limit in np.arange(0.4, 0.99, 0.02)
    )
    lines = [
        f"{len(cases)} questions, {len(documents)} documents, a tenth of them left out of each fit:",
        f"  on a gold page: best sentence {np.mean(ranks < 1):.3f}, of three pages one {np.mean(ranks < 3):.3f}",
        f"  confidence below, asked of a document: {'; '.join(f'{text} ({np.sum(of == text)})' for text in texts)}",
        *limits,
        f"MEASURES = {named(MEASURES, ranking)}",
        f"CONFIDENCE = {named(CONFIDENCE, confidence)}",
    ]
    return "\n".join(lines)


def logistic(signs: Any, weights: Any) -> Any:
    """Return how likely each row of signs is, under the bias and the weights."""
    return _sigmoid(np.column_stack([np.ones(len(signs)), signs]) @ weights)


def _below(values: Any, limit: float) -> str:
    return f"{np.mean(values < limit):.3f}"


def _rank(case: Case, weights: Any) -> int:
    """Return how many places are ranked before the first right one, each at its best sentence."""
    best = np.argsort(-case.scores(weights), kind="stable")
    order = list(dict.fromkeys(case.places[best].tolist()))
    return min(order.index(place) for place in case.right)


def named(names: Iterable[str], values: Iterable[float]) -> dict[str, float]:
    """Return fitted values by their names, as they are written down."""
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
