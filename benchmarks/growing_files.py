"""Files whose work grows faster than they do, each made from a few lines: the special ones of benchmarks.hostile.

Some are larger than may be read and must be refused at once; the others are within the limits and must be read in time.
"""

import json
import random
from collections.abc import Callable, Iterator

_WORDS = tuple("harbour pilot lamp tide fee keeper ledger crane berth storm signal notice barge cargo".split())  # noqa: SIM905


_SHOWN = "BT /F 9 Tf 9 99 Td (The pump is new and holds 40 litres of oil.) Tj ET"


def sentences(count: int, seed: int = 1) -> Iterator[str]:
    """Yield sentences of twelve words, each with a number of its own."""
    chance = random.Random(seed)
    for number in range(count):
        yield f"{' '.join(chance.choices(_WORDS, k=10)).capitalize()} number {number}."


def pdf_of_pages(count: int, declared: int | None = None) -> bytes:
    """Return a PDF of empty pages that share one object; `declared`: how many its root claims to have."""
    kids = " ".join(["3 0 R"] * count)
    objects = (
        "<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Count {declared or count}/Kids[{kids}]>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>",
        f"<</Length {len(_SHOWN)}>>stream\n{_SHOWN}\nendstream",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    )
    body, places = b"%PDF-1.4\n", list[int]()
    for number, content in enumerate(objects, 1):
        places.append(len(body))
        body += f"{number} 0 obj{content}endobj\n".encode()
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    size = len(objects) + 1
    tail = f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer<</Size {size}/Root 1 0 R>>\n"
    return body + f"{tail}startxref\n{len(body)}\n%%EOF".encode()


def text_of_pages(pages: int, characters: int) -> bytes:
    """Return a text with so many form feeds and characters."""
    line = "Lamp 7 burns. "
    page = (line * (characters // pages // len(line) + 1))[: characters // pages - 1]
    return (page + "\f").encode() * pages


def mail_of_messages(count: int) -> bytes:
    """Return a digest of so many messages."""
    head = b"Subject: Digest\nMIME-Version: 1.0\nContent-Type: multipart/digest; boundary=b\n\n"
    return (
        head
        + b"".join(b"--b\n\nSubject: No. %d\n\nThe pump is new.\n" % number for number in range(count))
        + b"--b--\n"
    )


def nested_mail(depth: int) -> bytes:
    """Return a mail in a mail in a mail."""
    return b"Subject: Inner\nContent-Type: message/rfc822\n\n" * depth + b"Subject: Last\n\nThe pump is new.\n"


def mailbox(count: int) -> bytes:
    """Return messages one behind the other, as a mail program stores them."""
    return b"".join(
        b"From a@b.example Thu Jan  1 00:00:00 2026\nFrom: a@b.example\nSubject: No. %d\n\nThe pump is new.\n\n"
        % number
        for number in range(count)
    )


def records(size: int) -> bytes:
    """Return a JSON list of objects, of about so many bytes."""
    rows: list[str] = []
    for number, sentence in enumerate(sentences(size // 130)):
        rows.append(json.dumps({"id": number, "text": sentence, "fee": number % 97}))
    return f"[{','.join(rows)}]".encode()


def text_of_sentences(size: int) -> bytes:
    """Return a text of about so many bytes, a sentence in each line."""
    return "\n".join(sentences(size // 85)).encode()


def text_of_headings(count: int) -> bytes:
    """Return Markdown in which each line is a heading of its own passage."""
    return "".join(
        f"# {number}. Fee\n\n{'The pump holds 40 litres of oil. ' * 12}\n\n" for number in range(count)
    ).encode()


def same_headings(count: int) -> bytes:
    """Return Markdown with one heading again and again."""
    return b"# 1. Fee\n\nThe pump is new.\n\n" * count


def east_asian_parts(count: int) -> bytes:
    """Return a law with one article again and again."""
    return "第1条 泵是新的。\n".encode() * count


def one_word(size: int) -> bytes:
    """Return a text without a space."""
    return b"a" * size


GROWING: dict[str, Callable[[], bytes]] = {
    "declared.pdf": lambda: pdf_of_pages(1, declared=1_000_000),
    "shared.pdf": lambda: pdf_of_pages(1_000_000),
    "pages.pdf": lambda: pdf_of_pages(20_000),
    "formfeeds.txt": lambda: text_of_pages(300_000, 3_000_000),
    "pages.txt": lambda: text_of_pages(19_999, 3_000_000),
    "digest.eml": lambda: mail_of_messages(1_000_000),
    "nested.eml": lambda: nested_mail(1_000_000),
    "mailbox.eml": lambda: mailbox(1_000_000),
    "records.json": lambda: records(24_000_000),
    "sentences.txt": lambda: text_of_sentences(29_000_000),
    "more.txt": lambda: text_of_sentences(50_000_000),
    "headings.md": lambda: text_of_headings(100_000),
    "same.md": lambda: same_headings(200_000),
    "law.txt": lambda: east_asian_parts(300_000),
    "word.txt": lambda: one_word(29_000_000),
}
"""How each file is made, by its name."""
