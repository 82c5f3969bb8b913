"""Reading web pages, without what somebody who looks at the page would not see."""

import re
from html import unescape
from html.parser import HTMLParser

from typing_extensions import override

from agents.documents.parsing import headings
from agents.documents.parsing.encoding import Decoded, decode
from agents.documents.parsing.extraction import MAX_DEPTH, extract, strip_inline_marks
from agents.documents.parsing.hidden_text import HiddenText, is_worded, left_out
from agents.documents.parsing.html_tables import plain_tables
from agents.documents.parsing.parsed import Parsed, clean

_VOID = re.compile("area|base|br|col|embed|hr|img|input|link|meta|source|track|wbr")
# A new block ends these even without their end tag.
_CLOSED_BY_BLOCKS = re.compile("p|li|dt|dd|td|th|tr|option|rt|rp|rtc")
_BLOCKS = re.compile(
    "p|div|section|article|table|ul|ol|dl|li|dt|dd|tr|td|th|h[1-6]|pre|blockquote|header|footer|main|nav|form|hr"
)
# What a beginning element ends where it has no end tag of its own; any new block ends a paragraph.
_ENDED_BY = {
    "li": frozenset(["li"]),
    "dt": frozenset(["dt", "dd"]),
    "dd": frozenset(["dt", "dd"]),
    "tr": frozenset(["tr", "td", "th"]),
    "td": frozenset(["td", "th"]),
    "th": frozenset(["td", "th"]),
    "option": frozenset(["option"]),
}
_PARAGRAPH = frozenset(["p"])
# What such elements stand in: they end none outside of it.
_HOLDS = frozenset(["ul", "ol", "dl", "table", "select"])
# Browsers read these end tags without a beginning as an empty paragraph and a line break.
_MEANT_ALONE = re.compile("p|br")
# xberg does not know the first as a block, and leaves out the others: whole pages stand in a form, titles in a header.
_BLOCKS_TO_US = frozenset(["center", "form", "header"])
# Elements that only look different; xberg moves a table inside of one, as in old mails, to the page's end.
_LOOKS = frozenset(["font", "span", "ins", "mark", "u", "big", "small"])
# The last ones say how letters are spoken, in small letters beside them: within the line they would cut its words.
_NOT_SHOWN = frozenset(["script", "style", "template", "rt", "rp", "rtc"])
_INVISIBLE = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|(?:^|[;\s])opacity\s*:\s*0(?:\.0+)?\s*(?:;|!|$)"
    r"|font-size\s*:\s*(?:0(?:\.\d+)?|1px)\s*(?:[a-z%]+\s*)?(?:;|!|$)"
    r"|(?:left|top|right|text-indent|margin-left)\s*:\s*-\s*\d{3,}|clip\s*:\s*rect\(\s*[01]",
    re.IGNORECASE,
)
_WHITE = r"(?:#fff(?:fff)?|white|rgba?\(\s*255\s*,\s*255\s*,\s*255[^)]*\)|transparent|rgba\([^)]*,\s*0?\.?0\s*\))"
_WHITE_TEXT = re.compile(rf"(?:^|[;\s])color\s*:\s*{_WHITE}\s*(?:;|!|$)", re.IGNORECASE)
_BACKGROUND = re.compile(r"background(?:-color|-image)?\s*:\s*([^;]*)", re.IGNORECASE)
_WHITE_VALUE = re.compile(rf"\s*(?:{_WHITE}|none|inherit|initial)\s*(?:!important)?\s*$", re.IGNORECASE)
_RULE = re.compile(r"([^{}]{1,500})\{([^{}]{0,2000})\}")
_MAX_DEPTH = MAX_DEPTH // 2
"""Elements within each other whose tags are kept, of deeper ones the text alone; plain_tables may add some."""
_MAX_LOOKED_AT = 50
"""Open elements among which the one is looked for that a tag ends."""
# Without it xberg takes a page that begins with a rare element for XML.
_DOCTYPE = "<!DOCTYPE html>"
_ENDS_ITSELF = re.compile(r"\s*/>\Z")
_DECLARED = re.compile(rb"charset\s*=\s*[\"']?([\w-]+)|<\?xml[^>]{0,80}encoding=[\"']([\w-]+)", re.IGNORECASE)


