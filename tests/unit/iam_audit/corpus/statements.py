"""Single statements: broad grants, exposure, role passing; with conditions, denies and boundaries."""

from tests.unit.iam_audit.account_documents import ACCOUNT, allow, attachment, deny, managed_policy
from tests.unit.iam_audit.corpus.case import bad, near

ROLE = f"arn:aws:iam::{ACCOUNT}:role/jobs/training"
TO_SAGEMAKER = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
TAGGED = {"StringEquals": {"aws:ResourceTag/team": "ml"}}
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/limit"


def bounded(*statements):
    """The keywords of a role under a boundary of these statements."""
    return {"boundary": BOUNDARY, "policies": [managed_policy("limit", *statements)]}


def allow_not(actions, resources="*", **more):
    return {"Effect": "Allow", "NotAction": actions, "Resource": resources, **more}


def attached(name, *statements, owner="aws"):
    return {
        "attached": [attachment(name, owner)],
        "policies": [managed_policy(name, *statements, owner=owner)],
    }


ADMINISTRATOR = (
    bad("star on star", "administrator-access", allow("*")),
    bad("star:star in a list", "administrator-access", allow(["s3:GetObject", "*:*"])),
    bad("several stars", "administrator-access", allow("**")),
    bad("a star among resources", "administrator-access", allow("*", ["arn:aws:s3:::b", "*"])),
    bad("a Deny leaves most", "administrator-access", allow("*"), deny("organizations:*")),
    bad("a conditional Deny", "administrator-access", allow("*"), deny("*", Condition=TAGGED)),
    bad(
        "under MFA only",
        "administrator-access",
        allow("*", Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}}),
    ),
    bad("attached", "administrator-access", **attached("AdministratorAccess", allow("*"))),
    bad("a boundary that limits nothing", "administrator-access", allow("*"), **bounded(allow("*"))),
    near("a Deny of everything", "administrator-access", allow("*"), deny("*")),
    near(
        "a Deny of all but nothing",
        "administrator-access",
        allow("*"),
        {"Effect": "Deny", "NotAction": "x:y", "Resource": "*"},
    ),
    near("one bucket", "administrator-access", allow("*", "arn:aws:s3:::b/*")),
    near("a boundary of reads", "administrator-access", allow("*"), **bounded(allow("ec2:Describe*"))),
    near("a boundary that denies all", "administrator-access", allow("*"), **bounded(allow("*"), deny("*"))),
    near("a star in the middle", "administrator-access", allow("ec2:Descr*Instances")),
)

