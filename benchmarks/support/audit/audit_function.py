"""One run of the audit's Lambda function in a process of its own.

`python -m benchmarks.support.audit.audit_function PORT`
"""

import os
import sys
from dataclasses import dataclass


@dataclass
class Context:
    """What Lambda tells a function of itself."""

    function_name: str = "iam-audit"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:123456789012:function:iam-audit"
    aws_request_id: str = "request"


def main(port: str) -> None:
    """Audit the account behind that port; the report is put there too."""
    os.environ |= {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "benchmark",
        "AWS_SECRET_ACCESS_KEY": "benchmark",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "POWERTOOLS_METRICS_NAMESPACE": "benchmark",
        "POWERTOOLS_SERVICE_NAME": "iam-audit",
        "POWERTOOLS_TRACE_DISABLED": "true",
        "DATA_BUCKET": "benchmark-data",
        "PIPELINE_ROLE_PATH": "/dropserve/",
    }
    # The environment must be complete before Powertools and boto3 read it.
    from functions.iam_audit.handler import handler  # noqa: PLC0415

    print(handler({}, Context()))


if __name__ == "__main__":
    main(sys.argv[1])
