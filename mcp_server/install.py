"""Enter Readroom into the configuration of MCP clients, and take it out again.

An entry that is there keeps its folders and what its user has added: run again, an installation never lets Readroom
read more than it did, but for the folders that are named.
"""

import itertools
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Any, Literal, cast
from urllib.parse import urlsplit

from pydantic import Field

from agents.errors import RequestError, SettingsError
from agents.schema import Frozen
from agents.settings import is_s3
from mcp_server import configuration
from mcp_server.cli_arguments import absolute_root
from mcp_server.configuration import CannotRewriteError, Configuration
from mcp_server.hosts import HOSTS, ClientName, Host

Scope = Literal["project", "user"]
State = Literal["planned", "written", "unchanged", "removed", "absent"]
_NAME = "readroom"
_ROOTS_VARIABLE = "READROOM_DOCUMENTS__ROOTS"


class Installation(Frozen):
    """An entry in a client's configuration: what it holds, where it stands, and what was done with it."""

    client: ClientName
    scope: Scope = "user"
    path: Path = Field(description="The client's configuration file.")
    key: str = Field(description="Where in the file the servers stand.")
    entry: dict[str, Any]
    state: State = "planned"
    backup: Path | None = Field(default=None, description="The file as it was first found.")

    def text(self) -> str:
        """Return the installation as Markdown for the user."""
        backup = f" As it was first found it is kept in {self.backup}." if self.backup else ""
        if self.state == "planned":
            return f"Add this to {self.path}:\n\n```\n{self.snippet()}```\n\n{self._meaning()}"
        if self.state == "absent":
            return f"Readroom is not entered in {self.path}."
        if self.state == "removed":
            return f"Readroom is taken out of {self.path}.{backup}"
        if self.state == "unchanged":
            return f"{self.path} holds this entry already. {self._meaning()}"
        return f"Readroom is entered in {self.path}.{backup} Restart {self.title} to see it.\n\n{self._meaning()}"

    @property
    def title(self) -> str:
        """The client's own name."""
        return HOSTS[self.client].title

    def snippet(self) -> str:
        """Return the entry in the form of the file."""
        return configuration.dump(self.path, {self.key: {_NAME: self.entry}})

    def shell_command(self) -> str:
        """Return Claude Code's own command for the same entry, for all projects of the user."""
        words = ["claude", "mcp", "add", "--scope", "user"]
        if "command" in self.entry:
            return shlex.join([*words, _NAME, "--", self.entry["command"], *self.entry["args"]])
        headers = [f"--header={name}: {value}" for name, value in self.entry.get("headers", {}).items()]
        return shlex.join([*words, "--transport", "http", _NAME, self.entry["url"], *headers])

    def refusal(self, message: str) -> SettingsError:
        """Return the error that says why nothing was written, and shows what to add by hand."""
        return SettingsError(message, hint=f"Add this to it yourself:\n{self.snippet()}")

    def _meaning(self) -> str:
        if self.client != "claude-code":
            return self._access()
        command = f"```\n{self.shell_command()}\n```"
        if self.scope == "user":
            return f"{self._access()} Claude Code's own command for it is\n\n{command}"
        return (
            f"{self._access()}\n\nThis file holds for its folder alone. Claude Code asks before it uses it, and "
            "whoever gets the folder gets this entry, with programs and folders of this machine. To have Readroom in "
            f"all your projects instead: `readroom install claude-code --scope user`, or\n\n{command}"
        )

    def _access(self) -> str:
        if "command" not in self.entry:
            return "Which folders may be read is said where that server is started."
        if roots := entered_roots(self.entry):
            return f"It may read {', '.join(roots)}."
        return "It may read your home folder, but nothing hidden in it; `--root FOLDER` names other folders."


def find(client: ClientName, scope: Scope | None = None) -> Installation:
    """Return where a client's entry stands, with what is there now.

    Args:
        client: The client.
        scope: For Claude Code: its file in this folder, or all projects of the user.

    Raises:
        RequestError: Another client than Claude Code has no scopes.
    """
    host = HOSTS[client]
    if scope and client != "claude-code":
        raise RequestError(f"{host.title} has no scopes.", hint="Leave --scope out: its file holds for all projects.")
    scope = scope or ("project" if client == "claude-code" else "user")
    path = _claude_file() if (client, scope) == ("claude-code", "user") else host.file()
    existing = configuration.entry(path, host.key, _NAME)
    return Installation(client=client, scope=scope, path=path, key=host.key, entry=existing)


def plan(
    client: ClientName,
    roots: Sequence[str] = (),
    *,
    url: str | None = None,
    token: str | None = None,
    scope: Scope | None = None,
) -> Installation:
    """Return what to enter for a client, on top of what is entered for it.

    Args:
        client: The client.
        roots: Folders that may be read, beside those that the entry allows.
        url: The address of a server that runs already; None: the client starts its own.
        token: What that server asks for.
        scope: As in `find`.

    Raises:
        RequestError: These do not go together.
        SettingsError: A root is not a folder.
    """
    found = find(client, scope)
    host, existing = HOSTS[client], found.entry
    ours = _address(host, url, token, roots) if url else _command(host, existing, roots, found.path)
    users_own = {key: value for key, value in existing.items() if key not in host.own_keys()}
    return found.model_copy(update={"entry": {**ours, **users_own}})


