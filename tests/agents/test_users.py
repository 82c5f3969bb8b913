"""The file of users, and what tells them apart."""

import json
from pathlib import Path

import pytest
from pydantic import SecretStr

from agents.errors import SettingsError
from agents.settings import DocumentsSettings, ServerSettings, Settings
from agents.storage import postgres_schema
from agents.users import User, Users, places_of, settings_of


@pytest.fixture
def users(tmp_path: Path) -> Users:
    return Users(tmp_path / "etc" / "users.json")


def test_a_token_is_its_user_s_until_there_is_another_or_the_user_is_taken_out(users: Users, tmp_path: Path) -> None:
    first = users.add("ada", [tmp_path])
    elsewhere = Users(tmp_path / "etc" / "users.json")
    assert elsewhere.by_token(first)
    second = users.add("ada", [tmp_path], max_runs=3)
    assert elsewhere.by_token(first) is None
    assert elsewhere.by_token(second) == users.all()[0]
    assert users.all()[0].max_runs == 3
    users.remove("ada")
    assert elsewhere.by_token(second) is None


def test_no_token_stands_in_the_file_and_nobody_else_may_read_it(users: Users, tmp_path: Path) -> None:
    token = users.add("ada", [tmp_path])
    file = tmp_path / "etc" / "users.json"
    assert token not in file.read_text()
    assert file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["", "Ada", "ada.b", "../ben", "ada\n", "a" * 33, "1a", "ada-b"])
def test_a_name_that_could_be_no_folder_s_is_refused(users: Users, tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match="cannot be the name"):
        users.add(name, [tmp_path])
    with pytest.raises(SettingsError, match="There is no user"):
        places_of(name, Settings())


def test_what_is_no_folder_or_nobody_is_refused(users: Users, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere is no folder"):
        users.add("ada", [tmp_path / "nowhere"])
    with pytest.raises(SettingsError, match="no user ada"):
        users.remove("ada")


@pytest.mark.parametrize(
    "text",
    [
        "{",
        json.dumps({"users": [{"name": "ada", "token_sha256": "0" * 64, "folders": []}]}),
        json.dumps({"users": [{"name": "ada", "token_sha256": "0" * 64, "folders": ["papers"]}]}),
        json.dumps({"users": [{"name": "ada", "token_sha256": "secret", "folders": ["/papers"]}]}),
        json.dumps({"users": [{"name": "ada", "token_sha256": "0" * 64, "folders": ["/papers"], "max_run": 1}]}),
        json.dumps({"users": [{"name": n, "token_sha256": "0" * 64, "folders": ["/papers"]} for n in ("ada", "ben")]}),
        json.dumps({"users": [{"name": "ada", "token_sha256": n * 64, "folders": ["/papers"]} for n in ("0", "1")]}),
    ],
)
def test_while_the_file_is_wrong_it_is_said_and_nobody_is_let_in(users: Users, tmp_path: Path, text: str) -> None:
    token = users.add("ada", [tmp_path])
    (tmp_path / "etc" / "users.json").write_text(text)
    with pytest.raises(SettingsError, match="does not hold users"):
        users.all()
    assert users.by_token(token) is None


def test_a_user_s_settings_name_places_where_nobody_else_s_are(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data", database_url=SecretStr("postgresql://u:p@h/d?schema=team"))
    ada, ben = (
        settings_of(User(name=name, token_sha256="0" * 64, folders=(tmp_path / name,)), settings)
        for name in ("ada", "ben")
    )
    assert (ada.data_dir, ben.data_dir) == (tmp_path / "data" / "users" / "ada", tmp_path / "data" / "users" / "ben")
    assert ada.documents.roots == (str(tmp_path / "ada"),)
    schemas = [postgres_schema(each.database_url) for each in (settings, ada, ben) if each.database_url]
    assert schemas == ["team", "team_ada", "team_ben"]


def test_a_user_s_own_limits_go_before_the_server_s(tmp_path: Path) -> None:
    settings = Settings(
        data_dir=tmp_path / "data",
        documents=DocumentsSettings(library_characters=10),
        server=ServerSettings(max_runs=2),
    )
    user = User(name="ada", token_sha256="0" * 64, folders=(tmp_path / "ada",))
    usual = settings_of(user, settings)
    own = settings_of(user.model_copy(update={"library_characters": 99, "max_runs": 1}), settings)
    assert (usual.documents.library_characters, usual.server.max_runs) == (10, 2)
    assert (own.documents.library_characters, own.server.max_runs) == (99, 1)


def test_a_folder_with_what_is_kept_of_others_cannot_be_a_user_s(tmp_path: Path) -> None:
    user = User(name="ada", token_sha256="0" * 64, folders=(tmp_path,))
    with pytest.raises(SettingsError, match="kept of others"):
        settings_of(user, Settings(data_dir=tmp_path / "data"))
    elsewhere = Settings(data_dir=Path("/elsewhere"), server=ServerSettings(audit_file=tmp_path / "audit.jsonl"))
    with pytest.raises(SettingsError, match="kept of others"):
        settings_of(user, elsewhere)
