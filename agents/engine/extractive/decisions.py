"""Route, Plan and NextStep: how much work a question is, its parts, and who works next.

A question that asks for an overview reads the whole document; one that compares, or that consists of several questions,
is complex. `split_question` finds the parts by the forms of comparison and coordination, and puts nouns in the place of
the pronouns of later parts, so that each can be looked up alone.
"""

import re

from agents.engine.extractive.conversation import resolve_follow_up
from agents.engine.extractive.questions import asked_for, read_question, topic
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
        return RouteResult(kind="whole_document", language=language, reason=f'"{whole.group()[:60]}" needs all of it')
    if section_references.find_references(question) and _asks_for_all(section_references.strip_references(question)):
        return RouteResult(kind="whole_document", language=language, reason="it asks what stands there, all of it")
    parts = len(split_question(question)[0])
    if parts > 1:
        return RouteResult(kind="complex", language=language, reason=f"it asks for {parts} things")
    comparison = _COMPARISON.search(question)
    if comparison:
        return RouteResult(kind="complex", language=language, reason=f'"{comparison.group()[:60]}" compares')
    return RouteResult(kind="simple", language=language, reason="it asks for one thing")


def plan(task: Plan) -> PlanResult:
    """Cut a question into up to three that stand alone."""
    parts, sequential = split_question(task.question)
    return PlanResult(sub_questions=parts, order="sequential" if sequential else "parallel")


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
_COMPARATIVE = any_of(
    """
    higher|lower|larger|smaller|longer|shorter|more|less|fewer|older|newer|earlier|later|greater|better|worse|cheaper
    deeper|faster|slower|stricter
    """
)
_COMPARISON = phrase(
    rf"""
    differen(?:ce|ces|t from)|differ|versus|vs|respectively|relate[ds]? to|in contrast
    both \w+(?: \w+){{0,4}} and|before and after|meets?|instead of
    {_COMPARATIVE}(?: \w+){{0,3}}? than(?! (?:any|every|all|elsewhere|others|usual|once|that time))
    vergleich\w*|unterschied\w*|compar\w+|différence\w*|diferencia\w*|differenz\w*|verschil\w*|diferença\w*
    """
)
# Words that only say that a named place is to be reported: no word of it need stand there.
_REPORTING = phrase(
    r"""
    explain\w*|outlines?|read|quote|contain\w*|cover\w*|deals?|dealt|discuss\w*|mean\w*|please|tell|regulate[sd]?|provide[sd]?
    contents?|present\w*|written|stands?|happens?|about
    steh(?:t|en)|sagt|sagen|regel(?:t|n)|enthält|besagt|erklär\w*|beschreib\w*|worum|geht|lautet|inhalt|bitte
    dit|contient|prévoit|expli\w+|décri\w+|dice|contiene|trata|describe|cosa|tratta|spiega|staat|zegt|bevat|gaat|diz|contém
    """
)


def _asks_for_all(rest: str) -> bool:
    """Whether a question, without the place that it names, says nothing but that the place is to be reported."""
    rest = _REPORTING.sub(" ", rest)
    return all(term.weight < 1.0 for term in read_question(rest, Vocabulary.of(rest)).terms)


_PREPOSITION = any_of("in|at|on|by|for|from|to|with|until|since|of|under|after|within")
_ASKS = rf"(?:{_PREPOSITION}\s+)?(?:who|whom|whose|what|when|where|why|which|how)\b"
_AUXILIARY = any_of("is|are|was|were|do|does|did|can|could|may|must|should|will|would|has|have")
_VERB_ASKS = rf"{_AUXILIARY}\s+(?:the|a|an|it|they|he|she|there|this|that|these|those|[A-Z])"
_IN_TERMS_OF = any_of(
    """
    in terms of|with regard to|with respect to|regarding|concerning|as regards|in|on|for|when it comes to
    """
)
_ASPECT = rf"(?:,?\s+{_IN_TERMS_OF}\s+(?P<aspect>.+))?"
_BETWEEN = any_of("differences?|distinction|comparison|relation(?:ship)?")
_COMPARED = tuple(
    re.compile(rf"{opening}\s+(?P<one>.+?)\s+(?:{parted})\s+(?P<two>.+?){ending}{_ASPECT}", re.IGNORECASE)
    for opening, parted, ending in (
        (r"\W*(?:please\s+)?compare", "and|with|to|against", ""),
        (rf".*?\b{_BETWEEN}\s+between", "and", ""),
        (
            r"\W*(?:how|in what way)\s+(?:do|does|did)",
            "and|differ from|compare (?:with|to)",
            r"(?:\s+(?:differ|compare))?",
        ),
    )
)


