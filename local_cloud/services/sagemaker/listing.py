"""What all List actions share: filters, sorting, pages."""

from collections.abc import Iterable
from typing import Any

from local_cloud.services.paging import page
from local_cloud.services.sagemaker.names import invalid

_DEFAULT_PAGE_SIZE = 10
_RESULT_LISTS = {
    "TrainingJob": "TrainingJobSummaries",
    "Model": "Models",
    "EndpointConfig": "EndpointConfigs",
    "Endpoint": "Endpoints",
}


def list_page(
    documents: Iterable[dict[str, Any]],
    request: dict[str, Any],
    *,
    kind: str,
    fields: tuple[str, ...] = (),
    default_order: str = "Descending",
) -> dict[str, Any]:
    """The answer of a List action.

    `kind` is the prefix of the field names (`EndpointConfig` in EndpointConfigName), `fields` the rest of a
    summary's fields.
    """
    status_field = f"{kind}Status"
    found = [
        item
        for item in documents
        if request.get("NameContains", "").lower() in item[f"{kind}Name"].lower()
        and request.get("StatusEquals") in (None, item.get(status_field))
        and _between(item, "CreationTime", request)
        and _between(item, "LastModifiedTime", request)
    ]
    sort_by = {"Name": f"{kind}Name", "Status": status_field}.get(
        request.get("SortBy", "CreationTime"), "CreationTime"
    )
    found.sort(
        key=lambda item: item[sort_by], reverse=request.get("SortOrder", default_order) == "Descending"
    )
    wanted = (f"{kind}Name", f"{kind}Arn", "CreationTime", *fields)
    summaries = [{field: item[field] for field in wanted if field in item} for item in found]
    size = request.get("MaxResults", _DEFAULT_PAGE_SIZE)
    items, token = page(summaries, request.get("NextToken"), size, invalid("Invalid NextToken."))
    return {_RESULT_LISTS[kind]: items, **({"NextToken": token} if token else {})}


def _between(item: dict[str, Any], field: str, request: dict[str, Any]) -> bool:
    moment = item.get(field)
    after, before = request.get(f"{field}After"), request.get(f"{field}Before")
    return (after is None or moment >= after) and (before is None or moment <= before)
