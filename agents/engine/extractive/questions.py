"""Taking a question apart: the kind of answer it wants, its content words, and its noun phrases.

The first question word, matched against a list of forms in each of seven languages, gives the kind of answer; content
words are weighted by how much they tell. Noun phrases are found in English only, as the runs of content words between
function words, with the verb at a run's beginning or end taken off.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Literal, cast

from agents.engine.extractive.facts import INSTITUTIONS, FactKind
from agents.language.lexicon import ENGLISH, LANGUAGES, Language, any_of, labelled, language_of, word_set
from agents.language.stems import Vocabulary, Word
from agents.language.unspaced import holds_unspaced

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
_MAX_CHARS = 4_000
_MAX_TERMS = 48
_WANTED_FACTS: dict[AnswerKind, frozenset[FactKind]] = {
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
    """Every word in lower case: an answer must hold a fact that the question does not give away."""
    dimension: str = ""
    """What is measured, such as "length"; empty where any quantity may answer."""

    @property
    def wanted(self) -> frozenset[FactKind]:
        """The kinds of fact one of which the answer must hold; empty where any words may answer."""
        return _WANTED_FACTS.get(self.kind, frozenset())

    @property
    def verifiable(self) -> bool:
        """Whether form alone shows that an answer is there: a number, a date, an organisation's name."""
        return bool(self.wanted) and self.kind not in ("person", "place")


def read_question(text: str, vocabulary: Vocabulary) -> Question:
    """Take a question's first 4,000 characters apart; `vocabulary` is that of the text that is to answer it."""
    text = " ".join(text[:_MAX_CHARS].split())
    language = language_of(text)
    words = vocabulary.words(text)
    kind = answer_kind(text, language.name)
    if vocabulary.language.unspaced and kind in ("person", "organisation", "place"):
        # Names have no capitals by which they could be told.
        kind = "thing"
    dimension = ""
    if kind in ("quantity", "count"):
        dimension = next((label for label, pattern in _patterns(_DIMENSIONS) if pattern.search(text)), "")
    return Question(
        text=text,
        kind=kind,
        dimension=dimension,
        terms=tuple(_terms(words, vocabulary, language)),
        words=frozenset(word.text.lower() for word in words),
    )


def answer_kind(text: str, language: str) -> AnswerKind:
    """Return what kind of answer a question wants, from its first question word."""
    best: tuple[int, int] | None = None
    forms = _patterns(FORMS.get(language, FORMS["English"]))
    text = _LEADING_CONDITION.sub("", text)
    for priority, (_, pattern) in enumerate(forms):
        found = pattern.search(text)
        if found and (best is None or (found.start(), priority) < best):
            best = (found.start(), priority)
    if _YES_NO.match(text.lstrip("¿ ")) and (best is None or best[0] > 0):
        return "yes_no"
    return cast("AnswerKind", forms[best[1]][0]) if best else "thing"


def measures(quantity: str, dimension: str) -> bool:
    """Whether a quantity is given in a unit of a dimension: "14 m" is a length, "14 hours" is not."""
    return re.search(rf"(?:^|[\d\s])(?:{_UNITS[dimension]})$", quantity) is not None


@lru_cache(maxsize=len(LANGUAGES) + 1)
def _patterns(forms: str) -> tuple[tuple[str, re.Pattern[str]], ...]:
    # In a script without spaces no word has an edge.
    return tuple(
        (label, re.compile(rf"(?:{form})" if holds_unspaced(form) else rf"\b(?:{form})", re.IGNORECASE))
        for label, form in labelled(forms)
    )


def _terms(words: list[Word], vocabulary: Vocabulary, language: Language) -> list[QuestionTerm]:
    vague = {vocabulary.stem(word) for word in _VAGUE}
    terms: dict[str, QuestionTerm] = {}
    asking = 0
    for position, word in enumerate(words):
        # The two words after "which", "what" or "how many" say what is asked for.
        asking = 3 if word.text.lower() in _ASKING else asking - 1
        # A question may be put in another language than the text.
        function = word.function or (language != vocabulary.language and word.text.lower() in language.function_words)
        if function or word.stem in terms or len(terms) >= _MAX_TERMS:
            continue
        name = word.text[0].isdigit() or (position > 0 and word.text[0].isupper())
        weight = 0.35 if word.stem in vague else 1.3 if name else 1.0
        terms[word.stem] = QuestionTerm(word.stem, word.text, weight, name, asking > 0)
    return list(terms.values())


