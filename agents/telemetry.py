"""What is told of the work, as figures and as spans over the OpenTelemetry API; and no other tracing.

It is silent unless `agents.exporters` has installed an SDK, which only a server over HTTP does. Nobody's name, no
document's, no question and no answer is in it: labels and attributes are words of ours, counts, and the model's name.
"""

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from typing import Any, cast
from urllib.parse import urlsplit

from opentelemetry import context, metrics, trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from agents.schema import Usage

Attribute = str | int | float | bool
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0)
"""Bounds of the histograms: from an answer that is ready to a long analysis, three for each power of ten."""
_FLUSH_SECONDS = 3.0
"""Less than what Docker grants a container that is to end, beside the answers in flight."""
_TRACER = trace.get_tracer("readroom")
_METER = metrics.get_meter("readroom")
_FIELDS = TraceContextTextMapPropagator()
"""Of the trace alone: a client's baggage is none of the engine's business."""


def _seconds(name: str, description: str) -> metrics.Histogram:
    return _METER.create_histogram(name, "s", description, explicit_bucket_boundaries_advisory=_SECONDS)


CALLS = _METER.create_counter("readroom.calls", description="Calls of tools, by how they ended.")
CALL_SECONDS = _seconds("readroom.call", "How long calls of tools took.")
REFUSED = _METER.create_counter("readroom.refused", description="Calls that were refused for too much work.")
RUNS = _METER.create_up_down_counter("readroom.runs", description="Questions and analyses that are worked on.")
RUN_SECONDS = _seconds("readroom.run", "How long questions and analyses were worked on.")
WAITING = _METER.create_up_down_counter("readroom.waiting", description="Pieces of work that wait for their turn.")
CLAIMS = _METER.create_counter(
    "readroom.claims", description="Drafted claims; those without a quote that bears them out are dropped."
)
ENGINE_SECONDS = _seconds("readroom.engine.request", "How long requests to the engine took.")
ENGINE_TOKENS = _METER.create_counter(
    "readroom.engine.tokens", description="Tokens of prompts, those of them that were cached, and of answers."
)
PARSE_SECONDS = _seconds("readroom.document.parse", "How long parsing a document took.")
DATABASE_ERRORS = _METER.create_counter("readroom.database.errors", description="What a database could not do.")


@contextmanager
def span(name: str, kind: trace.SpanKind = trace.SpanKind.INTERNAL, **attributes: Attribute) -> Generator[trace.Span]:
    """Run the body inside a span. Of what it raises only the type is told: messages name documents."""
    with _TRACER.start_as_current_span(
        name, kind=kind, attributes=attributes, record_exception=False, set_status_on_exception=False
    ) as current:
        try:
            yield current
        except BaseException as error:
            current.set_attribute("error.type", type(error).__qualname__)
            current.set_status(trace.StatusCode.ERROR)
            raise


def carrier() -> dict[str, str]:
    """Return the fields by which another process goes on with the current span; none where nothing is recorded.

    As headers of a request they are what its receiver goes on with.
    """
    fields: dict[str, str] = {}
    if trace.get_current_span().is_recording():
        _FIELDS.inject(fields)
    return fields


@contextmanager
def continued(fields: Mapping[str, str]) -> Generator[None]:
    """Have the body's spans go on with the span that the fields name, if they name one."""
    token = context.attach(_FIELDS.extract(fields, context.get_current()))
    try:
        yield
    finally:
        context.detach(token)


def flush() -> None:
    """Send the spans that are left, for some seconds at most: a process that a signal ends does so by nothing else."""
    if send := getattr(trace.get_tracer_provider(), "force_flush", None):
        # It waits for a collector that does not answer longer than it is told to.
        sending = threading.Thread(target=send, daemon=True)
        sending.start()
        sending.join(_FLUSH_SECONDS)


@contextmanager
def running(task: str) -> Generator[None]:
    """Tell of the body as a question or an analysis that is worked on."""
    labels = {"task": task}
    RUNS.add(1, labels)
    try:
        with _timed(RUN_SECONDS, **labels):
            yield
    finally:
        RUNS.add(-1, labels)


@asynccontextmanager
async def turn(turns: asyncio.Semaphore, what: str) -> AsyncGenerator[None]:
    """Wait for a turn, and have it inside the body.

    Args:
        turns: Of which one is taken.
        what: The turns' name, by which those that wait are counted.
    """
    WAITING.add(1, {"turn": what})
    try:
        await turns.acquire()
    finally:
        WAITING.add(-1, {"turn": what})
    try:
        yield
    finally:
        turns.release()


def judged(drafted: int, stands: int) -> None:
    """Tell how many claims were drafted, and how many of them stand."""
    CLAIMS.add(stands, {"outcome": "stands"})
    CLAIMS.add(drafted - stands, {"outcome": "dropped"})


def parsing() -> AbstractContextManager[None]:
    """Tell of the body as the parsing of a document."""
    return _timed(PARSE_SECONDS)


@contextmanager
def engine_request(model: str, url: str, max_tokens: int) -> Generator[Callable[[Usage], None]]:
    """Tell of the body as a request to a model, and yield what is to be told its usage.

    The attributes are those of OpenTelemetry's conventions for generative models.
    """
    address = urlsplit(url)
    attributes: dict[str, Attribute] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": model,
        "gen_ai.request.max_tokens": max_tokens,
        "server.address": address.hostname or "",
        "server.port": address.port or (443 if address.scheme == "https" else 80),
    }
    with (
        _timed(ENGINE_SECONDS),
        span(f"chat {model}", trace.SpanKind.CLIENT, **attributes) as current,
    ):

        def tell(usage: Usage) -> None:
            current.set_attribute("gen_ai.usage.input_tokens", usage.prompt_tokens)
            current.set_attribute("gen_ai.usage.cache_read.input_tokens", usage.cached_tokens)
            current.set_attribute("gen_ai.usage.output_tokens", usage.completion_tokens)
            ENGINE_TOKENS.add(usage.prompt_tokens, {"kind": "prompt"})
            ENGINE_TOKENS.add(usage.cached_tokens, {"kind": "cached"})
            ENGINE_TOKENS.add(usage.completion_tokens, {"kind": "completion"})

        yield tell


def untraced() -> AbstractContextManager[None]:
    """Keep questions and prompts from LangSmith's tracing service, whatever the environment has switched on."""
    import langsmith

    return cast("Any", langsmith).tracing_context(enabled=False)


@contextmanager
def _timed(histogram: metrics.Histogram, **labels: str) -> Generator[None]:
    """Record how long the body takes, and how it ends: "done", or with an error of this type."""
    started, outcome = time.perf_counter(), "done"
    try:
        yield
    except BaseException as error:
        outcome = type(error).__name__
        raise
    finally:
        histogram.record(time.perf_counter() - started, {**labels, "outcome": outcome})
