import json
from pathlib import Path
from typing import Any

import pytest

from agents.errors import SettingsError
from mcp_server.install import ClientName, Installation, enter, plan, server_command

CLIENTS: list[tuple[ClientName, str, str]] = [
    ("claude-desktop", "claude_desktop_config.json", "mcpServers"),
    ("claude-code", ".mcp.json", "mcpServers"),
    ("cursor", "mcp.json", "mcpServers"),
    ("vscode", "mcp.json", "servers"),
]


def servers(installation: Installation) -> dict[str, Any]:
    return json.loads(installation.path.read_text())[installation.key]


@pytest.mark.parametrize(("client", "name", "key"), CLIENTS)
def test_a_new_file_holds_an_entry_with_absolute_paths(client: ClientName, name: str, key: str, tmp_path: Path) -> None:
    done = enter(plan(client, [tmp_path], folder=tmp_path / "config"))
    entry = servers(done)["readroom"]
    assert (done.path.name, done.key, done.state, done.backup) == (name, key, "written", None)
    assert Path(entry["command"]).is_absolute()
    assert entry["args"][-2:] == ["--root", str(tmp_path)]


def test_what_is_in_the_file_stays_and_is_backed_up(tmp_path: Path) -> None:
    before = {
        "theme": "dark",
        "mcpServers": {"other": {"command": "o"}, "readroom": {"env": {"A": "1"}, "command": "x"}},
    }
    path = tmp_path / "mcp.json"
    path.write_text(json.dumps(before))
    path.chmod(0o600)
    done = enter(plan("cursor", [], folder=tmp_path))
    after = json.loads(path.read_text())
    assert after["theme"] == "dark"
    assert after["mcpServers"]["other"] == {"command": "o"}
    assert after["mcpServers"]["readroom"]["env"] == {"A": "1"}
    assert after["mcpServers"]["readroom"]["command"] == server_command()[0]
    assert json.loads(done.backup.read_text()) == before
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_second_time_changes_nothing(tmp_path: Path) -> None:
    enter(plan("vscode", [tmp_path], folder=tmp_path))
    written = (tmp_path / "mcp.json").stat().st_mtime_ns
    again = enter(plan("vscode", [tmp_path], folder=tmp_path))
    assert (again.state, again.backup) == ("unchanged", None)
    assert (tmp_path / "mcp.json").stat().st_mtime_ns == written
    assert [one.name for one in tmp_path.iterdir()] == ["mcp.json"]


@pytest.mark.parametrize("text", ['{"servers": {}, // mine\n}', "[]", '{"servers": []}'])
def test_a_file_that_would_lose_something_is_left_alone_and_the_entry_shown(text: str, tmp_path: Path) -> None:
    path = tmp_path / "mcp.json"
    path.write_text(text)
    with pytest.raises(SettingsError) as caught:
        enter(plan("vscode", [], folder=tmp_path))
    assert str(path) in caught.value.message
    assert '"readroom": {' in caught.value.hint
    assert path.read_text() == text


def test_a_linked_file_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    (tmp_path / "mcp.json").symlink_to(tmp_path / "dotfiles" / "mcp.json")
    enter(plan("cursor", [], folder=tmp_path))
    assert (tmp_path / "mcp.json").is_symlink()
    assert "readroom" in (tmp_path / "dotfiles" / "mcp.json").read_text()


def test_a_root_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="is not a folder"):
        plan("cursor", [tmp_path / "missing"], folder=tmp_path)


def test_claude_code_can_be_told_by_its_own_command(tmp_path: Path) -> None:
    text = plan("claude-code", [tmp_path], folder=tmp_path).text()
    assert "claude mcp add --scope user readroom -- " in text
    assert f'"--root" "{tmp_path}"' in text
    assert not (tmp_path / ".mcp.json").exists()
