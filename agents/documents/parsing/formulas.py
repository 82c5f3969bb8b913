"""Office formulas as one line of text, as somebody would type them: m/(2a), x^2, √(b)."""

import re
from collections.abc import Callable, Iterable
from xml.etree.ElementTree import Element

_INVISIBLE = re.compile("[\u2061-\u2064]")
"""Signs of a function's application and of a product, which nothing draws."""


def linear(formula: Element) -> str:
    """Return a formula of Office's mathematical markup as text."""
    return " ".join(_INVISIBLE.sub("", _inside(formula)).replace("^∘", "°").split())


def _inside(parent: Element | None) -> str:
    return "".join(_Part(child).text() for child in (() if parent is None else parent))


def _listed(texts: Iterable[str], separator: str) -> str:
    return separator.join(text.replace("&", "").strip() for text in texts)


class _Part:
    """One part of a formula, such as a fraction, whose own parts have names: "num", "den"."""

    SIMPLE = re.compile(r"[−+-]?[\w.,′]*|.|[(\[{|][^()\[\]{}|]*[)\]}|]")
    """What needs no brackets beside a fraction's bar or as an exponent."""

    def __init__(self, element: Element) -> None:
        self._element = element

    def text(self) -> str:
        """Return it, and what it holds, as text."""
        kind = self._element.tag
        if kind == "t":
            return self._element.text or ""
        if kind in ("del", "moveFrom") or kind.endswith("Pr"):
            return ""
        write = _KINDS.get(kind)
        return write(self) if write else _inside(self._element)

    def of(self, name: str) -> str:
        """Return one of its parts."""
        return _inside(self._element.find(name)).strip()

    def closed(self, name: str) -> str:
        """Return one of its parts in brackets, unless that can stand as it is."""
        text = self.of(name)
        return text if self.SIMPLE.fullmatch(text) else f"({text})"

    def sign(self, name: str, default: str) -> str:
        """Return a sign that its properties name."""
        found = self._element.find(f"{self._element.tag}Pr/{name}")
        return default if found is None else found.get("val", "")

    def scripts(self) -> str:
        """Return its lower and upper index, or its limits."""
        below, above = self.closed("sub"), self.closed("sup")
        return f"{below and f'_{below}'}{above and f'^{above}'}"

    def delimited(self) -> str:
        """Return its parts between brackets or bars."""
        parts = (_inside(part).strip() for part in self._element.findall("e"))
        return self.sign("begChr", "(") + self.sign("sepChr", "|").join(parts) + self.sign("endChr", ")")

    def applied(self) -> str:
        """Return a function with its argument."""
        argument = self.of("e")
        return f"{self.of('fName')}{'' if argument[:1] in '([{|' else ' '}{argument}"

    def equations(self) -> str:
        """Return equations that stand above each other."""
        return _listed(map(_inside, self._element.findall("e")), "; ")

    def matrix(self) -> str:
        """Return the rows of a matrix."""
        rows = (_listed(map(_inside, row.findall("e")), ", ") for row in self._element.findall("mr"))
        return f"[{_listed(rows, '; ')}]"


_ACCENTS = {"̅": "bar", "̂": "hat", "̃": "tilde", "̇": "dot", "⃗": "vec"}
_KINDS: dict[str, Callable[[_Part], str]] = {
    "f": lambda part: f"{part.closed('num')}/{part.closed('den')}",
    **dict.fromkeys(("sSub", "sSup", "sSubSup"), lambda part: part.of("e") + part.scripts()),
    "sPre": lambda part: f"_{part.closed('sub')}^{part.closed('sup')} {part.of('e')}",
    "rad": lambda part: f"{part.closed('deg')}√({part.of('e')})",
    "nary": lambda part: f"{part.sign('chr', '∫')}{part.scripts()} {part.of('e')}",
    "d": _Part.delimited,
    "func": _Part.applied,
    "limLow": lambda part: f"{part.of('e')}_{part.closed('lim')}",
    "limUpp": lambda part: f"{part.of('e')}^{part.closed('lim')}",
    "acc": lambda part: _ACCENTS.get(part.sign("chr", "̂"), "") + part.closed("e"),
    "m": _Part.matrix,
    "eqArr": _Part.equations,
}
