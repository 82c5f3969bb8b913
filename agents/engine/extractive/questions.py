"""Which units can answer a question for a quantity: a depth is not given in hours."""
# MERGED """How questions are asked in seven languages, and what kind of answer each form wants."""
# MERGED """What a question asks for: its content words with weights, and the kind of its answer."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Literal, cast

from agents.engine.extractive.facts import FactKind
from agents.language.lexicon import LANGUAGES, Language, any_of, labelled, language_of, word_set
from agents.language.stems import Vocabulary, Word

# The question's words, behind them the units of an answer.
_ASKED = """
length       how (?:deep|high|tall|wide|thick|far|close|near)
length       how long is the (?:road|pipe|track|wall|bridge|pier|cable|tunnel|river|fence|rope)
length       (?:depth|height|width|thickness|distance|diameter|altitude|aperture|length)s?\\b
length       how many (?:kilomet|met|mile|feet|inch|centimet|millimet)
mass         how heavy|how many (?:kilo|tonnes|tons|grams|pounds of)|(?:weight|mass)\\b
temperature  how (?:hot|cold|warm|cool)|temperatures?\\b|how many degrees
speed        how fast (?:is|was|are|were)
speed        how fast .*\\b(?:runs?|go|goes|turns?|moves?|sails?|drives?|fl(?:y|ies)|spins?)\\b
speed        speeds?\\b|velocity
sound        how loud|noise level|decibel
pressure     pressures?\\b(?! loss)
voltage      voltages?\\b|how many volts
energy       how many kilowatt|how many watts
area         how many (?:hectares|acres|square)|surface area
"""
_UNITS = """
length       [kmcµμn]?m|(?:kilo|centi|milli)?met(?:er|re)s?|feet|foot|inch(?:es)?|miles?
mass         [kmµμ]?g|t|tonnes?|tons?|kilo(?:gram)?s?|grams?|pounds?|lbs?
temperature  °\\s?[CFK]|[CFK]|degrees?
speed        [mk]?m/[sh]|km/h|mph|knots?|kt|met(?:er|re)s? (?:per|a) (?:second|hour)|kilomet(?:er|re)s? (?:per|an) hour
sound        dB(?:\\(A\\))?|decibels?
pressure     m?bar|[kM]?Pa|psi|atmospheres?
voltage      [kmM]?V|volts?
energy       [kMG]?Wh?|kilowatts?|kilowatt-hours?|watts?
area         [kmc]?m²|hectares?|acres?|square \\w+
"""


def dimension_of(question: str) -> str:
    """Return what a question measures, or "" where any quantity may answer."""
    for dimension, pattern in _asked():
        if pattern.search(question):
            return dimension
    return ""


def measures(quantity: str, dimension: str) -> bool:
    """Whether a quantity is given in one of a dimension's units: "14 m" is a length."""
    return bool(_units()[dimension].search(quantity))


@lru_cache(maxsize=1)
def _asked() -> tuple[tuple[str, re.Pattern[str]], ...]:
    forms = labelled(_ASKED)
    return tuple((dimension, re.compile(rf"\b(?:{form})", re.IGNORECASE)) for dimension, form in forms)


@lru_cache(maxsize=1)
def _units() -> dict[str, re.Pattern[str]]:
    return {dimension: re.compile(rf"(?:^|[\d\s])(?:{form})$") for dimension, form in labelled(_UNITS)}


