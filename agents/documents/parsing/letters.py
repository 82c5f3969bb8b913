"""The letters and digits of a text, and nothing else of it: what stays the same however the text is laid out."""

import unicodedata
from collections.abc import Iterable
from typing import NamedTuple


class Letters(NamedTuple):
    """Letters and digits without accents, ligatures and capitals, and where each comes from."""

    text: str
    places: list[int]
    """Of each the index of the character that it was made of."""

    def find_all(self, wanted: str) -> list[int]:
        """Return where some letters stand, from the left, none within another."""
        found: list[int] = []
        start = self.text.find(wanted) if wanted else -1
        while start >= 0:
            found.append(start)
            start = self.text.find(wanted, start + len(wanted))
        return found


def letters_of(characters: Iterable[str]) -> Letters:
    """Return the letters and digits of a text, given character by character."""
    text: list[str] = []
    places: list[int] = []
    for place, character in enumerate(characters):
        for plain in unicodedata.normalize("NFKD", character).casefold():
            if plain.isalnum():
                text.append(plain)
                places.append(place)
    return Letters("".join(text), places)
