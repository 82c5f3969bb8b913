"""Made-up facts: a sentence, the question that asks for it, and its answer."""

import random
from collections.abc import Callable, Iterator

from agents.schema import Frozen

_SYLLABLES = (
    "bra",
    "dul",
    "fen",
    "gor",
    "hal",
    "irm",
    "kel",
    "lun",
    "mar",
    "nev",
    "osk",
    "pel",
    "rud",
    "sev",
    "tor",
    "vel",
)
_MONTHS = ("January", "March", "April", "May", "July", "August", "October", "November")


class Fact(Frozen):
    """Something that only its sentence says."""

    sentence: str
    question: str
    answer: str


def made_facts(seed: int) -> Iterator[Fact]:
    """Yield made-up facts without end, the same for the same seed; no name comes twice."""
    source = random.Random(seed)  # noqa: S311 - reproducible, nothing is secret
    names = _names(source)
    while True:
        for kind in _KINDS:
            yield kind(source, names)


def _names(source: random.Random) -> Iterator[str]:
    """Yield invented names that nobody bears: four syllables, so that 65,536 are there."""
    used: set[str] = set()
    while True:
        name = "".join(source.choices(_SYLLABLES, k=4)).capitalize()
        if name not in used:
            used.add(name)
            yield name


def _inspection(source: random.Random, names: Iterator[str]) -> Fact:
    place, person = next(names), f"{next(names)} {next(names)}"
    return Fact(
        sentence=f"The {place} sluice was last inspected by {person} of the northern office.",
        question=f"Who last inspected the {place} sluice?",
        answer=person,
    )


def _capacity(source: random.Random, names: Iterator[str]) -> Fact:
    place, litres = next(names), f"{source.randint(1_000, 9_999):,}"
    return Fact(
        sentence=f"When it is full, the reserve tank of the {place} annex holds {litres} litres.",
        question=f"How many litres does the reserve tank of the {place} annex hold?",
        answer=litres,
    )


def _contract(source: random.Random, names: Iterator[str]) -> Fact:
    place, date = next(names), f"{source.randint(1, 28)} {source.choice(_MONTHS)} {source.randint(2031, 2069)}"
    return Fact(
        sentence=f"Unless both sides renew it, the {place} ferry contract ends on {date}.",
        question=f"When does the {place} ferry contract end?",
        answer=date,
    )


def _cabinet(source: random.Random, names: Iterator[str]) -> Fact:
    place, cabinet = next(names), f"{source.choice('BDFHKMRT')}-{source.randint(100, 999)}"
    return Fact(
        sentence=f"The spare keys of the {place} tower are kept in cabinet {cabinet} beside the stairs.",
        question=f"In which cabinet are the spare keys of the {place} tower kept?",
        answer=cabinet,
    )


_KINDS: tuple[Callable[[random.Random, Iterator[str]], Fact], ...] = (_inspection, _capacity, _contract, _cabinet)
