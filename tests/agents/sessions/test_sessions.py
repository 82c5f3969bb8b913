"""Sessions: kept, continued, apart from each other, and never too long."""

import asyncio
import os
import signal
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from agents.errors import SessionError
from agents.language.tokens import estimate_tokens
from agents.sessions.history import Turn, summary_by_rule, truncate_middle
from agents.sessions.sessions import Session, SessionStore
from agents.settings import MemorySettings
from tests.support.postgres import both

SMALL = MemorySettings(token_limit=1_024, flush_tokens=256, expire_days=10)
DAY = 86_400.0


class Clock:
    """Time that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_000_000_000.0

    def __call__(self) -> float:
        return self.now


class Scribe:
    """A summarizer that says how many turns it was given, once it is let."""

    def __init__(self) -> None:
        self.allowed = asyncio.Event()
        self.asked = asyncio.Event()
        self.calls: list[tuple[str, tuple[str, ...]]] = []

    async def __call__(self, summary: str, turns: tuple[str, ...]) -> str:
        self.calls.append((summary, turns))
        self.asked.set()
        await self.allowed.wait()
        return f"{summary} and {len(turns)} more turns".strip()


StoreMaker = Callable[..., SessionStore]


@pytest.fixture
async def make_store(tmp_path: Path, database_url: SecretStr | None) -> AsyncIterator[StoreMaker]:
    stores: list[SessionStore] = []

    def make(settings: MemorySettings = SMALL, **options: object) -> SessionStore:
        stored = {"database_url": database_url, **options}
        stores.append(SessionStore(settings, tmp_path, estimate_tokens, **stored))  # pyright: ignore
        return stores[-1]

    yield make
    for store in stores:
        await store.close()


@pytest.fixture
async def store(make_store: StoreMaker) -> SessionStore:
    return make_store()


async def talk(session: Session, turns: int, words: int = 100, start: int = 0) -> None:
    for number in range(start, start + turns):
        await session.add_turn(f"Question {number}?", f"Answer {number}: " + "word " * words)


def tokens(turns: tuple[Turn, ...]) -> int:
    return sum(estimate_tokens(turn.question) + estimate_tokens(turn.answer) for turn in turns)


def questions(turns: tuple[Turn, ...]) -> list[str]:
    return [turn.question for turn in turns]


@both
async def test_a_session_is_continued_by_its_id(store: SessionStore, make_store: StoreMaker) -> None:
    session = await store.create()
    await session.add_turn("Who built the pump?", "Ada Brandt did.")
    await session.add_documents(("b", "a"))
    await session.add_documents(("a", "c"))
    await store.close()

    again = await make_store().open(session.session_id)
    assert await again.history() == (Turn(question="Who built the pump?", answer="Ada Brandt did."),)
    assert await again.document_ids() == ("b", "a", "c")
    info = await again.info()
    assert (info.turns, info.archived_turns, info.token_limit) == (1, 0, 1_024)
    assert info.tokens == estimate_tokens("Who built the pump?") + estimate_tokens("Ada Brandt did.")


@both
async def test_a_new_session_is_stored_with_its_first_turn(store: SessionStore, make_store: StoreMaker) -> None:
    session = await store.create()
    await session.add_documents(("b", "a"))
    assert (await store.count_sessions(), await store.sessions(expired=True)) == (0, ())
    with pytest.raises(SessionError, match="is unknown"):
        await store.open(session.session_id)
    await talk(session, 1)
    assert await store.count_sessions() == 1
    again = await make_store().open(session.session_id)
    assert (questions(await again.history()), await again.document_ids()) == (["Question 0?"], ("b", "a"))


@both
async def test_the_first_turns_of_a_new_session_may_come_at_once(store: SessionStore) -> None:
    session = await store.create()
    await store.leave("a call", session)
    again = await store.open(session.session_id)
    await asyncio.gather(talk(session, 2), talk(again, 2, start=2))
    assert sorted(questions(await session.transcript())) == [f"Question {n}?" for n in range(4)]


@both
async def test_a_promised_session_goes_to_the_next_such_call_at_any_server(
    store: SessionStore, make_store: StoreMaker
) -> None:
    one, other = await store.create(), await store.create()
    await one.add_documents(("b", "a"))
    await store.leave("a call", one)
    await store.leave("a call", other)
    elsewhere = make_store()

    assert await elsewhere.take("another call") is None
    taken = await asyncio.gather(*(each.take("a call") for each in (elsewhere, store, elsewhere)))

    assert sorted(each.session_id for each in taken if each) == sorted([one.session_id, other.session_id])
    named = await elsewhere.open(one.session_id)
    assert (named.is_new, await named.document_ids()) == (True, ("b", "a"))
    await talk(named, 1)
    assert questions(await (await store.open(one.session_id)).history()) == ["Question 0?"]
    assert await store.count_sessions() == 1


@both
async def test_who_names_a_promised_session_has_it_alone(store: SessionStore) -> None:
    session = await store.create()
    await store.leave("a call", session)
    await store.open(session.session_id)
    assert await store.take("a call") is None


@both
async def test_a_promise_is_forgotten_after_a_day(make_store: StoreMaker) -> None:
    clock = Clock()
    store = make_store(clock=clock)
    session, other = await store.create(), await store.create()
    await session.add_documents(("a",))
    await store.leave("a call", session)
    clock.now += DAY + 1
    await store.leave("another call", other)
    assert await store.take("a call") is None
    with pytest.raises(SessionError, match="is unknown"):
        await store.open(session.session_id)


@both
async def test_a_result_is_kept_as_long_as_its_session(store: SessionStore, make_store: StoreMaker) -> None:
    one, other = await store.create(), await store.create()
    await talk(one, 1)
    number = await one.add_result("the whole result")
    assert await other.result(number) is None
    assert await (await make_store().open(one.session_id)).result(number) == "the whole result"
    await store.forget(one.session_id)
    assert await one.result(number) is None


async def test_ids_are_random_uuids(store: SessionStore) -> None:
    ids = {(await store.create()).session_id for _ in range(3)}
    assert len(ids) == 3
    assert all(uuid.UUID(session_id).version == 4 for session_id in ids)


@both
async def test_sessions_never_see_each_other(store: SessionStore) -> None:
    one, other = await store.create(), await store.create()
    await asyncio.gather(talk(one, 5), talk(other, 5, start=100), one.add_documents(["a"]), other.add_documents(["b"]))
    assert questions(await one.transcript()) == [f"Question {n}?" for n in range(5)]
    assert questions(await other.transcript()) == [f"Question {n}?" for n in range(100, 105)]
    assert (await one.document_ids(), await other.document_ids()) == (("a",), ("b",))


@pytest.mark.parametrize("session_id", ["", "the last one", "1234", "x" * 100_000, "../../etc/passwd"])
async def test_a_malformed_id_is_refused(store: SessionStore, session_id: str) -> None:
    with pytest.raises(SessionError, match="is not a session id") as caught:
        await store.open(session_id)
    assert caught.value.hint == "Leave session_id out to start a new session."
    assert len(str(caught.value)) < 300


@both
async def test_an_unknown_id_is_refused(store: SessionStore) -> None:
    with pytest.raises(SessionError, match=r"is unknown\. Leave session_id out"):
        await store.open(str(uuid.uuid4()))


@both
async def test_an_id_may_be_written_in_capitals(store: SessionStore) -> None:
    session = await store.create()
    await talk(session, 1)
    assert (await store.open(f" {session.session_id.upper()} ")).session_id == session.session_id


@both
async def test_a_session_expires_when_it_is_not_used(make_store: StoreMaker) -> None:
    clock = Clock()
    store = make_store(clock=clock)
    session = await store.create()
    await talk(session, 1)
    clock.now += 9 * DAY
    await store.open(session.session_id)
    clock.now += 9 * DAY
    await talk(session, 1)
    assert await store.count_sessions() == 1
    clock.now += 11 * DAY
    with pytest.raises(SessionError, match="has expired: it was not used for 10 days"):
        await store.open(session.session_id)
    with pytest.raises(SessionError, match="has expired"):
        await session.add_turn("Still there?", "No.")
    assert await store.count_sessions() == 0


@both
async def test_what_an_expired_session_held_is_deleted_when_another_begins(make_store: StoreMaker) -> None:
    clock = Clock()
    store = make_store(clock=clock)
    session = await store.create()
    await talk(session, 20)
    await session.add_documents(["a"])
    await store.wait_for_summaries()
    clock.now += 11 * DAY
    await talk(await store.create(), 1)
    assert (await session.transcript(), await session.summary(), await session.document_ids()) == ((), "", ())
    with pytest.raises(SessionError, match="has expired"):
        await store.open(session.session_id)
    clock.now += 10 * DAY
    await talk(await store.create(), 1)
    with pytest.raises(SessionError, match="is unknown"):
        await store.open(session.session_id)


@both
async def test_the_newest_whole_turns_that_fit_are_the_history(store: SessionStore) -> None:
    session = await store.create()
    await talk(session, 5, words=10)
    whole = await session.history()
    assert questions(whole) == [f"Question {n}?" for n in range(5)]
    assert await session.history(tokens(whole[2:])) == whole[2:]
    assert await session.history(tokens(whole[2:]) - 1) == whole[3:]
    assert await session.history(0) == ()
    assert await session.history(10**9) == whole


@both
async def test_overflow_archives_the_oldest_turns_and_loses_none(store: SessionStore) -> None:
    session = await store.create()
    await talk(session, 40)
    held, info, transcript = await session.history(), await session.info(), await session.transcript()
    assert tokens(held) == info.tokens <= SMALL.token_limit
    assert (info.turns, info.archived_turns) == (40, 40 - len(held))
    assert questions(transcript) == [f"Question {n}?" for n in range(40)]
    assert [turn.archived for turn in transcript] == [True] * info.archived_turns + [False] * len(held)
    assert questions(held) == questions(transcript)[info.archived_turns :]


@both
async def test_the_summary_by_rule_keeps_how_it_began_and_the_newest_archived(store: SessionStore) -> None:
    session = await store.create()
    assert await session.summary() == ""
    await talk(session, 60)
    archived = (await session.info()).archived_turns
    for _ in range(2):
        summary = await session.summary()
        assert summary.startswith('The conversation began with: "Question 0?"')
        assert f"Asked: Question {archived - 1}?" in summary
        assert "left out" in summary
        assert f"Question {archived}?" not in summary
        assert estimate_tokens(summary) <= 128
        await store.wait_for_summaries()


@both
async def test_a_digest_writes_the_summary_in_the_background(make_store: StoreMaker) -> None:
    scribe = Scribe()
    store = make_store(summarize=scribe)
    session = await store.create()
    await talk(session, 30)
    await scribe.asked.wait()
    archived = (await session.info()).archived_turns
    assert f"Asked: Question {archived - 1}?" in await session.summary(), "told by rule until the digest is done"
    scribe.allowed.set()
    await store.wait_for_summaries()
    told = sum(len(turns) for _, turns in scribe.calls)
    assert told == archived
    assert scribe.calls[0][1][0].startswith("Question: Question 0?\nAnswer: Answer 0")
    summary = await session.summary()
    assert summary.startswith('The conversation began with: "Question 0?"\nand ')
    assert summary.endswith("more turns")
    assert "Asked" not in summary


async def broken(_summary: str, _turns: tuple[str, ...]) -> str:
    raise RuntimeError("engine gone")


async def silent(_summary: str, _turns: tuple[str, ...]) -> str:
    return " "


@both
@pytest.mark.parametrize("summarize", [broken, silent])
async def test_when_the_digest_fails_the_rule_makes_the_summary(make_store: StoreMaker, summarize: object) -> None:
    store = make_store(summarize=summarize)
    session = await store.create()
    await talk(session, 30)
    await store.wait_for_summaries()
    archived = (await session.info()).archived_turns
    assert f"Asked: Question {archived - 1}?" in await session.summary()


@both
async def test_an_endless_digest_is_cut_to_its_bound(make_store: StoreMaker) -> None:
    async def endless(_summary: str, _turns: tuple[str, ...]) -> str:
        return "and then " * 10_000

    store = make_store(summarize=endless)
    session = await store.create()
    await talk(session, 30)
    await store.wait_for_summaries()
    summary = await session.summary()
    assert summary.startswith('The conversation began with: "Question 0?"')
    assert estimate_tokens(summary) <= 128


@both
async def test_a_summary_cut_short_by_the_end_of_the_process_is_taken_up_again(make_store: StoreMaker) -> None:
    scribe = Scribe()
    store = make_store(summarize=scribe)
    session = await store.create()
    await talk(session, 30)
    await scribe.asked.wait()
    await store.close()

    scribe.allowed.set()
    store = make_store(summarize=scribe)
    session = await store.open(session.session_id)
    await talk(session, 1, start=30)
    await store.wait_for_summaries()
    assert (await session.summary()).endswith("more turns")


@both
async def test_a_turn_longer_than_the_whole_limit_is_kept_and_shown_without_its_middle(store: SessionStore) -> None:
    session = await store.create()
    await talk(session, 2)
    question, answer = "Start. " + "why " * 5_000 + "End?", "Because. " + "so " * 5_000 + "That is all."
    await session.add_turn(question, answer)
    (turn,) = await session.history()
    assert turn.shortened
    assert tokens((turn,)) <= SMALL.token_limit
    assert turn.question.startswith("Start. why")
    assert turn.answer.endswith("so That is all.")
    assert "tokens left out" in turn.question
    assert "tokens left out" in turn.answer
    assert (await session.transcript())[-1] == Turn(question=question, answer=answer)
    assert (await session.info()).tokens <= SMALL.token_limit
    await talk(session, 1, start=3)
    assert not (await session.history())[-1].shortened


@both
async def test_a_long_answer_does_not_shorten_a_short_question(store: SessionStore) -> None:
    session = await store.create()
    await session.add_turn("Why?", "so " * 5_000)
    assert (await session.history(100))[0].question == "Why?"


async def test_each_text_is_counted_once_however_long_the_conversation(tmp_path: Path) -> None:
    counted: Counter[str] = Counter()

    def count(text: str) -> int:
        counted[text] += 1
        return estimate_tokens(text)

    store = SessionStore(MemorySettings(), tmp_path, count)
    session = await store.create()
    for number in range(30):
        await session.history()
        await talk(session, 1, start=number)
        await session.info()
        session = await store.open(session.session_id)
    await store.close()
    assert set(counted.values()) == {1}


@both
async def test_a_conversation_of_300_turns_and_200_000_tokens_stays_within_its_limit(make_store: StoreMaker) -> None:
    store = make_store(MemorySettings())
    session = await store.create()
    for number in range(300):
        await talk(session, 1, words=670, start=number)
        assert questions((await session.history())[-1:]) == [f"Question {number}?"]
    await store.wait_for_summaries()
    info = await session.info()
    assert info.turns == 300
    assert 114_688 - 1_000 < info.tokens <= 131_072
    assert tokens(await session.transcript()) > 200_000
    assert (await session.summary()).startswith('The conversation began with: "Question 0?"')


@both
async def test_turns_added_at_once_are_all_kept_whole(make_store: StoreMaker) -> None:
    one = await make_store().create()
    await talk(one, 1, start=24)
    other = await make_store().open(one.session_id)
    await asyncio.gather(*(talk(session, 3, start=n * 3) for n, session in enumerate([one, other] * 4)))
    turns = await one.transcript()
    assert sorted(questions(turns)) == sorted(f"Question {n}?" for n in range(25))
    assert all(turn.answer.startswith(turn.question.replace("Question", "Answer")[:-1] + ":") for turn in turns)


@both
async def test_a_cancelled_call_keeps_its_turn_whole_or_not_at_all(store: SessionStore) -> None:
    session = await store.create()
    for turns_of_the_loop in range(40):
        task = asyncio.create_task(talk(session, 1, start=turns_of_the_loop))
        for _ in range(turns_of_the_loop):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await store.close()
    assert all(turn.answer.startswith("Answer") for turn in await session.transcript())
    await talk(session, 1, start=99)
    assert (await session.history())[-1].question == "Question 99?"


@both
@pytest.mark.parametrize("text", ["", " ", "a\x00b", "\ud800", "é中🎈", "\r\n"])
async def test_any_text_can_be_kept(store: SessionStore, text: str) -> None:
    session = await store.create()
    await session.add_turn(text, text)
    kept = text.replace("\ud800", "?")
    assert await session.history() == (Turn(question=kept, answer=kept),)


async def test_a_file_that_is_no_database_is_an_error_that_names_it(tmp_path: Path, store: SessionStore) -> None:
    (tmp_path / "sessions.db").write_bytes(b"no database " * 1_000)
    with pytest.raises(SessionError, match=r"sessions\.db cannot be read or written: file is not a database"):
        await store.create()


async def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    store = SessionStore(SMALL, tmp_path / "file" / "data", estimate_tokens)
    with pytest.raises(SessionError, match="cannot be read or written: Not a directory"):
        await store.create()


SERVER = """
import asyncio, os, sys
from pathlib import Path
from pydantic import SecretStr
from agents.sessions.sessions import SessionStore
from agents.settings import MemorySettings
from agents.language.tokens import estimate_tokens

