"""The API of Service Quotas, as far as quotas are read and raised.

https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/Welcome.html
"""

import functools
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from local_cloud.service import ActionHandler, AwsError, Call, RouteHandler
from local_cloud.services.paging import page
from local_cloud.services.request_validation import check_request
from local_cloud.services.service_quotas.account_quotas import AccountQuotas
from local_cloud.services.service_quotas.catalogue import SERVICE_NAMES, Quota, quotas_of

# The most that the API takes, and what it gives where nothing is asked for.
PAGE_SIZE = 100


class ServiceQuotas:
    """Reads and raises the quotas of one account; a request to raise one is granted at once."""

    name = "servicequotas"
    target_prefix = "ServiceQuotasV20190624"

    def __init__(self, quotas: AccountQuotas, *, on_change: Callable[[], None] = lambda: None) -> None:
        """`on_change` is called when a figure may have changed."""
        self._quotas = quotas
        self._on_change = on_change

    def actions(self) -> Mapping[str, ActionHandler]:
        """API action name -> its handler; each checks its request against the API's model first."""
        handlers: dict[str, ActionHandler] = {
            "ListServices": self._list_services,
            "ListServiceQuotas": lambda call: self._list(call, self._quotas.applied),
            "GetServiceQuota": lambda call: self._get(call, self._quotas.applied),
            "ListAWSDefaultServiceQuotas": lambda call: self._list(call, _default),
            "GetAWSDefaultServiceQuota": lambda call: self._get(call, _default),
            "RequestServiceQuotaIncrease": self._request_increase,
        }
        return {action: functools.partial(_checked, handler) for action, handler in handlers.items()}

    def routes(self) -> Mapping[str, RouteHandler]:
        """The API has none."""
        return {}

    def get_state(self) -> dict[str, Any]:
        """What `restore` needs."""
        return self._quotas.get_state()

    def restore(self, state: dict[str, Any]) -> None:
        """Takes up the state of the server that ran before."""
        self._quotas.restore(state)
        self._on_change()

    def reset(self) -> None:
        """Forgets what was raised."""
        self._quotas.reset()
        self._on_change()

    def stop(self) -> None:
        """Nothing runs."""

    def _list_services(self, call: Call) -> dict[str, Any]:
        services = [{"ServiceCode": code, "ServiceName": name} for code, name in SERVICE_NAMES.items()]
        return _page(call, "Services", services)

    def _list(self, call: Call, value: Callable[[Quota], float]) -> dict[str, Any]:
        found = [_document(call, quota, value(quota)) for quota in _quotas(call).values()]
        if "QuotaCode" in call.parameters:
            found = [each for each in found if each["QuotaCode"] == call.parameters["QuotaCode"]]
        return _page(call, "Quotas", found)

    def _get(self, call: Call, value: Callable[[Quota], float]) -> dict[str, Any]:
        quota = _quota(call)
        return {"Quota": _document(call, quota, value(quota))}

    def _request_increase(self, call: Call) -> dict[str, Any]:
        quota, wanted = _quota(call), float(call.parameters["DesiredValue"])
        # The sentences as AWS CLI users quote them; the default counts even where less is applied.
        for kind, value in (("default", quota.default), ("current", self._quotas.applied(quota))):
            if wanted <= value:
                raise AwsError(
                    "IllegalArgumentException",
                    f"You must provide a quota value greater than the {kind} quota value of {value}",
                )
        self._quotas.raise_to(quota, wanted)
        self._on_change()
        now = time.time()
        document = _document(call, quota, wanted)
        kept = ("ServiceCode", "ServiceName", "QuotaCode", "QuotaName", "QuotaArn", "GlobalQuota", "Unit")
        return {
            "RequestedQuota": {
                **{field: document[field] for field in kept},
                "Id": uuid.uuid4().hex,
                "DesiredValue": wanted,
                "Status": "PENDING",
                "Created": now,
                "LastUpdated": now,
            }
        }


def _checked(handler: ActionHandler, call: Call) -> dict[str, Any]:
    check_request("service-quotas", call.action, call.parameters)
    return handler(call)


def _default(quota: Quota) -> float:
    return quota.default


def _quotas(call: Call) -> dict[str, Quota]:
    found = quotas_of(call.parameters["ServiceCode"])
    if not found:
        raise AwsError(
            "NoSuchResourceException", "The request failed because the specified service does not exist."
        )
    return found


def _quota(call: Call) -> Quota:
    quota = _quotas(call).get(call.parameters["QuotaCode"])
    if quota is None:
        raise AwsError(
            "NoSuchResourceException", "The request failed because the specified quota does not exist."
        )
    return quota


def _document(call: Call, quota: Quota, value: float) -> dict[str, Any]:
    prefix = f"arn:aws:servicequotas:{call.region}:{call.account_id}:"
    return {
        "ServiceCode": quota.service_code,
        "ServiceName": SERVICE_NAMES[quota.service_code],
        "QuotaArn": f"{prefix}{quota.service_code}/{quota.code}",
        "QuotaCode": quota.code,
        "QuotaName": quota.name,
        "Value": value,
        "Unit": "None",
        "Adjustable": True,
        "GlobalQuota": False,
        "QuotaAppliedAtLevel": "ACCOUNT",
    }


def _page(call: Call, member: str, items: list[dict[str, Any]]) -> dict[str, Any]:
    bad_token = AwsError("InvalidPaginationTokenException", "Invalid token was provided.")
    size = call.parameters.get("MaxResults", PAGE_SIZE)
    found, token = page(items, call.parameters.get("NextToken"), size, bad_token)
    return {member: found} | ({"NextToken": token} if token else {})
