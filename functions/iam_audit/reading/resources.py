"""State machines, instances, buckets and keys."""

from functions.iam_audit.policy.policies import PolicyError, Statement, parse_policy
from functions.iam_audit.reading.sweep import Sweep
from functions.iam_audit.snapshot import BLOCK_SETTINGS, Bucket, Instance, Key, StateMachine

MAX_STATE_MACHINES = 100
MAX_BUCKETS = 100
MAX_KEYS = 100

_NO_BLOCK = ("NoSuchPublicAccessBlockConfiguration",)
_ENDED = frozenset({"shutting-down", "terminated"})


def read_state_machines(sweep: Sweep) -> tuple[StateMachine, ...]:
    """The state machines, with definition and logging."""
    arns = [
        machine["stateMachineArn"]
        for page in sweep.pages("stepfunctions", "list_state_machines")
        for machine in page["stateMachines"]
    ]
    operation, machines = "describe_state_machine", []
    for arn in sweep.first(arns, MAX_STATE_MACHINES, "stepfunctions", operation, "state machines"):
        machine = sweep.detail(
            "stepfunctions", operation, absent=("StateMachineDoesNotExist",), stateMachineArn=arn
        )
        if machine:
            logging = machine.get("loggingConfiguration") or {}
            machines.append(
                StateMachine(
                    arn=arn,
                    name=machine["name"],
                    log_level=logging.get("level", "OFF"),
                    definition=machine.get("definition", ""),
                    role_arn=machine.get("roleArn"),
                )
            )
    return tuple(machines)


def read_instances(sweep: Sweep, region: str | None) -> tuple[Instance, ...]:
    """The EC2 instances that are not ended."""
    return tuple(
        Instance(
            arn=f"arn:aws:ec2:{region}:{reservation['OwnerId']}:instance/{instance['InstanceId']}",
            id=instance["InstanceId"],
            requires_tokens=(instance.get("MetadataOptions") or {}).get("HttpTokens") == "required",
            profile_arn=(instance.get("IamInstanceProfile") or {}).get("Arn"),
        )
        for page in sweep.pages("ec2", "describe_instances")
        for reservation in page["Reservations"]
        for instance in reservation["Instances"]
        if instance["State"]["Name"] not in _ENDED
    )


def read_buckets(sweep: Sweep, account_id: str | None) -> tuple[Bucket, ...]:
    """The buckets, with their policy and public access block; the account's own block counts for all."""
    listed = sweep.detail("s3", "list_buckets")
    names = [bucket["Name"] for bucket in listed["Buckets"]] if listed else []
    blocks: dict[str, frozenset[str]] = {}
    for name in sweep.first(names, MAX_BUCKETS, "s3", "get_public_access_block", "buckets"):
        answer = sweep.detail(
            "s3", "get_public_access_block", absent=(*_NO_BLOCK, "NoSuchBucket"), Bucket=name
        )
        if sweep.was_refused("s3", "get_public_access_block"):
            break  # What is not known is no finding.
        blocks[name] = _blocked(answer)
    # Only where a bucket's own block is not whole does the account's matter.
    whole = frozenset(BLOCK_SETTINGS)
    everywhere = _account_block(sweep, account_id) if any(it < whole for it in blocks.values()) else whole
    return tuple(
        Bucket(name=name, blocked=block | (everywhere or frozenset()), policy=_bucket_policy(sweep, name))
        for name, block in blocks.items()
        if block == whole or everywhere is not None
    )


def _account_block(sweep: Sweep, account_id: str | None) -> frozenset[str] | None:
    """The account's block; None when it could not be read."""
    if account_id is None:
        return frozenset()
    answer = sweep.detail("s3control", "get_public_access_block", absent=_NO_BLOCK, AccountId=account_id)
    return None if sweep.was_refused("s3control", "get_public_access_block") else _blocked(answer)


def _blocked(answer: object) -> frozenset[str]:
    settings = answer.get("PublicAccessBlockConfiguration") or {} if isinstance(answer, dict) else {}
    return frozenset(name for name in BLOCK_SETTINGS if settings.get(name))


def _bucket_policy(sweep: Sweep, name: str) -> tuple[Statement, ...]:
    answer = sweep.detail(
        "s3", "get_bucket_policy", absent=("NoSuchBucketPolicy", "NoSuchBucket"), Bucket=name
    )
    return _statements(sweep, f"policy of bucket {name}", answer["Policy"]) if answer else ()


def read_keys(sweep: Sweep) -> tuple[Key, ...]:
    """The KMS keys with their policy; AWS's own keys among them are limited by theirs."""
    arns = [key["KeyArn"] for page in sweep.pages("kms", "list_keys") for key in page["Keys"]]
    keys = []
    for arn in sweep.first(arns, MAX_KEYS, "kms", "get_key_policy", "keys"):
        answer = sweep.detail(
            "kms", "get_key_policy", absent=("NotFoundException",), KeyId=arn, PolicyName="default"
        )
        if answer:
            keys.append(Key(arn, _statements(sweep, f"policy of key {arn}", answer["Policy"])))
    return tuple(keys)


def _statements(sweep: Sweep, name: str, document: str) -> tuple[Statement, ...]:
    try:
        return parse_policy(document)
    except PolicyError as error:
        sweep.gap(name, str(error))
        return ()
