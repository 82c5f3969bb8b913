"""Write docs/hosts.md from the table of clients itself: `python docs/hosts_page.py`, on Linux."""

import base64
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import quote

from mcp_server import configuration
from mcp_server.hosts import HOSTS, ClientName, Host

PAGE = Path(__file__).with_name("hosts.md")
COMMAND = "/home/me/.readroom/bin/readroom"
"""What the first of the two commands of an installation leaves in the home of somebody called me."""
_ON_MACOS = {"~/.config/Claude/": "Claude/", "~/.config/Code/": "Code/"}
HEAD = """# Hosts

Twelve clients, one command each. It enters Readroom into the client's own file, keeps what is in it and a copy of how
it first was. This page is written by `python docs/hosts_page.py` from mcp_server/hosts.py.

| | |
|---|---|
| See the entry, and write nothing | `readroom install cursor --print` |
| Say what may be read | `--root ~/Documents`, repeated; run again, it keeps the folders it had |
| Take it out | `readroom uninstall cursor` |
| A server that runs already | `--url http://127.0.0.1:8765/mcp`, with READROOM_SERVER__TOKEN as its token |

Without a folder the home folder may be read, but nothing hidden in it, where keys lie. After an installation restart
the client.

## One click

**Claude Desktop** installs a bundle, whose dialogue asks for the folders and the engine. `make bundle` makes it in a
clone; open `dist/readroom.mcpb` with Claude Desktop, or drop it into its settings under Extensions. By the format's
description Claude Desktop brings what the bundle needs (uv, and Python by it); the first start downloads Readroom's
requirements. The bundle passes the format's own check and starts as the description says a client starts it; Claude
Desktop itself was not at hand to try it. The kind `uv` is called experimental by its makers: where it is not taken,
the command below does the same.

**VS Code** and **Cursor** have a link each below. It enters what the installation has left in `~/.readroom`, without
a folder, and is of use only after it: a link cannot install. Both follow what the two programs document; neither was
at hand to try them.

**On the day of publication** a link will install, for then one command starts Readroom on every machine, and
the bundle can be downloaded. Until then nothing of Readroom is on a registry.

## `mcp dev`

`~/.readroom/bin/mcp dev mcp_server/server.py` opens the server in the MCP Inspector, from any folder (with the file's
path from there); it needs Node and uv.
"""
_NOTES: dict[ClientName, str] = {
    "claude-desktop": "Servers at an address are entered in its own dialogue.",
    "claude-code": (
        "This file holds for one folder, and is shared with it. `--scope user` enters Readroom for all your projects,\n"
        "by `claude mcp add`."
    ),
    "windsurf": "Since June 2026 it is called Devin Desktop: see there.",
    "continue": "A file of Readroom's own: Continue reads all that lie in this folder.",
}


def install_link(client: ClientName) -> str | None:
    """Return a web address that has a client ask its user to add Readroom; None: the client has none.

    Both clients put the home folder in the place of `${userHome}`.
    """
    entry = HOSTS[client].command_entry("${userHome}/.readroom/bin/readroom", ["serve"])
    written = json.dumps(entry, separators=(",", ":"))
    links: Mapping[str, Callable[[], str]] = {
        "vscode": lambda: f"https://vscode.dev/redirect/mcp/install?name=readroom&config={quote(written, safe='')}",
        "cursor": lambda: (
            "https://cursor.com/en/install-mcp?name=readroom&config="
            + quote(base64.b64encode(written.encode()).decode(), safe="")
        ),
    }
    return links[client]() if client in links else None


def page() -> str:
    """Return the whole page."""
    return "\n".join([HEAD, *(_section(name, host) for name, host in HOSTS.items())])


def _section(name: ClientName, host: Host) -> str:
    path = host.file()
    shown = ".mcp.json" if path.parent == Path.cwd() else f"~/{path.relative_to(Path.home())}"
    where = f"`{shown}`"
    for folder, on_macos in _ON_MACOS.items():
        if shown.startswith(folder):
            where += f", on macOS `~/Library/Application Support/{on_macos}{shown.removeprefix(folder)}`"
    entry = configuration.dump(path, {host.key: {"readroom": host.command_entry(COMMAND, ["serve"])}})
    lines = [f"## {host.title}", "", f"`readroom install {name}` writes {where}:", ""]
    lines += [f"```{path.suffix.removeprefix('.')}", entry.rstrip(), "```", ""]
    if link := install_link(name):
        lines += [f"Or by its link: [Add to {host.title}]({link}).", ""]
    if note := _NOTES.get(name):
        lines += [note, ""]
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page())
    sys.stdout.write(f"{PAGE} written\n")
