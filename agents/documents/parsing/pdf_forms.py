"""What a PDF's page holds beside its text: the values of form fields, notes, and text boxes laid over the page."""

import ctypes
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple, cast

import pypdfium2.raw as untyped_raw

from agents.documents.parsing.pdfium_calls import read_string

# The bindings are made by ctypes at import and carry no types.
pdfium = cast("Any", untyped_raw)

Handle = Any
"""A pointer of pdfium's."""

CHOSEN, NOT_CHOSEN = "☒ chosen", "☐ not chosen"
"""How checkboxes and radio buttons are said; a sign and a word, for the document may be in any language."""

_HIDDEN = pdfium.FPDF_ANNOT_FLAG_HIDDEN | pdfium.FPDF_ANNOT_FLAG_NOVIEW
_BUTTONS = (pdfium.FPDF_FORMFIELD_CHECKBOX, pdfium.FPDF_FORMFIELD_RADIOBUTTON)
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
        pdfium.FPDF_ANNOT_FILEATTACHMENT,
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

    def gap(self, other: "Box") -> float:
        """Return the points between the two, one above the other."""
        return max(0.0, self.bottom - other.top, other.bottom - self.top)

    def distance(self, other: "Box") -> float:
        """Return the points between the two, upwards and sideways."""
        return self.gap(other) + max(0.0, self.left - other.right, other.left - self.right)

    def holds(self, other: "Box") -> bool:
        """Whether the other's middle is within this one."""
        x, y = (other.left + other.right) / 2, (other.bottom + other.top) / 2
        return self.left <= x <= self.right and self.bottom <= y <= self.top

    def around(self, other: "Box") -> "Box":
        """Return the smallest rectangle that holds both."""
        return Box(*map(min, self[:2], other[:2]), *map(max, self[2:], other[2:]))

    def goes_on(self, other: "Box") -> bool:
        """Whether the other one goes on with this line of text, without a wide gap."""
        height = max(self.height, other.height)
        return self.beside(other) and -height <= other.left - self.right <= _WIDE_GAP * height


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
        return self.kind in _BUTTONS


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
        for index in range(min(pdfium.FPDFPage_GetAnnotCount(page), _MAX_ANNOTATIONS)):
            if annotation := pdfium.FPDFPage_GetAnnot(page, index):
                self._read_annotation(_Annotation(annotation), additions)
                pdfium.FPDFPage_CloseAnnot(annotation)
        if self._form:
            pdfium.FORM_OnBeforeClosePage(page, self._form)
        if additions.fields:
            labels = _read_labels(page, additions.fields)
            # From left to right: the second box of a date has the label of the first.
            for each in sorted(additions.fields, key=lambda each: each.box.left):
                each.label = _Surroundings.of(each, additions.fields, labels).find_label()
        return additions

    def _read_annotation(self, annotation: "_Annotation", additions: Additions) -> None:
        kind = pdfium.FPDFAnnot_GetSubtype(annotation.handle)
        hidden = pdfium.FPDFAnnot_GetFlags(annotation.handle) & _HIDDEN
        if kind == pdfium.FPDF_ANNOT_WIDGET and self._form:
            widget = self._widget(annotation)
            if widget and not hidden and widget.box.right - widget.box.left >= 1 and widget.box.height >= 1:
                additions.fields.append(widget)
            elif widget:
                # Forms compute with hidden numbers; words may be addressed to the model.
                additions.hidden += [widget.value] * (not widget.is_button and _LETTER.search(widget.value) is not None)
        elif kind == pdfium.FPDF_ANNOT_FREETEXT:
            seen = not hidden and not annotation.is_invisible()
            (additions.notes if seen else additions.hidden).extend(annotation.remark("Text box"))
        elif kind in _NOTES:
            (additions.hidden if hidden else additions.notes).extend(annotation.remark("Note"))
        if kind == pdfium.FPDF_ANNOT_FILEATTACHMENT:
            attachment = pdfium.FPDFAnnot_GetFileAttachment(annotation.handle)
            additions.attached.append(read_string(pdfium.FPDFAttachment_GetName, attachment))

    def _widget(self, annotation: "_Annotation") -> Field | None:
        """Return a widget as a field; None for one that holds no value, a push button for example."""
        widget = (self._form, annotation.handle)
        kind = pdfium.FPDFAnnot_GetFormFieldType(*widget)
        if kind in _BUTTONS:
            value = CHOSEN if pdfium.FPDFAnnot_IsChecked(*widget) else NOT_CHOSEN
        elif kind in (pdfium.FPDF_FORMFIELD_COMBOBOX, pdfium.FPDF_FORMFIELD_LISTBOX):
            # What the list shows of the options that are chosen; the field's value may be a code for it.
            options = range(min(pdfium.FPDFAnnot_GetOptionCount(*widget), _MAX_OPTIONS))
            chosen = [index for index in options if pdfium.FPDFAnnot_IsOptionSelected(*widget, index)]
            value = ", ".join(read_string(pdfium.FPDFAnnot_GetOptionLabel, *widget, index) for index in chosen)
            value = value or read_string(pdfium.FPDFAnnot_GetFormFieldValue, *widget)
        elif kind == pdfium.FPDF_FORMFIELD_TEXTFIELD:
            secret = pdfium.FPDFAnnot_GetFormFieldFlags(*widget) & _PASSWORD
            value = "" if secret else read_string(pdfium.FPDFAnnot_GetFormFieldValue, *widget)
        else:
            return None
        name = read_string(pdfium.FPDFAnnot_GetFormFieldName, *widget)
        if kind == pdfium.FPDF_FORMFIELD_RADIOBUTTON:
            # The buttons of a group share its name; what each stands for is its own.
            name = f"{name} {read_string(pdfium.FPDFAnnot_GetFormFieldExportValue, *widget)}"
        return Field(
            annotation.box, name, read_string(pdfium.FPDFAnnot_GetFormFieldAlternateName, *widget), value, kind
        )