_VAGUE = word_set(
    "name number amount kind type way thing person people document text handbook according mention say state "
    "describe happen do get make give go become let put set use take place page section write specify give show "
    "exact exactly main general total available question answer information detail word term mean called call "
    "year date time day "
    "名字 名称 名稱 名前 人物 原因 理由 日期 时间 時間 数量 數量 金额 金額 需要 规定 規定 内容 內容 情况 情況 方法 "
    "必要 場合 最高 最低 最多 最少 最大 最小 上限 下限 一共 이름 이유 내용 방법 필요 최대 최소"
)
_ASKING = word_set(
    "which what many whose welche welcher welches viele quel quelle quels quelles combien qué cuál cuántos cuántas "
    "quale quali quanti quante welk hoeveel qual quais quantos quantas"
)
_YES_NO = re.compile(
    r"(?:is|are|was|were|do|does|did|can|could|may|must|shall|should|will|would|has|have|had|am|ist|sind|darf|kann|muss|"
    r"est-ce|¿?es|puede|può|mag|moet|pode)\b",
    re.IGNORECASE,
)
_LEADING_CONDITION = re.compile(
    r"^\W*(?:when|if|where|while|before|after|because|once|in case|according to)\b[^?,]{1,200},\s+"
    r"(?=(?:\w+\s+){0,2}?(?:who|what|when|where|why|which|how|is|are|do|does|can|may|must)\b)",
    re.IGNORECASE,
)
_MEASURED = any_of(
    """
    temperature|pressure|speed|depth|height|altitude|capacity|limit|maximum|minimum|threshold|level|dose|dosage
    concentration|rate|voltage|volume|weight|size|length|width|distance|number|amount|output|strength|population|area
    diameter|thickness|frequency|yield|quantity|age|score|range|figure|value|recovery|rating|hardness|density|flow
    load|reserve
    """
)
_UNITS_OF_TIME = "(?:seconds|minutes|hours|days|nights|weeks|months|years)"
# A kind of answer and a form of question that asks for it, one a line. The form that comes first in the question
# counts; of two that begin at the same word, the one that comes first here.
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
        "Chinese": r"""
frequency   多久一次|多长时间一次|每隔多久|多少次
duration    多久|多长时间|多長時間|几天|幾天|多少[天日]|几个?(?:小时|月|星期|工作日)|幾個(?:小時|月|星期)|期限
duration    多少(?:小时|小時|分钟|分鐘|个月|個月)
percent     百分之几|百分之多少|(?:比例|比率|占比)(?:是|为|為)?多少
money       (?:多少|几|幾)(?:钱|錢)
year        哪一?年|何年|几几年
clock       几点|幾點|几时|幾時
time        什么时候|什麼時候|何时|何時|哪一?[天日]|哪个?月|几[月号日]|幾[月號日]|星期几
count       多少[人个個名位次家条條种種台艘架辆輛页頁]|几[人个個名位家条條种種台艘辆輛]|幾[人個名位家條種]
quantity    多少|多[高大长重深远宽快遠長寬]
reason      为什么|為什麼|为何|為何|原因
method      怎么|怎麼|如何|怎样|怎樣
thing       什么|什麼|哪|谁|誰|几|幾
""",
        "Japanese": r"""
frequency   何[回度]|どのくらいの頻度|どれくらいの頻度
duration    何(?:日|時間|分|週|か月|ヶ月|カ月|年)間?(?=かか|以内|前|続|間|有効)|いつまで続
duration    何(?:日間|時間|分間|週間|か月|ヶ月|カ月|年間)|どのくらいの(?:期間|時間)
percent     何(?:パーセント|[%\uff05]|割)
money       いくら|何円|料金は|値段は
year        何年(?!間)
clock       何時(?!間)
time        いつ|何[月日](?!間)|何曜日
count       何[人個名つ台本枚隻艘軒匹頭社校種]|いくつ
quantity    どの(?:くらい|ぐらい)|どれ(?:くらい|ぐらい|だけ)|何(?:メートル|キロ|グラム|トン|度|m|km|kg)
reason      なぜ|どうして|何故|理由
method      どの(?:よう|よ)|どうやって|どう
thing       何|なに|なん|どれ|どの|どこ|だれ|誰
""",
        "Korean": r"""
frequency   얼마나 자주|몇 번
duration    얼마 동안|얼마나 오래|며칠|몇 (?:일|시간|개월|주|년 동안|분)
percent     몇 퍼센트|몇 %
year        몇 년
clock       몇 시(?!간)
time        언제|며칠에|무슨 요일
count       몇 (?:명|개|대|척|마리|권|가지)
quantity    얼마|몇
reason      왜|이유
method      어떻게
thing       무엇|무슨|어느|어떤|어디|누구|누가
""",
        "Thai": r"""
frequency   บ่อย(?:แค่ไหน|เพียงใด)|กี่ครั้ง
duration    นานเท่าไหร่|นานเท่าไร|นานแค่ไหน|กี่(?:วัน|ชั่วโมง|นาที|เดือน|สัปดาห์)
percent     กี่เปอร์เซ็นต์|ร้อยละเท่าไ
year        ปีใด|ปีไหน|พ\.ศ\.ใด
clock       กี่โมง|เวลาใด
time        เมื่อไหร่|เมื่อไร|เมื่อใด|วันไหน|วันที่เท่าไ
quantity    เท่าไหร่|เท่าไร|เท่าใด|กี่
reason      ทำไม|เพราะเหตุใด|สาเหตุ
method      อย่างไร|ยังไง
thing       อะไร|ใด|ไหน|ใคร
""",
    }
)
# What a question measures, and the units of an answer.
_DIMENSIONS = r"""
length       how (?:deep|high|tall|wide|thick|far|close|near)
length       how long is the (?:road|pipe|track|wall|bridge|pier|cable|tunnel|river|fence|rope)
length       (?:depth|height|width|thickness|distance|diameter|altitude|aperture|length)s?\b
length       how many (?:kilomet|met|mile|feet|inch|centimet|millimet)
mass         how heavy|how many (?:kilo|tonnes|tons|grams|pounds of)|(?:weight|mass)\b
temperature  how (?:hot|cold|warm|cool)|temperatures?\b|how many degrees
speed        how fast (?:is|was|are|were)
speed        how fast .*\b(?:runs?|go|goes|turns?|moves?|sails?|drives?|fl(?:y|ies)|spins?)\b
speed        speeds?\b|velocity
sound        how loud|noise level|decibel
pressure     pressures?\b(?! loss)
voltage      voltages?\b|how many volts
energy       how many kilowatt|how many watts
area         how many (?:hectares|acres|square)|surface area
"""
_UNITS = dict(
    labelled(
        r"""
length       [kmcµμn]?m|(?:kilo|centi|milli)?met(?:er|re)s?|feet|foot|inch(?:es)?|miles?
mass         [kmµμ]?g|t|tonnes?|tons?|kilo(?:gram)?s?|grams?|pounds?|lbs?
temperature  °\s?[CFK]|[CFK]|degrees?
speed        [mk]?m/[sh]|km/h|mph|knots?|kt|met(?:er|re)s? (?:per|a) (?:second|hour)|kilomet(?:er|re)s? (?:per|an) hour
sound        dB(?:\(A\))?|decibels?
pressure     m?bar|[kM]?Pa|psi|atmospheres?
voltage      [kmM]?V|volts?
energy       [kMG]?Wh?|kilowatts?|kilowatt-hours?|watts?
area         [kmc]?m²|hectares?|acres?|square \w+
"""
    )
)


