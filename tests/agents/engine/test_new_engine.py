"""A new engine: one file and one line in the registry, as docs/extending.md shows."""

from pathlib import Path
from typing import cast

import pytest

from agents.assistant import Assistant
from agents.engine import registry
from agents.engine.engine import Availability, Engine, EngineEntry, Outcome, ResultT, Task
from agents.engine.extractive.engine import ExtractiveEngine
from agents.engine.tasks.answering import Excerpt, Excerpts, ExcerptsResult
from agents.errors import SettingsError
from agents.schema import EngineInfo, OnProgress, Usage
from agents.settings import DocumentsSettings, EngineSettings, Settings


class EchoEngine(ExtractiveEngine):
    """Answers with the first passage that was found; everything else is left to rules."""

    @property
    def info(self) -> EngineInfo:
        return EngineInfo(name="echo")

    async def run(self, task: Task[ResultT]) -> Outcome[ResultT]:
        if not isinstance(task, Excerpts):
            return await super().run(task)
        echo = task.evidence[0].text.strip()
        result = ExcerptsResult(claims=(Excerpt(text=echo, quotes=(echo,)),))
        return Outcome(cast("ResultT", result), Usage(engine_calls=1))


async def open_echo(_settings: EngineSettings, _data_dir: Path, _on_progress: OnProgress | None) -> Engine:
    return EchoEngine()


def availability(settings: EngineSettings, _data_dir: Path | None) -> Availability:
    return Availability(available=settings.model == "echo", missing=("READROOM_ENGINE__MODEL=echo",))


ECHO = EngineEntry("echo", availability, open_echo)


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "ENGINES", (ECHO, *registry.ENGINES))


async def test_an_engine_in_the_registry_answers_questions_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "rules.md"
    path.write_text("A reader may borrow 5 volumes for 28 days.\n")
    settings = Settings(
        data_dir=tmp_path / "data",
        documents=DocumentsSettings(roots=(tmp_path,)),
        engine=EngineSettings(kind="echo"),
    )
    assistant = Assistant(settings)

    answer = await assistant.ask("How many volumes may a reader borrow?", [str(path)])
    await assistant.close()

    assert (answer.engine.name, answer.engine.generative) == ("echo", False)
    assert answer.markdown.startswith("A reader may borrow 5 volumes for 28 days.")
    assert [citation.verified for citation in answer.citations] == ["exact"]


def test_auto_takes_the_first_engine_that_can_be_had() -> None:
    assert registry.choose_engine(EngineSettings(model="echo")).kind == "echo"


def test_what_an_engine_lacks_is_said_where_another_is_taken() -> None:
    choice = registry.choose_engine(EngineSettings(base_url="http://127.0.0.1:8000/v1"))

    assert choice.kind == "openai"
    assert choice.missing == ("READROOM_ENGINE__MODEL=echo",)


def test_a_name_that_no_engine_has_is_refused_with_those_there_are() -> None:
    with pytest.raises(SettingsError, match="READROOM_ENGINE__KIND is ecko") as caught:
        registry.choose_engine(EngineSettings(kind="ecko"))

    assert caught.value.hint == "Set it to one of: auto, echo, openai, vllm, extractive."
