"""What is known of each language: its small words, its words for times, and how a text's language is detected.

At the end, helpers that let word lists and patterns be written one line at a time.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

# A word by itself; letters inside a code such as WO-1043 are none.
_WORD = re.compile(r"(?<![\w-])[^\W\d_]+(?!\w|[-./:]\w)")
_SAMPLE_CHARACTERS = 20_000


@dataclass(frozen=True)
class Language:
    """The words of a language that code must know by themselves, in lower case."""

    name: str
    function_words: frozenset[str]
    """Words that carry grammar rather than content, negations included. A search ignores them, and a text's
    language is detected by them."""
    negations: frozenset[str]
    months: tuple[str, ...]
    short_months: tuple[str, ...]
    """Months as they are abbreviated, without the full stop."""
    weekdays: tuple[str, ...]
    time_units: tuple[str, ...]
    """Units of time, as patterns."""
    unspaced: bool = False
    """Whether its words are not told by spaces: agents/language/unspaced.py knows its small words and negations."""
    negates_before: bool = False
    """Whether a negation stands behind what it negates."""

    @classmethod
    def of(
        cls,
        name: str,
        function_words: str,
        negations: str,
        months: str = "",
        weekdays: str = "",
        time_units: str = "",
        short_months: str = "",
    ) -> "Language":
        """Return a language whose words are listed in strings."""
        return cls(
            name=name,
            function_words=word_set(f"{function_words} {negations}"),
            negations=word_set(negations),
            months=tuple(months.split()),
            short_months=tuple(short_months.split()),
            weekdays=tuple(weekdays.split()),
            time_units=tuple(time_units.split()),
        )

    @property
    def stemmer(self) -> str:
        """The name of its Snowball stemmer; of a language without word endings, the one for foreign words in it."""
        return "english" if self.unspaced else self.name.lower()


def detect_language(text: str) -> str:
    """Return the name of the language whose function words are the most frequent in `text`, "" if there are none.

    Chinese, Japanese, Korean and Thai are told by their letters. Only the first 20,000 characters count. Of languages
    that tie, the one listed first in `LANGUAGES` wins.
    """
    sample = text[:_SAMPLE_CHARACTERS].lower()
    words = Counter(_WORD.findall(sample))
    counts: dict[str, float] = {
        name: sum(words[word] for word in words.keys() & language.function_words)
        for name, language in LANGUAGES.items()
    }
    if not sample.isascii():
        script, letters = _script_of(sample)
        counts[script] = letters / _LETTERS_OF_FUNCTION_WORD
    best = max(counts, key=lambda name: counts[name])
    return best if counts[best] else ""


# Every tenth letter of English prose begins a function word; four letters of Chinese say as much as ten of English.
_LETTERS_OF_FUNCTION_WORD = 4
_HAN, _KANA = re.compile("[\u3400-\u9fff]"), re.compile("[\u3041-\u30ff]")
_HANGUL, _THAI = re.compile("[\uac00-\ud7a3]"), re.compile("[\u0e01-\u0e4e]")
_SHARE_OF_KANA = 0.05
"""Of the letters of Japanese at least; a Chinese text may name something Japanese."""


def _script_of(text: str) -> tuple[str, int]:
    """Return the language that a text's letters tell, of those that are not told by their words, and their number."""
    han, kana, hangul, thai = (len(pattern.findall(text)) for pattern in (_HAN, _KANA, _HANGUL, _THAI))
    japanese = kana > _SHARE_OF_KANA * (han + kana)
    counts = {"Japanese" if japanese else "Chinese": han + kana, "Korean": hangul, "Thai": thai}
    best = max(counts, key=lambda name: counts[name])
    return best, counts[best]


def language_of(text: str) -> Language:
    """Return the language of `text`, English where no function word tells it."""
    return LANGUAGES[detect_language(text) or "English"]


def without_negating_prefix(word: str) -> str | None:
    """Return the rest of a word in lower case that begins like a negated one ("able" of "unable"), else None."""
    prefix = _NEGATING_PREFIX.match(word)
    return word[prefix.end() :] if prefix else None


def word_set(words: str) -> frozenset[str]:
    """Return the words that a string lists."""
    return frozenset(words.split())


def any_of(lines: str) -> str:
    """Return a pattern that matches what any line of `lines`, each a pattern, matches."""
    return "(?:" + "|".join(line.strip() for line in lines.strip().splitlines()) + ")"


def phrase(lines: str) -> re.Pattern[str]:
    """Return a pattern that finds any of the lines as whole words, in small letters or capitals."""
    return re.compile(rf"\b{any_of(lines)}\b", re.IGNORECASE)


