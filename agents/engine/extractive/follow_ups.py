"""Condense: a follow-up question made self-contained from the conversation."""

import itertools
import re
from collections.abc import Sequence

from agents.engine.extractive.antecedents import Antecedents
from agents.engine.extractive.patterns import any_of, phrase, word_set
from agents.engine.extractive.phrases import AUXILIARIES, QUESTION_WORDS, asked_for, noun_phrases
from agents.engine.tasks.decisions import Condense, CondenseResult
from agents.language.lexicon import ENGLISH, language_of

_TURN = re.compile(r"^(User|Assistant):[ \t]*", re.MULTILINE)
_LOOKED_AT = 24_000
_LONGEST_QUESTION = 500
_TURNS = 4
_CONNECTIVES = any_of("and|but|so|or|also|ok|okay|then|well|now")
_OPENING = re.compile(
    rf"\W*(?:(?:{_CONNECTIVES}|please)\b[,\s]*)*(?:(?:what|how) about|what of)?\b[,\s]*", re.IGNORECASE
)
_CONNECTED = re.compile(
    r"\W*(?:what if(?=(?:\W+\w+){1,8}\W*$)|and|but|or|so|also|then|what about|how about|what of|"
    r"und|aber|et|mais|y|pero|ma|en|maar|mas)\b",
    re.IGNORECASE,
)
_ASKS_BARELY = any_of(
    """
    why(?: not)?|when|where|who|which|how|how often|how long|how much|how many|how so|which one|what time|at what time
    since when|until when|by whom|by when|from when|with whom|for how long|in which year|on which days?
    """
)
_BARE = re.compile(rf"\W*{_ASKS_BARELY}(?: exactly| then)?\W*", re.IGNORECASE)
_TAKES = any_of("takes?|possible|necessary|permitted|forbidden|true|allowed|safe|required|costs?|important|mean|ok")
_EXPLETIVE = re.compile(
    rf"\b(?:(?:is|are|was|were|does|did|will|can)\s+)?it\s+(?:\w+\s+){{0,2}}?{_TAKES}\b.*?\b(?:to|that|if|for)\s+\w+",
    re.IGNORECASE,
)
_AT_END = r"(?=\s*(?:[?,.]|$))"
_POINTING = phrase(
    rf"""
    (?P<own>its|his|their|theirs|hers)
    (?P<who>he|him|she|her|they|them)
    it|these|those|another one
    the (?:former|latter|others?){_AT_END}
    (?:the |that |this )(?:\w+ ){{0,2}}ones?{_AT_END}
    (?:the |that |this )(?:\w+ ){{0,2}}ones?(?=\s+(?:is|was|are|be|has|have|does?|in|on|for|of|at)\b)
    (?:this|that){_AT_END}
    (?:this|that)(?=\s+(?:is|was|be|has|have|means?|happen\w*|appl\w+|takes?|lasts?|works?|true|for|in|by)\b)
    (?:is|was|does|did) (?:this|that)(?!\s+[a-z])
    (?<!is )(?<!are )(?<!was )(?<!were )(?<!be )there{_AT_END}
    """
)
_POINTING_AT_NOUN = re.compile(
    r"(?P<before>\w+\s+|^)(?:this|that|these|those|such an?|the same)\s+(?P<noun>[a-z][\w-]+)", re.IGNORECASE
)
_CLAUSE = re.compile(
    r"[,;:]|\b(?:if|when|while|because|and|but|or|that|which|who|after|before|unless|although|though|once|where)\b",
    re.IGNORECASE,
)
_WORDS_BEFORE = re.compile(rf"^\W*(?:{_CONNECTIVES}\b[,\s]*)+", re.IGNORECASE)
_LONGEST_FRAGMENT = 8
_FEW_WORDS = 1
_QUESTION_WORD_LENGTH = 6
_FRAGMENT_OPENINGS = word_set("for in on of at with the during after before from to by und für pour para per voor")
_DOCUMENTS = word_set(
    "document handbook text agreement contract manual report paper file book article policy page chapter section"
)


def condense(task: Condense) -> CondenseResult:
    """Make a question self-contained from the history; one that makes sense alone stays as it is."""
    question = task.question.strip()
    turns = read_turns(task.history[-_LOOKED_AT:])
    if not turns or len(question) > _LONGEST_QUESTION:
        return CondenseResult(question=task.question)
    asked, answer = turns[0]
    for following, next_answer in turns[1:]:
        asked, answer = complete(following, asked, answer), next_answer
    return CondenseResult(question=complete(question, asked, answer)[:_LONGEST_QUESTION])


