"""What Lambda's runtime hands to a handler beside the event."""

import time


class LambdaContext:
    """https://docs.aws.amazon.com/lambda/latest/dg/python-context.html"""

    function_version = "1"

    def __init__(
        self,
        function_name: str,
        *,
        alias: str = "",
        request_id: str = "request-1",
        left_ms: int = 20_000,
        memory_limit_in_mb: int = 1024,
    ) -> None:
        self.function_name = function_name
        self.aws_request_id = request_id
        self.memory_limit_in_mb = memory_limit_in_mb
        self.invoked_function_arn = f"arn:aws:lambda:us-east-1:123456789012:function:{function_name}"
        if alias:
            self.invoked_function_arn += f":{alias}"
        self._ends_at = time.monotonic() + left_ms / 1000

    def get_remaining_time_in_millis(self) -> int:
        return int((self._ends_at - time.monotonic()) * 1000)
