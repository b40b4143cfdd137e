"""`make faults`: 50 switches and 10 rollbacks while clients ask, and not one request fails."""

from typing import Any

import pytest

from tests.faults.matrix.asker import Asker
from tests.faults.matrix.deployment import Deployment
from tests.faults.matrix.results import PROPERTY

pytestmark = [pytest.mark.cloud, pytest.mark.timeout(1500)]

SWITCHES, ROLLBACK_EVERY, CLIENTS = 50, 5, 3


def test_no_request_fails_while_releases_come_and_go(
    faulty: Any, functions: Any, record_property: Any
) -> None:
    deployment = Deployment(functions.bench.client, functions, faulty.pid)
    deployment.as_usual()
    # Longer than the pointer is cached: a wait is a fifth as long here.
    deployment.parameters = {"DrainSeconds": "10"}
    assert deployment.run(deployment.drop()).item["status"] == "live"
    clients = [Asker(deployment) for _ in range(CLIENTS)]
    try:
        for number in range(1, SWITCHES + 1):
            former = deployment.keep_live()
            assert deployment.run(deployment.drop()).item["status"] == "live"
            if number % ROLLBACK_EVERY == 0:
                back = deployment.run({"action": "rollback", "to": former}, as_it_is=True)
                assert back.item["status"] == "restored"
                assert deployment.live()["run_id"] == former
        told = [client.taken() for client in clients]
        failures = [bad for _, _, failed in told for bad in failed]
        figures = {
            "switches": SWITCHES,
            "rollbacks": SWITCHES // ROLLBACK_EVERY,
            "clients": CLIENTS,
            "questions": sum(good + paused + len(failed) for good, paused, failed in told),
            "failed": len(failures),
        }
        record_property(PROPERTY, ("switching", figures))
        assert failures == []
        assert all(good > SWITCHES for good, _, _ in told)
        assert not any(paused for _, paused, _ in told)
        assert deployment.leaks() == []
    finally:
        for client in clients:
            client.stop()
        for endpoint in deployment.standing()["endpoint"]:
            deployment.client("sagemaker").delete_endpoint(EndpointName=endpoint)
        deployment.bench.close()
