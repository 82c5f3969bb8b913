"""StandaloneQuestion and UpdateSummary: what the engine does with a conversation.

A follow-up is made self-contained from the turn before it: a fragment ("and in winter?") replaces its counterpart in
the previous question, a pronoun or an ordinal is replaced by its antecedent. A summary keeps the question of each turn
and the sentences of its answer that hold most facts.
"""

import itertools
import re

from agents.engine.extractive.facts import INSTITUTIONS, find_facts
from agents.engine.extractive.questions import (
    AUXILIARIES,
    GROUPS,
    QUESTION_WORDS,
    ROLES,
    Phrase,
    asked_for,
    noun_phrases,
    topic,
)
from agents.engine.extractive.statements import shortened
from agents.engine.tasks.decisions import StandaloneQuestion, StandaloneQuestionResult
from agents.engine.tasks.reading import UpdateSummary, UpdateSummaryResult
from agents.language.lexicon import ENGLISH, any_of, language_of, phrase, word_set
from agents.language.numbers import ORDINAL_WORDS
from agents.language.sentences import split_sentences

_NTH = "|".join(ORDINAL_WORDS)
_TIMES = word_set("winter summer spring autumn morning evening night weekend weekends july august january")

_MAX_HISTORY_CHARS, _MAX_QUESTION_CHARS, _MAX_TURNS = 24_000, 500, 4
_MARKUP = re.compile(r"\[\d+\]|\*\*|__|`|^\s*>+\s?|^#{1,6}\s+", re.MULTILINE)


def standalone_question(task: StandaloneQuestion) -> StandaloneQuestionResult:
    """Make a question self-contained from the history; one that makes sense alone stays as it is."""
    question = task.question.strip()
    turns = read_turns(task.history[-_MAX_HISTORY_CHARS:])
    if not turns or len(question) > _MAX_QUESTION_CHARS:
        return StandaloneQuestionResult(question=task.question)
    asked, answer = turns[0]
    for following, next_answer in turns[1:]:
        asked, answer = resolve_follow_up(following, asked, answer), next_answer
    return StandaloneQuestionResult(question=resolve_follow_up(question, asked, answer)[:_MAX_QUESTION_CHARS])


_TURN = re.compile(r"^(User|Assistant):[ \t]*", re.MULTILINE)


def read_turns(history: str) -> list[tuple[str, str]]:
    """Return the last four questions of a history with their answers, oldest first."""
    marks = list(_TURN.finditer(history))
    turns: list[tuple[str, str]] = []
    for mark, following in itertools.zip_longest(marks, marks[1:]):
        text = history[mark.end() : following.start() if following else None].strip()
        if mark.group(1) == "User":
            turns.append((" ".join(text.split())[:_MAX_QUESTION_CHARS], ""))
        elif turns:
            turns[-1] = (turns[-1][0], f"{turns[-1][1]}\n{text}".strip())
    return turns[-_MAX_TURNS:]


_MAX_FRAGMENT_WORDS = 8
_ASKING_WORDS = AUXILIARIES | QUESTION_WORDS
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
_WORDS_BEFORE = re.compile(rf"^\W*(?:{_CONNECTIVES}\b[,\s]*)+", re.IGNORECASE)
_FRAGMENT_OPENINGS = word_set("for in on of at with the during after before from to by und für pour para per voor")


def resolve_follow_up(question: str, asked: str, answer: str) -> str:
    """Return a follow-up as a question that stands alone, given the question before it and its answer."""
    if language_of(f"{asked} {question}") is not ENGLISH:
        return _with_previous_question(question, asked)
    if not needs_context(question):
        return question
    previous = PreviousTurn(asked, answer)
    rest = _OPENING.sub("", question, count=1).strip(" ?.!")
    continued = _CONNECTED.match(question) and 0 < len(rest.split()) <= _MAX_FRAGMENT_WORDS
    if _BARE.fullmatch(question):
        word = question.strip(" ?.!").removesuffix(" exactly").removesuffix(" then")
        resolved = f"{word} {previous.statement()}?"
    elif _is_fragment(rest) or (continued and _ASKING_WORDS.isdisjoint(rest.lower().split())):
        resolved = previous.substitute(rest)
    else:
        resolved = previous.resolve(_WORDS_BEFORE.sub("", question, count=1))
    return f"{resolved[:1].upper()}{resolved[1:]}"


