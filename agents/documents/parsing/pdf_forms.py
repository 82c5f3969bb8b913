"""What a PDF's page holds beside its text: the values of form fields, notes, and text boxes laid over the page."""

import ctypes
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any, NamedTuple, cast

import pypdfium2.raw as untyped_raw

from agents.documents.parsing.parsed import clean

# The bindings are made by ctypes at import and carry no types.
pdfium = cast("Any", untyped_raw)

Handle = Any
"""A pointer of pdfium's."""

CHOSEN, NOT_CHOSEN = "☒ chosen", "☐ not chosen"
"""How checkboxes and radio buttons are said; a sign and a word, for the document may be in any language."""

_HIDDEN = pdfium.FPDF_ANNOT_FLAG_HIDDEN | pdfium.FPDF_ANNOT_FLAG_NOVIEW
_PASSWORD = 1 << 13
"""The flag of a text field that shows asterisks."""
_NOTES = frozenset(
    (
        pdfium.FPDF_ANNOT_TEXT,
        pdfium.FPDF_ANNOT_LINE,
        pdfium.FPDF_ANNOT_SQUARE,
        pdfium.FPDF_ANNOT_CIRCLE,
        pdfium.FPDF_ANNOT_POLYGON,
        pdfium.FPDF_ANNOT_POLYLINE,
        pdfium.FPDF_ANNOT_HIGHLIGHT,
        pdfium.FPDF_ANNOT_UNDERLINE,
        pdfium.FPDF_ANNOT_SQUIGGLY,
        pdfium.FPDF_ANNOT_STRIKEOUT,
        pdfium.FPDF_ANNOT_STAMP,
        pdfium.FPDF_ANNOT_CARET,
        pdfium.FPDF_ANNOT_INK,
    )
)
"""Annotations whose contents are what somebody remarks on the page; a pop-up repeats those of its note."""


class Box(NamedTuple):
    """A rectangle on the page, in points."""

    left: float
    bottom: float
    right: float
    top: float

    @property
    def height(self) -> float:
        """The height, in points."""
        return self.top - self.bottom

    def beside(self, other: "Box") -> bool:
        """Whether the two stand on one line: they share half of the lower one's height."""
        return min(self.top, other.top) - max(self.bottom, other.bottom) > min(self.height, other.height) / 2

    def above_or_below(self, other: "Box") -> bool:
        """Whether the two share a part of their width."""
        return min(self.right, other.right) > max(self.left, other.left)


class Label(NamedTuple):
    """Text on the page that may say what a field is."""

    text: str
    box: Box
    occurrence: int
    """How many labels with the same text stand before it."""
    behind: bool = False
    """Whether it stands behind its field, as that of a button does."""

    def insert(self, page: list[tuple[str, float]], value: str) -> bool:
        """Insert a field's value into a page's lines and their heights; False where the label stands on none."""
        start, end = r"(?<!\w)" * self.text[0].isalnum(), r"(?!\w)" * self.text[-1].isalnum()
        words = re.compile(start + r"\s+".join(map(re.escape, self.text.split())) + end)
        places = ((index, match) for index, (line, _) in enumerate(page) for match in words.finditer(line))
        found = next(islice(places, self.occurrence, None), None)
        if found is None:
            return False
        index, match = found
        line, height = page[index]
        before, after = line[: match.start()], _FILL_AT_START.sub("", line[match.end() :]).strip()
        if self.behind:
            texts = [before.rstrip(), f"{value}: {line[match.start() :]}"]
        elif not after or (value not in (CHOSEN, NOT_CHOSEN) and (after[0].islower() or after[0] in ",.;:!?")):
            # A sentence goes on behind its blank; what begins anew, or stands behind a box, is the next label.
            texts = [f"{before}{with_colon(match.group())} {value} {after}".rstrip()]
        else:
            texts = [f"{before}{with_colon(match.group())} {value}", after]
        page[index : index + 1] = [(text, height) for each in texts if each for text in each.split("\n")]
        return True


