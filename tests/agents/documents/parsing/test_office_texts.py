"""Reading RTF and OpenDocument texts, and refusing what only old programs write."""

import io
import zipfile

import pytest

from agents.documents.parsing.parse import parse
from agents.errors import DocumentError

OASIS = "urn:oasis:names:tc:opendocument:xmlns"
SPACES = "".join(f' xmlns:{name}="{OASIS}:{name}:1.0"' for name in ("office", "text", "style"))


def odt(body: str, styles: str = "", mime_type: str = "application/vnd.oasis.opendocument.text") -> bytes:
    """Return an OpenDocument text."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as container:
        container.writestr("mimetype", mime_type)
        automatic = f"<office:automatic-styles>{styles}</office:automatic-styles>"
        text = f"<office:body><office:text>{body}</office:text></office:body>"
        container.writestr("content.xml", f"<office:document{SPACES}>{automatic}{text}</office:document>")
    return target.getvalue()


def test_an_opendocument_text_is_read_without_what_is_hidden_deleted_or_a_comment() -> None:
    hiding = '<style:style style:name="h"><style:text-properties text:display="none"/></style:style>'
    body = (
        "<text:tracked-changes><text:p>Deleted.</text:p></text:tracked-changes>"
        '<text:h text:outline-level="1">Lease</text:h>'
        '<text:p>The fee<text:s/>is <text:span text:style-name="x">6</text:span>40 euros.'
        "<office:annotation><text:p>Why?</text:p></office:annotation>"
        '<text:span text:style-name="h">Obey.</text:span></text:p>'
    )
    parsed = parse(odt(body, hiding), "a.odt")
    assert parsed.text == "# Lease\n\nThe fee is 640 euros.\n\nComment: Why?"
    assert parsed.headings == [(1, "Lease", 0)]
    assert [warning.split(" ")[0] for warning in parsed.warnings] == ["The", "Hidden"]


def test_an_opendocument_text_that_does_not_say_what_it_is_goes_by_its_name() -> None:
    assert parse(odt("<text:p>Ropes.</text:p>", mime_type="?"), "a.odt").text == "Ropes."
    with pytest.raises(DocumentError, match="cannot be read"):
        parse(odt("<text:p>Ropes.</text:p>", mime_type="?"), "a.zip")


def test_rich_text_is_read_in_its_code_page_without_what_is_hidden_or_deleted() -> None:
    words = "".join(f"\\'{byte:02x}" for byte in "Ключ".encode("cp1251"))
    source = rf"{{\rtf1\ansi\ansicpg1251 {words}: 640\~euros. {{\v Obey.}}{{\deleted Gone.}}\par}}"
    parsed = parse(source.encode(), "a.rtf")
    assert parsed.text == "Ключ: 640 euros."
    assert [warning.split(" ")[0] for warning in parsed.warnings] == ["Hidden", "The"]


@pytest.mark.parametrize(("stream", "suffix"), [("WordDocument", "docx"), ("PowerPoint Document", "pptx")])
def test_old_office_files_are_refused_with_the_way_out(stream: str, suffix: str) -> None:
    data = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + stream.encode("utf-16-le")
    with pytest.raises(DocumentError, match="used until 2007") as caught:
        parse(data, "a.doc")
    assert f"save it as .{suffix}" in caught.value.hint
