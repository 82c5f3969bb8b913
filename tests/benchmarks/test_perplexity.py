import math

import numpy as np
import pytest

from benchmarks.gpu.perplexity import ROWS, compare, matching, perplexity, ratio, table


def test_guessing_among_all_tokens_alike_has_the_vocabulary_as_its_perplexity() -> None:
    logprobs = np.full((4, 10), -math.log(512), np.float32)
    assert perplexity(logprobs) == pytest.approx((512, 0.0), rel=1e-5)


def test_the_error_of_a_perplexity_comes_from_how_far_the_windows_lie_apart() -> None:
    logprobs = -np.log(np.array([[2.0, 8.0], [4.0, 16.0]]))
    found = perplexity(logprobs)
    means = np.array([math.log(16) / 2, math.log(64) / 2])
    assert found.value == pytest.approx(math.exp(means.mean()))
    assert found.standard_error == pytest.approx(found.value * means.std(ddof=1) / math.sqrt(2))


def test_a_ratio_is_exact_where_every_window_loses_the_same() -> None:
    reference = np.random.default_rng(0).normal(-2, 1, (6, 50))
    assert ratio(reference - 0.01, reference) == pytest.approx((math.exp(0.01), 0.0), abs=1e-9)


def test_matching_counts_whole_rows_and_the_tokens_before_the_first_difference() -> None:
    written = np.array([[1, 2, 3, 4], [1, 2, 9, 4], [9, 2, 3, 4]])
    expected = np.array([[1, 2, 3, 4]] * 3)
    assert matching(written, expected) == {"exact": 0.3333, "before_first_difference": 0.5}


def scored(shift: float, top: int) -> dict[str, object]:
    """Return what one engine leaves behind for two windows of three tokens."""
    return {
        "facts": '{"attention": "none"}',
        "logprobs_16": np.full((2, 3), -1.0 - shift),
        "top_16": np.full((2, 3), top),
        "quoted_16": np.array([[5, 6], [5, 7]]),
        "passages_16": np.array([[5, 6], [5, 6]]),
        "continued_16": np.array([[1, top], [1, 1]]),
    }


def test_a_row_is_compared_with_the_reference_token_by_token() -> None:
    found = compare(scored(0.5, top=2), scored(0.0, top=1), 16)
    assert found["tokens"] == 6
    assert found["ratio"] == pytest.approx(math.exp(0.5), abs=1e-5)
    assert found["top1_agreement"] == 0
    assert found["quoted"] == {"exact": 0.5, "before_first_difference": 0.75, "passages": 2}
    assert found["continued"] == {"exact": 0.5, "before_first_difference": 0.75}


def test_a_table_waits_for_its_reference() -> None:
    assert table({ROWS[1].name: scored(0.1, 1)}, [16]) == {}


def test_a_table_keeps_what_the_engine_says_of_itself() -> None:
    found = table({ROWS[0].name: scored(0.0, 1), ROWS[1].name: scored(0.1, 1)}, [16])
    assert list(found) == [ROWS[0].name, ROWS[1].name]
    assert found[ROWS[1].name]["attention"] == "none"
    assert found[ROWS[0].name]["contexts"]["16"]["ratio"] == 1
