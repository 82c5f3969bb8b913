"""Spans over the OpenTelemetry API, silent unless the embedding program installs an SDK; and no other tracing."""

from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, cast

from opentelemetry import trace

_TRACER = trace.get_tracer("readroom")


@contextmanager
def span(name: str, **attributes: str | int | float | bool) -> Generator[trace.Span]:
    """Run the body inside a span; attributes never hold document text."""
    with _TRACER.start_as_current_span(name, attributes=attributes) as current:
        yield current


def untraced() -> AbstractContextManager[None]:
    """Keep questions and prompts from LangSmith's tracing service, whatever the environment has switched on."""
    import langsmith

    return cast("Any", langsmith).tracing_context(enabled=False)
