"""CloudFormation: properties that ministack's handlers drop are kept."""

import json
from collections.abc import Callable
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from ministack.services import dynamodb, lambda_svc, s3, sns
from ministack.services import stepfunctions as sfn
from ministack.services.cloudformation import provisioners

from local_cloud.ministack_adapter import patch_points

Properties = dict[str, Any]
TABLE = "_RESOURCE_HANDLERS"
FUNCTION = "AWS::Lambda::Function"
TABLE_OF_ITEMS = "AWS::DynamoDB::Table"
TOPIC = "AWS::SNS::Topic"
BUCKET = "AWS::S3::Bucket"
STATE_MACHINE = "AWS::StepFunctions::StateMachine"
# Names and values together: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MAX_ENVIRONMENT_BYTES = 4096
# Properties of a function that are kept as they are in its configuration.
PLAIN_FUNCTION_PROPERTIES = ("DeadLetterConfig", "FileSystemConfigs", "KmsKeyArn", "VpcConfig")
# The API's name of a property, where it is another one.
API_NAMES = {"KmsKeyArn": "KMSKeyArn"}


def install() -> None:
    """Wraps the handlers of buckets, tables, topics, functions and state machines."""
    _wrap(BUCKET, _finish_bucket)
    _wrap(TABLE_OF_ITEMS, _finish_table)
    _wrap(TOPIC, _finish_topic)
    _wrap(FUNCTION, _finish_function, check=_check_environment)
    _wrap(STATE_MACHINE, _finish_state_machine)
    _refuse_missing_code()


def _wrap(
    resource_type: str,
    finish: Callable[[str, Properties], None],
    check: Callable[[Properties], None] = lambda _properties: None,
) -> None:
    """Has `check` called before, and `finish(physical id, properties)` after a resource is made or updated.

    What `check` raises as ValueError is why the resource failed.
    """
    handlers = patch_points.take_entry(provisioners, TABLE, resource_type)
    create_original, update_original = handlers["create"], handlers["update"]

    def create(logical_id: str, properties: Properties, stack_name: str) -> Any:
        check(properties)
        result = create_original(logical_id, properties, stack_name)
        finish(result[0], properties)
        return result

    def update(physical_id: str, old: Properties, new: Properties, *arguments: Any) -> Any:
        check(new)
        result = update_original(physical_id, old, new, *arguments)
        finish(result[0], new)
        return result

    handlers.update(create=create, update=update)


def _check_environment(properties: Properties) -> None:
    """Raises ValueError in Lambda's words, as https://github.com/github-aws-runners/terraform-aws-github-runner/issues/3594
    quotes them: what is measured is the JSON of the variables.
    """
    variables = (properties.get("Environment") or {}).get("Variables") or {}
    measured = json.dumps(variables, separators=(",", ":"), ensure_ascii=False)
    if len(measured.encode()) > MAX_ENVIRONMENT_BYTES:
        raise ValueError(
            "Lambda was unable to configure your environment variables because the environment variables "
            f"you have provided exceeded the 4KB limit. String measured: {measured}"
        )


def _finish_function(name: str, properties: Properties) -> None:
    config = patch_points.take(lambda_svc, "_functions")[name]["config"]
    for key in PLAIN_FUNCTION_PROPERTIES:
        name_there = API_NAMES.get(key, key)
        if key in properties:
            config[name_there] = properties[key]
        else:
            config.pop(name_there, None)
    if "VpcConfig" in properties:
        config["VpcConfig"] = patch_points.take(lambda_svc, "_vpc_config_with_id")(properties["VpcConfig"])
    _set_concurrency(name, properties.get("ReservedConcurrentExecutions"))


