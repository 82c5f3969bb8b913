"""What an answer is worth, judged by rule, the same for every system.

gold answer held      every figure of the gold answer stands in the answer, and at least `LEAST_SHARE` of its other
                      words; for scripts without spaces, pairs of characters stand for words
citation on gold      a citation on a gold page; in a document without pages, one that shares words with the evidence's
                      place in the text
first shown on gold   the same of the first citation, or where nothing is cited of the first of the closest passages
false refusal         the document answers, and the system says that it does not, or says nothing
right refusal         the document does not answer, and the system says so
false, right doubt     a refusal, or an answer that the system itself calls weak

    python -m benchmarks.quality.judge build/quality/answers.json [--part work|check|all] [--out RESULTS.json]
"""

import argparse
import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from agents.documents.library import Library
from agents.grounding.quotes import locate
from benchmarks.quality.questions import Question, load
from benchmarks.quality.systems import Cited, Reply

LEAST_SHARE = 0.6
"""Of the gold answer's words, where there are three or more: golds are whole sentences as often as names."""
NEAR_CHARACTERS = 1_000
"""A citation of a text without pages counts where it stands this near to the evidence: a third of a printed page."""
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_WORD = re.compile(r"[^\W\d_]+")
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]+")
_SMALL_WORDS = frozenset(
    [
        "the",
        "a",
        "an",
        "of",
        "to",
        "in",
        "on",
        "at",
        "by",
        "for",
        "and",
        "or",
        "is",
        "are",
        "was",
        "were",
        "be",
        "been",
        "it",
        "its",
        "this",
        "that",
        "with",
        "as",
        "from",
        "into",
        "than",
        "then",
        "which",
        "der",
        "die",
        "das",
        "und",
        "oder",
        "ist",
        "sind",
        "war",
        "ein",
        "eine",
        "le",
        "la",
        "les",
        "et",
        "ou",
        "est",
        "un",
        "une",
        "de",
        "du",
        "des",
        "el",
        "los",
        "las",
        "y",
        "o",
        "es",
        "en",
        "os",
        "e",
        "é",
        "uma",
        "um",
    ]
)


def holds(answer: str, gold: str) -> bool:
    """Return whether an answer holds the gold answer."""
    said, wanted = _folded(answer), _folded(gold)
    if wanted in said:
        return True
    figures, numbers = set(_numbers(wanted)), set(_numbers(said))
    words, known = _words(wanted), set(_words(said))
    if not figures <= numbers:
        return False
    if not words:
        return bool(figures)
    shared = sum(word in known for word in words) / len(words)
    return shared >= (1.0 if len(words) <= 2 else LEAST_SHARE)


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split()).strip(" .。\"'“”")


def _numbers(text: str) -> Iterable[str]:
    for found in _NUMBER.findall(text):
        plain = found.replace(",", "") if re.fullmatch(r"\d{1,3}(,\d{3})+(\.\d+)?", found) else found.replace(",", ".")
        yield plain.rstrip("0").rstrip(".") if "." in plain else plain


def _words(text: str) -> list[str]:
    pairs = [run[at : at + 2] for run in _UNSPACED.findall(text) for at in range(max(1, len(run) - 1))]
    plain = _UNSPACED.sub(" ", text)
    return pairs + [word for word in _WORD.findall(plain) if word not in _SMALL_WORDS]


