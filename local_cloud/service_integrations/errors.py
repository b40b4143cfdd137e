"""Failures of a task, under the names that Retry and Catch know."""

import re

from botocore.model import ServiceModel

# Optimized integrations speak the names of the AWS SDK for Java v1: (prefix, error without a model).
OPTIMIZED_ERROR_NAMES = {
    "dynamodb": ("DynamoDB", "AmazonDynamoDBException"),
    "events": ("EventBridge", "AmazonEventBridgeException"),
    "lambda": ("Lambda", "AWSLambdaException"),
    "sagemaker": ("SageMaker", "AmazonSageMakerException"),
    "sns": ("SNS", "AmazonSNSException"),
    "sqs": ("SQS", "AmazonSQSException"),
    "states": ("StepFunctions", "AWSStepFunctionsException"),
}


class TaskError(Exception):
    """A task ended in `error` (a name for Retry and Catch) because of `cause`."""

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause


def sdk_error_name(model: ServiceModel, code: str) -> str:
    """The error of an aws-sdk integration: `DynamoDb.ConditionalCheckFailedException`, `Ec2.Ec2Exception`.

    The names are those of the AWS SDK for Java v2: the service id and the error's shape in its own
    camel case; an error without a model bears the service's base name.
    https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html
    """
    prefix = _camel_words(model.service_id)
    shape = _error_shape(model, code)
    return f"{prefix}.{_camel_words(_exception_name(shape)) if shape else prefix + 'Exception'}"


def optimized_error_name(service: str, model: ServiceModel, code: str) -> str:
    """The error of an optimized integration: `DynamoDB.ConditionalCheckFailedException`."""
    prefix, base = OPTIMIZED_ERROR_NAMES[service]
    shape = _error_shape(model, code)
    return f"{prefix}.{_exception_name(shape) if shape else base}"


def _error_shape(model: ServiceModel, code: str) -> str | None:
    for shape in model.error_shapes:
        if code in (shape.name, shape.metadata.get("error", {}).get("code")):
            return str(shape.name)
    return None


def _exception_name(shape: str) -> str:
    if shape.endswith("Exception"):
        return shape
    return shape.removesuffix("Fault") + "Exception"


def _camel_words(name: str) -> str:
    """`DynamoDB` -> `DynamoDb`, `Application Auto Scaling` -> `ApplicationAutoScaling`.

    The rule is the Java SDK's:
    https://github.com/aws/aws-sdk-java-v2/blob/master/utils/src/main/java/software/amazon/awssdk/utils/internal/CodegenNamingUtils.java
    """
    text = re.sub(r"[^A-Za-z0-9]+", " ", name)
    text = re.sub(r"([^a-z]{2,})v([0-9]+)", r"\1 v\2 ", text)
    text = re.sub(r"([^A-Z]{2,})V([0-9]+)", r"\1 V\2 ", text)
    text = re.sub(r"(?<=[a-z])(?=[A-Z][a-zA-Z0-9])", " ", text)
    text = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1 \2", text)
    text = re.sub(r"([0-9])([a-zA-Z])", r"\1 \2", text)
    return "".join(word[0].upper() + word[1:].lower() for word in text.split())
