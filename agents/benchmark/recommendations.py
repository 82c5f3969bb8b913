"""What to set because of what was measured."""

from collections.abc import Iterator, Sequence

from agents.benchmark.report import BenchmarkReport
from agents.engine.vllm.memory_plan import MIN_BATCH_TOKENS
from agents.settings import Settings

_WORTH_IT = 1.15
"""A setting is recommended where it is at least this much faster."""


def recommend(
    report: BenchmarkReport, settings: Settings, missing: Sequence[str], earlier: Sequence[BenchmarkReport]
) -> tuple[str, ...]:
    """Return recommendations for the settings.

    Args:
        report: What was measured.
        settings: What is in force.
        missing: Commands that would add a better engine.
        earlier: Reports of this machine that were kept.
    """
    if not report.engine.generative:
        return tuple(f"No language model answers here. To add one: `{command}`." for command in missing)
    return (*_memory_advice(report, settings), *_kv_dtype_advice(report, earlier))


def _memory_advice(report: BenchmarkReport, settings: Settings) -> Iterator[str]:
    """Yield what the KV cache and the GPU memory ask of the settings."""
    # Windows that do not fit the KV cache together push each other out of it.
    tokens = report.figure("kv_cache_tokens")
    window = min(settings.supervisor.window_tokens, report.engine.context_tokens or settings.supervisor.window_tokens)
    at_once = settings.supervisor.parallel_windows
    if tokens and (fitting := int(tokens // window)) < at_once:
        yield (
            f"The KV cache holds {tokens:,.0f} tokens, that is {fitting} windows of {window:,}, and {at_once} are read "
            f"at once: `READROOM_SUPERVISOR__PARALLEL_WINDOWS={max(1, fitting)}`."
        )
    cold, warm = report.series("ttft_cold_seconds"), dict(report.series("ttft_warm_seconds"))
    if cold and (again := warm.get(cold[-1][0])) and again > cold[-1][1] / 2:
        yield (
            f"A prefix of {cold[-1][0]:,} tokens takes {again:.2f} s the second time, {cold[-1][1]:.2f} s the first: "
            "the server's prefix cache seems to be off; start it with `--enable-prefix-caching`."
        )
    peak, budget = report.figure("gpu_peak_gib"), settings.engine.vram_budget_gib
    lower = max(MIN_BATCH_TOKENS, settings.engine.max_num_batched_tokens // 2)
    if peak and peak > budget and lower < settings.engine.max_num_batched_tokens:
        yield (
            f"The engine took {peak:.1f} GiB with a budget of {budget:.1f}: "
            f"`READROOM_ENGINE__MAX_NUM_BATCHED_TOKENS={lower}` needs less for activations."
        )


def _kv_dtype_advice(report: BenchmarkReport, earlier: Sequence[BenchmarkReport]) -> Iterator[str]:
    """Yield the KV dtypes that were faster in the latest report on the same model and GPU."""
    others = {
        other.engine.kv_cache_dtype: other
        for other in earlier
        if other.engine.model == report.engine.model
        and other.machine.gpus == report.machine.gpus
        and other.engine.kv_cache_dtype not in (None, report.engine.kv_cache_dtype)
    }
    for dtype, other in others.items():
        rates = dict(other.series("prefill_tokens_per_second"))
        for at, rate in reversed(report.series("prefill_tokens_per_second")):
            if at in rates and rates[at] > rate * _WORTH_IT:
                yield (
                    f"{dtype} prefilled {at:,} tokens {rates[at] / rate:.1f} times faster than "
                    f"{report.engine.kv_cache_dtype} on this machine ({other.date[:10]}): "
                    f"`READROOM_ENGINE__KV_CACHE_DTYPE={dtype}`."
                )
                break
