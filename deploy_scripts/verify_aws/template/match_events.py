"""Run by the Python of pins/python.lock: which events match a pattern, by LocalStack's engine.

Standard input is {"pattern": {...}, "events": [...]}, standard output a list of booleans or {"refused": why}.
"""

import json
import sys

from localstack.aws.api.events import InvalidEventPatternException
from localstack.services.events.event_rule_engine import EventPatternCompiler, EventRuleEngine

asked = json.load(sys.stdin)
try:
    pattern = EventPatternCompiler().compile_event_pattern(asked["pattern"])
    answer = [EventRuleEngine().evaluate_pattern_on_event(pattern, event) for event in asked["events"]]
    print(json.dumps(answer))
except InvalidEventPatternException as error:
    print(json.dumps({"refused": str(error.message)}))