async def main():
    settings = MemorySettings(token_limit=1_024, flush_tokens=256, expire_days=10)
    url = os.environ.get("READROOM_DATABASE_URL")
    url = SecretStr(url) if url else None
    store = SessionStore(settings, Path(sys.argv[1]), estimate_tokens, database_url=url)
    session = await (store.open(sys.argv[2]) if len(sys.argv) > 2 else store.create())
    print(session.session_id, flush=True)
    for line in sys.stdin:
        await session.add_turn(line.strip(), "Answer to " + line.strip())
        print("kept", flush=True)
    if "leave" not in sys.argv:
        await store.close()

asyncio.run(main())
"""


def server(data_dir: Path, *arguments: str, database_url: SecretStr | None = None) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", SERVER, str(data_dir), *arguments]
    address = {"READROOM_DATABASE_URL": database_url.get_secret_value()} if database_url else {}
    environment = {**os.environ, **address}
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)


def ask(process: "subprocess.Popen[str]", question: str) -> None:
    assert process.stdin
    assert process.stdout
    process.stdin.write(f"{question}\n")
    process.stdin.flush()
    assert process.stdout.readline() == "kept\n"


@both
async def test_killing_the_server_after_an_answer_loses_no_turn(
    tmp_path: Path, store: SessionStore, database_url: SecretStr | None
) -> None:
    with server(tmp_path, database_url=database_url) as process:
        assert process.stdout
        session_id = process.stdout.readline().strip()
        for number in range(3):
            ask(process, f"Question {number}?")
        os.kill(process.pid, signal.SIGKILL)
    with server(tmp_path, session_id, database_url=database_url) as process:
        assert process.stdout
        assert process.stdout.readline().strip() == session_id
        ask(process, "Question 3?")
        os.kill(process.pid, signal.SIGKILL)
    session = await store.open(session_id)
    assert [(turn.question, turn.answer) for turn in await session.history()] == [
        (f"Question {number}?", f"Answer to Question {number}?") for number in range(4)
    ]


@both
async def test_four_processes_write_one_session_at_its_limit_and_lose_nothing(
    tmp_path: Path, store: SessionStore, database_url: SecretStr | None
) -> None:
    session = await store.create()
    await session.add_turn("First?", "Answer to First?")
    asked = [[f"Question {name}{number}? {'why ' * 20}".strip() for number in range(20)] for name in "abcd"]
    processes = [server(tmp_path, session.session_id, database_url=database_url) for _ in asked]
    for process in processes:
        assert process.stdout
        process.stdout.readline()
    fed = zip(processes, asked, strict=True)
    await asyncio.gather(*(asyncio.to_thread(process.communicate, "\n".join(lines)) for process, lines in fed))
    assert [process.returncode for process in processes] == [0, 0, 0, 0]
    turns = await session.transcript()
    assert Counter(questions(turns)) == Counter(["First?", *(line for lines in asked for line in lines)])
    assert all(turn.answer == f"Answer to {turn.question}" for turn in turns)
    assert 1_024 - 256 - 2 * 60 < (await session.info()).tokens <= 1_024, "archived more than once"


@both
async def test_two_new_processes_make_the_tables_at_once_and_lose_nothing(
    tmp_path: Path, store: SessionStore, database_url: SecretStr | None
) -> None:
    processes = [server(tmp_path, database_url=database_url) for _ in range(2)]
    outputs = await asyncio.gather(*(asyncio.to_thread(process.communicate, "Question?\n") for process in processes))
    for session_id, kept in (output.split() for output, _ in outputs):
        assert kept == "kept"
        assert questions(await (await store.open(session_id)).history()) == ["Question?"]


def test_a_process_that_does_not_close_the_store_still_ends(tmp_path: Path) -> None:
    with server(tmp_path, "leave") as process:
        process.communicate("", timeout=60)


def test_importing_the_memory_loads_no_llama_index() -> None:
    code = "import sys, agents.sessions.sessions; print([m for m in ('llama_index', 'psycopg') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


TEXTS = st.text("ab ,\n中", max_size=400)


@given(text=TEXTS, limit=st.integers(-5, 120))
def test_a_shortened_text_fits_and_keeps_its_ends(text: str, limit: int) -> None:
    shortened = truncate_middle(text, limit, estimate_tokens)
    assert estimate_tokens(shortened) <= max(0, limit)
    if estimate_tokens(text) <= limit:
        assert shortened == text
    elif shortened:
        head, _, tail = shortened.partition("\n[... about ")
        assert text.startswith(head)
        assert text.endswith(tail.partition("left out ...]\n")[2])


TURNS = st.lists(st.builds(Turn, question=TEXTS, answer=TEXTS), min_size=1, max_size=8)


@given(batches=st.lists(TURNS, min_size=1, max_size=4), limit=st.integers(100, 400))
def test_a_summary_by_rule_is_bounded_however_often_it_is_folded(batches: list[list[Turn]], limit: int) -> None:
    summary = ""
    for turns in batches:
        summary = summary_by_rule(summary, turns, limit, estimate_tokens)
        assert estimate_tokens(summary) <= limit
        assert summary.count("left out here") <= 1
    assert summary.startswith("The conversation began with:")
