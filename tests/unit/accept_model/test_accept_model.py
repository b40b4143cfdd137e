"""The acceptance test: what agrees, what is asked again, and what ends a release."""

import io
import json
import threading
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from hypothesis import given
from hypothesis import strategies as st

from contracts.limits import MAX_SENTENCE_CHARACTERS
from functions.accept_model import handler as handler_module
from functions.accept_model import inference_function
from functions.accept_model.agreement import (
    PROBABILITY_TOLERANCE,
    UNKNOWN_TOLERANCE,
    AcceptanceError,
    Answer,
    compare,
    compare_all,
)
from functions.accept_model.inference_function import NoConcurrencyError
from functions.common.errors import DocumentError, SettingsError
from functions.common.observability import metrics as powertools_metrics
from tests.support.lambda_context import LambdaContext

RUN_ID = "0123456789abcdef0123456789abcdef"
FOLDER = f"runs/{RUN_ID}"
EVENT = {
    "run": {"id": RUN_ID},
    "acceptance_uri": f"s3://data/{FOLDER}/acceptance.json",
    "endpoint_name": "dropserve-candidate",
}


def predictions(**probabilities: float) -> list[dict[str, Any]]:
    return [{"label": label, "probability": probability} for label, probability in probabilities.items()]


def photo(number: int = 0, **probabilities: float) -> dict[str, Any]:
    return {
        "file": f"acceptance/{number:02d}.jpg",
        "photo": f"test/dog/{number}.jpg",
        "label": "dog",
        "predictions": predictions(**probabilities or {"dog": 0.9, "cat": 0.1}),
    }


def sample(*photos: dict[str, Any]) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "run_id": RUN_ID,
        "precision": "float32",
        "architecture": "x86_64",
        "photos": list(photos),
    }


def answer(status: int = 200, **body: Any) -> dict[str, Any]:
    """The inference function's answer, by direct invoke."""
    given = body or {
        "predictions": predictions(dog=0.9, cat=0.1),
        "model": {"release": "r", "run_id": RUN_ID},
    }
    return {"statusCode": status, "headers": {}, "body": json.dumps(given)}


def busy(status: int = 503) -> dict[str, Any]:
    return answer(status, detail="the model is busy", code="model_busy")


def throttled() -> ClientError:
    return ClientError({"Error": {"Code": "TooManyRequestsException", "Message": "slow down"}}, "Invoke")


class Functions:
    """Lambda; answers each photo by its replies in turn, the last one again and again."""

    def __init__(self, **replies: list[Any]) -> None:
        self.replies = {name: list(each) for name, each in replies.items()}
        self.default: list[Any] = [answer()]
        self.questions: list[dict[str, Any]] = []
        self.names: set[str] = set()
        self.running = self.most_at_once = 0
        self._lock, self._pause = threading.Lock(), threading.Event()

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803
        question = json.loads(Payload)
        key = "photo" + question["s3_uri"].rpartition("/")[2].removesuffix(".jpg")
        with self._lock:
            self.names.add(FunctionName)
            self.questions.append(question)
            self.running += 1
            self.most_at_once = max(self.most_at_once, self.running)
            replies = self.replies.setdefault(key, list(self.default))
            reply = replies.pop(0) if len(replies) > 1 else replies[0]
        self._pause.wait(0.002)
        with self._lock:
            self.running -= 1
        if isinstance(reply, Exception):
            raise reply
        if isinstance(reply, str):
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(reply.encode())}
        text = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
        return {"Payload": io.BytesIO(text)}


class Bucket:
    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        assert (Bucket, Key) == ("data", f"{FOLDER}/acceptance.json")
        return {"Body": io.BytesIO(json.dumps(self.document).encode())}


