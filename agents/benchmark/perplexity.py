"""How well the engine predicts a text: what its settings cost in quality, without any judge."""

import hashlib
import math
from collections.abc import AsyncIterator, Sequence

from agents.benchmark.made_documents import prose
from agents.benchmark.report import Figure
from agents.benchmark.serving import Serving
from agents.engine.vllm.hardware import read_gpus
from agents.errors import EngineError

CONTEXTS = (2_048, 8_192, 32_768)
_BYTES_PER_LOGIT = 4
_COPIES = 3
"""vLLM holds the logits of a batch, their softmax and a sorted copy while it gives log-probabilities."""
_GIB = 1024**3


async def measure_perplexity(
    serving: Serving, text: str, *, vocabulary: int | None = None, batch_tokens: int = 4_096
) -> AsyncIterator[Figure]:
    """Yield the perplexity of a text at growing contexts: exp of minus the mean log-probability of its tokens.

    Args:
        serving: The engine.
        text: What is predicted; the longest context that it fills is the last.
        vocabulary: Of the model; with it the GPU memory that log-probabilities take is checked first.
        batch_tokens: Tokens that the engine computes at once.

    Raises:
        EngineError: The engine gives no log-probabilities of a prompt, or has no memory for them.
    """
    _check_memory(vocabulary, batch_tokens)
    tokens = await serving.client.tokens(text)
    for length in (context for context in CONTEXTS if context <= min(len(tokens), serving.context_tokens - 1)):
        serving.say(f"Predicting {length:,} tokens")
        given = await serving.client.log_probabilities(tokens[:length])
        yield Figure(
            key="perplexity",
            name="Perplexity of the documents' text, tokens of context",
            at=length,
            value=math.exp(-sum(given) / len(given)),
            unit="",
            how=f"exp of minus the mean log-probability of {len(given):,} tokens, given by the engine.",
        )


def reading_text(texts: Sequence[str], characters: int = 400_000) -> str:
    """Return the text whose perplexity is measured: the documents', or made prose where there are none."""
    joined = "\n\n".join(texts)[:characters]
    if joined:
        return joined
    sentences = prose(seed=3)
    return " ".join(next(sentences) for _ in range(3_000))


def digest(text: str) -> str:
    """Return what tells texts apart: only figures of the same text can be compared."""
    return hashlib.sha256(text.encode()).hexdigest()


def _check_memory(vocabulary: int | None, batch_tokens: int) -> None:
    gpus = read_gpus()
    needed = (vocabulary or 0) * batch_tokens * _BYTES_PER_LOGIT * _COPIES / _GIB
    if gpus and needed > gpus[0].free_gib:
        raise EngineError(
            f"The log-probabilities of a prompt need {needed:.1f} GiB of GPU memory; {gpus[0].free_gib:.1f} are free.",
            hint="Lower READROOM_ENGINE__MAX_NUM_BATCHED_TOKENS, or measure on a GPU with more memory.",
        )
