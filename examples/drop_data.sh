#!/bin/sh
# Drop a zip of class folders and wait for its run: sh drop_data.sh flowers.zip
# STACK names the deployment. Exit code 0 only when the model is live.
set -eu

output() {
    aws cloudformation describe-stacks --stack-name "${STACK:-dropserve}" --output text \
        --query "Stacks[0].Outputs[?OutputKey=='$1'].OutputValue"
}

zip=$1
bucket=$(output BucketName)
ledger=$(output LedgerTableName)
key=drops/$(basename "$zip")

version=$(aws s3api put-object --bucket "$bucket" --key "$key" --body "$zip" --query VersionId --output text)
echo "dropped s3://$bucket/$key, version $version"

status=
while [ -z "$status" ] || [ "$status" = running ]; do
    sleep "${POLL_S:-10}"
    status=$(aws dynamodb scan --table-name "$ledger" --consistent-read \
        --filter-expression "version_id = :version" \
        --expression-attribute-values "{\":version\": {\"S\": \"$version\"}}" \
        --query "Items[].status.S" --output text | grep -m 1 . || true)
done
echo "the run is $status"
[ "$status" = live ]
