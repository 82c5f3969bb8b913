"""Cutting a text into sentences by rule, as offsets into the text."""

import re
from collections.abc import Iterator

from agents.language.lexicon import GERMAN, LANGUAGES, alternatives, every
from agents.language.unspaced import HAN, KANA, SOUTH_EAST, is_unspaced

_MAX_CHARACTERS = 1_200
_EDGE = 200
"""Characters at each end of a line that are looked at, which keeps the time linear."""
_MAX_ABBREVIATION = 6
_FITS = 0.75
"""A line is full where the next word would go beyond this share of the block's width."""

# Every punctuation run that may end a sentence, with closing quotes, brackets and footnote marks.
_STOP = re.compile(r"(?:[。！？｡]+[.!?…。！？｡]*|[.!?…]+)(?:[\"'”’»)\]*_」』\uff09】》〉]|\[\^?\d+\])*")
_LINE = re.compile(r"[^\n]+")
_FULL_STOPS = "。！？｡"
# What somebody says, with its own full stop, and who says it: 「…。」と述べた.
_SPEECH_GOES_ON = re.compile("[」』](?:と|って|など)")
# Thai ends a sentence with a space and nothing else, and has spaces between clauses too. What is shorter is one clause:
# a sentence of Thai has some 60 letters.
_THAI_SPACE = re.compile("(?<=[\u0e01-\u0e3a\u0e40-\u0e45\u0e47-\u0e4e])[ \u00a0]+(?=[\u0e01-\u0e2e\u0e40-\u0e44])")
_LEAST_OF_THAI = 40
_THAI = re.compile("\\W*[\u0e01-\u0e45]")
_NEXT = re.compile(r"\s+[\"'“‘«(\[*_]*(\S\w*)")
_PARTS = every("pages", "sections", "chapters", "annexes", "sheets")
_STARTS_ALONE = re.compile(
    rf"(?=[A-ZÀ-Þ])(?i:{_PARTS})\s+[\dA-Z]+\b(?=[\s.:–-]*(?:[A-ZÀ-Þ]|$))|"
    r"""(?:
        [-*+•‣◦▪–—·o]\s+\S | >\s | [{}\[\]]+,?\s*$ | "[^"\n]+":
        | \(?(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{1,5})[.)]\s+\S     # 1.  2)  (a)
        | (?:§+\s*)?\d+(?:\.\d+)+\.?\s+\S                    # 7.2 and § 7.2
        | 第[\d一二三四五六七八九十百\u3007零]+[条條章节節款项項編编] | 제\s?\d+\s?[조장절항] | ข้อ\s\d
        | [\uff08(][\d一二三四五六七八九十]+[\uff09)] | [一二三四五六七八九十]{1,3}、 | [・●○◆■※]
    )""",
    re.VERBOSE,
)
_MARKED = re.compile(r"[ \t]*(?:#{1,6}\s|\||[-=*_~`]{3,}\s*\w*\s*$)")
_CELLS = re.compile(r"[^,\s]*,[^,\s][^,]*,[^,\s]")
# A number's own commas, as in 3,120 and 0,5, which part no cells.
_COMMAS_OF_NUMBER = re.compile(r"(?<![\d,.:/-])(?:\d{1,3}(?:,\d{3})+|\d+,\d+)(?!\d|,\S)")
_NUMBER_ENDS = re.compile(r"\d(?=\s|$)")
_KEY_AND_VALUE = re.compile(r"\s*(?:[A-Z][\w()/-]*\s?){1,4}:\s")
_FUNCTION_WORDS = frozenset[str]().union(*(language.function_words for language in LANGUAGES.values()))
_LAST_WORD = re.compile(r"(?<!\S)(?:[^\W\d_]{2,12}|a)$")
_LIST_NUMBER = re.compile(r"[ \t]*(?:#{1,6}\s+)?(?:§+\s*)?(?:\d+(?:\.\d+)*|[a-zA-Z]|[ivxIVX]{1,5})\.$")

# Months that are written with a capital after the number of a day; before small letters no sentence ends anyway.
_MONTHS = alternatives(LANGUAGES[name]["months"] for name in ("German", "Danish", "Norwegian"))
_MONTH = rf"(?i:(?:{'|'.join(GERMAN['short_months'])})\.|(?:{_MONTHS})\b)"
DAY_OF_MONTH = rf"(?:[0-2]?\d|3[01])\.\s{{1,9}}(?:{_MONTH}|\d{{1,2}}\.\s{{0,9}}\d{{4}}\b)"
"""A day and its month as they are written in German, as in 1. September and 1. 9. 2024."""

