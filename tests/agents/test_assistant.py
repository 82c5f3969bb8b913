import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest
from pydantic import SecretStr

from agents.assistant import Assistant
from agents.engine.tasks.reading import ANY_FACT
from agents.errors import DocumentError, RequestError, SessionError
from agents.schema import Progress
from agents.settings import DocumentsSettings, EngineSettings, Settings
from agents.stored_data import list_stored
from tests.support import postgres, samples
from tests.support.postgres import both

RULES = """# Rules

The reading room opens at 9 in the morning and closes at 17.

A reader may borrow 5 volumes for 28 days. Maria Holm signs every loan.
"""
Write = Callable[[str, str], str]
Replicas = tuple[Assistant, ...]


@pytest.fixture
def settings(tmp_path: Path, database_url: SecretStr | None) -> Settings:
    return Settings(
        data_dir=tmp_path / "data",
        database_url=database_url,
        documents=DocumentsSettings(roots=(tmp_path, Path(__file__).parents[2] / "examples")),
        engine=EngineSettings(kind="extractive"),
    )


@pytest.fixture
async def assistant(settings: Settings) -> AsyncIterator[Assistant]:
    assistant = Assistant(settings)
    yield assistant
    await assistant.close()


async def test_an_answer_quotes_the_document_at_its_offsets(assistant: Assistant, write: Write) -> None:
    answer = await assistant.ask("When does the reading room open?", [write("rules.md", RULES)])

    assert answer.status == "complete"
    assert "9 in the morning" in answer.markdown
    text = await assistant.document_text(answer.documents[0].document_id)
    assert answer.citations
    assert all(text[c.start : c.end] == c.quote for c in answer.citations)
    assert answer.engine.name == "extractive"
    assert "no language model" in answer.markdown.lower()


async def test_a_source_names_the_sheet_or_the_slide_that_was_asked_about(assistant: Assistant, tmp_path: Path) -> None:
    workbook = samples.write_xlsx(tmp_path / "stock.xlsx")
    slides = samples.write_pptx(tmp_path / "talk.pptx")

    sheet = await assistant.ask("What stands in sheet Parts?", [workbook])
    slide = await assistant.ask("What stands on slide 2?", [slides])

    assert "stock:\n[1] sheet “Parts”: “" in sheet.markdown
    assert "P-4" in sheet.markdown
    assert "Secret" not in sheet.markdown
    assert "] slide 2: verbatim" in slide.markdown
    assert "The words of slide 2." in slide.markdown


@both
async def test_a_second_ask_on_the_same_file_parses_nothing(assistant: Assistant, write: Write) -> None:
    path = write("rules.md", RULES)

    first = await assistant.ask("Who signs the loans?", [path])
    second = await assistant.ask("How many volumes may a reader borrow?", [path])

    assert [document.parsed for document in first.documents] == [True]
    assert [document.parsed for document in second.documents] == [False]


@both
async def test_a_follow_up_uses_the_sessions_documents_and_history(assistant: Assistant, handbook: str) -> None:
    first = await assistant.ask("What should the crew do if a battery container is smoking?", [handbook])
    second = await assistant.ask(
        "And for how many hours is it watched afterwards?", session_id=first.session.session_id
    )

    assert second.session.turns == 2
    assert "72 hours" in second.markdown


@both
async def test_sessions_see_neither_each_others_turns_nor_documents(assistant: Assistant, write: Write) -> None:
    rules, notes = write("rules.md", RULES), write("notes.md", "# Notes\n\nThe kettle is descaled every 60 days.\n")

    one, other = await asyncio.gather(
        assistant.ask("Who signs the loans?", [rules]), assistant.ask("How often is the kettle descaled?", [notes])
    )
    again = await assistant.ask("How often is the kettle descaled?", session_id=one.session.session_id)

    assert one.session.session_id != other.session.session_id
    assert again.citations == () or "kettle" not in again.citations[0].quote
    assert (
        "kettle" not in await assistant.transcript(one.session.session_id) or "descaled every 60" not in again.markdown
    )


@both
async def test_the_next_process_continues_the_session(settings: Settings, write: Write) -> None:
    before = Assistant(settings)
    first = await before.ask("Who signs the loans?", [write("rules.md", RULES)])

    after = Assistant(settings)
    second = await after.ask("How many volumes may a reader borrow?", session_id=first.session.session_id)

    assert second.session.turns == 2
    assert "Maria Holm" in await after.transcript(first.session.session_id)
    await before.close()
    await after.close()


