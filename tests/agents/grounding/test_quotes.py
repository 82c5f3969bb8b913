"""What a model quotes is found, and what it invents is not."""

import random
import re
import unicodedata
from pathlib import Path
from typing import cast

import pytest
from cachetools import LRUCache
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.grounding.normalization import NormalizedText, forget_long_texts, normalize
from agents.grounding.quotes import MIN_RATIO, Located, is_verbatim, locate, locate_all
from agents.language.sentences import split_sentences
from agents.schema import Document
from tests.support.samples import as_document

TEXT = (
    "7.2 Opening of valves\n"
    "The feed pump shall be recali-\nbrated at intervals of 14 days, and the\n"
    "operator’s “log” – a red book – is kept for 3,500 hours. The ﬁrst valve\n"
    "is not to be opened without a permit. No later than 5 months before the\n"
    "end, either party gives notice. Its well-known limit is −5 °C or 4.5 bar.\n"
    "It is able to run dry for 20 minutes, but the standby pump is unable to.\n\n"
    "| WO-1043 | Bearing replaced | 12 euros |\n"
    "| WO-1044 | **Seal** replaced | 13 euros |\n"
)
DOCUMENT = as_document(TEXT, page_starts=[0, TEXT.index("It is able")])
HANDBOOK = as_document((Path(__file__).parents[3] / "examples" / "station-handbook.md").read_text())


def find(quote: str, document: Document = DOCUMENT) -> Located | None:
    located = locate(quote, document)
    if located is not None:
        assert located.quote == document.text[located.start : located.end]
        assert located.page == document.page_at(located.start)
    return located


def test_a_footnotes_mark_may_be_left_out() -> None:
    document = as_document("The beds cover 84 hectares[^1] in all. They rest.[^12] Then they grow.")
    for quote in ("The beds cover 84 hectares in all.", "84 hectares[^1] in all", "They rest. Then they grow."):
        located = find(quote, document)
        assert located is not None
        assert located.verified == "exact"
    assert [document.text[start:end] for start, end in split_sentences(document.text)][1] == "They rest.[^12]"


@pytest.mark.parametrize(
    ("quote", "words"),
    [
        ("The feed pump shall be recalibrated", "The feed pump shall be recali-\nbrated"),
        ("the feed pump", "The feed pump"),
        ('intervals of 14 days, and the operator\'s "log"', "intervals of 14 days, and the\noperator’s “log”"),
        ("operator's 'log' - a red book", "operator’s “log” – a red book"),
        ("“log”—a red book", "“log” – a red book"),
        ("The first valve", "The ﬁrst valve"),
        ("Its wellknown limit is -5 °C", "Its well-known limit is −5 °C"),
        ("3,500 hours", "3,500 hours"),
        ("WO-1043 | Bearing replaced | 12 euros", "WO-1043 | Bearing replaced | 12 euros"),
        ("WO-1043 Bearing replaced 12 euros", "WO-1043 | Bearing replaced | 12 euros"),
        ("WO-1044 Seal replaced", "WO-1044 | **Seal** replaced"),
        ("log", "log"),
        ("4.5 bar.", "4.5 bar."),
        ("4.5 bar!", "4.5 bar"),
    ],
)
def test_kinds_of_marks_and_breaks_of_lines_do_not_matter(quote: str, words: str) -> None:
    located = find(quote)
    assert located is not None
    assert (located.quote, located.verified) == (words, "exact")


@pytest.mark.parametrize(
    "quote",
    [
        "",
        "  ",
        '"..."',
        "feed pumps",
        "eed pump",
        "12 eu",
        "5 bar",
        "3,50",
        "500 hours",
        "5 °C",
        "operator",
        "THE FEED PUMP",
    ],
)
def test_parts_of_words_and_numbers_are_no_quotes(quote: str) -> None:
    assert find(quote) is None


def test_small_slips_are_repaired_to_the_documents_words() -> None:
    located = find("the feed pumps shall be recalibrated at intervals of 14 days and the operator's log")
    assert located is not None
    assert (located.verified, located.score >= MIN_RATIO) == ("fuzzy", True)
    assert located.quote.startswith("The feed pump shall be recali-\nbrated")


@pytest.mark.parametrize(
    "quote",
    [
        "The feed pump shall be recalibrated at intervals of 15 days",
        "The feed pump shall be recalibrated at intervals of four days",
        "The feed pump shall not be recalibrated at intervals of 14 days",
        "The first valve is to be opened without a permit",
        "The first valve is not to be opened with a permit",
        "It is unable to run dry for 20 minutes",
        "It is able to run dry for 2 minutes",
        "Its well-known limit is 5 °C or 4.5 bar",
        "WO-1043 | Bearing replaced | 13 euros",
    ],
)
def test_another_number_or_negation_is_refused(quote: str) -> None:
    assert find(quote) is None


