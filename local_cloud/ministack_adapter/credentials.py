"""Access keys that the emulator has issued; it leaves the judging of signatures to the front door."""

from ministack.core import iam_evaluator, responses, router
from ministack.core.iam_evaluator import CredentialResolutionError
from ministack.services import s3

from local_cloud.door.authentication import KnownKey
from local_cloud.door.signed_request import SignedRequest
from local_cloud.ministack_adapter import points

EXPIRED = "ExpiredTokenException"


def install() -> None:
    """Takes from S3 its own check of signed URLs, which knows no key but the emulator's."""
    points.take(iam_evaluator, "resolve_credential", "access_key_id", "account_id", "session_token")
    points.take(iam_evaluator, "find_iam_access_key_account", "access_key_id")
    points.take(iam_evaluator, "is_root_access_key", "access_key_id")
    points.take(responses, "_account_from_sts_session", "access_key_id")
    points.take(s3, "_parse_multipart_form", "content_type", "body")
    points.take(router, "detect_service", "method", "path", "headers", "query_params")
    points.replace(
        s3, "_verify_presigned_sigv4", lambda *_: None, "method", "path", "headers", "query_params"
    )


class IssuedKeys:
    """What the front door asks of the emulator."""

    def known_key(self, access_key_id: str) -> KnownKey | None:
        """A key of CreateAccessKey, or of a session that STS began."""
        # The emulator takes `test` and every account's number for a root key, with a secret that all know.
        if iam_evaluator.is_root_access_key(access_key_id):
            return None
        account_id = responses._account_from_sts_session(
            access_key_id
        ) or iam_evaluator.find_iam_access_key_account(access_key_id)
        found = iam_evaluator.resolve_credential(access_key_id, account_id)
        if isinstance(found, CredentialResolutionError):
            return KnownKey("", is_expired=True) if found.code == EXPIRED else None
        return KnownKey(found.secret_access_key, found.session_token)

    def service_of(self, request: SignedRequest) -> str:
        """The service that would answer the request, by the emulator's own routing."""
        query: dict[str, list[str]] = {}
        for name, value in request.query_pairs:
            query.setdefault(name, []).append(value)
        return str(router.detect_service(request.method, request.path, request.headers, query))

    def form_fields(self, content_type: str, body: bytes) -> dict[str, str]:
        """The fields of a posted form but its file, names in lower case: the last of a name counts."""
        return {
            name.lower(): value.decode(errors="replace")
            for name, _filename, _headers, value in s3._parse_multipart_form(content_type, body)
            if name != "file"
        }