AUXILIARIES = word_set("is are was were am do does did has have had can could may might must shall should will would")
QUESTION_WORDS = word_set("who whom whose what which when where why how")
_DETERMINERS = word_set("the a an this that these those its his her their our my your each every any some both all")
_DEGREE_WORDS = word_set("many much long often far high deep old big large soon fast quickly late early wide heavy")
_EVENTS = word_set("happens happened happen changes changed")
OFFICES = (
    "manager|leader|officer|director|president|minister|chemist|engineer|operator|technician|nurse|doctor|supervisor|"
    "captain|driver|person|representative|secretary|inspector|owner|keeper|member|author|king|queen|mayor|attendant"
)
"""What people are called by what they do; a pattern."""
ROLES = (
    rf"(?:{OFFICES}|chair\w*|deput(?:y|ies)|people|founder|astronomer|physicist|professor|successor|artist|writer|boss|"
    r"chief)s?"
)
_ROLE = re.compile(rf"\b{ROLES}\b", re.IGNORECASE)
GROUPS = re.compile(
    r"\b(?:crew|team|staff|board|committee|council|people|personnel|family|company|couple)\b", re.IGNORECASE
)
_WORD = re.compile(r"[^\W_]+(?:[-’'./](?!s\b)[^\W_]+)*")


@dataclass(frozen=True)
class Phrase:
    """A noun phrase: `question[start:end]`."""

    text: str
    start: int
    end: int

    @property
    def head(self) -> str:
        """Its main noun: "Deputy" of "the Deputy for Water"."""
        core = re.split(r"\s(?:of|for|in|on|at|to|from|with|by)\s", self.text, maxsplit=1)[0]
        words = [word for word in _WORD.findall(core) if word.lower() not in _DETERMINERS]
        return words[-1] if words else self.text

    @property
    def core(self) -> str:
        """The phrase without its determiner."""
        first, _, rest = self.text.partition(" ")
        return rest if rest and first.lower() in _DETERMINERS else self.text

    @property
    def person(self) -> bool:
        """Whether it names somebody, as far as its form tells."""
        words = self.core.split()
        named = len(words) >= 2 and self.core == self.text and all(word[0].isupper() for word in words)
        return bool(_ROLE.search(self.text)) or (named and not INSTITUTIONS.search(self.text))

    @property
    def plural(self) -> bool:
        """Whether it names several, as far as its form tells."""
        if GROUPS.fullmatch(self.head):
            return True
        return self.head.lower().endswith("s") and not self.head.lower().endswith(("ss", "us", "is"))


