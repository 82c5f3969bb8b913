# ruff: noqa: RUF001
"""Finding the encoding of texts that do not say it."""

import pytest

from agents.documents.parsing.encoding import decode
from agents.documents.parsing.parse import parse

WORDS = {
    "gb18030": "图书馆规则\n借书期限为三十天，逾期每天罚款五角。\n",
    "big5": "圖書館規則\n借書期限為三十天，逾期每天罰款五角。\n",
    "cp932": "渡し船の規則\n第一条　船は毎朝六時に出ます。\n",
    "iso2022_jp": "鍵は管理人が持っています。",
    "cp949": "나루터 규칙\n어른 요금은 팔천 원이다.\n",
    "cp1251": "Библиотека открыта с девяти до шести часов.\n",
    "koi8_r": "Цена: 900 рублей",
    "cp1250": "Opłata wynosi 900 złotych miesięcznie. Świąt nie obsługujemy, w dziewiątej też.\n",
    "cp1252": "Die Gebühr beträgt 640 € – monatlich.\n",
    "cp1253": "Το κλειδί της πύλης φυλάσσεται στον φύλακα.\n",
}


@pytest.mark.parametrize("encoding", WORDS)
def test_an_encoding_is_found_by_its_letters(encoding: str) -> None:
    assert decode(WORDS[encoding].encode(encoding)).text == WORDS[encoding]


@pytest.mark.parametrize(
    "encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]
)
@pytest.mark.parametrize("text", ["The gate code is 5512.", "一二三 四\n五", "Ключ 5 лежит.\nCafé"])
def test_unicode_is_read_with_and_without_its_mark(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding)) == (text, ())
    assert parse(text.encode(encoding), "a.txt").text == text


@pytest.mark.parametrize(
    "declared", ["utf8mb4", "ansi", "undefined", "idna", "base64", "unicode_escape", "us-ascii", ""]
)
def test_a_declaration_that_cannot_be_right_is_ignored(declared: str) -> None:
    assert decode("Der Schlüssel liegt in der Hütte.".encode(), declared).text == "Der Schlüssel liegt in der Hütte."
    assert decode("Ключ от ворот у сторожа.".encode("cp1251"), declared).text == "Ключ от ворот у сторожа."


def test_a_declaration_holds_where_the_letters_alone_would_not_tell() -> None:
    assert decode("Ключ".encode("koi8-r"), "koi8-r").text == "Ключ"
    assert decode("鎔".encode("gb18030"), "GB2312").text == "鎔"
    assert decode("“x”".encode("cp1252"), "iso-8859-1").text == "“x”"


def test_what_is_doubtful_or_damaged_is_said() -> None:
    few = decode("30 m², Größe".encode("cp1252"))
    assert few.text == "30 m², Größe"
    assert "windows-1252, which is doubtful" in few.warnings[0]
    cut = decode("Der Schlüssel liegt in der Hütte, und „hier“".encode()[:-1])
    assert cut.text.startswith("Der Schlüssel liegt in der Hütte")
    assert cut.warnings == ("1 characters are damaged in the file and shown as \ufffd: its encoding is UTF-8.",)


def test_a_stray_null_is_no_reason_to_refuse_a_text() -> None:
    assert parse(b"# Gate\n\nThe code\0 is 5512.", "a.md").text == "# Gate\n\nThe code is 5512."
    german = "Der Schlüssel\0 für die Hütte liegt über der Tür, und die Gebühr beträgt 5512 Kronen."
    assert parse(german.encode("latin-1"), "a.txt").text == german.replace("\0", "")


def test_what_has_no_width_is_left_out_but_joiners_that_shape_letters_stay() -> None:
    text = "Zeit\u00adplan, pier\u200b 2, a\u200cb\u2060c. می\u200cخواهم \U0001f468\u200d\U0001f469. ge\u00ad\nteilt"
    assert parse(text.encode(), "a.txt").text == (
        "Zeitplan, pier 2, abc. می\u200cخواهم \U0001f468\u200d\U0001f469. geteilt"
    )
