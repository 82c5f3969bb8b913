"""Words that a question and a document often use for the same thing."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType

from agents.language.stems import Vocabulary

# How surely one word stands for another.
_SYNONYM, _SAME_ROOT = 0.6, 0.7
_SHORTEST_ROOT = 5

# Each line holds words of everyday English that can stand for one another in some sense.
_GROUPS = """
cost price fee charge pay payment tariff rate expense euro dollar pound cents expensive cheap
salary wage earn income
owe pay debt due
annual year annually
day daily
week weekly
month monthly
quarter quarterly
reduction discount rebate deduct credit
settle pay
light lit lamp
climb enter entry ascend
phone telephone call ring
replace change exchange renew swap substitute
succeed replace follow successor predecessor previous before
begin start commence launch open onset effect force
end finish stop expire terminate close cease lapse last
buy purchase order acquire procure bought
sell sale
build construct erect built make manufacture produce maker manufacturer
found establish create set formed founded
allow permit may authorise approve permission consent allowed agree can
forbid prohibit ban forbidden prohibited
maximum most highest limit upper exceed largest longest greatest record peak top
minimum least lowest smallest below shortest fewest
large big great size
small little minor
check inspect test examine verify control inspection
clean wash rinse flush cleaning
keep store hold retain held kept storage stored preserve
send deliver ship dispatch sent delivery transport carry
tell inform notify report announce notification told
happen occur cause result
responsible charge hands answer lead head chair manage manager leader run oversee supervise master director
job post role position
person people staff crew employee worker somebody
live inhabitant resident population reside people
document handbook manual agreement contract report text
teach train instruct training course
doctor nurse physician medical
ill sick sickness illness disease
hurt injure injury harm wounded injured
danger hazard risk dangerous
often frequency interval frequently every
distance far away apart
depth deep
height high tall altitude
width wide broad
weight weigh heavy kg tonnes
speed fast velocity quick
temperature hot cold warm degree °C
duration last take period lasting
quick soon promptly immediately fast
location located situated lie stand site
travel journey trip go sail
start commission commissioned installed service
electricity electric energy power
money fund finance budget financial
law legal statute regulation govern
court judge jurisdiction
sign signature signed
agree agreement
cancel terminate revoke withdraw
late delay overdue
penalty fine sanction
compensate compensation credit refund reimburse
repair mend fix maintain maintenance restore
break fail failure fault breakdown broken damage
reduce decrease fall drop lower decline cut
increase rise grow raise growth higher
use employ usage
need require necessary demand
get receive obtain
give provide supply grant
contain hold include consist comprise capacity fit
name call know
choose select pick elect chosen
reject refuse decline deny
visit guest visitor tourist
car vehicle road drive
ship boat vessel ferry
child children kid school pupil
marry married wife husband spouse
born birth
die death dead died killed
write author written wrote
win victory beat defeat
prize award medal
foreign international abroad
house home building
lorry truck vehicle
book reserve reservation
ticket admission entrance entry
close shut
city town capital
invent discover developed inventor
goal aim target purpose objective
reason cause because due
part component element piece
kind type sort form
vote elect election
warn warning alarm alert
password account login
backup copy
error mistake wrong
remove take delete discard throw dispose
guarantee warranty warrant
deadline due by
"""


@lru_cache(maxsize=1)
def synonyms() -> Mapping[str, frozenset[str]]:
    """Return, for each English stem in the groups, the stems that can stand for it."""
    from agents.language.lexicon import ENGLISH

    vocabulary = Vocabulary(ENGLISH)
    related: dict[str, set[str]] = {}
    for line in _GROUPS.split("\n"):
        stems = {vocabulary.stem(word) for word in line.split()}
        for stem in stems:
            related.setdefault(stem, set()).update(stems - {stem})
    return MappingProxyType({stem: frozenset(others) for stem, others in related.items()})


def matching_stems(wanted: str, known: Iterable[str]) -> dict[str, float]:
    """Return the known stems that can stand for the wanted one, and that one itself, each with how surely."""
    found = {stem: value for stem in known if (value := stands_for(wanted, stem))}
    return found | {wanted: 1.0}


def stands_for(wanted: str, stem: str) -> float:
    """Return how surely a stem stands for the wanted one, 0 to 1."""
    if stem == wanted:
        return 1.0
    if stem in synonyms().get(wanted, frozenset[str]()):
        return _SYNONYM
    return _SAME_ROOT if _same_root(stem, wanted) else 0.0


def _same_root(one: str, two: str) -> bool:
    """Whether two stems share their beginning, as "chemist" and "chemic" do."""
    if one[:_SHORTEST_ROOT] != two[:_SHORTEST_ROOT] or not one.isalpha():
        return False
    root = max(_SHORTEST_ROOT, max(len(one), len(two)) - 3)
    return one[:root] == two[:root]
