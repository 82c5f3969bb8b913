"""Route, Plan and NextStep: decisions by rule."""

from agents.engine.extractive.patterns import any_of, phrase
from agents.engine.extractive.planning import split_question
from agents.engine.extractive.questions import read_question
from agents.engine.tasks.decisions import NextStep, NextStepResult, Plan, PlanResult, Route, RouteResult
from agents.language import section_references
from agents.language.lexicon import detect_language
from agents.language.stems import Vocabulary

_LOOKED_AT = 2_000
_DOCUMENT = (
    r"(?:document|text|paper|report|contract|agreement|handbook|manual|book|file|article|study|policy|presentation|"
    r"dokument\w*|documento|rapport|contrat|contrato|contratto|bericht\w*|vertrag\w*)"
)
_WHOLE = phrase(
    rf"""
    summari[sz]e|overview|takeaways|gist|in a nutshell|tl;?dr|table of contents
    main (?:points?|ideas?|topics?|findings|themes?|messages?)|key (?:points?|findings|takeaways?|messages?)
    (?:a |an |executive |short |brief )summary|summary of (?:the|this) {_DOCUMENT}
    what (?:is|does) (?:the|this) {_DOCUMENT} (?:all )?(?:about|cover|deal with|say)(?=\s*\?*$)
    (?:whole|entire) {_DOCUMENT}|throughout the {_DOCUMENT}
    (?:list|name|find|give|show|extract|identify|collect|enumerate)(?: me)? (?:all|every|each)
    all (?:the )?(?:\w+ )?(?:mentions|occurrences|references|dates|names|people|deadlines|figures|risks|obligations)
    fass\w*\b.{{0,80}}\bzusammen|zusammenfass\w*|überblick|résum\w+|aperçu|resum\w+|visión general|riassu\w+|panoramica
    samenvat\w*|overzicht|visão geral
    """
)
# What only says that a place is to be told of: no word of it need stand there.
_TELLING = phrase(
    r"""
    explain\w*|outlines?|read|quote|contain\w*|cover\w*|deals?|dealt|discuss\w*|mean\w*|please|tell|regulate[sd]?|provide[sd]?
    contents?|present\w*|written|stands?|happens?|about
    steh(?:t|en)|sagt|sagen|regel(?:t|n)|enthält|besagt|erklär\w*|beschreib\w*|worum|geht|lautet|inhalt|bitte
    dit|contient|prévoit|expli\w+|décri\w+|dice|contiene|trata|describe|cosa|tratta|spiega|staat|zegt|bevat|gaat|diz|contém
    """
)
_COMPARATIVE = any_of(
    """
    higher|lower|larger|smaller|longer|shorter|more|less|fewer|older|newer|earlier|later|greater|better|worse|cheaper
    deeper|faster|slower|stricter
    """
)
_COMPARISON = phrase(
    rf"""
    compare[ds]?|comparison|differen(?:ce|ces|t from)|differ|versus|vs|respectively|relate[ds]? to|in contrast
    both \w+(?: \w+){{0,4}} and|before and after|meets?|instead of
    {_COMPARATIVE}(?: \w+){{0,3}}? than(?! (?:any|every|all|elsewhere|others|usual|once|that time))
    vergleich\w*|unterschied\w*|compar\w+|différence\w*|diferencia\w*|differenz\w*|verschil\w*|diferença\w*
    """
)


def route(task: Route) -> RouteResult:
    """Decide how much work a question is, from its words."""
    question = " ".join(task.question[:_LOOKED_AT].split())
    language = detect_language(question)
    whole = _WHOLE.search(question)
    if whole:
        return RouteResult(kind="whole_document", language=language, reason=f'"{whole.group()[:60]}" needs all of it')
    if section_references.named(question) and _asks_for_all(section_references.without(question)):
        return RouteResult(kind="whole_document", language=language, reason="it asks what stands there, all of it")
    parts = len(split_question(question)[0])
    if parts > 1:
        return RouteResult(kind="complex", language=language, reason=f"it asks for {parts} things")
    compared = _COMPARISON.search(question)
    if compared:
        return RouteResult(kind="complex", language=language, reason=f'"{compared.group()[:60]}" compares')
    return RouteResult(kind="simple", language=language, reason="it asks for one thing")


def _asks_for_all(rest: str) -> bool:
    """Whether a question says nothing but that the place it names is to be told of."""
    rest = _TELLING.sub(" ", rest)
    return all(term.weight < 1.0 for term in read_question(rest, Vocabulary.of(rest)).terms)


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
