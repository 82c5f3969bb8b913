"""Answer quality: questions with known answers through the whole pipeline, and the perplexity of a text."""

import hashlib
import math
import statistics
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from itertools import islice

from agents.benchmark.corpus import DEPTHS, KnownQuestion, cloze_questions, plant_facts, prose, unmentioned_facts
from agents.benchmark.report import Measurement
from agents.benchmark.serving import Serving
from agents.benchmark.workbench import SEED, Workbench, ask
from agents.documents.library import Library
from agents.engine.model_config import GIB
from agents.engine.vllm.hardware import read_gpus
from agents.errors import EngineError
from agents.language.tokens import estimate_tokens
from agents.schema import Answer, Document

LENGTHS = (2_048, 8_192, 32_768, 131_072)
"""Tokens of the copies in which needles are planted."""
CONTEXTS = (2_048, 8_192, 32_768)
"""Tokens over which perplexity is measured."""
_PERPLEXITY_CHARACTERS = 400_000
"""Of the documents' text: 12 for each token of the longest context; a token of English has four or five."""
_MOST_DOCUMENTS = 5
_UNANSWERABLE = 3
"""Questions without an answer, for each document and each copy."""
_SAME_LENGTH = 1.3
"""A document up to this much longer than a copy's length is copied whole."""
_BYTES_PER_LOGIT = 4
_LOGIT_COPIES = 3
"""vLLM holds the logits of a batch, their softmax and a sorted copy while it gives log-probabilities."""


async def measure_quality(bench: Workbench) -> AsyncIterator[Measurement]:
    """Yield how well questions with known answers are answered, by depth and by length."""
    assistant = bench.new_assistant()
    library = assistant.library
    try:
        documents = await _open_documents(bench, library)
        bench.texts.extend(document.text for _, document in documents)
        known: list[KnownQuestion] = []
        for path, document in documents:
            known += cloze_questions(document, path) + _unanswerable(document.text, path, SEED + 7)
        for length in LENGTHS:
            known += await _copy_questions(bench, library, documents, length)
        judged: list[Judged] = []
        for number, question in enumerate(known, 1):
            bench.say(f"Question {number} of {len(known)}")
            answer = await ask(assistant, question.question, [question.document])
            judged.append(judge_answer(question, answer, (await library.open(question.document)).text))
    finally:
        await assistant.close()
    for figure in quality_figures(judged):
        yield figure


async def _open_documents(bench: Workbench, library: Library) -> list[tuple[str, Document]]:
    """Open the user's documents, or one that is made where none is named."""
    paths = list(bench.documents[:_MOST_DOCUMENTS])
    if not paths:
        bench.notes.append("No document was named, so the questions are about one that was made: name your own.")
        paths = [bench.synthetic_pdf(60)[0]]
    if len(bench.documents) > _MOST_DOCUMENTS:
        bench.notes.append(f"Only the first {_MOST_DOCUMENTS} documents were asked about.")
    return [(str(path), await library.open(str(path))) for path in paths]


async def _copy_questions(
    bench: Workbench, library: Library, documents: Sequence[tuple[str, Document]], length: int
) -> list[KnownQuestion]:
    """Plant facts in a copy of the documents' text of about `length` tokens, and return the questions to it."""
    text = _cut("\n\n".join(document.text for _, document in documents), length)
    if text is None:
        bench.notes.append(
            f"The documents together are shorter than {length:,} tokens: nothing was asked at that length."
        )
        return []
    text, facts = plant_facts(text, DEPTHS, SEED + length)
    path = bench.folder / f"copy-{length}.txt"
    path.write_text(text, encoding="utf-8")
    parsed = await library.open(str(path))
    questions: list[KnownQuestion] = []
    for depth, fact in facts:
        start = max(0, parsed.text.find(fact.sentence))
        questions.append(
            KnownQuestion(
                question=fact.question,
                answer=fact.answer,
                document=str(path),
                start=start,
                end=start + len(fact.sentence),
                page=parsed.page_at(start),
                depth=depth,
                length=length,
            )
        )
    return [*questions, *_unanswerable(text, str(path), SEED + length + 1, length)]


def _unanswerable(text: str, path: str, seed: int, length: int | None = None) -> list[KnownQuestion]:
    """Return questions about things that a document does not mention."""
    facts = islice(unmentioned_facts(text, seed), _UNANSWERABLE)
    return [KnownQuestion(question=fact.question, answer=None, document=path, length=length) for fact in facts]


