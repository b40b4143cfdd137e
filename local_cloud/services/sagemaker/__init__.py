"""Amazon SageMaker: training jobs, models, endpoints and their runtime."""

from local_cloud.services.sagemaker.service import SageMaker

__all__ = ["SageMaker"]
