"""Reading presentations: each slide is a page, with the words of its shapes, its tables, charts and diagrams."""

import re
from collections.abc import Iterable, Iterator
from xml.etree.ElementTree import Element

from agents.documents.parsing import drawings, formulas, headings, tables, titles
from agents.documents.parsing.formats import damaged
from agents.documents.parsing.package import Package, opened
from agents.documents.parsing.parsed import Parsed, clean, join_pages, list_pages
from agents.documents.parsing.word_numbers import numeral

_PRESENTATION = "ppt/presentation.xml"
_TITLES = ("title", "ctrTitle")
_ON_EVERY_SLIDE = ("ftr", "dt", "hdr")
_SLIDE_NUMBER = "sldNum"
_NUMBERING = re.compile(r"(arabic|alphaLc|alphaUc|romanLc|romanUc)(Period|ParenR|ParenBoth|Plain)")
_NUMERALS = {
    "arabic": "decimal",
    "alphaLc": "lowerLetter",
    "alphaUc": "upperLetter",
    "romanLc": "lowerRoman",
    "romanUc": "upperRoman",
}
_MARKS = {"Period": "{}.", "ParenR": "{})", "ParenBoth": "({})", "Plain": "{}"}


def read_pptx(data: bytes, name: str) -> Parsed:
    """Read a presentation; its slides are its pages.

    Raises:
        DocumentError: It is damaged.
    """
    try:
        with opened(data, name) as container:
            has_notes = any(member.startswith("ppt/notesSlides/") for member in container.namelist())
            return _Presentation(Package(container, name), name).read(["Speaker notes were not read."] * has_notes)
    except RecursionError as error:
        raise damaged(name, "its shapes stand hundreds of levels deep in each other") from error


class _Presentation:
    """A presentation while it is read."""

    def __init__(self, package: Package, name: str) -> None:
        self._package = package
        self._name = name
        self._seen: set[str] = set()
        """What stands on every slide, and is read once."""

    def read(self, warnings: list[str]) -> Parsed:
        """Return its slides, with a warning of those that are hidden before the others."""
        root = self._package.part(_PRESENTATION)
        if root is None:
            raise damaged(self._name, f"it holds no {_PRESENTATION}")
        members = [self._package.target(_PRESENTATION, each.get("id")) for each in root.findall("sldIdLst/sldId")]
        slides = [(member, self._package.part(member)) for member in members]
        texts = ["" if slide is None else self._slide(member, slide) for member, slide in slides]
        hidden = [
            number
            for number, (_, slide) in enumerate(slides, 1)
            if slide is not None and slide.get("show") in ("0", "false")
        ]
        if hidden:
            warnings.insert(0, f"Hidden text: slides that are hidden were read: {list_pages(hidden)}.")
        text, spans = join_pages(texts)
        core = self._package.part("docProps/core.xml")
        named = "" if core is None else core.findtext("title") or ""
        found = headings.in_markdown(text)
        # The first slide is a title page.
        first = next((words for _, words, start in found if start < spans[0][1]), "")
        title = titles.choose(named, first, text)
        parsed = Parsed.from_text(text, title=title, headings=found, warnings=warnings, pages=spans)
        return parsed._replace(page_kind="slide")

    def _slide(self, member: str, slide: Element) -> str:
        """Return a slide's text, its title first; the other shapes in the order in which a screen reader takes them."""
        shapes = list(_shapes(slide))
        shapes.sort(key=lambda shape: _placeholder(shape) not in _TITLES)
        blocks = (block for shape in shapes for block in self._shape(member, shape))
        return clean("\n\n".join(filter(None, blocks)))

    def _shape(self, member: str, shape: Element) -> Iterator[str]:
        kind = _placeholder(shape)
        if shape.tag in drawings.KINDS:
            yield from drawings.read(self._package, member, shape)
        elif shape.tag == "tbl":
            yield tables.as_markdown(map(_row, shape.findall("tr")))
        elif kind in _TITLES:
            if words := " ".join(" ".join(_paragraphs(shape)).split()):
                yield f"## {words}"
        elif kind != _SLIDE_NUMBER:
            text = "\n\n".join(_paragraphs(shape))
            if kind not in _ON_EVERY_SLIDE or text not in self._seen:
                yield text
            if kind in _ON_EVERY_SLIDE:
                self._seen.add(text)


