"""What is known of a language by itself: the record that each file in agents/language/data fills."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

Words = tuple[str, ...]
"""Words or patterns of words, in small letters. In the files white space parts them, and "~" is a space within one."""


@dataclass(frozen=True)
class Language:
    """The words of a language that code must know. A language about which less is known has fewer of them."""

    name: str
    small_words: Words = ()  # They carry grammar rather than content; without the negations.
    negations: Words = ()
    negations_behind: Words = ()  # Those that may stand behind all that they negate.
    exceptions: Words = ()  # They negate nothing, but a sentence without them says something else.
    limits: Words = ()  # Behind a negation, which then denies nothing: "no more than 5".

    units: Words = ()  # Number words from 0 up; a dot for one that means something else too, as "un" does.
    tens: Words = ()  # From 20 up to 100.
    scales: Mapping[str, int] = field(default_factory=dict[str, int])  # They multiply the number before them.
    ordinals: Words = ()  # From the first up.
    amounts: Words = ()  # Further words that say how many or how often.
    computing: Words = ()  # They say that a figure was computed.

    months: Words = ()
    short_months: Words = ()  # Without the full stop.
    weekdays: Words = ()

    abbreviations: Words = ()  # After these, without the full stop, no sentence ends, ...
    abbreviations_before_numbers: Words = ()  # ... after these none where a number follows, ...
    abbreviations_at_ends: Words = ()  # ... and after these none unless one of the openers follows.
    openers: Words = ()  # They plainly begin a sentence.
    before_ordinal: Words = ()  # Behind these a number with a full stop is an ordinal: im 3. Obergeschoss.

    # What a reader calls a page, ...
    pages: Words = ()
    sections: Words = ()  # ... a section: section 2, clause 2 and article 2 can be the same, ...
    chapters: Words = ()  # ... a part whose heading may be a number without the word, ...
    annexes: Words = ()  # ... a part that is what its word says and nothing else, ...
    sheets: Words = ()  # ... and a sheet of a workbook.
    before_places: Words = ()  # Prepositions and articles before one of these.
    between_places: Words = ()  # "and", "or".
    up_to: Words = ()  # Between the ends of a range.
    first: Words = ()
    last: Words = ()

    # Where no spaces part the words: what negates and what carries grammar, the longer before the shorter.
    script_negations: Words = ()
    script_function_words: Words = ()
    limits_of_script: Words = ()
    counted: Words = ()  # What numbers count; another numeral than before these may be part of a word.
    negates_before: bool = False  # Whether a negation stands behind what it negates.

    @classmethod
    def load(cls, path: Path) -> "Language":
        """Return the language of a file, whose keys are the fields above."""
        table: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        words: dict[str, Any] = {
            key: tuple(word.replace("~", " ") for word in value.split()) if isinstance(value, str) else value
            for key, value in table.items()
            if key != "name"
        }
        return cls(name=table["name"], **words)

    @cached_property
    def function_words(self) -> frozenset[str]:
        """Words that carry grammar rather than content: a search ignores them, and they tell a text's language."""
        return frozenset(self.small_words + self.negations)

    @cached_property
    def numbers(self) -> Mapping[str, int]:
        """Words and the numbers they stand for."""
        values = [*enumerate(self.units), *((10 * tens, word) for tens, word in enumerate(self.tens, 2))]
        return {word: value for value, word in values if word != "."}

    @property
    def unspaced(self) -> bool:
        """Whether spaces do not tell its words: agents/language/unspaced.py cuts its texts."""
        return bool(self.script_negations)

    @property
    def stemmer(self) -> str:
        """The name of its Snowball stemmer; of a language without word endings, the one for foreign words in it."""
        return "english" if self.unspaced else self.name.lower()
