import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.language.lexicon import detect_language
from agents.language.numbers import east_asian_value, fold_digits, number_value
from agents.language.stems import Vocabulary
from agents.language.unspaced import count_words, join_lines, pieces, units, word_spans

LETTERS = st.text(alphabet="成人票价为八元，不得。 大の料金はごみ성인 요금은ค่าผู้ใหญ่ 20\nab")


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("成人票价是多少？", ["成人", "人票", "票价"]),
        ("成人票价为八元。", ["成人", "人票", "票价", "价为", "8", "元"]),
        ("ごみの収集日はいつですか", ["ごみ", "収集", "集日"]),
        ("大型車は１，２００円です", ["大型", "型車", "1200", "円"]),
        ("성인 요금은 5천원입니까?", ["성인", "요금", "5000", "원"]),
        ("ผู้ใหญ่เท่าไหร่", ["ผู้ให", "ใหญ่"]),
        ("NASA長官", ["nasa", "長官"]),
    ],
)
def test_pairs_of_letters_stand_for_words_and_small_words_for_nothing(text: str, terms: list[str]) -> None:
    assert Vocabulary.of(text).terms(text) == terms


@pytest.mark.parametrize(
    ("one", "other"), [("戻るとき", "戻りました"), ("借りられますか", "借りる"), ("회의는", "회의를")]
)
def test_endings_do_not_part_a_word_from_itself(one: str, other: str) -> None:
    assert set(Vocabulary.of(one).terms(one)) & set(Vocabulary.of(other).terms(other))


@pytest.mark.parametrize(
    ("text", "negates"),
    [
        ("乘客不得携带易燃物品。", True),
        ("合同未经批准无效。", True),
        ("持ち込みはできません。", True),
        ("휴대할 수 없다.", True),
        ("ห้ามนำอาหารเข้า", True),
        ("两者不同。", False),
        ("总额不得超过百分之二十。", False),
        ("未来三年", False),
        ("ご注意ください。", False),
    ],
)
def test_negations_are_told_from_words_that_only_look_like_them(text: str, negates: bool) -> None:
    assert any(word.negation for word in Vocabulary.of(text).words(text)) is negates


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("八", "8"),
        ("十二", "12"),
        ("二百三十五", "235"),
        ("一千零五", "1005"),
        ("三万五千", "35000"),
        ("三億五千万", "350000000"),
        ("二〇一八", "2018"),
        ("两", "2"),
    ],
)
def test_a_number_in_chinese_letters_has_the_value_of_its_digits(written: str, value: str) -> None:
    assert east_asian_value(written) == value
    assert [unit.text for unit in units(f"第{written}条") if unit.kind == "number"] == [value]


@pytest.mark.parametrize("text", ["十分重要", "统一安排", "万一发生", "千万小心"])
def test_numerals_inside_other_words_count_nothing(text: str) -> None:
    assert [unit for unit in units(text) if unit.kind == "number"] == []


def test_digits_of_every_script_are_the_same() -> None:
    assert fold_digits("４，０００円と๒๐บาท") == "4,000円と20บาท"
    assert number_value("4.5万") == "45000"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("谁？", "Chinese"),
        ("大人の料金はいくらですか", "Japanese"),
        ("성인 요금은 얼마입니까?", "Korean"),
        ("ค่าโดยสารเท่าไหร่", "Thai"),
        ("The word 八元 is of no use to the reader of this text.", "English"),
    ],
)
def test_scripts_tell_their_language(text: str, language: str) -> None:
    assert detect_language(text) == language


@pytest.mark.parametrize(
    ("text", "words"),
    [("two words", 2), ("成人票价", 2), ("成人票价。", 2), ("大人の料金は", 2), ("성인 요금은", 2), ("", 0)],
)
def test_two_letters_are_as_long_as_a_word(text: str, words: int) -> None:
    assert count_words(text) == words


def test_a_line_end_parts_no_word_of_chinese() -> None:
    assert join_lines("三万五千\n元整，\n甲方 and\nB") == "三万五千元整，甲方 and\nB"


@given(LETTERS)
def test_units_and_pieces_are_slices_in_order(text: str) -> None:
    found = list(units(text))
    assert all(text[unit.start : unit.end].strip() for unit in found)
    assert [unit.start for unit in found] == sorted(unit.start for unit in found)
    held = "".join(text[start:end] for start, end in word_spans(text))
    assert held == "".join(piece.group() for piece in pieces(text)) == "".join(text.split())


@pytest.mark.parametrize("numerals", ["九百", "一"])
def test_a_number_of_any_length_is_read_in_time_linear_in_the_text(numerals: str) -> None:
    assert len(list(units(numerals * 25_000 + "十"))) == 1
