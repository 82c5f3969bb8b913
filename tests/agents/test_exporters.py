from pathlib import Path

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from agents import telemetry
from agents.exporters import WordlessExporter, figures
from agents.jobs.window_cache import WindowCache


def test_what_an_error_says_is_left_out_of_a_span_of_any_library() -> None:
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(WordlessExporter(kept)))

    with (
        pytest.raises(ValueError, match="secret"),
        provider.get_tracer("other").start_as_current_span("work", kind=SpanKind.SERVER, attributes={"pages": 3}),
    ):
        raise ValueError("secret.pdf cannot be read")

    (span,) = kept.get_finished_spans()
    assert (span.name, span.kind, dict(span.attributes), span.events) == ("work", SpanKind.SERVER, {"pages": 3}, ())
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, None)
    assert "secret" not in span.to_json()


async def test_what_a_database_could_not_do_is_counted(tmp_path: Path) -> None:
    labels = {"database": "results"}
    registry = figures()
    before = registry.get_sample_value("readroom_database_errors_total", labels) or 0
    (tmp_path / "runs.db").write_bytes(b"This is no database." * 100)
    results = WindowCache(tmp_path)
    await results.put("key", "{}")
    await results.close()

    assert registry.get_sample_value("readroom_database_errors_total", labels) == before + 1


def test_nothing_is_handed_on_where_nothing_is_recorded() -> None:
    named = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}

    with telemetry.continued(named), telemetry.span("work"):
        assert telemetry.carrier() == {}
