"""Every check of the audit, one small class each; a new one is written beside its kin and named here."""

from functions.iam_audit.checks import (
    broad_permissions,
    escalation,
    lambda_functions,
    role_passing,
    sagemaker_models,
    trust,
    usage,
)
from functions.iam_audit.checks.base import Check

ALL_CHECKS: tuple[Check, ...] = (
    broad_permissions.AdministratorAccess(),
    broad_permissions.FullAccessPolicy(),
    broad_permissions.ServiceWildcard(),
    broad_permissions.ServiceWildcardOnResource(),
    broad_permissions.AllowNotAction(),
    broad_permissions.AllowNotResource(),
    broad_permissions.NeedlessWildcardResource(),
    role_passing.PassAnyRole(),
    role_passing.PassRoleToAnyService(),
    role_passing.AssumeAnyRole(),
    escalation.WritesPermissions(),
    escalation.LaunchesUnderAnyRole(),
    escalation.LaunchesUnderAdministrator(),
    trust.AnyPrincipalTrust(),
    trust.AnyPrincipalTrustWithCondition(),
    trust.CrossAccountTrust(),
    trust.ServiceTrustWithoutSource(),
    usage.UnusedRole(),
    lambda_functions.PublicFunction(),
    lambda_functions.SecretInEnvironment(),
    lambda_functions.DeprecatedRuntime(),
    lambda_functions.FunctionOutsideVpc(),
    sagemaker_models.ModelOutsideVpc(),
)