def _cut(text: str, tokens: int) -> str | None:
    """Return the beginning of a text of about so many tokens; None where the text is much shorter."""
    whole = estimate_tokens(text)
    if whole * _SAME_LENGTH < tokens:
        return None
    if whole <= tokens * _SAME_LENGTH:
        return text
    return text[: len(text) * tokens // whole].rsplit(maxsplit=1)[0]


@dataclass(frozen=True)
class Judged:
    """How one answer compares with what is known."""

    known: KnownQuestion
    found: bool
    right_page: bool
    refused: bool
    citations: int
    verified: int
    relevant: int


def judge_answer(known: KnownQuestion, answer: Answer, text: str) -> Judged:
    """Compare an answer with the known one.

    A citation is relevant when it overlaps the needle or holds the answer, and verified when the document's text
    at its offsets is the quote (ALCE, arXiv 2305.14627, judges the same by a language model).
    """
    relevant = [
        citation
        for citation in answer.citations
        if known.answer is not None
        and ((known.start < citation.end and citation.start < known.end) or known.answer in citation.quote)
    ]
    said = _normal(" ".join([answer.markdown, *(claim.text for claim in answer.claims)]))
    stands = [claim for claim in answer.claims if claim.supported != "not"]
    return Judged(
        known=known,
        found=bool(known.answer) and _normal(known.answer or "") in said,
        right_page=any(citation.page == known.page for citation in relevant),
        refused=answer.not_found or not stands,
        citations=len(answer.citations),
        verified=sum(text[citation.start : citation.end] == citation.quote for citation in answer.citations),
        relevant=len(relevant),
    )


def quality_figures(judged: Sequence[Judged]) -> list[Measurement]:
    """Return the judged answers' figures, in percent."""
    asked = [one for one in judged if one.known.answer]
    unanswerable = [one for one in judged if not one.known.answer]
    own = [one for one in asked if one.known.length is None]
    how = f"{len(own)} questions from the documents' own sentences, {len(asked) - len(own)} to facts planted in copies"
    return [
        *_percent(
            "found_percent", "Answer found", asked, lambda one: one.found, f"{how}: the answer stands in the text."
        ),
        *_percent(
            "right_page_percent", "Right page", own, lambda one: one.right_page, "A relevant quote is on its page."
        ),
        *_percent(
            "citation_recall_percent", "Citation recall", asked, lambda one: one.relevant > 0, f"{how}: it is quoted."
        ),
        *_percent(
            "citation_precision_percent",
            "Citation precision",
            [one for one in asked if one.citations],
            lambda one: one.relevant / one.citations,
            "Share of an answer's quotes that hold the answer or its sentence; mean over answers.",
        ),
        *_percent(
            "quotes_verified_percent",
            "Quotes that stand in the document",
            [one for one in judged if one.citations],
            lambda one: one.verified / one.citations,
            "Compared with the document's text at their offsets; mean over answers.",
        ),
        *_percent(
            "refused_percent",
            "Refused rightly",
            unanswerable,
            lambda one: one.refused,
            f"{len(unanswerable)} questions about things that no document mentions.",
        ),
        *_found_by("found_at_depth_percent", "Answer found, needle at % of the text", asked, lambda known: known.depth),
        *_found_by("found_at_length_percent", "Answer found, tokens of the copy", asked, lambda known: known.length),
    ]


def _percent(
    key: str, name: str, judged: Sequence[Judged], share: Callable[[Judged], float], how: str, at: int | None = None
) -> list[Measurement]:
    """Return the mean of a share over judged answers, in percent; nothing without any."""
    if not judged:
        return []
    value = 100 * statistics.mean(float(share(one)) for one in judged)
    return [Measurement(key=key, name=name, value=value, unit="%", better="more", how=how, at=at)]


def _found_by(
    key: str, name: str, judged: Sequence[Judged], place: Callable[[KnownQuestion], int | None]
) -> list[Measurement]:
    """Return the share of answers found, by place."""
    figures: list[Measurement] = []
    for at in sorted({at for one in judged if (at := place(one.known)) is not None}):
        there = [one for one in judged if place(one.known) == at]
        figures += _percent(key, name, there, lambda one: one.found, f"{len(there)} questions.", at)
    return figures


def _normal(text: str) -> str:
    return " ".join(text.split()).casefold()


async def measure_perplexity(serving: Serving, text: str, batch_tokens: int) -> AsyncIterator[Measurement]:
    """Yield the perplexity of a text at growing contexts: exp of minus the mean log-probability of its tokens.

    Args:
        serving: The engine; where its model's shape is known, the GPU memory for log-probabilities is checked first.
        text: What is predicted; the longest context that it fills is the last.
        batch_tokens: Tokens that the engine computes at once.

    Raises:
        EngineError: The engine gives no log-probabilities of a prompt, or has no memory for them.
    """
    gpus = read_gpus()
    vocabulary = serving.shape.vocabulary if serving.shape else 0
    needed = vocabulary * batch_tokens * _BYTES_PER_LOGIT * _LOGIT_COPIES / GIB
    if gpus and needed > gpus[0].free_gib:
        raise EngineError(
            f"The log-probabilities of a prompt need {needed:.1f} GiB of GPU memory; {gpus[0].free_gib:.1f} are free.",
            hint="Lower READROOM_ENGINE__MAX_NUM_BATCHED_TOKENS, or measure on a GPU with more memory.",
        )
    tokens = await serving.client.tokens(text)
    for length in (context for context in CONTEXTS if context <= min(len(tokens), serving.context_tokens - 1)):
        serving.say(f"Predicting {length:,} tokens")
        given = await serving.client.log_probabilities(tokens[:length])
        yield Measurement(
            key="perplexity",
            name="Perplexity of the documents' text, tokens of context",
            at=length,
            value=math.exp(-sum(given) / len(given)),
            unit="",
            how=f"exp of minus the mean log-probability of {len(given):,} tokens, given by the engine.",
        )


def perplexity_text(texts: Sequence[str]) -> str:
    """Return the text whose perplexity is measured: the documents', or made prose where there are none."""
    joined = "\n\n".join(texts)[:_PERPLEXITY_CHARACTERS]
    if joined:
        return joined
    sentences = prose(seed=3)
    return " ".join(next(sentences) for _ in range(3_000))


def digest(text: str) -> str:
    """Return a text's SHA-256, in hexadecimal: perplexities are comparable only over the same text."""
    return hashlib.sha256(text.encode()).hexdigest()
