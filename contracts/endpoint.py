"""How the endpoint is asked for more than scores."""

# InvokeEndpoint's CustomAttributes, which SageMaker hands on as a header:
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
CUSTOM_ATTRIBUTES_HEADER = "x-amzn-sagemaker-custom-attributes"
# With this attribute an answer in JSON has a heat map of each photo beside its scores.
EXPLAIN = "explain=true"
