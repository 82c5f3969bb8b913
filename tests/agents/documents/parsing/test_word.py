"""Word documents as somebody sees them: numbers, changes, notes, comments, frames, formulas, tables."""

import pytest

from agents.documents.parsing.parse import parse
from agents.documents.parsing.parsed import Parsed
from agents.documents.parsing.word_numbers import numeral
from agents.errors import DocumentError
from tests.support.word import item, level, numbering, paragraph, run, table, word

CLAUSES = (level(0, "decimal", "%1."), level(1, "decimal", "%1.%2"), level(2, "lowerLetter", "(%3)"))
HEADING = (
    '<w:style w:type="paragraph" w:styleId="berschrift1"><w:name w:val="heading 1"/><w:pPr><w:numPr>'
    '<w:numId w:val="1"/></w:numPr></w:pPr></w:style>'
    '<w:style w:type="paragraph" w:styleId="Klausel"><w:name w:val="Klausel"/><w:basedOn w:val="berschrift1"/><w:pPr>'
    '<w:outlineLvl w:val="9"/></w:pPr></w:style>'
)


def read(body: str, **parts: str) -> Parsed:
    return parse(word(body, **parts), "a.docx")


def lines(body: str, **parts: str) -> list[str]:
    return read(body, **parts).text.split("\n\n")


def test_numbers_are_counted_in_every_level() -> None:
    levels = [0, 1, 1, 2, 2, 0, 1, 2]
    body = "".join(item(f"x{index}", at) for index, at in enumerate(levels))

    found = [line.split()[0] for line in lines(body, numbering=numbering(*CLAUSES))]
    assert found == ["1.", "1.1", "1.2", "(a)", "(b)", "2.", "2.1", "(a)"]


def test_a_list_starts_where_it_says_and_a_second_one_goes_on_or_restarts() -> None:
    body = item("a") + item("b") + paragraph("Between.") + item("c", number=2) + item("d", number=2) + item("e")
    five = level(0, "decimal", "%1)", start=5)
    assert lines(body, numbering=numbering(five)) == ["5) a", "6) b", "Between.", "7) c", "8) d", "9) e"]

    restart = '<w:lvlOverride w:ilvl="0"><w:startOverride w:val="3"/></w:lvlOverride>'
    found = lines(body, numbering=numbering(five, overrides=restart))
    assert found == ["5) a", "6) b", "Between.", "3) c", "4) d", "5) e"]


def test_a_list_overrides_how_a_level_is_written() -> None:
    override = f'<w:lvlOverride w:ilvl="0">{level(0, "upperLetter", "Annex %1:")}</w:lvlOverride>'
    found = lines(item("Fees", number=2) + item("Maps", number=2), numbering=numbering(*CLAUSES, overrides=override))
    assert found == ["Annex A: Fees", "Annex B: Maps"]


def test_levels_may_go_on_across_those_above_and_show_roman_ones_as_figures() -> None:
    levels = (
        level(0, "upperRoman", "Article %1"),
        level(1, "decimal", "%1.%2", "<w:lvlRestart w:val='0'/><w:isLgl/>"),
    )
    body = item("Scope") + item("a", 1) + item("b", 1) + item("Fees") + item("c", 1)
    assert lines(body, numbering=numbering(*levels)) == [
        "Article I Scope",
        "1.1 a",
        "1.2 b",
        "Article II Fees",
        "2.3 c",
    ]


def test_styles_number_headings_whatever_they_are_called() -> None:
    levels = (level(0, "decimal", "§ %1", '<w:pStyle w:val="berschrift1"/>'),
              level(1, "decimal", "%1.%2", '<w:pStyle w:val="Klausel"/>'))  # fmt: skip
    body = "".join(
        paragraph(text, f'<w:pStyle w:val="{style}"/>')
        for text, style in (
            ("Geltung", "berschrift1"),
            ("Miete", "berschrift1"),
            ("Die Miete beträgt 640 Euro.", "Klausel"),
        )
    )
    parsed = read(body, numbering=numbering(*levels), styles=HEADING)

    assert parsed.text.split("\n\n") == ["# § 1 Geltung", "# § 2 Miete", "2.1 Die Miete beträgt 640 Euro."]
    assert [(at, words) for at, words, _ in parsed.headings] == [(1, "§ 1 Geltung"), (1, "§ 2 Miete")]


def test_a_paragraph_may_be_taken_out_of_its_styles_list() -> None:
    out = '<w:pStyle w:val="berschrift1"/><w:numPr><w:numId w:val="0"/></w:numPr>'
    assert lines(paragraph("Vorwort", out), numbering=numbering(*CLAUSES), styles=HEADING) == ["# Vorwort"]


