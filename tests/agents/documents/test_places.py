from agents.documents.parsing.headings import in_markdown
from agents.documents.places import find_spans
from agents.language.section_references import find_references
from agents.schema import Document, Page
from tests.support.samples import as_document


def found(question: str, document: Document) -> list[str]:
    """Return what stands at the places that a question names."""
    return [document.text[start:end].strip() for start, end in find_spans(find_references(question), document)]


def test_a_page_is_what_the_document_counts_as_one() -> None:
    document = as_document("One.\n\nTwo.\n\nThree.", page_starts=(0, 6, 12))

    assert found("What does page 2 say?", document) == ["Two."]
    assert found("pages 2-3", document) == ["Two.\n\nThree."]
    assert found("the last page", document) == ["Three."]
    assert found("page 4", document) == []


SECTIONS = """# Contract

## 3 Fees

### 3.1 Monthly

Pay monthly.

### 3.10 Yearly

Pay yearly.

## 4 Term

Two years.
"""


def test_a_section_reaches_to_the_next_that_is_not_its_own() -> None:
    document = as_document(SECTIONS, headings=in_markdown(SECTIONS))

    assert found("section 3.1", document) == ["### 3.1 Monthly\n\nPay monthly."]
    assert "Pay yearly." in found("section 3", document)[0]
    assert "Two years." not in found("section 3", document)[0]
    assert found("section 4", document)[0].endswith("Two years.")
    assert found("section 5", document) == []


def test_a_flat_heading_below_a_section_is_still_its_own() -> None:
    text = "3 Fees\n\n3.1 Monthly\n\nPay monthly.\n\n4 Term\n\nTwo years."
    document = as_document(
        text, headings=[(1, "3 Fees", 0), (1, "3.1 Monthly", 8), (1, "4 Term", text.index("4 Term"))]
    )

    assert found("clause 3", document) == ["3 Fees\n\n3.1 Monthly\n\nPay monthly."]


def test_of_headings_with_one_number_the_one_of_the_same_kind_is_meant() -> None:
    text = "Chapter 2\n\nWhales.\n\nArticle 2\n\nFees."
    document = as_document(text, headings=[(1, "Chapter 2", 0), (1, "Article 2", text.index("Article"))])

    assert found("article 2", document) == ["Article 2\n\nFees."]
    assert found("chapter 2", document) == ["Chapter 2\n\nWhales."]


CLAUSES = """Supply Contract

1. Goods. The goods are pipes.

1.1 They are new.

2. Delivery. They come within
30 days of the order.

3. Price. It is 12 pounds.
"""


def test_clauses_without_headings_are_found_by_the_number_that_begins_them() -> None:
    document = as_document(CLAUSES)

    assert found("clause 2", document) == ["2. Delivery. They come within\n30 days of the order."]
    assert found("clause 1", document) == ["1. Goods. The goods are pipes.\n\n1.1 They are new."]
    assert found("clause 1.1", document) == ["1.1 They are new."]
    assert found("clause 3", document) == ["3. Price. It is 12 pounds."]


def test_a_table_of_contents_is_not_taken_for_the_clause() -> None:
    document = as_document(f"1. Goods 1\n2. Delivery 2\n3. Price 3\n\n{CLAUSES}")

    assert found("clause 2", document) == ["2. Delivery. They come within\n30 days of the order."]


def test_the_entry_of_a_table_of_contents_is_known_by_its_words_however_long_it_is() -> None:
    document = as_document(f"1. Goods {'.' * 90} 1\n2. Delivery {'.' * 90} 2\n3. Price {'.' * 90} 3\n\n{CLAUSES}")

    assert found("clause 2", document) == ["2. Delivery. They come within\n30 days of the order."]


def test_a_contract_and_its_exhibit_may_both_have_a_clause_of_one_number() -> None:
    exhibit = "Exhibit A\n\n1. Lines. They are kept open.\n\n2. Repairs. Within a day.\n\n3. Hours. Nine to five."
    document = as_document(f"{CLAUSES}\n{exhibit}")

    assert found("clause 2", document) == [
        "2. Delivery. They come within\n30 days of the order.",
        "2. Repairs. Within a day.",
    ]


def test_clauses_that_begin_with_the_same_small_word_are_told_apart() -> None:
    contract = "1. The goods are pipes.\n\n2. The supplier delivers soon.\n\n3. The price is nine."
    exhibit = "1. The lines are open.\n\n2. The repairs take a day.\n\n3. The hours are nine to five."

    assert found("clause 2", as_document(f"{contract}\n\n{exhibit}")) == [
        "2. The supplier delivers soon.",
        "2. The repairs take a day.",
    ]


def test_a_reference_that_begins_a_line_begins_no_clause() -> None:
    text = "1.1 Goods. As told in\nSection 1.3. They are new.\n1.2 Price. Nine.\n1.3 Term. A year.\n2.1 Law. Ours."
    document = as_document(text)

    assert found("section 1.3", document) == ["1.3 Term. A year."]
    assert found("section 1.2", document) == ["1.2 Price. Nine."]


