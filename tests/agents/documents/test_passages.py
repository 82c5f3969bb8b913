from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from agents.documents.parsing.headings import in_markdown
from agents.documents.passages import cut, passage
from agents.language.tokens import estimate_tokens
from agents.schema import Document, Passage
from tests.support.samples import PARAGRAPH, as_document


def passages(document: Document, size: int = 300) -> list[Passage]:
    spans = cut(document, size)
    return [passage(document, spans, index) for index in range(len(spans))]


def markdown(text: str) -> Document:
    return as_document(text, headings=in_markdown(text))


SECTIONS = "# Manual\n\n" + "\n\n".join(
    f"## {n} Part {n}\n\n{PARAGRAPH} {PARAGRAPH}\n\n{PARAGRAPH}" for n in range(1, 9)
)


def test_passages_tile_the_text() -> None:
    text = SECTIONS
    found = passages(markdown(text))
    assert "".join(p.text for p in found) == text
    assert [p.index for p in found] == list(range(len(found)))
    assert all(text[p.start : p.end] == p.text for p in found)


def test_a_section_starts_a_passage_and_names_it() -> None:
    found = passages(markdown(SECTIONS))
    assert found[0].heading == "Manual"
    assert [p.heading for p in found[1:]] == [f"Manual > {n} Part {n}" for n in range(2, 9)]
    assert all(p.text.startswith(f"## {n} Part {n}") for n, p in enumerate(found[1:], 2))


def test_passages_end_with_sentences_and_keep_to_their_size() -> None:
    found = passages(as_document(" ".join([PARAGRAPH] * 40)), size=100)
    assert all(p.text.rstrip().endswith(".") for p in found)
    assert all(60 <= estimate_tokens(p.text) <= 125 for p in found[:-1])


def test_small_sections_share_a_passage() -> None:
    found = passages(markdown("\n\n".join(f"## {n}\n\nA short one." for n in range(8))))
    assert len(found) == 1


def test_a_heading_is_never_parted_from_its_text() -> None:
    text = "\n\n".join(f"## Part {n}\n\n{PARAGRAPH * 3}" for n in range(9))
    assert not [
        p for p in passages(markdown(text), size=120) if p.text.strip().startswith("##") and "\n" not in p.text.strip()
    ]


def test_a_tables_row_stays_whole() -> None:
    rows = "\n".join(f"| WO-{n} | The pump was changed. It runs. | {n * 3} |" for n in range(200))
    for p in passages(as_document(rows), size=100):
        assert p.text.startswith("| WO-")
        assert p.text.rstrip().endswith("|")


def test_rows_are_headed_by_the_columns_of_their_table() -> None:
    rows = "\n".join(f"| WO-{n} | The pump was changed. | {n * 3} |" for n in range(60))
    found = passages(markdown(f"# Log\n\n| Order | Work | Cost |\n|---|---|---|\n{rows}\n\nThe end."), size=100)
    assert [found[0].heading, *{p.heading for p in found[1:-1]}] == ["Log", "Log > Order, Work, Cost"]


def test_rows_never_have_the_columns_of_the_table_above() -> None:
    rows = "\n".join(f"| WO-{n} | The pump was changed. | {n * 3} |" for n in range(30))
    first, second = (
        f"| Order | Work | Cost |\n|---|---|---|\n{rows}",
        f"| Year | Injured, all |  |\n|---|---|---|\n{rows}",
    )
    for between in ("\n", "\n\n", "\n## Accidents\n", "\n\n## Accidents\n\n"):
        text = f"{first}{between}{second}\n"
        for found in passages(markdown(text), size=100)[1:]:
            if found.text.startswith("| WO"):
                own = found.start > text.index("| Year")
                assert found.heading.endswith("Year | Injured, all | " if own else "Order, Work, Cost")


def test_a_passage_knows_its_page() -> None:
    pages = [f"{n}. {PARAGRAPH} {PARAGRAPH}" for n in range(1, 6)]
    starts = [sum(len(page) + 2 for page in pages[:n]) for n in range(5)]
    found = passages(as_document("\n\n".join(pages), page_starts=starts))
    assert [p.page for p in found] == [1, 2, 3, 4, 5]


def test_a_passage_over_two_pages_is_on_the_one_that_holds_most_of_it() -> None:
    rest, page = "The last line.", f"{PARAGRAPH} {PARAGRAPH}"
    (found,) = passages(as_document(f"{rest}\n\n{page}", page_starts=[0, len(rest) + 2]))
    assert (found.text.startswith(rest), found.page) == (True, 2)


def test_a_sentence_that_runs_over_the_page_stays_in_one_passage() -> None:
    first = f"{PARAGRAPH} {PARAGRAPH} The deputy of the station shall"
    text = f"{first}\n\nanswer within ten minutes. {PARAGRAPH}"
    found = passages(as_document(text, page_starts=[0, len(first) + 2]))
    assert any("shall\n\nanswer" in p.text for p in found)


@given(
    st.lists(
        st.sampled_from(["# A\n\n", "## B\n", PARAGRAPH + " ", "| a | b |\n", "x", "\n\n", "1.2 C\n", "é。", " "]),
        max_size=60,
    ),
    st.lists(st.floats(0, 1), max_size=4),
    st.integers(50, 400),
)
def test_any_text_is_tiled_whatever_its_pages_and_headings(parts: list[str], cuts: list[float], size: int) -> None:
    text = "".join(parts)
    starts = [0, *sorted({int(len(text) * share) for share in cuts} - {0})]
    document = as_document(text, page_starts=starts, headings=in_markdown(text))
    found = passages(document, size)
    assert "".join(p.text for p in found) == text
    assert all(a.end == b.start for a, b in pairwise(found))


def test_blank_pages_by_the_thousand_are_cut_as_fast_as_words() -> None:
    text = "First." + "\n" * 50_000 + "Last."
    starts = [0, *range(7, len(text) - 5, 1)]
    document = as_document(text, page_starts=starts)
    assert [(p.page, p.text.split()) for p in passages(document)] == [(1, ["First.", "Last."])]
    assert document.page_at(len(text) - 1) == len(starts)
