from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.language.sentences import split_sentences


def sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text)]


@pytest.mark.parametrize(
    "text",
    [
        "The pump runs at 4.5 bar.",
        "See Fig. 3 and No. 5 for it.",
        "Dr. Smith and J. R. Brown wrote it.",
        "It is used, e.g. Monday mornings, by the crew.",
        "The U.S. Army ordered it.",
        "The leading case is Georgia v. Brailsford of 1794.",
        "Under 21 U.S.C. § 335a and 410 U.S. 113 the seller stops.",
        "It is filed with J.P. Morgan in Washington, D.C. 20549 today.",
        "Er zahlt i. d. R. Ende Mai, o. B. d. A. Anfang Juni.",
        "Section 7.2.1 applies to all parts.",
        "1. First open the valve.",
        "## 7. Storage",
        '"Why?" he asked.',
        "| 1.5 | Two parts. Three parts. |",
        "Storage . . . . . . . . 17",
        "Vermietet wird die Wohnung im 3. Obergeschoss links.",
        "Die Arbeiten beginnen am 1. September und dürfen nicht später enden.",
        "Die Frist läuft vom 15. Okt. 2024 bis zum 31. MÄRZ 2025.",
        "Die Anlage wird am 3. 10. 2024 geprüft.",
        "Die Kosten (vgl. Abs. 3 und Ziff. 5) trägt Hr. Meier bzw. Frau Kunz.",
        "Le loyer est fixé à l'art. 5 par Mme. Dupont.",
        "El plazo figura en el art. 5 y lo firma la Sra. Gómez.",
        "Die Anlage steht auf dem Gelände der\nStadtwerke und ist offen.",
        "1. September 2024 ist der erste Tag.",
        "Arbejdet begynder den 1. september og slutter den 3. Maj.",
        "Práce začínají 6. prosince a končí brzy.",
        "Der Umbau der gesamten Anlage beginnt am\n1. September und endet im Mai.",
    ],
)
def test_a_full_stop_inside_a_sentence_does_not_end_it(text: str) -> None:
    assert sentences(text) == [text]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It rains. The pump stops.", ["It rains.", "The pump stops."]),
        ("It is good for vitamin C. The dose is low.", ["It is good for vitamin C.", "The dose is low."]),
        ("He lives in the U.S.A. The house is big.", ["He lives in the U.S.A.", "The house is big."]),
        ("The answer is no. The pump stops.", ["The answer is no.", "The pump stops."]),
        ("It ran until 5 p.m. The end came.", ["It ran until 5 p.m.", "The end came."]),
        ("“Stop!” Then it ended.[12] A new one began.", ["“Stop!”", "Then it ended.[12]", "A new one began."]),
        ("これは文です。次の文です。", ["これは文です。", "次の文です。"]),
        ("何ですか?次の文です｡終わり", ["何ですか?", "次の文です｡", "終わり"]),
        ("「行く。」と言った。帰った。", ["「行く。」と言った。", "帰った。"]),
        ("他说：“好。”她走了。", ["他说：“好。”", "她走了。"]),
        ("2018. 3. 31. 현재 열려 있다. 내일도 연다.", ["2018. 3. 31. 현재 열려 있다.", "내일도 연다."]),
        ("第一条 按时开门。\n第二条 按时关门。", ["第一条 按时开门。", "第二条 按时关门。"]),
        (
            "渡口管理办法\n渡船每天早上六点开始营运，晚上九点停运。",
            ["渡口管理办法", "渡船每天早上六点开始营运，晚上九点停运。"],
        ),
        (
            "ห้ามนำอาหารเข้าห้องสมุดเพราะทำให้หนังสือสกปรก ที่จอดรถจอดได้ 40 คัน",
            ["ห้ามนำอาหารเข้าห้องสมุดเพราะทำให้หนังสือสกปรก", "ที่จอดรถจอดได้ 40 คัน"],
        ),
        (
            "Es sind 28. Danach kommt Mai 1903. Mai ist warm.",
            ["Es sind 28.", "Danach kommt Mai 1903.", "Mai ist warm."],
        ),
        ("1. Januar Neujahr\n2. Januar Ferien", ["1. Januar Neujahr", "2. Januar Ferien"]),
        ("- Close it.\n- Open it.", ["- Close it.", "- Open it."]),
        ("Cost: 12\nDate: 4 May", ["Cost: 12", "Date: 4 May"]),
        ("WO-1 12 450 220\nWO-2 13 451 221", ["WO-1 12 450 220", "WO-2 13 451 221"]),
        ("Teil II\nDie Kosten trägt der Mieter.", ["Teil II", "Die Kosten trägt der Mieter."]),
        ("Es gilt bis 17 Uhr usw. Der Rest entfällt.", ["Es gilt bis 17 Uhr usw.", "Der Rest entfällt."]),
        ("It is an act of 2002.\n32.2 Papers of the year", ["It is an act of 2002.", "32.2 Papers of the year"]),
        ("# Title\nThe text begins.", ["# Title", "The text begins."]),
    ],
)
def test_sentences_list_items_and_rows_stand_alone(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


def test_chinese_is_wrapped_between_any_two_letters() -> None:
    text = "合同期满前三十日内，任何一方均可书面\n通知对方终止本合同；逾期未通知的，自\n动续期一年。\n\n附则"

    assert sentences(text) == [text.removesuffix("\n\n附则"), "附则"]


def test_a_line_wrapped_inside_a_sentence_belongs_to_it() -> None:
    text = (
        "7.3 Storage of parts\n"
        "The transmitter shall be calibrated at intervals of 14 days, and the result of each\n"
        "calibration shall be written into the log kept by the Shift\n"
        "Leader. Parts are kept dry.\n"
    )
    assert sentences(text) == [
        "7.3 Storage of parts",
        text[text.index("The t") : text.index(" Parts are")],
        "Parts are kept dry.",
    ]


@pytest.mark.parametrize(
    "sentence",
    [
        "It lent 3,120 items on a budget of £584,000\nwas what Tomás Echeverría said on 3 May 2023.",
        "The level rose from 3,5 to 4,7\nat the weir.",
        "Of 3,120, 4,500 and 1,250,300\nin all a third were lost.",
        "The contract ends on 31 January 2030\nor when it is terminated.",
    ],
)
def test_a_line_that_ends_in_a_figure_goes_on_where_the_next_begins_in_lower_case(sentence: str) -> None:
    assert sentences(f"In 2022 the hall was open. {sentence}") == ["In 2022 the hall was open.", sentence]


@pytest.mark.parametrize(
    "rows",
    [
        ["1,200,foo bar", "2,300,low bar"],
        ["12,450,300", "13,451,301"],
        ["Pump 12 450", "in use 13 451"],
        ["Cost: 12,450", "Date: 4 May"],
    ],
)
def test_rows_of_figures_stand_alone(rows: list[str]) -> None:
    assert sentences("\n".join(rows)) == rows


@pytest.mark.parametrize("line", ["| | |", "---", "! )"])
def test_lines_without_a_letter_are_cut_in_time_linear_in_the_text(line: str) -> None:
    assert len(split_sentences(f"{line}\n" * 50_000)) >= 50_000


def test_a_text_without_any_sentence_end_is_cut() -> None:
    assert max(end - start for start, end in split_sentences("word " * 5_000)) <= 1_200


@given(st.text(alphabet=st.sampled_from("aB1 .,!?\n\t|#-\"'()[]é。;:")))
def test_every_visible_character_is_in_one_sentence(text: str) -> None:
    spans = split_sentences(text)
    assert all(a_end <= b_start for (_, a_end), (b_start, _) in pairwise(spans))
    covered = "".join(text[start:end] for start, end in spans)
    assert [c for c in covered if not c.isspace()] == [c for c in text if not c.isspace()]
    assert all(text[start:end] == text[start:end].strip() != "" for start, end in spans)
