"""The memory that is planned, and that is taken."""

import json
from pathlib import Path

import pytest

from agents.engine.model_config import QWEN3_4B, ModelShape
from agents.engine.vllm import memory_plan
from agents.engine.vllm.hardware import Gpu
from agents.engine.vllm.launch import attempts, digest, environment
from agents.engine.vllm.memory_plan import MemoryMeter, MemoryPlan
from agents.errors import EngineError
from agents.settings import EngineSettings

GIB = 1024**3


def gpu(total: float, free: float | None = None, capability: tuple[int, int] = (8, 9)) -> Gpu:
    return Gpu(index=0, name="A card", total_gib=total, free_gib=total if free is None else free, capability=capability)


def test_a_token_of_qwen3_4b_takes_72_kib_in_fp8() -> None:
    assert QWEN3_4B.kv_bytes_per_token("fp8_e5m2") == 72 * 1024
    assert QWEN3_4B.kv_bytes_per_token("auto") == 144 * 1024


def test_the_official_fp8_checkpoint_has_about_4_gib_of_weights() -> None:
    assert 4.0 < QWEN3_4B.weight_bytes(fp8=True) / GIB < 4.2
    assert 7.4 < QWEN3_4B.weight_bytes(fp8=False) / GIB < 7.6


def test_embeddings_take_half_where_our_plugin_may_bring_them_into_fp8() -> None:
    halved = QWEN3_4B.weight_bytes(fp8=True) - QWEN3_4B.weight_bytes(fp8=True, fp8_embeddings=True)
    assert halved / GIB == pytest.approx(0.36, abs=0.01)
    ours = memory_plan.plan(EngineSettings(), [gpu(16)])
    older = memory_plan.plan(EngineSettings(), [gpu(16, capability=(8, 6))])
    without = memory_plan.plan(EngineSettings(own_kernels=False), [gpu(16)])
    assert older.weights_gib == without.weights_gib == pytest.approx(ours.weights_gib + halved / GIB)
    # Half of the vocabulary is no whole number of blocks.
    shared = memory_plan.plan(EngineSettings(tensor_parallel_size=2), [gpu(16), gpu(16)])
    assert shared.weights_gib == pytest.approx(without.weights_gib / 2)


def test_what_widens_the_cache_grows_with_its_kv_heads_and_is_shared_by_gpus() -> None:
    wide = QWEN3_4B.model_copy(update={"kv_heads": 32})

    def runtime(shape: ModelShape, gpus: int = 1) -> float:
        return memory_plan.plan(EngineSettings(tensor_parallel_size=gpus), [gpu(80)] * gpus, shape).runtime_gib

    assert runtime(wide) - runtime(QWEN3_4B) == pytest.approx(3 * memory_plan.STRETCHES_GIB)
    assert runtime(wide, gpus=4) == runtime(QWEN3_4B)


def test_a_whole_window_fits_where_14_5_gib_are_free() -> None:
    assert memory_plan.plan(EngineSettings(), [gpu(16, free=14.5)]).context_tokens == 131_072


@pytest.mark.parametrize("dtype", ["fp8_e5m2", "fp8_e4m3"])
def test_the_defaults_hold_a_whole_window_within_the_budget(dtype: str) -> None:
    plan = memory_plan.plan(EngineSettings(kv_cache_dtype=dtype), [gpu(15.99, 15.5)])
    assert plan.context_tokens == 131_072
    assert plan.kv_tokens >= 131_072
    assert plan.needed_gib <= 15.0
    assert plan.batch_tokens == 4_096
    assert plan.notes == ()


def test_sixteen_bits_hold_half_of_it_and_say_so() -> None:
    plan = memory_plan.plan(EngineSettings(kv_cache_dtype="auto"), [gpu(16)])
    assert 60_000 < plan.context_tokens < 75_000
    assert any("instead of 131,072" in note for note in plan.notes)


def test_a_tight_budget_shrinks_the_batch_before_the_context() -> None:
    roomy = memory_plan.plan(EngineSettings(), [gpu(80)])
    spare = (roomy.kv_tokens - roomy.context_tokens) * roomy.kv_bytes_per_token / GIB
    tight = memory_plan.plan(EngineSettings(vram_budget_gib=roomy.needed_gib - spare - 0.1), [gpu(80)])
    assert tight.context_tokens == 131_072
    assert tight.batch_tokens < 4_096


def test_what_others_hold_is_not_planned_with() -> None:
    plan = memory_plan.plan(EngineSettings(), [gpu(16, free=10)])
    assert plan.needed_gib <= 10
    assert 8_192 <= plan.context_tokens < 131_072
    assert "10.00 are free" in plan.notes[0]


@pytest.mark.parametrize("total", [8, 12, 16, 80])
def test_a_start_has_room_for_what_it_takes_beyond_the_plan(total: float) -> None:
    plan = memory_plan.plan(EngineSettings(), [gpu(total, free=7.5)])
    assert plan.needed_gib <= 7.5 - memory_plan.START_GIB
    assert plan.context_tokens >= 8_192