# Korean writes 2018. 3. 31.
_DATE = re.compile(rf"(?<!\w)(?:{DAY_OF_MONTH}|\d{{4}}\.\s?(?:0?[1-9]|1[0-2])\.(?:\s?\d{{1,2}}\.)?)")
_MAX_DATE, _BEFORE_MONTH = 40, 14
_ORDINAL = re.compile(rf"\b(?:{'|'.join(GERMAN['before_ordinal'])})\s\d{{1,2}}$")
_ABBREVIATION = re.compile(
    rf"(?P<never>{every('abbreviations')})"
    rf"|(?P<number>{every('abbreviations_before_numbers', 'short_months')})"
    rf"|(?P<mostly>{every('abbreviations_at_ends')})"
)
_LETTERS = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]")
"""Each with a full stop behind it, as in U.S.C."""
_BEFORE_WORD = re.compile(r"[\s(\[\"'’“‘*_]")
_OPENERS = frozenset(word for each in LANGUAGES.values() for word in each["openers"])


def split_sentences(text: str) -> list[tuple[int, int]]:
    """Cut a text into sentences.

    Lines wrapped inside a sentence belong together; headings, list items and table rows stand alone. A sentence without
    an end is cut at white space after 1,200 characters. Takes time linear in the text.

    Returns:
        `(start, end)` of each sentence without the white space around it, in order; together they hold every character
        that is not white space.
    """
    sentences = (span for start, end in _units(text) for span in _cut_at_stops(text, start, end))
    return [span for start, end in sentences for span in _cut_long(text, start, end)]


def _units(text: str) -> Iterator[tuple[int, int]]:
    """Yield spans of lines that no sentence crosses: wrapped lines joined, others by themselves."""
    block: list[tuple[int, int]] = []
    for match in _LINE.finditer(text):
        start, end = match.span()
        blank = not match.group().strip()
        if block and (blank or start - block[-1][1] > 1):
            yield from _join_lines(text, block)
            block = []
        if not blank:
            block.append((start, end))
    if block:
        yield from _join_lines(text, block)


