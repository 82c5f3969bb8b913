"""Spans over the OpenTelemetry API: silent unless the embedding program installs an SDK."""

from collections.abc import Generator
from contextlib import contextmanager

from opentelemetry import trace

_TRACER = trace.get_tracer("readroom")


@contextmanager
def span(name: str, **attributes: str | int | float | bool) -> Generator[trace.Span]:
    """Run the body inside a span; attributes never hold document text."""
    with _TRACER.start_as_current_span(name, attributes=attributes) as current:
        yield current
