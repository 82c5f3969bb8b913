"""Reading JSON and JSON lines as records: every value stands with its keys, and each record by itself."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import cast

from agents.documents.parsing.encoding import decode
from agents.documents.parsing.limits import holds_characters
from agents.documents.parsing.parsed import Parsed, clean, join_pages, shorten

Value = object
"""What JSON holds: an `Object`, a list, a string, a `Number`, a truth value or None."""

_MAX_CELL = 200
"""Characters of a value that stands in its record's row; a longer one is a paragraph, with sentences of its own."""
_MAX_ROW = 1_000
"""Characters; sentences are cut at 1,200, where the rest of a row would lose its keys."""
_HEADING = "# "
_MAX_NAME = 60
"""Characters of a record's first values that are repeated with each record inside of it, to say whose it is."""


def read_json(data: bytes, _name: str) -> Parsed:
    """Read JSON, JSON lines or several JSON values: each record is a row of `key: value`.

    What cannot be read as JSON, or would grow too long, stays as it is written.
    """
    decoded = decode(data)
    warnings = list(decoded.warnings)
    try:
        value, fault = _parse(decoded.text)
        units = [(clean(unit), heading) for unit, heading in _units(value)]
    except RecursionError:
        return Parsed.from_text(clean(decoded.text), warnings=warnings)
    if fault:
        warnings.append(f"The JSON is cut off or wrong in line {fault}: what follows was read as plain text.")
    text, spans = join_pages(unit for unit, _ in units)
    if not holds_characters(len(text)):
        return Parsed.from_text(clean(decoded.text), warnings=warnings)
    headings = [
        (1, shorten(unit.removeprefix(_HEADING)), start)
        for (unit, heading), (start, _) in zip(units, spans, strict=True)
        if heading
    ]
    return Parsed.from_text(text, headings=headings, warnings=warnings)


class Object(list[tuple[str, Value]]):
    """A JSON object; a key that it holds twice is kept twice."""

    @property
    def is_map(self) -> bool:
        """Whether its keys name records instead of saying what its values are: all of them are objects."""
        return bool(self) and all(isinstance(value, Object) for _, value in self)

    def taken_apart(self, path: str) -> tuple[list[tuple[str, str]], list[tuple[str, Value]]]:
        """Return a record's own values, those of objects within it included, and the records within it."""
        cells: list[tuple[str, str]] = []
        inner: list[tuple[str, Value]] = []
        for key, value in self:
            key_path = f"{path}.{key}" if path else key
            if isinstance(value, Object) and not value.is_map:
                below, records = value.taken_apart(key_path)
                cells += below
                inner += records
            elif isinstance(value, Object) or (
                isinstance(value, list) and any(isinstance(item, list) for item in cast("list[Value]", value))
            ):
                inner.append((key_path, cast("Value", value)))
            else:
                cells.append((key_path, _written(cast("Value", value))))
        return cells, inner

    def name(self, path: str, whose: Sequence[str]) -> list[str]:
        """Return a record's first words and numbers, by which it is known; none where those around it are long."""
        name: list[str] = []
        left = _MAX_NAME - sum(map(len, whose))
        for key, value in self:
            if isinstance(value, str):
                cell = _cell(f"{path}.{key}" if path else key, value)
                left -= len(cell)
                if left < 0:
                    break
                name.append(cell)
        return name

    @classmethod
    def from_table(cls, items: list[Value]) -> list[Value]:
        """Return lists of equal length below a list of names as records; other items as they are."""
        rows = [cast("list[Value]", item) for item in items if type(item) is list]
        if len(rows) < len(items) or len(rows) < 2 or len(set(map(len, rows))) > 1:
            return items
        names, *records = rows
        named = all(type(name) is str and name for name in names) and len(set(map(str, names))) == len(names)
        if not named or all(type(value) is str for record in records for value in record):
            return [row if any(isinstance(item, list) for item in row) else _written(row) for row in rows]
        return [cls(zip(map(str, names), record, strict=True)) for record in records]


class Unread(str):
    """What is no JSON between values that are."""

    __slots__ = ()


class Number(str):
    """A number as it is written."""

    __slots__ = ()