def split_question(question: str) -> tuple[tuple[str, ...], bool]:
    """Return the one to three questions that a question consists of, and whether one needs another's answer."""
    question = " ".join(question[:_MAX_CHARS].split())
    for pattern in _COMPARED:
        found = pattern.fullmatch(question.rstrip("?. "))
        if found:
            aspect = re.sub(r"^(?:the|their|its)\s+", "", (found["aspect"] or "").strip(), flags=re.IGNORECASE)
            asked = f"What is the {aspect} of" if aspect else "What is said about"
            return tuple(
                _as_question(f"{asked} {side}") for side in _with_shared_noun(found["one"], found["two"])
            ), False
    parts = _clauses(question)
    if len(parts) < 2:
        parts = _coordinated(question)
    if len(parts) < 2:
        return (_as_question(question),), False
    return _standing_alone(parts)


def _as_question(text: str) -> str:
    """Return a text as a question of at most 240 characters: a capital first, a question mark last, cut at a word."""
    text = " ".join(text.strip(" ?\uff1f,;.").split()) or "?"
    if len(text) > _MAX_PART_CHARS - 1:
        text = text[: _MAX_PART_CHARS - 1].rsplit(" ", 1)[0]
    return text if text == "?" else f"{text[0].upper()}{text[1:]}?"


def _with_shared_noun(one: str, two: str) -> tuple[str, str]:
    """Give both sides the noun that they share: "trains A and C", "the old and the new tariff"."""
    label = re.fullmatch(r"(.+?)s ([A-Z0-9]{1,4})", one)
    if label and re.fullmatch(r"[A-Z0-9]{1,4}", two):
        return f"{label[1]} {label[2]}", f"{label[1]} {two}"
    shorter = len(one.split()) + 1 == len(two.split())
    if shorter and one.split()[0] == two.split()[0] == "the" and one.islower():
        return f"{one} {two.split()[-1]}", two
    return one, two


_ASKING = re.compile(rf"\W*(?:{_ASKS}|{_AUXILIARY}\b)", re.IGNORECASE)
_SENTENCES = re.compile(
    # "And why?" leans on the question before it; "And when does the lease end?" stands by itself.
    rf"(?<=\?)\s+(?:(?i:and|but|or)\s+(?:also\s+|then\s+)?(?=(?:(?i:{_ASKS})|{_VERB_ASKS})(?:\s+\S+){{3}}))?(?=\S)"
    rf"|(?<=[?\uff1f])\s*(?=[{UNSPACED}])"
)
_CLAUSES = re.compile(
    rf"[,;]?\s+(?:and|but|or|as well as)\s+(?:also\s+|then\s+|if so,?\s+)?(?=(?i:{_ASKS})|{_VERB_ASKS})"
    rf"|[,;]\s+(?=(?i:{_ASKS}))"
)
_CONDITION = re.compile(
    rf"(?:if|(?:when|where)(?!\s+{_AUXILIARY}\b)|while|because|although|once|after|before|unless|according)\b",
    re.IGNORECASE,
)


def _clauses(question: str) -> list[str]:
    """Return the clauses that ask for something of their own."""
    parts = [part for sentence in _SENTENCES.split(question) for part in _CLAUSES.split(sentence) if part.strip(" ?,;")]
    whole: list[str] = []
    for part in parts:
        before = whole[-1] if whole else ""
        incomplete = _CONDITION.match(before) or min(len(before.split()), len(part.split()) - 2) < 2
        if before and not before.rstrip().endswith(("?", "\uff1f")) and incomplete:
            # "If the battery fails, what happens" and "which is longer, and by how much" are one question each.
            whole[-1] = f"{before}, {part}"
        else:
            whole.append(part)
    return whole


