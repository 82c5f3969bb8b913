"""Reading OpenDocument texts, without their hidden text, with comments apart from the text."""

import io
import re
import zipfile
from collections.abc import Iterator
from xml.etree import ElementTree

from agents.documents.parsing import headings, titles
from agents.documents.parsing.extraction import extract, strip_inline_marks
from agents.documents.parsing.formats import damaged
from agents.documents.parsing.hidden_text import HiddenText, left_out
from agents.documents.parsing.package import opened
from agents.documents.parsing.parsed import Parsed, shorten

_OASIS = "urn:oasis:names:tc:opendocument:xmlns:"
_TEXT, _STYLE, _OFFICE = f"{{{_OASIS}text:1.0}}", f"{{{_OASIS}style:1.0}}", f"{{{_OASIS}office:1.0}}"
_DRAW = f"{{{_OASIS}drawing:1.0}}"
_AUTHOR = "{http://purl.org/dc/elements/1.1/}creator"
_CONTENT, _STYLES = "content.xml", "styles.xml"
_BLANKS = frozenset([f"{_TEXT}s", f"{_TEXT}tab"])
_BOXES = frozenset([f"{_DRAW}frame", f"{_DRAW}text-box"])
_COMMENT = f"{_OFFICE}annotation"
_MAX_COMMENT = 2_000
# xberg lists the marks of notes once more in a line of their own.
_LONE_MARKS = re.compile(r"^(?:\[\^\d+\])+\n+", re.MULTILINE)

Element = ElementTree.Element


def read_odt(data: bytes, name: str) -> Parsed:
    """Read an OpenDocument text as one page; heads and feet of its pages stand once at its beginning and its end.

    Raises:
        DocumentError: It is damaged.
    """
    try:
        with opened(data, name) as container:
            members = container.namelist()
            if _CONTENT not in members:
                raise damaged(name, f"it holds no {_CONTENT}")
            content = ElementTree.fromstring(container.read(_CONTENT))  # noqa: S314, expat limits what entities may grow to
            styles = ElementTree.fromstring(container.read(_STYLES)) if _STYLES in members else None  # noqa: S314
            text = _Text(content, styles)
            text.tidy()
            readable = _with_content(container, ElementTree.tostring(content))
    except ElementTree.ParseError as error:
        raise damaged(name, "its text is not XML") from error
    document = extract(readable, name, "odt")
    markdown = _LONE_MARKS.sub("", strip_inline_marks(document.content))
    return Parsed.from_text(
        markdown,
        title=titles.choose(str(document.metadata.title or ""), text.title, markdown),
        headings=headings.in_markdown(markdown),
        warnings=text.warnings,
    )


def _with_content(container: zipfile.ZipFile, content: bytes) -> bytes:
    """Return the container with another text, and with the file that says what it is."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as copy:
        copy.writestr("mimetype", "application/vnd.oasis.opendocument.text")
        for entry in container.infolist():
            if entry.filename != "mimetype":
                copy.writestr(entry.filename, content if entry.filename == _CONTENT else container.read(entry))
    return target.getvalue()


class _Text:
    """A document's text, which `tidy` changes to what a reader sees."""

    def __init__(self, content: Element, styles: Element | None) -> None:
        self.warnings: list[str] = []
        self.title = ""
        """The first paragraph in the style of a title."""
        self._content = content
        self._styles = styles
        self._hidden: list[str] = []
        self._comments: list[str] = []
        self._hiding = frozenset(
            style.get(f"{_STYLE}name", "")
            for root in (content, styles)
            if root is not None
            for style in root.iter(f"{_STYLE}style")
            if any(look.get(f"{_TEXT}display") == "none" for look in style.iter(f"{_STYLE}text-properties"))
        )
        self._parents = {
            style.get(f"{_STYLE}name", ""): style.get(f"{_STYLE}parent-style-name", "")
            for style in content.iter(f"{_STYLE}style")
        }

    def tidy(self) -> None:
        """Take out what is hidden, deleted or a comment, and add what stands on every page."""
        body = self._content.find(f".//{_OFFICE}text")
        if body is None:
            return
        for changes in body.findall(f"{_TEXT}tracked-changes"):
            body.remove(changes)
            self.warnings.append(
                "The document has tracked changes that are not accepted yet; it was read as if they were."
            )
        for parent in list(body.iter()):
            self._tidy_children(parent)
        found = (_words(paragraph) for paragraph in body.iter(f"{_TEXT}p") if self._is_title(paragraph))
        self.title = next((words for words in found if words), "")
        body[0:0] = map(_paragraph, self._furniture(f"{_STYLE}header"))
        body.extend(map(_paragraph, self._furniture(f"{_STYLE}footer")))
        body.extend(map(_paragraph, self._comments))
        self.warnings += left_out(map(HiddenText, self._hidden))

    def _tidy_children(self, parent: Element) -> None:
        """Put what a reader sees in place of an element's children."""
        kept: list[Element] = []
        for child in parent:
            words = self._instead(child)
            if words is None:
                kept.append(child)
            elif kept:
                kept[-1].tail = f"{kept[-1].tail or ''}{words}{child.tail or ''}"
            else:
                parent.text = f"{parent.text or ''}{words}{child.tail or ''}"
        parent[:] = kept

    def _instead(self, element: Element) -> str | None:
        """Return the words that a reader sees in place of an element; None where it stays."""
        if element.tag in _BLANKS:
            return " "
        if element.tag == _COMMENT:
            author = element.findtext(_AUTHOR, "").strip()
            words = shorten(" ".join(" ".join(line.itertext()) for line in element.iter(f"{_TEXT}p")), _MAX_COMMENT)
            self._comments.append(f"Comment{f' by {author}' if author else ''}: {words}")
            return ""
        if element.get(f"{_TEXT}style-name") in self._hiding or element.get(f"{_TEXT}is-hidden") == "true":
            self._hidden.append(_words(element) or "a field")
            return ""
        if element.tag in _BOXES:
            # xberg reads a box within its frame twice.
            element.tag = f"{_TEXT}span"
        elif element.tag == f"{_TEXT}span":
            # Marks of emphasis within a word would part it.
            element.attrib.pop(f"{_TEXT}style-name", None)
        return None

    def _is_title(self, paragraph: Element) -> bool:
        style = paragraph.get(f"{_TEXT}style-name", "")
        return "Title" in (style, self._parents.get(style))

    def _furniture(self, tag: str) -> Iterator[str]:
        """Yield the different heads or feet of pages."""
        if self._styles is not None:
            lines = (_words(found) for found in self._styles.iter(tag))
            yield from dict.fromkeys(filter(None, lines))


def _words(element: Element) -> str:
    return " ".join("".join(element.itertext()).split())


def _paragraph(text: str) -> Element:
    paragraph = Element(f"{_TEXT}p")
    paragraph.text = text
    return paragraph