@both
async def test_an_analysis_covers_every_token_of_the_document(assistant: Assistant, handbook: str) -> None:
    analysis = await assistant.analyze(handbook)

    assert analysis.coverage.tokens_read == analysis.coverage.tokens_total
    assert analysis.coverage.pages_read == analysis.coverage.pages_total
    assert sum(claim.kind == "point" for claim in analysis.claims) >= 6
    assert analysis.outline


async def test_a_page_without_text_is_not_counted_as_read_and_is_named(assistant: Assistant, tmp_path: Path) -> None:
    path = samples.write_pdf(tmp_path / "a.pdf", [["The kettle is descaled every 60 days."], [], ["Maria Holm signs."]])
    analysis = await assistant.analyze(path)

    assert (analysis.coverage.pages_read, analysis.coverage.pages_total) == (2, 3)
    assert any("Pages that hold no text: 2." in warning for warning in analysis.warnings)


async def test_a_comparison_lines_up_what_is_shared_and_what_differs(assistant: Assistant, write: Write) -> None:
    old = write(
        "old.md", "# Loans 2023\n\nA reader may borrow 5 volumes for 28 days.\n\nThe room closes at 17 daily.\n"
    )
    new = write(
        "new.md", "# Loans 2024\n\nA reader may borrow 8 volumes for 28 days.\n\nThe room closes at 17 daily.\n"
    )

    analysis = await assistant.analyze(old, mode="comparison", compare_with=[new])

    body, borrow = analysis.markdown.partition("**Sources**")[0], "A reader may borrow {} volumes for 28 days."
    assert body.split("\n\n")[1:5] == [
        "## Shared",
        "- The room closes at 17 daily. [1][2]",
        "## Differences",
        f"- Loans 2023: {borrow.format(5)} Loans 2024: {borrow.format(8)} [3][4]",
    ]
    assert [citation.title for citation in analysis.citations] == ["Loans 2023", "Loans 2024"] * 2
    assert {claim.supported for claim in analysis.claims} == {"supported"}


async def test_what_two_documents_say_word_for_word_is_no_difference_even_where_it_was_noted_in_one_alone(
    assistant: Assistant, settings: Settings
) -> None:
    examples = Path(settings.documents.roots[1])

    analysis = await assistant.analyze(
        str(examples / "supply-contract.docx"), "comparison", compare_with=[str(examples / "supply-contract.md")]
    )

    assert "## Shared" in analysis.markdown
    assert "## Differences" not in analysis.markdown


@pytest.fixture
async def replicas(settings: Settings, empty_postgres: SecretStr, tmp_path: Path) -> AsyncIterator[Replicas]:
    """Two servers over one database, each with a data folder of its own."""
    made = tuple(
        Assistant(settings.model_copy(update={"database_url": empty_postgres, "data_dir": tmp_path / name}))
        for name in ("one", "other")
    )
    yield made
    for each in made:
        await each.close()


async def test_a_call_that_cannot_wait_is_answered_by_another_server(replicas: Replicas, handbook: str) -> None:
    one, other = replicas
    first = await one.analyze(handbook, wait_seconds=0)
    named = await other.analyze(handbook, session_id=first.session.session_id, wait_seconds=0)
    done = await other.analyze(handbook)

    assert (first.status, named.status, done.status) == ("running", "running", "complete")
    assert first.session.session_id == named.session.session_id
    follow_up = await one.ask("How many people work there?", session_id=done.session.session_id)
    assert [each.document_id for each in follow_up.documents] == [each.document_id for each in done.documents]


async def test_a_session_goes_on_at_any_server(replicas: Replicas, write: Write) -> None:
    one, other = replicas
    answer = await one.ask("When does the reading room open?", [write("rules.md", RULES)])
    for turns, server in enumerate((other, one, other), 2):
        again = await server.ask("And when does it close?", session_id=answer.session.session_id)
        assert (again.session.turns, [each.parsed for each in again.documents]) == (turns, [False])
        assert "17" in again.markdown


async def test_a_hundred_sessions_over_two_servers_hear_nothing_of_each_other(replicas: Replicas, write: Write) -> None:
    codes = [f"K{7_919 * number:07}X" for number in range(1, 101)]

    async def hold(number: int) -> list[str]:
        path = write(f"gate-{number}.md", f"# Gate {number}\n\nThe keeper's code is {codes[number]}.\n")
        first = await replicas[number % 2].ask("What is the keeper's code?", [path])
        again = await replicas[1 - number % 2].ask("And what is the code?", session_id=first.session.session_id)
        assert again.session.turns == 2
        return [first.model_dump_json(), again.model_dump_json()]

    said = await asyncio.gather(*(hold(number) for number in range(len(codes))))

    heard = [[code for code in codes if code in answer] for answers in said for answer in answers]
    assert heard == [[code] for code in codes for _ in range(2)]


