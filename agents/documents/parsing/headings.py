"""Finding headings: marked up as Markdown, by their number, by their size."""

import re
from collections import Counter
from collections.abc import Iterable

from agents.language.sentences import DAY_OF_MONTH

Found = tuple[int, str, int]
"""Level, text and start."""

MAX_LENGTH = 160
"""The longest heading, in characters."""

BIGGER = 1.12
"""How many times as large as most of the text a heading is, at least."""

_MAX_LEVEL = 6
_MARKDOWN = re.compile(
    r"^ {0,3}(#{1,6})[ \t]+(\S[^\n]{0,300}?)(?:[ \t]{1,9}#+)?[ \t]{0,99}$|^ {0,3}(```|~~~)", re.MULTILINE
)
_UNDERLINED = re.compile(r"^(\S[^\n]{0,159})\n(=+|-+)[ \t]*$", re.MULTILINE)
_NUMBERED = re.compile(
    rf"^(?!{DAY_OF_MONTH})(\d{{1,2}}(?:\.\d{{1,2}}){{0,4}})\.?[ \t]+([^\W\d_][^\n]{{1,90}}[^\s.;:,])$", re.MULTILINE
)
_MARKS = re.compile(r"[*`]+|\[([^\]]*)\]\([^)]*\)")


def in_markdown(text: str) -> list[Found]:
    """Return the headings of a Markdown text, without those inside code blocks."""
    found: list[Found] = []
    fence = ""
    for match in _MARKDOWN.finditer(text):
        if match.group(3):
            fence = "" if fence == match.group(3) else fence or match.group(3)
        elif not fence:
            found.append((len(match.group(1)), _plain(match.group(2)), match.start()))
    for match in _UNDERLINED.finditer(text):
        starts_paragraph = match.start() == 0 or text[match.start() - 2 : match.start()] == "\n\n"
        if starts_paragraph and match.group(1)[0] not in "#|->":
            found.append((1 if match.group(2)[0] == "=" else 2, _plain(match.group(1)), match.start()))
    return sorted(found, key=lambda heading: heading[2])


def by_number(text: str) -> list[Found]:
    """Return the numbered lines that follow each other like a document's sections: 1, 1.1, 1.2, 2, ...

    Where there are two such runs, as in a table of contents and then in the text, the longer one is returned, and of
    two equal ones the second.
    """
    runs: list[list[Found]] = [[]]
    last: tuple[int, ...] = (0,)
    for match in _NUMBERED.finditer(text):
        number = tuple(int(part) for part in match.group(1).split("."))
        if number == (1,):
            runs.append([])
        elif not _follows(last, number):
            continue
        runs[-1].append((len(number), match.group().strip(), match.start()))
        last = number
    longest = max(reversed(runs), key=len)
    return longest if len(longest) > 1 else []


def by_size(lines: Iterable[tuple[float, str, int]], most: int) -> list[Found]:
    """Return the lines set larger than most of the text.

    Args:
        lines: Height, text and start of each line.
        most: More lines than this are no headings: none are returned.
    """
    lines = list(lines)
    characters: Counter[float] = Counter()
    for height, text, _ in lines:
        characters[height] += len(text)
    body = characters.most_common(1)[0][0] if characters else 0.0
    found: list[tuple[float, str, int]] = []
    end = -1
    for height, text, start in lines:
        if height <= body * BIGGER or len(text) > MAX_LENGTH or not any(map(str.isalpha, text)):
            continue
        if found and start - end <= 1 and found[-1][0] == height:
            found[-1] = (height, f"{found[-1][1]} {text.strip()}", found[-1][2])
        else:
            found.append((height, text.strip(), start))
        end = start + len(text)
    if len(found) > most:
        return []
    levels = {height: level for level, height in enumerate(sorted({h for h, _, _ in found}, reverse=True), 1)}
    return [(min(levels[height], _MAX_LEVEL), text[:MAX_LENGTH], start) for height, text, start in found]


def _follows(last: tuple[int, ...], number: tuple[int, ...]) -> bool:
    """Whether section `number` may come next after section `last`: 1.3 → 1.3.1, 1.4 or 2."""
    if len(number) > len(last):
        return number[:-1] == last and number[-1] in (0, 1)
    return number[:-1] == last[: len(number) - 1] and number[-1] == last[len(number) - 1] + 1


def _plain(heading: str) -> str:
    """Return a Markdown heading without emphasis and links."""
    return _MARKS.sub(r"\1", heading).strip()