def _with_previous_question(question: str, asked: str) -> str:
    """Return a short follow-up in another language than English with the question before it in brackets."""
    function_words = language_of(asked).function_words
    content = [word for word in re.findall(r"[^\W_]+", question) if word.lower() not in function_words]
    if len(content) > 1 and not _CONNECTED.match(question):
        return question
    return f"{question.rstrip('?. ')} ({asked.rstrip('?. ')})?"


def _is_fragment(text: str) -> bool:
    """Whether a text has no verb of its own: "for the annual one", "in winter", "cartridges"."""
    words = [word.lower() for word in re.findall(r"[^\W_]+", text)]
    if not 0 < len(words) <= _MAX_FRAGMENT_WORDS or not _ASKING_WORDS.isdisjoint(words):
        return False
    return len(words) == 1 or words[0] in _FRAGMENT_OPENINGS or words[-1] in {"one", "ones"}


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
_DOCUMENTS = word_set(
    "document handbook text agreement contract manual report paper file book article policy page chapter section"
)


def needs_context(question: str) -> bool:
    """Whether an English question needs the conversation to be understood."""
    if _CONNECTED.match(question) or _BARE.fullmatch(question) or _is_fragment(question.strip(" ?.!")):
        return True
    for noun in _POINTING_AT_NOUN.finditer(question):
        relative = noun["before"].strip().lower() not in ENGLISH.function_words and noun["before"]
        if not relative and noun["noun"].lower() not in _DOCUMENTS | ENGLISH.function_words:
            return True
    masked = _EXPLETIVE.sub(lambda match: "_" * len(match.group()), question)
    return any(not _has_antecedent(question[: found.start()], found) for found in _POINTING.finditer(masked))


_CLAUSE = re.compile(
    r"[,;:]|\b(?:if|when|while|because|and|but|or|that|which|who|after|before|unless|although|though|once|where)\b",
    re.IGNORECASE,
)
_QUESTION_WORD_LENGTH = 6


def _has_antecedent(text: str, pronoun: re.Match[str]) -> bool:
    """Whether a pronoun can stand for something before it in its own question, of which `text` is that part.

    A noun of the same clause can own something ("does the pump have its own valve") but is never the pronoun itself
    ("does the manager approve it").
    """
    # The question word at the beginning opens no clause.
    clauses = list(_CLAUSE.finditer(text, _QUESTION_WORD_LENGTH))
    if pronoun["who"] and clauses and re.match(r"\W*who\b", text, re.IGNORECASE):
        return True
    before = text.split()[-1:]
    if pronoun.group().lower() == "that" and before and before[0].lower() not in ENGLISH.function_words:
        # "the container that is on fire"
        return True
    end = len(text) if pronoun["own"] else clauses[-1].start() if clauses else 0
    asked = None if pronoun["own"] or pronoun["who"] else asked_for(text)
    return any(phrase != asked for phrase in noun_phrases(text[:end]))


