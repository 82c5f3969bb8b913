"""Training a small Qwen3 within a time limit: the schedule, the sequences drawn, the loop, the held-out loss."""

import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.gpu.attention_kernels import enable_attention

if TYPE_CHECKING:
    import torch
    from transformers import Qwen3ForCausalLM

    from benchmarks.gpu.corpus import Tokens

WARM_UP_STEPS = 100
LAST_SHARE_OF_RATE = 0.05
CLIP = 1.0
WAIT_EVERY = 8
"""Steps."""


SPANS = (48, 128, 384)
SHORT = 2_048
"""Tokens of a repeated passage, and of the longest sequence whose half may be such passages."""


class Phase(NamedTuple):
    """A part of the training time with sequences of one length.

    Args:
        length: Tokens of a sequence.
        share: Of the training time.
        step: Tokens of one step.
    """

    length: int
    share: float
    step: int

    @property
    def rows(self) -> int:
        """Return how many sequences make one step."""
        return max(1, self.step // self.length)


def read_phases(text: str) -> tuple[Phase, ...]:
    """Read "2048:0.5:32768,32768:0.5:65536": lengths, shares of the time, tokens of a step.

    Raises:
        ValueError: The shares do not add up to 1.
    """
    parts = [part.split(":") for part in text.split(",")]
    phases = tuple(Phase(int(length), float(share), int(step)) for length, share, step in parts)
    if not math.isclose(sum(phase.share for phase in phases), 1.0, abs_tol=1e-6):
        raise ValueError(f"The shares in --phases add up to {sum(p.share for p in phases)}; make them add up to 1.")
    return phases


def phase_at(phases: Sequence[Phase], done: float) -> Phase:
    """Return the phase that a fraction of the time falls into."""
    for phase in phases:
        done -= phase.share
        if done < 0:
            return phase
    return phases[-1]


def learning_rate(peak: float, step: int, done: float) -> float:
    """Return the rate: a linear warm-up by steps, then a cosine over the time, down to a twentieth of the peak."""
    cosine = 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))
    return peak * min(1.0, (step + 1) / WARM_UP_STEPS) * (LAST_SHARE_OF_RATE + (1 - LAST_SHARE_OF_RATE) * cosine)


@dataclass(frozen=True)
class Plan:
    """How to train.

    Args:
        minutes: The time for the loop; compiling comes before it.
        phases: The sequence lengths, in their order.
        rate: The highest learning rate.
        compiled: Compile the layers and the loss.
        log_every: Steps between two lines of progress.
    """

    minutes: float
    phases: tuple[Phase, ...]
    rate: float = 1.5e-3
    compiled: bool = True
    log_every: int = 50


