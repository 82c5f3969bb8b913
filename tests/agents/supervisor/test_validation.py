"""What becomes of a draft: claims that stand, the document's own sentences, or the closest passages."""

from agents.engine.engine import ChoiceResult
from agents.engine.extractive.engine import ExtractiveEngine
from agents.engine.tasks.answering import Answerable, Draft, DraftResult, Quotes, QuotesResult
from agents.markdown import CLOSEST, SOURCES
from agents.schema import SessionInfo
from agents.supervisor.answer import to_answer
from tests.agents.supervisor.conftest import RULES, Reading
from tests.support.fakes import FakeEngine

OPENS = "The reading room opens at 9 in the morning"
BORROW = "A reader may borrow 5 volumes for 28 days."
SESSION = SessionInfo(session_id="s")
UNANSWERED = {Answerable: ChoiceResult(log_odds=-3.0)}


async def test_an_answer_that_stands_is_shown_in_the_models_words(read: Reading) -> None:
    said = "The room opens at 9."

    completed = await read(FakeEngine({Draft: DraftResult(quotes=(OPENS,), answer=said)}))

    (claim,) = completed.state["judgement"].claims
    assert claim.text == said
    assert [quote.located.quote for quote in claim.quotes] == [OPENS]


async def test_where_a_claim_does_not_stand_the_documents_own_sentence_answers(read: Reading) -> None:
    wrong = DraftResult(quotes=(OPENS,), answer="It opens at 10.")

    completed = await read(FakeEngine({Draft: wrong}), "When does the reading room open?")

    answer = to_answer(completed, SESSION)
    assert "10" not in answer.markdown.partition(SOURCES)[0]
    assert "opens at 9 in the morning" in answer.claims[0].text
    assert answer.closest == ()
    assert answer.grounded == 1.0


async def test_the_sources_of_a_models_answer_are_found_by_rule(read: Reading) -> None:
    completed = await read(
        FakeEngine({Draft: DraftResult(answer="For 28 days, 5 volumes.")}), "How long may a reader borrow volumes?"
    )

    (claim,) = completed.state["judgement"].claims
    assert [quote.located.quote for quote in claim.quotes] == [BORROW]


async def test_each_sentence_of_a_models_answer_has_sources_of_its_own(read: Reading) -> None:
    fine = "A late volume costs 2 euros a day, and no more than 40 euros in all."
    loan, atlases = "Maria Holm signs every loan.", "Atlases are never lent."

    completed = await read(
        FakeEngine({Draft: DraftResult(answer=f"{fine} {loan} {atlases}")}), "What does a late volume cost?"
    )

    (claim,) = completed.state["judgement"].claims
    assert [quote.located.quote for quote in claim.quotes] == [fine, loan, atlases]


async def test_a_model_copies_what_shows_its_answer_where_the_text_shares_no_word_with_it(read: Reading) -> None:
    engine = FakeEngine({Draft: DraftResult(answer="Codziennie rano."), Quotes: QuotesResult(quotes=(OPENS,))})

    completed = await read(engine, "Kiedy otwiera czytelnia?")

    (claim,) = completed.state["judgement"].claims
    assert [quote.located.quote for quote in claim.quotes] == [OPENS]
    assert engine.count(Quotes) == 1


async def test_nothing_is_claimed_where_the_engine_says_that_the_passages_do_not_answer(read: Reading) -> None:
    engine = FakeEngine(UNANSWERED)

    completed = await read(engine, "How long may a reader borrow volumes?")

    answer = to_answer(completed, SESSION)
    assert answer.claims == answer.citations == ()


async def test_the_closest_passages_are_handed_over_where_nothing_answers(read: Reading) -> None:
    completed = await read(FakeEngine(UNANSWERED), "How long may a reader borrow volumes?")

    answer = to_answer(completed, SESSION)
    assert answer.closest[0].quote == BORROW
    assert all(RULES[each.start : each.end] == each.quote for each in answer.closest)
    assert answer.markdown.startswith("The document does not say.")
    assert f"{CLOSEST}\n\nRules of the reading room:\n[1] page 1: “{BORROW}”" in answer.markdown
    assert answer.message == "The document does not say."


async def test_what_comes_closest_to_a_refused_answer_is_ranked_once_with_the_answers_words(read: Reading) -> None:
    draft = DraftResult(answer="Maria Holm decides, for illness.", quotes=("Maria Holm",))

    completed = await read(FakeEngine({**UNANSWERED, Draft: draft}), "Who may waive a fine or lend an atlas?")

    drafted, judged = completed.state["drafted"], completed.state["judgement"]
    assert drafted.closest is not None
    assert [quote.located.quote for quote in judged.closest] == [each.quotes[0] for each in drafted.closest[:3]]
    assert judged.closest[0].located.quote == "The fine is waived for illness."


async def test_an_answer_has_no_closest_passages_beside_it(read: Reading) -> None:
    answer = to_answer(await read(FakeEngine()), SESSION)

    assert answer.claims
    assert answer.closest == ()
    assert CLOSEST not in answer.markdown


async def test_an_engine_that_cannot_say_whether_the_passages_answer_is_asked_for_the_answer(read: Reading) -> None:
    completed = await read(FakeEngine({Answerable: ChoiceResult(log_odds=None)}))

    assert completed.state["judgement"].claims


async def test_a_part_that_is_not_answered_does_not_keep_the_other_from_its_answer(read: Reading) -> None:
    def only_fines(task: Answerable) -> ChoiceResult:
        return ChoiceResult(log_odds=3.0 if "cost" in task.question else -3.0)

    completed = await read(FakeEngine({Answerable: only_fines}), "When does it open, and what does a late volume cost?")

    assert [each.log_odds for each in completed.state["evidence"].values()] == [-3.0, 3.0]
    assert completed.state["judgement"].claims


async def test_without_a_model_the_answer_is_made_of_the_documents_own_sentences(read: Reading) -> None:
    completed = await read(ExtractiveEngine(), "When does the reading room open?")

    claims = completed.state["judgement"].claims
    assert claims
    assert all(claim.text in " ".join(RULES.split()) for claim in claims)


async def test_words_that_the_document_never_uses_are_pointed_out_where_no_model_reads_it(read: Reading) -> None:
    completed = await read(ExtractiveEngine(), "When does the reading room open for penguins?")

    assert any("Nowhere in what was read: “penguins”" in warning for warning in completed.run.ledger.warnings)
