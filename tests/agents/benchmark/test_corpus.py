from itertools import islice
from pathlib import Path

from agents.benchmark.corpus import (
    GAP,
    cloze_questions,
    plant_facts,
    synthetic_facts,
    unmentioned_facts,
    write_markdown,
    write_pdf,
    write_text,
)
from agents.documents.library import Library
from agents.schema import Document, Page


def plain_document(text: str) -> Document:
    page = Page(number=1, start=0, end=len(text))
    return Document(document_id="0", title="Report", name="report.txt", text=text, pages=(page,))


def test_made_facts_are_the_same_for_the_same_seed_and_never_ask_the_same_twice() -> None:
    facts = list(islice(synthetic_facts(7), 200))

    assert facts == list(islice(synthetic_facts(7), 200))
    assert len({fact.question for fact in facts}) == 200
    assert all(fact.answer in fact.sentence for fact in facts)
    assert not any(fact.answer in fact.question for fact in facts)


async def test_every_made_document_holds_its_facts_on_their_pages(library: Library, tmp_path: Path) -> None:
    pdf, markdown, text = (tmp_path / name for name in ("made.pdf", "made.md", "made.txt"))
    facts = write_pdf(pdf, 3, seed=1)
    other = [*write_markdown(markdown, 3, seed=2), *write_text(text, 3, seed=2)]

    document = await library.open(str(pdf))
    plain = " ".join((await library.open(str(markdown))).text.split())
    plain += " ".join((await library.open(str(text))).text.split())

    assert len(document.pages) == 3
    for fact, page in zip(facts, document.pages, strict=True):
        assert fact.sentence in " ".join(document.text[page.start : page.end].split())
    assert all(fact.sentence in plain for fact in other)


def test_own_questions_ask_for_what_stands_in_the_document_once(handbook: str) -> None:
    text = Path(handbook).with_suffix(".md").read_text()

    questions = cloze_questions(plain_document(text), handbook)

    assert [question.depth for question in questions] == [5, 25, 50, 75, 95]
    for known in questions:
        assert known.answer
        assert text.count(known.answer) == 1
        assert known.start <= text.index(known.answer) < known.end
        assert GAP in known.question
        assert known.answer not in known.question
        assert abs(known.start / len(text) - (known.depth or 0) / 100) < 0.1


def test_a_document_without_figures_or_names_gives_no_questions() -> None:
    assert cloze_questions(plain_document("it is so. " * 50), "x") == []
    assert cloze_questions(plain_document(""), "x") == []


def test_facts_are_planted_at_their_depths_between_sentences() -> None:
    text = "The pump was checked by the crew on the day before. " * 400

    copy, facts = plant_facts(text, (5, 50, 95), seed=3)

    for depth, fact in facts:
        at = copy.index(fact.sentence)
        assert abs(at / len(copy) - depth / 100) < 0.02
        assert copy[:at].rstrip().endswith(".")
    for _, fact in facts:
        copy = copy.replace(f" {fact.sentence}", "")
    assert copy == text


def test_what_the_text_mentions_is_not_asked_as_unheard_of() -> None:
    first, second = islice(synthetic_facts(5), 2)

    assert next(unmentioned_facts(f"Before. {first.sentence} After.", seed=5)) == second
