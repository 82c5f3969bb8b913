"""Whether words stand for one another, in spite of different forms.

Two words match where their stems are equal, where they share a root ("chemist", "chemical"), or where a group of
English synonyms holds both; how surely is a number from 0 to 1.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType

from agents.language.lexicon import ENGLISH
from agents.language.stems import Vocabulary
from agents.language.unspaced import HAN, is_unspaced

_SYNONYM, _SAME_ROOT = 0.6, 0.7
_ROOT_LETTERS = 5
_PART_OF_PAIR = 0.6
"""A Chinese letter that is a word by itself often begins or ends another: 死 and 討死."""
_PARTICLES = re.compile("[은는이가을를의에도만로와과]{2}")
"""Of Korean, behind a word of one letter: 책을 and 책이."""
_HAN = re.compile(f"[{HAN}]")


def stands_for(wanted: str, stem: str) -> float:
    """Return how surely a stem stands for the wanted one, 0 to 1."""
    if stem == wanted:
        return 1.0
    if stem in synonyms().get(wanted, frozenset[str]()):
        return _SYNONYM
    if len(wanted) == 1 and wanted in stem and _HAN.match(wanted):
        return _PART_OF_PAIR
    if len(wanted) == len(stem) == 2 and wanted[0] == stem[0] and _PARTICLES.match(wanted[1] + stem[1]):
        return _SAME_ROOT
    root = max(_ROOT_LETTERS, len(stem) - 3, len(wanted) - 3)
    return _SAME_ROOT if stem.isalpha() and stem[:root] == wanted[:root] else 0.0


def matching_stems(wanted: str, known: Iterable[str]) -> dict[str, float]:
    """Return the known stems that can stand for the wanted one, and that one itself, each with how surely."""
    found = {stem: value for stem in known if (value := stands_for(wanted, stem))}
    return found | {wanted: 1.0}


def best_match(stems: frozenset[str], matching: Mapping[str, float]) -> float:
    """Return how surely any of a text's stems stands for the word whose `matching_stems` are given, 0 to 1."""
    return max((value for stem, value in matching.items() if stem in stems), default=0.0)


_SMALL_TALK = re.compile(
    r"\b(?:how|wie|hoe)\s+(?:long|high|large|many|much|often|old|far|fast|deep|heavy|soon|lange?|hoch|groß|viel\w*|oft|alt|"
    r"weit|schnell|tief|schwer|veel|vaak|oud)\b|\b(?:hello|thanks?|please|help|tell|know|find|bitte|danke|hallo)\b",
    re.IGNORECASE,
)
"""Words of a question that no document need hold."""
_MIN_LETTERS = 4
"""Of a word that is looked for; shorter ones stand inside of others."""
_MAX_CHARS = 2_000_000
"""Of the texts whose words are compared, which takes a second; of longer texts nothing is said."""


def unmentioned(question: str, texts: Sequence[str]) -> tuple[str, ...]:
    """Return the content words of a question that no text holds in any form, nor a known synonym of them.

    A word counts as held wherever it stands, also inside of another word: what is returned is surely not there.
    """
    question = _SMALL_TALK.sub(" ", question)
    forms = {
        word.text: (word.text.casefold(), word.stem, *synonyms().get(word.stem, frozenset[str]()))
        for word in Vocabulary.of(question).words(question)
        if not word.function and word.text.isalpha() and not is_unspaced(word.text) and len(word.text) >= _MIN_LETTERS
    }
    lowered = [text.casefold() for text in texts]
    missing = [word for word in forms if not any(form in text for text in lowered for form in forms[word])]
    if not missing or sum(map(len, texts)) > _MAX_CHARS:
        return ()
    # "Hold" stands nowhere in "held", and means the same.
    stems = {word.stem for text in texts for word in Vocabulary.of(text).words(text)}
    return tuple(word for word in missing if stems.isdisjoint(forms[word]))


@lru_cache(maxsize=1)
def synonyms() -> Mapping[str, frozenset[str]]:
    """Return, for each English stem in the groups, the stems that can stand for it."""
    vocabulary = Vocabulary(ENGLISH)
    related: dict[str, set[str]] = {}
    for line in _SYNONYMS.strip().split("\n"):
        stems = {vocabulary.stem(word) for word in line.split()}
        for stem in stems:
            related.setdefault(stem, set()).update(stems - {stem})
    return MappingProxyType({stem: frozenset(others) for stem, others in related.items()})


# Each line holds words of everyday English that can stand for one another in some sense.
_SYNONYMS = """
cost price fee charge pay payment tariff rate expense euro dollar pound cents cheap
salary wage earn income
owe pay debt due
annual year
day daily
reduction discount rebate deduct credit
settle pay
light lamp
climb enter entry ascend
phone telephone call ring
replace change exchange renew swap substitute
succeed replace follow successor predecessor previous before
begin start commence launch open onset effect force
end finish stop expire terminate close cease lapse last
buy purchase order acquire procure
sell sale
build construct erect make manufacture produce maker
found establish create set formed founded
allow permit may authorise approve permission consent agree can
forbid prohibit ban
maximum most highest limit upper exceed largest longest greatest record peak top
minimum least lowest smallest below shortest fewest
large big great size
small little minor
check inspect test examine verify control
clean wash rinse flush
keep store hold retain storage preserve
send deliver ship dispatch delivery transport carry
tell inform notify report announce notification
happen occur cause result
responsible charge hands answer lead head chair manage leader run oversee supervise master director
job post role position
person staff crew employee worker somebody
live inhabitant resident population people
document handbook manual agreement contract report text
teach train instruct course
doctor nurse physician medical
ill sick disease
hurt injure injury harm wounded
danger hazard risk
often frequency interval frequently every
distance far away apart
depth deep
height high tall altitude
width wide broad
weight weigh heavy kg tonnes
speed fast velocity quick
temperature hot cold warm degree °C
duration last take period
quick soon promptly immediately fast
location situated lie stand site
travel journey trip go sail
start commission installed service
electricity energy power
money fund finance budget financial
law legal statute regulation govern
court judge jurisdiction
sign signature
agree agreement
cancel terminate revoke withdraw
late delay overdue
penalty fine sanction
compensate credit refund reimburse
repair mend fix maintain maintenance restore
break fail failure fault breakdown damage
reduce decrease fall drop lower decline cut
increase rise grow raise growth higher
use employ usage
need require necessary demand
get receive obtain
give provide supply grant
contain hold include consist comprise capacity fit
name call know
choose select pick elect
reject refuse decline deny
visit guest visitor tourist
car vehicle road drive
ship boat vessel ferry
child kid school pupil
marry wife husband spouse
born birth
die death dead killed
write author
win victory beat defeat
prize award medal
foreign international abroad
house home building
lorry truck vehicle
book reserve
ticket admission entrance entry
close shut
city town capital
invent discover developed inventor
goal aim target purpose objective
reason cause because due
part component element piece
kind type sort form
vote elect
warn alarm alert
password account login
backup copy
error mistake wrong
remove take delete discard throw dispose
guarantee warranty warrant
deadline due by
"""