def labelled(lines: str) -> list[tuple[str, str]]:
    """Return the label and the pattern of each line: "date [a-z]+" gives ("date", "[a-z]+")."""
    pairs = [line.split(maxsplit=1) for line in lines.strip().splitlines()]
    return [(label, pattern) for label, pattern in pairs]


ENGLISH = Language.of(
    "English",
    "a an the and or but if then than so as of at by for with about between into through during before after above "
    "below to from up down in out on off over under again further once here there when where why how which who whom "
    "whose what this that these those i me my we our us you your he him his she her hers it its they them their am "
    "is are was were be been being have has had having do does did doing will would shall should can could may "
    "might must ought s t d ll re ve both each few more most other some such own same only too very just also any "
    "all much many one ones upon within per please tell give list show know let another else ever even still yet "
    "while because since until till via vs versus every either whether something anything someone anyone done itself "
    "now ours theirs thus yours",
    "no not nor never none neither without nobody nothing nowhere cannot hardly barely",
    "january february march april may june july august september october november december",
    "monday tuesday wednesday thursday friday saturday sunday",
    "seconds? minutes? hours? days? nights? weeks? fortnights? months? quarters? years? decades? century centuries "
    "mins? hrs? tides?",
    "jan feb mar apr jun jul aug sep sept oct nov dec",
)
GERMAN = Language.of(
    "German",
    "der die das den dem des ein eine einer einem einen eines und oder aber wenn dann als so wie von bei für mit "
    "über zwischen durch vor nach zu zum zur im in am an auf aus unter wieder hier dort wann wo warum wieso wer wen "
    "wem wessen was welche welcher welches diese dieser dieses jene ich mich mir wir uns ihr sie er ihn ihm es sein "
    "seine ihre ist sind war waren bin wird werden wurde wurden hat haben hatte hatten kann können muss müssen soll "
    "sollen darf dürfen mag auch nur sehr noch schon mehr man sich bis um ab seit dass ob weil viel viele lange oft "
    "jeder jede jedes alle beim vom",
    "nicht kein keine keinen keiner keinem keines keinerlei nie niemals niemand nichts ohne weder",
    "januar februar märz april mai juni juli august september oktober november dezember jänner feber",
    "montag dienstag mittwoch donnerstag freitag samstag sonntag",
    "sekunden? minuten? stunden? tagen? tage woche wochen monate? monaten jahre? jahren quartale?",
    "jan feb mär mrz apr jun jul aug sep sept okt nov dez",
)
FRENCH = Language.of(
    "French",
    "le la les un une des du de d l et ou mais si alors que qu qui quoi dont où quand comment pourquoi combien quel "
    "quelle quels quelles ce cet cette ces je j me m moi nous vous tu te il elle ils elles on lui leur leurs son sa "
    "ses mon ma mes notre nos votre vos est sont était étaient être été a ont avait avoir sera seront peut peuvent "
    "doit doivent fait faire au aux à en dans par pour avec sur sous entre vers chez plus moins très aussi encore "
    "comme se s y c n",
    "ne pas non jamais aucun aucune personne rien sans ni",
    "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "lundi mardi mercredi jeudi vendredi samedi dimanche",
    "secondes? minutes? heures? jours? semaines? mois ans? années? trimestres?",
)
SPANISH = Language.of(
    "Spanish",
    "el la los las un una unos unas de del y e o u pero si entonces que qué quien quién quienes quiénes cual cuál "
    "cuáles cuando cuándo donde dónde como cómo cuanto cuánto cuánta cuántos cuántas por para con a al en sobre "
    "entre desde hasta este esta estos estas ese esa eso aquel yo me mi nos nosotros tú te su sus él ella ellos "
    "ellas lo le les se es son era eran ser sido está están fue fueron ha han había haber hay puede pueden debe "
    "deben más menos muy también ya porque",
    "no nunca jamás ningún ninguna ninguno nadie nada sin ni tampoco",
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "lunes martes miércoles jueves viernes sábado domingo",
    "segundos? minutos? horas? días? semanas? mes meses años? trimestres?",
)
ITALIAN = Language.of(
    "Italian",
    "il lo la i gli le un uno una di del dello della dei degli delle e ed o ma se allora che chi cui quale quali "
    "quando dove come perché quanto quanta quanti quante questo questa questi queste quello quella io mi me noi ci "
    "tu ti voi vi lui lei loro suo sua suoi sue si è sono era erano essere stato stata ha hanno aveva avere può "
    "possono deve devono a al allo alla ai agli alle da dal dalla in nel nella nei nelle con su sul sulla per tra "
    "fra più meno molto anche ancora c l d dell all nell sull",
    "non mai nessun nessuno nessuna niente nulla senza né",
    "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "lunedì martedì mercoledì giovedì venerdì sabato domenica",
    "secondo secondi minuto minuti ora ore giorno giorni settimana settimane mese mesi anno anni trimestr[ei]",
)
DUTCH = Language.of(
    "Dutch",
    "de het een en of maar als dan zo van bij voor met over tussen door na naar te ten ter in op aan uit onder weer "
    "hier daar wanneer waar waarom wie wiens wat welke welk hoe hoeveel dit dat deze die ik me mij wij we ons jij "
    "je jullie u hij hem zij ze haar hun zijn is was waren ben wordt worden werd werden heeft hebben had hadden kan "
    "kunnen moet moeten mag mogen zal zullen ook nog al meer men zich tot om sinds omdat veel lang vaak elke ieder "
    "alle er",
    "niet geen nooit niemand niets zonder noch",
    "januari februari maart april mei juni juli augustus september oktober november december",
    "maandag dinsdag woensdag donderdag vrijdag zaterdag zondag",
    "seconden? minuut minuten uur uren dag dagen week weken maand maanden jaar jaren kwartaal kwartalen",
)
PORTUGUESE = Language.of(
    "Portuguese",
    "o a os as um uma uns umas de do da dos das e ou mas se então que quem qual quais quando onde como porquê "
    "porque quanto quanta quantos quantas por pelo pela para com em no na nos nas ao aos à às sobre entre desde até "
    "este esta estes estas esse essa isso aquele eu me meu nós você vocês ele ela eles elas seu sua seus suas lhe é "
    "são era eram ser sido está estão foi foram tem têm tinha ter há pode podem deve devem mais menos muito também "
    "já",
    "não nunca jamais nenhum nenhuma ninguém nada sem nem",
    "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    "segunda terça quarta quinta sexta sábado domingo",
    "segundos? minutos? horas? dias? semanas? mês meses anos? trimestres?",
)
# Of the languages below only so much is known as detecting and searching them takes.
SWEDISH = Language.of(
    "Swedish",
    "och att det som en av för på med den till har ett om de kan vid var eller ska från",
    "inte aldrig ingen inget inga utan",
)
DANISH = Language.of(
    "Danish",
    "og at det er en af til for på med den som har et kan der de eller ved skal fra",
    "ikke aldrig ingen intet uden",
    "januar februar marts april maj juni juli august september oktober november december",
)
NORWEGIAN = Language.of(
    "Norwegian",
    "og det er som en av til for på med den har et kan de eller ved skal fra om å hos",
    "ikke aldri ingen intet uten",
    "januar februar mars april mai juni juli august september oktober november desember",
)
FINNISH = Language.of(
    "Finnish", "ja on se että oli joka ovat myös tai kun niin mutta ole sen hän jos kuin", "ei eivät ilman"
)
RUSSIAN = Language.of(
    "Russian",
    "и в на что с по для как это из к от у за или его при также но был",  # noqa: RUF001
    "не нет ни никогда без",
)
TURKISH = Language.of(
    "Turkish", "ve bir bu için ile da de olarak olan en gibi daha çok ya her kadar sonra veya", "değil yok asla"
)
# Small words of these are no words between spaces, but letters of a run: only those that negate are listed here too.
CHINESE, JAPANESE, KOREAN, THAI = (
    replace(Language.of(name, "", negations), unspaced=True, negates_before=name in ("Japanese", "Korean"))
    for name, negations in (
        ("Chinese", "不 不得 不能 没 没有 沒有 未 无 無 勿"),
        ("Japanese", "ない ません なかった"),
        ("Korean", "않는다 않습니다 아니다 아닙니다 없다 없습니다"),
        ("Thai", "ไม่ ห้าม"),
    )
)
LANGUAGES: Mapping[str, Language] = MappingProxyType(
    {
        language.name: language
        for language in (
            ENGLISH,
            GERMAN,
            FRENCH,
            SPANISH,
            ITALIAN,
            DUTCH,
            PORTUGUESE,
            SWEDISH,
            DANISH,
            NORWEGIAN,
            FINNISH,
            RUSSIAN,
            TURKISH,
            CHINESE,
            JAPANESE,
            KOREAN,
            THAI,
        )
    }
)
NEGATIONS = frozenset[str]().union(*(language.negations for language in LANGUAGES.values()))
"""Of every language."""
_NEGATING_PREFIX = re.compile(r"(?:un|in|im|il|ir|non|dis|mis|de|anti)(?=\w{3})|不(?=\w)")
LIMIT = re.compile(
    r"(?:\b(?:no|not)|n['’]t) (more|less|later|longer|fewer|earlier|greater|only|least|sooner)\b", re.IGNORECASE
)
"""What looks like a negation and sets a limit: "no more than 5"."""