_QUESTION_WORD = re.compile(
    r"\W*(?:(?:in|at|on|by|for|from|to|within|after)\s+)?(?:who|whom|whose|what|when|where|why|how|which)\b"
    r"(?:\s+(?:often|long|much|many|far|high|deep|old|big|large|soon|fast))?",
    re.IGNORECASE,
)
_ORDINAL_ONE = re.compile(
    rf"\b(?:the\s+)?(?P<nth>{_NTH}|last|former|latter)(?:\s+ones?)?"
    r"(?=\s*(?:[?,.]|$|is|was|are|has|have|be|do|does|in|on|for))",
    re.IGNORECASE,
)
_ORDINAL = re.compile(rf"\b(?:{_NTH}|last)\b", re.IGNORECASE)
_OTHER_ONE = re.compile(r"\bthe\s+others?(?:\s+ones?)?\b(?!\s+[a-z]+s?\b(?<!ones)(?<!one))", re.IGNORECASE)
_ANOTHER_ONE = re.compile(r"\banother(?:\s+one)?\b(?!\s+[a-z])", re.IGNORECASE)
_SUCH_ONE = re.compile(
    rf"\b(?:the|that|this|those|these)\s+(?P<such>(?!other|last|{_NTH})[\w-]+(?:\s[\w-]+)?)\s+ones?\b", re.IGNORECASE
)
_PREPOSITIONS = "for|in|on|of|at|with|during|after|before|from|to|by"
_HE = re.compile(r"\b(?P<word>he|she|him|his|her|hers)\b", re.IGNORECASE)
_IT = re.compile(r"\b(?P<word>it|its)\b(?!\s+(?:takes?|took|lasts?|happens?)\b)", re.IGNORECASE)
_THEY = re.compile(r"\b(?P<word>they|them|their|theirs)\b", re.IGNORECASE)
_POSSESSIVE = word_set("his hers its their theirs")
_SERIES = re.compile(r"\b(?P<prefix>[A-Z]{1,3}-?)\d+(?:(?:,|,? and|,? or)\s+(?P=prefix)\d+)+\b")
_COMPLEMENTS = word_set("on for of against about between")
_BEFORE_PLACE = re.compile(r"\b(?:in|at|from|near|of|to|on)\s+(?:the\s+)?$", re.IGNORECASE)
_LIST_ITEM = re.compile(r"^\s*(?:[-*+•]|\d{1,2}[.)])\s+(.+)$", re.MULTILINE)
_MAX_ANSWER_CHARS = 3_000
_MAX_ITEM_WORDS = 12


