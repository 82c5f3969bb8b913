"""Verdict and Revise: whether quotes say what a claim says, judged by words, numbers, names and negations."""
# MERGED """Whether two sentences in much the same words say the same: their figures, dates, names and negations."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from agents.engine.extractive.facts import find_facts
from agents.engine.extractive.matching import stands_for
from agents.engine.extractive.statements import clean, shortened
from agents.engine.tasks.answering import ClaimToJudge, Revise, ReviseResult, Verdict, VerdictResult
from agents.language.lexicon import word_set
from agents.language.sentences import split_sentences
from agents.language.stems import ORDINAL_WORDS, Vocabulary
from agents.schema import Support

_SUPPORTED, _PARTLY = 0.8, 0.5
_LONGEST_CLAIM = 400
_LOOKED_AT, _LONGEST_JUDGED = 4_000, 2_000
_ORDER: tuple[Support, ...] = ("not", "partly", "supported")
_LABEL = re.compile(r"^(?:[^:.;]|\.(?=\S)){1,240}:\s+(?=\S+\s+\S+\s+\S+)")
_NOT_DENYING = re.compile(r"\b(?:no|not) (?:more|less|later|longer|fewer|earlier|greater|only|least)\b", re.IGNORECASE)
_CLAUSE = re.compile(
    r"[,;:]\s|\b(?:and|but|whereas|while|although|und|aber|et|mais|y|pero|e|ma|en|maar)\b", re.IGNORECASE
)
_OPPOSITES = tuple(
    (word_set(one), word_set(other))
    for one, other in (
        (
            "more above over higher larger longer greater maximum most exceed later after rise increase grow",
            "less below under lower smaller shorter fewer minimum least earlier before fall decrease decline",
        ),
        ("always every all", "never none nobody nothing"),
        ("allow permit may can", "forbid prohibit ban"),
        ("open start begin accept approve win include", "close stop end reject refuse lose exclude"),
    )
)


def verdict(task: Verdict) -> VerdictResult:
    """Judge every claim by its own quotes."""
    return VerdictResult(verdicts=tuple(_judge(claim) for claim in task.claims))


def revise(task: Revise) -> ReviseResult:
    """Return the sentence of the quotes that is nearest to the claim, in the document's own words."""
    sentences = [sentence for quote in task.claim.quotes for sentence in _sentences(quote)]
    if not sentences:
        return ReviseResult(text=task.claim.text)
    vocabulary = Vocabulary.of(" ".join(sentences)[:_LOOKED_AT])
    claim = set(vocabulary.terms(task.claim.text[:_LOOKED_AT]))
    best = max(sentences, key=lambda sentence: len(claim & set(vocabulary.terms(sentence))))
    return ReviseResult(text=shortened(best, _LONGEST_CLAIM))


def numbers(text: str, vocabulary: Vocabulary) -> set[str]:
    """Return the values of a text's numbers and its labels such as B2; a count written as a word is the same."""
    return {word.stem for word in vocabulary.words(text) if any(letter.isdigit() for letter in word.stem)}


def negated(text: str, vocabulary: Vocabulary) -> bool:
    """Whether a sentence denies: an odd number of negations, "no more than" and the like left out."""
    words = vocabulary.words(_NOT_DENYING.sub("", text))
    return sum(word.text.lower() in vocabulary.language.negations for word in words) % 2 == 1


@dataclass(frozen=True)
class _Piece:
    """A sentence of the quotes, or a clause of one."""

    text: str
    stems: frozenset[str]


@dataclass(frozen=True)
class _Quoted:
    """What the quotes of one claim say."""

    stems: frozenset[str]
    numbers: set[str]
    pieces: tuple[_Piece, ...]

    @classmethod
    def of(cls, quotes: Sequence[str], vocabulary: Vocabulary) -> "_Quoted":
        text = " ".join(quotes)
        sentences = [sentence for quote in quotes for sentence in _sentences(quote)]
        clauses = [clause for sentence in sentences for clause in _CLAUSE.split(sentence) if clause.strip()]
        pieces = tuple(
            _Piece(piece, frozenset(word.stem for word in vocabulary.words(piece))) for piece in [*sentences, *clauses]
        )
        return cls(frozenset(vocabulary.terms(text)), numbers(text, vocabulary), pieces)


def _judge(claim: ClaimToJudge) -> Support:
    """Judge every sentence of a claim; the claim stands as well as its weakest."""
    quotes = tuple(quote[:_LOOKED_AT] for quote in claim.quotes)
    text = claim.text[:_LONGEST_JUDGED]
    vocabulary = Vocabulary.of(f"{' '.join(quotes)} {text}")
    quoted = _Quoted.of(quotes, vocabulary)
    judged: list[Support] = [_judge_sentence(sentence, quoted, vocabulary) for sentence in _sentences(text)]
    return min(judged, key=_ORDER.index) if judged else "not"