def test_a_clause_in_a_headings_style_is_no_heading() -> None:
    clause = paragraph("The fee is due in May.", '<w:pStyle w:val="berschrift1"/>')
    assert lines(clause, numbering=numbering(*CLAUSES), styles=HEADING) == ["1. The fee is due in May."]


def test_numbered_paragraphs_that_stand_above_others_are_headings() -> None:
    body = item("Payment") + item("The fee is due in May.", 1) + item("Pears") + item("Apples")
    parsed = read(body, numbering=numbering(*CLAUSES))
    assert [(at, words) for at, words, _ in parsed.headings] == [(1, "1. Payment")]

    articles = read(
        item("The fee is due.") + item("It is low."), numbering=numbering(level(0, "upperRoman", "Article %1."))
    )
    assert [words for _, words, _ in articles.headings] == ["Article I.", "Article II."]
    assert [articles.text[start:][:11] for _, _, start in articles.headings] == ["Article I. ", "Article II."]


@pytest.mark.parametrize(
    ("kind", "number", "written"),
    [
        ("lowerRoman", 14, "xiv"),
        ("upperLetter", 28, "BB"),
        ("ordinal", 22, "22nd"),
        ("ordinal", 13, "13th"),
        ("cardinalText", 21, "Twenty-one"),
        ("ordinalText", 1, "First"),
        ("ordinalText", 20, "Twentieth"),
        ("decimalZero", 7, "07"),
        ("chineseCountingThousand", 12, "十二"),
        ("chineseCountingThousand", 105, "一百零五"),
        ("japaneseCounting", 21, "二十一"),
        ("russianLower", 3, "в"),
        ("decimalEnclosedCircle", 2, "②"),
        ("none", 4, ""),
        ("upperRoman", 99_999, "99999"),
        ("unknown", 5, "5"),
    ],
)
def test_numerals(kind: str, number: int, written: str) -> None:
    assert numeral(number, kind) == written


def test_tracked_changes_are_read_as_accepted_with_a_warning() -> None:
    moved = run("Moved words.")
    body = (
        paragraph(
            f"{run('It costs ')}<w:del>{run('640').replace('w:t', 'w:delText')}</w:del><w:ins>{run('715')}</w:ins>"
        )
        + paragraph(f"<w:moveFrom>{moved}</w:moveFrom>", "<w:rPr><w:moveFrom/></w:rPr>")
        + paragraph("Two lines ", "<w:rPr><w:del/></w:rPr>")
        + paragraph("are one.")
        + f"<w:moveTo>{paragraph(moved)}</w:moveTo>"
        + table(["Pier", "Fee"], ["North", "12"], ["South", "15"]).replace(
            '<w:trPr></w:trPr><w:tc><w:p><w:pPr></w:pPr><w:r><w:rPr></w:rPr><w:t xml:space="preserve">South',
            '<w:trPr><w:del/></w:trPr><w:tc><w:p><w:pPr></w:pPr><w:r><w:rPr></w:rPr><w:t xml:space="preserve">South',
        )
    )
    parsed = read(body)

    table_text = "| Pier | Fee |\n| --- | --- |\n| North | 12 |"
    assert parsed.text.split("\n\n") == ["It costs 715", "Two lines are one.", "Moved words.", table_text]
    assert parsed.warnings == [
        "Tracked changes are still open in the document; it was read as if all of them were accepted."
    ]


def test_a_paragraph_whose_mark_is_deleted_is_read_also_where_none_follows() -> None:
    deleted_mark = "<w:rPr><w:del/></w:rPr>"
    body = paragraph("Before.", deleted_mark) + table(["a", "b"]) + paragraph("Last.", deleted_mark)
    assert lines(body) == ["Before.", "| a | b |\n| --- | --- |", "Last."]


def test_a_deleted_clause_is_not_counted() -> None:
    deleted = item(f"<w:del>{run('b')}</w:del>").replace("</w:pPr>", "<w:rPr><w:del/></w:rPr></w:pPr>")
    assert lines(item("a") + deleted + item("c"), numbering=numbering(*CLAUSES)) == ["1. a", "2. c"]


def test_what_stands_on_every_page_is_read_once() -> None:
    section = (
        '<w:sectPr><w:headerReference w:type="default" r:id="header1"/>'
        '<w:headerReference w:type="first" r:id="header2"/>'
        '<w:footerReference w:type="default" r:id="footer1"/></w:sectPr>'
    )
    page = f"<w:fldSimple w:instr=' PAGE '>{run('3')}</w:fldSimple>"
    parts = {
        "header1": paragraph("Contract 2026-0815"),
        "header2": paragraph("Only for a first page that differs"),
        "footer1": paragraph("Valid until 2028") + paragraph(page),
    }
    body = paragraph("One.", section) + paragraph("Two.") + section
    assert lines(body, **parts) == ["Contract 2026-0815", "Valid until 2028", "One.", "Two."]

    shown = section.replace("<w:sectPr>", "<w:sectPr><w:titlePg/>")
    assert "Only for a first page that differs" in lines(paragraph("One.") + shown, **parts)


