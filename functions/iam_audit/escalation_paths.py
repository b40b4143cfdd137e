"""Publicly known ways from a few rights to many, as data.

Catalogued by https://pathfinding.cloud/paths/ and, first, by
https://rhinosecuritylabs.com/aws/aws-privilege-escalation-methods-mitigation/. A path is open to who may do
all of its actions. Only what a way cannot do without is listed: code that is made can be set off by others,
so that `lambda:CreateFunction` needs no `lambda:InvokeFunction` here.
"""

from dataclasses import dataclass
from functools import cached_property

PASS_ROLE = "iam:PassRole"  # noqa: S105 (an action, not a password)


@dataclass(frozen=True)
class EscalationPath:
    """`how` continues "It may ..."; `services` are those to which a role is passed, if one is.

    `kind`: `own` writes the caller's own rights, `others` takes over another identity, `launch` runs new code
    under a passed role, `code` changes the code of something that has a role, `compute` gets into something
    that runs with one.
    """

    id: str
    kind: str
    how: str
    actions: tuple[str, ...]
    services: tuple[str, ...] = ()

    @cached_property
    def needs(self) -> frozenset[str]:
        """The actions in lower case, which is how actions are compared."""
        return frozenset(map(str.lower, self.actions))


def _launch(id_: str, service: str, how: str, *actions: str) -> EscalationPath:
    return EscalationPath(id_, "launch", how, (PASS_ROLE, *actions), (f"{service}.amazonaws.com",))


_WRITES_OWN_RIGHTS = (
    EscalationPath("iam-001", "own", "write a new version of a policy", ("iam:CreatePolicyVersion",)),
    EscalationPath(
        "set-default-version",
        "own",
        "bring back an old version of a policy",
        ("iam:SetDefaultPolicyVersion",),
    ),
    EscalationPath("iam-005", "own", "write inline policies of roles", ("iam:PutRolePolicy",)),
    EscalationPath("iam-007", "own", "write inline policies of users", ("iam:PutUserPolicy",)),
    EscalationPath("iam-008", "own", "attach policies to users", ("iam:AttachUserPolicy",)),
    EscalationPath("iam-009", "own", "attach policies to roles", ("iam:AttachRolePolicy",)),
    EscalationPath("iam-010", "own", "attach policies to groups", ("iam:AttachGroupPolicy",)),
    EscalationPath("iam-011", "own", "write inline policies of groups", ("iam:PutGroupPolicy",)),
    EscalationPath(
        "drop-role-boundary", "own", "take a role's boundary away", ("iam:DeleteRolePermissionsBoundary",)
    ),
    EscalationPath(
        "drop-user-boundary", "own", "take a user's boundary away", ("iam:DeleteUserPermissionsBoundary",)
    ),
    EscalationPath(
        "change-role-boundary", "own", "change a role's boundary", ("iam:PutRolePermissionsBoundary",)
    ),
    EscalationPath(
        "change-user-boundary", "own", "change a user's boundary", ("iam:PutUserPermissionsBoundary",)
    ),
    EscalationPath(
        "sso-account-assignment",
        "own",
        "give access through Identity Center",
        ("sso:CreateAccountAssignment",),
    ),
    EscalationPath(
        "sso-inline-policy", "own", "write permission sets", ("sso:PutInlinePolicyToPermissionSet",)
    ),
    EscalationPath(
        "sso-managed-policy",
        "own",
        "attach policies to permission sets",
        ("sso:AttachManagedPolicyToPermissionSet",),
    ),
)

