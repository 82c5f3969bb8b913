from agents.benchmark.product import usage_figures
from agents.schema import Usage


def test_what_an_answer_costs_is_a_mean_and_cached_tokens_are_what_sharing_a_prefix_saves() -> None:
    usages = [
        Usage(engine_calls=2, prompt_tokens=1_000, cached_tokens=900),
        Usage(engine_calls=4, prompt_tokens=3_000, cached_tokens=2_900),
    ]

    figures = {figure.key: figure.value for figure in usage_figures("next", usages)}

    assert figures == {
        "engine_calls_next_answer": 3,
        "prompt_tokens_next_answer": 2_000,
        "prefilled_tokens_next_answer": 100,
        "prefix_sharing_next_answer": 20,
    }


def test_an_engine_that_reads_no_prompts_has_only_its_calls_counted() -> None:
    assert [figure.key for figure in usage_figures("first", [Usage(engine_calls=2)])] == ["engine_calls_first_answer"]
