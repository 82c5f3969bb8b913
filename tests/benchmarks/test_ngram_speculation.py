from benchmarks.gpu.decode_rate import acceptance, copied_share
from benchmarks.gpu.ngram_speculation import accepted_when_quoting, gains

PLAIN = {"work": {"quoting": {"tokens_per_second_median": 200.0}, "continuing": {"tokens_per_second_median": 100.0}}}
DRAFTED = {
    "work": {
        "quoting": {"tokens_per_second_median": 500.0, "drafts": {"accepted_up_to_place": [0.9, 0.8]}},
        "continuing": {"tokens_per_second_median": 90.0, "drafts": {"accepted_up_to_place": [0.2, 0.1]}},
    }
}


def test_acceptance_is_counted_by_step_and_by_place() -> None:
    found = acceptance({"drafts": 10, "draft_tokens": 20, "accepted_tokens": 15, "place_00": 9, "place_01": 6})
    assert found["accepted_share"] == 0.75
    assert found["tokens_per_step"] == 2.5
    assert found["accepted_up_to_place"] == [0.9, 0.6]


def test_an_engine_that_drafted_nothing_has_no_acceptance() -> None:
    assert acceptance({"drafts": 0, "draft_tokens": 0, "accepted_tokens": 0})["accepted_share"] == 0


def test_copied_tokens_are_those_in_a_run_that_stands_in_the_prompt() -> None:
    assert copied_share(list(range(100)), [*range(40, 50), 500, 501, 502, 503], run=8) == 10 / 14
    assert copied_share(list(range(100)), [1, 3, 5, 7, 9, 11, 13, 15], run=8) == 0


def test_gains_are_against_the_same_cache_without_drafts() -> None:
    rows = {"fp8_e5m2 KV, no drafts": PLAIN, "fp8_e5m2 KV, ngram, 2 drafted": DRAFTED, "auto KV, no drafts": {}}
    assert gains(rows) == {"fp8_e5m2 KV, ngram, 2 drafted": {"quoting": 2.5, "continuing": 0.9}}


def test_the_true_shape_takes_the_rates_that_quoting_was_measured_with() -> None:
    rows = {"plain": PLAIN, "failed": {"error": "exit code 1"}, "drafted": DRAFTED}
    assert accepted_when_quoting(rows, draft=2) == [0.9, 0.8]
    assert accepted_when_quoting(rows, draft=8) == []
