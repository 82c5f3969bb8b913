"""Charts and diagrams of Office files: the numbers and words that a picture of them shows."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from agents.documents.parsing import tables
from agents.documents.parsing.package import Package

KINDS = ("chart", "relIds")
"""The elements that stand for a chart and for a diagram (SmartArt)."""


def read(package: Package, member: str, element: Element) -> Iterator[str]:
    """Yield the texts of a chart or a diagram, one a block.

    Args:
        package: The file.
        member: The part that shows it.
        element: The element in that part that stands for it.
    """
    relation = element.get("dm") if element.tag == "relIds" else element.get("id")
    part = package.part(package.target(member, relation))
    if part is not None:
        yield from _diagram(part) if element.tag == "relIds" else _chart(part)


def _diagram(root: Element) -> Iterator[str]:
    """Yield the points of a diagram that hold words."""
    points = [["".join(each.text or "" for each in line.iter("t")) for line in point.iter("p")]
              for point in root.iter("pt")]  # fmt: skip
    if lines := [f"- {text}" for point in points if (text := " ".join(" ".join(point).split()))]:
        yield "\n".join(lines)


def _chart(root: Element) -> Iterator[str]:
    """Yield a chart's title, and its figures with a column for each series."""
    title = root.find("chart/title")
    if title is not None and (words := " ".join("".join(each.text or "" for each in title.iter("t")).split())):
        yield words
    series = list(root.iter("ser"))
    categories: dict[int, str] = {}
    for each in series:
        categories = _points(each, "cat", "xVal") | categories
    columns = [_points(each, "val", "yVal") for each in series]
    places = sorted(set(categories).union(*columns))
    names = ["".join(_points(each, "tx").values()) for each in series]
    rows = [["", *names], *([categories.get(at, ""), *(column.get(at, "") for column in columns)] for at in places)]
    if places:
        yield tables.as_markdown([[tables.Cell(text) for text in row] for row in rows])


def _points(series: Element, *names: str) -> dict[int, str]:
    """Return the values that a chart keeps of one of a series' parts, by their place."""
    found: dict[int, str] = {}
    for name in names:
        part = series.find(name)
        for point in () if part is None else part.iter("pt"):
            at = point.get("idx", "")
            found[int(at) if at.isdecimal() else len(found)] = " ".join((point.findtext("v") or "").split())
        if part is not None and not found and (text := part.findtext("v")):
            found[0] = text
    return found