@pytest.mark.parametrize(
    ("quote", "words"),
    [
        ("to be opened without a permit", "not to be opened without a permit"),
        ("later than 5 months before the end", "No later than 5 months before the\nend"),
        ("The first valve is", "The ﬁrst valve\nis not"),
    ],
)
def test_a_negation_left_off_at_the_edge_is_put_back(quote: str, words: str) -> None:
    located = find(quote)
    assert located is not None
    assert (located.quote, located.verified) == (words, "fuzzy")


@pytest.mark.parametrize(
    ("text", "quote", "words"),
    [
        (
            "Der Mieter zahlt die Kosten der Heizung nicht.",
            "zahlt die Kosten der Heizung",
            "zahlt die Kosten der Heizung nicht",
        ),
        ("Le locataire ne paie pas les frais.", "paie pas les frais", "ne paie pas les frais"),
        ("持ち込みは許可がないとできません。", "持ち込みは許可がないと", "持ち込みは許可がないとできません"),
        ("승객은 물질을 휴대할 수 없다.", "승객은 물질을 휴대할 수", "승객은 물질을 휴대할 수 없다"),
        ("乘客不得携带易燃物品。", "携带易燃物品", "不得携带易燃物品"),
        ("ผู้โดยสารห้ามนำอาหารเข้า", "นำอาหารเข้า", "ห้ามนำอาหารเข้า"),
    ],
)
def test_a_negation_is_put_back_in_every_language(text: str, quote: str, words: str) -> None:
    located = locate(quote, as_document(text))
    assert located is not None
    assert located.quote == words


@pytest.mark.parametrize(
    ("quote", "said"),
    [
        ("The feed pump shall be recalibrated at intervals of 14 days", True),
        ("the first valve is not to be opened", True),
        ("The feed pump shall be recalibrated at intervals of 12 days", False),
        ("The feed pump shall be calibrated at intervals of 14 days", False),
        ("later than 5 months before the end", False),
        ("...", False),
    ],
)
def test_a_document_says_what_stands_in_it_word_for_word(quote: str, said: bool) -> None:
    assert is_verbatim(quote, DOCUMENT) is said


def test_an_invented_quote_is_not_found() -> None:
    assert find("Every pump in the station must be painted green before winter begins") is None
    assert find("The feed pump shall be sold at once to the highest bidder in town") is None


def test_of_several_occurrences_the_near_one_is_taken() -> None:
    document = as_document("The pump is blue. " * 50)
    for near, start in (([], 0), ([(360, 420)], 360)):
        located = locate("the pump is blue", document, near)
        assert located is not None
        assert located.start == start


def test_a_quote_is_found_near_or_far_when_it_is_not_exact() -> None:
    text = HANDBOOK.text
    quote = "In high season the population will rise to roughly 1,150, and the daily demand for water climbs"
    start = text.index("In high season the population")
    for near in ([], [(start - 300, start + 900)], [(0, 900)]):
        located = locate(quote, HANDBOOK, near)
        assert located is not None
        assert located.start == start


SAID = "The keeper of berth 7 lights the signal lamp at dusk."
FAR_APART = "Of the rest it is said elsewhere. " * 40_000