_TAKES_OTHERS_OVER = (
    EscalationPath("iam-002", "others", "make access keys of users", ("iam:CreateAccessKey",)),
    EscalationPath("iam-004", "others", "give users a password", ("iam:CreateLoginProfile",)),
    EscalationPath("iam-006", "others", "change users' passwords", ("iam:UpdateLoginProfile",)),
    EscalationPath("iam-012", "others", "rewrite who may take a role", ("iam:UpdateAssumeRolePolicy",)),
    EscalationPath("iam-013", "others", "put users into groups", ("iam:AddUserToGroup",)),
    EscalationPath(
        "service-credential",
        "others",
        "make service credentials of users",
        ("iam:CreateServiceSpecificCredential",),
    ),
    EscalationPath(
        "reset-service-credential",
        "others",
        "reset service credentials of users",
        ("iam:ResetServiceSpecificCredential",),
    ),
    EscalationPath(
        "signing-certificate", "others", "give users signing certificates", ("iam:UploadSigningCertificate",)
    ),
    EscalationPath(
        "saml-provider", "others", "change who signs people in by SAML", ("iam:UpdateSAMLProvider",)
    ),
    EscalationPath(
        "oidc-thumbprint",
        "others",
        "change whom an OIDC provider's tokens come from",
        ("iam:UpdateOpenIDConnectProviderThumbprint",),
    ),
    EscalationPath(
        "oidc-client",
        "others",
        "let more applications in at an OIDC provider",
        ("iam:AddClientIDToOpenIDConnectProvider",),
    ),
)

_LAUNCHES = (
    _launch("apprunner-001", "tasks.apprunner", "start App Runner services", "apprunner:CreateService"),
    _launch("batch-001", "ecs-tasks", "run Batch jobs", "batch:RegisterJobDefinition", "batch:SubmitJob"),
    _launch(
        "bedrock-001", "bedrock-agentcore", "run code interpreters", "bedrock-agentcore:CreateCodeInterpreter"
    ),
    _launch(
        "bedrock-agent-runtime", "bedrock-agentcore", "run agents", "bedrock-agentcore:CreateAgentRuntime"
    ),
    _launch("cloudformation-001", "cloudformation", "make stacks", "cloudformation:CreateStack"),
    _launch("cloudformation-002", "cloudformation", "update stacks", "cloudformation:UpdateStack"),
    _launch(
        "cloudformation-003",
        "cloudformation",
        "make stack sets",
        "cloudformation:CreateStackSet",
        "cloudformation:CreateStackInstances",
    ),
    _launch("cloudformation-004", "cloudformation", "update stack sets", "cloudformation:UpdateStackSet"),
    _launch(
        "cloudformation-change-set",
        "cloudformation",
        "make and run change sets",
        "cloudformation:CreateChangeSet",
        "cloudformation:ExecuteChangeSet",
    ),
    _launch("codebuild-001", "codebuild", "make build projects", "codebuild:CreateProject"),
    _launch("codebuild-update", "codebuild", "give build projects a role", "codebuild:UpdateProject"),
    _launch("codepipeline", "codepipeline", "make pipelines", "codepipeline:CreatePipeline"),
    _launch("datapipeline-001", "datapipeline", "make data pipelines", "datapipeline:CreatePipeline"),
    _launch("datasync", "datasync", "copy data with DataSync", "datasync:CreateLocationS3"),
    _launch("ec2-001", "ec2", "start EC2 instances", "ec2:RunInstances"),
    _launch("ec2-003", "ec2", "ask for spot instances", "ec2:RequestSpotInstances"),
    _launch("ec2-spot-fleet", "ec2", "ask for spot fleets", "ec2:RequestSpotFleet"),
    _launch("ec2-fleet", "ec2", "start fleets of instances", "ec2:CreateLaunchTemplate", "ec2:CreateFleet"),
    _launch("ec2-profile", "ec2", "give an instance another role", "ec2:AssociateIamInstanceProfile"),
    _launch(
        "ec2-replace-profile",
        "ec2",
        "replace an instance's role",
        "ec2:ReplaceIamInstanceProfileAssociation",
    ),
    _launch(
        "autoscaling-configuration",
        "ec2",
        "start instances by Auto Scaling",
        "autoscaling:CreateLaunchConfiguration",
        "autoscaling:CreateAutoScalingGroup",
    ),
    _launch(
        "autoscaling-template",
        "ec2",
        "start instances by Auto Scaling",
        "ec2:CreateLaunchTemplate",
        "autoscaling:CreateAutoScalingGroup",
    ),
    _launch("ecs-run-override", "ecs-tasks", "run ECS tasks", "ecs:RunTask"),
    _launch("ecs-start-override", "ecs-tasks", "start ECS tasks", "ecs:StartTask"),
    _launch("ecs-003", "ecs-tasks", "make ECS services", "ecs:RegisterTaskDefinition", "ecs:CreateService"),
    _launch(
        "ecs-update", "ecs-tasks", "update ECS services", "ecs:RegisterTaskDefinition", "ecs:UpdateService"
    ),
    _launch("elasticbeanstalk", "ec2", "make Beanstalk environments", "elasticbeanstalk:CreateEnvironment"),
    _launch("emr", "ec2", "run EMR job flows", "elasticmapreduce:RunJobFlow"),
    _launch("emr-serverless", "emr-serverless", "run EMR jobs", "emr-serverless:StartJobRun"),
    _launch("gamelift", "gamelift", "run game builds", "gamelift:CreateBuild", "gamelift:CreateFleet"),
    _launch("glue-001", "glue", "make Glue development endpoints", "glue:CreateDevEndpoint"),
    _launch("glue-003", "glue", "make Glue jobs", "glue:CreateJob"),
    _launch("glue-005", "glue", "change Glue jobs", "glue:UpdateJob"),
    _launch("glue-session", "glue", "run Glue sessions", "glue:CreateSession"),
    _launch("imagebuilder", "ec2", "build images", "imagebuilder:CreateInfrastructureConfiguration"),
    _launch("lambda-001", "lambda", "make functions", "lambda:CreateFunction"),
    _launch(
        "lambda-give-role", "lambda", "give functions another role", "lambda:UpdateFunctionConfiguration"
    ),
    _launch("sagemaker-001", "sagemaker", "start notebooks", "sagemaker:CreateNotebookInstance"),
    _launch("sagemaker-002", "sagemaker", "run training jobs", "sagemaker:CreateTrainingJob"),
    _launch("sagemaker-003", "sagemaker", "run processing jobs", "sagemaker:CreateProcessingJob"),
    _launch("sagemaker-model", "sagemaker", "serve models", "sagemaker:CreateModel"),
    _launch("sagemaker-automl", "sagemaker", "run AutoML jobs", "sagemaker:CreateAutoMLJobV2"),
    _launch("sagemaker-tuning", "sagemaker", "run tuning jobs", "sagemaker:CreateHyperParameterTuningJob"),
    _launch("sagemaker-pipeline", "sagemaker", "run SageMaker pipelines", "sagemaker:CreatePipeline"),
    _launch("sagemaker-domain", "sagemaker", "make Studio users", "sagemaker:CreateUserProfile"),
    _launch("ssm-automation", "ssm", "run automations", "ssm:StartAutomationExecution"),
    _launch("states-create", "states", "make state machines", "states:CreateStateMachine"),
    _launch("states-update", "states", "give state machines a role", "states:UpdateStateMachine"),
    _launch("scheduler", "scheduler", "call anything on a schedule", "scheduler:CreateSchedule"),
)

