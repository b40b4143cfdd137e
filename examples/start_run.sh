#!/bin/sh
# Start the state machine by hand: sh start_run.sh drops/flowers.zip '{"max_cost_usd": 2}'
# The second argument is a JSON object of overrides. STACK names the deployment.
set -eu

output() {
    aws cloudformation describe-stacks --stack-name "${STACK:-dropserve}" --output text \
        --query "Stacks[0].Outputs[?OutputKey=='$1'].OutputValue"
}

key=$1
overrides=${2:-"{}"}
input=$(python3 -c 'import json, sys; print(json.dumps({**json.loads(sys.argv[2]), "key": sys.argv[1]}))' \
    "$key" "$overrides")

execution=$(aws stepfunctions start-execution --state-machine-arn "$(output StateMachineArn)" \
    --input "$input" --query executionArn --output text)
echo "started $execution"

state=RUNNING
while [ "$state" = RUNNING ]; do
    sleep "${POLL_S:-10}"
    state=$(aws stepfunctions describe-execution --execution-arn "$execution" --query status --output text)
done
# SUCCEEDED says that the workflow ended in order; the ledger says as what.
aws dynamodb scan --table-name "$(output LedgerTableName)" --consistent-read \
    --filter-expression "execution_arn = :arn" \
    --expression-attribute-values "{\":arn\": {\"S\": \"$execution\"}}" \
    --query "Items[].[status.S, reason.S]" --output text
