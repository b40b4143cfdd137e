"""The cut-down models of AWS's services work as botocore's whole ones do."""

import shutil
from pathlib import Path

import pytest
from botocore.awsrequest import AWSRequest
from botocore.session import Session

from deploy_scripts.packaging.functions import OWN_OPERATIONS
from deploy_scripts.packaging.service_models import write_service_models
from functions.inference import clients

pytestmark = pytest.mark.slow

OPERATIONS = OWN_OPERATIONS["inference"]
REGIONS = ["us-east-1", "eu-west-1", "ap-southeast-3", "cn-north-1", "us-gov-west-1", "eu-isoe-west-1"]
CALLS = {
    "sagemaker-runtime": (
        "invoke_endpoint",
        {"EndpointName": "e", "ContentType": "image/jpeg", "Accept": "application/json", "Body": b"x"},
    ),
    "ssm": ("get_parameter", {"Name": "/dropserve/live"}),
    "s3": ("get_object", {"Bucket": "data", "Key": "uploads/a b.jpg"}),
}


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "service_models"
    write_service_models(OPERATIONS, folder)
    return folder


@pytest.fixture
def shipped_session(shipped: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    monkeypatch.setattr(clients, "SHIPPED_MODELS", shipped)
    return clients.session.__wrapped__()


def sent(session: Session, service: str, region: str) -> AWSRequest:
    """The request that a client would send: method, URL, headers and body, stopped short of the wire."""
    client = session.create_client(
        service, region_name=region, aws_access_key_id="key", aws_secret_access_key="secret"
    )
    requests: list[AWSRequest] = []

    def stop(request: AWSRequest, **_: object) -> None:
        requests.append(request)
        raise InterruptedError

    client.meta.events.register("before-send", stop)
    name, arguments = CALLS[service]
    with pytest.raises(InterruptedError):
        getattr(client, name)(**arguments)
    return requests[0]


def signed_for(request: AWSRequest) -> tuple[str, str]:
    """Region and service, and the names of the signed headers."""
    credential, headers, _ = request.headers["Authorization"].decode().split(", ")
    _, _, region, service, _ = credential.split("/")
    return f"{region} {service}", headers


@pytest.mark.parametrize("service", CALLS)
@pytest.mark.parametrize("region", REGIONS)
def test_a_client_sends_the_same_request(shipped_session: Session, service: str, region: str) -> None:
    ours, whole = sent(shipped_session, service, region), sent(Session(), service, region)

    assert (ours.method, ours.url, ours.body) == (whole.method, whole.url, whole.body)
    assert ours.headers.keys() == whole.headers.keys()
    assert signed_for(ours) == signed_for(whole)


@pytest.mark.parametrize("variable", ["AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"])
def test_a_client_heeds_the_environment_alike(
    shipped_session: Session, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "true")

    for service in CALLS:
        assert sent(shipped_session, service, "us-east-1").url == sent(Session(), service, "us-east-1").url


def test_each_named_operation_is_there_and_no_other_of_its_service(shipped_session: Session) -> None:
    for service, names in OPERATIONS.items():
        model = shipped_session.get_service_model(service)
        assert set(model.operation_names) == set(names)
        for name in names:
            whole = Session().get_service_model(service).operation_model(name)
            ours = model.operation_model(name)
            assert [shape.name for shape in ours.error_shapes] == [shape.name for shape in whole.error_shapes]
            assert ours.output_shape.members.keys() == whole.output_shape.members.keys()


@pytest.mark.parametrize("unknown", ["endpoint-rule-set-1.json", "partitions.json", "_retry.json"])
def test_a_file_that_only_a_newer_botocore_asks_for_is_botocores_own(
    shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unknown: str
) -> None:
    """As if its format had come after the zip was built."""
    older = shutil.copytree(shipped, tmp_path / "older")
    missing = list(older.rglob(unknown))
    assert missing
    for file in missing:
        file.unlink()
    monkeypatch.setattr(clients, "SHIPPED_MODELS", older)
    session = clients.session.__wrapped__()

    for service in CALLS:
        ours, whole = sent(session, service, "eu-west-1"), sent(Session(), service, "eu-west-1")
        assert (ours.method, ours.url, ours.body) == (whole.method, whole.url, whole.body)
    assert "InvokeEndpoint" in session.get_service_model("sagemaker-runtime").operation_names
    assert len(session.get_service_model("sagemaker-runtime").operation_names) == 1
    assert session.get_service_model("ec2").operation_names


def test_an_operation_that_a_service_does_not_have_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="PutEverything"):
        write_service_models({"ssm": ("PutEverything",)}, tmp_path)


def test_without_the_folder_botocores_own_models_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "SHIPPED_MODELS", tmp_path / "absent")

    assert len(clients.session.__wrapped__().get_service_model("ssm").operation_names) > 100