def judge(
    questions: Sequence[Question], replies: Sequence[Reply], evidence: dict[str, tuple[int, int]]
) -> dict[str, Any]:
    """Return the figures of one system.

    Args:
        questions: The questions that were asked.
        replies: Its replies to them, in any order.
        evidence: By question id, where the evidence stands in the text of a document without pages.
    """
    by_id = {reply.question: reply for reply in replies}
    asked = [question for question in questions if question.id in by_id]
    answerable = [question for question in asked if question.answer is not None]
    unanswerable = [question for question in asked if question.answer is None]
    citable = [question for question in answerable if question.pages or question.id in evidence]

    def on_gold(question: Question, first: int, *, closest: bool = False) -> bool:
        reply = by_id[question.id]
        shown = reply.citations or (reply.closest if closest else ())
        return any(_is_gold(cited, question, evidence) for cited in shown[:first])

    replied = [by_id[question.id] for question in asked]
    claims = sum(reply.claims for reply in replied if not reply.refused)
    return {
        "questions": len(asked),
        "gold_answer_held": _share(holds(by_id[each.id].text, each.answer or "") for each in answerable),
        "first_citation_on_gold": _share(on_gold(each, 1) for each in citable),
        "first_shown_on_gold": _share(on_gold(each, 1, closest=True) for each in citable),
        "first_three_on_gold": _share(on_gold(each, 3) for each in citable),
        "false_refusals": _share(by_id[each.id].refused for each in answerable),
        "right_refusals": _share(by_id[each.id].refused for each in unanswerable),
        "false_doubts": _share(by_id[each.id].doubtful or by_id[each.id].refused for each in answerable),
        "right_doubts": _share(by_id[each.id].doubtful or by_id[each.id].refused for each in unanswerable),
        "claims_supported": round(sum(r.supported for r in replied if not r.refused) / claims, 3) if claims else None,
        "errors": sum(bool(reply.error) for reply in replied),
        "calls": _mean(reply.calls for reply in replied),
        "prompt_tokens": _mean(reply.prompt_tokens for reply in replied),
        "completion_tokens": _mean(reply.completion_tokens for reply in replied),
        "seconds": _mean(reply.seconds for reply in replied),
    }


def _is_gold(cited: Cited, question: Question, evidence: dict[str, tuple[int, int]]) -> bool:
    if question.pages:
        return cited.page in question.pages
    start, end = evidence[question.id]
    return cited.start <= end + NEAR_CHARACTERS and cited.end >= start - NEAR_CHARACTERS


def _share(values: Iterable[bool]) -> float | None:
    counted = list(values)
    return round(sum(counted) / len(counted), 3) if counted else None


def _mean(values: Iterable[float]) -> float:
    counted = list(values)
    return round(sum(counted) / len(counted), 2) if counted else 0.0


def judge_each(
    questions: Sequence[Question], replies: Sequence[Reply], evidence: dict[str, tuple[int, int]]
) -> dict[str, dict[str, Any]]:
    """Return the figures of every system that replied, as `judge` does for one."""
    return {
        system: judge(questions, [reply for reply in replies if reply.system == system], evidence)
        for system in dict.fromkeys(reply.system for reply in replies)
    }


async def find_evidence(questions: Sequence[Question], library: Library) -> dict[str, tuple[int, int]]:
    """Return where the evidence stands, of questions about documents without pages."""
    found: dict[str, tuple[int, int]] = {}
    for question in questions:
        if question.evidence and not question.pages:
            located = locate(question.evidence, await library.open(str(question.document)))
            if located:
                found[question.id] = (located.start, located.end)
    return found


def table(figures: dict[str, dict[str, Any]]) -> str:
    """Return the systems' figures as a Markdown table, a column each."""
    systems = list(figures)
    head = [f"| | {' | '.join(systems)} |", "|" + " --- |" * (len(systems) + 1)]
    rows = [
        f"| {key.replace('_', ' ')} | {' | '.join(str(figures[system][key]) for system in systems)} |"
        for key in next(iter(figures.values()), {})
    ]
    return "\n".join(head + rows)


def main() -> None:
    """Judge a file of answers."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("answers", type=Path)
    asked.add_argument("--set", dest="folder", type=Path, required=True, help="the folder of the question set")
    asked.add_argument("--part", choices=("all", "work", "check"), default="work")
    asked.add_argument("--out", type=Path, help="the JSON to write the figures to")
    options = asked.parse_args()
    held = json.loads(options.answers.read_text())
    questions = load(options.folder, options.part)
    replies = [Reply.model_validate(reply) for reply in held["replies"]]
    evidence = {key: (start, end) for key, (start, end) in held["evidence"].items()}
    figures = judge_each(questions, replies, evidence)
    print(table(figures))
    if options.out:
        kept = {key: value for key, value in held.items() if key not in ("replies", "evidence")}
        options.out.write_text(json.dumps({**kept, "part": options.part, "figures": figures}, indent=1) + "\n")


if __name__ == "__main__":
    main()
