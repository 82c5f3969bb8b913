"""Reading Word documents as somebody sees them: numbers that Word generates, notes, text boxes, changes accepted."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from agents.documents.parsing import drawings, formulas, headings, tables, titles
from agents.documents.parsing.formats import damaged
from agents.documents.parsing.hidden_text import HiddenText, left_out
from agents.documents.parsing.package import Package, opened
from agents.documents.parsing.parsed import Parsed, clean
from agents.documents.parsing.word_numbers import Number, Numbering
from agents.documents.parsing.word_styles import Styles, has_shade, is_on, outline_level, value
from agents.language.sentences import split_sentences

_DOCUMENT = "word/document.xml"
_NO_TEXT = frozenset(["pPr", "rPr", "sdtPr", "tblPr", "tcPr", "trPr", "delText", "instrText", "rt", "sectPr"])
_DELETED = frozenset(["del", "moveFrom", "cellDel"])
_INSERTED = frozenset(["ins", "moveTo", "cellIns"])
_SIGNS = {"tab": "\t", "ptab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
# Check boxes and ticks are letters of these fonts: Wingdings, Wingdings 2, by the last two digits of their code.
_SYMBOLS = {
    "wingdings": {"6F": "☐", "A8": "☐", "FE": "☒", "FD": "☒", "FC": "✓", "FB": "✗", "E0": "→"},
    "wingdings 2": {"A3": "☐", "2A": "☐", "54": "☒", "53": "☒", "52": "☑", "50": "✓", "4F": "✗"},
}
_TINY = re.compile("[1-4]")
"""Half points."""
_SENTENCE_ENDS = re.compile(r"[.;:,!?。\uff1b\uff1a\uff0c！？…][\"'”’»)]*$")
_PAGE_FIELD = re.compile(r"\s*(?:PAGE|NUMPAGES|SECTIONPAGES)\b")
_CHANGES = "Tracked changes are still open in the document; it was read as if all of them were accepted."


def read_docx(data: bytes, name: str) -> Parsed:
    """Read a Word document as one page.

    Raises:
        DocumentError: It is damaged.
    """
    try:
        with opened(data, name) as container:
            return _Document(Package(container, name), name).read()
    except RecursionError as error:
        raise damaged(name, "its parts stand hundreds of levels deep in each other") from error


@dataclass(frozen=True)
class Block:
    """A paragraph or a table."""

    text: str
    level: int = 0
    """Of a heading; 0 for other paragraphs."""
    number: Number | None = None

    @property
    def is_bullet(self) -> bool:
        """Whether it is an item of a list without numbers."""
        return self.number is not None and self.number.is_bullet

    def heads(self, following: "Block | None") -> str:
        """Return the heading in a numbered paragraph that has no heading's style; empty where it heads nothing.

        It heads what is numbered a level deeper and follows it, or what its number names: an article.
        """
        number = self.number
        if number is None or not number.label:
            return ""
        is_title = len(self.text) <= headings.MAX_LENGTH and not _SENTENCE_ENDS.search(self.text)
        below = following.number if following else None
        deeper = below is not None and below.level > number.level and not below.is_bullet
        if is_title and (number.is_named or deeper):
            return self.text
        return number.label.strip() if number.is_named else ""


class _Document:
    """A Word document while it is read."""

    def __init__(self, package: Package, name: str) -> None:
        self._package = package
        self._name = name
        self._styles = Styles(self._related("styles"))
        self._numbering = Numbering(self._related("numbering"))
        self._notes = {kind: self._by_id(f"{kind}s", kind) for kind in ("footnote", "endnote", "comment")}
        self._part = _DOCUMENT
        self._marks: dict[tuple[str, str], str] = {}
        self._after: list[Block] = []
        self._carried = ""
        self._backgrounds = 0
        self._has_changes = False
        self._hidden: list[str] = []
        self._title = ""
        """The first paragraph in the style of a title."""

    def read(self) -> Parsed:
        """Return the text, with headers and footers before it."""
        root = self._package.part(_DOCUMENT)
        body = None if root is None else root.find("body")
        if root is None or body is None:
            raise damaged(self._name, f"{_DOCUMENT} holds no document")
        blocks = [*self._headers(root), *self._blocks(body), *self._left_over()]
        text, found = _join(blocks)
        core = self._package.part("docProps/core.xml")
        warnings = left_out(map(HiddenText, self._hidden))
        return Parsed.from_text(
            text,
            title=titles.choose("" if core is None else core.findtext("title") or "", self._title, text),
            headings=found,
            warnings=[*warnings, *[_CHANGES] * self._has_changes],
        )

    def _related(self, kind: str) -> Element | None:
        found = self._package.related(_DOCUMENT, kind)
        return self._package.part(found[0]) if found else None

    def _by_id(self, part: str, kind: str) -> dict[str, Element]:
        root = self._related(part)
        return {} if root is None else {each.get("id", ""): each for each in root.findall(kind)}

    def _headers(self, root: Element) -> Iterator[Block]:
        """Yield what stands above and below the pages that are printed, each text once."""
        settings = self._related("settings")
        even = settings is not None and is_on(settings.find("evenAndOddHeaders"))
        seen: set[str] = set()
        for section in root.iter("sectPr"):
            shown = {"default", *(["even"] if even else ()), *(["first"] if is_on(section.find("titlePg")) else ())}
            for reference in section:
                member = self._package.target(_DOCUMENT, reference.get("id"))
                if reference.get("type", "default") not in shown or not member or member in seen:
                    continue
                seen.add(member)
                part = self._package.part(member)
                if reference.tag in ("headerReference", "footerReference") and part is not None:
                    for block in self._of_part(member, part):
                        if block.text not in seen:
                            seen.add(block.text)
                            yield Block(block.text)

    def _of_part(self, member: str, root: Element) -> list[Block]:
        """Return the blocks of a header or footer; a line that is nothing but the page's number is left out."""
        for paragraph in root.iter("p"):
            fields = [*(each.text or "" for each in paragraph.iter("instrText")),
                      *(each.get("instr", "") for each in paragraph.iter("fldSimple"))]  # fmt: skip
            words = "".join(each.text or "" for each in paragraph.iter("t"))
            if any(map(_PAGE_FIELD.match, fields)) and not any(map(str.isalpha, words)):
                paragraph.clear()
                paragraph.tag = "p"
        self._part, part = member, self._part
        blocks = list(self._blocks(root))
        self._part = part
        return blocks

    def _blocks(self, parent: Element) -> Iterator[Block]:
        """Yield the paragraphs and tables in an element, each followed by its notes, comments and text boxes."""
        for child in parent:
            if child.tag == "p":
                yield from self._with_what_follows(self._paragraph(child))
            elif child.tag == "tbl":
                yield from self._left_over()
                yield from self._with_what_follows(self._table(child))
            elif child.tag == "AlternateContent":
                yield from self._blocks(_shown(child))
            elif child.tag in ("oMathPara", "oMath"):
                yield Block(formulas.linear(child))
            elif child.tag in _DELETED:
                self._has_changes = True
            elif child.tag not in _NO_TEXT:
                self._has_changes |= child.tag in _INSERTED
                yield from self._blocks(child)

    def _left_over(self) -> Iterator[Block]:
        """Yield the text of a paragraph that was to run on into one that does not come."""
        text, self._carried = self._carried.strip(), ""
        if text:
            yield Block(text)

    def _with_what_follows(self, blocks: Iterator[Block]) -> Iterator[Block]:
        outer, self._after = self._after, []
        yield from list(blocks)
        after, self._after = self._after, outer
        yield from after

    def _paragraph(self, paragraph: Element) -> Iterator[Block]:
        """Yield a paragraph with its number, unless it is empty."""
        properties = paragraph.find("pPr")
        properties = Element("pPr") if properties is None else properties
        mark = properties.find("rPr")
        style = value(properties.find("pStyle")) or self._styles.default
        text = self._carried + "".join(self._inline(paragraph, style, properties))
        self._carried = ""
        if mark is not None and any(each.tag in _DELETED for each in mark):
            # Without its mark a paragraph runs on into the next one.
            self._has_changes = True
            self._carried = text
            return
        self._has_changes |= mark is not None and any(each.tag in _INSERTED for each in mark)
        if not text.strip() and mark is not None and is_on(mark.find("vanish")):
            return
        number = self._number(properties, style)
        if text := text.strip():
            if not self._title and self._styles.is_title(style):
                self._title = " ".join(text.split())
            yield self._block(text, self._level(properties, style), number)

    def _level(self, properties: Element, style: str) -> int:
        outline = properties.find("outlineLvl")
        return self._styles.heading_level(style) if outline is None else outline_level(outline)

    @staticmethod
    def _block(text: str, level: int, number: Number | None) -> Block:
        """Return a paragraph; clauses that only look like headings, for the sake of their numbers, are no headings."""
        if number and number.is_bullet and not level:
            return Block(f"{'  ' * number.level}- {text}", number=number)
        label = number.label if number else ""
        is_clause = bool(label) and _SENTENCE_ENDS.search(text)
        if level and not is_clause and len(label + text) <= headings.MAX_LENGTH:
            return Block(" ".join((label + text).split()), level, number)
        return Block(label + text, number=number)

    def _number(self, properties: Element, style: str) -> Number | None:
        """Count the paragraph in its list, if it is in one."""
        own, level = value(properties.find("numPr/numId")), value(properties.find("numPr/ilvl"))
        from_style, level_of_style, chain = self._styles.numbering(style)
        name = own or from_style
        if not level:
            # A level that names the style comes before the one that the style names.
            linked = (self._numbering.level_of(name, each) for each in chain)
            level = next((str(each) for each in linked if each is not None), level_of_style)
        return self._numbering.count(name, int(level) if re.fullmatch("[0-8]", level) else 0)

    def _inline(self, parent: Element, style: str, paragraph: Element) -> Iterator[str]:
        """Yield the text in an element of a paragraph, and note what stands beside the paragraph."""
        for child in parent:
            kind = child.tag
            if kind == "t":
                yield child.text or ""
            elif kind in _SIGNS:
                yield _SIGNS[kind]
            elif kind == "oMath":
                yield formulas.linear(child)
            elif kind == "oMathPara":
                # It stands on a line of its own.
                yield f" {formulas.linear(child)} "
            elif kind in _DELETED:
                self._has_changes = True
            elif kind == "r" and self._is_hidden(child, style, paragraph):
                words = "".join(each.text or "" for each in child.iter("t"))
                self._hidden += [words] if words.strip() else []
            elif kind in _BESIDE:
                yield self._beside(child)
            elif kind not in _NO_TEXT:
                self._has_changes |= kind in _INSERTED
                yield from self._inline(_shown(child) if kind == "AlternateContent" else child, style, paragraph)

    def _is_hidden(self, run: Element, style: str, paragraph: Element) -> bool:
        """Whether a run is not seen: hidden, tiny, or white on white."""
        properties = run.find("rPr")
        if properties is None:
            return self._styles.vanishes(style)
        vanish, own = properties.find("vanish"), value(properties.find("rStyle"))
        hidden = self._styles.vanishes(own) or self._styles.vanishes(style) if vanish is None else is_on(vanish)
        if hidden or _TINY.fullmatch(value(properties.find("sz"))):
            return True
        if value(properties.find("color")).casefold() not in ("ffffff", "white") or self._backgrounds:
            return False
        shaded = self._styles.is_shaded(style) or self._styles.is_shaded(own)
        return not (shaded or has_shade(properties) or has_shade(paragraph))

    def _beside(self, element: Element) -> str:
        """Return the mark of what stands beside the text, and keep the thing itself for after the paragraph."""
        if element.tag == "sym":
            code = element.get("char", "").upper()[-2:]
            return _SYMBOLS.get(element.get("font", "").casefold(), {}).get(code, "")
        if element.tag == "ffData":
            return _form_field(element)
        if element.tag == "txbxContent":
            self._after += self._on_background(self._blocks(element))
        elif element.tag == "textpath":
            # A watermark, such as DRAFT.
            self._after.append(Block(element.get("string", "")))
        elif element.tag in ("commentReference", "commentRangeEnd"):
            # A comment is read where it is first referred to.
            self._after += self._comment(self._notes["comment"].pop(element.get("id", ""), None))
        elif element.tag in ("footnoteReference", "endnoteReference"):
            return self._note(element)
        else:
            self._after += map(Block, drawings.read(self._package, self._part, element))
        return ""

    def _on_background(self, blocks: Iterator[Block]) -> list[Block]:
        """Read the blocks of a text box or a cell, in which white text may well stand on a colour."""
        carried, self._carried = self._carried, ""
        self._backgrounds += 1
        read = [*blocks, *self._left_over()]
        self._backgrounds -= 1
        self._carried = carried
        return read

    def _note(self, reference: Element) -> str:
        """Return the mark of a footnote or an endnote, which follows its paragraph."""
        key = (reference.tag.removesuffix("Reference"), reference.get("id", ""))
        if key in self._marks:
            return self._marks[key]
        note = self._notes[key[0]].get(key[1])
        if note is None or is_on(reference.find("customMarkFollows")) or "customMarkFollows" in reference.attrib:
            return ""
        mark = self._marks[key] = f"[^{len(self._marks) + 1}]"
        words = " ".join(block.text for block in self._on_background(self._blocks(note)))
        self._after.append(Block(f"{mark}: {words}"))
        return mark

    def _comment(self, comment: Element | None) -> Iterator[Block]:
        """Yield a comment, every sentence of it marked: none may be taken for one of the document's."""
        if comment is None:
            return
        author = " ".join(comment.get("author", "").split())
        mark = f"[Comment by {author}]" if author else "[Comment]"
        text = " ".join(" ".join(block.text for block in self._on_background(self._blocks(comment))).split())
        marked = (f"{mark} {text[start:end]}" for start, end in split_sentences(text))
        if lines := "\n".join(marked):
            yield Block(lines)

    def _table(self, table: Element) -> Iterator[Block]:
        """Yield a table; one of a single cell is a frame around paragraphs."""
        rows = list(self._rows(table))
        cells = [cell for row in rows for cell in row.iter("tc")] if len(rows) == 1 else []
        if len(cells) == 1:
            yield from self._on_background(self._blocks(cells[0]))
            return
        # The rows that Word repeats on every page are the table's head, else the first one.
        body = next((index for index, row in enumerate(rows) if not is_on(row.find("trPr/tblHeader"))), 1)
        if text := tables.as_markdown(self._grid(rows), max(body, 1)):
            yield Block(text)

    def _rows(self, parent: Element) -> Iterator[Element]:
        """Yield the rows of a table that are still there and seen."""
        for child in parent:
            if child.tag == "tr":
                properties = child.find("trPr")
                marks = {each.tag for each in (() if properties is None else properties)}
                self._has_changes |= bool(marks & (_DELETED | _INSERTED))
                if not marks & _DELETED:
                    yield child
            elif child.tag not in _NO_TEXT and child.tag not in _DELETED:
                yield from self._rows(child)

    def _grid(self, rows: list[Element]) -> Iterator[list[tables.Cell]]:
        for row in rows:
            before = row.find("trPr/gridBefore")
            cells = [tables.Cell("", tables.span(value(before)))] if before is not None else []
            yield cells + list(self._cells(row))

    def _cells(self, parent: Element) -> Iterator[tables.Cell]:
        for child in parent:
            if child.tag == "tc":
                properties = child.find("tcPr")
                properties = Element("tcPr") if properties is None else properties
                if properties.find("cellDel") is not None:
                    self._has_changes = True
                    continue
                merge = properties.find("vMerge")
                yield tables.Cell(
                    self._cell(child),
                    tables.span(value(properties.find("gridSpan"))),
                    continues=merge is not None and merge.get("val", "continue") == "continue",
                )
            elif child.tag not in _NO_TEXT and child.tag not in _DELETED:
                yield from self._cells(child)

    def _cell(self, cell: Element) -> str:
        """Return a cell's text on one line."""
        return " ".join(" ".join(block.text for block in self._on_background(self._in_cell(cell))).split())

    def _in_cell(self, parent: Element) -> Iterator[Block]:
        """Yield what is in a cell; a table in it with its cells parted by commas, its rows by semicolons."""
        for child in parent:
            if child.tag in ("sdt", "sdtContent", "customXml", *_INSERTED):
                yield from self._in_cell(child)
            elif child.tag == "tbl":
                grid = ([self._cell(each) for each in row.iter("tc")] for row in self._rows(child))
                yield Block("; ".join(", ".join(filter(None, row)) for row in grid))
            elif child.tag == "p":
                yield from self._paragraph(child)
            elif child.tag not in _NO_TEXT:
                yield from self._blocks(child)


