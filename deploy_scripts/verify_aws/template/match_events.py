"""Run by the Python of pins/python.lock: which events match which pattern, by LocalStack's engine.

Standard input is a list of {"pattern": {...}, "events": [...]}, standard output a list with, for each, a list
of booleans or {"refused": why}.
"""

import json
import sys
from typing import Any

from localstack.aws.api.events import InvalidEventPatternException
from localstack.services.events.event_rule_engine import EventPatternCompiler, EventRuleEngine


def match(asked: dict[str, Any]) -> list[bool] | dict[str, str]:
    try:
        pattern = EventPatternCompiler().compile_event_pattern(asked["pattern"])
    except InvalidEventPatternException as error:
        return {"refused": str(error.message)}
    return [EventRuleEngine().evaluate_pattern_on_event(pattern, event) for event in asked["events"]]


print(json.dumps(list(map(match, json.load(sys.stdin)))))
