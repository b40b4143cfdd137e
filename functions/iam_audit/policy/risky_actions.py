"""Actions that hand out data or credentials, as data."""

# Reads of what accounts keep secret or live on. All of them can be granted on named resources.
_DATA = """
athena:GetQueryResults codecommit:GitPull dynamodb:BatchGetItem dynamodb:ExportTableToPointInTime
dynamodb:GetItem dynamodb:GetRecords dynamodb:Query dynamodb:Scan ebs:GetSnapshotBlock ec2:GetConsoleOutput
kinesis:GetRecords logs:FilterLogEvents logs:GetLogEvents rds:DownloadDBLogFilePortion
redshift-data:GetStatementResult s3:GetObject s3:GetObjectVersion secretsmanager:BatchGetSecretValue
secretsmanager:GetSecretValue sqs:ReceiveMessage ssm:GetParameter ssm:GetParameterHistory ssm:GetParameters
ssm:GetParametersByPath
"""

# Answers that hold credentials with other rights than the caller's own. Tokens that only stand for the caller
# (sts:GetSessionToken, ecr:GetAuthorizationToken, codeartifact:GetAuthorizationToken) are no exposure.
_CREDENTIALS = """
airflow:CreateCliToken airflow:CreateWebLoginToken appsync:CreateApiKey chime:CreateApiKey
cloud9:CreateEnvironmentToken codepipeline:PollForJobs cognito-identity:GetCredentialsForIdentity
cognito-identity:GetOpenIdToken cognito-identity:GetOpenIdTokenForDeveloperIdentity
cognito-idp:GetSigningCertificate connect:GetFederationToken ec2:GetPasswordData
emr-containers:GetManagedEndpointSessionCredentials finspace-api:GetProgrammaticAccessCredentials
gamelift:GetComputeAccess gamelift:GetComputeAuthToken gamelift:GetInstanceAccess
gamelift:RequestUploadCredentials grafana:CreateWorkspaceApiKey grafana:CreateWorkspaceServiceAccountToken
iam:CreateAccessKey iam:CreateLoginProfile iam:CreateServiceSpecificCredential
iam:ResetServiceSpecificCredential iam:UpdateAccessKey
license-manager:GetAccessToken lightsail:CreateBucketAccessKey lightsail:DownloadDefaultKeyPair
lightsail:GetInstanceAccessDetails lightsail:GetRelationalDatabaseMasterUserPassword
mediapackage:RotateChannelCredentials mediapackage:RotateIngestEndpointCredentials rds-db:connect
redshift-serverless:GetCredentials redshift:GetClusterCredentials redshift:GetClusterCredentialsWithIAM
sts:AssumeRoleWithSAML sts:AssumeRoleWithWebIdentity
"""

DATA_ACTIONS = tuple(_DATA.split())
CREDENTIAL_ACTIONS = tuple(_CREDENTIALS.split())
