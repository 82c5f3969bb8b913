"""Reading mails that are not in order, and mails within mails."""

import base64

import pytest

from agents.documents.parsing.parse import parse
from agents.documents.parsing.parsed import Parsed
from agents.errors import DocumentError

BODY = "The gate code is 5512."


def read(mail: str | bytes) -> Parsed:
    return parse(mail if isinstance(mail, bytes) else mail.encode(), "a.eml")


def multipart(kind: str, *parts: str) -> str:
    """Return the head of a mail of several parts, each given with its own head, and the parts."""
    boundary = f"b{abs(hash(parts))}"
    inner = "".join(f"--{boundary}\n{part}\n" for part in parts)
    return f'Content-Type: multipart/{kind}; boundary="{boundary}"\n\n{inner}--{boundary}--\n'


@pytest.mark.parametrize("charset", ["undefined", "idna", "x-unknown-9", "a\0b", "utf-8; x"])
def test_letters_are_read_whatever_the_mail_calls_its_charset(charset: str) -> None:
    mail = f"Subject: Code\nContent-Type: text/plain; charset={charset}\n\nGrüße: {BODY}\n"
    assert read(mail.encode("latin-1")).text.endswith(f"Grüße: {BODY}")


@pytest.mark.parametrize(
    "head",
    [
        "To: a:b:c;;;",
        "From: a@[",
        "Cc: undisclosed-recipients:;",
        "Subject: =?foo?Q?a=E9?=",
        "Content-Type: text/plain; charset=undefined",
        "Content-Type: text/plain; charset=ansi",
        "Content-Type: text/plain; charset*=utf-8''x%",
        'Content-Type: text/plain; charset="UTF-8"Content-Transfer-Encoding: 8bit',
        "Content-Type: ;;;",
        "Content-Type: multipart/mixed",
        "Content-Type: multipart/mixed; boundary=x",
        "Content-Type: message/rfc822",
        "Content-Transfer-Encoding: x-none",
        "Content-Disposition: attachment",
    ],
)
def test_a_mail_is_read_in_spite_of_its_head(head: str) -> None:
    parsed = read(f"Subject: Code\n{head}\n\n{BODY}\n")
    assert parsed.title == "Code"
    assert parsed.text.endswith(f"\n\n{BODY}")


def test_words_are_decoded_in_heads_and_names_of_files_whatever_their_charset() -> None:
    words = base64.b64encode("渡口价格".encode("gb2312")).decode()
    attached = (
        'Content-Disposition: attachment; filename="=?utf-8?q?f=C3=BCr.pdf?="\nContent-Type: application/pdf\n\nx'
    )
    parsed = read(
        f"From: =?latin1?q?J=FCrgen?= <j@x.org>\nSubject: =?x-gbk?B?{words}?=\n" + multipart("mixed", attached)
    )
    assert parsed.text == "From: Jürgen <j@x.org>\nSubject: 渡口价格"
    assert parsed.warnings == ["Attachments were not read: für.pdf."]
    assert (
        read("Subject: Grüße aus der Hütte, Jürgen\n\nHallo.".encode("cp1252")).title == "Grüße aus der Hütte, Jürgen"
    )


def test_a_mail_in_utf_16_is_read() -> None:
    assert read(f"Subject: Größe\n\n{BODY}".encode("utf-16")).text == f"Subject: Größe\n\n{BODY}"


def test_mails_within_a_mail_are_read_with_their_subjects_as_headings() -> None:
    inner = f"From: loft@x.org\nSubject: Sails\n\n{BODY}"
    encoded = base64.b64encode(b"From: c@x.org\nSubject: Bill\n\nIt is paid.").decode()
    parts = (
        "\nSee below.",
        f"Content-Type: message/rfc822\nContent-Disposition: attachment\n\n{inner}",
        f"Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n{encoded}",
    )
    parsed = read("Subject: Fwd\n" + multipart("mixed", *parts))
    assert parsed.text == f"Subject: Fwd\n\nSee below.\n\n{inner}\n\nFrom: c@x.org\nSubject: Bill\n\nIt is paid."
    assert parsed.headings == [(1, "Sails", parsed.text.index("From: loft")), (1, "Bill", parsed.text.index("From: c"))]


def test_the_page_is_read_and_the_text_beside_it_only_where_it_says_more() -> None:
    def alternative(plain: str, html: str) -> str:
        mail = multipart("alternative", f"Content-Type: text/plain\n\n{plain}", f"Content-Type: text/html\n\n{html}")
        return read(f"Subject: S\n{mail}").text.removeprefix("Subject: S\n\n")

    page = "<p>The order of two fenders ships on 9 June.</p>"
    assert alternative("Please view this mail in another program.", page) == "The order of two fenders ships on 9 June."
    assert (
        alternative("The order of two fenders\nships on 9 June.", page) == "The order of two fenders ships on 9 June."
    )
    assert alternative(BODY, '<img src="cid:x">') == BODY
    assert alternative(BODY, "<p>See the text.</p>") == f"See the text.\n\n{BODY}"


def test_all_text_parts_are_read_in_order() -> None:
    mail = multipart("mixed", "\nOne.", "Content-Type: text/html\n\n<p>Two.</p>", "Content-Type: text/plain\n\nThree.")
    assert read(f"Subject: S\n{mail}").text == "Subject: S\n\nOne.\n\nTwo.\n\nThree."


def test_an_encrypted_mail_says_so() -> None:
    mail = 'From: a@x.org\nSubject: S\nContent-Type: application/pkcs7-mime; name="smime.p7m"\n\nxxx'
    assert read(mail).warnings == ["Encrypted parts were not read: smime.p7m."]


def test_a_mail_within_more_mails_than_are_read_is_not_called_damaged() -> None:
    with pytest.raises(DocumentError, match="more deeply than is read") as caught:
        read("Subject: Outer\nContent-Type: message/rfc822\n\n" * 2_000 + f"Subject: Inner\n\n{BODY}\n")
    assert caught.value.hint == "Save the inner mail as a file of its own, and open that."
