"""Enter Readroom into the configuration of MCP clients."""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, cast

import platformdirs
from pydantic import Field

from agents.errors import SettingsError
from agents.schema import Frozen

ClientName = Literal["claude-desktop", "claude-code", "cursor", "vscode"]
State = Literal["planned", "written", "unchanged"]


class Installation(Frozen):
    """An entry in a client's configuration: what it holds, where it stands, and whether it was written."""

    client: ClientName
    path: Path = Field(description="The client's configuration file.")
    key: str = Field(description="Where in the file the servers stand.")
    entry: dict[str, Any]
    state: State = "planned"
    backup: Path | None = Field(default=None, description="The file as it was before.")

    def text(self) -> str:
        """Return the installation as Markdown for the user."""
        if self.state == "planned":
            shown = f"Add this to {self.path}:\n\n{self.snippet()}"
            return shown + (f"\n\nor run:\n\n{self.shell_command()}" if self.client == "claude-code" else "")
        if self.state == "unchanged":
            return f"{self.path} holds this entry already."
        backup = f" The file as it was is {self.backup}." if self.backup else ""
        return f"Readroom is entered in {self.path}.{backup} Restart the client to see it."

    def snippet(self) -> str:
        """Return the entry as the JSON that the file should hold."""
        return json.dumps({self.key: {"readroom": self.entry}}, indent=2, ensure_ascii=False)

    def shell_command(self) -> str:
        """Return Claude Code's own command for the same entry, for all projects of the user."""
        words = [self.entry["command"], *self.entry["args"]]
        return "claude mcp add --scope user readroom -- " + " ".join(json.dumps(word) for word in words)

    def refusal(self, message: str) -> SettingsError:
        """Return the error that says why nothing was written, and shows what to add by hand."""
        return SettingsError(message, hint=f"Add this to it yourself, so that comments are kept:\n{self.snippet()}")


def plan(client: ClientName, roots: Sequence[Path], folder: Path | None = None) -> Installation:
    """Return what to enter for a client.

    Args:
        client: The client.
        roots: Folders that may be read.
        folder: Where the client's configuration is; its usual place by default.

    Raises:
        SettingsError: A root is not a folder.
    """
    allowed = [root.expanduser().absolute() for root in roots]
    if missing := [root for root in allowed if not root.is_dir()]:
        raise SettingsError(f"{missing[0]} is not a folder.", hint="Give --root a folder that exists.")
    names = {"claude-desktop": "claude_desktop_config.json", "claude-code": ".mcp.json"}
    typed = {"type": "stdio"} if client in ("claude-code", "vscode") else {}
    command, *args = server_command()
    root_options = [word for root in allowed for word in ("--root", str(root))]
    return Installation(
        client=client,
        path=(folder or _default_folder(client)) / names.get(client, "mcp.json"),
        key="servers" if client == "vscode" else "mcpServers",
        entry={**typed, "command": command, "args": [*args, *root_options]},
    )


def _default_folder(client: ClientName) -> Path:
    settings = Path(platformdirs.user_config_dir(appauthor=False, roaming=True))
    return {
        "claude-desktop": settings / "Claude",
        "claude-code": Path.cwd(),
        "cursor": Path.home() / ".cursor",
        "vscode": settings / "Code" / "User",
    }[client]


def server_command() -> list[str]:
    """Return the words that start the server from anywhere: the console script beside this Python, or this Python."""
    script = Path(sys.executable).with_name("readroom.exe" if os.name == "nt" else "readroom")
    return [str(script), "serve"] if script.exists() else [sys.executable, "-m", "mcp_server", "serve"]


def enter(installation: Installation) -> Installation:
    """Write the entry into the client's file and keep everything else that is in it.

    Raises:
        SettingsError: The file cannot be read, holds something else than plain JSON, or cannot be written.
    """
    path = installation.path.resolve()
    try:
        before = path.read_text("utf-8-sig") if path.exists() else ""
        configuration = _parse_configuration(before, installation)
        servers = configuration.setdefault(installation.key, {})
        if not isinstance(servers, dict):
            raise installation.refusal(f"'{installation.key}' in {path} is not an object.")
        named = cast("dict[str, Any]", servers)
        existing = named.get("readroom")
        kept = cast("dict[str, Any]", existing) if isinstance(existing, dict) else {}
        entry = {**kept, **installation.entry}
        if existing == entry:
            return installation.model_copy(update={"state": "unchanged", "entry": entry})
        named["readroom"] = entry
        backup = _replace_file(path, json.dumps(configuration, indent=2, ensure_ascii=False) + "\n")
    except OSError as error:
        raise installation.refusal(f"{path} cannot be written: {error.strerror or error}.") from error
    return installation.model_copy(update={"state": "written", "entry": entry, "backup": backup})


def _parse_configuration(text: str, installation: Installation) -> dict[str, Any]:
    if not text.strip():
        return {}
    try:
        configuration = json.loads(text)
    except json.JSONDecodeError as error:
        raise installation.refusal(
            f"{installation.path} is not plain JSON (line {error.lineno}: {error.msg}); it is left as it is."
        ) from error
    if not isinstance(configuration, dict):
        raise installation.refusal(f"{installation.path} does not hold a JSON object.")
    return cast("dict[str, Any]", configuration)


def _replace_file(path: Path, text: str) -> Path | None:
    """Write the file in one step, with the mode it had, and return where the old one was copied to."""
    backup = None
    if path.exists():
        backup = path.with_name(path.name + ".before-readroom")
        shutil.copy2(path, backup)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, delete=False) as file:
        file.write(text)
    if backup:
        shutil.copymode(path, file.name)
    Path(file.name).replace(path)
    return backup
