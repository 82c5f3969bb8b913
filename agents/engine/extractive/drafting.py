"""Which of many passages to look into for an answer."""
# MERGED """Draft: the sentences that answer a question, each as a claim with its exact quote."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from agents.engine.extractive.decisions import sub_questions
from agents.engine.extractive.judging import Particulars
from agents.engine.extractive.matching import Evidence, matching_stems
from agents.engine.extractive.questions import Question, read_question
from agents.engine.extractive.statements import clean, read_row, read_statements
from agents.engine.tasks.answering import Draft, DraftClaim, DraftResult, RewriteAnswer, RewriteAnswerResult
from agents.language.section_references import all_within, without
from agents.language.stems import Vocabulary
from agents.schema import Passage

_WORD = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+")
_MOST_TERMS = 24


def best_passages(
    passages: Sequence[Passage], question: Question, vocabulary: Vocabulary, limit: int
) -> tuple[Passage, ...]:
    """Return the passages that hold most of a question's words, best first; rare words count for more.

    Takes time linear in the text: every distinct word is looked at once.
    """
    stems = [_stems(passage, vocabulary) for passage in passages]
    known = frozenset[str]().union(*stems)
    scores = [0.0] * len(passages)
    for term in question.terms[:_MOST_TERMS]:
        found = matching_stems(term.stem, known)
        held = [max((value for stem, value in found.items() if stem in own), default=0.0) for own in stems]
        weight = term.weight * math.log(1.0 + len(passages) / (1.0 + sum(value > 0.0 for value in held)))
        scores = [score + weight * value for score, value in zip(scores, held, strict=True)]
    order = sorted(range(len(passages)), key=lambda index: (-scores[index], index))
    return tuple(passages[index] for index in order[:limit])


def _stems(passage: Passage, vocabulary: Vocabulary) -> frozenset[str]:
    words = set(_WORD.findall(f"{passage.heading} {passage.text}"))
    return frozenset(vocabulary.stem(word) for word in words)


_MOST_CLAIMS = 4
_MOST_CLAIMS_OF_PARTS = 6
_LONGEST_QUOTE = 60
_SHORTEST_QUOTE = 5
_RUNNER_UP = 0.65
_SAME = 0.8
_MOST_PARTS = 3
_MOST_PASSAGES = 24
# Below this nothing is answered; a part of a question is often put in words that the text does not use.
_LEAST_CONFIDENCE, _LEAST_CONFIDENCE_OF_PART = 0.9, 0.6
_SAMPLE = 4_000


@dataclass(frozen=True)
class _Quotable:
    """A statement chosen for the answer; `first` is the one before it where it leans on that."""

    first: int
    last: int
    score: float


def draft(task: Draft) -> DraftResult:
    """Answer from the evidence with its own sentences, the best first, or say that it does not answer."""
    sample = task.evidence[0].text[:_SAMPLE] if task.evidence else ""
    vocabulary = Vocabulary.of(f"{sample} {task.question[:_SAMPLE]}")
    parts = [read_question(_asked(part, task.evidence), vocabulary) for part in _parts(task)]
    few = len(task.evidence) <= _MOST_PASSAGES
    passages = task.evidence if few else _selected(task.evidence, parts, vocabulary)
    statements = read_statements(passages, vocabulary)
    least = _LEAST_CONFIDENCE if len(parts) == 1 else _LEAST_CONFIDENCE_OF_PART
    read = [Evidence(statements, part, vocabulary) for part in parts]
    answers = [_answers(evidence, passages, least) for evidence in read]
    chosen = _interleave(answers, _MOST_CLAIMS if len(parts) == 1 else _MOST_CLAIMS_OF_PARTS)
    claims = tuple(_claim(passages, read[part], found) for part, found in chosen)
    return DraftResult(claims=claims, not_found=not claims)


def compose(task: RewriteAnswer) -> RewriteAnswerResult:
    """Return the message as it is: there are no better words than the document's."""
    return RewriteAnswerResult(markdown=task.message)


def _parts(task: Draft) -> tuple[str, ...]:
    """Return the questions to answer: those that were planned, else what the question itself consists of."""
    planned = dict.fromkeys(finding.question for finding in task.findings if finding.question != task.question)
    return tuple(planned)[:_MOST_PARTS] or sub_questions(task.question)


def _asked(part: str, evidence: Sequence[Passage]) -> str:
    """Return a question without the places that it names, where the evidence is these and nothing else."""
    return (without(part) or part) if all_within(part, evidence) else part


