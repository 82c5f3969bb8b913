"""Reading vLLM's log."""

import pytest

from agents.engine.vllm import startup_log

START = """(APIServer pid=1) INFO 11-23 15:48:09 [api_utils.py:347] vLLM API server version 0.32.0
(EngineCore pid=2) INFO 11-23 15:48:28 [core.py:133] Initializing a V1 LLM engine (v0.32.0) with config: model='m'
(Worker pid=3) INFO 11-23 15:48:38 [cpu_model_runner.py:68] Starting to load model m...
"""


def test_the_furthest_step_is_told() -> None:
    assert startup_log.stage("") is None
    assert startup_log.stage(START).message == "loading weights"  # type: ignore[union-attr]
    more = START + "(Worker pid=3) INFO [monitor.py:53] torch.compile takes 66.41 s in total\n"
    assert startup_log.stage(more).message == "compiling"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("ValueError: fp8_e5m2 kv-cache is not supported with fp8 checkpoints.", "ValueError: fp8_e5m2 kv-cache"),
        ("(EngineCore pid=9) ERROR [core.py:1] torch.OutOfMemoryError: CUDA out of memory.", "OutOfMemoryError: CUDA"),
        ("(Worker pid=9) ERROR 11-23 [x.py:953] RuntimeError: \x1b[0;36mno kernel\x1b[0m", "RuntimeError: no kernel"),
        (
            "ValidationError: 1 validation error for ModelConfig\n  Value error, Unknown method: x. [type=value_error]",
            "ValidationError: 1 validation error for ModelConfig Value error, Unknown method: x.",
        ),
    ],
)
def test_the_cause_of_a_failure_is_one_line(line: str, reason: str) -> None:
    log = START + line + "\nRuntimeError: Engine core initialization failed. See root cause above.\n"
    found = startup_log.root_cause(log)
    assert found is not None
    assert found.startswith(reason)
    assert "\n" not in found


@pytest.mark.parametrize("log", [START, ""])
def test_a_log_without_an_error_has_no_cause(log: str) -> None:
    assert startup_log.root_cause(log) is None


def test_the_plugin_is_blamed_for_what_it_computes_and_not_for_the_cache_that_is_made_through_it() -> None:
    frame = '  File "/data/plugin/readroom_vllm_plugin/{}.py", line 41, in run\nRuntimeError: no room\n'

    assert startup_log.plugin_failed(START + frame.format("attention"))
    assert not startup_log.plugin_failed(START + frame.format("memory"))


def test_only_trouble_with_the_cache_is_answered_with_another_dtype() -> None:
    assert startup_log.kv_cache_rejected("ValueError: fp8_e5m2 kv-cache is not supported with fp8 checkpoints.")
    assert startup_log.kv_cache_rejected("The dtype of q torch.float8_e4m3fn does not match the q_data_type")
    assert startup_log.kv_cache_rejected("RuntimeError: Could not find nvcc and default cuda_home=...")
    assert startup_log.kv_cache_rejected("RuntimeError: Ninja build failed. Ninja output:")
    assert not startup_log.kv_cache_rejected("OutOfMemoryError: CUDA out of memory.")
