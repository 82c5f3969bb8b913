"""The encoding of a text: by its byte order mark, as Unicode, as declared, else as chardet finds by its letters."""

import codecs
import io
import re
import unicodedata
from typing import NamedTuple


class Decoded(NamedTuple):
    """A file's characters, not cleaned, and a warning where they may not be the ones that were written."""

    text: str
    warnings: tuple[str, ...] = ()


# Encodings that switch character sets by escape sequences, so that every byte is ASCII.
_ESCAPES = ((b"\x1b$)C", "iso2022_kr"), (b"\x1b$", "iso2022_jp_2"))


def decode(data: bytes, declared: str = "") -> Decoded:
    """Decode a text; never fails.

    Args:
        data: The bytes.
        declared: The encoding that a mail or a web page claims to have; a claim that cannot be right is ignored.
    """
    if encoding := wide_encoding(data):
        return Decoded(data.decode(encoding, errors="replace"))
    if data.isascii():
        escaped = next((name for escape, name in _ESCAPES if escape in data), "")
        return Decoded(data.decode(escaped or _usable(declared, data) or "ascii", errors="replace"))
    claimed = _usable(declared, data)
    # Letters of one byte are hardly ever valid UTF-8 by chance; those of two are, in a short text.
    encodings = ("utf-8-sig", claimed) if claimed.startswith(_SINGLE_BYTE) else (claimed, "utf-8-sig")
    for encoding in filter(None, encodings):
        try:
            return Decoded(data.decode(encoding))
        except UnicodeError:
            continue
    for encoding in filter(None, encodings):
        if (decoded := _with_gaps(data, encoding)) is not None:
            return decoded
    return _detected(data)


# The marks of UTF-32 begin like those of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAMPLE = 8192
_STRAY_CONTROLS = 2
_STRAY_SHARE = 50
"""One control in so many bytes is no sign of a file that is not text. In the second bytes of Chinese in UTF-16 one in
nine is a control."""
_WHITE_SPACE = "\t\n\v\f\r"
_CONTROLS = re.compile(rb"[\x01-\x08\x0e-\x1f\x7f]")


def wide_encoding(data: bytes) -> str:
    """Return the name of UTF-16 or UTF-32 where a text is in one of them, empty where it is not.

    Without a byte order mark it is told by the null bytes of spaces, digits and line ends.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return encoding
    sample = data[:_SAMPLE]
    if b"\0" not in sample:
        return ""
    nulls, rest = sample.count(0), sample.replace(b"\0", b"")
    if nulls * 3 < len(sample) and _is_written_in("utf-8", rest):
        # A text with a stray null: UTF-16 has a null for every Latin letter, and what looks like controls for others.
        return ""
    if nulls * _STRAY_SHARE <= len(sample) and not _CONTROLS.search(rest):
        # The same in a text of one byte a letter: of so many bytes of UTF-16 some would look like controls.
        return ""
    order = "le" if sample[1::2].count(0) >= sample[0::2].count(0) else "be"
    return next((name for name in (f"utf-32-{order}", f"utf-16-{order}") if _is_written_in(name, sample)), "")


def is_binary(data: bytes) -> bool:
    """Whether the first 8 KiB are not text in any usual encoding."""
    head = data[:_SAMPLE]
    if wide_encoding(head):
        return False
    controls = sum(byte < 9 or 13 < byte < 27 or 27 < byte < 32 for byte in head)
    # A stray null or two in a text are no reason to refuse it.
    return controls > max(_STRAY_CONTROLS, len(head) // _STRAY_SHARE)


def _is_written_in(encoding: str, sample: bytes) -> bool:
    """Whether bytes are characters in an encoding, none of them a control or one that does not exist."""
    try:
        # A sample may end within a pair of surrogates.
        text = codecs.getincrementaldecoder(encoding)().decode(sample)
    except UnicodeError:
        return False
    shown = (character for character in text if character not in _WHITE_SPACE)
    return bool(text) and all(unicodedata.category(character) not in ("Cc", "Cn", "Co", "Cs") for character in shown)


# What is meant by these names, as browsers read them: the encoding that holds the named one and more.
_MEANT = {
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "tis-620": "cp874",
    "iso8859-11": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
}
# What programs write around names that are known: "x-" for what was not registered, and for Hebrew and Arabic the order
# of a line's letters (RFC 1556).
_DECORATION = re.compile(r"^x-|(?<=iso-8859-[68])-[ei]$", re.IGNORECASE)
_SINGLE_BYTE = ("cp125", "iso8859", "koi8", "cp8", "mac")
# Codecs of Python that are no encodings of text, and ASCII, which text that is not ASCII was not written in.
_NO_ENCODINGS = re.compile(r"ascii|undefined|idna|punycode|mbcs|oem|.*escape.*")


def _usable(declared: str, data: bytes) -> str:
    """Return Python's name of a declared encoding, empty where it is unknown or cannot be that of the text."""
    try:
        name = codecs.lookup(_DECORATION.sub("", declared.strip())).name
        # Some of Python's codecs are for other things than text; of nothing, even those make text.
        b"text".decode(name)
    except (LookupError, UnicodeError, ValueError):
        return ""
    # UTF-16 and UTF-32 have been recognised before, by their nulls.
    if _NO_ENCODINGS.fullmatch(name) or (name.startswith(("utf-16", "utf-32")) and b"\0" not in data):
        return ""
    return "utf-8-sig" if name == "utf-8" else _MEANT.get(name, name)


