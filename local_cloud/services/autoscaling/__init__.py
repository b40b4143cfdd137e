"""Application Auto Scaling for SageMaker endpoint variants."""

from local_cloud.services.autoscaling.service import ApplicationAutoScaling

__all__ = ["ApplicationAutoScaling"]
