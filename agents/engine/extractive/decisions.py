"""Route, Plan and NextStep: how much work a question is, its parts, and who works next.

A question that asks for an overview reads the whole document. One that consists of several is looked up part by part:
of 186 real questions six were several, and four of these were answered better so.
"""

import re

from agents.engine.extractive.conversation import with_context
from agents.engine.tasks.decisions import NextStep, NextStepResult, Plan, PlanResult, Route, RouteResult
from agents.language import section_references
from agents.language.lexicon import any_of, detect_language, phrase
from agents.language.stems import Vocabulary
from agents.language.unspaced import UNSPACED

_MAX_CHARS, _MAX_PART_CHARS = 2_000, 240
_MAX_PARTS = 3


def route(task: Route) -> RouteResult:
    """Decide from its words how much work a question is."""
    question = " ".join(task.question[:_MAX_CHARS].split())
    language = detect_language(question)
    whole = _WHOLE_DOCUMENT.search(question) or _WHOLE_UNSPACED.search(question)
    if whole:
        return RouteResult(kind="whole_document", language=language, reason=f'"{whole.group()[:60]}" needs all of it.')
    if section_references.find_references(question) and _asks_for_all(section_references.strip_references(question)):
        return RouteResult(kind="whole_document", language=language, reason="It asks what stands there, all of it.")
    parts = len(split_question(question))
    if parts > 1:
        return RouteResult(kind="complex", language=language, reason=f"It asks for {parts} things.")
    return RouteResult(kind="simple", language=language, reason="It asks for one thing.")


def plan(task: Plan) -> PlanResult:
    """Cut a question into up to three that stand alone."""
    return PlanResult(sub_questions=split_question(task.question))


def next_step(task: NextStep) -> NextStepResult:
    """Hand over to the usual agent, to retrieval as often as allowed at once; finish where nobody is left."""
    if task.allowed:
        usual = task.allowed[0]
        times = min(3, max(1, task.parallel)) if usual == "retrieval" else 1
        return NextStepResult(next=(usual,) * times)
    return NextStepResult(finish=task.may_finish[0] if task.may_finish else None)


_DOCUMENT = (
    r"(?:document|text|paper|report|contract|agreement|handbook|manual|book|file|article|study|policy|presentation|"
    r"dokument\w*|documento|rapport|contrat|contrato|contratto|bericht\w*|vertrag\w*)"
)
_WHOLE_DOCUMENT = phrase(
    rf"""
    summari[sz]e|overview|takeaways|gist|in a nutshell|tl;?dr|table of contents
    main (?:points?|ideas?|topics?|findings|themes?|messages?)|key (?:points?|findings|takeaways?|messages?)
    (?:a |an |executive |short |brief )summary|summary of (?:the|this) {_DOCUMENT}
    what (?:is|does) (?:it|(?:the|this) {_DOCUMENT}) (?:all )?(?:about|cover|deal with|say)(?=\s*\?*$)
    (?:whole|entire) {_DOCUMENT}|throughout the {_DOCUMENT}
    (?:list|name|find|give|show|extract|identify|collect|enumerate)(?: me)? (?:all|every|each)
    all (?:the )?(?:\w+ )?(?:mentions|occurrences|references|dates|names|people|deadlines|figures|risks|obligations)
    fass\w*\b.{{0,80}}\bzusammen|zusammenfass\w*|überblick|résum\w+|aperçu|resum\w+|visión general|riassu\w+|panoramica
    samenvat\w*|overzicht|visão geral
    """
)
_WHOLE_UNSPACED = re.compile(
    "总结|總結|概括|概述|概要|摘要|主要内容|主要內容|主要讲|要約|まとめて|全体を|요약|개요|주요 내용|"
    "สรุป|ภาพรวม|ใจความสำคัญ"
)
# Words that only say that a named place is to be reported: no word of it need stand there.
_REPORTING = phrase(
    r"""
    explain\w*|outlines?|read|says?|quote|contain\w*|cover\w*|deals?|dealt|discuss\w*|mean\w*|please|tell|regulate[sd]?|provide[sd]?
    contents?|present\w*|written|stands?|happens?|about
    steh(?:t|en)|sagt|sagen|regel(?:t|n)|enthält|besagt|erklär\w*|beschreib\w*|worum|geht|lautet|inhalt|bitte
    dit|contient|prévoit|expli\w+|décri\w+|dice|contiene|trata|describe|cosa|tratta|spiega|staat|zegt|bevat|gaat|diz|contém
    """
)


def _asks_for_all(rest: str) -> bool:
    """Whether a question, without the place that it names, says nothing but that the place is to be reported."""
    return not Vocabulary.of(rest).terms(_REPORTING.sub(" ", rest))


_ASKS = (
    rf"(?:{any_of('in|at|on|by|for|from|to|with|until|since|of|under|after|within')}\s+)?"
    r"(?:who|whom|whose|what|when|where|why|which|how)\b"
)
_AUXILIARY = any_of("is|are|was|were|do|does|did|can|could|may|must|should|will|would|has|have")
_VERB_ASKS = rf"{_AUXILIARY}\s+(?:the|a|an|it|they|he|she|there|this|that|these|those|[A-Z])"
_BETWEEN_QUESTIONS = re.compile(
    rf"(?<=\?)\s+(?=\S)|(?<=[?\uff1f])\s*(?=[{UNSPACED}])"
    rf"|[,;]?\s+(?:and|but|or|as well as)\s+(?:also\s+|then\s+|if so,?\s+)?(?=(?i:{_ASKS})|{_VERB_ASKS})"
)


def split_question(question: str) -> tuple[str, ...]:
    """Return the one to three questions that a question consists of."""
    question = " ".join(question[:_MAX_CHARS].split())
    parts: list[str] = []
    for part in filter(None, (each.strip(" ?,;") for each in _BETWEEN_QUESTIONS.split(question))):
        # "Which is longer, and by how much" is one question.
        bare = not Vocabulary.of(part).terms(part) or (parts and not Vocabulary.of(parts[-1]).terms(parts[-1]))
        if parts and (bare or len(parts) == _MAX_PARTS):
            parts[-1] = f"{parts[-1]} and {part}"
        else:
            parts.append(part)
    alone = [parts[0], *(with_context(part, parts[0]) for part in parts[1:])] if parts else [question]
    return tuple(map(_as_question, alone))


def _as_question(text: str) -> str:
    """Return a text as a question of at most 240 characters: a capital first, a question mark last, cut at a word."""
    text = " ".join(text.strip(" ?\uff1f,;.").split()) or "?"
    if len(text) > _MAX_PART_CHARS - 1:
        text = text[: _MAX_PART_CHARS - 1].rsplit(" ", 1)[0]
    return text if text == "?" else f"{text[0].upper()}{text[1:]}?"
