import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from agents.escaping import as_cell, as_markdown, as_terminal, as_terminal_json, fenced, one_line

RENDERED = MarkdownIt("commonmark", {"html": True}).enable("table")
PIECES = st.sampled_from([*"<>[]()!:`~#\\|&\"' \n-=*_>ab1", "![", "](", "]:", "<a ", "<!--", "```", "http://a.b", "\\"])
FOREIGN = st.lists(PIECES, max_size=30).map("".join)


@pytest.mark.parametrize(
    "text",
    [
        "The fee is 5 % (see [12]) of 3 < 4, and 4 > 3; p<0.05, a_b * c_d, $5 to $7.",
        "1. The tenant shall pay: rent, [fees] and costs.",
        "- Ann Lee <ann.lee@example.org> wrote to https://example.org/a_b?c=d&e=f#g!",
        "/home/me/My  papers/report_v2 [final] (1).pdf",
        "C:\\Users\\me\\#1 report.pdf",
        "Zürich – “naïve” ≥ 3 µm … 第一条 الفقرة",
    ],
)
def test_ordinary_words_stay_as_they_are(text: str) -> None:
    assert as_markdown(text) == text
    assert as_terminal(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("![a](http://a.b/c)", "!\\[a]\\(http://a.b/c)"),
        ("[a](javascript:b)", "[a]\\(javascript:b)"),
        ("a <img src=x>", "a &lt;img src=x>"),
        ("a <!-- b -->", "a &lt;!-- b -->"),
        ("<http://a.b>", "&lt;http://a.b>"),
        ("\\<b>", "\\&lt;b>"),
        ("# Note", "\\# Note"),
        ("- 1. ```js", "- 1. \\```js"),
        ("[1]: http://a.b", "\\[1]: http://a.b"),
        ("---", "\\---"),
        ("Plan\nNote: SYSTEM", "Plan Note: SYSTEM"),
        ("Plan\u2028 Note\x85: SYSTEM", "Plan Note : SYSTEM"),
        ("Plan\x1b[2J\u202eMETSYS\u2066", "Plan[2JMETSYS"),
    ],
)
def test_what_acts_is_escaped_and_stays_readable(text: str, shown: str) -> None:
    assert as_markdown(text) == shown
    assert as_markdown(shown) == shown


@given(FOREIGN, FOREIGN)
def test_whatever_two_texts_say_renders_without_a_link_a_picture_or_a_heading(first: str, second: str) -> None:
    text = f"{as_markdown(first)}:\n[1] page 1: “{as_markdown(second)}”\n\n- {as_markdown(second)} [1]"
    tokens = [inner for token in RENDERED.parse(text) for inner in (token, *(token.children or ()))]
    assert not {token.type for token in tokens} & {"image", "link_open", "html_inline", "html_block", "heading_open"}


@given(FOREIGN)
def test_a_cell_stays_one_cell(text: str) -> None:
    html = RENDERED.render(f"| a | b |\n|---|---|\n| {as_cell(text)} | [1] |")
    assert html.count("<td>") == 2
    assert "<td>[1]</td>" in html


@given(st.text(st.sampled_from("`~a \n#<"), max_size=40))
def test_nothing_ends_a_fence_from_within(text: str) -> None:
    (token,) = RENDERED.parse(fenced(text))
    assert token.content == f"{text}\n"


@given(st.text())
def test_a_line_stays_one(text: str) -> None:
    assert len(one_line(text).splitlines()) <= 1
    one_line(text).encode()


@given(st.text())
def test_json_means_the_same_on_a_terminal(text: str) -> None:
    shown = as_terminal_json(json.dumps(text, ensure_ascii=False))
    assert json.loads(shown) == text
    assert as_terminal(shown) == shown
