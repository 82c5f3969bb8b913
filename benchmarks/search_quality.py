"""Whether search finds the page that answers: our passages, with and without embeddings, beside plain BM25 over pages.

python -m benchmarks.search_quality QUESTIONS.json [--embeddings] [--longest PAGES] [--check]

The file lists questions as {"q", "doc", "pages", "evidence", "a", "lang"}: a document's path beside the file, the
numbers of the pages that answer, the words there that do, the answer (null where the document has none) and the
question's language. Of a document without pages a passage is right that holds the evidence. Questions with "check" true
are left out, or with --check are all that is asked. With --embeddings, several shares of them are tried:
`_SHARE_OF_EMBEDDINGS` in agents/documents/search/bm25.py is the one that each fold of documents chooses by the others.
"""

import argparse
import asyncio
import json
import re
import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np

from agents.benchmark.workbench import percentile
from agents.documents.library import Library
from agents.documents.search.bm25 import PassageIndex
from agents.documents.search.embeddings import DIMENSIONS, load_embedding
from agents.documents.terms import extract_terms
from agents.language.lexicon import language_of
from agents.schema import Document, Passage
from agents.settings import DocumentsSettings
from benchmarks.record import record

AMONG = 3
SHARES = (0.0, 0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 1.0)
FOLDS = 5

Outcome = tuple[bool, bool]
"""Whether the first is right, and whether one of the first three is."""
Rank = Callable[[dict[str, Any]], Sequence[bool]]
"""Returns for the best places of a question, best first, whether they are right."""


@dataclass
class Asked:
    """A document, with what its search takes."""

    document: Document
    passages: tuple[Passage, ...]
    pages: PassageIndex
    index: PassageIndex
    vectors: Any = None
    embedding_seconds: float = 0.0

    @classmethod
    async def open(cls, library: Library, path: Path) -> "Asked":
        """Open a document and index it by pages and by passages."""
        document = await library.open(str(path))
        passages = await library.passages(document.document_id)
        language = language_of(document.text).stemmer
        pages = extract_terms((document.text[page.start : page.end] for page in document.pages), language)
        texts = extract_terms((f"{each.heading}\n{each.text}" for each in passages), language)
        return cls(document, passages, PassageIndex([pages]), PassageIndex([texts]))

    def is_right(self, question: dict[str, Any], passage: Passage) -> bool:
        """Whether a passage is on a page that answers, or holds the evidence where there are no pages."""
        if question["pages"]:
            return passage.page in question["pages"]
        return any(_bare(part) in _bare(passage.text) for part in question["evidence"].split(" … "))

    def by_pages(self, question: dict[str, Any]) -> list[bool]:
        """Rank whole pages by BM25: what anyone can do in ten lines."""
        ranked = self.pages.rank(question["q"], AMONG)
        return [self.document.pages[each.passage].number in question["pages"] for each in ranked]

    def by_words(self, question: dict[str, Any]) -> list[bool]:
        """Rank passages as the product does without embeddings."""
        ranked = self.index.rank(question["q"], AMONG)
        return [self.is_right(question, self.passages[each.passage]) for each in ranked]

    def by_both(self, question: dict[str, Any], vector: Any, share: float) -> list[bool]:  # noqa: ANN401
        """Rank passages by words and embeddings."""
        words = np.zeros(len(self.passages))
        for each in self.index.rank(question["q"], len(words)):
            words[each.passage] = each.score
        scores = (1 - share) * _min_max(words) + share * _min_max(self.vectors @ vector)
        return [self.is_right(question, self.passages[at]) for at in np.argsort(-scores, kind="stable")[:AMONG]]


def _bare(text: str) -> str:
    return re.sub(r"\W+", "", text).casefold()


def _min_max(scores: Any) -> Any:  # noqa: ANN401
    return (scores - scores.min()) / (scores.max() - scores.min() or 1)


