"""A function with an alias gets a new version for every change, a parameter's new value included.

SAM publishes one when the code's place changes. `AutoPublishAliasAllProperties` hashes the properties as they
are written, so a parameter's new value reaches the function and not its alias:
https://github.com/aws/serverless-application-model/issues/3820
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from deploy_scripts.cloudformation.sam_template import VARIABLE


def publish_every_change(template: dict[str, Any], parameters: Mapping[str, str]) -> None:
    """Give each function with an alias a hash of all that it is made of; the template is changed in place.

    `parameters`: those that are given by name; of the others, the template's default counts. Called with the
    places of the code in the template: a zip's key holds its hash.
    """
    defaults = {name: each.get("Default") for name, each in template["Parameters"].items()}
    values = {**defaults, **parameters}
    shared = template.get("Globals", {}).get("Function", {})
    for resource in template["Resources"].values():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Serverless::Function" and "AutoPublishAlias" in properties:
            made_of = [shared, properties]
            used = {name: values[name] for name in _references(made_of) if name in values}
            text = json.dumps([made_of, used], sort_keys=True)
            properties["AutoPublishCodeSha256"] = hashlib.sha256(text.encode()).hexdigest()


def _references(part: Any) -> Iterator[str]:
    """Every name that a part of the template refers to."""
    if isinstance(part, list):
        for each in part:
            yield from _references(each)
    elif isinstance(part, dict):
        for key, value in part.items():
            if key == "Ref":
                yield value
            elif key == "Fn::Sub":
                yield from VARIABLE.findall(value if isinstance(value, str) else value[0])
            yield from _references(value)