# JSON text sequences (RFC 7464) begin each value with a record separator.
_BETWEEN = re.compile("[\\s\x1e,\ufeff]*")
_IN_LIST = re.compile("\\s*\\[?[\\s,\\]]*")


def _parse(text: str) -> tuple[Value, int]:
    """Return the value in a text, or the list of those where there are several, and the line of the first fault or 0.

    Of a list that is cut off, and of faulty lines, the values that are whole are values, and the rest is `Unread`.

    Raises:
        RecursionError: It is nested too deeply.
    """
    # Objects with all of their keys, and numbers as they are written.
    decoder = json.JSONDecoder(
        object_pairs_hook=Object, parse_float=Number, parse_int=Number, parse_constant=Number, strict=False
    )
    values: list[Value] = []
    between, fault, after = _BETWEEN, 0, 0
    # The pattern matches everywhere, if only nothing.
    while (end := next(between.finditer(text, after)).end()) < len(text):
        try:
            value, after = decoder.raw_decode(text, end)
        except json.JSONDecodeError as error:
            if not fault:
                fault = error.lineno
            if between is _BETWEEN and not values and text.startswith("[", end):
                between, after = _IN_LIST, end
            else:
                # The next line that begins with an object is a record again.
                after = found if (found := text.find("\n{", end)) >= 0 else len(text)
                values.append(Unread(text[end:after]))
        else:
            values.append(value)
    return (values[0] if len(values) == 1 else values), fault


Unit = tuple[str, bool]
"""A paragraph of the text, and whether it is a heading."""


def _units(root: Value) -> Iterator[Unit]:
    """Yield the paragraphs of a document; the names of its lists of records are headings."""
    if not isinstance(root, Object) or root.is_map:
        yield from ((text, False) for text in _records(root, "", ()))
        return
    cells, inner = root.taken_apart("")
    yield from ((text, False) for text in _row(cells, ()))
    for path, value in inner:
        yield f"{_HEADING}{path}", True
        yield from ((text, False) for text in _records(value, "", ()))


def _records(value: Value, path: str, whose: Sequence[str]) -> Iterator[str]:
    """Yield the rows and paragraphs of a value.

    Args:
        value: The value.
        path: The keys that lead to it.
        whose: The cells that name the record that it belongs to.
    """
    if isinstance(value, Object) and value.is_map:
        for key, record in value:
            yield from _records(record, "", (*whose, _cell(path, key)))
    elif isinstance(value, Object):
        cells, inner = value.taken_apart(path)
        yield from _row(cells, whose)
        for inner_path, inner_value in inner:
            yield from _records(inner_value, inner_path, (*whose, *value.name(path, whose)))
    elif isinstance(value, list):
        for item in Object.from_table(cast("list[Value]", value)):
            yield from _records(item, path, whose)
    elif isinstance(value, Unread):
        yield value
    else:
        yield from _row([(path, _written(value))], whose)


Cells = Sequence[tuple[str, str]]
"""Keys and values of a record."""


def _written(value: Value) -> str:
    """Return a string, a number or a list of these as it is read."""
    if isinstance(value, list):
        return ", ".join(map(str, cast("list[Value]", value)))
    return (
        {None: "null", True: "true", False: "false"}[value] if value is None or isinstance(value, bool) else str(value)
    )


def _cell(key: str, value: str) -> str:
    cell = f"{key}: {value}" if key else value
    return " ".join(cell.split()).replace("|", "\\|")


def _row(cells: Cells, whose: Sequence[str]) -> Iterator[str]:
    """Yield a record as a row of its values, or as several that all say whose it is; long values follow it."""
    rows: list[list[str]] = []
    long: list[str] = []
    length = 0
    for key, value in cells:
        if len(value) > _MAX_CELL or "\n" in value.strip():
            long.append(f"{key}: {value.strip()}" if key else value.strip())
            continue
        cell = _cell(key, value)
        if not rows or length + len(cell) > _MAX_ROW:
            rows.append([])
            length = 0
        rows[-1].append(cell)
        length += len(cell)
    if not rows and long and whose:
        rows.append([])
    yield from (f"| {' | '.join([*whose, *row])} |" for row in rows)
    yield from long