def read_html(data: bytes, name: str) -> Parsed:
    """Read a web page.

    Raises:
        DocumentError: It is damaged.
    """
    decoded = decode_page(data)
    page = read_page(clean(decoded.text), name)
    return page._replace(warnings=[*decoded.warnings, *page.warnings])


def decode_page(data: bytes, declared: str = "") -> Decoded:
    """Decode a web page as it declares near its beginning, unless its encoding is declared elsewhere already."""
    found = None if declared else _DECLARED.search(data[:2048])
    return decode(data, (found[1] or found[2]).decode("ascii") if found else declared)


def read_page(html: str, name: str) -> Parsed:
    """Read a web page that is decoded already.

    Raises:
        DocumentError: It is damaged.
    """
    page, title, hidden = visible_html(html)
    text = strip_inline_marks(extract(f"{_DOCTYPE}{plain_tables(page)}".encode(), name, "html").content)
    return Parsed.from_text(
        text,
        title=title,
        headings=headings.in_markdown(text),
        warnings=left_out(hidden),
    )


def visible_html(html: str) -> tuple[str, str, list[HiddenText]]:
    """Return the page's source without its hidden elements and comments, its title, and what was hidden.

    Elements are hidden by an attribute, by inline style or by a simple rule of the page's own style sheet: not
    displayed, transparent, tiny, outside the page, or white on white.
    """
    page = _VisiblePage()
    page.feed(html)
    page.close()
    return "".join(page.source), " ".join(unescape("".join(page.title)).split()), page.hidden