def _selected(evidence: Sequence[Passage], parts: Sequence[Question], vocabulary: Vocabulary) -> tuple[Passage, ...]:
    """Return the passages worth looking into, as many for every part."""
    each = _MOST_PASSAGES // len(parts)
    best = [passage for part in parts for passage in best_passages(evidence, part, vocabulary, each)]
    return tuple({(passage.document_id, passage.index): passage for passage in best}.values())


def _answers(evidence: Evidence, passages: Sequence[Passage], least: float) -> list[_Quotable]:
    """Return the statements that answer one question, best first, none that repeats another."""
    ranked = evidence.rank()
    if not evidence.question.terms or not ranked or evidence.confidence(ranked) < least:
        return []
    chosen: list[_Quotable] = []
    for scored in ranked[: 4 * _MOST_CLAIMS]:
        if len(chosen) == _MOST_CLAIMS or (chosen and scored.score < _RUNNER_UP * ranked[0].score):
            break
        first = scored.index - _leans(evidence, passages, scored.index)
        found = _Quotable(first, scored.index, scored.score)
        widened = next((place for place, other in enumerate(chosen) if other.last == first != found.last), None)
        if widened is not None:
            chosen[widened] = found
        elif not any(_repeats(evidence, found, other) for other in chosen):
            chosen.append(found)
    return chosen


def _leans(evidence: Evidence, passages: Sequence[Passage], index: int) -> bool:
    """Whether a statement is quoted together with the one before it, in at most 60 words."""
    statement = evidence.statements[index]
    too_short = len(statement.text.split()) < _SHORTEST_QUOTE and evidence.together(index, index - 1)
    if statement.form == "row" or not (too_short or evidence.leans_on_previous(index)):
        return False
    previous = evidence.statements[index - 1]
    text = passages[statement.passage].text[previous.start : statement.end]
    return previous.form != "row" and len(text.split()) <= _LONGEST_QUOTE


def _repeats(evidence: Evidence, one: _Quotable, two: _Quotable) -> bool:
    """Whether two quotes overlap, or say nearly the same in other places, with the same figures and names."""
    statements, vocabulary = evidence.statements, evidence.vocabulary
    if one.first <= two.last and two.first <= one.last:
        return True
    first, second = statements[one.last], statements[two.last]
    if len(first.stems & second.stems) < _SAME * max(len(first.stems), len(second.stems)):
        return False
    # Two versions of a contract differ in a figure: both are the answer.
    return Particulars.of(first.text, vocabulary).agree(Particulars.of(second.text, vocabulary))


def _interleave(answers: Sequence[Sequence[_Quotable]], most: int) -> list[tuple[int, _Quotable]]:
    """Return the best of every part, then the second best of every part, and so on, each with its part."""
    chosen: dict[int, tuple[int, _Quotable]] = {}
    for rank in range(_MOST_CLAIMS):
        for part, found in enumerate(answers):
            if rank < len(found):
                chosen.setdefault(found[rank].last, (part, found[rank]))
    return list(chosen.values())[:most]


def _claim(passages: Sequence[Passage], evidence: Evidence, found: _Quotable) -> DraftClaim:
    """Return a claim in the document's words; a table's row is quoted with its table's head."""
    statement = evidence.statements[found.last]
    text = passages[statement.passage].text
    start, end = _shortened(text, evidence.statements[found.first].start, statement.end, evidence)
    quote = text[start:end]
    if statement.form == "row" and end == statement.end:
        head = (statement.head,) if statement.head else ()
        return DraftClaim(text=read_row(quote, statement.head), quotes=(quote, *head))
    return DraftClaim(text=clean(quote), quotes=(quote,))


def _shortened(text: str, start: int, end: int, evidence: Evidence) -> tuple[int, int]:
    """Return the 60 words of a slice that hold most of the question's words."""
    words = list(re.finditer(r"\S+", text[start:end]))
    if len(words) <= _LONGEST_QUOTE:
        return start, end
    telling = list(accumulate((evidence.tells(word.group()) for word in words), initial=0))
    held = [telling[place + _LONGEST_QUOTE] - telling[place] for place in range(len(words) - _LONGEST_QUOTE + 1)]
    best = [place for place, count in enumerate(held) if count == max(held)]
    first = best[len(best) // 2]
    return start + words[first].start(), start + words[first + _LONGEST_QUOTE - 1].end()
