from benchmarks.gpu.log_gaps import log_gaps

LOG = """no stamp here
(APIServer pid=1) INFO 11-25 01:04:48 [api_utils.py:347] version 0.26.0
(EngineCore pid=2) INFO 11-25 01:04:49 [model.py:733] Starting to load model
(EngineCore pid=2) WARNING 11-25 01:05:19 [compile.py:12] torch.compile took 29 s
(EngineCore pid=2) INFO 11-25 01:05:20 [core.py:1] Capturing graphs
"""


def test_the_long_silences_of_a_start_are_told_with_what_stands_around_them() -> None:
    (gap,) = log_gaps(LOG)

    assert (gap["at_seconds"], gap["seconds"]) == (1.0, 30.0)
    assert (gap["after"], gap["before"]) == ("Starting to load model", "torch.compile took 29 s")


def test_a_start_over_new_year_runs_forward() -> None:
    log = "INFO 12-31 23:59:58 [a.py:1] a\nINFO 01-01 00:00:03 [b.py:1] b\n"

    assert [gap["seconds"] for gap in log_gaps(log)] == [5.0]


def test_a_log_without_times_has_no_gaps() -> None:
    assert log_gaps("nothing\n") == []
