"""The parts of an English question: its question word, its auxiliary, and its noun phrases."""

import re
from dataclasses import dataclass

from agents.language.lexicon import ENGLISH, word_set

_WORD = re.compile(r"[^\W_]+(?:[-’'./](?!s\b)[^\W_]+)*")
AUXILIARIES = word_set("is are was were am do does did has have had can could may might must shall should will would")
QUESTION_WORDS = word_set("who whom whose what which when where why how")
_DETERMINERS = word_set("the a an this that these those its his her their our my your each every any some both all")
_BE = word_set("is are was were am be been being")
_MEASURES = word_set("many much long often far high deep old big large soon fast quickly late early wide heavy")
_PARTICIPLE = re.compile(r".{2,}(?:ed|en|wn|ught|ept|eld|old|ade|uilt|ent|aid|ung|un|ound|ut|et)$")
_PREDICATES = word_set(
    "set put cut let shut held kept made built sent paid run sold told known done due available open closed valid "
    "necessary needed responsible liable allowed full empty ready free"
)
_EVENTS = word_set("happens happened happen changes changed")
_BEFORE_VERB = word_set("who to not when where why how")
ROLES = (
    r"(?:manager|leader|officer|chair\w*|director|president|minister|chemist|engineer|operator|technician|nurse|doctor|"
    r"deput(?:y|ies)|supervisor|captain|driver|person|people|representative|secretary|inspector|owner|keeper|member|author|"
    r"king|queen|mayor|attendant|founder|astronomer|physicist|professor|successor|artist|writer|boss|chief)s?"
)
_PERSON = re.compile(rf"\b{ROLES}\b", re.IGNORECASE)
GROUPS = re.compile(
    r"\b(?:crew|team|staff|board|committee|council|people|personnel|family|company|couple)\b", re.IGNORECASE
)
INSTITUTIONS = re.compile(
    r"\b(?:Section|Form|Station|Observatory|University|Reservoir|Tank|Council|Board|Street|Lane|Point|Island|Hill|Mount|River|"
    r"Head|Limited|Inc|GmbH|Ltd|Agreement|Schedule|Revision|Committee|Chapter|Level|Act|Law|Company|Bank|Museum|School|"
    r"Institute|Ministry|Department|Office|Party|League|Club|War|Church|Bridge|Sea|Lake|Valley|Bay|North|South|East|West)\b"
)


@dataclass(frozen=True)
class Phrase:
    """A noun phrase: `question[start:end]`."""

    text: str
    start: int
    end: int

    @property
    def head(self) -> str:
        """Return its main noun: "Deputy" of "the Deputy for Water"."""
        core = re.split(r"\s(?:of|for|in|on|at|to|from|with|by)\s", self.text, maxsplit=1)[0]
        words = [word for word in _WORD.findall(core) if word.lower() not in _DETERMINERS]
        return words[-1] if words else self.text

    @property
    def core(self) -> str:
        """Return it without its determiner."""
        first, _, rest = self.text.partition(" ")
        return rest if rest and first.lower() in _DETERMINERS else self.text

    @property
    def person(self) -> bool:
        """Whether it names somebody, as far as its form tells."""
        words = self.core.split()
        named = len(words) >= 2 and self.core == self.text and all(word[0].isupper() for word in words)
        return bool(_PERSON.search(self.text)) or (named and not INSTITUTIONS.search(self.text))

    @property
    def plural(self) -> bool:
        """Whether it names several, as far as its form tells."""
        if GROUPS.fullmatch(self.head):
            return True
        return self.head.lower().endswith("s") and not self.head.lower().endswith(("ss", "us", "is"))


@dataclass(frozen=True)
class _Token:
    text: str
    start: int
    end: int

    @property
    def lower(self) -> str:
        return self.text.lower()

    @property
    def function(self) -> bool:
        return self.lower in ENGLISH.function_words and not (self.text.isupper() and len(self.text) == 1)