def _address(host: Host, url: str, token: str | None, roots: Sequence[str]) -> dict[str, Any]:
    if urlsplit(url).scheme not in ("http", "https"):
        raise RequestError(f"{url} is no address.", hint="Give --url as http://HOST:PORT/mcp.")
    if roots:
        raise RequestError("--url names a server that runs already.", hint="Give --root to `readroom serve` there.")
    entry = host.address_entry(url, token)
    if entry is None:
        raise RequestError(f"{host.title}'s file cannot name a server by its address.", hint="Leave --url out.")
    return entry


def _command(host: Host, existing: Mapping[str, Any], roots: Sequence[str], path: Path) -> dict[str, Any]:
    allowed = [absolute_root(root) for root in roots]
    if missing := [root for root in allowed if not is_s3(root) and not Path(root).is_dir()]:
        raise SettingsError(f"{missing[0]} is not a folder.", hint="Give --root a folder that exists.")
    folders = dict.fromkeys([*entered_roots(existing), *allowed])
    if host.url_key in existing and not folders:
        raise RequestError(
            f"{path} names a server by its address, and that server says which folders may be read.",
            hint="Say with --root what the client's own server may read.",
        )
    command, *arguments = server_command()
    return host.command_entry(command, [*arguments, *(word for root in folders for word in ("--root", root))])


def entered_roots(entry: Mapping[str, Any]) -> list[str]:
    """Return the folders that an entry names: those that its server may read."""
    words = [str(word) for word in entry.get("args") or ()]
    named = [word.removeprefix("--root=") for word in words if word.startswith("--root=")]
    named += [after for word, after in itertools.pairwise(words) if word == "--root"]
    if not named:
        try:
            variables = cast("Mapping[str, str]", entry.get("env") or {})
            named = cast("list[str]", json.loads(variables.get(_ROOTS_VARIABLE, "[]")))
        except ValueError:
            return []
    return named


def server_command() -> list[str]:
    """Return the words that start the server from anywhere: the console script beside this Python, or this Python."""
    script = Path(sys.executable).with_name("readroom.exe" if os.name == "nt" else "readroom")
    return [str(script), "serve"] if script.exists() else [sys.executable, "-m", "mcp_server", "serve"]


def enter(installation: Installation) -> Installation:
    """Write the entry into the client's file and keep everything else that is in it.

    Raises:
        SettingsError: The file cannot be read, cannot be written back without loss, or cannot be written.
    """
    path = installation.path.resolve()
    try:
        whole = configuration.read(path)
        servers = _servers(whole, installation)
        if configuration.entry(path, installation.key, _NAME) == installation.entry:
            return installation.model_copy(update={"state": "unchanged", "backup": configuration.backup(path)})
        if _by_claude(installation):
            _tell_claude(installation, known=_NAME in servers)
            return installation.model_copy(update={"state": "written"})
        servers[_NAME] = installation.entry
        backup = configuration.write(path, whole)
    except CannotRewriteError as error:
        raise installation.refusal(f"{installation.path} is left as it is: {error}.") from error
    except OSError as error:
        raise installation.refusal(f"{path} cannot be written: {error.strerror or error}.") from error
    return installation.model_copy(update={"state": "written", "backup": backup})


def remove(installation: Installation) -> Installation:
    """Take the entry out of the client's file and keep everything else; a file that held nothing else is deleted.

    Raises:
        SettingsError: The file cannot be read, cannot be written back without loss, or cannot be written.
    """
    path = installation.path.resolve()
    try:
        whole = configuration.read(path)
        servers = _servers(whole, installation)
        if _NAME not in servers:
            return installation.model_copy(update={"state": "absent"})
        backup = configuration.backup(path)
        if _by_claude(installation):
            _run_claude("remove", "--scope", "user", _NAME, by_hand=f"claude mcp remove --scope user {_NAME}")
        else:
            del servers[_NAME]
            if not servers and list(whole) == [installation.key] and not backup:
                path.unlink()
            else:
                backup = configuration.write(path, whole)
    except CannotRewriteError as error:
        hint = f"Take the entry {_NAME!r} out of {installation.key!r} yourself."
        raise SettingsError(f"{installation.path} is left as it is: {error}.", hint=hint) from error
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {error.strerror or error}.", hint="Change its mode.") from error
    return installation.model_copy(update={"state": "removed", "backup": backup})


def _servers(whole: Configuration, installation: Installation) -> Configuration:
    servers = whole.setdefault(installation.key, {})
    if not isinstance(servers, MutableMapping):
        raise CannotRewriteError(f"'{installation.key}' in it is not an object")
    return cast("Configuration", servers)


def _claude_file() -> Path:
    return Path(os.environ.get("CLAUDE_CONFIG_DIR") or Path.home()) / ".claude.json"


def _by_claude(installation: Installation) -> bool:
    """Whether Claude Code's own command writes the entry: its user's file is changed while it runs."""
    return installation.client == "claude-code" and installation.scope == "user"


def _tell_claude(installation: Installation, *, known: bool) -> None:
    by_hand = installation.shell_command()
    if known:
        _run_claude("remove", "--scope", "user", _NAME, by_hand=by_hand)
    _run_claude("add-json", "--scope", "user", _NAME, json.dumps(installation.entry), by_hand=by_hand)


def _run_claude(*words: str, by_hand: str) -> None:
    claude = shutil.which("claude")
    if claude is None:
        raise SettingsError(
            "Claude Code's command `claude` is not on the PATH.", hint=f"Run this where it is:\n{by_hand}"
        )
    done = subprocess.run([claude, "mcp", *words], capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        said = (done.stderr or done.stdout).strip()
        raise SettingsError(f"`claude mcp {words[0]}` failed: {said}", hint=f"Try it yourself:\n{by_hand}")
