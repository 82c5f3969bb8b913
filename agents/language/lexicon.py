"""The languages, which of them a text is in, and what holds across them."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType

from agents.language.language import DATA, Language, Words

_NAMES = """
english german french spanish italian dutch portuguese swedish danish norwegian finnish russian turkish arabic chinese
japanese korean thai
"""
LANGUAGES: Mapping[str, Language] = MappingProxyType(
    {language.name: language for language in (Language.load(DATA / f"{name}.toml") for name in _NAMES.split())}
)
"""By name; of languages that tie in a text, the one listed first is the text's."""
ENGLISH, GERMAN, CHINESE = (LANGUAGES[name] for name in ("English", "German", "Chinese"))
NEGATIONS = frozenset[str]().union(*(language["negations"] for language in LANGUAGES.values()))
"""Of every language."""

# A word by itself; letters inside a code such as WO-1043 are none.
_WORD = re.compile(r"(?<![\w-])[^\W\d_]+(?!\w|[-./:]\w)")
_SAMPLE_CHARACTERS = 20_000
_LETTERS_OF_FUNCTION_WORD = 4
"""Every tenth letter of English prose begins a function word; four letters of Chinese say as much as ten of English."""
_SCRIPTS = {
    "Chinese": re.compile("[\u3400-\u9fff]"),
    "Japanese": re.compile("[\u3041-\u30ff]"),
    "Korean": re.compile("[\uac00-\ud7a3]"),
    "Thai": re.compile("[\u0e01-\u0e4e]"),
}
_SHARE_OF_KANA = 0.05
"""Of the letters of Japanese at least; a Chinese text may name something Japanese."""


def detect_language(text: str) -> str:
    """Return the name of the language whose function words are the most frequent in `text`, "" if there are none.

    Chinese, Japanese, Korean and Thai are told by their letters. Only the first 20,000 characters count.
    """
    sample = text[:_SAMPLE_CHARACTERS].lower()
    words = Counter(_WORD.findall(sample))
    counts: dict[str, float] = {
        name: sum(words[word] for word in words.keys() & language.function_words)
        for name, language in LANGUAGES.items()
    }
    if not sample.isascii():
        letters = {name: len(script.findall(sample)) for name, script in _SCRIPTS.items()}
        # Japanese is written in Chinese letters, too.
        both = letters["Chinese"] + letters["Japanese"]
        letters |= (
            {"Chinese": 0, "Japanese": both} if letters["Japanese"] > _SHARE_OF_KANA * both else {"Chinese": both}
        )
        counts |= {name: count / _LETTERS_OF_FUNCTION_WORD for name, count in letters.items()}
    best = max(counts, key=lambda name: counts[name])
    return best if counts[best] else ""


def language_of(text: str) -> Language:
    """Return the language of `text`, English where no function word tells it."""
    return LANGUAGES[detect_language(text) or "English"]


def every(*fields: str) -> str:
    """Return a pattern that matches any word that any language has in some fields."""
    return alternatives(each[field] for each in LANGUAGES.values() for field in fields)


def alternatives(lists: Iterable[Words]) -> str:
    """Return a pattern that matches any word of some lists."""
    return "|".join(dict.fromkeys(word for words in lists for word in words))


@lru_cache(maxsize=256)
def words_of(field: str, name: str = "") -> re.Pattern[str]:
    """Return a pattern that finds what a language, or any, has in a field: whole words, where spaces part its words."""
    known = [LANGUAGES[name]] if name else LANGUAGES.values()
    spaced = alternatives(each[field] for each in known if not each.unspaced)
    unspaced = alternatives(each[field] for each in known if each.unspaced)
    patterns = filter(None, (spaced and rf"\b(?:{spaced})\b", unspaced))
    return re.compile("|".join(patterns) or "(?!)", re.IGNORECASE)