BROAD = (
    bad("a service", "service-wildcard", allow("ec2messages:*")),
    bad("a whole service's ARN", "service-wildcard", allow("xray:*", "arn:aws:xray:*:*:*")),
    bad("another Deny", "service-wildcard", allow("ec2messages:*"), deny("s3:*")),
    bad("the boundary leaves the service", "service-wildcard", allow("*"), **bounded(allow("ec2messages:*"))),
    bad(
        "a condition that is none",
        "service-wildcard",
        allow("xray:*", Condition={"StringLike": {"aws:ResourceTag/t": "*"}}),
    ),
    bad(
        "a condition met by itself",
        "service-wildcard",
        allow("xray:*", Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1"}}),
    ),
    bad("AWS's own policy", "service-wildcard", **attached("AmazonX", allow("ec2messages:*"))),
    near("reads of a service", "service-wildcard", allow("ec2:Describe*")),
    near("denied", "service-wildcard", allow("ec2messages:*"), deny("ec2*:*")),
    near(
        "denied all but another",
        "service-wildcard",
        allow("ec2messages:*"),
        {"Effect": "Deny", "NotAction": "s3:*", "Resource": "*"},
    ),
    near(
        "denied in every region",
        "service-wildcard",
        allow("ec2messages:*"),
        deny("*", "arn:*"),
        deny("ec2messages:*"),
    ),
    near(
        "not in the boundary",
        "service-wildcard",
        allow("ec2messages:*"),
        **bounded(allow("s3:GetObject", "arn:aws:s3:::b/*")),
    ),
    bad(
        "a service on a resource",
        "service-wildcard-on-resource",
        allow("sqs:*", f"arn:aws:sqs:*:{ACCOUNT}:q"),
    ),
    bad("a service under tags", "service-wildcard-on-resource", allow("sqs:*", Condition=TAGGED)),
    bad(
        "a boundary names the queue",
        "service-wildcard-on-resource",
        allow("sqs:*"),
        **bounded(allow("sqs:*", "arn:aws:sqs:*:*:q")),
    ),
    near(
        "actions of a queue",
        "service-wildcard-on-resource",
        allow(["sqs:Send*", "sqs:Get*"], f"arn:aws:sqs:*:{ACCOUNT}:q"),
    ),
    near(
        "denied on the queue",
        "service-wildcard-on-resource",
        allow("sqs:*", "arn:aws:sqs:*:*:q"),
        deny("sqs:*", "arn:aws:sqs:*:*:*"),
    ),
    bad(
        "all but IAM",
        "allow-not-action credentials-exposure data-exposure resource-exposure changes-privileged-code "
        "reaches-running-compute assume-any-role writes-permissions",
        allow_not(["iam:*"]),
    ),
    bad("all but, on a bucket", "allow-not-action", allow_not("s3:Delete*", "arn:aws:s3:::b/*")),
    near(
        "Deny all but",
        "allow-not-action",
        {"Effect": "Deny", "NotAction": "s3:*", "Resource": "*"},
        allow("s3:ListAllMyBuckets"),
    ),
    near(
        "all but, in a boundary of some",
        "allow-not-action",
        allow_not("iam:*"),
        **bounded(allow("ec2:Describe*")),
    ),
    bad(
        "all buckets but one",
        "allow-not-resource data-exposure",
        {"Effect": "Allow", "Action": "s3:GetObject", "NotResource": "arn:aws:s3:::pay/*"},
    ),
    bad(
        "all keys but one",
        "allow-not-resource",
        {"Effect": "Allow", "Action": "kms:DescribeKey", "NotResource": "arn:aws:kms:*:*:key/k"},
    ),
    near(
        "Deny all but",
        "allow-not-resource",
        deny("s3:*"),
        {"Effect": "Deny", "Action": "s3:*", "NotResource": "arn:aws:s3:::b/*"},
    ),
    near(
        "denied altogether",
        "allow-not-resource",
        {"Effect": "Allow", "Action": "kms:DescribeKey", "NotResource": "arn:aws:kms:*:*:key/k"},
        deny("kms:*"),
    ),
    bad("deleting tables", "needless-wildcard-resource", allow("dynamodb:DeleteTable")),
    bad("a pattern in the middle", "needless-wildcard-resource", allow("s3:*elete*ject", "arn:aws:s3:::*")),
    bad("a question mark", "needless-wildcard-resource", allow("s3:PutObjec?")),
    bad("upper case", "needless-wildcard-resource", allow("SQS:SENDMESSAGE")),
    bad("tags", "needless-wildcard-resource", allow("sqs:TagQueue")),
    bad(
        "a region is no limit",
        "needless-wildcard-resource",
        allow("sqs:DeleteQueue", Condition={"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}),
    ),
    bad(
        "TLS is no limit",
        "needless-wildcard-resource",
        allow("sqs:DeleteQueue", Condition={"Bool": {"aws:SecureTransport": "true"}}),
    ),
    bad(
        "if it exists",
        "needless-wildcard-resource",
        allow("sqs:DeleteQueue", Condition={"StringEqualsIfExists": {"aws:ResourceTag/t": "x"}}),
    ),
    bad(
        "for all values",
        "needless-wildcard-resource",
        allow("sqs:DeleteQueue", Condition={"ForAllValues:StringEquals": {"aws:TagKeys": "x"}}),
    ),
    bad(
        "the whole internet",
        "needless-wildcard-resource",
        allow("sqs:DeleteQueue", Condition={"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}),
    ),
    bad(
        "half the internet",
        "needless-wildcard-resource",
        allow("sqs:DeleteQueue", Condition={"IpAddress": {"aws:SourceIp": "128.0.0.0/1"}}),
    ),
    near("a queue", "needless-wildcard-resource", allow("sqs:DeleteQueue", "arn:aws:sqs:*:*:q")),
    near("tagged ones", "needless-wildcard-resource", allow("sqs:DeleteQueue", Condition=TAGGED)),
    near(
        "from the office",
        "needless-wildcard-resource",
        allow("sqs:DeleteQueue", Condition={"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}),
    ),
    near(
        "through the endpoint",
        "needless-wildcard-resource",
        allow("sqs:DeleteQueue", Condition={"StringEquals": {"aws:SourceVpce": "vpce-1"}}),
    ),
    near(
        "with MFA",
        "needless-wildcard-resource",
        allow("sqs:DeleteQueue", Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}}),
    ),
    near(
        "no resource can be named",
        "needless-wildcard-resource",
        allow(["cloudwatch:PutMetricData", "xray:PutTraceSegments", "states:SendTaskSuccess"]),
    ),
    near(
        "denied by a wider pattern", "needless-wildcard-resource", allow("sqs:DeleteQueue"), deny("sqs:Del*")
    ),
    near(
        "denied by NotAction",
        "needless-wildcard-resource",
        allow("sqs:DeleteQueue"),
        {"Effect": "Deny", "NotAction": ["sqs:Send*"], "Resource": "*"},
    ),
    bad(
        "NotAction spares it",
        "needless-wildcard-resource",
        allow("sqs:DeleteQueue"),
        {"Effect": "Deny", "NotAction": ["sqs:Del*"], "Resource": "*"},
    ),
    bad(
        "the Deny is on one queue",
        "needless-wildcard-resource",
        allow("sqs:DeleteQueue"),
        deny("sqs:*", "arn:aws:sqs:*:*:q"),
    ),
    bad(
        "the Deny spares others",
        "needless-wildcard-resource",
        allow("sqs:DeleteQueue"),
        {"Effect": "Deny", "Action": "sqs:*", "NotResource": "arn:aws:sqs:*:*:q"},
    ),
    near(
        "the boundary names the queue",
        "needless-wildcard-resource",
        allow("sqs:DeleteQueue"),
        **bounded(allow("sqs:*", "arn:aws:sqs:*:*:q")),
    ),
    near(
        "the boundary asks for a tag",
        "needless-wildcard-resource",
        allow("sqs:DeleteQueue"),
        **bounded(allow("*", Condition=TAGGED)),
    ),
    near(
        "the boundary is all but SQS",
        "needless-wildcard-resource",
        allow("sqs:DeleteQueue"),
        **bounded(allow_not("sqs:*")),
    ),
    bad(
        "the boundary is all but IAM",
        "needless-wildcard-resource",
        allow("sqs:DeleteQueue"),
        **bounded(allow_not("iam:*")),
    ),
    bad(
        "full access by name",
        "full-access-policy",
        **attached("AmazonSQSFullAccess", allow("sqs:ListQueues")),
    ),
    bad("power user", "full-access-policy", **attached("PowerUserAccess", allow("sqs:ListQueues"))),
    near("read only", "full-access-policy", **attached("AmazonSQSReadOnlyAccess", allow("sqs:List*"))),
    near(
        "of the account's own",
        "full-access-policy",
        **attached("OurFullAccess", allow("sqs:List*"), owner=ACCOUNT),
    ),
)

EXPOSURE = (
    bad("all objects", "data-exposure", allow("s3:GetObject")),
    bad("all secrets", "data-exposure", allow(["secretsmanager:Get*"])),
    bad("all parameters", "data-exposure", allow("ssm:GetParameter*")),
    bad("a bucket pattern of all", "data-exposure", allow("s3:GetObject", "arn:aws:s3:::*/*")),
    bad(
        "by AWS's policy",
        "data-exposure",
        **attached("AmazonS3ReadOnlyAccess", allow(["s3:Get*", "s3:List*"])),
    ),
    bad(
        "an organisation is no limit",
        "data-exposure",
        allow("s3:GetObject", Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1"}}),
    ),
    near("one bucket", "data-exposure", allow("s3:GetObject", "arn:aws:s3:::b/*")),
    near(
        "tags of objects",
        "data-exposure",
        allow("s3:GetObject", Condition={"StringEquals": {"s3:ExistingObjectTag/open": "yes"}}),
    ),
    near(
        "from one VPC",
        "data-exposure",
        allow("s3:GetObject", Condition={"StringEquals": {"aws:SourceVpc": "vpc-1"}}),
    ),
    near("lists", "data-exposure", allow(["s3:List*", "ssm:DescribeParameters"])),
    near("denied", "data-exposure", allow("s3:Get*", "*"), deny("s3:GetObject*")),
    bad("tokens of others", "credentials-exposure", allow("cognito-identity:GetOpenIdToken")),
    bad("passwords of machines", "credentials-exposure", allow("ec2:GetPasswordData")),
    bad(
        "database logins",
        "credentials-exposure",
        allow("redshift:GetClusterCredentials"),
    ),
    near(
        "one's own tokens",
        "credentials-exposure",
        allow(["sts:GetSessionToken", "ecr:GetAuthorizationToken"]),
    ),
    near(
        "one database",
        "credentials-exposure",
        allow("redshift:GetClusterCredentials", "arn:aws:redshift:*:*:dbuser:c/u"),
    ),
    bad("bucket policies", "resource-exposure", allow("s3:PutBucketPolicy")),
    bad("key policies", "resource-exposure", allow("kms:Put*")),
    bad("sharing snapshots", "resource-exposure", allow("ec2:ModifySnapshotAttribute")),
    near("one bucket", "resource-exposure", allow("s3:PutBucketPolicy", "arn:aws:s3:::b")),
    near("reading policies", "resource-exposure", allow(["s3:GetBucketPolicy", "kms:GetKeyPolicy"])),
    near("denied", "resource-exposure", allow("s3:PutBucket*"), deny("s3:Put*")),
)

PASSING = (
    bad("any role", "pass-any-role", allow("iam:PassRole")),
    bad("any role to one service", "pass-any-role", allow("iam:PassRole", Condition=TO_SAGEMAKER)),
    bad("any role by a pattern", "pass-any-role", allow("iam:PassR*", f"arn:aws:iam::{ACCOUNT}:role*")),
    bad(
        "all but one",
        "pass-any-role allow-not-resource",
        {"Effect": "Allow", "Action": "iam:PassRole", "NotResource": ROLE},
    ),
    near("one role to one service", "pass-any-role", allow("iam:PassRole", ROLE, Condition=TO_SAGEMAKER)),
    near(
        "roles of a path",
        "pass-any-role",
        allow("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/jobs/*", Condition=TO_SAGEMAKER),
    ),
    near("denied", "pass-any-role", allow("iam:PassRole"), deny("iam:*")),
    near(
        "the boundary names the role",
        "pass-any-role",
        allow("iam:PassRole"),
        **bounded(allow("iam:PassRole", ROLE, Condition=TO_SAGEMAKER)),
    ),
    bad("one role to any service", "pass-role-to-any-service", allow("iam:PassRole", ROLE)),
    bad(
        "to what it likes",
        "pass-role-to-any-service",
        allow("iam:PassRole", ROLE, Condition={"StringLike": {"iam:PassedToService": "*"}}),
    ),
    bad(
        "unless it says otherwise",
        "pass-role-to-any-service",
        allow(
            "iam:PassRole",
            ROLE,
            Condition={"StringEqualsIfExists": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        ),
    ),
    near(
        "to a pattern of services",
        "pass-role-to-any-service",
        allow(
            "iam:PassRole",
            ROLE,
            Condition={"StringLike": {"iam:PassedToService": "sagemaker*.amazonaws.com"}},
        ),
    ),
    near("denied", "pass-role-to-any-service", allow("iam:PassRole", ROLE), deny("iam:PassRole", ROLE)),
    bad("take any role", "assume-any-role", allow("sts:AssumeRole")),
    bad("take any role by a pattern", "assume-any-role", allow("sts:AssumeRole", "arn:aws:iam::*:role/*")),
    near("take one role", "assume-any-role", allow("sts:AssumeRole", ROLE)),
    near("who am I", "assume-any-role", allow("sts:GetCallerIdentity")),
    near(
        "take any tagged role",
        "assume-any-role",
        allow(
            "sts:AssumeRole",
            "arn:aws:iam::*:role/*",
            Condition={"StringEquals": {"iam:ResourceTag/open": "yes"}},
        ),
    ),
)

CASES = (*ADMINISTRATOR, *BROAD, *EXPOSURE, *PASSING)
