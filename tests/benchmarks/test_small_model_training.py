import pytest

from benchmarks.gpu.training import Phase, learning_rate, phase_at, read_phases


def test_phases_are_read_with_their_shares_of_the_time() -> None:
    assert read_phases("2048:0.75:4096,32768:0.25:16384") == (Phase(2048, 0.75, 4096), Phase(32768, 0.25, 16384))


def test_a_step_has_at_least_one_sequence() -> None:
    assert Phase(2048, 1.0, 8192).rows == 4
    assert Phase(2048, 1.0, 100).rows == 1


def test_shares_that_do_not_add_up_are_refused() -> None:
    with pytest.raises(ValueError, match="add up to 1"):
        read_phases("2048:0.5:1,32768:0.1:1")


def test_the_time_decides_the_phase() -> None:
    phases = read_phases("10:0.5:1,20:0.3:1,40:0.2:1")
    assert [phase_at(phases, done).length for done in (0.0, 0.49, 0.51, 0.79, 0.81, 1.0)] == [10, 10, 20, 20, 40, 40]


def test_the_rate_warms_up_and_falls_to_a_twentieth() -> None:
    assert learning_rate(1.0, step=0, done=0.0) == pytest.approx(0.01)
    assert learning_rate(1.0, step=500, done=0.0) == pytest.approx(1.0)
    assert learning_rate(1.0, step=500, done=1.0) == pytest.approx(0.05)


def test_a_repeated_passage_stands_earlier_in_the_same_row() -> None:
    torch = pytest.importorskip("torch", reason="training needs torch")
    from benchmarks.gpu.training import repeat_passages

    rows = torch.arange(200).repeat(3, 1) + 10
    changed = repeat_passages(rows, quote=3, span=9, tail=40)
    assert torch.equal(changed[:, :-40], rows[:, :-40])
    for row in changed[:, -40:].reshape(3, 4, 10):
        for passage in row.tolist():
            assert passage[0] == 3
            assert passage[1:] == list(range(passage[1], passage[1] + 9))
            assert 10 <= passage[1] <= 10 + 200 - 40 - 9


def test_passages_of_all_lengths_are_repeated_where_asked_for() -> None:
    torch = pytest.importorskip("torch", reason="training needs torch")
    from benchmarks.gpu.training import Sampler

    def lengths(spread: bool) -> set[int]:
        sampler = Sampler(torch.arange(10, 5_000, dtype=torch.int32), quote=3, spread=spread)
        found: set[int] = set()
        for _ in range(20):
            for row in sampler.draw(4, 1_024)[0]:
                marks = (row == 3).nonzero().flatten()
                found.update(marks.diff().tolist())
        return found

    assert lengths(spread=False) <= {49, 129}
    assert len(lengths(spread=True)) > 5
