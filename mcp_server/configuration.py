"""A client's configuration file: read, changed and written back with everything else that is in it.

JSON and TOML. TOML keeps its comments; JSON with comments is left to its owner, for rewriting it would lose them.
"""

import codecs
import json
import re
import shutil
import tempfile
import tomllib
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any, cast

import tomlkit
from tomlkit.exceptions import ParseError

_BACKUP_SUFFIX = ".before-readroom"
_INDENT = re.compile(r'^[ \t]+(?=")', re.MULTILINE)
_STRING_OR_COMMENT = re.compile(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', re.DOTALL)
_STRING_OR_LAST_COMMA = re.compile(r'("(?:\\.|[^"\\])*")|,(?=\s*[}\]])')

Configuration = MutableMapping[str, Any]


class CannotRewriteError(Exception):
    """The file cannot be written back without losing something; the message says why."""


def read(path: Path) -> Configuration:
    """Return what the file holds; nothing where it is missing or empty.

    Raises:
        CannotRewriteError: It is not UTF-8, not plain JSON or TOML, or no object.
        OSError: It cannot be read.
    """
    text = _text(path)
    if path.suffix == ".toml":
        try:
            return tomlkit.parse(text)
        except ParseError as error:
            raise CannotRewriteError(f"it is no valid TOML ({error})") from error
    try:
        configuration: Any = json.loads(text) if text.strip() else {}
    except json.JSONDecodeError as error:
        if _parse_commented(text) is not None:
            raise CannotRewriteError("it holds comments or trailing commas, which writing would lose") from error
        raise CannotRewriteError(f"it is not plain JSON (line {error.lineno}: {error.msg})") from error
    if not isinstance(configuration, dict):
        raise CannotRewriteError("it does not hold a JSON object")
    return cast("Configuration", configuration)


def entry(path: Path, key: str, name: str) -> dict[str, Any]:
    """Return what the file says of a server, whether or not it can be rewritten; nothing where it cannot be told."""
    try:
        text = _text(path, errors="replace")
        whole = tomllib.loads(text) if path.suffix == ".toml" else _parse_commented(text)
    except (OSError, tomllib.TOMLDecodeError):
        return {}
    found: Any = whole or {}
    for step in (key, name):
        found = cast("Configuration", found).get(step) if isinstance(found, dict) else None
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def write(path: Path, configuration: Configuration) -> Path | None:
    """Write the file in one step, with the mode it had, and return where it is kept as it was first found.

    Raises:
        OSError: It cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    text = _dumped(path, configuration)
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", newline="", dir=path.parent, delete=False) as file:
        file.write(text)
    if path.exists():
        if not backup_path(path).exists():
            shutil.copy2(path, backup_path(path))
        shutil.copymode(path, file.name)
    Path(file.name).replace(path)
    return backup(path)


def backup(path: Path) -> Path | None:
    """Return the copy of the file as it was first found, if there is one."""
    return backup_path(path) if backup_path(path).exists() else None


def backup_path(path: Path) -> Path:
    """Return where the file is copied to before it is first changed."""
    return path.with_name(path.name + _BACKUP_SUFFIX)


def dump(path: Path, configuration: Configuration, indent: str = "  ") -> str:
    """Return the configuration in the file's format."""
    if path.suffix == ".toml":
        return tomlkit.dumps(configuration)  # pyright: ignore[reportUnknownMemberType]
    return json.dumps(configuration, indent=indent, ensure_ascii=False) + "\n"


def _dumped(path: Path, configuration: Configuration) -> str:
    indent = _INDENT.search(_text(path))
    return dump(path, configuration, indent[0] if indent else "  ")


def _text(path: Path, errors: str = "strict") -> str:
    if not path.exists():
        return ""
    raw = path.read_bytes()
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        if errors == "replace":
            return raw.decode("utf-16", errors)
        raise CannotRewriteError(
            "it is UTF-16, as PowerShell writes it, and clients read UTF-8; save it as UTF-8 first"
        )
    try:
        return raw.decode("utf-8-sig", errors)
    except UnicodeDecodeError as error:
        raise CannotRewriteError("it is not UTF-8; save it as UTF-8 first") from error


def _parse_commented(text: str) -> Configuration | None:
    """Return what JSON with comments and trailing commas holds, or None where it is not even that."""
    bare = _STRING_OR_COMMENT.sub(lambda match: match[1] or " ", text)
    bare = _STRING_OR_LAST_COMMA.sub(lambda match: match[1] or "", bare)
    try:
        configuration = json.loads(bare)
    except json.JSONDecodeError:
        return None
    return cast("Configuration", configuration) if isinstance(configuration, dict) else None
