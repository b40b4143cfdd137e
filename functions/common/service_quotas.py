"""The account's quotas, as Service Quotas tells them.

https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_ListServiceQuotas.html
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Quota:
    """One quota of the account; `service` and `code` are what a request to raise it names."""

    service: str
    name: str
    code: str
    value: float

    def increase_command(self, wanted: float, *, region: str) -> str:
        """The command that asks AWS for it."""
        return (
            f"aws service-quotas request-service-quota-increase --service-code {self.service} "
            f"--quota-code {self.code} --desired-value {wanted:g} --region {region}"
        )


def read_quotas(client: Any, service: str, names: Collection[str] | None = None) -> dict[str, Quota]:
    """Name -> quota of a service, of these names or of all. Without an applied value, AWS's default counts.

    Raises ClientError or BotoCoreError.
    """
    found: dict[str, Quota] = {}
    for operation in ("list_service_quotas", "list_aws_default_service_quotas"):
        for listed in _listed(client, operation, service):
            # A quota whose service did not answer has an error in the place of a value.
            is_wanted = names is None or listed["QuotaName"] in names
            if is_wanted and "Value" in listed and "ErrorReason" not in listed:
                quota = Quota(service, listed["QuotaName"], listed["QuotaCode"], listed["Value"])
                found.setdefault(quota.name, quota)
            if names is not None and len(found) == len(names):
                return found
    return found


def _listed(client: Any, operation: str, service: str) -> Iterator[dict[str, Any]]:
    # The most that a page may have: SageMaker has thousands of quotas.
    pages = client.get_paginator(operation).paginate(ServiceCode=service, PaginationConfig={"PageSize": 100})
    for page in pages:
        yield from page["Quotas"]
