"""Office formulas as one line of text, as somebody would type them: m/(2a), x^2, √(b)."""

import re
from collections.abc import Iterable, Iterator
from xml.etree.ElementTree import Element

_SIMPLE = re.compile(r"[−+-]?[\w.,′]*|.|[(\[{|][^()\[\]{}|]*[)\]}|]")
"""What needs no brackets beside a fraction's bar or as an exponent."""

_ACCENTS = {"̅": "bar", "̂": "hat", "̃": "tilde", "̇": "dot", "⃗": "vec"}
_INVISIBLE = re.compile("[\u2061-\u2064]")
"""Signs of a function's application and of a product, which nothing draws."""


def linear(formula: Element) -> str:
    """Return a formula of Office's mathematical markup as text."""
    return " ".join(_INVISIBLE.sub("", _inside(formula)).replace("^∘", "°").split())


def _inside(parent: Element | None) -> str:
    return "".join(_text(child) for child in (() if parent is None else parent))


def _text(element: Element) -> str:
    """Return one part of a formula, and what it holds, as text."""
    kind = element.tag
    if kind == "t":
        return element.text or ""
    if kind in ("del", "moveFrom") or kind.endswith("Pr"):
        return ""
    render = _RENDERERS.get(kind)
    return render(element) if render else _inside(element)


def _part(element: Element, name: str) -> str:
    return _inside(element.find(name)).strip()


def _closed(text: str) -> str:
    """Return a text in brackets, unless it can stand as it is."""
    return text if _SIMPLE.fullmatch(text) else f"({text})"


def _property(element: Element, name: str, default: str) -> str:
    found = element.find(f"{element.tag}Pr/{name}")
    return default if found is None else found.get("val", "")


def _fraction(element: Element) -> str:
    return f"{_closed(_part(element, 'num'))}/{_closed(_part(element, 'den'))}"


def _script(element: Element) -> str:
    """Return a base with its lower and upper index."""
    below, above = (_part(element, name) for name in ("sub", "sup"))
    lower, upper = (f"{mark}{_closed(text)}" if text else "" for mark, text in (("_", below), ("^", above)))
    return f"{_part(element, 'e')}{lower}{upper}"


def _prescript(element: Element) -> str:
    return f"_{_closed(_part(element, 'sub'))}^{_closed(_part(element, 'sup'))} {_part(element, 'e')}"


def _root(element: Element) -> str:
    degree = _part(element, "deg")
    return f"{degree and f'{_closed(degree)}'}√({_part(element, 'e')})"


def _sum(element: Element) -> str:
    sign = _property(element, "chr", "∫")
    below, above = (_part(element, name) for name in ("sub", "sup"))
    lower, upper = (f"{mark}{_closed(text)}" if text else "" for mark, text in (("_", below), ("^", above)))
    return f"{sign}{lower}{upper} {_part(element, 'e')}"


def _delimited(element: Element) -> str:
    begin, separator, end = (
        _property(element, name, default) for name, default in (("begChr", "("), ("sepChr", "|"), ("endChr", ")"))
    )
    return begin + separator.join(_inside(part).strip() for part in element.findall("e")) + end


def _function(element: Element) -> str:
    argument = _part(element, "e")
    return f"{_part(element, 'fName')}{'' if argument[:1] in '([{|' else ' '}{argument}"


def _limit(element: Element) -> str:
    return f"{_part(element, 'e')}{'_' if element.tag == 'limLow' else '^'}{_closed(_part(element, 'lim'))}"


def _accent(element: Element) -> str:
    accent = _property(element, "chr", "̂")
    return f"{_ACCENTS.get(accent, '')}{_closed(_part(element, 'e'))}"


def _rows(element: Element) -> str:
    """Return a matrix, or equations above each other."""
    if element.tag == "eqArr":
        return _listed((_inside(row) for row in element.findall("e")), "; ")
    rows = (_listed(map(_inside, row.findall("e")), ", ") for row in element.findall("mr"))
    return f"[{_listed(rows, '; ')}]"


def _listed(parts: Iterable[str], separator: str) -> str:
    def stripped() -> Iterator[str]:
        for part in parts:
            yield part.replace("&", "").strip()

    return separator.join(stripped())


_RENDERERS = {
    "f": _fraction,
    "sSub": _script,
    "sSup": _script,
    "sSubSup": _script,
    "sPre": _prescript,
    "rad": _root,
    "nary": _sum,
    "d": _delimited,
    "func": _function,
    "limLow": _limit,
    "limUpp": _limit,
    "acc": _accent,
    "m": _rows,
    "eqArr": _rows,
}