def _judge_sentence(sentence: str, quoted: _Quoted, vocabulary: Vocabulary) -> Support:
    # A label before a colon, such as a document's title, is no part of what is said.
    text = _LABEL.sub("", sentence)
    wanted = vocabulary.terms(text)
    if not wanted or not quoted.stems:
        return "not"
    if numbers(text, vocabulary) - quoted.numbers or _contradicts(text, quoted, vocabulary):
        return "not"
    share = sum(_is_given(term, quoted.stems) for term in wanted) / len(wanted)
    if _names(text, vocabulary) - quoted.stems:
        share = min(share, _SUPPORTED - 0.01)
    return "supported" if share >= _SUPPORTED else "partly" if share >= _PARTLY else "not"


def _is_given(term: str, given: frozenset[str]) -> float:
    if term in given:
        return 1.0
    return 0.8 if any(stands_for(term, other) for other in given) else 0.0


def _names(text: str, vocabulary: Vocabulary) -> set[str]:
    facts = find_facts(text, vocabulary.language)
    return {stem for fact in facts if fact.kind == "name" for stem in vocabulary.terms(fact.text)}


def _contradicts(text: str, quoted: _Quoted, vocabulary: Vocabulary) -> bool:
    """Whether the quoted sentence or clause nearest to a claim denies it, or says the opposite."""
    claim = frozenset(word.stem for word in vocabulary.words(text))
    if not quoted.pieces:
        return False
    nearest = max(quoted.pieces, key=lambda piece: len(claim & piece.stems) / (len(claim) + len(piece.stems) or 1))
    if negated(text, vocabulary) != negated(nearest.text, vocabulary):
        return True
    said = nearest.stems
    return any(_opposed(claim, said, one, two) or _opposed(claim, said, two, one) for one, two in _OPPOSITES)


def _opposed(claim: frozenset[str], quoted: frozenset[str], one: frozenset[str], two: frozenset[str]) -> bool:
    return bool(claim & one and quoted & two) and not (claim & two or quoted & one)


def _sentences(text: str) -> list[str]:
    return [clean(text[start:end]) for start, end in split_sentences(text[:_LOOKED_AT])]


# Words of number that have no value among the stems. A word that another language reads otherwise only keeps apart.
_WORDS_OF_NUMBER = word_set(
    """
    seventeen eighteen nineteen seventy eighty hundreds thousand thousands million millions billion billions trillion
    half third quarter dozen dozens once twice thrice double triple
    zwei drei vier fünf sechs sieben acht neun zehn elf zwölf zwanzig dreißig
    deux trois quatre cinq sept huit neuf dix onze douze quinze vingt trente
    dos tres cuatro cinco seis siete ocho nueve diez doce veinte treinta
    due tre quattro cinque sei sette otto nove dieci undici dodici venti trenta
    dois duas três quatro sete oito dez doze vinte trinta twee vijf zes zeven negen tien twaalf twintig dertig
    """
) | frozenset(ORDINAL_WORDS)


@dataclass(frozen=True)
class Particulars:
    """What must not differ between two sentences of which one is to stand for both."""

    figures: frozenset[str]
    named: frozenset[str]
    """The stems of its names and dates."""
    stems: frozenset[str]
    denied: bool

    @classmethod
    def of(cls, text: str, vocabulary: Vocabulary) -> "Particulars":
        """Return the particulars of a sentence."""
        words = vocabulary.words(text)
        found = [fact for fact in find_facts(text, vocabulary.language) if fact.kind in ("name", "date")]
        named = {
            word.stem
            for word in words
            if not word.function and any(fact.start <= word.start and word.end <= fact.end for fact in found)
        }
        # The word that opens a sentence may be a name as well; that every German noun has a capital tells nothing.
        if words and words[0].text[0].isupper() and not words[0].function and vocabulary.language.name != "German":
            named.add(words[0].stem)
        spelled = {word.text.lower() for word in words} & _WORDS_OF_NUMBER
        stems = frozenset(word.stem for word in words)
        return cls(frozenset(numbers(text, vocabulary) | spelled), frozenset(named), stems, negated(text, vocabulary))

    def agree(self, other: "Particulars") -> bool:
        """Whether neither sentence holds a figure, a date, a name or a negation that the other lacks."""
        if self.figures != other.figures or self.denied != other.denied:
            return False
        return self.named <= other.stems and other.named <= self.stems