@both
async def test_a_call_that_cannot_wait_returns_running_and_the_same_call_gets_the_result(
    assistant: Assistant, handbook: str
) -> None:
    first = await assistant.analyze(handbook, wait_seconds=0)
    second = await assistant.analyze(handbook, session_id=first.session.session_id, wait_seconds=60)

    assert first.status == "running"
    assert "same call again" in first.markdown
    assert second.status == "complete"


async def test_an_extraction_without_a_focus_says_what_it_extracted(assistant: Assistant, write: Write) -> None:
    path = write("rules.md", RULES)
    by_itself = await assistant.analyze(path, "extraction")
    asked_for = await assistant.analyze(path, "extraction", "volumes")
    assert by_itself.focus == ANY_FACT
    assert f"\n\nExtracted: {ANY_FACT}\n\n" in by_itself.markdown
    assert "\n\nExtracted: volumes\n\n" in asked_for.markdown
    assert (await assistant.analyze(path)).focus is None


@both
async def test_the_polls_of_a_call_name_one_session_and_make_none(assistant: Assistant, handbook: str) -> None:
    polls = [await assistant.analyze(handbook, wait_seconds=0) for _ in range(3)]
    assert {poll.status for poll in polls} == {"running"}
    assert (await assistant.status()).sessions == 0

    named = await assistant.analyze(handbook, session_id=polls[0].session.session_id, wait_seconds=0)
    done = await assistant.analyze(handbook)

    assert {each.session.session_id for each in (*polls, named, done)} == {done.session.session_id}
    assert (done.status, done.session.turns) == ("complete", 1)
    assert (await assistant.status()).sessions == 1


@both
async def test_a_poll_whose_caller_gave_up_leaves_the_next_one_its_session(assistant: Assistant, handbook: str) -> None:
    first = await assistant.analyze(handbook, wait_seconds=0)
    heard = asyncio.Event()
    poll = asyncio.create_task(assistant.analyze(handbook, on_progress=lambda _: heard.set()))
    await heard.wait()
    poll.cancel()
    await asyncio.gather(poll, return_exceptions=True)

    assert (await assistant.analyze(handbook)).session.session_id == first.session.session_id


@both
async def test_two_callers_who_poll_the_same_call_each_keep_a_session_of_their_own(
    assistant: Assistant, handbook: str
) -> None:
    one, other = await asyncio.gather(*(assistant.analyze(handbook, wait_seconds=0) for _ in range(2)))
    again = await asyncio.gather(*(assistant.analyze(handbook) for _ in range(2)))

    ids = {one.session.session_id, other.session.session_id}
    assert len(ids) == 2
    assert {each.session.session_id for each in again} == ids
    assert {each.session.turns for each in again} == {1}


@both
async def test_the_same_call_made_again_after_its_answer_begins_a_session(assistant: Assistant, handbook: str) -> None:
    first, again = [await assistant.analyze(handbook) for _ in range(2)]
    assert first.session.session_id != again.session.session_id


@both
async def test_a_call_that_fails_makes_no_session(assistant: Assistant, write: Write) -> None:
    path = write("rules.md", RULES)
    for documents in ([path + ".missing"], []):
        with pytest.raises((DocumentError, RequestError)):
            await assistant.ask("Who?", documents)
    with pytest.raises(DocumentError):
        await assistant.analyze(path + ".missing")
    assert (await assistant.status()).sessions == 0
    assert (await list_stored(assistant.settings)).sessions == ()


@both
async def test_two_callers_asking_the_same_at_once_cost_one_run(assistant: Assistant, handbook: str) -> None:
    one, other = await asyncio.gather(assistant.analyze(handbook), assistant.analyze(handbook))

    assert one.route == other.route
    assert one.session.session_id != other.session.session_id
    assert one.session.turns == other.session.turns == 1


@both
async def test_progress_rises(assistant: Assistant, handbook: str) -> None:
    heard: list[Progress] = []

    await assistant.analyze(handbook, on_progress=heard.append)

    fractions = [progress.fraction for progress in heard]
    assert len(fractions) > 3
    assert fractions == sorted(fractions)


async def test_an_unanswerable_question_is_refused_only_after_everything_was_read(
    assistant: Assistant, write: Write
) -> None:
    answer = await assistant.ask("What is the boiling point of tungsten?", [write("rules.md", RULES)])

    assert answer.not_found
    assert answer.coverage.complete
    assert "No sentence was found" in answer.markdown


