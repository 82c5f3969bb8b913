import json
from pathlib import Path

import pytest

from agents.engine.extractive.judging import revise, verdict
from agents.engine.tasks.answering import ClaimToJudge, Revise, Verdict
from agents.schema import Support

STOCK = "The stock shall not fall below 28,000 L at any time, and from October to March the minimum is 40,000 L."
QUESTIONS = Path(__file__).parents[3] / "data" / "questions.json"


def judge(text: str, *quotes: str) -> Support:
    return verdict(Verdict(claims=(ClaimToJudge(text=text, quotes=quotes),))).verdicts[0]


@pytest.mark.parametrize(
    ("claim", "quote"),
    [
        (STOCK, STOCK),
        ("The stock shall not fall below 28000 L.", STOCK),
        ("From October to March the minimum is 40,000 L.", STOCK),
        ("Two pumps run.", "2 pumps run at night."),
        ("The warranty lasts at most 3 years.", "The warranty lasts no longer than three years."),
    ],
)
def test_what_the_quotes_say_is_supported(claim: str, quote: str) -> None:
    assert judge(claim, quote) == "supported"


@pytest.mark.parametrize(
    ("claim", "quote"),
    [
        ("The stock shall not fall below 26,000 L.", STOCK),
        ("The stock may fall below 28,000 L at any time.", STOCK),
        ("The cap applies to injury.", "The cap does not apply to injury."),
        ("The limit was raised to a higher value.", "The limit was reduced to a lower value."),
        ("Bananas are yellow.", STOCK),
        ("", STOCK),
    ],
)
def test_another_number_a_negation_or_another_matter_is_not(claim: str, quote: str) -> None:
    assert judge(claim, quote) == "not"


@pytest.mark.parametrize("title", ["Terms v1.2", "Loans 2023", "The rules of lending, with all annexes", "Old and New"])
def test_the_title_before_a_colon_is_no_part_of_what_is_said(title: str) -> None:
    assert judge(f"{title}: The feed pump runs every day.", "The feed pump runs every day.") == "supported"


def test_a_name_that_no_quote_holds_leaves_a_claim_half_supported() -> None:
    assert judge("The minimum stock in Berlin is 40,000 L from October to March.", STOCK) == "partly"


def test_every_sentence_supports_itself() -> None:
    sentences = [case["gold"] for case in json.loads(QUESTIONS.read_text())]
    assert {judge(sentence, sentence) for sentence in sentences} == {"supported"}


def test_one_changed_digit_is_always_noticed() -> None:
    for case in json.loads(QUESTIONS.read_text()):
        digits = [place for place, letter in enumerate(case["gold"]) if letter.isdecimal()]
        for place in digits[:3]:
            other = str((int(case["gold"][place]) + 1) % 10)
            changed = case["gold"][:place] + other + case["gold"][place + 1 :]
            assert judge(changed, case["gold"]) == "not", changed


def test_there_is_one_verdict_for_each_claim_in_order() -> None:
    claims = (ClaimToJudge(text=STOCK, quotes=(STOCK,)), ClaimToJudge(text="It rained.", quotes=(STOCK,)))
    assert verdict(Verdict(claims=claims)).verdicts == ("supported", "not")


def test_a_claim_is_revised_to_the_sentence_of_its_quotes_that_is_nearest() -> None:
    claim = ClaimToJudge(text="The pump runs for 9 hours.", quotes=("The hall is red. The pump runs for 8 hours.",))
    assert revise(Revise(claim=claim)).text == "The pump runs for 8 hours."


def test_without_a_quote_a_claim_stays_as_it_is() -> None:
    assert revise(Revise(claim=ClaimToJudge(text="It rained.", quotes=("",)))).text == "It rained."
