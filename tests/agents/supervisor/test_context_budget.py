"""What fits the engine's context, by exact counts."""

from agents.engine import output_schema, prompt_layout
from agents.engine.tasks.answering import Draft, DraftClaim, DraftResult
from agents.engine.tasks.decisions import Route, RouteResult
from agents.supervisor.context_budget import MIN_ANSWER_TOKENS, fits_one_pass, free_tokens
from agents.supervisor.retrieval import should_read_whole
from tests.agents.supervisor.conftest import RULES, Reading
from tests.support.fakes import FakeEngine


async def test_room_is_what_the_rendered_prompt_leaves_of_the_context(read: Reading) -> None:
    run = await read(FakeEngine(context_tokens=20_000))
    task = Draft(question="When does it open?", evidence=run.all_passages)
    rendered = prompt_layout.messages(task, output_schema.template(output_schema.schema(task)))
    whole = sum(run.engine.count_tokens(each["content"]) for each in rendered) + prompt_layout.TEMPLATE_TOKENS

    left = free_tokens(run, task, run.request.documents)

    assert left is not None
    assert left - run.total_tokens == 20_000 - whole


async def test_a_document_fits_until_the_answer_has_no_room(read: Reading) -> None:
    run = await read(FakeEngine(context_tokens=20_000), text=RULES)
    task = Draft(question="When does it open?")
    left = free_tokens(run, task, run.request.documents)
    assert left is not None
    fitting = 20_000 - left + run.total_tokens + MIN_ANSWER_TOKENS

    for context, expected in ((fitting, True), (fitting - 1, False)):
        run = await read(FakeEngine(context_tokens=context), text=RULES)
        assert fits_one_pass(run, task, run.request.documents) is expected


async def test_the_window_of_the_settings_bounds_one_pass(read: Reading) -> None:
    run = await read(FakeEngine(), text=RULES * 20, settings={"window_tokens": 1_024})
    assert not fits_one_pass(run, Draft(question="When?"), run.request.documents)


async def test_findings_that_do_not_fit_beside_everything_stand_beside_what_they_cite(read: Reading) -> None:
    text = "\n\n".join(f"## Lamp {n}\n\n" + f"The wick of lamp {n} burned for {n} hours. " * 20 for n in range(1, 21))
    quote = "The wick of lamp 7 burned for 7 hours."
    long_claims = DraftResult(claims=(DraftClaim(text=f"{quote} " * 9, quotes=(quote,)),) * 8)
    complex_way = RouteResult(kind="complex", reason="Two facts.")
    alone = await read(FakeEngine(), text=text)
    left = free_tokens(alone, Draft(question="When does it open?"), alone.request.documents)
    assert left is not None
    context = 131_072 - left + alone.total_tokens + MIN_ANSWER_TOKENS + 64
    engine = FakeEngine({Route: complex_way, Draft: long_claims}, context_tokens=context)

    run = await read(engine, text=text)

    *parts, synthesis = [task for task in engine.tasks if isinstance(task, Draft)]
    assert all(part.evidence == run.all_passages for part in parts)
    assert 0 < len(synthesis.evidence) < len(run.all_passages)
    assert all(quote in passage.text for passage in synthesis.evidence)
    assert run.everything_read


async def test_the_route_says_why_a_document_was_searched_or_read_whole(read: Reading) -> None:
    complex_way = FakeEngine({Route: RouteResult(kind="complex", reason="Two facts.")})

    cold, warm = await read(FakeEngine()), await read(FakeEngine(), prefix_cached=True)
    parts, long = await read(complex_way), await read(FakeEngine(), text=RULES * 20, settings={"window_tokens": 1_024})

    assert cold.reason == "One fact. Searched first: reading everything costs more than a narrow question needs."
    assert warm.reason == "One fact. Read whole: the engine has just read it and has it at hand."
    assert parts.reason == "Two facts. Read whole: all parts share one reading."
    assert long.reason == "One fact. Searched: the documents are longer than one window."
    assert not should_read_whole(cold, fits=True)
    assert should_read_whole(warm, fits=True)
