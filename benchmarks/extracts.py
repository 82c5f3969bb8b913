"""Summaries without a model, beside the first sentences and TextRank: the faults that code finds, in one table.

    python -m benchmarks.extracts FILE... [--out extracts.md] [--show]

Readroom, `lead` (the document's first sentences), `lead of sections` (the first three sentences of the longest
sections) and TextRank (sumy, `pip install sumy`; without it that row is missing) each choose sentences with as many
words together. There is no summary to compare them with, so what is counted is what a reader would stumble over, and
how near the words of the summary come to those of the document: the Jensen-Shannon divergence, which goes with human
judgement of what was selected (Louis and Nenkova, 2013). `--show` writes the summaries too, to be read.
"""

import argparse
import asyncio
import math
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import accumulate, pairwise
from pathlib import Path
from statistics import fmean

from agents.assistant import Assistant
from agents.language.sentences import split_sentences
from agents.language.stems import Vocabulary
from agents.language.unspaced import count_words, join_lines
from agents.schema import Analysis, Document
from agents.settings import DocumentsSettings, EngineSettings, load_settings

MAX_RANKED = 600
"""Sentences that sumy ranks at once: its time grows with their square."""
_STOP = re.compile(r"[.!?…。！？｡؟\u06d4][\"'”’»)\]」』）]*(?:\[\d+\])*$")
_DOTTED = re.compile(r"\.{4,}|(?:\. ){4,}|…{2,}|_{4,}")
_PRONOUN = re.compile(
    r"(?:it|its|this|these|those|they|their|he|she|his|her|such|er|sie|es|dies\w*|il|elle|ils|elles|cela|celui-ci|"
    r"él|ella|ellos|este|esta|esto|questo|questa|egli|essa|ele|ela|eles|isto|isso|hij|zij|deze|dit)\b|他|她|它|这|彼|これ|それ|この|その",
    re.IGNORECASE,
)
_FIGURE = re.compile(r"\d")
_NAME = re.compile(r"(?<=[\w,] )[A-ZÀ-Þ]\w+ [A-ZÀ-Þ]\w+")


@dataclass(frozen=True)
class Sentence:
    """A sentence of a summary, and where it stands in the document."""

    text: str
    start: int


Choose = Callable[[Document], Sequence[Sentence]]
Measured = dict[str, list[dict[str, float]]]


def one_line(text: str) -> str:
    """Return a text with its white space joined."""
    return " ".join(join_lines(text).split())


def sentences_of(document: Document) -> list[Sentence]:
    """Return all sentences of a document, as the text has them."""
    spans = split_sentences(document.text)
    return [Sentence(one_line(document.text[start:end]), start) for start, end in spans]


def lead(document: Document) -> list[Sentence]:
    """Return a document's sentences, the first first."""
    return sentences_of(document)


def lead_of_sections(document: Document) -> list[Sentence]:
    """Return the first three sentences of each section, the longest first."""
    starts = [0, *(heading.start for heading in document.headings), len(document.text)]
    sections = sorted(pairwise(starts), key=lambda span: span[0] - span[1])
    titled = {heading.start for heading in document.headings}
    found = sentences_of(document)
    inside = ([each for each in found if start <= each.start < end][start in titled :][:3] for start, end in sections)
    return [each for section in inside for each in section]


def text_rank(document: Document) -> list[Sentence]:
    """Return the sentences in the order of sumy's TextRank, those of each stretch of a long document in turn."""
    from sumy.models.dom import ObjectDocumentModel, Paragraph
    from sumy.models.dom import Sentence as Ranked
    from sumy.summarizers.text_rank import TextRankSummarizer

    vocabulary = Vocabulary.of(document.text)

    class Words:
        def to_words(self, text: str) -> tuple[str, ...]:
            return tuple(vocabulary.terms(text))

    found = sentences_of(document)
    ranked: list[tuple[int, Sentence]] = []
    for at in range(0, len(found), MAX_RANKED):
        by_text = {each.text: each for each in reversed(found[at : at + MAX_RANKED])}
        model = ObjectDocumentModel([Paragraph([Ranked(text, Words()) for text in by_text])])
        ratings = TextRankSummarizer().rate_sentences(model)
        best = sorted(ratings, key=lambda each: -ratings[each])
        ranked += [(rank, by_text[str(each)]) for rank, each in enumerate(best)]
    return [each for _, each in sorted(ranked, key=lambda pair: (pair[0], pair[1].start))]


def up_to(words: int, sentences: Sequence[Sentence]) -> list[Sentence]:
    """Return the first sentences that have about so many words together, in the order of the text."""
    totals = accumulate(count_words(each.text) for each in sentences)
    chosen = [each for each, total in zip(sentences, totals, strict=True) if total <= words]
    return sorted(chosen or sentences[:1], key=lambda each: each.start)


def readroom(document: Document, analysis: Analysis) -> list[Sentence]:
    """Return the sentences of an analysis, without its table."""
    places = {citation.id: citation.start for citation in analysis.citations}
    claims = [claim for claim in analysis.claims if claim.kind in ("overview", "point")]
    return [Sentence(claim.text, min(places[each] for each in claim.citations)) for claim in claims]