_MEASURED = any_of(
    """
    temperature|pressure|speed|depth|height|altitude|capacity|limit|maximum|minimum|threshold|level|dose|dosage
    concentration|rate|voltage|volume|weight|size|length|width|distance|number|amount|output|strength|population|area
    diameter|thickness|frequency|yield|quantity|age|score|range|figure|value|recovery|rating|hardness|density|flow
    load|reserve
    """
)
_UNITS_OF_TIME = "(?:seconds|minutes|hours|days|nights|weeks|months|years)"
# One form a line behind the kind of answer it asks for. The form that stands first in a question counts; of two
# that begin at the same word, the one that stands first here.
FORMS: Mapping[str, str] = MappingProxyType(
    {
        "English": rf"""
frequency   how (?:often|frequently|regularly)
frequency   (?:at )?what intervals?
frequency   how many times (?:a|per|each)
duration    how (?:quickly|soon|fast (?:must|should|shall))
duration    how long (?!is the (?:road|pipe|track|wall|bridge|pier|cable|tunnel|river|fence|rope))
duration    how much (?:time|notice)|how far (?:ahead|in advance)
duration    (?:how many|what number of) (?:\w+ )?{_UNITS_OF_TIME}
duration    what (?:is|was) the (?:\w+ ){{0,3}}(?:duration|notice period|time limit|interval|period|lead time)
money       how much money
money       how much (?:\S+ ){{0,8}}?(?:costs?|pays?|paid|charged?|fee|price|worth|owed?|earn|spen[dt]|credited|fined)\b
money       (?:what|which) (?:\S+ ){{0,6}}?(?:price|cost|fee|charge|salary|wage|fine|budget|tariff|compensation)s?\b
money       (?:what|which) (?:\S+ ){{0,6}}?penalt(?:y|ies)\b
percent     (?:what|which) (?:\w+ ){{0,2}}?(?:percentage|percent|per cent|share|proportion|fraction)
count       how many
count       (?:what|which) (?:is|was|are|were) the (?:total )?number
quantity    how (?:much|high|low|deep|far|wide|tall|big|large|small|heavy|thick|strong|hot|cold|warm|fast|old|steep)
quantity    how (?:close|loud|powerful|hard|near|long)
quantity    (?:(?:at|to|above|below) )?(?:what|which) (?:\S+ ){{0,4}}?{_MEASURED}s?\b
year        (?:in )?(?:what|which) year
clock       (?:at )?(?:what|which) (?:time|hours?)\b
clock       (?:until|by) when|how (?:late|early)
time        when
time        (?:(?:on|in|by|since|until) )?(?:what|which) (?:\w+ )?(?:date|day|month|quarter|season|deadline|century)s?\b
time        (?:on )?(?:what|which) weekdays?\b
person      who(?:m|se)?\b
person      (?:what|which) (?:person|people|man|woman|officer|employee|engineer|member|name of the person)\b
organisation (?:(?:by|from|to|with) )?(?:what|which) (?:company|firm|manufacturer|organi[sz]ation|bank|brand)s?\b
organisation (?:(?:by|from|to|with) )?(?:what|which) (?:university|airline|agency|authority|laborator(?:y|ies))s?\b
place       where
place       (?:(?:in|at|to|from|on) )?(?:what|which) (?:place|city|country|town|room|building|state|region|location)\b
place       (?:(?:in|at|to|from|on) )?(?:what|which) (?:village|island|river|continent|port|street)\b
reason      why|for what (?:reason|purpose)|how come
reason      (?:what|which) (?:is|was|are|were) the (?:\w+ )?(?:reason|cause|purpose|motive)
reason      what (?:causes?d?|led|leads)\b
definition  what (?:does|do) .{{1,80}} (?:mean|stand for)|what is meant|define\b
definition  what (?:is an?|are) (?!the )(?:[\w-]+ ?){{1,3}}\?*$
method      how
thing       what|which|name
""",
        "German": r"""
frequency   wie (?:oft|häufig)
duration    wie lange|wie viele (?:tage|stunden|wochen|monate|jahre)
money       wie (?:teuer|viel (?:\S+ ){0,3}?kost\w+)|was kostet
count       wie ?viele
quantity    wie (?:viel|hoch|tief|weit|groß|schwer|breit|warm|kalt|schnell|alt)
year        in welchem jahr
clock       um wie ?viel uhr
time        wann|an welchem tag|welches datum
person      we[rmn]|wessen
place       wo|wohin|woher
reason      warum|weshalb|wieso
method      wie
thing       was|welche[rsmn]?
""",
        "French": r"""
frequency   à quelle fréquence|tous les combien
duration    combien de (?:temps|jours|heures|semaines|mois|minutes|ans)
money       combien coûte\w*|quel (?:est|était) le (?:prix|coût|tarif)
count       combien d
quantity    combien|quelle (?:est|était) la (?:température|pression|profondeur|hauteur|capacité)
year        en quelle année
clock       à quelle heure
time        quand|quel jour|quelle date
person      qui
place       où
reason      pourquoi
method      comment
thing       que|quoi|quelle?s?
""",
        "Spanish": r"""
frequency   con qué frecuencia|cada cuánto
duration    cuánto tiempo|cuánt[oa]s (?:días|horas|meses|años|semanas|minutos)
money       cuánto cuesta|cuál es el precio
count       cuánt[oa]s
quantity    cuánt[oa]
year        en qué año
clock       a qué hora
time        cuándo|qué (?:día|fecha)
person      quién(?:es)?
place       d[oó]nde
reason      por qué
method      cómo
thing       qué|cuál(?:es)?
""",
        "Italian": r"""
frequency   ogni quanto|con quale frequenza
duration    quanto tempo|quant[ie] (?:giorni|ore|mesi|anni|settimane|minuti)
money       quanto costa|qual è il prezzo
count       quant[ie]
quantity    quant[oa]
year        in (?:che|quale) anno
clock       a che ora
time        quando|che (?:giorno|data)
person      chi
place       dove
reason      perché
method      come
thing       che|cosa|quali?
""",
        "Dutch": r"""
frequency   hoe (?:vaak|dikwijls)
duration    hoe lang|hoeveel (?:dagen|uur|weken|maanden|jaar)
money       hoeveel kost|wat kost
count       hoeveel
quantity    hoe (?:veel|hoog|diep|ver|groot|zwaar|breed|warm|snel|oud)
year        in welk jaar
clock       hoe laat
time        wanneer|welke (?:dag|datum)
person      wie|wiens
place       waar
reason      waarom
method      hoe
thing       wat|welke?
""",
        "Portuguese": r"""
frequency   com que frequência
duration    quanto tempo|quant[oa]s (?:dias|horas|meses|anos|semanas|minutos)
money       quanto custa|qual é o preço
count       quant[oa]s
quantity    quant[oa]
year        em que ano
clock       a que horas
time        quando|que (?:dia|data)
person      quem
place       onde
reason      por ?que|porquê
method      como
thing       que|qua(?:l|is)
""",
    }
)


