"""A client that asks the live model all the while."""

import base64
import json
import threading
from contextlib import suppress
from dataclasses import dataclass, field

from tests.faults.matrix.deployment import CLASSES
from tests.faults.support.acceptance_sample import PHOTO
from tests.faults.support.workflow_stage import Stage
from tests.support.waiting import wait_until

_ASK_EVERY_S = 0.7
_ANSWER_LIMIT_S = 15


@dataclass
class Asker:
    """Asks the live model for a photo again and again; keeps every answer but the expected one."""

    deployment: Stage
    good: int = 0
    paused: int = 0
    bad: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()

    def taken(self) -> tuple[int, int, list[str]]:
        """Good and paused answers and the other ones, since this was asked before."""
        taken = self.good, self.paused, self.bad
        self.good, self.paused, self.bad = 0, 0, []
        return taken

    def until_answered(self) -> bool:
        """Whether a good answer comes within seconds, where none has come since they were taken."""
        with suppress(AssertionError):
            wait_until(lambda: self.good, timeout_s=_ANSWER_LIMIT_S)
        return self.good > 0

    def until_asked(self, times: int) -> None:
        """Wait until so many answers have come since they were taken."""
        wait_until(lambda: self.good + self.paused + len(self.bad) >= times, timeout_s=60)

    def _ask(self) -> None:
        deployment = self.deployment
        photo = deployment.client("s3").get_object(Bucket=deployment.name, Key=PHOTO)["Body"].read()
        question = json.dumps({"image": base64.b64encode(photo).decode(), "top_k": 1})
        functions = deployment.client("lambda")
        while not self._over.wait(_ASK_EVERY_S):
            reply = functions.invoke(FunctionName=f"{deployment.inference}:live", Payload=question)
            answer = json.loads(reply["Payload"].read())
            body = json.loads(answer.get("body") or "{}")
            if answer.get("statusCode") == 200 and body["predictions"][0]["label"] == CLASSES[-1]:
                self.good += 1
            elif body.get("code") == "paused":
                self.paused += 1
            else:
                self.bad.append(json.dumps(answer)[:300])