@pytest.fixture(scope="module")
def long_text() -> Document:
    """A text whose normal form is made in stretches, with a sentence on both sides of where the first one ends."""
    stretch = FAR_APART[: (1 << 20) - len(SAID) // 2]
    return as_document(f"{stretch} {SAID} {FAR_APART}{SAID} {FAR_APART}")


def test_a_quote_is_found_wherever_it_stands_in_a_long_text(long_text: Document) -> None:
    (first, second) = (match.start() for match in re.finditer(re.escape(SAID), long_text.text))

    assert [each.start for each in locate_all(SAID, long_text)] == [first, second]
    assert is_verbatim(SAID, long_text)
    for wanted, near, start in ((SAID, [], first), (SAID, [(second - 9, second + 99)], second)):
        located = locate(wanted, long_text, near)
        assert located is not None
        assert (located.start, located.quote, located.verified) == (start, SAID, "exact")


def test_of_a_quote_whose_place_is_known_only_that_place_is_compared(long_text: Document) -> None:
    forget_long_texts()
    compared = cast("LRUCache[object, NormalizedText]", normalize.cache)
    place, before = long_text.text.rindex(SAID), compared.currsize

    assert locate(SAID, long_text, [(place - 9, place + 99)]) is not None

    assert compared.currsize - before < 1_000


def test_what_stands_beside_a_known_place_counts_as_elsewhere() -> None:
    document = as_document("The gate is never opened at night. It is unlocked. The key is locked away.")
    opened, unlocked, locked = (document.text.index(words) for words in ("opened", "locked. ", "locked away"))

    for wanted, near, found in (
        ("opened at night", (opened, opened + 15), ("never opened at night", "fuzzy")),
        ("locked", (unlocked, unlocked + 6), ("locked", "exact")),
    ):
        located = locate(wanted, document, [near])
        assert located is not None
        assert (located.quote, located.verified) == found
        assert located.start in (opened - len("never "), locked)


def test_a_quote_with_a_slip_is_found_in_a_long_text(long_text: Document) -> None:
    located = find(SAID.replace("signal lamp", "signal lamps"), long_text)

    assert located is not None
    assert (located.quote, located.verified) == (SAID, "fuzzy")
    assert find(SAID.replace("berth 7", "berth 8"), long_text) is None


def test_scripts_without_spaces_are_found() -> None:
    document = as_document("給水ポンプは毎週点検する。弁は許可なく開けない。")
    located = locate("毎週点検する", document)
    assert located is not None
    assert located.start == 6


def mutated(words: list[str], chance: random.Random) -> tuple[str, bool]:
    """Return words with one word, digit or negation changed, and whether that must be refused."""
    words = list(words)
    place = chance.randrange(1, len(words) - 1)
    digits = [(n, k) for n, word in enumerate(words) for k, letter in enumerate(word) if letter in "0123456789"]
    kind = chance.choice(["word", "digit", "negation"])
    if kind == "digit" and digits:
        number, index = chance.choice(digits)
        other = str((int(words[number][index]) + chance.randint(1, 9)) % 10)
        words[number] = words[number][:index] + other + words[number][index + 1 :]
        return " ".join(words), True
    if kind == "negation":
        words.insert(place, chance.choice(["not", "never"]))
        return " ".join(words), True
    words[place] = chance.choice(["zebra", "green", "seldom", "Tuesday"])
    return " ".join(words), False


def test_of_a_thousand_altered_quotes_none_passes_as_the_documents() -> None:
    chance = random.Random(20)
    sentences = [HANDBOOK.text[a:b].split() for a, b in split_sentences(HANDBOOK.text)]
    sentences = [words for words in sentences if 5 <= len(words) <= 60 and words[0][0] not in "|#"]
    for _ in range(1_000):
        words = chance.choice(sentences)
        quote, refused = mutated(words, chance)
        located = find(quote, HANDBOOK)
        if located is None:
            continue
        assert located.verified == "fuzzy"
        assert not refused, quote
        assert NormalizedText(located.quote).text != NormalizedText(quote).text


MARKS = str.maketrans({"'": "’", '"': "“", "-": "\u2010", " ": "\u00a0"})


@st.composite
def slices(draw: st.DrawFn) -> tuple[str, int, int]:
    """Draw a run of whole words of the handbook, written in another way."""
    text = HANDBOOK.text
    start = draw(st.integers(0, len(text) - 300))
    start = text.index(" ", start) + 1
    end = text.index(" ", start + draw(st.integers(20, 250)))
    variant = draw(st.sampled_from(["same", "marks", "wrapped", "decomposed", "soft"]))
    quote = text[start:end]
    if variant == "marks":
        quote = quote.translate(MARKS)
    elif variant == "wrapped":
        quote = quote.replace(" ", "\n   ")
    elif variant == "decomposed":
        quote = unicodedata.normalize("NFD", quote)
    elif variant == "soft":
        quote = re.sub(r"(?<=[a-z])(?=[a-z])", "\u00ad", quote)
    return quote, start, end


@settings(max_examples=300)
@given(slices())
def test_every_slice_of_a_document_is_found_however_it_is_written(drawn: tuple[str, int, int]) -> None:
    quote, start, end = drawn
    located = locate(quote, HANDBOOK, [(start, end)])
    if not any(map(str.isalnum, quote)):
        return
    assert located is not None, quote
    words = HANDBOOK.text[start:end].strip(" \n|*#-\"'.,;:()")
    assert words in located.quote
    assert located.start >= start - 10
    assert located.end <= end + 10


PIECES = [*"aB1 \n|*-–\"'“ﬁ½\u00ad\\#.,", "e\u0301"]


@given(st.lists(st.sampled_from(PIECES), max_size=80).map("".join))
def test_every_place_of_a_normal_form_leads_back_to_its_original(text: str) -> None:
    normal = NormalizedText(text)
    spans = [normal.to_original(position, position + 1) for position in range(len(normal.text))]
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert [start for start, _ in spans] == sorted(start for start, _ in spans)
    plain = [(n, start) for n, (start, end) in enumerate(spans) if normal.text[n].isalnum() and end - start == 1]
    for n, start in plain:
        assert normal.text[n] in unicodedata.normalize("NFKC", text[start])
    assert all(0 <= normal.from_original(offset) <= len(normal.text) for offset in range(len(text)))
