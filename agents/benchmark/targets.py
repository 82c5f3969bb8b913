"""The specification's targets, and what was measured judged against them."""

from collections.abc import Sequence
from typing import Literal

from agents.benchmark.report import Measurement, Row
from agents.schema import EngineInfo, Frozen

Needs = Literal["nothing", "model", "gpu"]
CARD_GIB = 16.0
"""What is sold as a card of 16 GB has 16 GiB."""
DECODE_RATES, PREFILL_RATES = (100, 160), (800, 1_300)
"""Tokens a second that the specification asks for; the lower ones are to be reached."""
OVERHEAD_MS = 200


class Target(Frozen):
    """One target of the specification: the figure it judges, and the bound to meet."""

    name: str
    text: str
    key: str
    unit: str
    bound: float
    direction: Literal["at least", "under", "at most"]
    needs: Needs
    at: int | None = None
    unmeasured: str = "Not measured by this suite, or not possible here: see the notes."

    def meets(self, value: float) -> bool:
        """Whether a value is on the right side of the bound."""
        match self.direction:
            case "at least":
                return value >= self.bound
            case "under":
                return value < self.bound
            case "at most":
                return value <= self.bound

    def judge(self, figures: Sequence[Measurement], engine: EngineInfo, *, on_gpu: bool) -> Row:
        """Judge the worst of the figures that the target is about."""
        measured = [figure for figure in figures if figure.key == self.key and self.at in (None, figure.at)]
        measured.sort(key=lambda figure: figure.value, reverse=self.direction != "at least")
        worst = measured[0] if measured else None
        why = _not_applicable(self.needs, engine, on_gpu=on_gpu)
        if why is None and worst is None:
            why = self.unmeasured
        return Row(
            name=self.name,
            target=self.text,
            measured=worst.value if worst else None,
            unit=self.unit,
            met="not applicable" if why or worst is None else "met" if self.meets(worst.value) else "not met",
            how=worst.how if worst else "",
            why=why or "",
        )


def judge(figures: Sequence[Measurement], engine: EngineInfo, *, on_gpu: bool) -> tuple[Row, ...]:
    """Judge what was measured against every target of the specification.

    Args:
        figures: What was measured; of several with one key the worst counts.
        engine: What answered.
        on_gpu: Whether the engine computes on an NVIDIA GPU of this machine.
    """
    why = _not_applicable("model", engine, on_gpu=False)
    if why is None and engine.kv_cache_dtype is None:
        why = "The engine does not say."
    configured = engine.kv_cache_dtype == "fp8_e5m2"
    kv_cache_format = Row(
        name="KV cache format",
        target="FP8 E5M2",
        measured=engine.kv_cache_dtype,
        unit="",
        met="not applicable" if why else "met" if configured else "not met",
        how="What the engine was started with.",
        why=why or ("" if configured else "READROOM_ENGINE__KV_CACHE_DTYPE=fp8_e5m2 sets it."),
    )
    return (*(target.judge(figures, engine, on_gpu=on_gpu) for target in TARGETS), kv_cache_format)


def _not_applicable(needs: Needs, engine: EngineInfo, *, on_gpu: bool) -> str | None:
    """Return why a target does not apply here, or None where it does."""
    if needs == "nothing":
        return None
    if not engine.generative:
        return f"The {engine.name} engine runs no language model."
    if needs == "gpu" and not on_gpu:
        return "The target is for a GPU; this engine computes without one that NVML sees on this machine."
    return None


def _rate(name: str, key: str, rates: tuple[int, int], at: int | None = None) -> Target:
    """Return a target of speed: of the two rates the lower one is to be reached."""
    lower, upper = rates
    text, unit = f"{lower:,} to {upper:,} tok/s", "tok/s"
    return Target(name=name, text=text, key=key, at=at, unit=unit, bound=lower, direction="at least", needs="gpu")


TARGETS = (
    _rate("Decode, one stream", "decode_tokens_per_second", DECODE_RATES, at=1),
    _rate("Decode under a JSON schema, one stream", "schema_decode_tokens_per_second", DECODE_RATES, at=1),
    _rate("Prefill, slowest context measured", "prefill_tokens_per_second", PREFILL_RATES),
    Target(
        name="GPU memory at peak",
        text="under 16 GB",
        key="gpu_peak_gib",
        unit="GiB",
        bound=CARD_GIB,
        direction="under",
        needs="gpu",
    ),
    Target(
        name="Context",
        text="131,072 tokens",
        key="context_tokens",
        unit="tokens",
        bound=131_072,
        direction="at least",
        needs="model",
    ),
    Target(
        name="KV cache memory beside 16 bits",
        text="half",
        key="kv_to_bf16",
        unit="of bf16",
        bound=0.505,
        direction="at most",
        needs="model",
    ),
    Target(
        name="Coordination overhead, 95 of 100 answers",
        text=f"under {OVERHEAD_MS} ms",
        key="overhead_p95_ms",
        unit="ms",
        bound=OVERHEAD_MS,
        direction="under",
        needs="nothing",
    ),
    Target(
        name="Perplexity lost to FP8",
        text="under 1 %",
        key="perplexity_loss_percent",
        unit="%",
        bound=1.0,
        direction="under",
        needs="model",
        unmeasured="Not measured: it takes two reports of the suite `quality` on the same documents, one with "
        "READROOM_ENGINE__KV_CACHE_DTYPE=auto.",
    ),
)
