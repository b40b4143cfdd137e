"""Ways into what already runs with a role: changing its code, or getting into it."""

from functions.iam_audit.checks.escalation import PathCheck, delegates, names_whole_kind
from functions.iam_audit.escalation_paths import EscalationPath
from functions.iam_audit.policy.grants import Grant
from functions.iam_audit.policy.permissions import find_grants
from functions.iam_audit.snapshot import Account, Identity


class _RunningCodeCheck(PathCheck):
    """A check of what already runs with a role: critical where such a role is an administrator."""

    def open_by(self, account: Account, identity: Identity, path: EscalationPath) -> tuple[Grant, ...]:
        grants = []
        for action in path.needs:
            wide = [
                grant
                for grant in find_grants(identity, action)
                if not any(map(delegates, grant.statement.conditions))
                and (
                    names_whole_kind(grant.statement, action)
                    or any(map(grant.statement.names_resource, account.privileged_resources))
                )
            ]
            if not wide:
                return ()
            grants += wide
        return tuple(grants)

    def grave(self, account: Account, path: EscalationPath) -> str:
        prefix = path.actions[0].partition(":")[0]
        service = _RUNS_AS.get(prefix, f"{prefix}.amazonaws.com")
        return "critical" if service in account.administrator_roles else self.severity


# Action prefix -> the service that takes the role, where the two differ.
_RUNS_AS = {
    "apprunner": "tasks.apprunner.amazonaws.com",
    "ssm": "ec2.amazonaws.com",
    "ec2-instance-connect": "ec2.amazonaws.com",
    "ecs": "ecs-tasks.amazonaws.com",
    "elasticmapreduce": "ec2.amazonaws.com",
}


class ChangesPrivilegedCode(_RunningCodeCheck):
    id = "changes-privileged-code"
    severity = "high"
    title = "May change code that runs with other roles"
    risk = "Code that it puts there runs with the rights of the role that is already there."
    remediation = "Name the functions, jobs and machines that it keeps; leave the others to their owners."
    kinds = ("code",)


class ReachesRunningCompute(_RunningCodeCheck):
    id = "reaches-running-compute"
    severity = "high"
    title = "May get into machines that run with other roles"
    risk = "Whoever is on the machine has the credentials of its role."
    remediation = "Name the machines, or add a condition on their tags (aws:ResourceTag)."
    kinds = ("compute",)
