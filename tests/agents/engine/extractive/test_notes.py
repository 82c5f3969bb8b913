import re
from collections.abc import Callable, Iterable

import pytest

from agents.engine.extractive.notes import kinds_of, window_facts, window_notes
from agents.engine.tasks.reading import WindowNotes
from agents.language.lexicon import language_of
from agents.schema import Mode, Passage
from agents.supervisor.attribution import AttributableText


def note(evidence: Iterable[Passage], mode: Mode = "summary", focus: str | None = None) -> tuple[str, ...]:
    return window_notes(WindowNotes(evidence=tuple(evidence), mode=mode, focus=focus)).texts


@pytest.mark.parametrize("mode", ["summary", "detailed", "comparison", "extraction"])
def test_every_note_is_a_sentence_of_the_window(observatory: tuple[Passage, ...], mode: Mode) -> None:
    notes = note(observatory, mode)
    source = AttributableText.of_passages(observatory)

    assert 0 < len(notes) <= 16
    for text in notes:
        (quote,) = source.quotes(text)
        assert any(quote in passage.text for passage in observatory)
        assert 5 <= len(quote.split()) <= 60


def test_notes_come_from_many_sections_and_none_is_said_twice(observatory: tuple[Passage, ...]) -> None:
    notes, source = note(observatory), AttributableText.of_passages(observatory)
    quotes = [quote for text in notes for quote in source.quotes(text)]

    assert len({passage.heading for quote in quotes for passage in observatory if quote in passage.text}) >= 6
    assert len(set(notes)) == len(notes)


def test_figures_dates_and_names_are_found_beside_the_notes(observatory: tuple[Passage, ...]) -> None:
    noted = note(observatory)
    facts = window_facts(observatory, noted, 6)

    assert {fact.kind for fact in facts} == {"figure", "date", "name"}
    assert all(any(fact.quote in passage.text for passage in observatory) for fact in facts)
    assert not {fact.text for fact in facts} & set(noted)


@pytest.mark.parametrize(
    ("text", "focus", "found"),
    [
        (
            "Fees are due in thirty (30) days. The hall is 30 metres long. Five Business Days pass. A deadline is.",
            "all deadlines",
            "^Fees .* Five .* A deadline",
        ),
        ("Die Rechnung wird in 14 Tagen bezahlt. Der Saal ist 14 Meter lang.", "Fristen", "^Die Rechnung [^.]*.$"),
        ("乙方应在三十天内付款。房屋面积为三十平方米。", "期限", "^乙方[^。]*。$"),
    ],
)
def test_deadlines_are_found_as_so_many_days_and_by_their_name(
    passage: Callable[..., Passage], text: str, focus: str, found: str
) -> None:
    notes = " ".join(note([passage(text)], "extraction", focus))

    assert re.search(found, notes)
    assert "metres" not in notes


def test_a_kind_of_thing_nobody_speaks_of_is_not_any_thing_of_the_kind(observatory: tuple[Passage, ...]) -> None:
    assert note(observatory, "extraction", "submarine numbers") == ()
    assert note(observatory, "extraction", "numbers") != ()


def test_a_focus_steers_what_is_noted(observatory: tuple[Passage, ...]) -> None:
    notes = note(observatory, focus="visitors and admission")
    assert sum("visitor" in text.lower() or "admission" in text.lower() for text in notes[:4]) >= 3


@pytest.mark.parametrize(
    ("focus", "wanted", "unwanted"),
    [
        ("prices", "Admission costs 14 crowns", "Snow covers the summit"),
        ("all dates", "14 May 1871", "They must pass a test"),
        ("names of people", "Mikael Ostrander", "Snow covers the summit"),
        ("passing a test", "They must pass a test", "Snow covers the summit"),
        ("admission numbers", "Admission costs 14 crowns", "The tube weighs almost two tonnes"),
    ],
)
def test_an_extraction_finds_what_its_focus_names(
    observatory: tuple[Passage, ...], focus: str, wanted: str, unwanted: str
) -> None:
    notes = " ".join(note(observatory, "extraction", focus))

    assert wanted in notes
    assert unwanted not in notes


def test_an_extraction_of_what_is_not_there_is_empty(observatory: tuple[Passage, ...]) -> None:
    assert note(observatory, "extraction", "submarines") == ()


