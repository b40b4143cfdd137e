"""Access keys that the emulator has issued; it leaves the judging of signatures to the gateway."""

from ministack.core import iam_evaluator, responses, router
from ministack.core.iam_evaluator import CredentialResolutionError
from ministack.services import lambda_svc, s3

from local_cloud.ministack_adapter import patch_points
from local_cloud.request_auth.authentication import KnownKey
from local_cloud.request_auth.signed_request import SignedRequest
from local_cloud.request_auth.signed_url import signed_url
from local_cloud.server.root_key import RootKey

# https://docs.aws.amazon.com/lambda/latest/api/API_FunctionCodeLocation.html: valid for 10 minutes
CODE_LOAN_S = 600
EXPIRED = "ExpiredTokenException"


def install(root_key: RootKey) -> None:
    """Signs the addresses where Lambda lends out code, and takes from S3 its own checks of signed URLs.

    Those know no key but the emulator's own, and one version of signatures only.
    """
    _sign_code_addresses(root_key)
    patch_points.take(iam_evaluator, "resolve_credential", "access_key_id", "account_id", "session_token")
    patch_points.take(iam_evaluator, "find_iam_access_key_account", "access_key_id")
    patch_points.take(iam_evaluator, "is_root_access_key", "access_key_id")
    patch_points.take(responses, "_account_from_sts_session", "access_key_id")
    patch_points.take(s3, "_parse_multipart_form", "content_type", "body")
    patch_points.take(router, "detect_service", "method", "path", "headers", "query_params")
    patch_points.replace(
        s3, "_verify_presigned_sigv4", lambda *_: None, "method", "path", "headers", "query_params"
    )
    patch_points.replace(
        s3,
        "_reject_response_overrides_if_unsigned",
        lambda *_: None,
        *("headers", "query_params", "bucket_name", "key"),
    )


def _sign_code_addresses(root_key: RootKey) -> None:
    """`Code.Location` of GetFunction and `Content.Location` of layers are presigned URLs on AWS."""

    def code_url(func_name: str) -> str:
        return signed(function(func_name))

    def layer_url(layer_name: str, version: int) -> str:
        return signed(layer(layer_name, version))

    def signed(url: str) -> str:
        return signed_url(root_key, url.partition("?")[0], responses.get_region(), CODE_LOAN_S)

    function = patch_points.replace(lambda_svc, "_presigned_code_url", code_url, "func_name")
    layer = patch_points.replace(lambda_svc, "_layer_content_url", layer_url, "layer_name", "version")


class IssuedKeys:
    """What the gateway asks of the emulator."""

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
