"""What a question asks for: its content words with weights, and the kind of its answer."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from agents.engine.extractive.facts import FactKind
from agents.engine.extractive.languages import LANGUAGES, Language, language_of
from agents.engine.extractive.words import Vocabulary, Word

AnswerKind = Literal[
    "person", "time", "clock", "year", "duration", "frequency", "money", "percent", "quantity", "count", "place", "reason", "method",
    "definition", "yes_no", "thing",
]  # fmt: skip

_MEASURED = (
    "temperature|pressure|speed|depth|height|altitude|capacity|limit|maximum|minimum|threshold|level|dose|dosage|"
    "concentration|rate|voltage|volume|weight|size|length|width|distance|number|amount|output|strength|population|area|"
    "diameter|thickness|frequency|yield|quantity|age|score|range|figure|value|recovery|rating|hardness|density|flow|load|reserve"
)
_ENGLISH_KINDS: tuple[tuple[AnswerKind, str], ...] = (
    ("frequency", r"how (?:often|frequently|regularly)|(?:at )?what intervals?|how many times (?:a|per|each)"),
    (
        "duration",
        r"how (?:long (?!is the (?:road|pipe|boom|track|wall|bridge))|quickly|soon|fast (?:must|should|shall))|how much (?:time|notice)|"
        r"(?:how many|what number of) (?:\w+ )?(?:seconds|minutes|hours|days|nights|weeks|months|years)|"
        r"what (?:is|was) the (?:\w+ ){0,3}(?:duration|notice period|time limit|interval|period|lead time)",
    ),
    (
        "money",
        r"how much (?:money|(?:\S+ ){0,8}?(?:cost|costs|pay|pays|paid|charge|charged|fee|price|worth|owe|owed|earn|spend|spent|credited|fined))\b|"
        r"(?:what|which) (?:\S+ ){0,6}?(?:price|cost|fee|charge|salary|wage|fine|budget|tariff|compensation|penalty)s?\b",
    ),
    ("percent", r"(?:what|which) (?:\w+ ){0,2}?(?:percentage|percent|per cent|share|proportion|fraction)"),
    ("count", r"how many|(?:what|which) (?:is|was|are|were) the (?:total )?number"),
    (
        "quantity",
        r"how (?:much|high|low|deep|far|wide|tall|big|large|small|heavy|thick|strong|hot|cold|warm|fast|old|steep|close|loud|"
        rf"powerful|hard|near|long)|(?:what|which|(?:at|to|above|below) (?:what|which)) (?:\S+ ){{0,4}}?(?:{_MEASURED})s?\b",
    ),
    ("year", r"(?:in )?(?:what|which) year"),
    ("clock", r"(?:at )?(?:what|which) (?:time|hours?)\b|(?:until|by) when|how (?:late|early)"),
    ("time", r"when|(?:on |in |by |since |until )?(?:what|which) (?:\w+ )?(?:date|day|month|quarter|season|deadline|century|weekday)s?\b"),
    ("person", r"who(?:m|se)?\b|(?:what|which) (?:person|people|man|woman|officer|employee|engineer|member|name of the person)\b"),
    ("place", r"where|(?:in |at |to |from |on )?(?:what|which) (?:place|city|country|town|room|building|state|region|location|village|island|river|continent|port|street|island)\b"),
    ("reason", r"why|(?:what|which) (?:is|was|are|were) the (?:\w+ )?(?:reason|cause|purpose|motive)|for what (?:reason|purpose)|how come|what (?:causes?d?|led|leads)\b"),
    ("definition", r"what (?:does|do) .{1,80} (?:mean|stand for)|what is meant|define\b|what (?:is an?|are) (?!the )(?:[\w-]+ ?){1,3}\?*$"),
    ("method", r"how"),
    ("thing", r"what|which|name"),
)  # fmt: skip
_OTHER_KINDS: dict[str, tuple[tuple[AnswerKind, str], ...]] = {
    "German": (
        ("frequency", "wie (?:oft|häufig)"), ("duration", r"wie lange|wie viele (?:tage|stunden|wochen|monate|jahre)"),
        ("money", r"wie (?:teuer|viel (?:\S+ ){0,3}?kost\w+)|was kostet"), ("count", "wie ?viele"),
        ("quantity", "wie (?:viel|hoch|tief|weit|groß|schwer|breit|warm|kalt|schnell|alt)"),
        ("year", "in welchem jahr"), ("clock", "um wie ?viel uhr"), ("time", "wann|an welchem tag|welches datum"),
        ("person", "we[rmn]|wessen"), ("place", "wo|wohin|woher"), ("reason", "warum|weshalb|wieso"),
        ("method", "wie"), ("thing", "was|welche[rsmn]?"),
    ),
    "French": (
        ("frequency", "à quelle fréquence|tous les combien"), ("duration", r"combien de (?:temps|jours|heures|semaines|mois|minutes|ans)"),
        ("money", r"combien coûte\w*|quel (?:est|était) le (?:prix|coût|tarif)"), ("count", "combien d"), ("quantity", "combien|quelle (?:est|était) la (?:température|pression|profondeur|hauteur|capacité)"),
        ("year", "en quelle année"), ("clock", "à quelle heure"), ("time", "quand|quel jour|quelle date"),
        ("person", "qui"), ("place", "où"), ("reason", "pourquoi"), ("method", "comment"), ("thing", "que|quoi|quelle?s?"),
    ),
    "Spanish": (
        ("frequency", "con qué frecuencia|cada cuánto"), ("duration", "cuánto tiempo|cuánt[oa]s (?:días|horas|meses|años|semanas|minutos)"),
        ("money", "cuánto cuesta|cuál es el precio"), ("count", "cuánt[oa]s"), ("quantity", "cuánt[oa]"), ("year", "en qué año"),
        ("clock", "a qué hora"), ("time", "cuándo|qué (?:día|fecha)"), ("person", "quién(?:es)?"), ("place", "d[oó]nde"),
        ("reason", "por qué"), ("method", "cómo"), ("thing", "qué|cuál(?:es)?"),
    ),
    "Italian": (
        ("frequency", "ogni quanto|con quale frequenza"), ("duration", "quanto tempo|quant[ie] (?:giorni|ore|mesi|anni|settimane|minuti)"),
        ("money", "quanto costa|qual è il prezzo"), ("count", "quant[ie]"), ("quantity", "quant[oa]"), ("year", "in (?:che|quale) anno"),
        ("clock", "a che ora"), ("time", "quando|che (?:giorno|data)"), ("person", "chi"), ("place", "dove"),
        ("reason", "perché"), ("method", "come"), ("thing", "che|cosa|quali?"),
    ),
    "Dutch": (
        ("frequency", "hoe (?:vaak|dikwijls)"), ("duration", "hoe lang|hoeveel (?:dagen|uur|weken|maanden|jaar)"),
        ("money", "hoeveel kost|wat kost"), ("count", "hoeveel"), ("quantity", "hoe (?:veel|hoog|diep|ver|groot|zwaar|breed|warm|snel|oud)"),
        ("year", "in welk jaar"), ("clock", "hoe laat"), ("time", "wanneer|welke (?:dag|datum)"), ("person", "wie|wiens"),
        ("place", "waar"), ("reason", "waarom"), ("method", "hoe"), ("thing", "wat|welke?"),
    ),
    "Portuguese": (
        ("frequency", "com que frequência"), ("duration", "quanto tempo|quant[oa]s (?:dias|horas|meses|anos|semanas|minutos)"),
        ("money", "quanto custa|qual é o preço"), ("count", "quant[oa]s"), ("quantity", "quant[oa]"), ("year", "em que ano"),
        ("clock", "a que horas"), ("time", "quando|que (?:dia|data)"), ("person", "quem"), ("place", "onde"),
        ("reason", "por ?que|porquê"), ("method", "como"), ("thing", "que|qua(?:l|is)"),
    ),
}  # fmt: skip
_YES_NO = re.compile(
    r"(?:is|are|was|were|do|does|did|can|could|may|must|shall|should|will|would|has|have|had|am|ist|sind|darf|kann|muss|"
    r"est-ce|¿?es|puede|può|is|mag|moet|pode)\b",
    re.IGNORECASE,
)
_VAGUE = frozenset(
    "name number amount kind type way thing person people document text handbook according mention say state describe "
    "happen do get use take place page section write specify give show exact exactly main general total available "
    "question answer information detail word term mean called call year date time day".split()
)
_ASKING = frozenset(
    "which what many whose welche welcher welches viele quel quelle quels quelles combien qué cuál cuántos cuántas "
    "quale quali quanti quante welk hoeveel qual quais quantos quantas".split()
)
_LONGEST_QUESTION = 4_000
_MOST_TERMS = 48
_WANTED: dict[AnswerKind, frozenset[FactKind]] = {
    "person": frozenset({"name"}),
    "time": frozenset({"date", "time", "frequency"}),
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

    @property
    def wanted(self) -> frozenset[FactKind]:
        """Return the kinds of fact one of which the answer must hold; none where any words may answer."""
        return _WANTED.get(self.kind, frozenset())


def read_question(text: str, vocabulary: Vocabulary) -> Question:
    """Take a question apart; what stands behind 4,000 characters is not looked at."""
    text = " ".join(text[:_LONGEST_QUESTION].split())
    own = language_of(text)
    words = vocabulary.words(text)
    return Question(
        text=text,
        kind=answer_kind(text, own.name),
        terms=tuple(_terms(words, vocabulary, own)),
        words=frozenset(word.text.lower() for word in words),
    )


def answer_kind(text: str, language: str) -> AnswerKind:
    """Return what kind of answer a question wants, from its first question word."""
    best: tuple[int, int] | None = None
    kinds = _patterns(language if language in _OTHER_KINDS else "English")
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
    kinds = _OTHER_KINDS.get(language, _ENGLISH_KINDS)
    return tuple((kind, re.compile(rf"\b(?:{form})", re.IGNORECASE)) for kind, form in kinds)


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