@pytest.fixture
def accept(monkeypatch: pytest.MonkeyPatch) -> Any:
    """accept(document, functions) runs the handler; no pause between tries takes time."""
    monkeypatch.setattr(powertools_metrics, "namespace", "dropserve")
    monkeypatch.setattr(inference_function.time, "sleep", lambda _: None)
    monkeypatch.setenv("INFERENCE_FUNCTION", "arn:of:inference:live")
    monkeypatch.setenv("RESERVED_CONCURRENCY", "6")

    def run(document: dict[str, Any], functions: Functions, context: Any = None) -> dict[str, Any]:
        clients = {"s3": Bucket(document), "lambda": functions}
        monkeypatch.setattr(handler_module, "client", clients.__getitem__)
        return handler_module.handler(EVENT, context or LambdaContext("accept_model", left_ms=300_000))

    return run


def test_an_endpoint_that_agrees_is_accepted_with_its_figures(accept: Any) -> None:
    functions = Functions(photo01=[answer(predictions=predictions(dog=0.89, cat=0.11))])
    figures = accept(sample(photo(0), photo(1), photo(2)), functions)
    assert figures == {
        "photos": 3,
        "agreed": 3,
        "largest_difference": pytest.approx(0.01),
        "summary": "the endpoint answers 3 of 3 test photos as in training "
        "(largest difference of a probability 0.0100)",
    }
    assert functions.names == {"arn:of:inference:live"}
    asked = {question["s3_uri"]: question for question in functions.questions}
    assert set(asked) == {f"s3://data/{FOLDER}/acceptance/0{number}.jpg" for number in range(3)}
    assert all(each["endpoint_name"] == "dropserve-candidate" for each in asked.values())


def test_another_model_on_the_endpoint_ends_the_release_with_figures_and_photos(accept: Any) -> None:
    functions = Functions()
    functions.default = [answer(predictions=predictions(cat=0.8, dog=0.2))]
    with pytest.raises(AcceptanceError) as refused:
        accept(sample(*(photo(number) for number in range(5))), functions)
    odd = [f"test/dog/{number}.jpg ('cat' 0.800 instead of 'dog' 0.900)" for number in range(3)]
    assert str(refused.value) == (
        "the endpoint answers only 0 of 5 test photos as in training (largest difference of a probability "
        f"0.7000); otherwise: {', '.join(odd)}, and 2 more"
    )


def test_of_an_int8_graph_the_way_out_is_told(accept: Any) -> None:
    functions = Functions(photo00=[answer(predictions=predictions(dog=0.7, cat=0.3))])
    with pytest.raises(AcceptanceError, match="int8=never"):
        accept({**sample(photo(0)), "precision": "int8"}, functions)


def test_one_odd_photo_is_enough(accept: Any) -> None:
    functions = Functions(photo03=[answer(predictions=predictions(dog=0.87, cat=0.13))])
    with pytest.raises(AcceptanceError, match=r"only 4 of 5 .* 0\.0300\); otherwise: test/dog/3\.jpg"):
        accept(sample(*(photo(number) for number in range(5))), functions)


@pytest.mark.parametrize(
    ("expected", "answered", "agrees"),
    [
        ({"dog": 0.9, "cat": 0.1}, {"dog": 0.9, "cat": 0.1}, True),
        ({"dog": 0.9, "cat": 0.1}, {"dog": 0.885, "cat": 0.115}, True),
        ({"dog": 0.9, "cat": 0.1}, {"dog": 0.87, "cat": 0.13}, False),
        # A near tie may go the other way; what is no near tie may not.
        ({"dog": 0.505, "cat": 0.495}, {"cat": 0.501, "dog": 0.499}, True),
        ({"dog": 0.515, "cat": 0.485}, {"cat": 0.501, "dog": 0.499}, False),
        ({"dog": 0.4, "cat": 0.395, "cow": 0.2}, {"cow": 0.4, "dog": 0.395, "cat": 0.2}, False),
        # What is not among the answered is below all of them.
        ({"dog": 0.5, "cat": 0.3, "cow": 0.2}, {"dog": 0.5, "fox": 0.3, "cat": 0.2}, False),
        ({"dog": 0.97, "cat": 0.02, "cow": 0.01}, {"dog": 0.97, "cat": 0.02, "fox": 0.01}, True),
        ({"dog": 1.0}, {"dog": 1.0}, True),
    ],
)
def test_what_agrees(expected: dict[str, float], answered: dict[str, float], agrees: bool) -> None:
    assert compare(photo(0, **expected), Answer(predictions(**answered))).agrees == agrees


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_probability_that_is_that_is_off_by_the_tolerance_at_most_agrees(
    first: float, second: float
) -> None:
    found = compare(photo(0, dog=first), Answer(predictions(dog=second)))
    assert found.agrees == (abs(first - second) <= PROBABILITY_TOLERANCE)


