"""Functions, models, state machines, instances, buckets and keys."""

import json
from dataclasses import replace

from functions.iam_audit.policy.policies import parse_policy
from functions.iam_audit.snapshot import (
    BLOCK_SETTINGS,
    Bucket,
    Function,
    FunctionPolicy,
    Instance,
    Key,
    Model,
    Notebook,
    StateMachine,
    TrainingJob,
)
from tests.unit.iam_audit.account_documents import ACCOUNT, account, role
from tests.unit.iam_audit.corpus.case import Case

HERE = f"us-east-1:{ACCOUNT}"
FUNCTION = Function(
    arn=f"arn:aws:lambda:{HERE}:function:f",
    name="f",
    runtime="python3.13",
    in_vpc=True,
    environment={},
    role_arn=f"arn:aws:iam::{ACCOUNT}:role/f",
    code_signing=True,
)
MODEL = Model(arn=f"arn:aws:sagemaker:{HERE}:model/m", name="m", in_vpc=True, isolated=True)
JOB = TrainingJob(
    f"arn:aws:sagemaker:{HERE}:training-job/j",
    "j",
    in_vpc=True,
    isolated=True,
    encrypts_traffic=True,
    output_key=True,
)
NOTEBOOK = Notebook(
    f"arn:aws:sagemaker:{HERE}:notebook-instance/n",
    "n",
    direct_internet=False,
    root_access=False,
    newest_metadata_only=True,
)
MACHINE = StateMachine(f"arn:aws:states:{HERE}:stateMachine:s", "s", log_level="ALL", definition="{}")
INSTANCE = Instance(f"arn:aws:ec2:{HERE}:instance/i", "i", requires_tokens=True)
BUCKET = Bucket("b", blocked=frozenset(BLOCK_SETTINGS))
OPEN = {"Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunction", "Resource": "*"}


def bad(label, finds, **kinds):
    return Case(label, account(**kinds), frozenset(finds.split()))


def near(label, nearly, also="", **kinds):
    return Case(label, account(**kinds), frozenset(also.split()), nearly)


def function(*, policy=None, qualifier=None, **changes):
    policies = (FunctionPolicy(qualifier, parse_policy({"Statement": policy})),) if policy else ()
    return {"functions": (replace(FUNCTION, policies=policies, **changes),)}


def bucket(policy=None, **changes):
    statements = parse_policy({"Statement": policy}) if policy else ()
    return {"buckets": (replace(BUCKET, policy=statements, **changes),)}


def key(**changes):
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": "kms:Decrypt",
        "Resource": "*",
        **changes,
    }
    return {"keys": (Key(f"arn:aws:kms:{HERE}:key/k", parse_policy({"Statement": statement})),)}


def machine(**parameters):
    definition = json.dumps({"StartAt": "Ask", "States": {"Ask": {"Type": "Task", "Parameters": parameters}}})
    return {"state_machines": (replace(MACHINE, definition=definition),)}


