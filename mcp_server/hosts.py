"""The MCP clients that Readroom can be entered in: where each keeps its servers, and in which form.

A new client is one line of `HOSTS`, and its name in `ClientName`. Nothing of `agents` is imported here, for cli.py
imports this before a command runs.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import platformdirs

ClientName = Literal[
    "claude-desktop",
    "claude-code",
    "cursor",
    "vscode",
    "codex",
    "gemini-cli",
    "windsurf",
    "devin",
    "zed",
    "lm-studio",
    "cline",
    "continue",
]


@dataclass(frozen=True)
class Host:
    """A client's configuration file and the form of its entries.

    Args:
        title: The client's own name.
        file: Returns where its configuration is; a file that ends in .toml is TOML, any other JSON.
        key: Under which key of the file the servers stand.
        stdio: What an entry holds beside the command and its arguments.
        http: What an entry holds beside an address; None: the file cannot name a server by its address.
        url_key: What the address is called.
        headers_key: What the headers are called.
        bearer: The Authorization header, with {token} in place of the token.
    """

    title: str
    file: Callable[[], Path]
    key: str = "mcpServers"
    stdio: Mapping[str, Any] = field(default_factory=dict[str, Any])
    http: Mapping[str, Any] | None = field(default_factory=dict[str, Any])
    url_key: str = "url"
    headers_key: str = "headers"
    bearer: str = "Bearer {token}"

    def command_entry(self, command: str, arguments: Sequence[str]) -> dict[str, Any]:
        """Return the entry of a server that the client starts itself."""
        return {**self.stdio, "command": command, "args": list(arguments)}

    def address_entry(self, url: str, token: str | None) -> dict[str, Any] | None:
        """Return the entry of a server that runs at this address, or None where the client cannot hold one."""
        if self.http is None:
            return None
        headers = {self.headers_key: {"Authorization": self.bearer.format(token=token)}} if token else {}
        return {**self.http, self.url_key: url, **headers}

    def own_keys(self) -> set[str]:
        """Return the keys of an entry that Readroom writes; others are the user's."""
        return {*self.stdio, *(self.http or {}), "command", "args", self.url_key, self.headers_key}


def _home(*parts: str) -> Callable[[], Path]:
    return lambda: Path.home().joinpath(*parts)


def _settings(*parts: str) -> Callable[[], Path]:
    return lambda: Path(platformdirs.user_config_dir(appauthor=False, roaming=True)).joinpath(*parts)


def _codex_file() -> Path:
    return Path(os.environ.get("CODEX_HOME") or Path.home() / ".codex") / "config.toml"


def _cline_file() -> Path:
    file = os.environ.get("CLINE_MCP_SETTINGS_PATH")
    return Path(file) if file else Path.home() / ".cline" / "data" / "settings" / "cline_mcp_settings.json"


def _config(*parts: str) -> Callable[[], Path]:
    # On macOS too these are in ~/.config.
    return _settings(*parts) if os.name == "nt" else _home(".config", *parts)


HOSTS: dict[ClientName, Host] = {
    # Servers at an address are entered in its own dialogue, not in the file.
    "claude-desktop": Host("Claude Desktop", _settings("Claude", "claude_desktop_config.json"), http=None),
    # A project's file is shared with the project: it names the variable, not the token.
    "claude-code": Host(
        "Claude Code",
        lambda: Path.cwd() / ".mcp.json",
        stdio={"type": "stdio"},
        http={"type": "http"},
        bearer="Bearer ${{READROOM_SERVER__TOKEN}}",
    ),
    "cursor": Host("Cursor", _home(".cursor", "mcp.json")),
    "vscode": Host(
        "VS Code", _settings("Code", "User", "mcp.json"), "servers", stdio={"type": "stdio"}, http={"type": "http"}
    ),
    "codex": Host("Codex", _codex_file, "mcp_servers", headers_key="http_headers"),
    "gemini-cli": Host("Gemini CLI", _home(".gemini", "settings.json"), url_key="httpUrl"),
    "windsurf": Host("Windsurf", _home(".codeium", "windsurf", "mcp_config.json"), url_key="serverUrl"),
    # What Windsurf is called since June 2026.
    "devin": Host("Devin Desktop", _config("devin", "mcp_config.json"), http={"transport": "http"}),
    "zed": Host("Zed", _config("Zed" if os.name == "nt" else "zed", "settings.json"), "context_servers"),
    "lm-studio": Host("LM Studio", _home(".lmstudio", "mcp.json")),
    "cline": Host("Cline", _cline_file, http={"type": "streamableHttp"}),
    # Continue reads every JSON file in this folder.
    "continue": Host("Continue", _home(".continue", "mcpServers", "readroom.json"), http={"type": "http"}),
}
