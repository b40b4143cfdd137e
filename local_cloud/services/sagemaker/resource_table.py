"""Documents by ARN, with the refusals that SageMaker answers for a used or an unknown name."""

import copy
import threading
from typing import Any

from local_cloud.services.sagemaker.names import Caller, arn, arn_prefix, invalid
from local_cloud.services.sagemaker.tags import Tags


class ResourceTable:
    """`kind` is the resource's part of the ARN (`endpoint-config`), `noun` its name in messages."""

    def __init__(self, *, kind: str, noun: str, tags: Tags) -> None:
        self._kind = kind
        self._noun = noun
        self._tags = tags
        self._lock = threading.Lock()
        self._documents: dict[str, dict[str, Any]] = {}

    def refuse_used_name(self, caller: Caller, name: str) -> None:
        """Raises AwsError ValidationException when the name is taken."""
        key = arn(caller, self._kind, name)
        if key in self._documents:
            raise invalid(f'Cannot create already existing {self._noun} "{key}".')

    def add(self, caller: Caller, name: str, document: dict[str, Any], tags: list[dict[str, str]]) -> str:
        """Keeps a new document and returns its ARN. Raises AwsError when the name is taken."""
        key = arn(caller, self._kind, name)
        with self._lock:
            self.refuse_used_name(caller, name)
            self._documents[key] = copy.deepcopy(document)
        self._tags.set(key, tags)
        return key

    def get(self, caller: Caller, name: str) -> dict[str, Any]:
        """A copy of the document. Raises AwsError ValidationException for an unknown name."""
        key = arn(caller, self._kind, name)
        with self._lock:
            if key not in self._documents:
                raise invalid(f'Could not find {self._noun} "{key}".')
            return copy.deepcopy(self._documents[key])

    def remove(self, caller: Caller, name: str) -> None:
        """Forgets the document and its tags. Raises AwsError ValidationException for an unknown name."""
        key = arn(caller, self._kind, name)
        with self._lock:
            if self._documents.pop(key, None) is None:
                raise invalid(f'Could not find {self._noun} "{key}".')
        self._tags.forget(key)

    def all_of(self, caller: Caller) -> list[dict[str, Any]]:
        """Copies of the documents in the caller's account and region."""
        prefix = arn_prefix(caller, self._kind)
        with self._lock:
            return [copy.deepcopy(item) for key, item in self._documents.items() if key.startswith(prefix)]

    def get_state(self) -> dict[str, Any]:
        """ARN -> document."""
        with self._lock:
            return copy.deepcopy(self._documents)

    def restore(self, state: dict[str, Any]) -> None:
        """Takes up what `get_state` gave."""
        with self._lock:
            self._documents = copy.deepcopy(state)

    def reset(self) -> None:
        """Forgets everything."""
        with self._lock:
            self._documents.clear()