async def test_bad_requests_say_what_to_do(assistant: Assistant, write: Write) -> None:
    path = write("rules.md", RULES)
    with pytest.raises(RequestError, match="empty"):
        await assistant.ask("  ", [path])
    with pytest.raises(RequestError, match="100,000 characters"):
        await assistant.ask("x" * 100_000, [path])
    with pytest.raises(RequestError, match="No document"):
        await assistant.ask("Who?")
    with pytest.raises(RequestError, match="second document"):
        await assistant.analyze(path, mode="comparison")
    with pytest.raises(SessionError, match="session"):
        await assistant.ask("Who?", [path], session_id="00000000-0000-4000-8000-000000000000")
    with pytest.raises(DocumentError):
        await assistant.ask("Who?", [path + ".missing"])


@both
async def test_the_status_names_the_engine_and_counts_what_is_kept(assistant: Assistant, write: Write) -> None:
    await assistant.ask("Who signs the loans?", [write("rules.md", RULES)])

    status = await assistant.status()

    assert status.engine is not None
    assert status.engine.name == "extractive"
    assert (status.documents, status.sessions) == (1, 1)


async def test_two_versions_with_one_title_are_told_apart(assistant: Assistant, write: Write) -> None:
    old, new = write("old.md", RULES), write("new.md", RULES.replace("28 days", "14 days"))

    analysis = await assistant.analyze(old, mode="comparison", compare_with=[new])

    assert {document.title.rpartition(" ")[2] for document in analysis.documents} == {"(old.md)", "(new.md)"}


@both
async def test_who_never_waits_gets_the_result_by_asking_again(assistant: Assistant, handbook: str) -> None:
    question = "For how long is the compound watched?"
    await assistant.ask(question, [handbook])

    again = f"{question} Again?"
    async with asyncio.timeout(60):
        while (await assistant.ask(again, [handbook], wait_seconds=0)).status == "running":
            pass


async def test_an_extraction_leaves_nothing_out(assistant: Assistant, write: Write) -> None:
    towns = [f"Town{number}" for number in range(60)]
    text = "\n\n".join(f"The budget of {town} was {1_000 + number} euros." for number, town in enumerate(towns))

    analysis = await assistant.analyze(
        write("budgets.md", text), mode="extraction", focus="budget", window_tokens=131_072
    )

    said = " ".join(claim.text for claim in analysis.claims)
    assert [town for town in towns if f"{town} " not in said] == []
    assert analysis.coverage.complete


@both
async def test_a_follow_up_about_a_file_that_has_changed_says_so_and_answers_from_what_was_read(
    assistant: Assistant, write: Write
) -> None:
    path = write("rules.md", RULES)
    session = (await assistant.ask("For how long may a volume be borrowed?", [path])).session.session_id
    write("rules.md", RULES.replace("28 days", "14 days"))

    answer = await assistant.ask("For how many days may a reader borrow volumes?", session_id=session)

    assert "28 days" in answer.markdown
    assert any(path in warning and "has changed" in warning for warning in answer.warnings)


@both
async def test_a_changed_file_that_is_named_by_its_id_is_said_to_have_changed(
    assistant: Assistant, write: Write
) -> None:
    path = write("rules.md", RULES)
    (document,) = (await assistant.ask("For how long may a volume be borrowed?", [path])).documents
    assert (await assistant.read_document(document.document_id, find="28 days")).notes == ()
    write("rules.md", RULES.replace("28 days", "14 days"))

    answer = await assistant.ask("For how long may a volume be borrowed?", [document.document_id])
    analysis = await assistant.analyze(document.document_id)
    checked = await assistant.read_document(document.document_id, find="28 days")

    said = f"{path} has changed since it was read. Name it again to have its new text read."
    assert [said in each for each in (answer.warnings, analysis.warnings, checked.notes)] == [True] * 3
    assert not any("has changed" in each for each in (await assistant.ask("For how long?", [path])).warnings)


@both
async def test_files_that_changed_places_and_are_named_by_their_ids_have_not_changed(
    assistant: Assistant, write: Write
) -> None:
    texts = {"rules.md": RULES, "newer.md": RULES.replace("28 days", "14 days")}
    asked = await assistant.ask("For how long may a volume be borrowed?", [write(*each) for each in texts.items()])
    for name, text in zip(texts, reversed(texts.values()), strict=True):
        write(name, text)

    named = [document.document_id for document in asked.documents]
    answer = await assistant.ask("For how many days may a reader borrow volumes?", named)

    assert len(named) == 2
    assert not any("has changed" in warning for warning in answer.warnings)