def shares_right(outcomes: dict[int, Outcome], questions: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Return "first / first three" in percent, of all questions and of each language."""
    groups: dict[str, list[Outcome]] = defaultdict(list)
    for at, outcome in outcomes.items():
        for group in ("all", questions[at]["lang"]):
            groups[group].append(outcome)
    return {
        f"{group} ({len(each)})": " / ".join(f"{100 * np.mean([right[at] for right in each]):.1f}" for at in (0, 1))
        for group, each in groups.items()
    }


def cross_validated(by_share: dict[float, dict[int, Outcome]], questions: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return what comes of choosing the share by other documents than those that are asked, and the shares chosen."""
    documents = sorted({question["doc"] for question in questions})
    outcomes: dict[int, Outcome] = {}
    chosen: list[float] = []
    for fold in (set(documents[start::FOLDS]) for start in range(FOLDS)):
        asked = [at for at, question in enumerate(questions) if question["doc"] in fold]
        others = [at for at, question in enumerate(questions) if question["doc"] not in fold]
        best = max(SHARES, key=lambda share: sum(sum(by_share[share][at]) for at in others))
        outcomes |= {at: by_share[best][at] for at in asked}
        chosen.append(best)
    return {"shares_chosen": chosen, "percent_right": shares_right(outcomes, questions)}


def ask(questions: Sequence[dict[str, Any]], rank: Rank) -> tuple[dict[int, Outcome], float]:
    """Return each question's outcome, and the 95th percentile of the seconds that a search took."""
    outcomes: dict[int, Outcome] = {}
    seconds: list[float] = []
    for at, question in enumerate(questions):
        started = perf_counter()
        right = rank(question)
        seconds.append(perf_counter() - started)
        outcomes[at] = bool(right and right[0]), any(right)
    return outcomes, percentile(seconds, 0.95)


async def open_all(folder: Path, names: Sequence[str]) -> dict[str, Asked]:
    """Open documents and index them."""
    with tempfile.TemporaryDirectory() as data:
        library = Library(DocumentsSettings(roots=(folder,)), Path(data))
        opened = {name: await Asked.open(library, folder / name) for name in names}
        await library.close()
    return opened


def main(file: Path, longest: int, *, embeddings: bool, check: bool) -> None:
    """Open the documents, ask, and keep the result."""
    listed = json.loads(file.read_text(encoding="utf-8"))
    questions = [each for each in listed if each["a"] is not None and bool(each.get("check")) == check]
    names = list(dict.fromkeys(question["doc"] for question in questions))
    opened = asyncio.run(open_all(file.parent.resolve(), names))
    opened = {name: each for name, each in opened.items() if len(each.document.pages) <= longest}
    questions = [question for question in questions if question["doc"] in opened]
    paged = [question for question in questions if question["pages"]]
    pages, _ = ask(paged, lambda question: opened[question["doc"]].by_pages(question))
    words_on_pages, _ = ask(paged, lambda question: opened[question["doc"]].by_words(question))
    words, p95 = ask(questions, lambda question: opened[question["doc"]].by_words(question))
    figures: dict[str, Any] = {
        "documents": len(opened),
        "questions": len(questions),
        "bm25_over_pages_percent_right": shares_right(pages, paged),
        "passages_of_the_same_questions_percent_right": shares_right(words_on_pages, paged),
        "passages_percent_right": shares_right(words, questions),
        "passages_search_p95_ms": 1_000 * p95,
    }
    if embeddings:
        figures |= joined(questions, opened)
    first, first_of_pages = (np.mean([right[0] for right in each.values()]) for each in (words_on_pages, pages))
    record(
        f"search_quality{'_embeddings' * embeddings}",
        f"python -m benchmarks.search_quality QUESTIONS.json{' --embeddings' * embeddings} --longest {longest}"
        f"{' --check' * check}: questions over real documents that are not ours to pass on; first / first three right.",
        figures,
        goal="passages find the page first as often as BM25 over pages does",
        met=bool(first >= first_of_pages),
    )


def joined(questions: Sequence[dict[str, Any]], opened: dict[str, Asked]) -> dict[str, Any]:
    """Return what embeddings add, and what they take."""
    embed = load_embedding()
    for each in opened.values():
        started = process_time()
        texts = [f"{passage.heading}\n{passage.text}" for passage in each.passages]
        each.vectors = np.frombuffer(embed(texts), dtype=np.float32).reshape(-1, DIMENSIONS)
        each.embedding_seconds = process_time() - started
    vectors = np.frombuffer(embed([question["q"] for question in questions]), dtype=np.float32).reshape(-1, DIMENSIONS)
    by_text = {question["q"]: vector for question, vector in zip(questions, vectors, strict=True)}
    by_share = {
        share: ask(
            questions,
            lambda asked, share=share: opened[asked["doc"]].by_both(asked, by_text[asked["q"]], share),
        )[0]
        for share in SHARES
    }
    pages = sum(len(each.document.pages) for each in opened.values())
    return {
        "embedding_cpu_seconds_per_100_pages": 100 * sum(each.embedding_seconds for each in opened.values()) / pages,
        "share_of_embeddings_percent_right": {
            str(share): shares_right(outcomes, questions) for share, outcomes in by_share.items()
        },
        "share_chosen_by_other_documents": cross_validated(by_share, questions),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("questions", type=Path)
    parser.add_argument("--embeddings", action="store_true")
    parser.add_argument("--longest", type=int, default=1_000, help="leave longer documents out")
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    main(given.questions, given.longest, embeddings=given.embeddings, check=given.check)