@pytest.mark.parametrize("total", [8, 12, 16, 80])
def test_vllm_does_not_ask_for_memory_that_its_own_context_has_taken_when_it_looks(total: float) -> None:
    free = 7.5
    plan = memory_plan.plan(EngineSettings(), [gpu(total, free=free)])
    assert plan.gpu_memory_utilization * total <= free - memory_plan.CONTEXT_GIB - 0.5
    assert plan.gpu_memory_utilization * total >= plan.weights_gib


def test_a_card_that_is_too_small_is_refused_with_the_numbers() -> None:
    with pytest.raises(EngineError, match=r"needs \d\.\d GiB for 8,192 tokens") as caught:
        memory_plan.plan(EngineSettings(), [gpu(4)])
    assert "READROOM_ENGINE__MODEL" in caught.value.hint


def test_a_card_that_is_taken_is_refused_with_how_much_to_free() -> None:
    with pytest.raises(EngineError, match=r"free 2\.0 of 16\.0") as caught:
        memory_plan.plan(EngineSettings(), [gpu(16, free=2)])
    assert "nvidia-smi" in caught.value.hint
    more = float(caught.value.hint.removeprefix("Free ").partition(" ")[0])
    assert memory_plan.plan(EngineSettings(), [gpu(16, free=2 + more + 0.1)]).context_tokens >= 8_192


def test_a_card_of_which_next_to_nothing_is_free_allows_nothing() -> None:
    with pytest.raises(EngineError, match=r"allows 0\.0 GiB"):
        memory_plan.plan(EngineSettings(), [gpu(16, free=0.05)])


def test_a_budget_that_is_too_small_is_refused_with_one_that_would_do() -> None:
    with pytest.raises(EngineError) as caught:
        memory_plan.plan(EngineSettings(vram_budget_gib=5), [gpu(80)])
    enough = float(caught.value.hint.rstrip(".").rpartition(" ")[2])
    assert memory_plan.plan(EngineSettings(vram_budget_gib=enough + 0.1), [gpu(80)]).context_tokens >= 8_192


def test_two_cards_share_the_model_and_the_cache() -> None:
    plan = memory_plan.plan(EngineSettings(tensor_parallel_size=2), [gpu(10), gpu(12)])
    assert plan.context_tokens == 131_072
    assert plan.weights_gib < 2.1
    with pytest.raises(EngineError, match="has 1 NVIDIA"):
        memory_plan.plan(EngineSettings(tensor_parallel_size=2), [gpu(10)])


def test_a_model_that_ends_earlier_ends_the_context() -> None:
    shape = QWEN3_4B.model_copy(update={"max_positions": 40_960})
    plan = memory_plan.plan(EngineSettings(), [gpu(16)], shape)
    assert plan.context_tokens == 40_960
    assert "itself ends at 40,960" in plan.notes[0]


def test_a_model_that_is_not_here_cannot_be_planned() -> None:
    with pytest.raises(EngineError, match=r"config\.json is not on this machine"):
        memory_plan.plan(EngineSettings(model="nobody/nothing"), [gpu(16)])


def test_the_plan_shows_where_the_memory_goes() -> None:
    plan = memory_plan.plan(EngineSettings(), [gpu(16)])
    shown = dict(plan.rows())
    assert shown["needed"] == f"{plan.needed_gib:.2f} GiB"
    assert shown["context"] == "131,072 tokens"


@pytest.mark.parametrize(
    ("most", "drafts", "sizes"),
    [(1, 0, (1,)), (6, 0, (1, 2, 4, 6)), (8, 0, (1, 2, 4, 8)), (4, 3, (1, 2, 4, 8, 16))],
)
def test_graphs_are_captured_for_small_batches(most: int, drafts: int, sizes: tuple[int, ...]) -> None:
    assert memory_plan.graph_sizes(EngineSettings(max_num_seqs=most, draft_tokens=drafts)) == sizes


def test_vllm_is_told_what_was_planned() -> None:
    settings = EngineSettings(extra_args=("--load-format", "dummy"))
    plan = memory_plan.plan(settings, [gpu(16)])
    ours, flashinfer, plain, *_ = attempts(settings, plan, [gpu(16)])
    words = " ".join(ours.arguments)
    assert f"--kv-cache-memory-bytes {plan.kv_cache_bytes}" in words
    assert "--max-model-len 131072" in words
    assert "--cudagraph-capture-sizes 1 2 4 8" in words
    assert "--quantization readroom_fp8_kernels" in words
    assert '"backend": "CUSTOM"' in words
    assert words.endswith("--enable-sleep-mode --load-format dummy")
    assert flashinfer.plugin
    assert flashinfer.kv_cache_dtype == "fp8_e5m2"
    assert '"backend": "FLASHINFER"' in " ".join(flashinfer.arguments)
    assert flashinfer.instead_of(ours) == "Readroom's kernels could not be had, vLLM's own are used"
    assert plain.kv_cache_dtype == "fp8_e4m3"
    assert not plain.plugin
    assert "CUSTOM" not in " ".join(plain.arguments)
    assert "--quantization fp8" in " ".join(plain.arguments)


