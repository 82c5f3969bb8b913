from pathlib import Path

import pytest

from agents.errors import SettingsError
from agents.settings import Settings, load_settings


def test_a_nested_variable_changes_only_its_own_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("READROOM_SUPERVISOR__MAX_STEPS", "5")

    settings = load_settings()

    assert settings.supervisor.max_steps == 5
    assert settings.supervisor.passages == Settings().supervisor.passages


def test_a_wrong_value_is_named_with_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("READROOM_SUPERVISOR__MAX_STEPS", "many")

    with pytest.raises(SettingsError, match="READROOM_SUPERVISOR__MAX_STEPS"):
        load_settings()


def test_a_data_folder_that_cannot_be_made_names_the_variable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(SettingsError, match="READROOM_DATA_DIR"):
        Settings(data_dir=tmp_path / "file" / "data").ready_data_dir()


def test_without_roots_the_home_folder_may_be_read() -> None:
    assert Settings().documents.allowed_roots() == (str(Path.home().resolve()),)


def test_an_empty_variable_is_as_if_it_were_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    sections = Settings().model_dump()
    for name, section in sections.items():
        monkeypatch.setenv(f"READROOM_{name}".upper(), "")
        for key in section if isinstance(section, dict) else ():
            monkeypatch.setenv(f"READROOM_{name}__{key}".upper(), "")

    assert load_settings().model_dump() == sections
