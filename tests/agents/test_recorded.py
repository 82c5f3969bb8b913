"""What a trained model of 1.5 billion parameters makes of our prompts, replayed: its habits meet all that follows.

The replies are in tests/recordings; tests/support/recordings.py says how they are made.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.schema import Answer
from tests.support.recordings import COMMAND, SCENARIOS, RecordedServer, Scenario, play

ANSWERS = {
    "a sum": "28,000",
    "two facts": "1 April 2024",
    "a table": "7",
    "Chinese": "四元",
    "two documents": "88",
    "a condition": "late with more than three deliveries",
}
"""What the answer must say."""


def named(name: str) -> Scenario:
    (found,) = [scenario for scenario in SCENARIOS if scenario.name == name]
    return found


@pytest.fixture(scope="module")
def server() -> Iterator[RecordedServer]:
    with RecordedServer() as server:
        yield server


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
async def test_a_trained_models_replies_become_answers_whose_quotes_are_real(
    server: RecordedServer, scenario: Scenario, tmp_path: Path
) -> None:
    server.missing.clear()
    answers = await play(scenario, server.base_url, tmp_path)

    stale = "\n".join(server.missing)
    assert not server.missing, f"These prompts have changed since they were recorded. Run: {COMMAND}\n{stale}"
    for answer in answers:
        texts = {path.name: path.read_text() for path in scenario.documents}
        assert all(any(citation.quote in text for text in texts.values()) for citation in answer.citations)
        assert all(claim.citations for claim in answer.claims)
        assert answer.engine.model == "recorded"
        assert not any("failed" in warning for warning in answer.warnings)


@pytest.mark.parametrize("scenario", [each for each in SCENARIOS if each.name in ANSWERS], ids=lambda each: each.name)
async def test_the_answer_is_in_it(server: RecordedServer, scenario: Scenario, tmp_path: Path) -> None:
    (answer,) = await play(scenario, server.base_url, tmp_path)

    assert ANSWERS[scenario.name] in " ".join(claim.text for claim in answer.claims)


async def test_what_a_document_does_not_say_is_not_made_up(server: RecordedServer, tmp_path: Path) -> None:
    (answer,) = await play(named("not in the contract either"), server.base_url, tmp_path)

    assert isinstance(answer, Answer)
    assert answer.claims == ()
    assert answer.closest


async def test_a_false_answer_gives_way_to_the_documents_words_which_are_called_weak(
    server: RecordedServer, tmp_path: Path
) -> None:
    (answer,) = await play(named("not in the contract"), server.base_url, tmp_path)

    assert isinstance(answer, Answer)
    assert "612" not in answer.markdown
    assert answer.weak


async def test_a_follow_up_is_understood_from_the_conversation(server: RecordedServer, tmp_path: Path) -> None:
    first, second = await play(named("people"), server.base_url, tmp_path)

    assert "Joachim Pettifer" in first.markdown
    assert isinstance(second, Answer)
    assert "Marit Okafor" in second.markdown