def read_turns(history: str) -> list[tuple[str, str]]:
    """Return the last four questions of a history with their answers, oldest first."""
    marks = list(_TURN.finditer(history))
    turns: list[tuple[str, str]] = []
    for mark, following in itertools.zip_longest(marks, marks[1:]):
        text = history[mark.end() : following.start() if following else None].strip()
        if mark.group(1) == "User":
            turns.append((" ".join(text.split())[:_LONGEST_QUESTION], ""))
        elif turns:
            turns[-1] = (turns[-1][0], f"{turns[-1][1]}\n{text}".strip())
    return turns[-_TURNS:]


def complete(question: str, asked: str, answer: str) -> str:
    """Return a follow-up as a question that stands alone, given the question before it and its answer."""
    if language_of(f"{asked} {question}") is not ENGLISH:
        return _joined(question, asked)
    if not depends(question):
        return question
    before = Antecedents(asked, answer)
    if _BARE.fullmatch(question):
        word = question.strip(" ?.!").removesuffix(" exactly").removesuffix(" then")
        return _with_capital(f"{word} {before.statement()}?")
    rest = _OPENING.sub("", question, count=1).strip(" ?.!")
    continued = _CONNECTED.match(question) and 0 < len(rest.split()) <= _LONGEST_FRAGMENT
    if _is_fragment(rest) or (continued and not _asks(rest.lower().split())):
        return _with_capital(before.substitute(rest))
    return _with_capital(before.resolve(_WORDS_BEFORE.sub("", question, count=1)))


def depends(question: str) -> bool:
    """Whether an English question needs the conversation to be understood."""
    if _CONNECTED.match(question) or _BARE.fullmatch(question) or _is_fragment(question.strip(" ?.!")):
        return True
    for noun in _POINTING_AT_NOUN.finditer(question):
        relative = noun["before"].strip().lower() not in ENGLISH.function_words and noun["before"]
        if not relative and noun["noun"].lower() not in _DOCUMENTS | ENGLISH.function_words:
            return True
    for pointing in _POINTING.finditer(_EXPLETIVE.sub(lambda match: "_" * len(match.group()), question)):
        if not _named_before(question[: pointing.start()], pointing):
            return True
    return False


def _named_before(text: str, pronoun: re.Match[str]) -> bool:
    """Whether what stands before a pronoun in its own question can be what it stands for.

    A noun of the same clause can own something ("does the pump have its own valve") but is never the pronoun itself
    ("does the manager approve it").
    """
    # The question word at the beginning parts nothing.
    clauses = list(_CLAUSE.finditer(text, _QUESTION_WORD_LENGTH))
    if pronoun["who"] and clauses and re.match(r"\W*who\b", text, re.IGNORECASE):
        return True
    if (
        pronoun.group().lower() == "that"
        and text.split()[-1:]
        and text.split()[-1].lower() not in ENGLISH.function_words
    ):
        # "the container that is on fire"
        return True
    end = len(text) if pronoun["own"] else clauses[-1].start() if clauses else 0
    asked = None if pronoun["own"] or pronoun["who"] else asked_for(text)
    return any(phrase != asked for phrase in noun_phrases(text[:end]))


def _joined(question: str, asked: str) -> str:
    """Return a short follow-up in another language with the question before it behind it."""
    content = [
        word for word in re.findall(r"[^\W_]+", question) if word.lower() not in language_of(asked).function_words
    ]
    if len(content) > _FEW_WORDS and not _CONNECTED.match(question):
        return question
    return f"{question.rstrip('?. ')} ({asked.rstrip('?. ')})?"


def _is_fragment(text: str) -> bool:
    """Whether a text has no verb of its own: "for the annual one", "in winter", "cartridges"."""
    words = [word.lower() for word in re.findall(r"[^\W_]+", text)]
    if not words or len(words) > _LONGEST_FRAGMENT or _asks(words):
        return False
    return len(words) == 1 or words[0] in _FRAGMENT_OPENINGS or words[-1] in {"one", "ones"}


def _asks(words: Sequence[str]) -> bool:
    return any(word in AUXILIARIES | QUESTION_WORDS for word in words)


def _with_capital(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"