AnswerKind = Literal[
    "person",
    "organisation",
    "time",
    "clock",
    "year",
    "duration",
    "frequency",
    "money",
    "percent",
    "quantity",
    "count",
    "place",
    "reason",
    "method",
    "definition",
    "yes_no",
    "thing",
]

_YES_NO = re.compile(
    r"(?:is|are|was|were|do|does|did|can|could|may|must|shall|should|will|would|has|have|had|am|ist|sind|darf|kann|muss|"
    r"est-ce|¿?es|puede|può|is|mag|moet|pode)\b",
    re.IGNORECASE,
)
_VAGUE = word_set(
    "name number amount kind type way thing person people document text handbook according mention say state "
    "describe happen do get make give go become let put set use take place page section write specify give show "
    "exact exactly main general total available question answer information detail word term mean called call "
    "year date time day"
)
_ASKING = word_set(
    "which what many whose welche welcher welches viele quel quelle quels quelles combien qué cuál cuántos cuántas "
    "quale quali quanti quante welk hoeveel qual quais quantos quantas"
)
_CONDITION = re.compile(
    r"^\W*(?:when|if|where|while|before|after|because|once|in case|according to)\b[^?,]{1,200},\s+"
    r"(?=(?:\w+\s+){0,2}?(?:who|what|when|where|why|which|how|is|are|do|does|can|may|must)\b)",
    re.IGNORECASE,
)
_LONGEST_QUESTION = 4_000
_MOST_TERMS = 48
_WANTED: dict[AnswerKind, frozenset[FactKind]] = {
    "person": frozenset({"name"}),
    "organisation": frozenset({"name"}),
    "time": frozenset({"date", "time", "frequency", "duration"}),
    "clock": frozenset({"time", "date"}),
    "year": frozenset({"date"}),
    "duration": frozenset({"duration"}),
    "frequency": frozenset({"frequency", "duration"}),
    "money": frozenset({"money", "percent"}),
    "percent": frozenset({"percent", "number"}),
    "quantity": frozenset({"quantity", "percent", "money", "duration", "number"}),
    "count": frozenset({"number", "quantity", "duration", "percent"}),
    "place": frozenset({"name"}),
}


