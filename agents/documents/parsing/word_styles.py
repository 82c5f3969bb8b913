"""What Word's styles say of a paragraph: its heading level, its list, whether it is hidden or shaded."""

import re
from collections.abc import Iterator
from functools import cache
from xml.etree.ElementTree import Element

# Styles keep their English names whatever language Word speaks.
_HEADING = re.compile(r"heading ([1-9])", re.IGNORECASE)
_TITLE = "title"
_OFF = ("0", "false", "off", "none")
_MAX_LEVEL = 6
"""Of headings, as in Markdown."""


class Styles:
    """The styles of a document."""

    def __init__(self, root: Element | None) -> None:
        found = [] if root is None else root.findall("style")
        self._styles = {each.get("styleId", ""): each for each in found}
        self.default = next(
            (
                each.get("styleId", "")
                for each in found
                if each.get("type") == "paragraph" and each.get("default", "0") not in _OFF
            ),
            "",
        )
        """The style of paragraphs that name none."""
        self.heading_level = cache(self._heading_level)
        self.vanishes = cache(self._vanishes)
        self.is_shaded = cache(self._is_shaded)
        self.numbering = cache(self._numbering)

    def _chain(self, style: str) -> Iterator[Element]:
        """Yield a style and those that it is based on."""
        seen: set[str] = set()
        while style in self._styles and style not in seen:
            seen.add(style)
            yield self._styles[style]
            based = self._styles[style].find("basedOn")
            style = "" if based is None else based.get("val", "")

    def _heading_level(self, style: str) -> int:
        """Return the level of a heading's style, 1 for a title; 0 for what heads nothing."""
        for each in self._chain(style):
            words = value(each.find("name"))
            if match := _HEADING.fullmatch(words):
                return min(int(match.group(1)), _MAX_LEVEL)
            if words.casefold() == _TITLE:
                return 1
            outline = each.find("pPr/outlineLvl")
            if outline is not None:
                return outline_level(outline)
        return 0

    def is_title(self, style: str) -> bool:
        """Whether a style is that of the document's title."""
        return any(value(each.find("name")).casefold() == _TITLE for each in self._chain(style))

    def _vanishes(self, style: str) -> bool:
        """Whether a style hides its text."""
        found = (each.find("rPr/vanish") for each in self._chain(style))
        return any(is_on(each) for each in found if each is not None)

    def _is_shaded(self, style: str) -> bool:
        """Whether a style gives its paragraphs a background."""
        return any(has_shade(each.find("pPr")) or has_shade(each.find("rPr")) for each in self._chain(style))

    def _numbering(self, style: str) -> tuple[str, str, tuple[str, ...]]:
        """Return the list and the level that a style puts its paragraphs in, and the styles to look for in the list."""
        name = level = ""
        chain = list(self._chain(style))
        for each in chain:
            name = name or value(each.find("pPr/numPr/numId"))
            level = level or value(each.find("pPr/numPr/ilvl"))
        return name, level, tuple(each.get("styleId", "") for each in chain)


def value(element: Element | None) -> str:
    """Return the value of a property; empty where there is none."""
    return "" if element is None else element.get("val", "")


def is_on(element: Element | None) -> bool:
    """Whether a property that is on or off is there and on."""
    return element is not None and element.get("val", "1") not in _OFF


def outline_level(element: Element) -> int:
    """Return the heading level that an outline's level stands for; 0 for body text."""
    level = element.get("val", "")
    return min(int(level) + 1, _MAX_LEVEL) if re.fullmatch("[0-8]", level) else 0


def has_shade(properties: Element | None) -> bool:
    """Whether properties give a background that is not white."""
    if properties is None:
        return False
    shade, highlight = properties.find("shd"), properties.find("highlight")
    fill = "" if shade is None else shade.get("fill", "").casefold()
    pattern = value(shade)
    return (
        fill not in ("", "auto", "ffffff", "white")
        or pattern not in ("", "clear", "nil", "none")
        or value(highlight) not in ("", "none", "white")
    )
