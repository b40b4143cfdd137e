"""The least policy of a role: what its template says, less what nothing needed, with what was lacking."""

import re
from typing import Any

from contracts.bucket import RUN_ID
from deploy_scripts.permissions.comparison import RoleUse

_RUN_ID = re.compile(RUN_ID)


def minimal_policy(use: RoleUse) -> dict[str, Any]:
    """An IAM policy document. Exempt permissions stay; a run's id in a lacking resource becomes `*`."""
    idle = {(each.policy, each.action, each.resource) for each in use.unused if each.reason is None}
    statements = []
    for statement in use.role.statements:
        actions = [each for each in statement.actions if (statement.policy, each, "*") not in idle]
        resources = [each for each in statement.resources if (statement.policy, "*", each) not in idle]
        if actions and resources:
            statements.append(statement.document(tuple(actions), tuple(resources)))
    lacking = sorted({(call.action, _RUN_ID.sub("*", call.resource)) for call in use.lacking})
    statements += [
        {"Effect": "Allow", "Action": action, "Resource": resource} for action, resource in lacking
    ]
    return {"Version": "2012-10-17", "Statement": statements}
