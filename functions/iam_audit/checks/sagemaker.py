"""SageMaker: how models, training jobs and notebooks are cut off from the network and from each other."""

from collections.abc import Iterator

from functions.iam_audit.checks.base import Check, Violation
from functions.iam_audit.settings import Settings
from functions.iam_audit.snapshot import Account

_GUIDE = "https://docs.aws.amazon.com/sagemaker/latest/dg"


class ModelOutsideVpc(Check):
    id = "model-outside-vpc"
    category = "models"
    severity = "informational"
    title = "The model runs outside a VPC"
    risk = (
        "Its containers reach the whole internet; no network rule of yours limits where they may send data."
    )
    remediation = "Give the model a VpcConfig with private subnets when its traffic must be limited."
    references = (f"{_GUIDE}/host-vpc.html",)

    def find(self, account: Account, settings: Settings) -> Iterator[Violation]:
        for model in account.models:
            if not model.in_vpc:
                yield Violation(model.arn, "It has no VpcConfig.")


class ModelWithoutIsolation(Check):
    id = "model-without-isolation"
    category = "models"
    severity = "informational"
    title = "The model's containers may use the network"
    risk = "Code that came with a model, or in a pickle, can send what it sees anywhere."
    remediation = "Set EnableNetworkIsolation on the model when its container needs no network."
    references = (f"{_GUIDE}/mkt-algo-model-internet-free.html",)

    def find(self, account: Account, settings: Settings) -> Iterator[Violation]:
        for model in account.models:
            if not model.isolated:
                yield Violation(model.arn, "EnableNetworkIsolation is off.")


class TrainingOutsideVpc(Check):
    id = "training-outside-vpc"
    category = "models"
    severity = "informational"
    title = "The training job ran outside a VPC"
    risk = "Its code, and every package that it installed, could send the training data anywhere."
    remediation = "Give training jobs a VpcConfig with an S3 gateway endpoint, or network isolation."
    references = (f"{_GUIDE}/train-vpc.html",)

    def find(self, account: Account, settings: Settings) -> Iterator[Violation]:
        for job in account.training_jobs:
            if not job.in_vpc and not job.isolated:
                yield Violation(job.arn, "It has no VpcConfig and no network isolation.")


class TrainingTrafficInClear(Check):
    id = "training-traffic-unencrypted"
    category = "models"
    severity = "low"
    title = "The instances of a training job talked in clear"
    risk = "What they tell each other about the training data can be read on the way."
    remediation = "Set EnableInterContainerTrafficEncryption on jobs of several instances."
    references = (f"{_GUIDE}/train-encrypt.html",)

    def find(self, account: Account, settings: Settings) -> Iterator[Violation]:
        for job in account.training_jobs:
            if job.instances > 1 and not job.encrypts_traffic:
                yield Violation(
                    job.arn, f"{job.instances} instances, and EnableInterContainerTrafficEncryption off."
                )


class TrainingOutputWithoutOwnKey(Check):
    id = "training-output-without-own-key"
    category = "models"
    severity = "informational"
    title = "The trained model is encrypted with AWS's key, not with one of your own"
    risk = "Whoever may read the bucket reads the model; a key's policy could say no."
    remediation = "Name a KMS key in OutputDataConfig when models are confidential."
    references = (f"{_GUIDE}/encryption-at-rest.html",)

    def find(self, account: Account, settings: Settings) -> Iterator[Violation]:
        for job in account.training_jobs:
            if not job.output_key:
                yield Violation(job.arn, "OutputDataConfig names no KMS key.")


class NotebookOnTheInternet(Check):
    id = "notebook-direct-internet"
    category = "models"
    severity = "medium"
    title = "The notebook has the internet directly"
    risk = "A notebook has people's rights and data; what it downloads and runs can send them anywhere."
    remediation = "Put it into private subnets and set DirectInternetAccess to Disabled."
    references = (f"{_GUIDE}/appendix-notebook-and-internet-access.html",)

    def find(self, account: Account, settings: Settings) -> Iterator[Violation]:
        for notebook in account.notebooks:
            if notebook.direct_internet:
                yield Violation(notebook.arn, "DirectInternetAccess is Enabled.")


class NotebookRoot(Check):
    id = "notebook-root-access"
    category = "models"
    severity = "low"
    title = "People are root on the notebook"
    risk = "They can change what watches and limits the notebook."
    remediation = "Set RootAccess to Disabled; lifecycle scripts still run as root."
    references = (f"{_GUIDE}/nbi-root-access.html",)

    def find(self, account: Account, settings: Settings) -> Iterator[Violation]:
        for notebook in account.notebooks:
            if notebook.root_access:
                yield Violation(notebook.arn, "RootAccess is Enabled.")


class NotebookOldMetadata(Check):
    id = "notebook-without-imdsv2"
    category = "models"
    severity = "medium"
    title = "The notebook answers old metadata requests"
    risk = "A program that can be tricked into one request gives away the credentials of the notebook's role."
    remediation = "Set MinimumInstanceMetadataServiceVersion to 2."
    references = (f"{_GUIDE}/nbi-imds.html",)

    def find(self, account: Account, settings: Settings) -> Iterator[Violation]:
        for notebook in account.notebooks:
            if not notebook.newest_metadata_only:
                yield Violation(notebook.arn, "MinimumInstanceMetadataServiceVersion is 1.")