def _with_gaps(data: bytes, encoding: str) -> Decoded | None:
    """Return a text of which some bytes are damaged; None if more characters would be lost than read."""
    text = data.decode(encoding, errors="replace")
    lost = text.count("\ufffd")
    read = len(text) - len(text.encode("ascii", errors="ignore")) - lost
    if read <= lost:
        return None
    name = encoding.removesuffix("-sig").upper()
    return Decoded(text, (f"{lost} characters are damaged in the file and shown as \ufffd: its encoding is {name}.",))


_CANDIDATES = (
    *(f"windows-125{number}" for number in (2, 0, 1, 3, 4, 5, 6, 7, 8)),
    *("cp874", "iso-8859-2", "iso-8859-5", "koi8-r", "koi8-u", "cp866", "cp852"),
    *("gb18030", "big5hkscs", "big5", "cp932", "euc-jp", "cp949"),
)
_LATIN = ("windows-1250", "windows-1254", "windows-1257", "windows-1258", "iso-8859-2", "cp852")
# Below this confidence, chardet knows hardly any of a text's letters as those of a language.
_TOO_LITTLE = 0.05
_RIVAL = 0.9
_MAX_SAMPLE = 65_536
_CONTROL = re.compile("[\x80-\x9f]")


def _detected(data: bytes) -> Decoded:
    """Return a text in the encoding that its letters speak for."""
    # Takes a while to import; most texts are Unicode.
    import chardet

    # Lines of ASCII tell nothing.
    telling = bytearray()
    for line in io.BytesIO(data):
        telling += b"" if line.isascii() else line
        if len(telling) >= _MAX_SAMPLE:
            break
    sample = bytes(telling[:_MAX_SAMPLE])
    found = chardet.detect_all(sample, include_encodings=_CANDIDATES)
    guesses = [(str(guess["encoding"]).lower(), guess["confidence"]) for guess in found if guess["encoding"]]
    # In ISO 8859 the bytes of Windows' quotation marks and of some letters are controls, which no text holds.
    texts = {name: sample.decode(name, errors="replace") for name, _ in guesses}
    likely = [(name, share) for name, share in guesses if not _CONTROL.search(texts[name])]
    encoding, confidence = next(iter(likely or guesses), ("windows-1252", 0.0))
    if confidence < _TOO_LITTLE and encoding in _LATIN:
        # A few accented letters tell no language: Western European is the most usual.
        encoding = "windows-1252"
    rivals = (name for name, share in likely if share >= _RIVAL * confidence)
    here = sample.decode(encoding, errors="replace")
    doubtful = confidence < _TOO_LITTLE or any(texts[name] != here for name in rivals)
    warning = f"The file does not say how its letters are encoded: they were read as {encoding}, which is doubtful."
    return Decoded(data.decode(encoding, errors="replace"), (warning,) if doubtful else ())
