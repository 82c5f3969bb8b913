import json
import os
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest

from agents.errors import RequestError, SettingsError
from mcp_server import cli
from mcp_server.hosts import HOSTS, ClientName
from mcp_server.install import Installation, enter, entered_roots, find, plan, remove, server_command

CLIENTS: list[tuple[ClientName, str, str]] = [
    ("claude-desktop", "claude_desktop_config.json", "mcpServers"),
    ("claude-code", ".mcp.json", "mcpServers"),
    ("cursor", "mcp.json", "mcpServers"),
    ("vscode", "mcp.json", "servers"),
    ("codex", "config.toml", "mcp_servers"),
    ("gemini-cli", "settings.json", "mcpServers"),
    ("windsurf", "mcp_config.json", "mcpServers"),
    ("devin", "mcp_config.json", "mcpServers"),
    ("zed", "settings.json", "context_servers"),
    ("lm-studio", "mcp.json", "mcpServers"),
    ("cline", "cline_mcp_settings.json", "mcpServers"),
    ("continue", "readroom.json", "mcpServers"),
]
ADDRESS = "http://127.0.0.1:8765/mcp"
COMMENTED = (
    '{\n  // mine\n  "servers": {"readroom": {"note": "http://a", "args": ["serve", "--root", "/papers"],},},\n}'
)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder with the current folder in it: where every client's file stands."""
    for name in ("CODEX_HOME", "CLAUDE_CONFIG_DIR", "CLINE_MCP_SETTINGS_PATH", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("APPDATA", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def held(installation: Installation) -> dict[str, Any]:
    """Return what the client's file holds."""
    text = installation.path.read_text()
    return tomllib.loads(text) if installation.path.suffix == ".toml" else json.loads(text)


def entry(installation: Installation) -> dict[str, Any]:
    return held(installation)[installation.key]["readroom"]


def folder(home: Path, name: str) -> str:
    (home / name).mkdir()
    return str(home / name)


def test_the_command_line_and_the_readme_offer_every_client() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    assert all(client in readme for client in HOSTS)
    assert set(get_args(cli.ClientName)) == set(get_args(ClientName)) == set(HOSTS) == {name for name, *_ in CLIENTS}


@pytest.mark.parametrize(("client", "name", "key"), CLIENTS)
def test_a_new_file_holds_an_entry_with_absolute_paths(client: ClientName, name: str, key: str, home: Path) -> None:
    done = enter(plan(client, [str(home)]))
    assert (done.path.name, done.key, done.state, done.backup) == (name, key, "written", None)
    assert done.path.is_relative_to(home)
    assert Path(entry(done)["command"]).is_absolute()
    assert entry(done)["args"][-2:] == ["--root", str(home)]


@pytest.mark.parametrize("client", get_args(ClientName))
def test_run_again_it_keeps_the_folders_it_had(client: ClientName, home: Path) -> None:
    papers, letters = folder(home, "papers"), folder(home, "letters")
    enter(plan(client, [papers]))
    assert enter(plan(client)).state == "unchanged"
    done = enter(plan(client, [letters, papers]))
    assert entered_roots(entry(done)) == [papers, letters]
    assert f"It may read {papers}, {letters}." in done.text()


def test_folders_that_stand_in_the_entrys_variables_are_kept(home: Path) -> None:
    papers, letters = folder(home, "papers"), folder(home, "letters")
    variables = {"READROOM_DOCUMENTS__ROOTS": json.dumps([papers])}
    (home / ".mcp.json").write_text(json.dumps({"mcpServers": {"readroom": {"command": "x", "env": variables}}}))
    done = enter(plan("claude-code", [letters]))
    assert entered_roots(entry(done)) == [papers, letters]
    assert entry(done)["env"] == variables


@pytest.mark.parametrize("form", [["--root", "/a", "--root=/b"], ["serve", "--root=/b", "--root", "/a"]])
def test_folders_are_found_in_either_form(form: list[str]) -> None:
    assert set(entered_roots({"args": form})) == {"/a", "/b"}


def test_what_is_in_the_file_stays_and_is_backed_up_once(home: Path) -> None:
    mine = {"env": {"A": "1"}, "disabled": False, "command": "x"}
    before = {"theme": "dark", "mcpServers": {"other": {"command": "o"}, "readroom": mine}}
    path = home / ".cursor" / "mcp.json"
    path.parent.mkdir()
    path.write_text(json.dumps(before, indent="\t"))
    path.chmod(0o600)
    done = enter(plan("cursor"))
    after = held(done)
    assert after["theme"] == "dark"
    assert after["mcpServers"]["other"] == {"command": "o"}
    assert entry(done) == {**mine, "command": server_command()[0], "args": server_command()[1:]}
    assert path.read_text().startswith('{\n\t"theme"')
    assert path.stat().st_mode & 0o777 == 0o600

    again = enter(plan("cursor", [str(home)]))
    assert again.backup == done.backup
    assert json.loads(again.backup.read_text()) == before


def test_a_second_time_changes_nothing(home: Path) -> None:
    done = enter(plan("vscode", [str(home)]))
    written = done.path.stat().st_mtime_ns
    again = enter(plan("vscode", [str(home)]))
    assert (again.state, again.backup) == ("unchanged", None)
    assert done.path.stat().st_mtime_ns == written
    assert [one.name for one in done.path.parent.iterdir()] == ["mcp.json"]


def test_comments_in_toml_are_kept(home: Path) -> None:
    path = home / ".codex" / "config.toml"
    path.parent.mkdir()
    path.write_text('# mine\nmodel = "m"  # the best\n\n[mcp_servers.other]\ncommand = "o" # theirs\n')
    done = enter(plan("codex", [str(home)]))
    text = path.read_text()
    assert all(comment in text for comment in ("# mine", "# the best", "# theirs"))
    assert held(done)["mcp_servers"]["other"] == {"command": "o"}
    remove(find("codex"))
    assert path.read_text().rstrip() == done.backup.read_text().rstrip()


REFUSED: dict[str, tuple[bytes, str]] = {
    "comments": (COMMENTED.encode(), "comments or trailing commas"),
    "no JSON": (b'{"servers"', "line 1"),
    "a list": (b"[]", "does not hold a JSON object"),
    "servers in a list": (b'{"servers": []}', "'servers' in it is not an object"),
    "UTF-16": ('{"servers": {}}'.encode("utf-16"), "UTF-16, as PowerShell writes it"),
    "UTF-16, big-endian": (b"\xfe\xff" + '{"servers": {}}'.encode("utf-16-be"), "save it as UTF-8"),
    "Latin-1": ('{"servers": {"é": 1}}'.encode("latin-1"), "not UTF-8"),
}


@pytest.mark.parametrize(("content", "why"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("change", [enter, remove])
def test_a_file_that_cannot_be_written_back_is_left_alone_and_says_why(
    content: bytes, why: str, change: Callable[[Installation], Installation]
) -> None:
    planned = plan("vscode")
    planned.path.parent.mkdir(parents=True)
    planned.path.write_bytes(content)
    with pytest.raises(SettingsError) as caught:
        change(planned)
    assert str(planned.path) in caught.value.message
    assert why in caught.value.message
    assert '"readroom": {' in caught.value.hint or "yourself" in caught.value.hint
    assert planned.path.read_bytes() == content


def test_toml_that_is_none_is_left_alone(home: Path) -> None:
    path = home / ".codex" / "config.toml"
    path.parent.mkdir()
    path.write_text("[mcp_servers\n")
    with pytest.raises(SettingsError, match=r"(?s)no valid TOML.*\[mcp_servers.readroom\]"):
        enter(plan("codex"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_what_is_shown_for_a_file_that_is_left_alone_holds_its_folders_too(encoding: str) -> None:
    path = plan("vscode").path
    path.parent.mkdir(parents=True)
    path.write_text(COMMENTED, encoding=encoding)
    assert entered_roots(plan("vscode").entry) == ["/papers"]


def test_a_linked_file_stays_a_link(home: Path) -> None:
    (home / "dotfiles").mkdir()
    (home / ".mcp.json").symlink_to(home / "dotfiles" / "mcp.json")
    enter(plan("claude-code"))
    assert (home / ".mcp.json").is_symlink()
    assert "readroom" in (home / "dotfiles" / "mcp.json").read_text()


def test_an_address_in_s3_compatible_storage_is_entered_as_a_root(home: Path) -> None:
    enter(plan("cursor", ["s3://papers/reports/"]))
    assert entered_roots(entry(enter(plan("cursor", [str(home)])))) == ["s3://papers/reports", str(home)]


def test_a_root_that_is_no_folder_is_refused(home: Path) -> None:
    with pytest.raises(SettingsError, match="is not a folder"):
        plan("cursor", [str(home / "missing")])


@pytest.mark.parametrize(
    ("client", "address", "headers"),
    [
        ("claude-code", {"type": "http", "url": ADDRESS}, "headers"),
        ("cursor", {"url": ADDRESS}, "headers"),
        ("vscode", {"type": "http", "url": ADDRESS}, "headers"),
        ("codex", {"url": ADDRESS}, "http_headers"),
        ("gemini-cli", {"httpUrl": ADDRESS}, "headers"),
        ("windsurf", {"serverUrl": ADDRESS}, "headers"),
        ("devin", {"transport": "http", "url": ADDRESS}, "headers"),
        ("zed", {"url": ADDRESS}, "headers"),
        ("lm-studio", {"url": ADDRESS}, "headers"),
        ("cline", {"type": "streamableHttp", "url": ADDRESS}, "headers"),
        ("continue", {"type": "http", "url": ADDRESS}, "headers"),
    ],
)
def test_a_server_that_runs_is_entered_by_its_address_and_token(
    client: ClientName, address: dict[str, str], headers: str, home: Path
) -> None:
    enter(plan(client, [str(home)]))
    done = enter(plan(client, url=ADDRESS, token="secret"))
    # A project's file is shared: it names the variable that holds the token.
    token = "${READROOM_SERVER__TOKEN}" if client == "claude-code" else "secret"
    assert entry(done) == {**address, headers: {"Authorization": f"Bearer {token}"}}
    assert entry(enter(plan(client, url=ADDRESS))) == address
    with pytest.raises(RequestError, match="Say with --root"):
        plan(client)
    assert "command" in entry(enter(plan(client, [str(home)])))


def test_what_does_not_go_together_is_refused(home: Path) -> None:
    with pytest.raises(RequestError, match="readroom serve"):
        plan("cursor", [str(home)], url=ADDRESS)
    with pytest.raises(RequestError, match="cannot name a server by its address"):
        plan("claude-desktop", url=ADDRESS)
    with pytest.raises(RequestError, match="is no address"):
        plan("cursor", url="localhost:8765")
    with pytest.raises(RequestError, match="has no scopes"):
        plan("cursor", scope="user")


@pytest.mark.parametrize("client", get_args(ClientName))
def test_what_was_entered_is_taken_out_again(client: ClientName) -> None:
    assert remove(find(client)).state == "absent"
    done = enter(plan(client))
    assert remove(find(client)).state == "removed"
    assert not done.path.exists()


def test_taking_it_out_keeps_everything_else(home: Path) -> None:
    before = '{\n  "mcpServers": {\n    "other": {\n      "command": "o"\n    }\n  }\n}\n'
    (home / ".mcp.json").write_text(before)
    enter(plan("claude-code"))
    done = remove(find("claude-code"))
    assert (home / ".mcp.json").read_text() == before
    assert str(done.backup) in done.text()


def test_claude_codes_file_says_what_it_means_and_how_to_have_all_projects(home: Path) -> None:
    text = plan("claude-code", [str(home)]).text()
    assert "holds for its folder alone" in text
    assert "readroom install claude-code --scope user" in text
    assert f"claude mcp add --scope user readroom -- {server_command()[0]}" in text
    assert "--transport http readroom http" in plan("claude-code", url=ADDRESS).text()


CLAUDE = """#!/usr/bin/env python3
import json, pathlib, sys
path = pathlib.Path.home() / ".claude.json"
config = json.loads(path.read_text())
mcp, verb, *options, name = sys.argv[1:-1] if sys.argv[2] == "add-json" else sys.argv[1:]
assert (mcp, options) == ("mcp", ["--scope", "user"])
servers = config.setdefault("mcpServers", {})
if verb == "remove":
    del servers[name]
else:
    assert name not in servers, "already exists"
    servers[name] = json.loads(sys.argv[-1])
path.write_text(json.dumps(config))
"""


@pytest.fixture
def claude(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A command `claude` that keeps its user's servers as Claude Code does; returns its file."""
    command = Path(folder(home, "bin")) / "claude"
    command.write_text(CLAUDE)
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}{os.pathsep}{os.environ['PATH']}")
    (home / ".claude.json").write_text('{"numStartups": 7}')
    return home / ".claude.json"


def test_in_all_projects_claude_code_enters_it_itself(claude: Path, home: Path) -> None:
    papers, letters = folder(home, "papers"), folder(home, "letters")
    enter(plan("claude-code", [papers], scope="user"))
    done = enter(plan("claude-code", [letters], scope="user"))
    assert done.path == claude
    assert entered_roots(entry(done)) == [papers, letters]
    assert enter(plan("claude-code", scope="user")).state == "unchanged"
    assert remove(find("claude-code", "user")).state == "removed"
    assert json.loads(claude.read_text()) == {"numStartups": 7, "mcpServers": {}}
    assert not (home / ".mcp.json").exists()


def test_without_claude_codes_command_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SettingsError, match=r"(?s)not on the PATH.*claude mcp add --scope user readroom"):
        enter(plan("claude-code", scope="user"))


def test_what_claude_codes_command_refuses_is_told(claude: Path) -> None:
    claude.write_text('{"mcpServers": {"readroom": {}}}')
    (claude.parent / "bin" / "claude").write_text("#!/bin/sh\necho no such scope >&2; exit 1\n")
    with pytest.raises(SettingsError, match=r"(?s)`claude mcp remove` failed: no such scope.*claude mcp remove"):
        remove(find("claude-code", "user"))