@pytest.mark.parametrize(
    ("expected", "answered", "fault"),
    [
        (1.0, Answer(predictions(dog=0.9), False, 1.0), ""),
        (3.0, Answer(predictions(dog=0.9), True, 3.0 - UNKNOWN_TOLERANCE / 2), ""),
        (
            3.0,
            Answer(predictions(dog=0.9), True, 3.0 + 2 * UNKNOWN_TOLERANCE),
            "score 3.500 instead of 3.000",
        ),
        (3.0, Answer(predictions(dog=0.9), False, 3.0), "called known with 3.000"),
        (1.0, Answer(predictions(dog=0.9), True, 1.0), "called unknown with 1.000"),
        # Near the threshold, which is 2, it may go either way.
        (1.9, Answer(predictions(dog=0.9), True, 2.1), ""),
        (3.0, Answer(predictions(dog=0.9)), "no unknown score instead of 3.000"),
        # Of a model that was trained before.
        (None, Answer(predictions(dog=0.9), True, 3.0), ""),
        (None, Answer(predictions(dog=0.9)), ""),
    ],
)
def test_what_is_unknown_must_agree_as_well(expected: float | None, answered: Answer, fault: str) -> None:
    asked = photo(0, dog=0.9) | ({} if expected is None else {"unknown_score": expected})
    found = compare_all({**sample(asked), "unknown_threshold": 2.0}, [answered])
    assert found.accepted == (not fault)
    assert fault in found.comparisons[0].unknown_fault and fault in found.describe()


def test_an_endpoint_that_does_not_know_what_is_unknown_is_refused(accept: Any) -> None:
    """A server that is older than the model."""
    document = {**sample({**photo(0), "unknown_score": 0.5}), "unknown_threshold": 2.0}
    told = {"unknown": False, "unknown_score": 0.6, "unknown_threshold": 2.0}
    knows = answer(predictions=predictions(dog=0.9, cat=0.1), **told)

    assert accept(document, Functions(photo00=[knows]))["agreed"] == 1
    with pytest.raises(AcceptanceError, match=r"test/dog/0\.jpg .*; no unknown score instead of 0\.500\)"):
        accept(document, Functions(photo00=[answer()]))


def test_the_sentence_is_bounded_and_shows_no_raw_name() -> None:
    odd = {**photo(), "photo": "\x1b[31m" + "x" * 5000, "predictions": predictions(**{"y" * 255: 0.9})}
    agreement = compare_all(
        {**sample(*[odd] * 64), "precision": "int8"}, [Answer(predictions(**{"\n" + "z" * 255: 0.9}))] * 64
    )
    sentence = agreement.describe()
    assert len(sentence) < MAX_SENTENCE_CHARACTERS
    assert "\x1b" not in sentence
    assert "\n" not in sentence
    assert len(compare_all(sample(*[photo()] * 64), [Answer(predictions(dog=0.9))] * 64).describe()) < 200