@dataclass
class Field:
    """A form field's widget that is seen."""

    box: Box
    name: str
    described: str
    """What the form's maker says that it is; empty where nothing."""
    value: str
    """Empty where it is not filled in."""
    kind: int
    """FPDF_FORMFIELD_*."""
    label: Label | None = None

    @property
    def is_button(self) -> bool:
        """Whether it is a checkbox or a radio button."""
        return self.kind in (pdfium.FPDF_FORMFIELD_CHECKBOX, pdfium.FPDF_FORMFIELD_RADIOBUTTON)


@dataclass
class Additions:
    """What is added to a page's text."""

    fields: list[Field] = field(default_factory=list[Field])
    notes: list[str] = field(default_factory=list[str])
    """Lines for the page's end."""
    hidden: list[str] = field(default_factory=list[str])
    """Values and notes that are not seen, and were left out."""
    attached: list[str] = field(default_factory=list[str])
    """Names of the files that are attached to the page."""

    def __bool__(self) -> bool:
        return bool(self.fields or self.notes or self.hidden or self.attached)

    def add_to(self, lines: list[str], heights: list[float]) -> tuple[list[str], list[float]]:
        """Return a page's lines and their heights with each value behind its label, and the rest at the end."""
        page = list(zip(lines, heights, strict=True))
        end: list[str] = []
        # From the last to the first: a value may hold the words of a label that follows.
        for label, value in reversed(self._values()):
            if isinstance(label, str) or not label.insert(page, value):
                end.insert(0, f"{with_colon(label if isinstance(label, str) else label.text)} {value}".strip())
        # Without height, they are no headings.
        page += [(line, 0.0) for text in (*end, *self.notes) for line in text.split("\n")]
        return [line for line, _ in page], [height for _, height in page]

    def _values(self) -> list[tuple[Label | str, str]]:
        """Return the labels, or in their place names, and what is filled in: two fields may share a label."""
        values: dict[Label | str, str] = {}
        for each in self.fields:
            if each.value:
                key = each.label or each.described or each.name
                values[key] = f"{values[key]} {each.value}" if key in values else each.value
        return list(values.items())


class FormReader:
    """Reads the form fields and the notes of a document's pages.

    Args:
        document: A document of pypdfium2's, of which no page is loaded yet.
    """

    def __init__(self, document: Handle) -> None:
        if document.get_formtype() != pdfium.FORMTYPE_NONE:
            # A form that cannot be loaded keeps no page from being read.
            with suppress(RuntimeError):
                document.init_forms()
        self._form = document.formenv

    def read(self, page: Handle) -> Additions:
        """Read what a loaded page holds beside its text."""
        additions = Additions()
        if not pdfium.FPDFPage_GetAnnotCount(page):
            return additions
        if self._form:
            # Without it, no button knows whether it is chosen.
            pdfium.FORM_OnAfterLoadPage(page, self._form)
        for annotation in _annotations(page):
            self._read_annotation(annotation, additions)
        if self._form:
            pdfium.FORM_OnBeforeClosePage(page, self._form)
        if additions.fields:
            _find_labels(page, additions.fields)
        return additions

    def _read_annotation(self, annotation: Handle, additions: Additions) -> None:
        kind = pdfium.FPDFAnnot_GetSubtype(annotation)
        hidden = pdfium.FPDFAnnot_GetFlags(annotation) & _HIDDEN
        if kind == pdfium.FPDF_ANNOT_WIDGET and self._form:
            widget = self._widget(annotation)
            if widget and (hidden or not _has_area(widget.box)):
                # Forms compute with hidden numbers; words may be addressed to the model.
                additions.hidden += [widget.value] * (not widget.is_button and _LETTER.search(widget.value) is not None)
            elif widget:
                additions.fields.append(widget)
        elif kind == pdfium.FPDF_ANNOT_FREETEXT:
            seen = not hidden and not _is_invisible(annotation)
            _add_note("Text box", annotation, additions.notes if seen else additions.hidden)
        elif kind in _NOTES:
            _add_note("Note", annotation, additions.hidden if hidden else additions.notes)
        elif kind == pdfium.FPDF_ANNOT_FILEATTACHMENT:
            attachment = pdfium.FPDFAnnot_GetFileAttachment(annotation)
            additions.attached.append(_string(partial(pdfium.FPDFAttachment_GetName, attachment)))
            _add_note("Note", annotation, additions.hidden if hidden else additions.notes)

    def _widget(self, annotation: Handle) -> Field | None:
        """Return a widget as a field; None for one that holds no value, a push button for example."""
        form = self._form
        kind = pdfium.FPDFAnnot_GetFormFieldType(form, annotation)
        if kind in (pdfium.FPDF_FORMFIELD_CHECKBOX, pdfium.FPDF_FORMFIELD_RADIOBUTTON):
            value = CHOSEN if pdfium.FPDFAnnot_IsChecked(form, annotation) else NOT_CHOSEN
        elif kind in (pdfium.FPDF_FORMFIELD_COMBOBOX, pdfium.FPDF_FORMFIELD_LISTBOX):
            value = self._options(annotation) or _string(partial(pdfium.FPDFAnnot_GetFormFieldValue, form, annotation))
        elif kind == pdfium.FPDF_FORMFIELD_TEXTFIELD:
            secret = pdfium.FPDFAnnot_GetFormFieldFlags(form, annotation) & _PASSWORD
            value = "" if secret else _string(partial(pdfium.FPDFAnnot_GetFormFieldValue, form, annotation))
        else:
            return None
        name = _string(partial(pdfium.FPDFAnnot_GetFormFieldName, form, annotation))
        if kind == pdfium.FPDF_FORMFIELD_RADIOBUTTON:
            # The buttons of a group share its name; what each stands for is its own.
            name = f"{name} {_string(partial(pdfium.FPDFAnnot_GetFormFieldExportValue, form, annotation))}"
        described = _string(partial(pdfium.FPDFAnnot_GetFormFieldAlternateName, form, annotation))
        return Field(_box(annotation), name, described, value, kind)

    def _options(self, annotation: Handle) -> str:
        """Return what the list shows of the options that are chosen; the field's value may be a code for it."""
        count = min(pdfium.FPDFAnnot_GetOptionCount(self._form, annotation), _MAX_OPTIONS)
        return ", ".join(
            _string(partial(pdfium.FPDFAnnot_GetOptionLabel, self._form, annotation, index))
            for index in range(count)
            if pdfium.FPDFAnnot_IsOptionSelected(self._form, annotation, index)
        )


