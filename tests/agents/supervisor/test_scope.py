"""Questions about a page or a section."""

from agents.engine.extractive.engine import ExtractiveEngine
from agents.engine.tasks.answering import Draft, DraftResult
from agents.engine.tasks.decisions import Route, RouteResult
from agents.engine.tasks.reading import WindowNotes
from agents.supervisor.answer import Completed, coverage
from tests.agents.supervisor.conftest import Reading
from tests.support.fakes import FakeEngine

CONTRACT = """# Services Agreement

## 1 Services

The supplier hosts the shop on every day of the year. The shop is kept up to date and repaired within two hours.

## 2 Fees

### 2.1 Monthly fee

The customer pays 4,200 euros a month. Late payments bear interest of 2 % a month.

### 2.2 Expenses

Expenses are refunded where they were agreed in writing. Travel is refunded in second class.

## 3 Term

The agreement begins on 1 March 2026. Either party may end it with 90 days' notice.
"""


def quotes(completed: Completed) -> str:
    return " ".join(quote.located.quote for claim in completed.state["judgement"].claims for quote in claim.quotes)


async def test_what_a_section_says_is_read_there_and_nowhere_else(read: Reading) -> None:
    completed = await read(ExtractiveEngine(), "What does section 2 say?", CONTRACT)

    assert "4,200 euros" in quotes(completed)
    assert "second class" in quotes(completed)
    assert "90 days" not in quotes(completed)
    assert "hosts" not in quotes(completed)


async def test_without_a_model_all_that_a_short_section_says_is_told_and_a_long_one_is_summed_up(read: Reading) -> None:
    section = "## 2 Fees\n\n" + " ".join(f"The fee of house {number} is due on its own day." for number in range(60))
    short = await read(ExtractiveEngine(), "What does section 2.1 say?", CONTRACT)
    long = await read(ExtractiveEngine(), "What does section 2 say?", f"# Rents\n\n{section}\n\n## 3 Term\n\nA year.")

    assert [claim.text for claim in short.state["judgement"].claims] == [
        "The customer pays 4,200 euros a month.",
        "Late payments bear interest of 2 % a month.",
    ]
    assert 0 < len(long.state["judgement"].claims) < 60


async def test_a_sentence_without_a_word_of_content_is_told_too(read: Reading) -> None:
    text = "# Report\n\n## 1 Fees\n\nFees.\n\n## 2 Comments\n\nIt was there. None.\n\n## 3 End\n\nDone."
    completed = await read(ExtractiveEngine(), "What does section 2 say?", text)

    assert [claim.text for claim in completed.state["judgement"].claims] == ["It was there.", "None."]


async def test_a_summary_of_a_short_section_is_no_copy_of_it(read: Reading) -> None:
    completed = await read(ExtractiveEngine(), "Summarise section 2.1", CONTRACT)

    assert "4,200 euros" in quotes(completed)
    assert {claim.kind for claim in completed.state["judgement"].claims} != {"point"}


async def test_an_engine_is_given_only_the_sentences_of_the_section(read: Reading) -> None:
    engine = FakeEngine()
    await read(engine, "Who pays what in clause 2.1?", CONTRACT)

    (draft,) = [task for task in engine.tasks if isinstance(task, Draft)]
    text = " ".join(passage.text for passage in draft.evidence)
    assert text.startswith("### 2.1 Monthly fee")
    assert text.endswith("interest of 2 % a month.")


async def test_a_whole_reading_of_a_section_gives_its_windows_nothing_else(read: Reading) -> None:
    engine = FakeEngine({Route: RouteResult(kind="whole_document", reason="All of it.")})
    await read(engine, "Summarise section 3", CONTRACT)

    (window,) = [task for task in engine.tasks if isinstance(task, WindowNotes)]
    assert [passage.text.split("\n")[0] for passage in window.evidence] == ["## 3 Term"]


async def test_a_fact_that_the_section_lacks_is_looked_for_elsewhere_and_that_is_said(read: Reading) -> None:
    completed = await read(ExtractiveEngine(), "What interest do late payments bear by section 3?", CONTRACT)

    assert "2 % a month" in quotes(completed)
    assert "What the question names did not answer it, so the rest was read too." in completed.run.ledger.warnings


async def test_a_page_that_is_not_there_is_said_and_nothing_is_made_up(read: Reading) -> None:
    engine = FakeEngine()
    for each in (engine, ExtractiveEngine()):
        completed = await read(each, "What does page 7 say?", CONTRACT)

        assert quotes(completed) == ""
        assert completed.state["judgement"].markdown.startswith("There is no page 7: Services Agreement has 1 page.")
    assert not [task for task in engine.tasks if isinstance(task, Draft | WindowNotes)]


async def test_a_question_that_only_mentions_a_missing_page_is_searched_for(read: Reading) -> None:
    engine = FakeEngine()
    completed = await read(engine, "According to page 7, how many euros a month does the customer pay?", CONTRACT)

    assert [task for task in engine.tasks if isinstance(task, Draft)]
    assert "There is no page 7: Services Agreement has 1 page." in completed.run.ledger.warnings