def _set_concurrency(name: str, reserved: Any) -> None:
    if reserved is None:
        patch_points.take(lambda_svc, "_delete_function_concurrency")(name)
        return
    put = patch_points.take(lambda_svc, "_put_function_concurrency")
    status, _headers, body = put(name, {"ReservedConcurrentExecutions": int(reserved)})
    if status >= 400:
        raise ValueError(f"{FUNCTION} {name}: ReservedConcurrentExecutions: {body.decode()}")


def _refuse_missing_code() -> None:
    """Without its code ministack makes a function that answers a canned reply."""
    handlers = patch_points.take_entry(provisioners, TABLE, FUNCTION)
    create_original = handlers["create"]

    def create(logical_id: str, properties: Properties, stack_name: str) -> Any:
        code = properties.get("Code", {})
        bucket, key = code.get("S3Bucket"), code.get("S3Key")
        if bucket and key and not lambda_svc._fetch_code_from_s3(bucket, key, code.get("S3ObjectVersion")):
            raise ValueError(
                "Error occurred while GetObject. S3 Error Code: NoSuchKey. "
                f"S3 Error Message: The specified key does not exist: s3://{bucket}/{key}"
            )
        return create_original(logical_id, properties, stack_name)

    patch_points.take(lambda_svc, "_fetch_code_from_s3", "bucket", "key", "version_id")
    handlers["create"] = create


def _finish_bucket(name: str, properties: Properties) -> None:
    rules = properties.get("BucketEncryption", {}).get("ServerSideEncryptionConfiguration", [])
    if not rules:
        patch_points.take(s3, "_delete_bucket_encryption", "name")(name)
        return
    put = patch_points.take(s3, "_put_bucket_encryption", "name", "body")
    status, _headers, body = put(name, _encryption_document(rules))
    if status >= 400:
        raise ValueError(f"{BUCKET} {name}: BucketEncryption: {body.decode()}")


def _finish_table(name: str, properties: Properties) -> None:
    """The template says SSEEnabled, the API Enabled."""
    given: Properties = dict(properties.get("SSESpecification") or {})
    described = patch_points.take(dynamodb, "_sse_description_from_spec", "spec")
    table = patch_points.take(dynamodb, "_tables")[name]
    enabled = given.pop("SSEEnabled", False)
    table["SSEDescription"] = described({**given, "Enabled": enabled}) if enabled else None


def _finish_topic(arn: str, properties: Properties) -> None:
    attributes = patch_points.take(sns, "_topics")[arn]["attributes"]
    if "KmsMasterKeyId" in properties:
        attributes["KmsMasterKeyId"] = properties["KmsMasterKeyId"]
    else:
        attributes.pop("KmsMasterKeyId", None)


def _encryption_document(rules: list[Properties]) -> bytes:
    """S3's own form: https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketEncryption.html"""
    root = Element("ServerSideEncryptionConfiguration", xmlns="http://s3.amazonaws.com/doc/2006-03-01/")
    for rule in rules:
        element = SubElement(root, "Rule")
        by_default = SubElement(element, "ApplyServerSideEncryptionByDefault")
        for key, value in rule.get("ServerSideEncryptionByDefault", {}).items():
            SubElement(by_default, key).text = value
        SubElement(element, "BucketKeyEnabled").text = str(rule.get("BucketKeyEnabled", False)).lower()
    return tostring(root)


def _finish_state_machine(arn: str, properties: Properties) -> None:
    machine = patch_points.take(sfn, "_state_machines")[arn]
    logging = properties.get("LoggingConfiguration")
    if logging:
        machine["loggingConfiguration"] = _camel(logging)
    enabled = (properties.get("TracingConfiguration") or {}).get("Enabled", False)
    machine["tracingConfiguration"] = {"enabled": str(enabled).lower() == "true"}


def _camel(value: Any) -> Any:
    """The template's names as the API's: `IncludeExecutionData` -> `includeExecutionData`."""
    if isinstance(value, dict):
        return {key[:1].lower() + key[1:]: _camel(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_camel(item) for item in value]
    if value in ("true", "false"):
        return value == "true"
    return value