def _join_lines(text: str, block: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield the lines of a block without blank lines, with those that were only wrapped joined."""
    lengths = sorted(end - start for start, end in block)
    width = lengths[len(lengths) * 4 // 5]
    heads = [text[start : min(end, start + _EDGE)] for start, end in block]
    alone = list(map(_stands_alone, heads))
    unit_start, unit_end = block[0]
    for index in range(1, len(block)):
        start, end = block[index]
        tail = text[max(block[index - 1][0], unit_end - _EDGE) : unit_end].rstrip()
        room = width * _FITS - (unit_end - block[index - 1][0])
        if alone[index - 1] or alone[index] or not _is_wrap(heads[index - 1], tail, heads[index].strip(), room):
            yield unit_start, unit_end
            unit_start = start
        unit_end = end
    yield unit_start, unit_end


def _is_wrap(line: str, tail: str, following: str, room: float) -> bool:
    """Whether `following` continues the line, which ends in `tail`, and was only wrapped to fit."""
    if following[:5].isalpha() and following[0].islower():
        return True
    goes_on = _LAST_WORD.search(tail)
    goes_on = goes_on is not None and goes_on.group() in _FUNCTION_WORDS
    if goes_on and _DATE.match(following):
        return True
    if _STARTS_ALONE.match(following):
        return False
    if tail[-1:] not in ".!?:" and all(map(_is_row_of_numbers, (line, following))):
        return False
    if tail[-1:] in ",-;\u00ad" or following[:1].islower() or goes_on:
        return True
    if _KEY_AND_VALUE.match(line) and _KEY_AND_VALUE.match(following):
        return False
    # A word that would have fitted on the line was put on the next one on purpose.
    if _BREAKS_ANYWHERE.match(following):
        return room < _LETTERS_KEPT
    return len(following.split(None, 1)[0] if following else "") + 1 > room


_BREAKS_ANYWHERE = re.compile(f"[{HAN}{KANA}{SOUTH_EAST}]")
_LETTERS_KEPT = 2
"""Letters that go to the next line together, in scripts whose lines may be broken between any two."""


def _stands_alone(line: str) -> bool:
    """Whether a line is a heading, a rule or a table's row, which no other line continues."""
    if _MARKED.match(line) or "\t" in line or " | " in line:
        return True
    if " " in line.strip():
        line = _COMMAS_OF_NUMBER.sub("0", line)
    return line.count(",") > line.count(", ") + 1 and bool(_CELLS.search(line))


def _is_row_of_numbers(line: str) -> bool:
    """Whether a line looks like a row of a table: at least three cells, many of them numbers."""
    words = line.strip().count(" ") + 1
    return words >= 3 and len(_NUMBER_ENDS.findall(line)) >= 0.4 * words


def _cut_at_stops(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the sentences of one unit, each with the white space before it."""
    while text[end - 1].isspace():
        end -= 1
    if not text.startswith("|", start):
        for stop in _STOP.finditer(text, start, end):
            if stop.end() < end and _ends_sentence(text, start, stop, end):
                yield from _cut_thai(text, start, stop.end())
                start = stop.end()
    yield from _cut_thai(text, start, end)


def _cut_thai(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield a sentence, or the clauses of one in Thai."""
    if _THAI.match(text, start, end):
        for space in _THAI_SPACE.finditer(text, start, end):
            if space.start() - start >= _LEAST_OF_THAI:
                yield start, space.start()
                start = space.start()
    yield start, end


def _ends_sentence(text: str, begin: int, stop: re.Match[str], end: int) -> bool:
    """Whether the punctuation at `stop` ends the sentence that began at `begin`."""
    if stop.group()[0] in _FULL_STOPS:
        return not _SPEECH_GOES_ON.match(text, stop.end() - 1)
    around = text[stop.start() - 1 : stop.start()], text[stop.end() : stop.end() + 1]
    if stop.group()[0] in "!?" and all(map(is_unspaced, around)):
        return True
    following = _NEXT.match(text, stop.end(), end)
    if following is None or following.group(1)[0].islower() or following.group(1)[0] in ".,;:!?…":
        return False
    if stop.group()[0] != "." or stop.group().startswith(".."):
        return True
    # The dots that lead to a page number in a table of contents.
    if following.group(1)[0].isdigit() and text[stop.start() - 1 : stop.start()].isspace():
        return False
    spaced = len(following.group(1)) == 1 and text.startswith(".", following.end())
    return not _is_abbreviation(text, begin, stop.start(), following.group(1), spaced)


def _is_abbreviation(text: str, begin: int, dot: int, following: str, spaced: bool) -> bool:
    """Whether the full stop at `dot` belongs to an abbreviation, an initial or a list's number.

    Where a single letter with its own full stop follows (`spaced`), a letter before it is of the same abbreviation.
    """
    if dot - begin < 24 and _LIST_NUMBER.match(text[begin : dot + 1].lstrip()):
        return True
    written = _BEFORE_WORD.split(text[max(begin, dot - 30) : dot])[-1]
    if len(written) > _MAX_ABBREVIATION:
        return False
    if written.isdigit():
        dates = _DATE.finditer(text, max(begin, dot - _BEFORE_MONTH), dot + _MAX_DATE)
        in_date = any(date.start() < dot < date.end() for date in dates)
        return in_date or bool(_ORDINAL.search(text, max(begin, dot - 16), dot))
    known = _ABBREVIATION.fullmatch(written.lower())
    kind = known.lastgroup if known else "mostly" if _LETTERS.fullmatch(written) else None
    if following[0].isdigit():
        return kind is not None
    if spaced and len(written) == 1 and written.isalpha():
        return True
    if kind == "mostly" or (len(written) == 1 and written.isupper()):
        return following.lower() not in _OPENERS
    return kind == "never"


def _cut_long(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield a sentence without white space around it, an overlong one in pieces that end at a line, ";" or a space."""
    while end - start > _MAX_CHARACTERS:
        cut = max(text.rfind(mark, start + _MAX_CHARACTERS // 2, start + _MAX_CHARACTERS) for mark in "\n; ")
        cut = cut + 1 if cut >= 0 else start + _MAX_CHARACTERS
        if piece := text[start:cut].strip():
            first = text.index(piece, start)
            yield first, first + len(piece)
        start = cut
    if rest := text[start:end].lstrip():
        yield end - len(rest), end


# With its closing marks and the references behind it; not the point of an initial.
_ENDING = re.compile(r"(?<![\s.(]\w)[.!?…。！？｡؟\u06d4][\"'”’»)\]」』）]*(?:\s?\[[\d, –-]+\]\s?\.?)*$")


def ends_sentence(text: str) -> bool:
    """Whether a text ends as a sentence does."""
    return bool(_ENDING.search(text))


def is_whole_sentence(text: str) -> bool:
    """Whether a text has the form of a whole sentence: it begins with no small letter, and ends as one does."""
    return text[:1].isalnum() and not text[0].islower() and ends_sentence(text)
