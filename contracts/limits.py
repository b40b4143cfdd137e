"""Sizes that more than one part goes by. drops/limits.py has those of a dataset."""

# What InvokeEndpoint takes: BodyBlob in the sagemaker-runtime model of botocore.
MAX_PAYLOAD_BYTES = 6_291_456
# The inference function sends a smaller image on as it is, and the acceptance sample holds no larger one: of
# an image that is encoded anew, the endpoint would get other bytes than the graph did in training.
MAX_BYTES_AS_IT_IS = 1_000_000
# Classes of a photo that are answered unless the request asks otherwise, and that the samples of a training
# keep.
DEFAULT_TOP_K = 5

# Of one text that a run carries: why it ended, a problem, what the inspection found. A state's data is at
# most 262,144 bytes, and has such a text more than once:
# https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
# SageMaker takes 2,500 characters as a hyperparameter, in JSON, which writes quotes as two.
MAX_SENTENCE_CHARACTERS = 1000

# Executions at once that Lambda keeps for the functions that reserve nothing:
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
UNRESERVED_MINIMUM = 100