class PreviousTurn:
    """The question before a follow-up, already self-contained, and its answer: where antecedents are found."""

    def __init__(self, asked: str, answer: str) -> None:
        self._asked = asked.strip()
        self._answer = _MARKUP.sub("", answer[:_MAX_ANSWER_CHARS])
        self._topic = topic(self._asked)

    def statement(self) -> str:
        """Return the previous question without its question word: "is the tank cleaned"."""
        bare = self._asked.rstrip("?. ")
        found = _QUESTION_WORD.match(bare)
        rest = bare[found.end() :].strip() if found else bare
        if rest.split(" ", 1)[0].lower() in AUXILIARIES:
            return rest
        return f"was it that {self._person_in_answer() or 'someone'} {rest}" if found else rest

    def substitute(self, fragment: str) -> str:
        """Return the previous question with a fragment in the place of what it replaces."""
        nth = _ORDINAL_ONE.search(fragment)
        if nth:
            return self._about_nth(nth["nth"])
        if _OTHER_ONE.search(fragment) and self._topic:
            return self._replaced(self._topic, f"the other {self._topic.head}")
        led = re.match(rf"({_PREPOSITIONS})\s+(.+)", fragment, re.IGNORECASE)
        preposition, rest = (led[1].lower(), led[2]) if led else ("", fragment)
        such = re.fullmatch(_SUCH_ONE, rest)
        slot = self._slot(rest, preposition, such is not None)
        if slot is None:
            return f"{self._asked.rstrip('?. ')} {fragment}?"
        return self._replaced(slot, f"the {such['such']} {slot.head}" if such else rest)

    def resolve(self, question: str) -> str:
        """Return a follow-up with its pronouns replaced; where none can be, with what it is about in brackets."""
        resolved = question
        for pattern, antecedent in (
            (_OTHER_ONE, self._other),
            (_ANOTHER_ONE, self._another),
            (_SUCH_ONE, self._such),
            (_ORDINAL_ONE, self._nth),
            (_HE, self._person),
            (_THEY, self._several),
            (_IT, self._owner_or_thing),
        ):
            match = pattern.search(resolved)
            text = antecedent(match) if match else ""
            if match and text:
                word, rest = (match.groupdict().get("word") or "").lower(), resolved[match.end() :]
                # "Her" is possessive before a noun; at the end of a question, or before a small word, it is not.
                possessive = word in _POSSESSIVE or (word == "her" and re.match(r"\s+[a-z]{4,}", rest))
                resolved = f"{resolved[: match.start()]}{text}{chr(39) + 's' if possessive else ''}{rest}"
        if resolved == question:
            about = self._proposition()
            known = set(re.findall(r"\w+", question.lower()))
            new = not set(re.findall(r"\w+", about.lower())) <= known
            resolved = f"{question.rstrip('?. ')} ({about})?" if new else question
        return resolved

    def _proposition(self) -> str:
        """Return what the previous question was about as a whole: "the tank cleaned"."""
        first, _, rest = self.statement().removeprefix("was it that ").removeprefix("someone ").partition(" ")
        return rest if first.lower() in AUXILIARIES else f"{first} {rest}".strip()

    def _about_nth(self, nth: str) -> str:
        if _ORDINAL.search(self._asked):
            return _ORDINAL.sub(nth, self._asked, count=1)
        series = _SERIES.search(self._asked)
        if series and nth.lower() in ORDINAL_WORDS:
            label = f"{series['prefix']}{ORDINAL_WORDS[nth.lower()]}"
            return f"{self._asked[: series.start()]}{label}{self._asked[series.end() :]}"
        item = self._item(nth)
        if item is None:
            return f"{self._asked.rstrip('?. ')} ({nth})?"
        if self._topic is None or self._topic == asked_for(self._asked):
            return f"What about {item} ({self._topic.text if self._topic else self._proposition()})?"
        return self._replaced(self._topic, item)

    def _replaced(self, slot: Phrase, text: str) -> str:
        return f"{self._asked[: slot.start]}{text}{self._asked[slot.end :]}"

    def _slot(self, fragment: str, preposition: str, such: bool) -> Phrase | None:
        """Return the noun phrase of the previous question that a fragment replaces; None: it adds something."""
        phrases = [phrase for phrase in noun_phrases(self._asked, joined=False) if phrase != asked_for(self._asked)]
        if preposition:
            same = [p for p in phrases if self._asked[: p.start].lower().rstrip().endswith(f" {preposition}")]
            if same or not such:
                return same[-1] if same else None
        if not phrases or fragment.split()[0].lower() in _TIMES:
            return None
        words = fragment.split()
        named = words[-1][0].isupper()

        def similarity(phrase: Phrase) -> float:
            score = 3.0 * (phrase.head.lower().rstrip("s") == words[-1].lower().rstrip("s"))
            score += 3.0 * (phrase.text.split()[0].lower() == words[0].lower() and words[0].lower() != "the")
            score += 2.0 * (phrase.head[0].isupper() == named) + 1.0 * phrase.plural * words[-1].endswith("s")
            return score + 0.1 * phrases.index(phrase) + (0.5 if such and phrase == self._topic else 0.0)

        return max(phrases, key=similarity)

    def _other(self, _: re.Match[str]) -> str:
        return f"the other {self._topic.head}" if self._topic else ""

    def _another(self, _: re.Match[str]) -> str:
        return f"another {self._topic.head}" if self._topic else ""

    def _such(self, match: re.Match[str]) -> str:
        return f"the {match['such']} {self._topic.head}" if self._topic else ""

    def _nth(self, match: re.Match[str]) -> str:
        return self._item(match["nth"]) or ""

    def _person(self, _: re.Match[str] | None = None) -> str:
        described = self._topic.text if self._topic and self._topic.person else ""
        if described and described[0].isupper():
            return described
        name = self._person_in_answer()
        if described:
            return f"{described} ({name})" if name else described
        role = re.search(rf"\bthe\s+(?:[A-Za-z]+\s){{0,2}}?{ROLES}\b", self._answer, re.IGNORECASE)
        return name or (role.group().lower() if role else "")

    def _several(self, _: re.Match[str]) -> str:
        phrases = noun_phrases(self._asked)
        plural = next((phrase for phrase in phrases if phrase.plural), None)
        if plural is None:
            return self._person() or self._thing()
        return plural.text if plural.text != plural.core or plural != asked_for(self._asked) else f"the {plural.text}"

    def _owner_or_thing(self, match: re.Match[str]) -> str:
        """Return the thing that is spoken of; for "its", what has it: the well of "the depth of the well"."""
        thing = self._thing()
        owner = thing.rpartition(" of ")[2] if match["word"].lower() == "its" else ""
        return owner or thing

    def _thing(self) -> str:
        things = [
            phrase for phrase in noun_phrases(self._asked) if not phrase.person and not GROUPS.fullmatch(phrase.head)
        ]
        asked = asked_for(self._asked)
        about = self._topic if self._topic in things else next((phrase for phrase in things if phrase != asked), asked)
        if about is None or about != asked:
            return self._with_complement(about) if about else ""
        label = re.search(rf"(?i:\b{re.escape(about.head.rstrip('s'))}s?)\s+([A-Z0-9][\w-]*)", self._answer)
        if label:
            return f"the {about.head} {label.group(1)}"
        names = (fact.text for fact in find_facts(self._answer, ENGLISH) if fact.kind == "name")
        name = next((text for text in names if text.lower() not in self._asked.lower()), "")
        return f"the {about.core} ({name})" if name else f"the {about.core}"

    def _with_complement(self, phrase: Phrase) -> str:
        """Return a noun phrase with what belongs to it: "the warranty on membranes"."""
        following = next((other for other in noun_phrases(self._asked) if other.start > phrase.end), None)
        between = self._asked[phrase.end : following.start].strip().lower() if following else ""
        return self._asked[phrase.start : following.end] if following and between in _COMPLEMENTS else phrase.text

    def _person_in_answer(self) -> str:
        """Return the person whom the answer names, where it speaks of the topic if possible."""
        head = self._topic.head.lower() if self._topic else ""
        sentences = [self._answer[start:end] for start, end in split_sentences(self._answer)]
        sentences.sort(key=lambda sentence: head not in sentence.lower())
        for sentence in sentences:
            for fact in find_facts(sentence, ENGLISH):
                known = fact.text.lower() in self._asked.lower()
                placed = _BEFORE_PLACE.search(sentence, max(0, fact.start - 10), fact.start)
                person = fact.kind == "name" and " " in fact.text and not INSTITUTIONS.search(fact.text)
                if person and not placed and not known:
                    return fact.text
        return ""

    def _item(self, nth: str) -> str | None:
        """Return the name of the nth thing in the answer: of its list items, things of the same name, or sentences."""
        items = [match.group(1) for match in _LIST_ITEM.finditer(self._answer)]
        if len(items) < 2:
            items = self._of_same_name() or [line for line in self._answer.splitlines() if line.strip()]
        if len(items) < 2:
            items = [self._answer[start:end] for start, end in split_sentences(self._answer)]
        last = nth.lower() in {"last", "latter"}
        position = len(items) if last else ORDINAL_WORDS.get(nth.lower(), 1)
        if not 0 < position <= len(items):
            return None
        name = re.split(r"\s[–—-]\s|[:;,.(]\s", items[position - 1].strip(" .;"), maxsplit=1)[0]
        return " ".join(name.split()[:_MAX_ITEM_WORDS]).strip("“”\"' .,;")

    def _of_same_name(self) -> list[str]:
        """Return the things in the answer that bear the topic's noun: "the North Head", "the South Head"."""
        phrases = [noun for noun in (self._topic, asked_for(self._asked)) if noun]
        for head in dict.fromkeys(noun.head.rstrip("s") for noun in phrases):
            form = (
                rf"\b(?:the\s+)?(?:[A-Z][\w-]*\s+)+(?i:{re.escape(head)})\b|\b(?i:{re.escape(head)})\s+[A-Z0-9][\w-]*"
            )
            found = list(dict.fromkeys(match.group() for match in re.finditer(form, self._answer)))
            if len(found) > 1:
                return [f"the {text}" if text[0].isupper() else text for text in found]
        return []


