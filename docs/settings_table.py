"""Write docs/settings.md from the settings themselves: `python docs/settings_table.py`."""

import inspect
import sys
from pathlib import Path

from pydantic import BaseModel, SecretStr

from agents.settings import Settings, sections

PAGE = Path(__file__).with_name("settings.md")
HEAD = """# Settings

Settings are read from the environment. Lists are written as JSON: `READROOM_DOCUMENTS__ROOTS='["/home/me/papers"]'`.
`readroom doctor` and `readroom serve` name a READROOM_* variable that no setting reads, and the one probably meant.
This page is written by `python docs/settings_table.py` from agents/settings.py.
"""


def page() -> str:
    """Return the whole page."""
    tables = [_table("", Settings)]
    for name, section in sections().items():
        doc = inspect.cleandoc(section.__doc__ or "")
        tables.append(f"## {name.capitalize()}\n\n{doc}\n\n{_table(f'{name.upper()}__', section)}")
    return "\n".join([HEAD, *tables])


def _table(prefix: str, model: type[BaseModel]) -> str:
    rows = ["| Variable | Default | Meaning |", "|---|---|---|"]
    for name, field in model.model_fields.items():
        if model is Settings and name in sections():
            continue
        default = "the user's data folder" if name == "data_dir" else f"`{_shown(field.default)}`"
        meaning = " ".join((field.description or "").split())
        rows.append(f"| `READROOM_{prefix}{name.upper()}` | {default} | {meaning} |")
    return "\n".join(rows) + "\n"


def _shown(default: object) -> str:
    if default is None or isinstance(default, SecretStr):
        return "none"
    return str(default).lower() if isinstance(default, bool) else str(default)


if __name__ == "__main__":
    PAGE.write_text(page())
    sys.stdout.write(f"{PAGE} written\n")