def test_without_our_kernels_only_e5m2_needs_our_plugin() -> None:
    for dtype, name in (("fp8_e5m2", "readroom_fp8"), ("fp8_e4m3", "fp8"), ("auto", "fp8")):
        settings = EngineSettings(own_kernels=False, kv_cache_dtype=dtype)
        words = attempts(settings, memory_plan.plan(settings, [gpu(16)]))[0].arguments
        assert words[words.index("--quantization") + 1] == name


def test_e4m3_takes_our_kernels_and_starts_without_them_where_they_fail() -> None:
    settings = EngineSettings(kv_cache_dtype="fp8_e4m3")
    ours, plain, *_ = attempts(settings, memory_plan.plan(settings, [gpu(16)]), [gpu(16)])
    assert "readroom_fp8_kernels" in ours.arguments
    assert (plain.kv_cache_dtype, "fp8" in plain.arguments) == ("fp8_e4m3", True)


def test_drafts_are_looked_up_in_the_prompt_where_asked_for() -> None:
    settings = EngineSettings(draft_tokens=3)
    words = attempts(settings, memory_plan.plan(settings, [gpu(16)]))[0].arguments
    assert json.loads(words[words.index("--speculative-config") + 1])["num_speculative_tokens"] == 3
    assert (
        "--speculative-config"
        not in attempts(EngineSettings(), memory_plan.plan(EngineSettings(), [gpu(16)]))[0].arguments
    )


def test_an_engine_on_a_gpu_finds_the_plugin_and_keeps_its_kernels(tmp_path: Path) -> None:
    settings = EngineSettings()
    variables = environment(settings, memory_plan.plan(settings, [gpu(16)]), tmp_path)
    assert variables["READROOM_VLLM_KERNELS"] == "1"
    assert variables["VLLM_WORKER_MULTIPROC_METHOD"] == "fork"
    assert "TRITON_CACHE_DIR" in variables
    assert (tmp_path / "readroom_vllm_plugin" / "attention.py").exists()
    off = settings.model_copy(update={"own_kernels": False})
    assert "READROOM_VLLM_KERNELS" not in environment(off, memory_plan.plan(off, [gpu(16)]), tmp_path)
    assert "READROOM_VLLM_KERNELS" not in environment(settings, None, tmp_path)


def test_offloading_excludes_sleeping() -> None:
    settings = EngineSettings(kv_offload_gib=20)
    words = " ".join(attempts(settings, memory_plan.plan(settings, [gpu(16)]))[0].arguments)
    assert "--kv-offloading-size 20" in words
    assert "--enable-sleep-mode" not in words


def test_only_settings_that_change_the_engine_change_its_mark() -> None:
    assert digest(EngineSettings()) == digest(EngineSettings(idle_stop_seconds=1, vllm_command="/opt/vllm"))
    assert digest(EngineSettings()) != digest(EngineSettings(max_num_seqs=4))


def test_a_shape_is_read_from_a_config() -> None:
    shape = ModelShape.from_config(
        {
            "num_hidden_layers": 2, "hidden_size": 64, "intermediate_size": 128, "num_attention_heads": 4,
            "vocab_size": 100, "quantization_config": {"quant_method": "fp8"},
        }
    )  # fmt: skip
    assert (shape.kv_heads, shape.head_dim, shape.fp8_checkpoint) == (4, 16, True)


def reading(budget: float) -> MemoryMeter:
    return MemoryMeter(
        MemoryPlan(
            gpu="Test",
            total_gib=16.0,
            free_gib=15.5,
            budget_gib=budget,
            weights_gib=4.3,
            kv_cache_gib=9.0,
            activations_gib=0.8,
            graphs_gib=0.1,
            runtime_gib=0.8,
            kv_cache_dtype="fp8_e5m2",
            kv_bytes_per_token=73_728,
            context_tokens=131_072,
            kv_tokens=131_072,
            batch_tokens=4_096,
            gpu_memory_utilization=0.9,
        )
    )


def test_growth_past_the_budget_keeps_long_requests_waiting_until_it_falls() -> None:
    memory = reading(budget=15.0)

    assert [memory.over_budget(used) for used in (14.8, 15.4, 14.9)] == [False, True, False]


def test_an_engine_that_starts_above_its_plan_does_not_block_itself_for_ever() -> None:
    memory = reading(budget=15.0)

    assert [memory.over_budget(used) for used in (15.12, 15.12, 15.5)] == [False, False, True]


def test_without_a_gpu_there_is_no_budget() -> None:
    assert not MemoryMeter(None).over_budget(100.0)