_MAX_SUMMARY_CHARS, _MAX_BEGINNING_CHARS = 2_400, 700
_ASKED = "Asked: "


def update_summary(task: UpdateSummary) -> UpdateSummaryResult:
    """Fold turns into the summary: each question with the most informative sentences of its answer.

    The beginning of the conversation and its newest turns stay; turns between them are dropped when it grows too long.
    """
    entries = [f"{_ASKED}{entry.strip()}" for entry in task.summary.split(_ASKED) if entry.strip()]
    entries.extend(f"{_ASKED}{_summary_of_turn(turn)}" for turn in task.turns if turn.strip())
    first: list[str] = []
    for entry in entries:
        if len(" ".join([*first, entry])) > _MAX_BEGINNING_CHARS:
            break
        first.append(entry)
    newest: list[str] = []
    for entry in reversed(entries[len(first) :]):
        if len(" ".join([*first, entry, *newest])) > _MAX_SUMMARY_CHARS:
            break
        newest.insert(0, entry)
    return UpdateSummaryResult(summary=" ".join([*first, *newest])[:_MAX_SUMMARY_CHARS])


_QUESTION_AND_ANSWER = re.compile(r"\s*User:\s*(?P<question>.*?)\s*\n\s*Assistant:\s*(?P<answer>.*)", re.DOTALL)
_MARKUP_AND_BULLETS = re.compile(r"\[\d+\]|\*\*|__|`|^\s*(?:>+|#{1,6}|[-*+•])\s?|^_[^_\n]+_\s*$", re.MULTILINE)
_MAX_ASKED_CHARS, _MAX_ANSWERED_CHARS = 160, 260
_MAX_TURN_CHARS = 6_000


