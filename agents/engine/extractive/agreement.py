"""Whether two sentences in much the same words say the same: their figures, dates, names and negations."""

from dataclasses import dataclass

from agents.engine.extractive.facts import find_facts
from agents.engine.extractive.patterns import word_set
from agents.engine.extractive.support import negated, numbers
from agents.language.stems import ORDINAL_WORDS, Vocabulary

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
