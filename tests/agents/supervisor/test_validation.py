from agents.engine.tasks.answering import Draft, DraftClaim, DraftResult, Revise, ReviseResult
from tests.agents.supervisor.conftest import Reading
from tests.support.fakes import FakeEngine

OPENS = "The reading room opens at 9 in the morning"
CLOSES = "On Saturdays it closes at noon."


async def test_a_claim_that_was_cut_down_cites_only_what_still_bears_it(read: Reading) -> None:
    wrong = DraftClaim(text="It opens at 10 and closes at noon on Saturdays.", quotes=(OPENS, CLOSES))
    engine = FakeEngine({Draft: DraftResult(claims=(wrong,)), Revise: ReviseResult(text=f"{OPENS}.")})

    run = await read(engine)

    assert run.judgement
    (claim,) = run.judgement.claims
    assert claim.text == f"{OPENS}."
    assert [quote.located.quote for quote in claim.quotes] == [OPENS]


async def test_a_claim_that_rests_on_two_quotes_together_keeps_both(read: Reading) -> None:
    wrong = DraftClaim(
        text="It opens at 10 and closes at noon on Saturdays.", quotes=(OPENS, "closes at 17 on weekdays")
    )
    right = "It opens at 9 and closes at 17."
    engine = FakeEngine({Draft: DraftResult(claims=(wrong,)), Revise: ReviseResult(text=right)})

    run = await read(engine)

    assert run.judgement
    (claim,) = run.judgement.claims
    assert claim.text == right
    assert len(claim.quotes) == 2