@both
async def test_a_changed_file_that_is_named_again_stands_for_itself(assistant: Assistant, write: Write) -> None:
    path = write("rules.md", RULES)
    session = (await assistant.ask("For how long may a volume be borrowed?", [path])).session.session_id
    write("rules.md", RULES.replace("28 days", "14 days"))
    await assistant.ask("How many volumes may be borrowed?", [path], session)

    answer = await assistant.ask("For how many days may a reader borrow volumes?", session_id=session)

    assert "14 days" in answer.markdown
    assert "28 days" not in answer.markdown
    assert answer.warnings == ()
    assert len(answer.documents) == 1


@both
async def test_a_file_that_was_only_touched_copied_or_deleted_has_not_changed(
    assistant: Assistant, write: Write
) -> None:
    path, copy = write("rules.md", RULES), write("copy.md", RULES)
    question = "For how many days may a reader borrow volumes?"
    session = (await assistant.ask(question, [path, copy])).session.session_id

    os.utime(path)
    assert (await assistant.ask(question, session_id=session)).warnings == ()
    write("rules.md", "Something else.")
    assert (await assistant.ask(question, session_id=session)).warnings == ()
    for file in (path, copy):
        await asyncio.to_thread(Path(file).unlink)
    answer = await assistant.ask(question, session_id=session)
    assert answer.warnings == ()
    assert "28 days" in answer.markdown


@both
async def test_two_files_that_changed_places_are_both_still_meant(assistant: Assistant, write: Write) -> None:
    texts = RULES, RULES.replace("28 days", "14 days")
    files = [write(name, text) for name, text in zip(("one.md", "two.md"), texts, strict=True)]
    question = "For how many days may a reader borrow volumes?"
    session = (await assistant.ask(question, files)).session.session_id
    write("one.md", texts[1])
    write("two.md", texts[0])

    answer = await assistant.ask(question, session_id=session)

    assert len(answer.documents) == 2


async def test_without_a_model_an_answer_says_which_words_of_the_question_the_document_never_uses(
    assistant: Assistant, write: Write
) -> None:
    rules = write("rules.md", RULES)

    known = await assistant.ask("For how many days may a reader borrow volumes?", [rules])
    other = await assistant.ask("For how many days may a reader borrow submarines?", [rules])

    assert known.warnings == ()
    assert other.citations
    assert ["Nowhere in what was read: “submarines”." in warning for warning in other.warnings] == [True]


def test_importing_the_assistant_loads_no_slow_library() -> None:
    slow = ("langgraph", "llama_index", "psycopg", "numpy", "matplotlib")
    code = f"import sys, agents.assistant; print([name for name in {slow} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


FULL_DISK = """
    CREATE FUNCTION readroom_sessions.refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'disk is full'; END $$;
    CREATE TRIGGER full_disk BEFORE INSERT ON readroom_sessions.messages
        FOR EACH ROW EXECUTE FUNCTION readroom_sessions.refuse();
"""


@both
async def test_an_answer_is_shown_though_it_cannot_be_kept_and_says_so(
    assistant: Assistant, settings: Settings, handbook: str
) -> None:
    first = await assistant.ask("When does the gate open?", [handbook])
    if settings.database_url:
        with postgres.connect(settings.database_url) as sessions:
            sessions.execute(FULL_DISK)
    else:
        with closing(sqlite3.connect(settings.data_dir / "sessions.db")) as sessions:
            refuse = "SELECT RAISE(ABORT, 'disk is full')"
            sessions.execute(f"CREATE TRIGGER full BEFORE INSERT ON messages BEGIN {refuse}; END")
    second = await assistant.ask("When does the gate open?", session_id=first.session.session_id)
    assert second.claims
    assert "disk is full" in second.warnings[-1]
    assert second.warnings[-1].startswith("This answer was not kept")


@both
async def test_a_session_is_not_shown_where_its_documents_may_not_be_read(
    assistant: Assistant, settings: Settings, handbook: str, tmp_path: Path
) -> None:
    session_id = (await assistant.ask("When does the gate open?", [handbook])).session.session_id
    assert "When does the gate open?" in await assistant.transcript(session_id)
    (tmp_path / "other").mkdir()
    elsewhere = settings.documents.model_copy(update={"roots": (str(tmp_path / "other"),)})
    other = Assistant(settings.model_copy(update={"documents": elsewhere}))
    with pytest.raises(DocumentError, match="outside the folders"):
        await other.transcript(session_id)
    await other.close()