def test_an_item_with_a_letter_reaches_to_the_next_and_is_told_from_a_reference_to_it() -> None:
    items = (
        "Item 1. Business\nWe mill.",
        "ITEM 1A RISK FACTORS\nFloods, see\nItem 7 of this report.",
        "Item 1B. [None]",
    )
    document = as_document("\n\n".join((*items, "Item 2. Properties\nA mill.")))

    assert [found(f"What does item {number} say?", document) for number in ("1", "1a", "1B")] == [[i] for i in items]
    assert found("section 1A", document) == []
    assert found("item 7", document) == []


def test_a_number_with_a_letter_may_mean_a_paragraph_of_the_section() -> None:
    document = as_document("1. Goods. Pipes.\n\n2. Delivery. (a) By ship, or\n(b) by rail.\n\n3. Price. Nine.")

    assert found("clause 2b", document) == found("clause 2(b)", document) != []
    assert found("clause 2B", document) == found("clause 2b", document)
    assert found("clause 2c", document) == found("clause 3a", document) == []
    assert found("clause 2a", as_document("2. Seat (Firma). In Bonn.")) == []


def test_numbers_may_be_written_in_any_digits() -> None:
    document = as_document("\u0661\u0661 Law\n\nOurs.\n\n\u0661\u0662 Goods\n\nPipes.")

    assert found("section \u0661\u0662", document) == ["\u0661\u0662 Goods\n\nPipes."]
    assert found("section 0", document) == []


def test_a_list_in_the_last_section_does_not_end_it() -> None:
    text = "## 1 Goods\n\nPipes.\n\n## 2 Steps\n\nDo this:\n\n1. Pour it.\n2. Stir it.\n3. Wait.\n\nThen it is done."
    document = as_document(text, headings=in_markdown(text))

    assert found("section 2", document) == [text[text.index("## 2") :]]


def test_the_last_clause_is_told_from_its_entry_in_a_table_of_contents() -> None:
    text = f"1. Goods .... 1\n2. Delivery .... 2\n3. Price .... 3\n\n{CLAUSES}"

    assert found("clause 3", as_document(text)) == ["3. Price. It is 12 pounds."]


def test_a_reference_to_itself_does_not_end_a_clause() -> None:
    clause = "1.3 Term. A year, told as in\nSection 1.3 (Term) of the old one. It may end."
    document = as_document(f"1.2 Price. Nine.\n{clause}\n1.4 Law. Ours.")

    assert found("section 1.3", document) == [clause]


def test_a_last_heading_ends_where_the_next_number_begins() -> None:
    text = "1 Goods\n\nPipes.\n\n2 Price\n\nNine.\n\n3. Law and anything that is no heading.\n\nOurs."
    document = as_document(text, headings=[(1, "1 Goods", 0), (1, "2 Price", text.index("2 Price"))])

    assert found("section 2", document) == ["2 Price\n\nNine."]


def test_a_number_that_begins_many_lines_names_no_place() -> None:
    document = as_document("1. Pour.\n2. Stir.\n3. Wait.\n\n" * 3)

    assert found("section 2", document) == []


def test_an_article_of_a_chinese_japanese_or_korean_law_is_found_however_its_number_is_written() -> None:
    chinese = as_document(
        "第一章 总则\n\n第二条 合同自签字生效。\n\n第三条 租金每月付清。\n逾期加收。\n\n第二章 附则\n\n第四条 略。"
    )
    korean = as_document("제2조 (목적) 이 법은 둔다.\n제3조 (정의) 말한다.")

    assert found("第3条规定了什么？", chinese) == ["第三条 租金每月付清。\n逾期加收。"]
    assert found("第一章", chinese)[0].endswith("逾期加收。")
    assert found("제3조는 무엇입니까?", korean) == ["제3조 (정의) 말한다."]
    assert found("第九条", chinese) == []


def test_a_sheet_is_found_by_its_name() -> None:
    names = ("Income", "Budget 2024")
    pages = tuple(Page(number=at + 1, start=5 * at, end=5 * at + 5, label=names[at], kind="sheet") for at in (0, 1))
    document = as_document("aaaa bbbb ").model_copy(update={"pages": pages})

    assert found("What stands in sheet Budget 2024?", document) == ["bbbb"]
    assert found("Was steht im Blatt „income“?", document) == ["aaaa"]
    assert found("What stands in sheet Costs?", document) == []
    assert [document.page_name(number) for number in (1, 2)] == ["sheet “Income”", "sheet “Budget 2024”"]


def test_an_annex_is_no_section_of_the_same_number() -> None:
    text = "1. Goods. Pipes.\n\n2. Delivery. They come.\n\n3. Price. Nine.\n\nAnnex 2\n\nA drawing."
    document = as_document(text, headings=[(1, "Annex 2", text.index("Annex"))])

    assert found("annex 2", document) == ["Annex 2\n\nA drawing."]
    assert found("clause 2", document) == ["2. Delivery. They come."]
    assert found("schedule 3", document) == []


def test_a_roman_number_and_a_chapter_need_no_word_in_their_heading() -> None:
    text = "IV. Elections\n\nYearly.\n\nA history of it\n\nLong.\n\n13 Whales\n\nThey sleep."
    document = as_document(text, headings=[(1, "IV. Elections", 0), (1, "A history of it", 23), (1, "13 Whales", 46)])

    assert found("section IV", document) == ["IV. Elections\n\nYearly."]
    assert found("chapter 13", document) == ["13 Whales\n\nThey sleep."]
    assert found("section A", document) == []
