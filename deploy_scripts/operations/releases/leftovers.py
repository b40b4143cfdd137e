"""What runs have left behind, as the function `janitor` finds it; and its end."""

from typing import Any

from deploy_scripts.errors import CliError
from deploy_scripts.operations.deployment import Deployment
from deploy_scripts.operations.function_calls import call_function
from deploy_scripts.operations.releases.removal import Say, delete_endpoint
from functions.common.live_pointer import PointerError
from functions.janitor.leftovers import Clients, Janitor, Leftover


def find_leftovers(deployment: Deployment) -> list[Leftover]:
    """What costs most comes first. Raises CliError when the live pointer cannot be understood."""
    aws = deployment.aws
    janitor = Janitor(
        aws.stack,
        aws.region,
        deployment.ledger_table,
        deployment.outputs["LivePointerParameter"],
        Clients(aws.sagemaker, aws.ec2, aws.dynamodb, aws.stepfunctions, aws.ssm),
    )
    try:
        return janitor.find_leftovers()
    except PointerError as error:
        raise CliError(f"What is live is not known: {error}.", "Nothing was removed.") from error


def look_for_leftovers(deployment: Deployment) -> dict[str, Any]:
    """The document of schemas/janitor_report.schema.json, by the deployed function."""
    what = "The look for leftovers"
    return call_function(deployment, "JanitorFunctionName", {}, what=what, log="janitor")


def remove(deployment: Deployment, leftover: Leftover, say: Say) -> None:
    """Raises CliError for an endpoint that does not settle, and botocore's errors."""
    aws, name = deployment.aws, leftover.name
    match leftover.kind:
        case "endpoint":
            delete_endpoint(aws, name, say)
            return
        case "instance":
            aws.ec2.terminate_instances(InstanceIds=[name])
        case "training job":
            aws.sagemaker.stop_training_job(TrainingJobName=name)
        case "endpoint config":
            aws.sagemaker.delete_endpoint_config(EndpointConfigName=name)
        case "model":
            aws.sagemaker.delete_model(ModelName=name)
    say(f"Removed the {leftover.kind} {name}")
