"""A made-up deployment: a value for every name that the templates refer to, as AWS would give it."""

from collections.abc import Mapping
from typing import Any

from deploy_scripts.cloudformation.sam_template import VARIABLE
from deploy_scripts.permissions.template_values import condition_values, fill_in

ACCOUNT, REGION = "123456789012", "us-east-1"
STACK = "dropserve"
_HERE = f"{REGION}:{ACCOUNT}"
# What Ref gives where it is not the name: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/
_REFS = {
    "AWS::EC2::Subnet": "subnet-0123456789abcdef0",
    "AWS::SNS::Topic": f"arn:aws:sns:{_HERE}:{{}}",
    "AWS::SQS::Queue": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{{}}",
    "AWS::Serverless::StateMachine": f"arn:aws:states:{_HERE}:stateMachine:{{}}",
}
# What Fn::GetAtt of Arn gives.
_ARNS = {
    "AWS::CloudWatch::Alarm": f"arn:aws:cloudwatch:{_HERE}:alarm:{{}}",
    "AWS::DynamoDB::Table": f"arn:aws:dynamodb:{_HERE}:table/{{}}",
    "AWS::ECR::Repository": f"arn:aws:ecr:{_HERE}:repository/{{}}",
    "AWS::Events::Rule": f"arn:aws:events:{_HERE}:rule/{{}}",
    "AWS::IAM::InstanceProfile": f"arn:aws:iam::{ACCOUNT}:instance-profile/{{}}",
    "AWS::IAM::Role": f"arn:aws:iam::{ACCOUNT}:role/{STACK}/{{}}",
    "AWS::Logs::LogGroup": f"arn:aws:logs:{_HERE}:log-group:{{}}:*",
    "AWS::S3::Bucket": "arn:aws:s3:::{}",
    "AWS::SQS::Queue": f"arn:aws:sqs:{_HERE}:{{}}",
    "AWS::Serverless::Function": f"arn:aws:lambda:{_HERE}:function:{{}}",
    "AWS::Serverless::StateMachine": f"arn:aws:states:{_HERE}:stateMachine:{{}}",
}
# The property that names a resource, where its template does.
_NAMES = (
    "BucketName",
    "TableName",
    "QueueName",
    "TopicName",
    "FunctionName",
    "LogGroupName",
    "AlarmName",
    "RepositoryName",
    "AlarmName",
    "Name",
)
# Parameters without a default, or whose default is empty where a value is of interest.
_PARAMETERS = {
    "ArtifactsBucket": "dropserve-artifacts",
    "TrainingCodeKey": "training/sourcedir.tar.gz",
    "Ec2BootKey": "training/ec2_boot.sh",
    "Deployment": STACK,
    "Network": "new",
    "ModelPackageGroupName": "pets",
    "KmsKeyArn": f"arn:aws:kms:{_HERE}:key/0123abcd-0123-0123-0123-0123456789ab",
    "ImageRepositoryArns": ",".join(
        f"arn:aws:ecr:{_HERE}:repository/{STACK}/{each}" for each in ("serve", "train")
    ),
}


# The state machines, by their logical names.
PIPELINE, SCORING = "TrainingPipeline", "PhotoScoring"


def example_values(template: Mapping[str, Any]) -> dict[str, str]:
    """`DataBucket`, `DataBucket.Arn`, `AWS::Region`, a parameter's name, ... -> its value."""
    values = {
        "AWS::Partition": "aws",
        "AWS::Region": REGION,
        "AWS::AccountId": ACCOUNT,
        "AWS::StackName": STACK,
        "AWS::URLSuffix": "amazonaws.com",
    }
    for name, parameter in template["Parameters"].items():
        image = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{STACK}/{name.lower()}:1"
        values[name] = _PARAMETERS.get(name, str(parameter.get("Default", image)))
    values |= condition_values(template, values)
    for name, resource in template["Resources"].items():
        properties = resource.get("Properties", {})
        named = next((properties[each] for each in _NAMES if each in properties), f"{STACK}-{name.lower()}")
        plain = str(fill_in(named, values))
        if alias := properties.get("AutoPublishAlias"):
            # SAM makes it: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification-generated-resources-function.html
            values[f"{name}Alias{alias}"] = f"arn:aws:lambda:{_HERE}:function:{plain}:{alias}"
        values[name] = _REFS.get(resource["Type"], "{}").format(plain)
        if form := _ARNS.get(resource["Type"]):
            values[f"{name}.Arn"] = form.format(plain)
        if resource["Type"] == "AWS::EC2::SecurityGroup":
            values[f"{name}.GroupId"] = "sg-0123456789abcdef0"
    return values


def substituted(
    definition_text: str, template: Mapping[str, Any], changes: Mapping[str, str], machine: str = PIPELINE
) -> str:
    """A state machine's text with each ${Name} replaced as a deployment replaces it; `changes` go before.

    `machine` is its logical name in the template.
    """
    values = example_values(template)
    properties = template["Resources"][machine]["Properties"]
    given = fill_in(properties["DefinitionSubstitutions"], values)
    return VARIABLE.sub(lambda match: {**given, **changes}[match[1]], definition_text)
