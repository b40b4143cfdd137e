"""Erlang's formulas, Little's law and what goes with them.

a is the offered load in Erlangs: by Little's law (L = lambda W) the mean number of requests in service, the
rate times the mean service time. Sources: A. K. Erlang, "Solution of some problems in the theory of
probabilities of significance in automatic telephone exchanges" (1917); J. D. C. Little, "A proof for the
queuing formula L = lambda W", Operations Research 9 (1961).
"""

import math


def offered_load(per_minute: float, service_s: float) -> float:
    """Erlangs, by Little's law."""
    return per_minute / 60 * service_s


def erlang_b(servers: int, load: float) -> float:
    """Share of requests that find every server busy and are refused, however service times are distributed.

    Lambda queues no synchronous request, so this is what it throttles at a cap of `servers`. By the usual
    recursion, which neither overflows nor cancels.
    """
    blocked = 1.0
    for count in range(1, servers + 1):
        blocked = load * blocked / (count + load * blocked)
    return blocked


def erlang_c(servers: int, load: float) -> float:
    """Share of requests that wait where a queue takes them (M/M/c); 1 at full load and above."""
    if load >= servers:
        return 1.0
    blocked = erlang_b(servers, load)
    return blocked / (1 - load / servers * (1 - blocked))


def mean_wait(servers: int, load: float, service_s: float) -> float:
    """Seconds in the queue of M/M/c, on the average of all requests; infinite at full load."""
    if load >= servers:
        return math.inf
    return erlang_c(servers, load) * service_s / (servers - load)


def blocked_share(servers: int, load: float, peakedness: float) -> float:
    """Erlang B for arrivals in bursts: `peakedness` is variance over mean of the busy servers, 1 for Poisson.

    Hayward's approximation: A. A. Fredericks, "Congestion in blocking systems - a simple approximation
    technique", Bell System Technical Journal 59 (1980). A part of a server counts as none.
    """
    return erlang_b(math.floor(servers / peakedness), load / peakedness)


def servers_for(load: float, peakedness: float, most_blocked: float) -> int:
    """The fewest servers at which at most this share is refused."""
    # The square-root rule, load + k sqrt(load), is where the search begins; the recursion says the rest.
    servers = max(1, math.floor(load))
    while blocked_share(servers, load, peakedness) > most_blocked:
        servers += max(1, servers // 64)
    while servers > 1 and blocked_share(servers - 1, load, peakedness) <= most_blocked:
        servers -= 1
    return servers


def load_for(servers: int, blocked: float) -> float:
    """The load at which Erlang B gives this share; the inverse of erlang_b, by halving."""
    low, high = 0.0, float(servers + 1)
    while erlang_b(servers, high) < min(blocked, 0.999):
        high *= 2
    for _ in range(50):
        middle = (low + high) / 2
        if erlang_b(servers, middle) < blocked:
            low = middle
        else:
            high = middle
    return high


def mean_busy_of(servers: int, load: float) -> float:
    """How many of the first `servers` are busy on the average, where none is refused: E[min(N, servers)].

    N, the requests in service, is Poisson with mean `load` (M/G/infinity).
    """
    if servers <= 0:
        return 0.0
    if load > 500:  # exp(-load) underflows; N hardly differs from a normal variable
        return _mean_busy_normal(servers, load)
    busy, at_most, term = 0.0, 0.0, math.exp(-load)
    for count in range(servers):
        at_most += term
        busy += max(0.0, 1 - at_most)
        term *= load / (count + 1)
    return busy


def _mean_busy_normal(servers: int, load: float) -> float:
    z = (servers - load) / math.sqrt(load)
    density = math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    below = 0.5 * math.erfc(-z / math.sqrt(2))
    return load - math.sqrt(load) * (density - z * (1 - below))
