from itertools import pairwise

import pytest

from agents.engine.extractive.facts import find_facts
from agents.language.lexicon import ENGLISH, FRENCH, GERMAN


@pytest.mark.parametrize(
    ("text", "kind", "fact"),
    [
        ("It was signed on 12 February 2024.", "date", "12 February 2024"),
        ("It was signed on February 12, 2024.", "date", "February 12, 2024"),
        ("It was signed on 3 Sept 2024.", "date", "3 Sept 2024"),
        ("Opened 2024-06-01.", "date", "2024-06-01"),
        ("It has been so since 1998.", "date", "since 1998"),
        ("The tanker comes on Tuesday.", "date", "Tuesday"),
        ("The shift begins at 07:00.", "time", "07:00"),
        ("Lunch is at noon.", "time", "noon"),
        ("It is washed every 36 hours.", "frequency", "every 36 hours"),
        ("It is tested twice a year.", "frequency", "twice a year"),
        ("It lasts three weeks.", "duration", "three weeks"),
        ("It pays 2.5 million euros.", "money", "2.5 million euros"),
        ("It costs €18.", "money", "€18"),
        ("Losses came to 11 percent.", "percent", "11 percent"),
        ("The tank holds 1,200 m³.", "quantity", "1,200 m³"),
        ("It trips at 69 bar.", "quantity", "69 bar"),
        ("There are 64 boats.", "number", "64"),
        ("He met Leopold Harnack there.", "name", "Leopold Harnack"),
    ],
)
def test_a_fact_is_found_by_its_form(text: str, kind: str, fact: str) -> None:
    assert (kind, fact) in [(found.kind, found.text) for found in find_facts(text, ENGLISH)]


def test_facts_know_where_they_stand_and_never_overlap() -> None:
    text = "On 9 August 2022 at 05:00 Marit Okafor paid 23,500 euros for 3 weeks."
    facts = find_facts(text, ENGLISH)

    assert [text[fact.start : fact.end] for fact in facts] == [fact.text for fact in facts]
    assert all(one.end <= two.start for one, two in pairwise(facts))


def test_months_and_units_of_other_languages_are_known() -> None:
    assert ("date", "3. März 2021") in [(f.kind, f.text) for f in find_facts("Am 3. März 2021 begann es.", GERMAN)]
    assert ("duration", "14 Tage") in [(f.kind, f.text) for f in find_facts("Es dauert 14 Tage.", GERMAN)]
    assert ("date", "14 juillet") in [(f.kind, f.text) for f in find_facts("Le 14 juillet est férié.", FRENCH)]


@pytest.mark.parametrize("text", ["2" * 100_000, "1," * 50_000, "the Dr " * 30_000, "every " * 40_000, "\x00" * 5_000])
def test_hostile_text_is_read_to_its_end(text: str) -> None:
    assert len(find_facts(text, ENGLISH)) < 5_000
