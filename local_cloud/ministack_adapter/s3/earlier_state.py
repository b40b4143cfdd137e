"""What S3 held in memory before a write, to be put back when the write cannot be stored."""

from typing import Any

from ministack.services import s3

from local_cloud.ministack_adapter import patch_points

_ABSENT: Any = object()
_BY_VERSION = (
    "_object_tags",
    "_object_acl",
    "_object_annotations",
    "_object_retention",
    "_object_legal_hold",
)


class EarlierState:
    """Of one bucket and the keys that a request writes."""

    def __init__(self, bucket_name: str, upload_id: str) -> None:
        self.bucket_name = bucket_name
        self._bucket = s3._buckets.get(bucket_name)
        self._keys: dict[str, _Key] = {}
        self._upload_id = upload_id
        upload = patch_points.take(s3, "_multipart_uploads").get(upload_id)
        self._upload = upload and {**upload, "parts": dict(upload["parts"])}

    def remember(self, *keys: str, current: Any = _ABSENT) -> None:
        """The keys as they are; `current`: the object that a key had, where it has been replaced already."""
        for key in keys:
            if key not in self._keys and self._bucket is not None:
                here = self._bucket["objects"].get(key) if current is _ABSENT else current
                self._keys[key] = _Key(self.bucket_name, key, here)

    def put_back(self) -> None:
        """Nothing of the request is left."""
        if self._bucket is None:
            s3._buckets.pop(self.bucket_name, None)
            return
        for key in self._keys.values():
            key.put_back(self._bucket["objects"])
        if self._upload:
            s3._multipart_uploads[self._upload_id] = self._upload
            # Else the client's next attempt would be told that all is done.
            patch_points.take(s3, "_completed_multipart_uploads").pop(self._upload_id, None)


class _Key:
    def __init__(self, bucket_name: str, key: str, current: dict[str, Any] | None) -> None:
        self._name = (bucket_name, key)
        self._current = None if current is None else dict(current)
        self._versions = [dict(version) for version in s3._object_versions.get(self._name) or []]
        self._facts = {store: self._read(store) for store in _BY_VERSION}

    def put_back(self, objects: dict[str, Any]) -> None:
        for store in _BY_VERSION:
            for version_id in self._read(store):
                getattr(s3, store).pop((*self._name, version_id), None)
            for version_id, value in self._facts[store].items():
                getattr(s3, store)[(*self._name, version_id)] = value
        if self._versions:
            s3._object_versions[self._name] = self._versions
        else:
            s3._object_versions.pop(self._name, None)
        if self._current is None:
            objects.pop(self._name[1], None)
        else:
            objects[self._name[1]] = self._current

    def _read(self, store: str) -> dict[str | None, Any]:
        """Version -> what the store holds of it."""
        table = patch_points.take(s3, store)
        versions = s3._object_versions.get(self._name) or []
        ids = dict.fromkeys([None, *(version["version_id"] for version in versions)])
        return {each: table[(*self._name, each)] for each in ids if (*self._name, each) in table}
