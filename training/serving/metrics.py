"""What the server counts, as /metrics shows it to Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)


class Metrics:
    """The server's counters; one registry a server, so that servers in one process do not mix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        own = self.registry
        self.requests = Counter(
            "serve_requests", "Answered requests by HTTP status.", ["status"], registry=own
        )
        self.dropped = Counter("serve_dropped", "Requests not computed, by reason.", ["reason"], registry=own)
        self.in_system = Gauge("serve_requests_in_system", "Waiting or being computed.", registry=own)
        self.latency = Histogram(
            "serve_latency_seconds", "From a request's headers to its answer.", buckets=_SECONDS, registry=own
        )
        self.compute = Histogram(
            "serve_compute_seconds", "A turn on a thread, of a few photos.", buckets=_SECONDS, registry=own
        )