def test_page_furniture_is_never_noted(passage: Callable[..., Passage]) -> None:
    furniture = "1.1 Site . . . . . . . . . . 5\n\nHandbook of the Northern Station Page 12"
    text = f"{furniture}\n\nThe station stands on a rock above the sea."
    assert note([passage(text)]) == ("The station stands on a rock above the sea.",)


def test_a_window_of_thirty_thousand_words_is_read(passage: Callable[..., Passage]) -> None:
    things = ["lamps", "boats", "gulls", "reefs", "ropes", "tides", "bells", "crabs", "masts", "sails", "oars", "piers"]
    pairs = [(one, two) for one in things for two in things if one != two]
    sentences = (f"A shelf of {one} stands {n} steps from the room of {two}." for n in range(20) for one, two in pairs)

    assert 1 < len(note([passage(" ".join(sentences), heading="Library")])) <= 16


def test_an_empty_window_has_no_notes(passage: Callable[..., Passage]) -> None:
    assert note([]) == ()
    assert note([passage("  \n 😀😀 \n")]) == ()


STANDING_AND_LEANING = [
    ("The lamp is lit at dusk. The keeper sleeps in the tower. The boat comes on Mondays.", "It was built by hand."),
    ("The lamp is lit at dusk. The keeper sleeps in the tower. The boat comes on Mondays.", "and the rest of a line."),
    ("The lamp is lit at dusk. The keeper sleeps in the tower. The boat comes on Mondays.", "See the map (on page 3."),
    ("Die Lampe brennt nachts. Der Wärter schläft im Turm. Das Boot kommt am Montag.", "Sie wurde von Hand gebaut."),
    ("La lampe brûle la nuit. Le gardien dort dans la tour. Le bateau vient lundi.", "Elle est faite à la main."),
    ("La lámpara arde de noche. El guarda duerme en la torre. El barco viene el lunes.", "Ella es de cobre."),
    ("La lampada arde di notte. Il custode dorme nella torre. La barca viene lunedì.", "Questa è fatta a mano."),
    ("A lâmpada arde de noite. O guarda dorme na torre. O barco vem na segunda.", "Isto foi feito à mão."),
    ("De lamp brandt in de nacht. De wachter slaapt in de toren. De boot komt op maandag.", "Deze is van koper."),
    ("灯在夜里点亮。看守人睡在塔里。船在星期一到达。", "它是用手工做成的。"),
    ("灯は夜にともされる。番人は塔の中で眠る。船は月曜日に着く。", "これは手で作られた。"),
]


@pytest.mark.parametrize(("standing", "leaning"), STANDING_AND_LEANING)
def test_a_summary_leaves_out_what_leans_on_other_sentences(
    passage: Callable[..., Passage], standing: str, leaning: str
) -> None:
    assert sorted(note([passage(f"{standing}\n\n{leaning}")])) == sorted(re.findall(r"[^.。 ][^.。]*[.。]", standing))


def test_a_list_of_references_yields_few_notes(passage: Callable[..., Passage]) -> None:
    listed = " ".join(f"Holm, A. {1900 + n}. Bells of the north, volume {n}, Tern Press." for n in range(60))
    said = "The bells are rung by hand. The tower is locked at night. The ropes are kept dry in a chest."

    assert len(note([passage(f"{listed}\n\n{said}", index=9)])) <= 2


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("It was signed on 12 February 2024.", "date"),
        ("Es begann am 3. März 2021.", "date"),
        ("Le bureau ferme le 14 juillet.", "date"),
        ("水库建于1968年。", "date"),
        ("It costs €18.", "figure"),
        ("Losses came to 11 % of the sum.", "figure"),
        ("The tank holds 1,200 litres.", "figure"),
        ("大坝长320米。", "figure"),
        ("He met Leopold Harnack there.", "name"),
    ],
)
def test_figures_dates_and_names_are_told_by_their_form(text: str, kind: str) -> None:
    assert kind in kinds_of(text, language_of(text))


def test_a_section_number_and_the_number_of_a_form_are_no_figures(passage: Callable[..., Passage]) -> None:
    text = "The fee under Section 4.2 is named in Form 941. The fee of the second year is 40 euros a month."

    assert [(fact.kind, fact.text) for fact in window_facts([passage(text)], (), 4)] == [
        ("figure", "The fee of the second year is 40 euros a month.")
    ]
