"""Where what `agents.telemetry` tells goes: spans to a collector, figures to whoever scrapes them.

Imported only where either is asked for: it needs the extra `telemetry`.
"""

import importlib.metadata
from collections.abc import Sequence
from functools import cache

from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Status
from prometheus_client import CollectorRegistry, ProcessCollector
from typing_extensions import override


@cache
def export_spans() -> None:
    """Send spans to the collector that the environment names by OpenTelemetry's own variables, from now on."""
    provider = TracerProvider(resource=_resource())
    provider.add_span_processor(BatchSpanProcessor(WordlessExporter(OTLPSpanExporter())))
    trace.set_tracer_provider(provider)


@cache
def figures() -> CollectorRegistry:
    """Collect figures from now on, and return what Prometheus's own client serves them from."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    reader = PrometheusMetricReader(scope_info_enabled=False, registry=registry)
    metrics.set_meter_provider(MeterProvider([reader], _resource()))
    return registry


class WordlessExporter(SpanExporter):
    """Leaves out of every span, whoever made it, what an error said: it may name a document, or quote it.

    Args:
        exporter: Is given the rest.
    """

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    @override
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send spans."""
        return self._exporter.export([_without_words(span) for span in spans])

    @override
    def shutdown(self) -> None:
        """Close the exporter."""
        self._exporter.shutdown()

    @override
    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Have the exporter send what it still holds."""
        return self._exporter.force_flush(timeout_millis)


def _without_words(span: ReadableSpan) -> ReadableSpan:
    return ReadableSpan(
        span.name,
        span.context,
        span.parent,
        span.resource,
        span.attributes,
        links=span.links,
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _resource() -> Resource:
    """Return what is told of the server: what OpenTelemetry's variables say of it, its version, and some name."""
    named = Resource.create({"service.version": importlib.metadata.version("readroom")})
    unnamed = str(named.attributes["service.name"]).startswith("unknown_service")
    return named.merge(Resource({"service.name": "readroom"})) if unnamed else named