_MAX_OPTIONS = 1_000
_MAX_ANNOTATIONS = 5_000
"""Of a page; pdfium looks for each one's field among all."""


def _annotations(page: Handle) -> Iterator[Handle]:
    for index in range(min(pdfium.FPDFPage_GetAnnotCount(page), _MAX_ANNOTATIONS)):
        if annotation := pdfium.FPDFPage_GetAnnot(page, index):
            yield annotation
            pdfium.FPDFPage_CloseAnnot(annotation)


def _string(get: Callable[[Handle, int], int]) -> str:
    """Return a string that pdfium writes as UTF-16 into a buffer, and whose size in bytes it returns."""
    size = get(None, 0)
    buffer = (ctypes.c_ushort * (size // 2 + 1))()
    get(buffer, size)
    return clean(bytes(buffer).decode("utf-16-le", errors="ignore").split("\0", 1)[0]).strip()


def _entry(annotation: Handle, key: bytes) -> str:
    return _string(partial(pdfium.FPDFAnnot_GetStringValue, annotation, key))


def _box(annotation: Handle) -> Box:
    area = pdfium.FS_RECTF()
    pdfium.FPDFAnnot_GetRect(annotation, area)
    return Box(
        min(area.left, area.right), min(area.bottom, area.top), max(area.left, area.right), max(area.bottom, area.top)
    )


def _has_area(box: Box) -> bool:
    return box.right - box.left >= 1 and box.height >= 1


_LETTER = re.compile(r"[^\W\d_]")
_TAG = re.compile(r"<[^>]{0,1000}>")


def _add_note(what: str, annotation: Handle, to: list[str]) -> None:
    """Add an annotation's contents as a marked line, with the author where it names one."""
    contents = _entry(annotation, b"Contents") or " ".join(_TAG.sub(" ", _entry(annotation, b"RC")).split())
    if contents:
        author = " ".join(_entry(annotation, b"T").split())
        to.append(f"{what} by {author}: {contents}" if author else f"{what}: {contents}")


_WHITE = 0.98
_TRANSPARENT = 0.03
_FILL_COLOR = re.compile(r"(?<!\S)((?:[\d.]+\s+){1,4})(g|rg|k)(?!\S)")


def _is_invisible(annotation: Handle) -> bool:
    """Whether a text box's text is transparent, or white with nothing behind it."""
    opacity = ctypes.c_float(1.0)
    if pdfium.FPDFAnnot_GetNumberValue(annotation, b"CA", opacity) and opacity.value <= _TRANSPARENT:
        return True
    colors = _FILL_COLOR.findall(_entry(annotation, b"DA"))
    if not colors or pdfium.FPDFAnnot_HasKey(annotation, b"C"):
        return False
    try:
        parts = [float(part) for part in colors[-1][0].split()]
    except ValueError:
        return False
    return max(parts) <= 1 - _WHITE if colors[-1][1] == "k" else min(parts) >= _WHITE


def _find_labels(page: Handle, fields: list[Field]) -> None:
    """Find for each field the text on a loaded page that says what it is."""
    labels = _read_labels(page, [each.box for each in fields])
    # From left to right: the second box of a date has the label of the first.
    for each in sorted(fields, key=lambda each: each.box.left):
        line = _Line(
            each.box,
            [other for other in fields if other is not each and other.box.beside(each.box)],
            [label for label in labels if label.box.beside(each.box)],
        )
        near = line.label_of_button(each) if each.is_button else line.label_before() or _label_around(each.box, labels)
        each.label = _described_label(each, labels) or near or line.label_of_neighbour()


def _described_label(field: Field, labels: list[Label]) -> Label | None:
    """Return the label that says what the form's maker says of a field, the nearest if there are several."""
    wanted = _key(field.described)
    found = [label for label in labels if wanted and _key(label.text) == wanted]
    return min(found, key=lambda label: _distance(label.box, field.box), default=None)


class _Line(NamedTuple):
    """What stands on one line with a field."""

    box: Box
    """The field's."""
    fields: list[Field]
    """The others."""
    labels: list[Label]

    def label_before(self) -> Label | None:
        """Return the next text to the left, if no field stands between."""
        label = max((each for each in self.labels if each.box.left < self.box.left), key=_right, default=None)
        return label if label and not self._stand_between(label.box.right, self.box.left) else None

    def label_behind(self) -> Label | None:
        """Return the next text to the right, if no field stands between and it is near."""
        label = min((each for each in self.labels if each.box.left >= self.box.right - 1), key=_left, default=None)
        near = label and label.box.left - self.box.right <= _BEHIND_BUTTON * max(self.box.height, label.box.height)
        free = label and near and not self._stand_between(self.box.right, label.box.left)
        return label._replace(behind=True) if label and free else None

    def label_of_button(self, button: Field) -> Label | None:
        """Return what a button is for: the text behind it, or before it where none stands behind the line's last."""
        last = max((each for each in (*self.fields, button) if each.is_button), key=lambda each: each.box.left)
        behind_last = self._replace(box=last.box, fields=[*self.fields, button]).label_behind()
        return (self.label_behind() if behind_last else None) or self.label_before()

    def label_of_neighbour(self) -> Label | None:
        """Return the label of the next field to the left."""
        before = [each for each in self.fields if each.box.left < self.box.left]
        return max(before, key=lambda each: each.box.right).label if before else None

    def _stand_between(self, start: float, end: float) -> bool:
        return any(start <= (each.box.left + each.box.right) / 2 <= end for each in self.fields)


_BEHIND_BUTTON = 2
"""The text behind a button begins within so many of its heights; what is further away belongs to something else."""


def _label_around(box: Box, labels: list[Label]) -> Label | None:
    """Return the label right above or below a field; of two that are as near, the one above."""
    near = [
        label
        for label in labels
        if label.box.above_or_below(box) and _gap(label.box, box) <= _MAX_LINES_AWAY * label.box.height
    ]
    return min(near, key=lambda label: (round(_gap(label.box, box)), -label.box.bottom), default=None)


_MAX_LINES_AWAY = 1.5
"""A label above or below a field is at most so many of its heights away."""


def _left(label: Label) -> float:
    return label.box.left


def _right(label: Label) -> float:
    return label.box.right


def _gap(first: Box, second: Box) -> float:
    """Return the points between two boxes, one above the other."""
    return max(0.0, first.bottom - second.top, second.bottom - first.top)


def _distance(first: Box, second: Box) -> float:
    return _gap(first, second) + max(0.0, first.left - second.right, second.left - first.right)


_FILL = r"[\s_.…·‥]*(?:_|\.{2,}|…|‥|·{2,})[\s_.…·‥:]*"
"""What shows where to write: a line of underscores or dots."""
_FILL_AT_END, _FILL_AT_START = re.compile(rf"{_FILL}$"), re.compile(rf"^{_FILL}")
_WIDE_GAP = 1.2
"""Of the height of a line: what stands further away from the text before it is a text of its own."""


def _read_labels(page: Handle, fields: list[Box]) -> list[Label]:
    """Return the texts on a loaded page that fields and wide gaps keep apart."""
    text_page = pdfium.FPDFText_LoadPage(page)
    runs: list[tuple[str, Box]] = []
    text, box = "", Box(0, 0, 0, 0)
    for character, place in _characters(text_page):
        within = place is not None and any(_holds(each, place) for each in fields)
        if (place is None and character in "\r\n") or within or (place and text and _apart(box, place)):
            runs.append((text, box))
            text = ""
        if within or character in "\r\n":
            continue
        if place is not None:
            box = _around(box, place) if text.strip() else place
        text += character
    runs.append((text, box))
    pdfium.FPDFText_ClosePage(text_page)
    seen: dict[str, int] = {}
    labels: list[Label] = []
    for text, box in runs:
        words = " ".join(_FILL_AT_END.sub("", text).split())
        if any(character.isalnum() for character in words):
            labels.append(Label(words, box, seen.get(words, 0)))
            seen[words] = seen.get(words, 0) + 1
    return labels


def _characters(text_page: Handle) -> Iterator[tuple[str, Box | None]]:
    """Yield each character and its box; None where pdfium has added it: spaces and line ends."""
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    for index in range(max(0, pdfium.FPDFText_CountChars(text_page))):
        character = chr(pdfium.FPDFText_GetUnicode(text_page, index))
        drawn = not character.isspace() and pdfium.FPDFText_IsGenerated(text_page, index) != 1
        if drawn and pdfium.FPDFText_GetCharBox(text_page, index, left, right, bottom, top):
            loose = pdfium.FS_RECTF()
            pdfium.FPDFText_GetLooseCharBox(text_page, index, loose)
            yield character, Box(left.value, loose.bottom, right.value, loose.top)
        else:
            yield character, None


def _holds(field: Box, place: Box) -> bool:
    x, y = (place.left + place.right) / 2, (place.bottom + place.top) / 2
    return field.left <= x <= field.right and field.bottom <= y <= field.top


def _apart(before: Box, place: Box) -> bool:
    height = max(before.height, place.height)
    return not before.beside(place) or not -height <= place.left - before.right <= _WIDE_GAP * height


def _around(first: Box, second: Box) -> Box:
    return Box(
        min(first.left, second.left),
        min(first.bottom, second.bottom),
        max(first.right, second.right),
        max(first.top, second.top),
    )


def _key(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())


def with_colon(label: str) -> str:
    """Return a label with a colon, where it does not end in a mark."""
    return f"{label}:" if label[-1:].isalnum() or label.endswith((")", "]", "%")) else label


def attachments(document: Handle) -> list[str]:
    """Return the names of the files that are embedded in a document of pypdfium2's."""
    count = pdfium.FPDFDoc_GetAttachmentCount(document)
    found = (pdfium.FPDFDoc_GetAttachment(document, index) for index in range(min(count, _MAX_ANNOTATIONS)))
    return [_string(partial(pdfium.FPDFAttachment_GetName, attachment)) for attachment in found if attachment]


def page_labels(document: Handle) -> list[str] | None:
    """Return what is printed as each page's number, "iv" for example; None where that is just its position."""
    labels = [_string(partial(pdfium.FPDF_GetPageLabel, document, index)) for index in range(len(document))]
    return labels if any(label not in ("", str(number)) for number, label in enumerate(labels, 1)) else None
