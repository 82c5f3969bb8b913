"""Seven languages: how they are told apart, and the small words that stemming does not cover."""
# MERGED """Word lists and patterns written one line at a time."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

_LETTERS = re.compile(r"[^\W\d_]+")
_SAMPLE = 4_000


@dataclass(frozen=True)
class Language:
    """What must be known of a language before its words can be weighed."""

    name: str
    stemmer: str
    """Snowball's name of it."""
    function_words: frozenset[str]
    negations: frozenset[str]
    months: tuple[str, ...]
    weekdays: tuple[str, ...]
    time_units: tuple[str, ...]


def _language(name: str, words: str, negations: str, months: str, weekdays: str, time_units: str) -> Language:
    return Language(
        name=name,
        stemmer=name.lower(),
        function_words=frozenset(words.split()) | frozenset(negations.split()),
        negations=frozenset(negations.split()),
        months=tuple(months.split()),
        weekdays=tuple(weekdays.split()),
        time_units=tuple(time_units.split()),
    )


ENGLISH = _language(
    "English",
    "a an the and or but if then than so as of at by for with about between into through during before after above "
    "below to from up down in out on off over under again further once here there when where why how which who whom "
    "whose what this that these those i me my we our us you your he him his she her hers it its they them their am "
    "is are was were be been being have has had having do does did doing will would shall should can could may "
    "might must ought s t d ll re ve both each few more most other some such own same only too very just also any "
    "all much many one ones upon within per please tell give list show know let another else ever even still yet "
    "while because since until till via vs versus every either whether something anything someone anyone",
    "no not nor never none neither without nobody nothing cannot don doesn didn isn aren wasn weren won shan couldn "
    "shouldn mustn",
    "january february march april may june july august september october november december",
    "monday tuesday wednesday thursday friday saturday sunday",
    "seconds? minutes? hours? days? nights? weeks? fortnights? months? quarters? years? decades? century centuries "
    "mins? hrs? tides?",
)
GERMAN = _language(
    "German",
    "der die das den dem des ein eine einer einem einen eines und oder aber wenn dann als so wie von bei für mit "
    "über zwischen durch vor nach zu zum zur im in am an auf aus unter wieder hier dort wann wo warum wieso wer wen "
    "wem wessen was welche welcher welches diese dieser dieses jene ich mich mir wir uns ihr sie er ihn ihm es sein "
    "seine ihre ist sind war waren bin wird werden wurde wurden hat haben hatte hatten kann können muss müssen soll "
    "sollen darf dürfen mag auch nur sehr noch schon mehr man sich bis um ab seit dass ob weil viel viele lange oft "
    "jeder jede jedes alle beim vom",
    "nicht kein keine keinen keiner keinem nie niemals niemand nichts ohne weder",
    "januar februar märz april mai juni juli august september oktober november dezember",
    "montag dienstag mittwoch donnerstag freitag samstag sonntag",
    "sekunden? minuten? stunden? tagen? tage woche wochen monate? monaten jahre? jahren quartale?",
)
FRENCH = _language(
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
SPANISH = _language(
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
ITALIAN = _language(
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
DUTCH = _language(
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
PORTUGUESE = _language(
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
LANGUAGES: Mapping[str, Language] = MappingProxyType(
    {language.name: language for language in (ENGLISH, GERMAN, FRENCH, SPANISH, ITALIAN, DUTCH, PORTUGUESE)}
)


def detect_language(text: str) -> str:
    """Return the name of the language whose function words stand most often in a text, or "" if none do."""
    words = [word.lower() for word in _LETTERS.findall(text[:_SAMPLE])]
    counts = {name: sum(word in language.function_words for word in words) for name, language in LANGUAGES.items()}
    best = max(counts, key=lambda name: counts[name])
    return best if counts[best] else ""


def language_of(text: str) -> Language:
    """Return the language of a text, English where no function word tells."""
    return LANGUAGES[detect_language(text) or "English"]


def any_of(lines: str) -> str:
    """Return a pattern that matches any of the patterns that stand on lines of their own."""
    return "(?:" + "|".join(line.strip() for line in lines.strip().splitlines()) + ")"


def phrase(lines: str) -> re.Pattern[str]:
    """Return a pattern that finds any of the lines as whole words, in small letters or capitals."""
    return re.compile(rf"\b{any_of(lines)}\b", re.IGNORECASE)


def word_set(words: str) -> frozenset[str]:
    """Return the words of a text that lists them."""
    return frozenset(words.split())


def labelled(lines: str) -> list[tuple[str, str]]:
    """Return the label and the pattern of each line: "date [a-z]+" gives ("date", "[a-z]+")."""
    pairs = [line.split(maxsplit=1) for line in lines.strip().splitlines()]
    return [(label, pattern) for label, pattern in pairs]