async def test_a_section_that_is_not_there_is_not_taken_for_the_whole_document(read: Reading) -> None:
    engine = FakeEngine({Route: RouteResult(kind="whole_document", reason="All of it.")})
    completed = await read(engine, "Summarise section 9", CONTRACT)

    assert completed.state["routed"].kind == "simple"
    assert not [task for task in engine.tasks if isinstance(task, WindowNotes)]
    assert any("section 9" in warning for warning in completed.run.ledger.warnings)


async def test_what_was_left_out_was_not_asked_about(read: Reading) -> None:
    completed = await read(ExtractiveEngine(), "What does clause 2.2 say?", CONTRACT)

    assert coverage(completed.run, completed.state["routed"]).skipped[0].endswith("because the question names others")


async def test_the_pages_and_tokens_of_a_section_count_as_read(read: Reading) -> None:
    completed = await read(ExtractiveEngine(), "What does clause 2.2 say?", CONTRACT)

    covered = coverage(completed.run, completed.state["routed"])
    assert covered.pages_read == 1
    assert 0 < covered.tokens_read < covered.tokens_total


async def test_two_looks_at_one_section_count_once(read: Reading) -> None:
    completed = await read(ExtractiveEngine(), "What does clause 2.2 say?", CONTRACT)

    ledger, before = completed.run.ledger, completed.run.ledger.tokens_read()
    for passages in completed.run.texts.passages.values():
        (start, end), *_ = ledger.read_spans()[passages[0].document_id]
        ledger.mark_read([passages[0].model_copy(update={"start": start, "end": end - 1})])
    assert ledger.tokens_read() == before


async def test_a_long_section_is_searched_within(read: Reading) -> None:
    filler = "".join(f"Lamp {number} is trimmed at dusk by the keeper of the tower. " for number in range(600))
    text = f"# Log\n\n## 1 Lamps\n\n{filler}The lens is made of beryl.\n\n## 2 Boats\n\nThe lens is made of quartz.\n"
    engine = FakeEngine(context_tokens=8_192)
    await read(engine, "What is the lens of section 1 made of?", text)

    (draft, *_) = [task for task in engine.tasks if isinstance(task, Draft)]
    words = " ".join(passage.text for passage in draft.evidence)
    assert "beryl" in words
    assert "quartz" not in words


async def test_a_part_of_a_passage_is_not_taken_for_the_whole_document(read: Reading) -> None:
    nothing = DraftResult(quotes=("The moon is made of green cheese.",), answer="It is made of cheese.")
    engine = FakeEngine({Draft: nothing})
    completed = await read(engine, "What notice follows from section 1?", CONTRACT)

    first, *_, last = [task for task in engine.tasks if isinstance(task, Draft)]
    assert "90 days" not in " ".join(passage.text for passage in first.evidence)
    assert "90 days" in " ".join(passage.text for passage in last.evidence)
    assert "What the question names did not answer it, so the rest was read too." in completed.run.ledger.warnings


async def test_two_places_in_one_passage_are_both_read(read: Reading) -> None:
    engine = FakeEngine()
    await read(engine, "Which sums are named in sections 2.1 and 2.2?", CONTRACT)

    drafts = [task for task in engine.tasks if isinstance(task, Draft)]
    text = " ".join(passage.text for passage in drafts[-1].evidence)
    assert "4,200 euros" in text
    assert "second class" in text


async def test_every_sentence_of_a_short_section_is_told(read: Reading) -> None:
    rules = (
        "# House\n\n## 1 Rules\n\nDogs are forbidden. Smoking is forbidden. The cellar is shared.\n\n## 2 Rent\n\nPay."
    )
    completed = await read(ExtractiveEngine(), "What does section 1 say?", rules)

    assert all(
        rule in quotes(completed) for rule in ("Dogs are forbidden.", "Smoking is forbidden.", "The cellar is shared")
    )


async def test_a_question_that_asks_for_more_than_a_section_is_not_cut_to_it(read: Reading) -> None:
    engine = FakeEngine({Route: RouteResult(kind="whole_document", reason="All of it.")})
    await read(engine, "Summarise the agreement, and say whether clause 2 is usual for it", CONTRACT)

    (window,) = [task for task in engine.tasks if isinstance(task, WindowNotes)]
    assert "90 days" in " ".join(passage.text for passage in window.evidence)


async def test_many_missing_pages_are_told_in_one_line(read: Reading) -> None:
    completed = await read(ExtractiveEngine(), "What do pages 1-400 say?", CONTRACT)

    (warning,) = [each for each in completed.run.ledger.warnings if "There is no" in each]
    assert warning == "There is no page 2 to page 400: Services Agreement has 1 page."
    assert "4,200 euros" in quotes(completed)