def with_colon(label: str) -> str:
    """Return a label with a colon, where it does not end in a mark."""
    return f"{label}:" if label[-1:].isalnum() or label.endswith((")", "]", "%")) else label


def attachments(document: Handle) -> list[str]:
    """Return the names of the files that are embedded in a document of pypdfium2's."""
    count = pdfium.FPDFDoc_GetAttachmentCount(document)
    found = (pdfium.FPDFDoc_GetAttachment(document, index) for index in range(min(count, _MAX_ANNOTATIONS)))
    return [read_string(pdfium.FPDFAttachment_GetName, attachment) for attachment in found if attachment]


def page_labels(document: Handle) -> list[str] | None:
    """Return what is printed as each page's number, "iv" for example; None where that is just its position."""
    labels = [read_string(pdfium.FPDF_GetPageLabel, document, index) for index in range(len(document))]
    return labels if any(label not in ("", str(number)) for number, label in enumerate(labels, 1)) else None


_MAX_OPTIONS = 1_000
_MAX_ANNOTATIONS = 5_000
"""Of a page; pdfium looks for each one's field among all."""


_LETTER = re.compile(r"[^\W\d_]")
_TAG = re.compile(r"<[^>]{0,1000}>")
_WHITE = 0.98
_TRANSPARENT = 0.03
_FILL_COLOR = re.compile(r"(?<!\S)((?:[\d.]+\s+){1,4})(g|rg|k)(?!\S)")


class _Annotation(NamedTuple):
    """Something that is laid over a page: a field's widget, a note or a text box."""

    handle: Handle

    @property
    def box(self) -> Box:
        """Where it is on the page."""
        area = pdfium.FS_RECTF()
        pdfium.FPDFAnnot_GetRect(self.handle, area)
        (left, right), (bottom, top) = sorted((area.left, area.right)), sorted((area.bottom, area.top))
        return Box(left, bottom, right, top)

    def entry(self, key: bytes) -> str:
        """Return a string of its dictionary."""
        return read_string(pdfium.FPDFAnnot_GetStringValue, self.handle, key)

    def remark(self, what: str) -> list[str]:
        """Return its contents, if it has any, as a marked line, with the author where it names one."""
        contents = self.entry(b"Contents") or " ".join(_TAG.sub(" ", self.entry(b"RC")).split())
        author = " ".join(self.entry(b"T").split())
        return [f"{what} by {author}: {contents}" if author else f"{what}: {contents}"] if contents else []

    def is_invisible(self) -> bool:
        """Whether a text box's text is transparent, or white with nothing behind it."""
        opacity = ctypes.c_float(1.0)
        if pdfium.FPDFAnnot_GetNumberValue(self.handle, b"CA", opacity) and opacity.value <= _TRANSPARENT:
            return True
        colors = _FILL_COLOR.findall(self.entry(b"DA"))
        if not colors or pdfium.FPDFAnnot_HasKey(self.handle, b"C"):
            return False
        try:
            parts = [float(part) for part in colors[-1][0].split()]
        except ValueError:
            return False
        return max(parts) <= 1 - _WHITE if colors[-1][1] == "k" else min(parts) >= _WHITE