class _VisiblePage(HTMLParser):
    """Copies a page's source without what is hidden."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.source: list[str] = []
        self.title: list[str] = []
        self.hidden: list[HiddenText] = []
        self._rules: dict[str, str] = {}
        self._open: list[tuple[str, bool]] = []
        """Open elements, and whether each has a background that is not white."""
        self._inside: list[str] = []
        """Open elements from the outermost hidden one inwards."""
        self._hidden_text: list[str] = []

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        # The page is decoded already, so the encoding that it declares no longer holds.
        if tag == "meta":
            return
        if (
            self._inside
            and _BLOCKS.fullmatch(tag)
            and len(self._inside) == 1
            and _CLOSED_BY_BLOCKS.fullmatch(self._inside[0])
        ):
            self._end_hidden()
        if self._inside:
            if not _VOID.fullmatch(tag):
                self._inside.append(tag)
            return
        self._end_implied(tag)
        style = self._style(tag, dict(attrs))
        on_background = any(background for _, background in self._open[-1:])
        backgrounds = [value for value in _BACKGROUND.findall(style) if not _WHITE_VALUE.match(value)]
        if not _VOID.fullmatch(tag):
            white = bool(_WHITE_TEXT.search(style)) and not on_background and not backgrounds
            if tag in _NOT_SHOWN or white or self._is_hidden(dict(attrs), style):
                self._inside.append(tag)
                return
            self._open.append((tag, on_background or bool(backgrounds)))
        if len(self._open) > _MAX_DEPTH:
            self.source.append("<br>" if _BLOCKS.fullmatch(tag) else "")
        elif tag in _BLOCKS_TO_US:
            self.source.append("<div>")
        elif tag not in _LOOKS:
            # Programs that read XML take no end tag behind a tag that ends itself.
            ending = "/>" if _VOID.fullmatch(tag) else ">"
            self.source.append(_ENDS_ITSELF.sub(ending, self.get_starttag_text() or ""))

    @override
    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if not _VOID.fullmatch(tag):
            self.handle_endtag(tag)

    @override
    def handle_endtag(self, tag: str) -> None:
        if self._inside:
            if tag in self._inside:
                while self._inside and self._inside.pop() != tag:
                    pass
                if not self._inside:
                    self._end_hidden()
            elif _CLOSED_BY_BLOCKS.fullmatch(self._inside[0]) and any(self._open[i][0] == tag for i in self._nearest()):
                self._end_hidden()
                self.handle_endtag(tag)
            return
        for index in self._nearest():
            if self._open[index][0] == tag:
                # xberg reads on in a heading whose inner elements end after it.
                self._end(index, tag)
                return
        if len(self._open) >= _MAX_LOOKED_AT or _MEANT_ALONE.fullmatch(tag):
            self._write_end(tag)

    @override
    def handle_data(self, data: str) -> None:
        self._text(data)
        if self._inside[-1:] == ["style"]:
            self._rules.update(
                (selector.strip().lower(), style)
                for selectors, style in _RULE.findall(data)
                for selector in selectors.split(",")
            )

    @override
    def handle_entityref(self, name: str) -> None:
        self._text(f"&{name};")

    @override
    def handle_charref(self, name: str) -> None:
        self._text(f"&#{name};")

    @override
    def handle_comment(self, data: str) -> None:
        if is_worded(data):
            self.hidden.append(HiddenText(data, is_comment=True))

    @override
    def handle_decl(self, decl: str) -> None:
        self.source.append(f"<!{decl}>")

    @override
    def parse_marked_section(self, i: int, report: int = 1) -> int:
        # Python fails on sections that it does not know; browsers take `<![if x]>` for a comment that ends at the mark.
        return self.rawdata.find(">", i) + 1 or -1

    def _nearest(self) -> range:
        """Return the places of the innermost open elements, from the inside out."""
        return range(len(self._open) - 1, max(-1, len(self._open) - 1 - _MAX_LOOKED_AT), -1)

    def _end_implied(self, tag: str) -> None:
        """End the elements that a beginning one ends, as browsers do where end tags are left out."""
        ended = _ENDED_BY.get(tag) or (_PARAGRAPH if _BLOCKS.fullmatch(tag) else frozenset[str]())
        outermost = None
        for index in self._nearest() if ended else ():
            name = self._open[index][0]
            if name in ended:
                outermost = index
            elif name in _HOLDS or (ended is _PARAGRAPH and _BLOCKS.fullmatch(name)):
                break
        if outermost is not None:
            self._end(outermost, self._open[outermost][0])

    def _end(self, place: int, tag: str) -> None:
        """End the element at a place among the open ones, and first the paragraphs and inline elements inside of it."""
        for index in range(len(self._open) - 1, place, -1):
            name = self._open[index][0]
            if index < _MAX_DEPTH and (name in _PARAGRAPH or not _BLOCKS.fullmatch(name)):
                self._write_end(name)
        del self._open[place:]
        if place < _MAX_DEPTH:
            self._write_end(tag)

    def _write_end(self, tag: str) -> None:
        if tag not in _LOOKS:
            self.source.append(f"</{'div' if tag in _BLOCKS_TO_US else tag}>")

    def _text(self, source: str) -> None:
        if not self._inside:
            self.source.append(source)
            if self._open[-1:] and self._open[-1][0] == "title":
                self.title.append(source)
        elif not _NOT_SHOWN.intersection(self._inside):
            self._hidden_text.append(source)

    def _end_hidden(self) -> None:
        if text := " ".join("".join(self._hidden_text).split()):
            self.hidden.append(HiddenText(text))
        self._inside.clear()
        self._hidden_text.clear()

    def _style(self, tag: str, attributes: dict[str, str | None]) -> str:
        """Return the declarations that apply to an element, as far as simple selectors tell."""
        if not self._rules:
            return attributes.get("style") or ""
        selectors = [tag, f"#{attributes.get('id')}"]
        for name in (attributes.get("class") or "").split():
            selectors += [f".{name}", f"{tag}.{name}"]
        found = [self._rules[selector.lower()] for selector in selectors if selector.lower() in self._rules]
        return ";".join([*found, attributes.get("style") or ""])

    @staticmethod
    def _is_hidden(attributes: dict[str, str | None], style: str) -> bool:
        return "hidden" in attributes or bool(_INVISIBLE.search(style))

    @override
    def close(self) -> None:
        super().close()
        if self._inside:
            self._end_hidden()
