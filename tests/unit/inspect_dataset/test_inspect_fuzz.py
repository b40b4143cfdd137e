"""Any drop by any name is accepted or refused with a sentence, and no fault of it is unexpected."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.common.observability import metrics
from functions.inspect_dataset import handler as handler_module
from tests.support.fuzzing import clean_texts
from tests.unit.inspect_dataset.drops_in_memory import BUCKET, JPEG, FakeS3, make_zip

CONTEXT = SimpleNamespace(
    function_name="inspect",
    memory_limit_in_mb=1024,
    invoked_function_arn="arn:aws:lambda:inspect",
    aws_request_id="1",
)
KEYS = ["drops/pets.zip", "drops/pets/_SUCCESS", "drops/_SUCCESS", "drops/.zip", "uploads/pets.zip"]
# Names as folders of datasets have them, and names of any kind.
parts = st.sampled_from(["cat", "dog", "train", "valid", "test", "__MACOSX", ".", "..", "a b"]) | clean_texts
# zipfile writes no empty name, and cuts one at a NUL.
names = st.lists(parts, min_size=1, max_size=4).map("/".join).filter(lambda name: name.split("\0")[0])
files = st.dictionaries(
    names | names.map("{}.jpg".format),
    st.sampled_from([b"", JPEG, b"<svg/>"]) | st.binary(max_size=40),
    max_size=8,
)
runs = st.fixed_dictionaries(
    {
        "key": st.sampled_from(KEYS) | clean_texts.filter(bool),
        "version_id": st.sampled_from(["", "v1", "v9"]) | clean_texts,
        "bucket": st.just(BUCKET) | clean_texts.filter(bool),
        "source": st.sampled_from(["drop", "manual"]),
    }
)


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The clients of the handler; the S3 is every example's own."""
    clients: dict[str, Any] = {}
    monkeypatch.setattr(metrics, "namespace", "dropserve")
    monkeypatch.setenv("DATA_BUCKET", BUCKET)
    monkeypatch.setenv("QUIET_S", "60")
    monkeypatch.setattr(handler_module, "client", clients.__getitem__)
    return clients


@given(run=runs, content=files, damage=st.none() | st.tuples(st.integers(0, 2000), st.binary(max_size=8)))
def test_any_drop_is_accepted_or_refused_with_a_sentence(
    deployed: dict[str, Any],
    make_run: Any,
    run: dict[str, str],
    content: dict[str, bytes],
    damage: tuple[int, bytes] | None,
) -> None:
    s3 = deployed["s3"] = FakeS3()
    archive = make_zip(content)
    if damage:
        at, new = damage
        archive = archive[:at] + new + archive[at + len(new) :]
    s3.drop("drops/pets.zip", archive)
    for name, body in content.items():
        s3.drop(f"drops/pets/{name}", body)
    s3.drop("drops/pets/_SUCCESS", b"")

    answer = handler_module.handler({"run": {**make_run(), **run}}, CONTEXT)

    assert answer["accepted"] == (answer["reason"] is None)
    assert answer["accepted"] or len(answer["reason"]) > 10
    assert bool(answer["dataset_uri"]) == answer["accepted"]
    (report,) = [json.loads(s3.body(key)) for key in s3.objects if key.endswith("/inspection.json")]
    assert report["reason"] == answer["reason"]