def repeat_passages(rows: "torch.Tensor", quote: int, span: int, tail: int) -> "torch.Tensor":
    """Overwrite the end of each row with passages of its own text, each opened by the quote token.

    Args:
        rows: Tokens, one sequence to a row.
        quote: The token that opens a repeated passage.
        span: Tokens of each passage.
        tail: How many tokens at the end are overwritten.
    """
    import torch

    count, length = rows.shape
    passages = -(-tail // (span + 1))
    sources = torch.randint(0, length - tail - span, (count, passages), device=rows.device)
    place = torch.arange(tail, device=rows.device)
    within = place % (span + 1)
    copied = rows.gather(1, sources[:, place // (span + 1)] + (within - 1).clamp(min=0))
    changed = rows.clone()
    changed[:, -tail:] = torch.where(within == 0, quote, copied)
    return changed


class Sampler:
    """Draws sequences from the training text, half of them ending in repeated passages.

    Args:
        tokens: The training text, on the device that trains.
        quote: The token that opens a repeated passage.
        spread: Draw the passages' lengths from all that fit, rather than from SPANS: a model that has seen few lengths
            expects a passage to end there, and stops quoting.
    """

    def __init__(self, tokens: "torch.Tensor", quote: int, spread: bool = False, seed: int = 3) -> None:
        self._tokens = tokens
        self._quote = quote
        self._spread = spread
        self._source = random.Random(seed)

    def draw(self, rows: int, length: int) -> tuple["torch.Tensor", "torch.Tensor"]:
        """Return inputs and the tokens that follow them, rows x length each."""
        import torch

        device = self._tokens.device
        starts = torch.randint(0, len(self._tokens) - length - 1, (rows, 1), device=device)
        drawn = self._tokens[starts + torch.arange(length + 1, device=device)].long()
        # Early sequences are short and repeat much, since copying is learned last; long ones are mostly text.
        tail = length // 2 if length <= SHORT else length // 4
        repeated = repeat_passages(drawn, self._quote, self._span(length, tail), tail)
        chosen = torch.rand(rows, 1, device=device) < 0.5
        drawn = torch.where(chosen, repeated, drawn)
        return drawn[:, :-1].contiguous(), drawn[:, 1:].contiguous()

    def _span(self, length: int, tail: int) -> int:
        """Return how long the passages of a sequence are."""
        if self._spread:
            return round(math.exp(self._source.uniform(math.log(min(SPANS)), math.log(tail - 1))))
        return min(self._source.choice(SPANS), length // 8)


def hidden_states(model: "Qwen3ForCausalLM", tokens: "torch.Tensor") -> "torch.Tensor":
    """Run the layers; the residual stream is bf16, as it will be when the model is served."""
    import torch

    embedded = model.model.embed_tokens(tokens).to(torch.bfloat16)
    # A mask of None is what lets the attention run as a causal flash kernel.
    return model.model(
        inputs_embeds=embedded, attention_mask={"full_attention": None}, use_cache=False
    ).last_hidden_state


def token_losses(states: "torch.Tensor", weight: "torch.Tensor", targets: "torch.Tensor") -> "torch.Tensor":
    """Return each target's negative log-likelihood in nats."""
    import torch
    from torch.nn import functional

    logits = functional.linear(states.to(torch.bfloat16), weight.to(torch.bfloat16)).float()
    return functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")


class Trainer:
    """Trains one model.

    Args:
        model: A Qwen3ForCausalLM in float32, on the device.
        sampler: Draws the sequences.
        plan: How to train.
        device: "cuda" or "cpu".
    """

    def __init__(self, model: "Qwen3ForCausalLM", sampler: Sampler, plan: Plan, device: str) -> None:
        self._model = model
        self._sampler = sampler
        self._plan = plan
        self._device = device
        self._losses: Callable[..., torch.Tensor] = token_losses
        self._optimizer = _optimizer(model, plan.rate, device)

    def warm_up(self) -> dict[str, Any]:
        """Compile for every length before the clock starts; where that fails, go on with less and say so."""
        import torch

        began = time.monotonic()
        errors: list[str] = []
        if self._plan.compiled:
            # One graph serves all layers; a graph of the whole model would compile for a minute.
            for layer in self._model.model.layers:
                layer.compile(dynamic=False)
            self._losses = torch.compile(token_losses, dynamic=False)
        for retreat in (self._retreat_to_flash, self._retreat_to_eager, None):
            try:
                self._try_all_lengths()
                break
            except Exception as failure:
                if retreat is None:
                    raise
                errors.append(f"{type(failure).__name__}: {failure}"[:500])
                retreat()
        return {"compile_seconds": round(time.monotonic() - began, 1), "compile_errors": errors}

    def run(self) -> dict[str, Any]:
        """Train until the minutes are over; return what was done."""
        history: list[dict[str, float]] = []
        tokens = step = 0
        began = time.monotonic()
        while (done := (time.monotonic() - began) / (60 * self._plan.minutes)) < 1:
            phase = phase_at(self._plan.phases, done)
            loss = self._step(phase, learning_rate(self._plan.rate, step, done))
            tokens, step = tokens + phase.length * phase.rows, step + 1
            if step % WAIT_EVERY == 0:
                # The clock must measure steps that the device has done, not steps that wait in its queue.
                loss.item()
            if step % self._plan.log_every == 0 or step == 1:
                history.append(_progress(step, phase.length, tokens, began, loss.item()))
        return {
            "minutes": round((time.monotonic() - began) / 60, 2),
            "steps": step,
            "tokens": tokens,
            "last_training_loss": history[-1]["loss"],
            "history": history,
        }

    def _try_all_lengths(self) -> None:
        for phase in self._plan.phases:
            self._backward(phase)
            self._optimizer.zero_grad(set_to_none=True)

    def _retreat_to_flash(self) -> None:
        import torch

        torch.compiler.reset()
        enable_attention("flash", "math")

    def _retreat_to_eager(self) -> None:
        import torch

        torch.compiler.set_stance("force_eager")
        enable_attention("flash", "cudnn", "efficient", "math")

    def _step(self, phase: Phase, rate: float) -> "torch.Tensor":
        import torch

        for group in self._optimizer.param_groups:
            group["lr"] = rate
        loss = self._backward(phase)
        torch.nn.utils.clip_grad_norm_(self._model.parameters(), CLIP)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        return loss

    def _backward(self, phase: Phase) -> "torch.Tensor":
        import torch

        inputs, targets = self._sampler.draw(phase.rows, phase.length)
        with torch.autocast(self._device, torch.bfloat16):
            loss = self._losses(hidden_states(self._model, inputs), self._model.lm_head.weight, targets).mean()
        loss.backward()
        return loss.detach()


def held_out_losses(
    model: "Qwen3ForCausalLM", windows: "Tokens", context: int, scored: int, device: str
) -> list[float]:
    """Return each window's mean loss over its last `scored` tokens, seen behind `context` tokens in all."""
    import torch

    rows = torch.from_numpy(windows[:, -context:]).long().to(device)
    means: list[float] = []
    with torch.no_grad():
        for row in rows.split(max(1, 65_536 // context)):
            states = hidden_states(model, row)[:, -scored - 1 : -1]
            losses = token_losses(states, model.lm_head.weight, row[:, -scored:])
            means += losses.view(len(row), -1).mean(1).tolist()
    return means


def _optimizer(model: "Qwen3ForCausalLM", rate: float, device: str) -> "torch.optim.Optimizer":
    import torch

    matrices = [parameter for parameter in model.parameters() if parameter.ndim > 1]
    vectors = [parameter for parameter in model.parameters() if parameter.ndim == 1]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.95), fused=device == "cuda")


def _progress(step: int, length: int, tokens: int, began: float, loss: float) -> dict[str, float]:
    seconds = time.monotonic() - began
    print(f"step {step}  length {length}  {tokens / 1e6:.1f} M tokens  {seconds:.0f} s  loss {loss:.4f}", flush=True)
    return {"step": step, "length": length, "tokens": tokens, "seconds": round(seconds, 1), "loss": round(loss, 4)}
