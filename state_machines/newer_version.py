"""A drop that was dropped again under the same key gives way: the newer version has a run of its own.

The bucket keeps versions, and knows which one is current: no clock is needed, and no other run.
"""

from typing import Any

from state_machines.endings import Endings
from state_machines.states_language import Chain, Choice, ChoiceRule
from state_machines.tasks import call


def give_way_to_newer_version(endings: Endings, name: str, then: Any) -> Chain:
    """End as `superseded` when the current version of the drop's key is another one; else go on to `then`.

    `name` is that of the Task that asks. A run started by hand trains on the version that it names. A key
    that was deleted since has no newer drop.
    """
    newer = Choice(f"{name}: is it another?")
    newer.add_choice(
        ChoiceRule.And(
            [
                ChoiceRule.IsPresent("$.current.VersionId", value=True),
                ChoiceRule.Not(ChoiceRule.StringEqualsPath("$.current.VersionId", "$.run.version_id")),
            ]
        ),
        endings.overwritten,
    )
    newer.default_choice(then)
    # The whole answer: a ResultSelector would fail where the bucket has no versions, and so no VersionId.
    ask = call(
        name,
        "aws-sdk:s3:headObject",
        {"Bucket.$": "$.run.bucket", "Key.$": "$.run.key"},
        into="$.current",
        on_error=then,
        error_into=None,
    )
    ask.next(newer)
    of_a_version = Choice(f"{name}: is it a drop?")
    of_a_version.add_choice(
        ChoiceRule.And(
            [
                ChoiceRule.StringEquals("$.run.source", "drop"),
                ChoiceRule.Not(ChoiceRule.StringEquals("$.run.version_id", "")),
            ]
        ),
        ask,
    )
    of_a_version.default_choice(then)
    return Chain([of_a_version])