_CHANGES_CODE = (
    EscalationPath("lambda-003", "code", "change functions' code", ("lambda:UpdateFunctionCode",)),
    EscalationPath(
        "lambda-layers", "code", "put layers into functions", ("lambda:UpdateFunctionConfiguration",)
    ),
    EscalationPath("apprunner-002", "code", "change App Runner services", ("apprunner:UpdateService",)),
    EscalationPath("glue-002", "code", "open Glue development endpoints", ("glue:UpdateDevEndpoint",)),
    EscalationPath("glue-script", "code", "change Glue jobs", ("glue:UpdateJob", "glue:StartJobRun")),
    EscalationPath("codebuild-002", "code", "run builds with its own commands", ("codebuild:StartBuild",)),
    EscalationPath(
        "codebuild-003", "code", "run batches with its own commands", ("codebuild:StartBuildBatch",)
    ),
    EscalationPath("codebuild-source", "code", "change what is built", ("codebuild:UpdateProject",)),
    EscalationPath(
        "cloudformation-005",
        "code",
        "change stacks under their role",
        ("cloudformation:CreateChangeSet", "cloudformation:ExecuteChangeSet"),
    ),
    EscalationPath(
        "cloudformation-update", "code", "update stacks under their role", ("cloudformation:UpdateStack",)
    ),
    EscalationPath(
        "ec2-002",
        "code",
        "change what an instance runs as it starts",
        ("ec2:ModifyInstanceAttribute", "ec2:StopInstances", "ec2:StartInstances"),
    ),
    EscalationPath(
        "ec2-004",
        "code",
        "change launch templates in use",
        ("ec2:CreateLaunchTemplateVersion", "ec2:ModifyLaunchTemplate"),
    ),
    EscalationPath(
        "sagemaker-005",
        "code",
        "change what notebooks run as they start",
        (
            "sagemaker:CreateNotebookInstanceLifecycleConfig",
            "sagemaker:StopNotebookInstance",
            "sagemaker:UpdateNotebookInstance",
            "sagemaker:StartNotebookInstance",
        ),
    ),
    EscalationPath(
        "sagemaker-lifecycle-edit",
        "code",
        "change notebooks' start scripts",
        ("sagemaker:UpdateNotebookInstanceLifecycleConfig",),
    ),
    EscalationPath(
        "sagemaker-pipeline-edit",
        "code",
        "change and run SageMaker pipelines",
        ("sagemaker:UpdatePipeline", "sagemaker:StartPipelineExecution"),
    ),
    EscalationPath("states-definition", "code", "change state machines", ("states:UpdateStateMachine",)),
    EscalationPath("codepipeline-edit", "code", "change pipelines", ("codepipeline:UpdatePipeline",)),
    EscalationPath(
        "datapipeline-edit", "code", "change data pipelines", ("datapipeline:PutPipelineDefinition",)
    ),
)