@pytest.mark.parametrize(
    "trouble",
    [
        [throttled(), answer()],
        [busy(), busy(429), busy(504), answer()],
        ['{"errorMessage": "Task timed out after 30.03 seconds"}', answer()],
        [ReadTimeoutError(endpoint_url="https://lambda"), answer()],
    ],
)
def test_what_passes_is_asked_again(accept: Any, trouble: list[Any]) -> None:
    functions = Functions(photo00=trouble)
    assert accept(sample(photo(0), photo(1)), functions)["agreed"] == 2
    assert len(functions.questions) == len(trouble) + 1


def test_a_busy_endpoint_is_given_up_after_some_tries(accept: Any) -> None:
    functions = Functions()
    functions.default = [busy()]
    with pytest.raises(AcceptanceError, match=r"no answer for .*/00\.jpg in 8 tries: 503: the model is busy"):
        accept(sample(photo()), functions)
    assert len(functions.questions) == inference_function.MAX_ATTEMPTS


def test_a_want_of_concurrency_is_not_taken_for_a_fault_of_the_endpoint(accept: Any) -> None:
    functions = Functions()
    functions.default = [throttled()]
    with pytest.raises(NoConcurrencyError, match="in 8 tries"):
        accept(sample(photo()), functions)


def test_nothing_is_asked_again_when_the_time_is_up(accept: Any) -> None:
    functions, context = Functions(photo00=[busy()]), LambdaContext("accept_model", left_ms=1000)
    with pytest.raises(AcceptanceError, match="in 1 tries"):
        accept(sample(photo()), functions, context)


def test_a_refused_photo_is_not_asked_again(accept: Any) -> None:
    functions = Functions(photo00=[answer(404, detail="nothing is at s3://data", code="image_not_found")])
    with pytest.raises(AcceptanceError, match=r"refused a test photo \(404\): nothing is at s3://data"):
        accept(sample(photo()), functions)
    assert len(functions.questions) == 1


@pytest.mark.parametrize(
    "odd",
    [b"not JSON", b"[]", {"statusCode": 200, "body": "{}"}, answer(predictions=[]), answer(predictions=[{}])],
)
def test_an_answer_of_another_form_is_named(accept: Any, odd: Any) -> None:
    with pytest.raises(AcceptanceError, match="not of its form"):
        accept(sample(photo()), Functions(photo00=[odd]))


def test_a_call_that_is_not_allowed_is_a_failure_of_the_deployment(accept: Any) -> None:
    denied = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "Invoke")
    with pytest.raises(ClientError, match="AccessDenied"):
        accept(sample(photo()), Functions(photo00=[denied]))


def test_the_live_model_keeps_most_of_the_concurrency(accept: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    photos = [photo(number) for number in range(20)]
    functions = Functions()
    accept(sample(*photos), functions)
    assert functions.most_at_once <= 2
    monkeypatch.setenv("RESERVED_CONCURRENCY", "1")
    functions = Functions()
    accept(sample(*photos), functions)
    assert functions.most_at_once == 1


def test_after_a_failure_the_other_photos_are_not_asked_for(accept: Any) -> None:
    functions = Functions(photo00=[answer(400, detail="damaged", code="damaged_image")])
    with pytest.raises(AcceptanceError, match="damaged"):
        accept(sample(*(photo(number) for number in range(64))), functions)
    assert len(functions.questions) < 64


def test_a_sample_that_breaks_its_schema_is_named(accept: Any) -> None:
    with pytest.raises(DocumentError, match=r"acceptance.*photos"):
        accept(sample(), Functions())


def test_a_deployment_without_the_function_is_named(accept: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INFERENCE_FUNCTION")
    with pytest.raises(SettingsError, match="INFERENCE_FUNCTION"):
        accept(sample(photo()), Functions())


def test_the_throttling_of_lambda_has_the_name_that_is_looked_for() -> None:
    shapes = boto3.client("lambda", region_name="us-east-1").meta.service_model.operation_model("Invoke")
    assert "TooManyRequestsException" in {shape.name for shape in shapes.error_shapes}