def topic(question: str) -> Phrase | None:
    """Return the noun phrase that a question is about: its subject, else what it asks for, else its first object."""
    phrases = noun_phrases(question)
    asked = asked_for(question)
    others = [phrase for phrase in phrases if phrase.text.lower() not in _EVENTS and phrase != asked]
    subject = None
    auxiliary = next((match for match in _WORD.finditer(question) if match.group().lower() in AUXILIARIES), None)
    if auxiliary:
        subject = next((phrase for phrase in others if not question[auxiliary.end() : phrase.start].strip()), None)
    return subject or asked or next(iter(others), None)


def asked_for(question: str) -> Phrase | None:
    """Return what a question asks for by name: "award" in "Which award did he receive?"."""
    found = re.match(r"\W*(?:\w+\s+)?(?:which|what|whose|how many|how much)\s+(?=\w)", question, re.IGNORECASE)
    if found is None:
        return None
    asked = next((phrase for phrase in noun_phrases(question) if phrase.start == found.end()), None)
    return None if asked and asked.text.lower() in _EVENTS else asked


def noun_phrases(question: str, *, joined: bool = True) -> list[Phrase]:
    """Return the noun phrases of a question in order; joined, "the depth of the well" is one and not two."""
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
            determined = first > 0 and tokens[first - 1].lower in _DETERMINERS
            start, end = tokens[first - 1 if determined else first].start, tokens[last - 1].end
            phrases.append(Phrase(question[start:end], start, end))
        position = stop
    return _joined(question, phrases) if joined else phrases


_BE = word_set("is are was were am be been being")
_PARTICIPLE = re.compile(r".{2,}(?:ed|en|wn|ught|ept|eld|old|ade|uilt|ent|aid|ung|un|ound|ut|et)$")
_PREDICATES = word_set(
    "set put cut let shut held kept made built sent paid run sold told known done due available open closed valid "
    "necessary needed responsible liable allowed full empty ready free"
)
_BEFORE_VERB = word_set("who to not when where why how")


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

    def is_verb(self, auxiliary: str) -> bool:
        """Whether this word, in a run after an auxiliary, is the auxiliary's verb and not a noun."""
        if self.text[0].isupper() or self.text[0].isdigit():
            return False
        return auxiliary not in _BE or bool(_PARTICIPLE.match(self.lower)) or self.lower in _PREDICATES


def _run_end(tokens: list[_Token], position: int, question: str) -> int:
    """Return one past the last of the content words that follow each other from `position` on, only space between."""
    stop = position
    while stop < len(tokens) and not tokens[stop].function and tokens[stop].lower not in _DEGREE_WORDS:
        if stop > position and question[tokens[stop - 1].end : tokens[stop].start].strip():
            break
        stop += 1
    return stop


def _without_verbs(tokens: list[_Token], first: int, last: int) -> tuple[int, int]:
    """Return the run without the verb at its beginning ("who founded X") or end ("does X end")."""
    before = tokens[first - 1].lower if first else ""
    after = tokens[last].lower if last < len(tokens) else ""
    if before in _BEFORE_VERB and tokens[first].text[0].islower():
        return first + 1, last
    auxiliary = next((token.lower for token in reversed(tokens[:first]) if token.lower in AUXILIARIES), "")
    if not auxiliary:
        return first, last - 1 if last - first > 1 and after in _DETERMINERS else last
    for place in range(first + 1, last):
        # After a name the first lower-case word is the verb: "did Marit Okafor become manager".
        named = tokens[place - 1].text[0].isupper() and tokens[place].text[0].islower()
        if named and tokens[place].is_verb(auxiliary):
            return first, place
    while auxiliary in _BE and before in _BE and first < last and tokens[first].is_verb(auxiliary):
        first += 1
    if first == last or after in _BE or not tokens[last - 1].is_verb(auxiliary):
        return first, last
    return first, last - 1 if last - first > 1 or before not in _DETERMINERS else last


def _joined(question: str, phrases: list[Phrase]) -> list[Phrase]:
    """Join phrases across "of" and, between names, "for"."""
    joined: list[Phrase] = []
    for phrase in phrases:
        between = question[joined[-1].end : phrase.start] if joined else ""
        named = bool(joined) and joined[-1].head[0].isupper() and phrase.core[0].isupper()
        if between in {" of ", "'s ", "’s "} or (between == " for " and named):
            start = joined.pop().start
            phrase = Phrase(question[start : phrase.end], start, phrase.end)
        joined.append(phrase)
    return joined
