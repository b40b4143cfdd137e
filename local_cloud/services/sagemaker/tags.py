"""AddTags, ListTags, DeleteTags."""

import threading
from typing import Any

from local_cloud.service import ActionHandler, AwsError, Call
from local_cloud.services.paging import page
from local_cloud.services.sagemaker.names import invalid

# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_AddTags.html
_MAX_TAGS = 50


class Tags:
    """ARN -> key -> value, of every resource that exists."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tags: dict[str, dict[str, str]] = {}

    def actions(self) -> dict[str, ActionHandler]:
        """API action name -> its handler."""
        return {"AddTags": self._add, "ListTags": self._list, "DeleteTags": self._delete}

    def set(self, resource_arn: str, tags: list[dict[str, str]]) -> None:
        """A new resource, with the tags that it was made with."""
        with self._lock:
            self._tags[resource_arn] = {tag["Key"]: tag["Value"] for tag in tags}

    def forget(self, resource_arn: str) -> None:
        """The resource is gone."""
        with self._lock:
            self._tags.pop(resource_arn, None)

    def get_state(self) -> dict[str, Any]:
        """ARN -> key -> value."""
        with self._lock:
            return {key: dict(tags) for key, tags in self._tags.items()}

    def restore(self, state: dict[str, Any]) -> None:
        """Takes up what `get_state` gave."""
        self._tags = {key: dict(tags) for key, tags in state.items()}

    def reset(self) -> None:
        """Forgets everything."""
        with self._lock:
            self._tags.clear()

    def _of(self, call: Call) -> dict[str, str]:
        resource_arn = call.parameters["ResourceArn"]
        if resource_arn not in self._tags:
            raise invalid(f"Could not find resource {resource_arn}.")
        return self._tags[resource_arn]

    def _add(self, call: Call) -> dict[str, Any]:
        with self._lock:
            tags = self._of(call)
            added = {tag["Key"]: tag["Value"] for tag in call.parameters["Tags"]}
            if len(tags | added) > _MAX_TAGS:
                raise AwsError("ResourceLimitExceeded", f"A resource can have at most {_MAX_TAGS} tags.")
            tags.update(added)
            return {"Tags": _listed(tags)}

    def _list(self, call: Call) -> dict[str, Any]:
        with self._lock:
            tags = _listed(self._of(call))
        size = call.parameters.get("MaxResults", _MAX_TAGS)
        items, token = page(tags, call.parameters.get("NextToken"), size, invalid("Invalid NextToken."))
        return {"Tags": items, **({"NextToken": token} if token else {})}

    def _delete(self, call: Call) -> dict[str, Any]:
        with self._lock:
            tags = self._of(call)
            for key in call.parameters["TagKeys"]:
                tags.pop(key, None)
        return {}


def _listed(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
