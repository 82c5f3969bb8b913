"""Small Word files written part by part, for what python-docx cannot write."""

import io
import zipfile

_SPACES = " ".join(
    f'xmlns:{prefix}="http://schemas.example.org/{prefix}"'
    for prefix in ("w", "r", "m", "mc", "a", "wp", "wps", "v", "c", "dgm")
)
_KINDS = ("styles", "numbering", "settings", "footnotes", "endnotes", "comments")


def word(body: str, **parts: str) -> bytes:
    """Return a Word file.

    Args:
        body: The XML in its body.
        parts: The XML in its other parts, by name: `styles`, `numbering`, `header1`. One is referred to by its name.
    """
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as container:
        container.writestr("word/document.xml", f"<w:document {_SPACES}><w:body>{body}</w:body></w:document>")
        relations: list[str] = []
        for name, xml in parts.items():
            kind = name if name in _KINDS else name.rstrip("0123456789")
            relations.append(f'<Relationship Id="{name}" Type="http://x/{kind}" Target="{name}.xml"/>')
            container.writestr(f"word/{name}.xml", f"<w:{kind} {_SPACES}>{xml}</w:{kind}>")
        container.writestr("word/_rels/document.xml.rels", f"<Relationships>{''.join(relations)}</Relationships>")
    return target.getvalue()


def run(text: str, properties: str = "") -> str:
    """Return the XML of a run of text."""
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'


def paragraph(content: str, properties: str = "") -> str:
    """Return the XML of a paragraph: of a text, or of XML that begins with a tag."""
    inside = content if content.startswith("<") else run(content)
    return f"<w:p><w:pPr>{properties}</w:pPr>{inside}</w:p>"


def item(text: str, level: int = 0, number: int = 1, style: str = "") -> str:
    """Return the XML of a paragraph in a list."""
    named = f'<w:pStyle w:val="{style}"/>' if style else ""
    return paragraph(text, f'{named}<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{number}"/></w:numPr>')


def level(at: int, numerals: str, text: str, more: str = "", start: int = 1) -> str:
    """Return the XML of a level of a list."""
    return (
        f'<w:lvl w:ilvl="{at}"><w:start w:val="{start}"/><w:numFmt w:val="{numerals}"/>{more}'
        f'<w:lvlText w:val="{text}"/></w:lvl>'
    )


def numbering(*levels: str, overrides: str = "") -> str:
    """Return the XML of a list, number 1, and of a second one of the same kind that overrides something."""
    return (
        f'<w:abstractNum w:abstractNumId="7">{"".join(levels)}</w:abstractNum>'
        '<w:num w:numId="1"><w:abstractNumId w:val="7"/></w:num>'
        f'<w:num w:numId="2"><w:abstractNumId w:val="7"/>{overrides}</w:num>'
    )


def table(*rows: list[str], head: int = 0) -> str:
    """Return the XML of a table; a cell that begins with a tag is the XML in it."""
    written: list[str] = []
    for index, row in enumerate(rows):
        cells = "".join(cell if cell.startswith("<w:tc>") else f"<w:tc>{paragraph(cell)}</w:tc>" for cell in row)
        written.append(f"<w:tr><w:trPr>{'<w:tblHeader/>' * (index < head)}</w:trPr>{cells}</w:tr>")
    return f"<w:tbl>{''.join(written)}</w:tbl>"