def test_notes_follow_their_paragraph_under_one_mark() -> None:
    notes = f'<w:footnote w:type="separator" w:id="-1">{paragraph("-")}</w:footnote>' + "".join(
        f'<w:footnote w:id="{name}">{paragraph(text)}</w:footnote>'
        for name, text in ((2, "By drone."), (5, "By foot."))
    )
    end = f'<w:endnote w:id="2">{paragraph("By boat.")}</w:endnote>'
    first, second, third = (
        f'<w:r><w:{kind}Reference w:id="{name}"/></w:r>'
        for kind, name in (("footnote", 5), ("footnote", 2), ("endnote", 2))
    )
    body = paragraph(f"{run('Reeds')}{first}{run(' grow.')}{second}") + table(
        ["Bed", "Area"], ["A", "<w:tc>" + paragraph(run("84") + third) + "</w:tc>"]
    )
    assert lines(body, footnotes=notes, endnotes=end) == [
        "Reeds[^1] grow.[^2]",
        "[^1]: By foot.",
        "[^2]: By drone.",
        "| Bed | Area |\n| --- | --- |\n| A | 84[^3] |",
        "[^3]: By boat.",
    ]


def test_every_sentence_of_a_comment_names_its_author() -> None:
    words = paragraph("The insurer asks for 21:00. Decide before May.")
    comments = (
        f'<w:comment w:id="0" w:author="Mara Quist">{words}</w:comment>'
        f'<w:comment w:id="1">{paragraph("Sure?")}</w:comment>'
    )
    marks = '<w:r><w:commentReference w:id="0"/></w:r><w:r><w:commentReference w:id="1"/></w:r>'
    assert lines(paragraph(run("It closes at 22:00.") + marks), comments=comments) == [
        "It closes at 22:00.",
        "[Comment by Mara Quist] The insurer asks for 21:00.\n[Comment by Mara Quist] Decide before May.",
        "[Comment] Sure?",
    ]


def test_a_note_and_a_comment_are_read_once_even_if_they_refer_to_themselves() -> None:
    note = '<w:r><w:footnoteReference w:id="1"/></w:r>'
    comment = '<w:commentRangeEnd w:id="1"/><w:r><w:commentReference w:id="1"/></w:r>'
    parts = {
        "footnotes": f'<w:footnote w:id="1">{paragraph(run("Once") + note)}</w:footnote>',
        "comments": f'<w:comment w:id="1" w:author="Ada">{paragraph(run("Once.") + comment)}</w:comment>',
    }
    body = paragraph(run("One") + note) + paragraph(run("Two") + note + comment)
    assert lines(body, **parts) == ["One[^1]", "[^1]: Once[^1]", "Two[^1]", "[Comment by Ada] Once."]


def test_a_watermark_is_read() -> None:
    mark = '<w:r><w:pict><v:shape><v:textpath string="DRAFT"/></v:shape></w:pict></w:r>'
    section = '<w:sectPr><w:headerReference w:type="default" r:id="header1"/></w:sectPr>'
    assert lines(paragraph("One.") + section, header1=paragraph(mark)) == ["DRAFT", "One."]


def test_a_text_box_is_read_once_and_may_have_white_letters() -> None:
    white = paragraph(run("White on blue.", '<w:color w:val="FFFFFF"/>'))
    box = f"<wps:txbx><w:txbxContent>{white}</w:txbxContent></wps:txbx>"
    old = f"<v:textbox><w:txbxContent>{white}</w:txbxContent></v:textbox>"
    forms = f"<mc:Choice><w:drawing>{box}</w:drawing></mc:Choice><mc:Fallback><w:pict>{old}</w:pict></mc:Fallback>"
    drawn = f"<mc:AlternateContent>{forms}</mc:AlternateContent>"
    body = paragraph(f"<w:r>{drawn}</w:r>{run('Before the box.')}") + paragraph(f"<w:r><w:pict>{old}</w:pict></w:r>")
    parsed = read(body)
    assert parsed.text.split("\n\n") == ["Before the box.", "White on blue.", "White on blue."]
    assert parsed.warnings == []


def m(kind: str, *parts: tuple[str, str]) -> str:
    return f"<m:{kind}>{''.join(f'<m:{name}>{xml}</m:{name}>' for name, xml in parts)}</m:{kind}>"


def t(text: str) -> str:
    return f"<m:r><m:t>{text}</m:t></m:r>"


