"""Confirms what a second deployment does to a live release."""

from deploy_scripts.account_checks.confirmation import Confirmation
from deploy_scripts.account_checks.serving import check_concurrency
from deploy_scripts.account_checks.trial import Trial
from deploy_scripts.errors import CliError
from deploy_scripts.operations.predictions import predict_photo, predict_url
from deploy_scripts.review.review import Review
from deploy_scripts.stack_deployment import DeployChoices, deploy

# No such host can exist (RFC 2606): it is refused by its name, or does not resolve.
_HOST = "photos.example"
_REFUSED = "does not fetch images from"


def _change(trial: Trial) -> str:
    before, version = trial.live, _version(trial)
    if _is_refused(trial):
        raise CliError(f"The function refuses {_HOST} before it is denied.")
    seen: list[Review] = []

    def accept(changes: Review) -> bool:
        seen.append(changes)
        return True

    choices = DeployChoices(parameters={"DeniedHosts": _HOST}, accept=accept)
    trial.deployed(deploy(trial.aws, choices, say=trial.say, warn=trial.say))
    if not _is_refused(trial):
        raise CliError(f"The alias still answers by the version {version}: {_HOST} is not denied.")
    if trial.live != before:
        raise CliError(f"{trial.live.release} is live after the deployment, and {before.release} was.")
    lines = [line for review in seen for line in review.sections["Resources"]]
    told = [line for line in lines if " InferenceFunction " in line]
    if not told:
        raise CliError(f"The change set did not name the function: {lines}")
    return f"the alias went from version {version} to {_version(trial)}; the change set told: {told[0]}"


def _is_refused(trial: Trial) -> bool:
    try:
        predict_url(trial.deployment, f"https://{_HOST}/a.jpg")
    except CliError as error:
        return _REFUSED in error.message
    return False


def _version(trial: Trial) -> str:
    alias = trial.deployment.outputs["InferenceFunctionAliasArn"]
    return trial.aws.functions.get_function_configuration(FunctionName=alias)["Version"]


def _still_answers(trial: Trial) -> str:
    live = trial.live
    kept = check_concurrency(trial)
    prediction = predict_photo(trial.deployment, str(trial.photo))
    if prediction.release != live.release:
        raise CliError(f"{prediction.release} answered, and {live.release} is live.")
    return f"{kept}; {prediction.release} answers"


CONFIRMATIONS = (
    Confirmation(
        "parameter change",
        "A parameter that only changes a function's environment reaches the alias; the change set tells what "
        "changes; what is live stays live",
        _change,
        "which values CloudFormation tells in a change set",
    ),
    Confirmation(
        "concurrency after a deployment",
        "Provisioned concurrency is ready at the new version, and the release still answers",
        _still_answers,
        "what Lambda does with provisioned concurrency when an alias moves",
    ),
)
