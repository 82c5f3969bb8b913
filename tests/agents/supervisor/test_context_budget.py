"""What fits the engine's context, by exact counts."""

from agents.engine import output_schema, prompt_layout
from agents.engine.tasks.answering import Draft
from agents.supervisor.context_budget import MIN_ANSWER_TOKENS, evidence_fits, fits_one_pass, free_tokens
from agents.supervisor.retrieval import reads_whole
from agents.supervisor.run import Run
from tests.agents.supervisor.conftest import RULES, Reading
from tests.support.fakes import FakeEngine


async def run_of(read: Reading, engine: FakeEngine, **options: object) -> Run:
    return (await read(engine, **options)).run


async def test_room_is_what_the_rendered_prompt_leaves_of_the_context(read: Reading) -> None:
    run = await run_of(read, FakeEngine(context_tokens=20_000))
    task = Draft(question="When does it open?", evidence=run.texts.all_passages)
    rendered = prompt_layout.messages(task, output_schema.template(output_schema.schema(task)))
    whole = sum(run.engine.count_tokens(each["content"]) for each in rendered) + prompt_layout.TEMPLATE_TOKENS

    left = free_tokens(run, task, run.request.documents)

    assert left is not None
    assert left - run.texts.total_tokens == 20_000 - whole


async def test_a_document_fits_until_the_answer_has_no_room(read: Reading) -> None:
    run = await run_of(read, FakeEngine(context_tokens=20_000), text=RULES)
    task = Draft(question="When does it open?")
    left = free_tokens(run, task, run.request.documents)
    assert left is not None
    fitting = 20_000 - left + run.texts.total_tokens + MIN_ANSWER_TOKENS

    for context, expected in ((fitting, True), (fitting - 1, False)):
        run = await run_of(read, FakeEngine(context_tokens=context), text=RULES)
        assert fits_one_pass(run, task, run.request.documents) is expected
        assert evidence_fits(run, task.model_copy(update={"evidence": run.texts.all_passages})) is expected


async def test_the_window_of_the_settings_bounds_one_pass(read: Reading) -> None:
    run = await run_of(read, FakeEngine(), text=RULES * 20, settings={"window_tokens": 1_024})
    assert not fits_one_pass(run, Draft(question="When?"), run.request.documents)


async def test_the_evidence_of_all_parts_together_fits_the_context(read: Reading) -> None:
    text = "\n\n".join(f"## Lamp {n}\n\n" + f"The wick of lamp {n} burned for {n} hours. " * 20 for n in range(1, 41))
    engine = FakeEngine(context_tokens=4_096)

    await read(engine, "How long did lamp 7 burn, how long did lamp 9 burn, and how long did lamp 30 burn?", text)

    (draft,) = [task for task in engine.tasks if isinstance(task, Draft)]
    left = free_tokens(await run_of(read, engine, text=text), draft)
    assert left is not None
    assert sum(engine.count_tokens(passage.text) for passage in draft.evidence) <= left - MIN_ANSWER_TOKENS


async def test_the_route_says_why_a_document_was_searched_or_read_whole(read: Reading) -> None:
    cold, warm = await read(FakeEngine()), await read(FakeEngine(), prefix_cached=True)
    long = await read(FakeEngine(), text=RULES * 20, settings={"window_tokens": 1_024})

    reasons = [done.state["evidence"][0].reason for done in (cold, warm, long)]
    assert reasons == [
        "Searched first: reading everything costs more than a narrow question needs.",
        "Read whole: the engine has just read it and has it at hand.",
        "Searched: the documents are longer than one window.",
    ]
    assert not reads_whole(cold.run, fits=True)[0]
    assert reads_whole(warm.run, fits=True)[0]


async def test_what_is_read_whole_keeps_the_order_of_the_search(read: Reading) -> None:
    text = "\n\n".join(f"# Part {n}\n\n" + f"The wick of lamp {n} burned for {n} hours. " * 40 for n in range(1, 9))

    completed = await read(FakeEngine(), "How long did the wick of lamp 7 burn?", text, prefix_cached=True)

    evidence = completed.state["evidence"][0]
    assert evidence.passages == completed.run.texts.all_passages
    assert "lamp 7" in evidence.ranking[0].text
