"""Synthesis: a direct answer with its quotes, drafted from the passages that were found, or an analysis."""

import asyncio
import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from agents.engine.extractive.decisions import asks_what_stands
from agents.engine.extractive.statements import read_statements, vocabulary_of
from agents.engine.extractive.weights import REFUSED_BELOW
from agents.engine.tasks.answering import Draft, Excerpts, ExcerptsResult, Quotes
from agents.grounding.claims import UncheckedClaim
from agents.language.sentences import split_sentences
from agents.schema import Passage
from agents.supervisor.attribution import AttributableText
from agents.supervisor.map_reduce import MAX_POINTS, analyze
from agents.supervisor.retrieval import rankable
from agents.supervisor.run import Run
from agents.supervisor.state import Drafted, Evidence, Routed, State, Update, latest_evidence, latest_look, questions

MIN_LOG_ODDS = 0.25
"""Of the engine's view, where the rules have none: below it the passages do not answer. At 0 4 % of 165 answerable
questions were refused and 71 % of 21 unanswerable ones; at 0.25 8 % and 71 %: benchmarks/results/prompts_h100.json."""
ANSWERABLE: Mapping[str, float] = MappingProxyType({"bias": -0.38, "told": 1.26, "confidence": 0.7})
"""Log-odds that passages answer, by what a model tells of them (its log-odds) and by the confidence of the rules in the
source of its answer (theirs); fitted, as the next, by benchmarks/quality/fit_answers.py on
benchmarks/results/replies_h100.json."""
NOT_ANSWERED_BELOW = 1.2
"""Of these log-odds: on documents left out of the fit 4 % of 165 answered questions fell below, and 71 % of 21 others;
by what the model tells alone 5 % and 71 %."""


async def synthesize(run: Run, state: State) -> Update:
    """Draft the answer or the analysis."""
    routed = state["routed"]
    if routed.kind != "whole_document":
        drafted = await _answer(run, state)
    elif claims := await asyncio.to_thread(_in_its_own_words, run, routed):
        drafted = Drafted(claims)
    else:
        drafted = await analyze(run, routed)
    run.report(0.8, f"Drafted {len(drafted.claims)} claims")
    return {"drafted": drafted}


def _in_its_own_words(run: Run, routed: Routed) -> tuple[UncheckedClaim, ...]:
    """Return all that stands at a place that is asked for; nothing where a model is to sum it up, or it is long."""
    if run.engine.info.generative or run.request.mode or not asks_what_stands(run.request.question):
        return ()
    statements = read_statements(routed.named, vocabulary_of(routed.named), bare=True)
    if len(statements) > MAX_POINTS:
        return ()
    run.ledger.mark_read(routed.named)
    return tuple(UncheckedClaim(each.text, each.quotes, verbatim=True) for each in statements)


def is_answerable(evidence: Sequence[Evidence], confidence: float) -> bool:
    """Whether any of the questions is answered by its passages, as far as the engine and the rules could tell.

    Args:
        evidence: Of each question, with the engine's log-odds.
        confidence: Of the rules that the documents answer so, 0 to 1; 0 where they share no word with the question, of
            which it may be put in another language.
    """
    told = [each.log_odds for each in evidence if each.log_odds is not None]
    if len(told) < len(evidence):
        return True
    best = max(told, default=-math.inf)
    if not 0.0 < confidence < 1.0:
        return best >= MIN_LOG_ODDS
    rules = math.log(confidence / (1.0 - confidence))
    return ANSWERABLE["bias"] + ANSWERABLE["told"] * best + ANSWERABLE["confidence"] * rules >= NOT_ANSWERED_BELOW


async def _answer(run: Run, state: State) -> Drafted:
    """Answer from the evidence: in the engine's words where it is a model, in the document's own where it is none."""
    evidence, look = latest_evidence(state), latest_look(state)
    passages = interleave([each.passages for each in evidence])
    if not run.engine.info.generative:
        return await _excerpt(run, state, passages)
    if not passages:
        return Drafted(look=look)
    question = state["routed"].question
    draft = await run.ask(Draft(evidence=passages, question=question, history=run.history))
    sources = await run.apply_rules(await to_excerpt(run, state, draft.answer))
    closest = as_claims(sources)
    if not is_answerable(evidence, sources.confidence):
        return Drafted(look=look, closest=closest)
    drafted = Drafted(look=look, excerpts=closest if sources.confidence >= REFUSED_BELOW else (), closest=closest)
    if draft.quotes:
        return replace(drafted, claims=(UncheckedClaim(draft.answer, draft.quotes),))
    # Where the text shares no word with the question, the first source is but how the document opens.
    best = closest[:1] if sources.confidence else ()
    claim = await asyncio.to_thread(_with_sources, draft.answer, best, passages)
    if not claim.quotes:
        copied = await run.ask(Quotes(evidence=passages, question=question, answer=draft.answer))
        claim = replace(claim, quotes=copied.quotes)
    return replace(drafted, claims=(claim,))


def _with_sources(answer: str, best: Sequence[UncheckedClaim], passages: Sequence[Passage]) -> UncheckedClaim:
    """Return a model's answer as a claim, with the sentences that fit it best and those of each of its own."""
    quotes = [quote for excerpt in best for quote in excerpt.quotes]
    text = AttributableText.of_passages(passages)
    for start, end in split_sentences(answer):
        for quote in text.quotes(answer[start:end]):
            if not any(quote in other or other in quote for other in quotes):
                quotes.append(quote)
    return UncheckedClaim(answer, tuple(quotes), within=best[0].within if best else None)


async def _excerpt(run: Run, state: State, passages: tuple[Passage, ...]) -> Drafted:
    """Answer in the document's own sentences."""
    question, look = state["routed"].question, latest_look(state)
    if not (passages or state["routed"].missing_pages):
        passages = await rankable(run, question)
    if not passages:
        return Drafted(look=look)
    excerpts = await run.ask(Excerpts(evidence=passages, question=question, parts=questions(state)))
    if excerpts.claims and excerpts.unknown:
        quoted = ", ".join(f"“{word}”" for word in excerpts.unknown)
        run.warn(
            f"Nowhere in what was read: {quoted}. Without a language model the answer may be about something else."
        )
    return Drafted(as_claims(excerpts), look=look, confidence=excerpts.confidence)


async def to_excerpt(run: Run, state: State, answer: str = "") -> Excerpts:
    """Return the task to find the sentences nearest to the question; with an answer, the sources of that.

    They are looked for in what the question names, or in everything: how rare a word is shows in the whole text.
    """
    routed = state["routed"]
    evidence = routed.named or await rankable(run, routed.question)
    return Excerpts(evidence=evidence, question=routed.question, parts=questions(state), answer=answer, closest=True)


def as_claims(excerpts: ExcerptsResult) -> tuple[UncheckedClaim, ...]:
    """Return excerpts as claims to be checked."""
    return tuple(UncheckedClaim(each.text, each.quotes, within=each.within) for each in excerpts.claims)


def interleave(lists: Iterable[Sequence[Passage]]) -> tuple[Passage, ...]:
    """Return the passages of several lists, the first of each, then the second of each, none twice."""
    mixed = (each for row in itertools.zip_longest(*lists) for each in row if each is not None)
    return tuple({(passage.document_id, passage.start): passage for passage in mixed}.values())
