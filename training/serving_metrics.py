"""What the endpoint counts, as /metrics shows it to Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)
_SIZES = (1, 2, 4, 8, 12, 16)
# So many are kept before they are counted, together: one by one, each would take several times as long,
# because the model has emptied the processor's caches meanwhile.
_KEPT = 64


class Metrics:
    """The endpoint's counters; one registry a server, so that servers in one process do not mix."""

    content_type = b"text/plain; version=0.0.4; charset=utf-8"

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._answers: list[tuple[int, float]] = []
        self._batches: list[tuple[float, float, int]] = []
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

    def note_answer(self, status: int, latency_s: float) -> None:
        """A request was answered."""
        self._answers.append((status, latency_s))
        if len(self._answers) >= _KEPT:
            self._count()

    def note_batch(self, waited_s: float, seconds: float, size: int) -> None:
        """A worker has computed a batch."""
        self._batches.append((waited_s, seconds, size))
        if len(self._batches) >= _KEPT:
            self._count()

    def _count(self) -> None:
        for status, latency_s in self._answers:
            self.requests.labels(status).inc()
            self.latency.observe(latency_s)
        for waited_s, seconds, size in self._batches:
            self.waiting.observe(waited_s)
            self.compute.observe(seconds)
            self.batch_size.observe(size)
        self._answers.clear()
        self._batches.clear()

    def text(self) -> bytes:
        """All of it in Prometheus' text format."""
        self._count()
        return generate_latest(self.registry)
