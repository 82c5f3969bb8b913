"""Questions whose answers are known, made out of documents."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

from pydantic import Field

from agents.benchmark.facts import Fact, made_facts
from agents.language.sentences import split_sentences
from agents.schema import Document, Frozen

DEPTHS = (5, 25, 50, 75, 95)
"""Where in a document needles are looked for or planted, in percent."""
GAP = "____"
_LEAST_WORDS, _MOST_WORDS = 8, 45
_GAP_WORDS = 16
"""Words of the sentence that the question shows; the rest is left out."""
_NUMBER = re.compile(r"(?<![\w.,-])\d[\d.,:/]*\d(?![\w-])")
_NAME = re.compile(r"(?<=[a-z,;:] )[A-Z][\w'’-]+(?: [A-Z][\w'’-]+){1,3}")
_FORBIDDEN = re.compile(r"^#|\|")


class KnownQuestion(Frozen):
    """A question, what answers it, and where that stands."""

    question: str
    answer: str | None = Field(description="None: no document says it, and saying so is the right answer.")
    document: str = Field(description="The file that is asked.")
    start: int = Field(default=0, description="First character of the needle in the document's text.")
    end: int = 0
    page: int = 1
    depth: int | None = Field(default=None, description="Where the needle was looked for, in percent.")
    length: int | None = Field(default=None, description="Tokens of the document where it was made for a length.")


def own_questions(document: Document, path: str, depths: Sequence[int] = DEPTHS) -> list[KnownQuestion]:
    """Return questions from a document's own sentences: one figure or name left out of a sentence at each depth.

    Only sentences whose figure or name the document holds no second time are taken, so the answer is known.
    """
    sentences = split_sentences(document.text)
    found: list[KnownQuestion] = []
    for depth in depths:
        wanted = len(document.text) * depth // 100
        for start, end in sorted(sentences, key=lambda span: abs(span[0] - wanted)):
            answer = _gap(document.text, start, end)
            if answer and not any(known.start == start for known in found):
                found.append(
                    KnownQuestion(
                        question=_cloze(document.text[start:end], answer),
                        answer=answer,
                        document=path,
                        start=start,
                        end=end,
                        page=document.page_at(start),
                        depth=depth,
                    )
                )
                break
    return found


def _gap(text: str, start: int, end: int) -> str | None:
    """Return a figure or name of a sentence that stands nowhere else in the text."""
    sentence = text[start:end]
    if not _LEAST_WORDS <= len(sentence.split()) <= _MOST_WORDS or _FORBIDDEN.search(sentence):
        return None
    candidates = [match.group() for pattern in (_NUMBER, _NAME) for match in pattern.finditer(sentence)]
    return next((answer for answer in candidates if text.count(answer) == 1), None)


def _cloze(sentence: str, answer: str) -> str:
    """Ask for what was left out, showing the words around it."""
    before, _, after = (" ".join(part.split()) for part in sentence.partition(answer))
    words = [*before.split(), GAP, *after.split()]
    at = words.index(GAP)
    first = max(0, min(at - _GAP_WORDS // 2, len(words) - _GAP_WORDS))
    return f"What stands in the gap: “{' '.join(words[first : first + _GAP_WORDS])}”?"


def planted(text: str, depths: Sequence[int], seed: int) -> tuple[str, list[tuple[int, Fact]]]:
    """Plant a made-up fact at each depth of a text, between two sentences; return the text and what was planted."""
    ends = [end for _, end in split_sentences(text)] or [len(text)]
    facts = list(islice(unheard_of(text, seed), len(depths)))
    places = [min(ends, key=lambda end: abs(end - len(text) * depth // 100)) for depth in depths]
    for place, fact in sorted(zip(places, facts, strict=True), key=lambda each: each[0], reverse=True):
        text = f"{text[:place]} {fact.sentence}{text[place:]}"
    return text, list(zip(depths, facts, strict=True))


def unheard_of(text: str, seed: int) -> Iterator[Fact]:
    """Yield made-up facts whose names the text does not hold."""
    words = Counter(re.findall(r"\w+", text.casefold()))
    for fact in made_facts(seed):
        names = re.findall(r"[A-Z]\w{7,}", fact.sentence)
        if not any(words[name.casefold()] for name in names) and fact.answer not in text:
            yield fact
