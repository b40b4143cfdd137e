"""States put in order: every way out of one leads to the next."""

from state_machines.language.flow import Stage, best_effort, in_order
from state_machines.language.sdk import Choice, Pass, State, Succeed, definition, jsonata
from state_machines.language.tasks import call


def describe(name: str) -> State:
    return call(name, "aws-sdk:sagemaker:describeEndpoint", {"EndpointName": "x"}, on_error=None)


def test_states_and_stages_follow_one_another() -> None:
    branches = Choice("Branch?")
    left, right = Pass("Left"), Pass("Right")
    branches.when("$left", left)
    branches.next(right)
    whole = in_order(Pass("First"), Stage(branches, (left.next, right.next)), Succeed("Last"))
    states = definition(whole.start, comment="", timeout_s=1)["States"]
    assert states["First"]["Next"] == "Branch?"
    assert states["Branch?"]["Choices"] == [{"Condition": "{% $left %}", "Next": "Left"}]
    assert states["Branch?"]["Default"] == "Right"
    assert states["Left"]["Next"] == states["Right"]["Next"] == "Last"


def test_a_best_effort_goes_on_after_an_error_with_what_stands_for_the_answer() -> None:
    ask = best_effort(describe("Ask"), {"answer": ""})
    states = definition(in_order(ask, Succeed("Last")).start, comment="", timeout_s=1)["States"]
    assert states["Ask"]["Next"] == "Last"
    assert states["Ask"]["Catch"] == [
        {"ErrorEquals": ["States.ALL"], "Assign": {"answer": ""}, "Next": "Last"}
    ]


def test_a_definition_is_in_jsonata() -> None:
    state = Pass("Only", assign={"text": jsonata("'a' & 'b'"), "flag": True})
    rendered = definition(state, comment="", timeout_s=1)
    assert rendered["QueryLanguage"] == "JSONata"
    assert rendered["States"]["Only"]["Assign"] == {"text": "{% 'a' & 'b' %}", "flag": True}