@dataclass(frozen=True)
class QuestionTerm:
    """A content word of a question."""

    stem: str
    text: str
    weight: float
    """1 for an ordinary word, more for names and numbers, less for words that any question may hold."""
    name: bool = False
    asked_for: bool = False
    """Whether it names what is asked for: "award" in "Which award did Quill receive?"."""


@dataclass(frozen=True)
class Question:
    """A question taken apart."""

    text: str
    kind: AnswerKind
    terms: tuple[QuestionTerm, ...]
    words: frozenset[str]
    """Every word, in lower case: what the question gives away cannot be its answer."""
    dimension: str = ""
    """What is measured, such as "length"; empty where any quantity may answer."""

    @property
    def wanted(self) -> frozenset[FactKind]:
        """Return the kinds of fact one of which the answer must hold; none where any words may answer."""
        return _WANTED.get(self.kind, frozenset())

    @property
    def measurable(self) -> bool:
        """Whether code can see if the answer is there: a number, a date, an organisation's name."""
        return bool(self.wanted) and self.kind not in ("person", "place")


def read_question(text: str, vocabulary: Vocabulary) -> Question:
    """Take a question apart; what stands behind 4,000 characters is not looked at."""
    text = " ".join(text[:_LONGEST_QUESTION].split())
    own = language_of(text)
    words = vocabulary.words(text)
    kind = answer_kind(text, own.name)
    return Question(
        text=text,
        kind=kind,
        dimension=dimension_of(text) if kind in ("quantity", "count") else "",
        terms=tuple(_terms(words, vocabulary, own)),
        words=frozenset(word.text.lower() for word in words),
    )


def answer_kind(text: str, language: str) -> AnswerKind:
    """Return what kind of answer a question wants, from its first question word."""
    best: tuple[int, int] | None = None
    kinds = _patterns(language)
    text = _CONDITION.sub("", text)
    for priority, (_, pattern) in enumerate(kinds):
        found = pattern.search(text[:_LONGEST_QUESTION])
        if found and (best is None or (found.start(), priority) < best):
            best = (found.start(), priority)
    opening = text.lstrip("¿ ")
    if _YES_NO.match(opening) and (best is None or best[0] > 0):
        return "yes_no"
    return kinds[best[1]][0] if best else "thing"


@lru_cache(maxsize=len(LANGUAGES))
def _patterns(language: str) -> tuple[tuple[AnswerKind, re.Pattern[str]], ...]:
    forms = labelled(FORMS.get(language, FORMS["English"]))
    return tuple((cast("AnswerKind", kind), re.compile(rf"\b(?:{form})", re.IGNORECASE)) for kind, form in forms)


def _terms(words: list[Word], vocabulary: Vocabulary, own: Language) -> list[QuestionTerm]:
    vague = {vocabulary.stem(word) for word in _VAGUE}
    terms: dict[str, QuestionTerm] = {}
    asking = 0
    for position, word in enumerate(words):
        # The first two words behind "which", "what" or "how many" say what is asked for.
        asking = 3 if word.text.lower() in _ASKING else asking - 1
        function = word.function or (own != vocabulary.language and word.text.lower() in own.function_words)
        if function or word.stem in terms or len(terms) >= _MOST_TERMS:
            continue
        name = word.text[0].isdigit() or (position > 0 and word.text[0].isupper())
        weight = 0.35 if word.stem in vague else 1.3 if name else 1.0
        terms[word.stem] = QuestionTerm(word.stem, word.text, weight, name, asking > 0)
    return list(terms.values())
