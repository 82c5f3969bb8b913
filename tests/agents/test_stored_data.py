"""Listing what is kept, and forgetting it."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from agents.assistant import Assistant
from agents.errors import RequestError, SessionError
from agents.schema import Answer
from agents.settings import DocumentsSettings, Settings
from agents.stored_data import forget, list_stored
from tests.support import postgres
from tests.support.fakes import FakeEngine
from tests.support.postgres import both

SECRET = "The vault opens with the word heliotrope."
Ask = Callable[..., Awaitable[Answer]]


@pytest.fixture
def settings(tmp_path: Path, database_url: SecretStr | None) -> Settings:
    documents = DocumentsSettings(roots=(tmp_path,))
    return Settings(data_dir=tmp_path / "data", database_url=database_url, documents=documents)


@pytest.fixture
def ask(settings: Settings) -> Ask:
    """Ask a question as a process of its own would."""

    async def asked(question: str, *files: str, session_id: str | None = None) -> Answer:
        assistant = Assistant(settings, engine=FakeEngine())
        try:
            return await assistant.ask(question, files, session_id)
        finally:
            await assistant.close()

    return asked


def stored(settings: Settings, text: str) -> list[str]:
    """Return the files of the data folder, or the tables of the database, that hold a text."""
    if settings.database_url:
        with postgres.connect(settings.database_url) as connection:
            rows = postgres.all_rows(connection)
        return [table for table, row in rows if text in row]
    return [path.name for path in settings.data_dir.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


@both
async def test_what_is_kept_is_listed_the_newest_session_first(
    settings: Settings, ask: Ask, write: Callable[[str, str], str]
) -> None:
    path = write("vault.md", f"# Vault\n\n{SECRET}\n")
    first = await ask("What opens the vault?", path)
    await ask("And when?", session_id=first.session.session_id)
    other = await ask("Who opens it?", path)

    found = await list_stored(settings)

    assert [each.session_id for each in found.sessions] == [other.session.session_id, first.session.session_id]
    assert [(each.turns, each.question) for each in found.sessions] == [
        (1, "Who opens it?"),
        (2, "What opens the vault?"),
    ]
    (document,) = found.documents
    assert (document.title, document.paths) == ("Vault", (path,))
    assert found.sessions[0].document_ids == (document.document_id,)


@both
async def test_nothing_of_what_was_forgotten_is_left_on_the_disk(
    settings: Settings, ask: Ask, write: Callable[[str, str], str]
) -> None:
    path = write("vault.md", f"# Vault\n\n{SECRET}\n")
    answer = await ask("What opens the vault?", path)
    assert stored(settings, "heliotrope") != []

    forgotten = await forget(settings, [answer.session.session_id, path])

    assert forgotten.sessions == (answer.session.session_id,)
    assert len(forgotten.documents) == 1
    assert stored(settings, "heliotrope") == []
    with pytest.raises(SessionError, match="unknown"):
        await ask("And when?", session_id=answer.session.session_id)


@both
async def test_a_document_that_sessions_still_quote_is_told_with_them(
    settings: Settings, ask: Ask, write: Callable[[str, str], str]
) -> None:
    answer = await ask("What opens the vault?", write("vault.md", f"# Vault\n\n{SECRET}\n"))
    other = await ask("What opens the gate?", write("gate.md", "# Gate\n\nThe gate opens with a key.\n"))

    forgotten = await forget(settings, [answer.documents[0].document_id])

    assert forgotten.still_quoted_in == (answer.session.session_id,)
    left = await list_stored(settings)
    assert [each.title for each in left.documents] == ["Gate"]
    assert {each.session_id for each in left.sessions} == {answer.session.session_id, other.session.session_id}


@both
async def test_every_version_of_a_file_that_was_read_is_forgotten(
    settings: Settings, ask: Ask, write: Callable[[str, str], str]
) -> None:
    path = write("vault.md", f"# Vault\n\n{SECRET}\n")
    await ask("What opens the vault?", path)
    write("vault.md", "# Vault\n\nThe vault opens with the word mimosa now.\n")
    await ask("What opens the vault?", path)

    assert len((await forget(settings, [path])).documents) == 2


@both
async def test_everything_is_forgotten_at_once(settings: Settings, ask: Ask, write: Callable[[str, str], str]) -> None:
    await ask("What opens the vault?", write("vault.md", f"# Vault\n\n{SECRET}\n"))

    await forget(settings, [])

    found = await list_stored(settings)
    assert (found.sessions, found.documents) == ((), ())
    assert stored(settings, "heliotrope") == []


@both
async def test_with_one_unknown_name_nothing_is_forgotten(
    settings: Settings, ask: Ask, write: Callable[[str, str], str]
) -> None:
    path = write("vault.md", f"# Vault\n\n{SECRET}\n")
    await ask("What opens the vault?", path)

    with pytest.raises(RequestError, match=r"Nothing is kept of other\.md") as caught:
        await forget(settings, [path, "other.md"])

    assert "readroom documents" in caught.value.hint
    assert len((await list_stored(settings)).documents) == 1
