"""The errors of each kind of call that pass by themselves: throttling, a service's faults, lost connections.

An optimized integration bears the names of the AWS SDK for Java v1, an aws-sdk one those of v2. An error that
a service's model does not name, such as much throttling, comes under the base name: `Ec2.Ec2Exception`.
https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html
Of Lambda: https://docs.aws.amazon.com/step-functions/latest/dg/bp-lambda-serviceexception.html
"""

# What follows `arn:aws:states:::`, without the operation -> names without their prefix, which comes first.
_NAMES: dict[str, tuple[str, ...]] = {
    "dynamodb": (
        "DynamoDB",
        "AmazonDynamoDBException",
        "InternalServerErrorException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceededException",
        "ThrottlingException",
        "TransactionConflictException",
    ),
    "lambda": (
        "Lambda",
        "AWSLambdaException",
        "ClientExecutionTimeoutException",
        # Of a function with a network: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
        "EC2ThrottledException",
        "ResourceNotReadyException",
        "ServiceException",
        "TooManyRequestsException",
    ),
    "sagemaker": ("SageMaker", "AmazonSageMakerException"),
    "sns": ("SNS", "AmazonSNSException", "InternalErrorException", "KMSThrottlingException"),
    "aws-sdk:applicationautoscaling": (
        "ApplicationAutoScaling",
        "ApplicationAutoScalingException",
        "ConcurrentUpdateException",
        # The service-linked role was made a moment ago.
        "FailedResourceAccessException",
        "InternalServiceException",
    ),
    "aws-sdk:cloudwatch": ("CloudWatch", "CloudWatchException"),
    "aws-sdk:cloudwatchlogs": (
        "CloudWatchLogs",
        "CloudWatchLogsException",
        "OperationAbortedException",
        "ServiceUnavailableException",
        "ThrottlingException",
    ),
    "aws-sdk:ec2": ("Ec2", "Ec2Exception"),
    "aws-sdk:s3": ("S3", "S3Exception"),
    "aws-sdk:sagemaker": ("SageMaker", "SageMakerException"),
    "aws-sdk:sfn": ("Sfn", "SfnException", "KmsThrottlingException"),
    "aws-sdk:ssm": (
        "Ssm",
        "SsmException",
        "InternalServerErrorException",
        "ThrottlingException",
        "TooManyUpdatesException",
    ),
}


def transient_errors(api: str) -> list[str]:
    """The names for a Retry of `api`, which is what follows `arn:aws:states:::`."""
    prefix, *names = _NAMES[api.rpartition(":")[0]]
    return [f"{prefix}.{name}" for name in (*names, "SdkClientException")]
