#!/bin/sh
# Ask the live model about a photo: sh ask.sh https://example.com/rose.jpg
# STACK names the deployment. Prints the answer's JSON body.
set -eu

output() {
    aws cloudformation describe-stacks --stack-name "${STACK:-dropserve}" --output text \
        --query "Stacks[0].Outputs[?OutputKey=='$1'].OutputValue"
}

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -c 'import json, sys; print(json.dumps({"url": sys.argv[1]}))' "$1" > "$folder/event.json"
aws lambda invoke --function-name "$(output InferenceFunctionAliasArn)" \
    --payload "fileb://$folder/event.json" "$folder/answer.json" > /dev/null
python3 -c 'import json, sys
answer = json.load(open(sys.argv[1]))
print(answer["body"])
sys.exit(answer["statusCode"] != 200)' "$folder/answer.json"
