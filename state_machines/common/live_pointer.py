"""The live pointer, one SSM parameter that says which release is live: each change of it is atomic."""

from typing import Any

from state_machines.common.outcome import Finish
from state_machines.language.sdk import Fail, State, Task, jsonata
from state_machines.language.tasks import call, catch


def read_pointer(name: str, *, then: State, on_error: State, attempts: int = 4) -> State:
    """The live release as `$previous`, what serves a share of the requests beside it as `$canary`.

    Both are `{}` where there is none; the first release makes the parameter.
    """
    pointer = "$parse($states.result.Parameter.Value)"
    read = call(
        name,
        "aws-sdk:ssm:getParameter",
        {"Name": "${LivePointerParameter}"},
        assign={
            # Of an object without anything left, $sift gives nothing.
            "previous": jsonata(
                f"$merge([{{}}, $sift({pointer}, function($value, $name) {{ $name != 'canary' }})])"
            ),
            "canary": jsonata(f"$exists({pointer}.canary) ? {pointer}.canary : {{}}"),
        },
        catches=[
            catch(then, ["Ssm.ParameterNotFoundException"], assign={"previous": {}, "canary": {}}),
        ],
        attempts=attempts,
        on_error=on_error,
    )
    read.next(then)
    return read


def switch_pointer(name: str, pointer: str, finish: Finish, *, after: str, assign: dict[str, Any]) -> Task:
    """Write what the expression `pointer` gives; if that fails, `$previous` again, by states with `after`."""
    # A failed call may have switched all the same: restore first, and only then tear anything down.
    restore = write_pointer(
        f"Restore live endpoint{after}",
        "$previous",
        on_error=Fail(
            f"Live release unknown{after}",
            error="SwitchFailed",
            cause="Neither the switch nor the way back was confirmed: the clean-up sees which one is live.",
        ),
    )
    restore.next(finish.failed)
    return write_pointer(name, pointer, on_error=restore, assign=assign)


def write_pointer(name: str, value: str, **fields: Any) -> Task:
    """Write what the expression `value` gives."""
    return call(
        name,
        "aws-sdk:ssm:putParameter",
        {
            "Name": "${LivePointerParameter}",
            "Description": "Which release serves; written by the state machine only",
            "Type": "String",
            "Value": jsonata(f"$string({value})"),
            "Overwrite": True,
        },
        **fields,
    )