FUNCTIONS = (
    bad("anybody may call", "public-function", **function(policy=OPEN)),
    bad("anybody may call the alias", "public-function", **function(policy=OPEN, qualifier="live")),
    near(
        "one account may call",
        "public-function",
        **function(policy={**OPEN, "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}}}),
    ),
    near(
        "S3 may call",
        "public-function",
        **function(policy={**OPEN, "Principal": {"Service": "s3.amazonaws.com"}}),
    ),
    bad(
        "a password", "secret-in-environment", **function(environment={"DB_PASSWORD": "hunter2"}, key_arn="k")
    ),
    near(
        "where a password is",
        "secret-in-environment",
        **function(environment={"DB_PASSWORD": "/db/password"}, key_arn="k"),
    ),
    bad("an old runtime", "deprecated-runtime", **function(runtime="python3.8")),
    near("an image", "deprecated-runtime", **function(runtime=None, code_signing=None)),
    bad("no VPC", "function-outside-vpc", **function(in_vpc=False)),
    near("a VPC", "function-outside-vpc", **function()),
    bad("unsigned", "function-without-code-signing", **function(code_signing=False)),
    near("not known", "function-without-code-signing", **function(code_signing=None)),
    bad("AWS's key", "environment-without-own-key", **function(environment={"STAGE": "test"})),
    near("nothing to encrypt", "environment-without-own-key", **function()),
    Case(
        "two functions, one role",
        account(role("f"), functions=(FUNCTION, replace(FUNCTION, name="g"))),
        frozenset({"shared-function-role"}),
    ),
    near(
        "a role each",
        "shared-function-role",
        functions=(FUNCTION, replace(FUNCTION, name="g", role_arn="arn:aws:iam::1:role/g")),
    ),
)

MODELS = (
    bad("model outside", "model-outside-vpc", models=(replace(MODEL, in_vpc=False),)),
    near("model inside", "model-outside-vpc", models=(MODEL,)),
    bad("model with a network", "model-without-isolation", models=(replace(MODEL, isolated=False),)),
    near("model without", "model-without-isolation", models=(MODEL,)),
    bad(
        "training outside",
        "training-outside-vpc",
        training_jobs=(replace(JOB, in_vpc=False, isolated=False),),
    ),
    near("training without a network", "training-outside-vpc", training_jobs=(replace(JOB, in_vpc=False),)),
    bad(
        "talk in clear",
        "training-traffic-unencrypted",
        training_jobs=(replace(JOB, instances=2, encrypts_traffic=False),),
    ),
    near(
        "nobody to talk to",
        "training-traffic-unencrypted",
        training_jobs=(replace(JOB, encrypts_traffic=False),),
    ),
    bad("AWS's key", "training-output-without-own-key", training_jobs=(replace(JOB, output_key=False),)),
    near("a key", "training-output-without-own-key", training_jobs=(JOB,)),
    bad("on the internet", "notebook-direct-internet", notebooks=(replace(NOTEBOOK, direct_internet=True),)),
    near("off the internet", "notebook-direct-internet", notebooks=(NOTEBOOK,)),
    bad("people are root", "notebook-root-access", notebooks=(replace(NOTEBOOK, root_access=True),)),
    near("people are not", "notebook-root-access", notebooks=(NOTEBOOK,)),
    bad(
        "old metadata", "notebook-without-imdsv2", notebooks=(replace(NOTEBOOK, newest_metadata_only=False),)
    ),
    near("new metadata", "notebook-without-imdsv2", notebooks=(NOTEBOOK,)),
)

OTHERS = (
    bad("no log", "state-machine-without-logs", state_machines=(replace(MACHINE, log_level="OFF"),)),
    near(
        "errors logged", "state-machine-without-logs", state_machines=(replace(MACHINE, log_level="ERROR"),)
    ),
    bad("a password", "secret-in-definition", **machine(DbPassword="hunter2")),
    bad(
        "a key in a header",
        "secret-in-definition",
        **machine(Headers={"Authorization": "AKIAIOSFODNN7EXAMPLE"}),
    ),
    bad(
        "a token in a list", "secret-in-definition", **machine(Arguments=["https://kim:hunter2@example.com"])
    ),
    near("a path to one", "secret-in-definition", **machine(**{"Password.$": "$.password"})),
    near("an expression", "secret-in-definition", **machine(Password="{% $password %}")),
    near(
        "where one is",
        "secret-in-definition",
        **machine(SecretToken=f"arn:aws:secretsmanager:{HERE}:secret:x"),
    ),
    bad("optional tokens", "instance-without-imdsv2", instances=(replace(INSTANCE, requires_tokens=False),)),
    near("required tokens", "instance-without-imdsv2", instances=(INSTANCE,)),
    bad(
        "half a block", "bucket-without-public-access-block", **bucket(blocked=frozenset(BLOCK_SETTINGS[:2]))
    ),
    near("a whole block", "bucket-without-public-access-block", **bucket()),
    bad(
        "let in",
        "public-bucket-policy bucket-without-public-access-block",
        **bucket({**OPEN, "Action": "s3:GetObject"}, blocked=frozenset()),
    ),
    near("let in, but blocked", "public-bucket-policy", **bucket({**OPEN, "Action": "s3:GetObject"})),
    near(
        "kept out without TLS", "public-bucket-policy", **bucket({**OPEN, "Effect": "Deny", "Action": "s3:*"})
    ),
    bad("anybody's key", "public-key-policy", **key()),
    near(
        "the account's key",
        "public-key-policy",
        **key(Condition={"StringEquals": {"kms:CallerAccount": ACCOUNT}}),
    ),
    near("the root's key", "public-key-policy", **key(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"})),
)

CASES = (*FUNCTIONS, *MODELS, *OTHERS)