class Faults:
    """What a reader of summaries of one document would stumble over."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._vocabulary = Vocabulary.of(document.text)
        lines = Counter(one_line(line) for line in document.text.splitlines())
        self._recurring = {line for line, count in lines.items() if count > 2 and line}
        self._headings = {one_line(heading.text) for heading in document.headings} | {document.title}
        self._words = Counter(self._vocabulary.terms(document.text))

    def of(self, summary: Sequence[Sentence]) -> dict[str, float]:
        """Return each measure of a summary: counts of faults per sentence, shares, and the divergence."""
        texts = [each.text for each in summary]
        stems = [frozenset(self._vocabulary.terms(text)) for text in texts]
        overlaps = [max((_jaccard(one, two) for two in stems[:at]), default=0.0) for at, one in enumerate(stems)]
        length = max(1, len(self._document.text))
        thirds = {min(2, 3 * each.start // length) for each in summary}
        shares: dict[str, Callable[[str], bool]] = {
            "fragment": self._is_fragment,
            "heading, head or contents": self._is_furniture,
            "pronoun first": lambda text: bool(_PRONOUN.match(text)),
            "figure or name": lambda text: bool(_FIGURE.search(text) or _NAME.search(text)),
        }
        return {
            "thirds": len(thirds),
            **{name: fmean(map(holds, texts)) if texts else 0.0 for name, holds in shares.items()},
            "said twice": fmean(overlap > 0.8 for overlap in overlaps) if overlaps else 0.0,
            "redundancy": fmean(overlaps) if overlaps else 0.0,
            "divergence from the text": self._divergence(
                Counter(stem for text in texts for stem in self._vocabulary.terms(text))
            ),
            "sentences": len(texts),
            "words of one": sum(map(count_words, texts)) / max(1, len(texts)),
        }

    def _is_fragment(self, text: str) -> bool:
        return text[:1].islower() or not _STOP.search(text) or count_words(text) < 5

    def _is_furniture(self, text: str) -> bool:
        return text in self._headings or text in self._recurring or bool(_DOTTED.search(text))

    def _divergence(self, words: Counter[str]) -> float:
        """Return the Jensen-Shannon divergence of two distributions of words, 0 (the same) to 1."""
        total, of_text = words.total() or 1, self._words.total() or 1
        divergence = 0.0
        for word in self._words | words:
            p, q = words[word] / total, self._words[word] / of_text
            for each in (p, q):
                divergence += 0.5 * each * math.log2(2 * each / (p + q)) if each else 0.0
        return divergence


def _jaccard(one: frozenset[str], two: frozenset[str]) -> float:
    return len(one & two) / (len(one | two) or 1)


async def measure(paths: Sequence[Path], others: Mapping[str, Choose], folder: Path) -> tuple[Measured, list[str]]:
    """Summarise all documents in each way; return what was measured, and our summaries in Markdown."""
    measured: Measured = {name: [] for name in ("Readroom", *others)}
    shown: list[str] = []
    changed = {
        "documents": DocumentsSettings(roots=tuple(dict.fromkeys(path.parent for path in paths))),
        "engine": EngineSettings(kind="extractive"),
        "data_dir": folder,
    }
    assistant = Assistant(load_settings().model_copy(update=changed))
    for path in paths:
        document = await assistant.library.open(str(path))
        started = time.monotonic()
        analysis = await assistant.analyze(str(path), "summary", wait_seconds=math.inf)
        seconds = time.monotonic() - started
        faults, ours = Faults(document), readroom(document, analysis)
        measured["Readroom"].append(faults.of(ours))
        words = sum(count_words(each.text) for each in ours)
        for name, choose in others.items():
            measured[name].append(faults.of(up_to(words, choose(document))))
        size = f"{len(document.pages)} pages, {analysis.coverage.tokens_total:,} tokens, {seconds:.1f} s"
        lines = analysis.markdown.partition("**Sources**")[0].strip().splitlines()
        shown.append("\n".join([f"## {path.name}", "", f"{size}.", "", *(f"> {line}".rstrip() for line in lines)]))
    await assistant.close()
    return measured, shown


def main(paths: Sequence[Path], out: Path | None, *, show: bool) -> None:
    """Summarise all documents in each way and write the table."""
    others: dict[str, Choose] = {"lead": lead, "lead of sections": lead_of_sections, "TextRank": text_rank}
    if find_spec("sumy") is None:
        print("sumy is not installed (pip install sumy): there will be no TextRank.", file=sys.stderr)
        del others["TextRank"]
    with tempfile.TemporaryDirectory() as folder:
        measured, shown = asyncio.run(measure(paths, others, Path(folder)))
    text = "\n\n".join([table(measured), *(shown if show else ())]) + "\n"
    if out:
        out.write_text(text)
    else:
        print(text)


def table(measured: Measured) -> str:
    """Return the mean of each measure, a row for each way to summarise."""
    names = list(next(iter(measured.values()))[0])
    rows = [
        f"| {way} | " + " | ".join(f"{fmean(each[name] for each in found):.2f}" for name in names) + " |"
        for way, found in measured.items()
    ]
    return "\n".join([f"| | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|", *rows])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("documents", nargs="+", type=lambda name: Path(name).resolve())
    parser.add_argument("--out", type=Path)
    parser.add_argument("--show", action="store_true", help="write the summaries, too")
    arguments = parser.parse_args()
    main(arguments.documents, arguments.out, show=arguments.show)