_TWO_ASKING = re.compile(
    r"\W*(when|where|why|how|who|what)\s+and\s+(when|where|why|how|by whom|for how long|how \w+)\s+(.+)", re.IGNORECASE
)
_THAN = re.compile(
    r"\W*(?:is|are|was|were|does|do|did|has|have)\s+(?P<one>.+?)\s+"
    r"(?P<how>(?:\w+er|more|less|fewer|better|worse)(?:\s+\w+){0,2}?)\s+than\s+(?P<two>.+)",
    re.IGNORECASE,
)
_EITHER = re.compile(
    r"\W*(?P<ask>(?:which|who|what)\b[^,:]{0,80}?)[,:]\s*(?P<one>.{2,80}?),?\s+or\s+(?P<two>.{2,80})", re.IGNORECASE
)
_BEFORE_AND_AFTER = re.compile(r"\bbefore and after\b", re.IGNORECASE)
_SHARED_PREPOSITION = re.compile(
    r"(?P<head>.+\b(?P<word>for|of|in|on|at|to|from|by|with)\s)(?P<one>[^,?]{2,60}?)\s+and\s+"
    r"(?:(?P=word)\s)(?P<two>[^,?]{2,60})",
    re.IGNORECASE,
)
_BOTH = re.compile(
    r"(?P<head>.*?)\bboth\s+(?P<one>.{2,60}?)\s+and\s+"
    r"(?P<two>(?:(?:the|a|an)\s+)?[\w-]+(?:\s(?-i:[A-Z])[\w-]*)*)(?P<rest>.*)",
    re.IGNORECASE,
)


def _coordinated(question: str) -> list[str]:
    """Return one question for each of two things that share everything else, or nothing."""
    bare = question.rstrip("?. ")
    two_asking = _TWO_ASKING.fullmatch(bare)
    if two_asking:
        return [f"{two_asking[1]} {two_asking[3]}", f"{two_asking[2]} {two_asking[3]}"]
    if _BEFORE_AND_AFTER.search(bare):
        return [_BEFORE_AND_AFTER.sub(word, bare) for word in ("before", "after")]
    than = _THAN.fullmatch(bare)
    if than:
        return _compared_values(than["one"], than["two"])
    either = _EITHER.fullmatch(bare)
    if either:
        return [f"What is said about {either[side]}: {either['ask']}" for side in ("one", "two")]
    shared = _SHARED_PREPOSITION.fullmatch(bare)
    if shared and not re.search(rf"\s(?:and|or)\s+(?:{_ASKS})", bare, re.IGNORECASE):
        return [shared["head"] + shared["one"], shared["head"] + shared["two"]]
    both = _BOTH.fullmatch(bare)
    if both:
        return [both["head"] + both[side] + both["rest"] for side in ("one", "two")]
    return []


def _compared_values(one: str, two: str) -> list[str]:
    """Return what to look up for "is the 2023 limit higher than the 2021 one"."""
    stand_in = re.fullmatch(
        r"(?:the\s+)?(?:(?P<which>.+?)\s+(?:one|ones)|that (?P<of>(?:of|in|for)\s.+))", two, re.IGNORECASE
    )
    if stand_in is None:
        return [f"What is {one}", f"What is {two}"]
    if stand_in["of"]:
        return [f"What is {one}", f"What is {re.split(r' (?:of|in|for) ', one)[0]} {stand_in['of']}"]
    return [f"What is {one}", f"What is the {stand_in['which']} {one.split()[-1]}"]


_ABOUT_ANSWER = phrase(
    """
    he|she|him|her|his|they|them|their|there|then
    (?:is|was|does) that|that (?:person|place|day|date|year|one)
    """
)
_ABOUT_THING = re.compile(r"\b(?:it|its|they|them|their)\b", re.IGNORECASE)
_ABOUT_ANY = re.compile(rf"{_ABOUT_ANSWER.pattern}|{_ABOUT_THING.pattern}", re.IGNORECASE)
_ASKS_ENTITY = re.compile(r"\W*(?:by |to |from |in |at )?(?:who|whom|whose|which|where|when|what)\b", re.IGNORECASE)


def _standing_alone(parts: list[str]) -> tuple[tuple[str, ...], bool]:
    """Replace the pronouns of later parts by the topic of the first, and say whether a part needs another's answer."""
    first = parts[0]
    about = topic(first)
    unknown = about is not None and about == asked_for(first)
    sequential = False
    done = [first]
    for part in parts[1:]:
        if unknown or _ASKS_ENTITY.match(first):
            sequential = sequential or bool((_ABOUT_ANY if unknown else _ABOUT_ANSWER).search(part))
        found = (_ABOUT_ANSWER if about and about.person else _ABOUT_THING).search(part)
        if about and found:
            named = about.text if about.text != about.core or about.core[0].isupper() else f"the {about.text}"
            possessive = "'s" if found.group().lower() in {"its", "his", "their"} else ""
            part = f"{part[: found.start()]}{named}{possessive}{part[found.end() :]}"
        done.append(resolve_follow_up(part, done[-1], "") if about or not _ASKING.match(part) else part)
    if len(done) > _MAX_PARTS:
        done = [*done[: _MAX_PARTS - 1], " and ".join(part.rstrip("?., ") for part in done[_MAX_PARTS - 1 :])]
    return tuple(_as_question(part) for part in done), sequential
