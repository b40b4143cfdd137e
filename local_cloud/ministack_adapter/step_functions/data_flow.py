"""How states take their input apart: what AWS refuses is refused here too.

ministack reads a path that leads nowhere as null; Step Functions fails the state. A template that
only works with the former must fail here.
"""

from typing import Any

from ministack.services import stepfunctions as sfn

from local_cloud.ministack_adapter import patch_points

_TEXT_PATH_OPERATORS = {
    f"String{comparison}Path"
    for comparison in ("LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals")
}


def install() -> None:
    """Makes every path of a JSONPath state strict."""
    patch_points.take(sfn, "_parse_jsonpath_tokens", "path")
    patch_points.take(sfn, "_resolve_path", "path", "data")
    patch_points.take(sfn, "_evaluate_intrinsic", "expression", "data", "ctx")
    patch_points.replace(sfn, "_resolve_params_obj", fill_template, "template", "data", "ctx")
    patch_points.replace(sfn, "_apply_parameters", _parameters, "state_def", "data", "ctx")
    patch_points.replace(sfn, "_apply_input_path", _input_path, "state_def", "data", "ctx")
    patch_points.replace(sfn, "_apply_output_path", _output_path, "state_def", "data", "ctx")
    patch_points.replace(sfn, "_eval_intrinsic_arg", _intrinsic_argument(), "arg", "data", "ctx")
    patch_points.replace(sfn, "_evaluate_rule", _choice_rule(), "rule", "data", "ctx")
    patch_points.replace(sfn, "_execute_wait", _wait(), "state_def", "raw_input", "ctx")
    patch_points.replace(sfn, "_run_map_items", _map_items(), "state_def", "raw_input", "execution", "ctx")


def fill_template(template: Any, data: Any, ctx: dict[str, Any] | None = None) -> Any:
    """A payload template with its `.$` fields filled in."""
    if isinstance(template, list):
        return [fill_template(item, data, ctx) for item in template]
    if not isinstance(template, dict):
        return template
    return {
        name.removesuffix(".$"): _field(name, value, data, ctx)
        if name.endswith(".$")
        else fill_template(value, data, ctx)
        for name, value in template.items()
    }


def look_up(path: str, data: Any, ctx: dict[str, Any] | None, field: str) -> Any:
    """What a path leads to. Raises ministack's execution error `States.Runtime` when it leads nowhere."""
    root, plain = (_context_object(ctx or {}), path[1:]) if path.startswith("$$") else (data, path)
    if not _leads_somewhere(plain, root):
        raise sfn._ExecutionError(
            "States.Runtime",
            f"The JSONPath '{path}' specified for the field '{field}' could not be found in the input",
        )
    return sfn._resolve_path(plain, root)


def _context_object(ctx: dict[str, Any]) -> dict[str, Any]:
    """With the members that ministack leaves out.

    https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html
    """
    machine = sfn._state_machines.get(ctx.get("StateMachine", {}).get("Id")) or {}
    execution = {"RoleArn": machine.get("roleArn", ""), "RedriveCount": 0, **ctx.get("Execution", {})}
    return {**ctx, "Execution": execution}


def _field(name: str, value: Any, data: Any, ctx: dict[str, Any] | None) -> Any:
    if not isinstance(value, str):
        raise sfn._ExecutionError("States.Runtime", f"The value of the field '{name}' must be a string")
    if not value.startswith("States."):
        return look_up(value, data, ctx, name)
    try:
        return sfn._evaluate_intrinsic(value, data, ctx)
    except sfn._ExecutionError:
        raise
    except Exception as error:
        raise sfn._ExecutionError("States.IntrinsicFailure", f"{name}: {value}: {error}") from error


def _leads_somewhere(path: str, data: Any) -> bool:
    if path == "$":
        return True
    tokens = sfn._parse_jsonpath_tokens(path) if path.startswith("$") else None
    if tokens is None:
        return False
    for kind, value in tokens:
        if kind == "wildcard":
            return isinstance(data, list | dict)
        is_member = kind == "field" and isinstance(data, dict) and value in data
        is_item = kind == "index" and isinstance(data, list) and value < len(data)
        if not is_member and not is_item:
            return False
        data = data[value]
    return True


def _input_path(state_def: dict[str, Any], data: Any, ctx: dict[str, Any] | None = None) -> Any:
    return _path_field("InputPath", state_def, data, ctx)


def _output_path(state_def: dict[str, Any], data: Any, ctx: dict[str, Any] | None = None) -> Any:
    return _path_field("OutputPath", state_def, data, ctx)


def _path_field(field: str, state_def: dict[str, Any], data: Any, ctx: dict[str, Any] | None) -> Any:
    path = state_def.get(field, "$")
    return {} if path is None else look_up(path, data, ctx, field)


def _parameters(state_def: dict[str, Any], data: Any, ctx: dict[str, Any] | None = None) -> Any:
    """Empty Parameters are an empty object: only a state without the field passes its input on."""
    return fill_template(state_def["Parameters"], data, ctx) if "Parameters" in state_def else data


def _intrinsic_argument() -> Any:
    original = patch_points.take(sfn, "_eval_intrinsic_arg", "arg", "data", "ctx")

    def evaluate(arg: tuple[Any, ...], data: Any, ctx: dict[str, Any] | None) -> Any:
        if arg[0] == "path":
            return look_up(arg[1], data, ctx, "an intrinsic function")
        return original(arg, data, ctx)

    return evaluate


def _choice_rule() -> Any:
    original = patch_points.take(sfn, "_evaluate_rule", "rule", "data", "ctx")

    def evaluate(rule: dict[str, Any], data: Any, ctx: dict[str, Any] | None = None) -> Any:
        if "Variable" in rule and "IsPresent" not in rule:
            look_up(rule["Variable"], data, ctx, "Variable")
        for operator in _TEXT_PATH_OPERATORS & rule.keys():
            # ministack knows the comparison with a text only, and takes the one with a path as untrue.
            text = look_up(rule[operator], data, ctx, operator)
            if not isinstance(text, str):
                return False
            rule = {"Variable": rule["Variable"], operator.removesuffix("Path"): text}
        return original(rule, data, ctx)

    return evaluate


def _wait() -> Any:
    original = patch_points.take(sfn, "_execute_wait", "state_def", "raw_input", "ctx")

    def execute(state_def: dict[str, Any], raw_input: Any, ctx: dict[str, Any] | None = None) -> Any:
        _check_paths(state_def, ("SecondsPath", "TimestampPath"), raw_input, ctx)
        return original(state_def, raw_input, ctx)

    return execute


def _map_items() -> Any:
    original = patch_points.take(sfn, "_run_map_items", "state_def", "raw_input", "execution", "ctx")

    def run(state_def: dict[str, Any], raw_input: Any, execution: dict[str, Any], ctx: Any) -> Any:
        _check_paths(state_def, ("ItemsPath",), raw_input, ctx)
        return original(state_def, raw_input, execution, ctx)

    return run


def _check_paths(state_def: dict[str, Any], fields: tuple[str, ...], raw_input: Any, ctx: Any) -> None:
    data = _input_path(state_def, raw_input, ctx)
    for field in fields:
        if field in state_def:
            look_up(state_def[field], data, ctx, field)
