"""For mkdocs: the icon, and links from a page to files of the repository that are no pages."""

import re
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parent.parent
_LINK = re.compile(r"\]\(\.\./([^)#]+)")


def on_files(files: Files, config: Any) -> Files:  # noqa: ANN401
    """Add the icon that the server shows to its clients."""
    files.append(File.generated(config, "icon.svg", abs_src_path=str(ROOT / "mcp_server" / "icon.svg")))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, **_: object) -> str:  # noqa: ANN401
    """Let links above the folder of the pages lead to the repository.

    Raises:
        PluginError: A file is not there.
    """

    def linked(found: re.Match[str]) -> str:
        if not (ROOT / found[1]).exists():
            raise PluginError(f"{page.file.src_path} links to {found[1]}, which is not there.")
        return f"]({config.repo_url}/blob/main/{found[1]}"

    return _LINK.sub(linked, markdown)
