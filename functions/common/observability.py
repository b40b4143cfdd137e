"""The one Logger, Tracer and Metrics of a function; names and levels are in the POWERTOOLS_* variables."""

from aws_lambda_powertools import Logger, Metrics, Tracer

logger = Logger()
# Clients are patched where they are made (clients.py): patching every library costs a cold start 80 ms.
tracer = Tracer(auto_patch=False)
metrics = Metrics()
