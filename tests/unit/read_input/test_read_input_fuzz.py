"""Whatever JSON an execution begins with, the answer is a run, or one sentence on what is wrong."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from functions.common.run_input import DROP_FIELDS, OVERRIDES
from functions.read_input.reading import read_input
from tests.support.fuzzing import json_values, texts

near_inputs = st.dictionaries(st.sampled_from([*DROP_FIELDS, *OVERRIDES]) | texts, texts | json_values)


@given(near_inputs | json_values)
def test_any_input_is_read_or_refused_with_a_sentence(given_input: Any) -> None:
    answer = read_input(given_input)

    assert answer["accepted"] == (answer["reason"] == "")
    assert answer["reason"].isprintable()
    assert all(isinstance(value, str) for value in answer["run"].values())
    # What the workflow's state has room for, beside all else.
    assert len(json.dumps(answer, ensure_ascii=False).encode(errors="surrogatepass")) < 20_000
