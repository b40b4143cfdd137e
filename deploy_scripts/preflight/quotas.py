"""The account's quotas by name, and how to ask for more.

Codes are looked up by the quota's name at run time: a table of codes would have to be trusted.
"""

from botocore.exceptions import BotoCoreError, ClientError

from deploy_scripts.aws import Aws
from functions.common.service_quotas import Quota, read_quotas


class AccountQuotas:
    """Each service's quotas are listed once. What AWS refuses is raised as ClientError or BotoCoreError."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self._services: dict[str, dict[str, Quota]] = {}

    def of(self, service: str) -> dict[str, Quota]:
        """Name -> quota."""
        if service not in self._services:
            self._services[service] = read_quotas(self._aws.service_quotas, service)
        return self._services[service]

    def how_to_ask(self, quota: Quota, wanted: float) -> dict[str, str]:
        """The command, and on AWS the console's page, as a Finding has them."""
        # AWS takes no request that is not above its own default, however little is applied:
        # "You must provide a quota value greater than the default quota value".
        default = self._default(quota)
        wanted = default + 1 if default >= wanted else wanted
        page = f"servicequotas/home/services/{quota.service}/quotas/{quota.code}"
        return {
            "command": quota.increase_command(wanted, region=self._aws.region),
            "link": "" if self._aws.is_local else f"https://{self._aws.region}.console.aws.amazon.com/{page}",
        }

    def _default(self, quota: Quota) -> float:
        """AWS's own value; 0 where AWS does not tell it: what a check has found stands all the same."""
        try:
            answer = self._aws.service_quotas.get_aws_default_service_quota(
                ServiceCode=quota.service, QuotaCode=quota.code
            )
        except (ClientError, BotoCoreError):
            return 0
        return float(answer["Quota"]["Value"])
