"""What the endpoint counts, as /metrics shows it to Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)
_SIZES = (1, 2, 4, 8, 12, 16)


class Metrics:
    """The endpoint's counters; one registry a server, so that servers in one process do not mix."""

    content_type = "text/plain; version=0.0.4; charset=utf-8"

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "serve_requests", "Answered requests by HTTP status.", ["status"], registry=self.registry
        )
        self.dropped = Counter(
            "serve_dropped", "Requests that were not computed, by reason.", ["reason"], registry=self.registry
        )
        self.latency = Histogram(
            "serve_latency_seconds",
            "From a request's headers to its answer.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.waiting = Histogram(
            "serve_waiting_seconds",
            "From the last byte of a batch's oldest request to its worker.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.compute = Histogram(
            "serve_batch_seconds",
            "Decoding and model, for one batch.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.batch_size = Histogram(
            "serve_batch_size",
            "Requests that were computed together.",
            buckets=_SIZES,
            registry=self.registry,
        )
        self.in_system = Gauge(
            "serve_requests_in_system", "Requests that wait or are computed.", registry=self.registry
        )
        self.workers = Gauge("serve_workers_ready", "Workers that answer.", registry=self.registry)
        self.replaced = Counter(
            "serve_workers_replaced", "Workers that ended and were replaced.", registry=self.registry
        )

    def text(self) -> bytes:
        """All of it in Prometheus' text format."""
        return generate_latest(self.registry)