_BEHIND_BUTTON = 2
"""The text behind a button begins within so many of its heights; what is further away belongs to something else."""
_MAX_LINES_AWAY = 1.5
"""A label above or below a field is at most so many of its heights away."""


class _Surroundings(NamedTuple):
    """What stands around a field, among which its label is looked for."""

    field: Field
    fields: list[Field]
    """The others on its line."""
    labels: list[Label]
    """The page's."""
    on_line: list[Label]
    """Those on its line."""

    @classmethod
    def of(cls, field: Field, fields: list[Field], labels: list[Label]) -> "_Surroundings":
        """Return those of one of a page's fields."""
        others = [other for other in fields if other is not field and other.box.beside(field.box)]
        return cls(field, others, labels, [label for label in labels if label.box.beside(field.box)])

    def find_label(self) -> Label | None:
        """Return the text that says what the field is."""
        near = self._of_button() if self.field.is_button else self._before() or self._above_or_below()
        if label := self._described() or near:
            return label
        # The label of the next field to the left.
        before = [each for each in self.fields if each.box.left < self.field.box.left]
        return max(before, key=lambda each: each.box.right).label if before else None

    def _described(self) -> Label | None:
        """Return the label that says what the form's maker says of the field, the nearest if there are several."""
        wanted = _key(self.field.described)
        found = [label for label in self.labels if wanted and _key(label.text) == wanted]
        return min(found, key=lambda label: label.box.distance(self.field.box), default=None)

    def _above_or_below(self) -> Label | None:
        """Return the label right above or below the field; of two that are as near, the one above."""
        box = self.field.box
        near = [
            label
            for label in self.labels
            if label.box.above_or_below(box) and label.box.gap(box) <= _MAX_LINES_AWAY * label.box.height
        ]
        return min(near, key=lambda label: (round(label.box.gap(box)), -label.box.bottom), default=None)

    def _before(self) -> Label | None:
        """Return the next text to the left, if no field stands between."""
        left = self.field.box.left
        before = [label for label in self.on_line if label.box.left < left]
        label = max(before, key=lambda label: label.box.right, default=None)
        return label if label and not self._stand_between(label.box.right, left) else None

    def behind(self) -> Label | None:
        """Return the next text to the right, if no field stands between and it is near."""
        box = self.field.box
        behind = [label for label in self.on_line if label.box.left >= box.right - 1]
        label = min(behind, key=lambda label: label.box.left, default=None)
        near = label and label.box.left - box.right <= _BEHIND_BUTTON * max(box.height, label.box.height)
        free = label and near and not self._stand_between(box.right, label.box.left)
        return label._replace(behind=True) if label and free else None

    def _of_button(self) -> Label | None:
        """Return what a button is for: the text behind it, or before it where none stands behind the line's last."""
        everyone = [*self.fields, self.field]
        last = max((each for each in everyone if each.is_button), key=lambda each: each.box.left)
        behind_last = self._replace(field=last, fields=everyone).behind()
        return (self.behind() if behind_last else None) or self._before()

    def _stand_between(self, start: float, end: float) -> bool:
        return any(start <= (each.box.left + each.box.right) / 2 <= end for each in self.fields)


def _key(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())


_FILL = r"[\s_.…·‥]*(?:_|\.{2,}|…|‥|·{2,})[\s_.…·‥:]*"
"""What shows where to write: a line of underscores or dots."""
_FILL_AT_END, _FILL_AT_START = re.compile(rf"{_FILL}$"), re.compile(rf"^{_FILL}")
_WIDE_GAP = 1.2
"""Of the height of a line: what stands further away from the text before it is a text of its own."""


def _read_labels(page: Handle, fields: list[Field]) -> list[Label]:
    """Return the texts on a loaded page that fields and wide gaps keep apart."""
    text_page = pdfium.FPDFText_LoadPage(page)
    runs: list[tuple[str, Box]] = []
    text, box = "", Box(0, 0, 0, 0)
    for character, place in _characters(text_page):
        within = place is not None and any(each.box.holds(place) for each in fields)
        line_end = place is None and character in "\r\n"
        if line_end or within or (place and text and not box.goes_on(place)):
            runs.append((text, box))
            text = ""
        if within or character in "\r\n":
            continue
        if place is not None:
            box = box.around(place) if text.strip() else place
        text += character
    runs.append((text, box))
    pdfium.FPDFText_ClosePage(text_page)
    seen: Counter[str] = Counter()
    labels: list[Label] = []
    for text, box in runs:
        words = " ".join(_FILL_AT_END.sub("", text).split())
        if any(character.isalnum() for character in words):
            labels.append(Label(words, box, seen[words]))
            seen[words] += 1
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