_BESIDE = frozenset(
    [
        *("sym", "ffData", "txbxContent", "textpath", "commentReference", "commentRangeEnd"),
        *("footnoteReference", "endnoteReference", *drawings.KINDS),
    ]
)


def _shown(alternatives: Element) -> Element:
    """Return the first of the forms of one thing, the others being for older programs, unless it holds nothing."""
    forms = [each for each in alternatives if len(each)]
    holding = (each for each in forms if any(part.tag in ("t", *_BESIDE) for part in each.iter()))
    return next(holding, forms[0] if forms else alternatives)


def _form_field(field: Element) -> str:
    """Return the state of a check box, or the chosen entry of a list; the text of other fields is in the document."""
    box, entries = field.find("checkBox"), field.find("ddList")
    if box is not None:
        checked = box.find("checked")
        return "☒" if is_on(box.find("default") if checked is None else checked) else "☐"
    if entries is not None:
        choices, chosen = entries.findall("listEntry"), value(entries.find("result"))
        at = int(chosen) if re.fullmatch("[0-9]{1,3}", chosen) else 0
        return value(choices[at]) if at < len(choices) else ""
    return ""


def _join(blocks: Iterable[Block]) -> tuple[str, list[headings.Found]]:
    """Return the text of blocks and its headings."""
    blocks = [Block(clean(each.text).strip("\n"), each.level, each.number) for each in blocks]
    parts: list[str] = []
    found: list[headings.Found] = []
    position = above = 0
    for index, block in enumerate(blocks):
        following = blocks[index + 1] if index + 1 < len(blocks) else None
        level, words = (block.level, block.text) if block.level else (0, block.heads(following))
        if block.level:
            above = block.level
        elif words and block.number:
            level = above + 1 + block.number.level
        if level:
            found.append((level, words, position))
        tight = block.is_bullet and following is not None and following.is_bullet
        parts.append(f"{'#' * block.level}{' ' * bool(block.level)}{block.text}" + ("\n" if tight else "\n\n"))
        position += len(parts[-1])
    return "".join(parts).rstrip("\n"), found