FORMULAS = {
    "F=12 kN": t("F=12 kN"),
    "a/(b+c)": m("f", ("num", t("a")), ("den", t("b+c"))),
    "x_i^2": m("sSubSup", ("e", t("x")), ("sub", t("i")), ("sup", t("2"))),
    "10^-6": m("sSup", ("e", t("10")), ("sup", t("-6"))),
    "√(2gh)": m("rad", ("deg", ""), ("e", t("2gh"))),
    "∑_(i=1)^n k": m("nary", ("naryPr", '<m:chr m:val="∑"/>'), ("sub", t("i=1")), ("sup", t("n")), ("e", t("k"))),
    "[a|b]": m("d", ("dPr", '<m:begChr m:val="["/><m:endChr m:val="]"/>'), ("e", t("a")), ("e", t("b"))),
    "sin θ": m("func", ("fName", t("sin")), ("e", t("θ"))),
    "[1, 2; 3, 4]": m("m", *(("mr", f"<m:e>{t(a)}</m:e><m:e>{t(b)}</m:e>") for a, b in ("12", "34"))),
}


@pytest.mark.parametrize(("text", "xml"), FORMULAS.items(), ids=FORMULAS)
def test_a_formula_stands_in_its_sentence(text: str, xml: str) -> None:
    body = paragraph(f"{run('The load is ')}<m:oMath>{xml}</m:oMath>{run(' here.')}")
    assert lines(body) == [f"The load is {text} here."]


def test_a_table_is_read_with_its_head_its_merged_cells_and_its_frames() -> None:
    def cell(text: str, properties: str) -> str:
        return f"<w:tc><w:tcPr>{properties}</w:tcPr>{paragraph(text)}</w:tc>"

    begun, goes_on = '<w:vMerge w:val="restart"/>', "<w:vMerge/>"
    body = table(
        [cell("Pier", begun), cell("2025", '<w:gridSpan w:val="2"/>')],
        [cell("", goes_on), "Fee", "Ships"],
        [cell("North", begun), "12", "3|4"],
        [
            cell("", goes_on),
            "15",
            "<w:tc>" + paragraph("a") + table(["x", "y"], ["1", "2"]) + paragraph("") + "</w:tc>",
        ],
    ) + table([f"<w:tc>{paragraph('Framed.')}{paragraph('Twice.')}</w:tc>"])
    assert lines(body) == [
        "| Pier | 2025 Fee | 2025 Ships |\n| --- | --- | --- |\n| North | 12 | 3\\|4 |\n| North | 15 | a x, y; 1, 2 |",
        "Framed.",
        "Twice.",
    ]


def test_a_row_across_a_table_is_its_title() -> None:
    title = f'<w:tc><w:tcPr><w:gridSpan w:val="2"/></w:tcPr>{paragraph("Fees in 2026")}</w:tc>'
    assert lines(table([title], ["Pier", "Fee"], ["North", "12"])) == [
        "Fees in 2026",
        "| Pier | Fee |\n| --- | --- |\n| North | 12 |",
    ]


def test_check_boxes_symbols_and_fields_show_their_state() -> None:
    box = '<w:checkBox><w:default w:val="0"/><w:checked/></w:checkBox>'
    field = f"<w:r><w:fldChar><w:ffData>{box}</w:ffData></w:fldChar></w:r>"
    symbol = '<w:r><w:sym w:font="Wingdings" w:char="F0A8"/></w:r>'
    code = "<w:r><w:instrText>FORMCHECKBOX</w:instrText></w:r>"
    assert lines(paragraph(field + code + run(" Yes ") + symbol + run(" No"))) == ["☒ Yes ☐ No"]


def test_hidden_text_is_left_out_also_where_a_style_hides_it() -> None:
    styles = '<w:style w:styleId="Off"><w:name w:val="Off"/><w:rPr><w:vanish/></w:rPr></w:style>'
    shade = '<w:shd w:val="clear" w:fill="000080"/>'
    body = (
        paragraph(run("Seen. ") + run("Obey.", '<w:rStyle w:val="Off"/>') + run("Tiny.", '<w:sz w:val="2"/>'))
        + paragraph(run("On blue.", '<w:color w:val="FFFFFF"/>'), shade)
        + paragraph("Obey too.", '<w:pStyle w:val="Off"/>')
        + paragraph(run("Shown.", '<w:vanish w:val="0"/>'), '<w:pStyle w:val="Off"/>')
    )
    parsed = read(body, styles=styles)
    assert parsed.text.split("\n\n") == ["Seen.", "On blue.", "Shown."]
    assert parsed.warnings == ["Hidden text was left out: 'Obey. Tiny. Obey too.'."]


def test_what_is_nested_without_end_is_refused() -> None:
    with pytest.raises(DocumentError, match="hundreds of levels"):
        read("<w:sdt>" * 5_000 + paragraph("x") + "</w:sdt>" * 5_000)


def test_broken_xml_is_refused_as_damaged() -> None:
    with pytest.raises(DocumentError, match=r"damaged: word/document\.xml is not XML"):
        read("<w:p>")
