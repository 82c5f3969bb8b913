"""What is known of a language by itself: the record that each file in agents/language/data fills."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

Words = tuple[str, ...]
"""Words or patterns of words, in small letters. In the files white space parts them, and "~" is a space within one."""
DATA = Path(__file__).with_name("data")
FIELDS: Mapping[str, str] = tomllib.loads((DATA / "fields.toml").read_text(encoding="utf-8"))
"""What each list of a language holds."""


@dataclass(frozen=True)
class Language:
    """The words of a language that code must know: language["months"]; `FIELDS` says what each list holds."""

    name: str
    lists: Mapping[str, Words]
    scales: Mapping[str, int]
    """Number words that multiply the number before them."""
    negates_before: bool
    """Whether a negation stands behind what it negates."""

    @classmethod
    def load(cls, path: Path) -> "Language":
        """Return the language of a file."""
        table: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        name, scales, before = table.pop("name"), table.pop("scales", {}), table.pop("negates_before", False)
        if unknown := table.keys() - FIELDS.keys():
            raise TypeError(f"{path.name} holds lists that code does not know: {', '.join(sorted(unknown))}.")
        lists = {field: tuple(word.replace("~", " ") for word in words.split()) for field, words in table.items()}
        return cls(name, lists, scales, before)

    def __getitem__(self, field: str) -> Words:
        return self.lists.get(field, ()) if FIELDS[field] else ()

    @cached_property
    def function_words(self) -> frozenset[str]:
        """Words that carry grammar rather than content: a search ignores them, and they tell a text's language."""
        return frozenset(self["small_words"] + self["negations"])

    @cached_property
    def numbers(self) -> Mapping[str, int]:
        """Words and the numbers they stand for."""
        values = [*enumerate(self["units"]), *((10 * tens, word) for tens, word in enumerate(self["tens"], 2))]
        return {word: value for value, word in values if word != "."}

    @property
    def unspaced(self) -> bool:
        """Whether spaces do not tell its words: agents/language/unspaced.py cuts its texts."""
        return bool(self["script_negations"])

    @property
    def stemmer(self) -> str:
        """The name of its Snowball stemmer; of a language without word endings, the one for foreign words in it."""
        return "english" if self.unspaced else self.name.lower()