def _summary_of_turn(turn: str) -> str:
    """Return a turn as one line: the question, and the sentences of the answer that hold facts."""
    found = _QUESTION_AND_ANSWER.match(turn)
    question, answer = (found["question"], found["answer"]) if found else (turn, "")
    answer = _MARKUP_AND_BULLETS.sub(" ", answer.partition("**Sources**")[0][:_MAX_TURN_CHARS]).replace("\n", " ")
    asked = shortened(" ".join(question.split()), _MAX_ASKED_CHARS)
    return f"{asked} Answered: {_informative_sentences(answer)}" if answer.strip() else asked


def _informative_sentences(answer: str) -> str:
    """Return an answer's first sentence and those with most facts, in their order, at most 260 characters in all."""
    sentences = [" ".join(answer[start:end].split()) for start, end in split_sentences(answer)]
    language = language_of(answer)
    by_facts = sorted(range(1, len(sentences)), key=lambda i: (-len(find_facts(sentences[i], language)), i))
    chosen: list[int] = []
    for index in [0, *by_facts]:
        length = sum(len(sentences[i]) + 1 for i in [*chosen, index])
        if index < len(sentences) and (not chosen or length <= _MAX_ANSWERED_CHARS):
            chosen.append(index)
    return shortened(" ".join(sentences[index] for index in sorted(chosen)), _MAX_ANSWERED_CHARS)
