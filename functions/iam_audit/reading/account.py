"""One snapshot of the account: IAM as a whole, the rest in the region of the clients.

A call that is refused or fails becomes a named gap of the snapshot: the audit reports what it could not see.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any

from functions.iam_audit.reading.iam import read_credentials, read_identities, read_service_uses
from functions.iam_audit.reading.lambda_functions import read_functions
from functions.iam_audit.reading.resources import (
    read_buckets,
    read_instances,
    read_keys,
    read_state_machines,
)
from functions.iam_audit.reading.sagemaker import read_models, read_notebooks, read_training_jobs
from functions.iam_audit.reading.sweep import Clients, Sweep
from functions.iam_audit.snapshot import Account


def read_account(clients: Clients, *, taken_at: datetime) -> Account:
    """The snapshot. `clients` gives the client of an AWS service by boto3's name of it."""
    sweep = Sweep(clients)
    region: str | None = clients("lambda").meta.region_name
    account = read_identities(sweep, taken_at)
    functions, models = read_functions(sweep), read_models(sweep)
    account_id = account.account_id or _account_of([*functions, *models])
    account = replace(
        account,
        account_id=account_id,
        region=region,
        credentials=read_credentials(sweep),
        functions=functions,
        models=models,
        training_jobs=read_training_jobs(sweep),
        notebooks=read_notebooks(sweep),
        state_machines=read_state_machines(sweep),
        instances=read_instances(sweep, region),
        buckets=read_buckets(sweep, account_id),
        keys=read_keys(sweep),
        service_uses=read_service_uses(sweep, account.roles),
    )
    return replace(account, gaps=(*account.gaps, *sweep.gaps), api_calls=sweep.calls)


def _account_of(resources: list[Any]) -> str | None:
    return next((resource.arn.split(":")[4] for resource in resources), None)
