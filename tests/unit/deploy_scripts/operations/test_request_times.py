"""What a request took, of the end of its log."""

import pytest

from deploy_scripts.operations.request_times import read_times


def test_the_phases_add_up_to_the_whole() -> None:
    log = (
        'START\n{"_aws": {}, "track": "live", "ModelLatency": [1]}\n'
        '{"_aws": {}, "FetchLatency": [10.0, 5.0], "PreprocessLatency": 1, "InvokeLatency": [20.0], '
        '"RequestLatency": [40.0]}\nREPORT\n'
    )
    times = read_times(log, round_trip_s=0.05)
    assert [each.took_ms for each in times.phases] == [15.0, 1.0, 20.0, 4.0, pytest.approx(10.0)]
    assert sum(each.took_ms for each in times.phases) == pytest.approx(times.round_trip_ms)


@pytest.mark.parametrize(
    "log",
    ["", '{"_aws": {', '"_aws"{[]}', '{"_aws": {}, "FetchLatency": ["x", null]}', "[" * 9000 + '"_aws"{'],
)
def test_a_log_that_tells_nothing_leaves_the_whole(log: str) -> None:
    times = read_times(log, round_trip_s=0.05)
    assert [each.took_ms for each in times.phases] == [50.0]
