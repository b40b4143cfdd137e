"""What a capacity review has applied stands over the deployment's settings.

By the rule of functions/common/applied_capacity.py: a value holds as long as the deployment still says what
it took the place of. tests/unit/state_machines holds the two against one another.
"""

from state_machines.common.outcome import Finish
from state_machines.language.flow import Stage
from state_machines.language.sdk import State, jsonata
from state_machines.language.tasks import KEEP_ERROR, call, catch

_NAMES = ("min_instances", "max_instances", "target_invocations_per_instance")
_VALUES = ", ".join(
    f"'{name}': instead_of.{name} = $settings.{name} ? values.{name} : $settings.{name}" for name in _NAMES
)
IN_FORCE = f"$merge([$settings, $parse($states.result.Parameter.Value).{{{_VALUES}}}])"


def read_applied_capacity(finish: Finish, when: str = "") -> Stage:
    """`$settings` with what is in force; before the first review that applied anything, as it is."""
    read = call(
        f"Read applied capacity{when}",
        "aws-sdk:ssm:getParameter",
        {"Name": "${CapacityParameter}"},
        assign={"settings": jsonata(IN_FORCE)},
        on_error=None,
    )

    def none_applied(following: State) -> None:
        read.add_catch(catch(following, ["Ssm.ParameterNotFoundException"]))
        read.add_catch(catch(finish.failed, assign=KEEP_ERROR))

    return Stage(read, (read.next, none_applied))