_REACHES_COMPUTE = (
    EscalationPath("ssm-001", "compute", "open shells on instances", ("ssm:StartSession",)),
    EscalationPath("ssm-002", "compute", "run commands on instances", ("ssm:SendCommand",)),
    EscalationPath(
        "ec2instanceconnect-003",
        "compute",
        "put its SSH key on instances",
        ("ec2-instance-connect:SendSSHPublicKey",),
    ),
    EscalationPath(
        "ec2-serial-console",
        "compute",
        "reach instances' serial consoles",
        ("ec2-instance-connect:SendSerialConsoleSSHPublicKey",),
    ),
    EscalationPath("ecs-006", "compute", "run commands in ECS tasks", ("ecs:ExecuteCommand",)),
    EscalationPath(
        "sagemaker-004",
        "compute",
        "open notebooks",
        ("sagemaker:CreatePresignedNotebookInstanceUrl",),
    ),
    EscalationPath(
        "sagemaker-studio", "compute", "open Studio as another user", ("sagemaker:CreatePresignedDomainUrl",)
    ),
    EscalationPath("sagemaker-session", "compute", "open shells in SageMaker", ("sagemaker:StartSession",)),
    EscalationPath(
        "bedrock-002",
        "compute",
        "run code in code interpreters",
        ("bedrock-agentcore:StartCodeInterpreterSession", "bedrock-agentcore:InvokeCodeInterpreter"),
    ),
    EscalationPath("cloud9", "compute", "join Cloud9 environments", ("cloud9:CreateEnvironmentMembership",)),
    EscalationPath("glue-statement", "compute", "run code in Glue sessions", ("glue:RunStatement",)),
    EscalationPath("eks-access", "compute", "let itself into clusters", ("eks:CreateAccessEntry",)),
    EscalationPath(
        "emr-steps", "compute", "run steps on EMR clusters", ("elasticmapreduce:AddJobFlowSteps",)
    ),
)

ESCALATION_PATHS = (
    *_WRITES_OWN_RIGHTS,
    *_TAKES_OTHERS_OVER,
    *_LAUNCHES,
    *_CHANGES_CODE,
    *_REACHES_COMPUTE,
)
PATHS_BY_KIND = {
    kind: tuple(path for path in ESCALATION_PATHS if path.kind == kind)
    for kind in ("own", "others", "launch", "code", "compute")
}