def _shapes(parent: Element) -> Iterator[Element]:
    """Yield the shapes, tables, charts and diagrams in an element, those of groups too."""
    for child in parent:
        if child.tag in ("sp", "tbl", *drawings.KINDS):
            yield child
        elif child.tag == "AlternateContent":
            forms = [shapes for form in child if (shapes := list(_shapes(form)))]
            yield from forms[0] if forms else ()
        else:
            yield from _shapes(child)


def _placeholder(shape: Element) -> str:
    """Return what a shape is a slide's placeholder for: "title", "ftr"; empty for other shapes."""
    place = shape.find("nvSpPr/nvPr/ph")
    return "" if place is None else place.get("type", "")


def _row(row: Element) -> list[tables.Cell]:
    return [
        tables.Cell(
            " ".join(" ".join(_paragraphs(cell)).split()),
            tables.span(cell.get("gridSpan", "")),
            continues=cell.get("vMerge") in ("1", "true"),
        )
        for cell in row.findall("tc")
        if cell.get("hMerge") not in ("1", "true")
    ]


def _paragraphs(shape: Element) -> Iterator[str]:
    """Yield the paragraphs of a shape or a cell with the numbers and marks before them; a list is one block."""
    items: list[str] = []
    counts: dict[int, int] = {}
    for paragraph in _bodies(shape):
        properties = paragraph.find("pPr")
        text = "".join(_inline(paragraph)).strip()
        level = (
            int(properties.get("lvl", "0")) if properties is not None and properties.get("lvl", "0").isdigit() else 0
        )
        mark = _mark(properties, level, counts) if text else ""
        if mark:
            items.append(f"{'  ' * level}{mark} {text}")
            continue
        if items:
            yield "\n".join(items)
            items = []
        if text:
            yield text
    if items:
        yield "\n".join(items)


def _bodies(shape: Element) -> Iterable[Element]:
    return (paragraph for body in shape.findall("txBody") for paragraph in body.findall("p"))


def _mark(properties: Element | None, level: int, counts: dict[int, int]) -> str:
    """Return the number or mark before a paragraph, and count it among those of its level."""
    for deeper in [each for each in counts if each > level]:
        del counts[deeper]
    numbered = None if properties is None else properties.find("buAutoNum")
    if numbered is None:
        counts.pop(level, None)
        return "-" if properties is not None and properties.find("buChar") is not None else ""
    counts[level] = counts[level] + 1 if level in counts else _integer(numbered.get("startAt"), 1)
    kind = _NUMBERING.fullmatch(numbered.get("type", ""))
    numerals, mark = (_NUMERALS[kind[1]], _MARKS[kind[2]]) if kind else ("decimal", "{}.")
    return mark.format(numeral(counts[level], numerals))


def _integer(text: str | None, default: int) -> int:
    """Return a small number; the default where it is not written as such."""
    return int(text) if text and re.fullmatch("[0-9]{1,4}", text) else default


def _inline(parent: Element) -> Iterator[str]:
    """Yield the text in a paragraph; a word may be cut into several runs."""
    for child in parent:
        if child.tag == "t":
            yield child.text or ""
        elif child.tag == "br":
            yield "\n"
        elif child.tag == "oMath":
            yield formulas.linear(child)
        elif child.tag == "AlternateContent":
            yield from _inline(next((form for form in child if len(form)), child))
        elif child.tag not in ("pPr", "rPr", "endParaRPr") and child.get("type") != "slidenum":
            yield from _inline(child)
