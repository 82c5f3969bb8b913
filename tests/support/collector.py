"""A collector of spans: what OpenTelemetry's exporters send over HTTP, decoded by its own protocol's classes."""

import gzip
import threading
from http.server import BaseHTTPRequestHandler

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.support.local_server import LocalServer


class Collector(LocalServer):
    """Listens on a free port, and keeps every span and all that was sent."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.resources: list[dict[str, object]] = []
        self.processes: dict[bytes, object] = {}
        """By the id of each span, in which process it was."""
        self.sent = b""
        self.came = threading.Condition()
        outer = self

        class Bound(_Handler):
            collector = outer

        super().__init__(Bound)

    def named(self, name: str, trace_id: str = "", seconds: float = 60.0) -> list[Span]:
        """Wait for spans of this name, and of this trace where one is named, and return them."""

        def found() -> list[Span]:
            return [span for span in self.spans if span.name == name and trace_id in span.trace_id.hex()]

        with self.came:
            assert self.came.wait_for(found, seconds), name
            return found()


class _Handler(BaseHTTPRequestHandler):
    collector: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        body = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
        request = ExportTraceServiceRequest.FromString(body)
        with self.collector.came:
            self.collector.sent += body
            for resource in request.resource_spans:
                told = attributes(resource.resource)
                spans = [span for scope in resource.scope_spans for span in scope.spans]
                self.collector.resources.append(told)
                self.collector.processes.update({span.span_id: told["service.instance.id"] for span in spans})
                self.collector.spans.extend(spans)
            self.collector.came.notify_all()
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def attributes(of: object) -> dict[str, object]:
    """Return the attributes of a span or a resource."""
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in of.attributes}