def noun_phrases(question: str, *, joined: bool = True) -> list[Phrase]:
    """Return the noun phrases of a question in order; joined: "the depth of the well" is one, not two."""
    tokens = [_Token(match.group(), match.start(), match.end()) for match in _WORD.finditer(question)]
    phrases: list[Phrase] = []
    position, verb_found = 0, False
    while position < len(tokens):
        stop = _run_end(tokens, position, question)
        if stop == position:
            verb_found = verb_found and tokens[position].lower not in AUXILIARIES
            position += 1
            continue
        first, last = (position, stop) if verb_found else _without_verbs(tokens, position, stop)
        verb_found = verb_found or (first, last) != (position, stop)
        if first < last:
            start = _determiner_start(tokens, first)
            phrases.append(Phrase(question[start : tokens[last - 1].end], start, tokens[last - 1].end))
        position = stop
    return _joined(question, phrases) if joined else phrases


def topic(question: str) -> Phrase | None:
    """Return the noun phrase that a question is about: its subject, else its last object."""
    phrases = noun_phrases(question)
    asked = asked_for(question)
    others = [phrase for phrase in phrases if phrase.text.lower() not in _EVENTS and phrase != asked]
    after = _auxiliary_end(question)
    if after is None:
        return asked or next(iter(others), None)
    subject = next((phrase for phrase in others if not question[after : phrase.start].strip()), None)
    return subject or asked or next(iter(others), None)


def asked_for(question: str) -> Phrase | None:
    """Return what a question asks for by name: "award" in "Which award did he receive?"."""
    found = re.match(r"\W*(?:\w+\s+)?(?:which|what|whose|how many|how much)\s+(?=\w)", question, re.IGNORECASE)
    if found is None:
        return None
    found_phrase = next((phrase for phrase in noun_phrases(question) if phrase.start == found.end()), None)
    return None if found_phrase and found_phrase.text.lower() in _EVENTS else found_phrase


def _run_end(tokens: list[_Token], position: int, question: str) -> int:
    """Return one past the content words that begin at `position` and are parted by nothing but space."""
    stop = position
    while stop < len(tokens) and not tokens[stop].function and tokens[stop].lower not in _MEASURES:
        if stop > position and question[tokens[stop - 1].end : tokens[stop].start].strip():
            break
        stop += 1
    return stop


def _without_verbs(tokens: list[_Token], first: int, last: int) -> tuple[int, int]:
    """Return the run without the verb at its beginning ("who founded X") or end ("does X end")."""
    before = tokens[first - 1].lower if first else ""
    behind = tokens[last].lower if last < len(tokens) else ""
    if before in _BEFORE_VERB and tokens[first].text[0].islower():
        return first + 1, last
    auxiliary = next((token.lower for token in reversed(tokens[:first]) if token.lower in AUXILIARIES), "")
    if not auxiliary:
        return first, last - 1 if last - first > 1 and behind in _DETERMINERS else last
    for place in range(first + 1, last):
        # Behind a name the first word in small letters is the verb: "did Marit Okafor become manager".
        named = tokens[place - 1].text[0].isupper() and tokens[place].text[0].islower()
        if named and _is_verb(tokens[place], auxiliary):
            return first, place
    while auxiliary in _BE and before in _BE and first < last and _is_verb(tokens[first], auxiliary):
        first += 1
    if first == last or behind in _BE or not _is_verb(tokens[last - 1], auxiliary):
        return first, last
    return first, last - 1 if last - first > 1 or before not in _DETERMINERS else last


def _is_verb(word: _Token, auxiliary: str) -> bool:
    """Whether the last word of a run behind an auxiliary is its verb, not a noun."""
    if word.text[0].isupper() or word.text[0].isdigit():
        return False
    if auxiliary not in _BE:
        return True
    return bool(_PARTICIPLE.match(word.lower)) or word.lower in _PREDICATES


def _determiner_start(tokens: list[_Token], first: int) -> int:
    before = tokens[first - 1] if first else None
    return before.start if before and before.lower in _DETERMINERS else tokens[first].start


def _joined(question: str, phrases: list[Phrase]) -> list[Phrase]:
    """Join phrases that "of" or, between names, "for" holds together."""
    joined: list[Phrase] = []
    for phrase in phrases:
        between = question[joined[-1].end : phrase.start] if joined else ""
        named = bool(joined) and joined[-1].head[0].isupper() and phrase.core[0].isupper()
        if between in {" of ", "'s ", "’s "} or (between == " for " and named):
            start = joined.pop().start
            phrase = Phrase(question[start : phrase.end], start, phrase.end)
        joined.append(phrase)
    return joined


def _auxiliary_end(question: str) -> int | None:
    found = next((match for match in _WORD.finditer(question) if match.group().lower() in AUXILIARIES), None)
    return found.end() if found else None
