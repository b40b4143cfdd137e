"""A question to the model as a person may ask it elsewhere: on the command line, by aws, boto3 and curl."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import Any

from deploy_scripts.console.context import Console
from functions.common.applied_capacity import ALIAS

_EVENT = "event.json"
# The alias is the answer's qualifier: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
_PATH = "/2015-03-31/functions/{name}/invocations?Qualifier={alias}"


@dataclass(frozen=True)
class Snippet:
    """A text to copy; `language` is what it is called."""

    language: str
    text: str


@dataclass(frozen=True)
class _Event:
    """A question: `write` makes the file event.json in a shell, `python` is the same as an expression."""

    photo: str
    explain: bool
    write: str
    python: str
    imports: str = ""


def ask_by_address(console: Console, url: str, *, explain: bool) -> list[Snippet]:
    """About a photo at an address that the function can fetch."""
    event: dict[str, Any] = {"url": url, "explain": True} if explain else {"url": url}
    write = f"printf '%s' {shlex.quote(json.dumps(event))} > {_EVENT}"
    return _snippets(console, _Event(url, explain, write, repr(event)))


def ask_by_file(console: Console, name: str, *, explain: bool) -> list[Snippet]:
    """About a photo in a file of the working folder; a request of Lambda has room for 6 MB, in base64."""
    file = f"./{name}" if name.startswith("-") else name
    shell = ', "explain": true' if explain else ""
    encoded = f"$(base64 < {shlex.quote(file)} | tr -d '\\n')"
    write = f"""printf '{{"image": "%s"{shell}}}' "{encoded}" > {_EVENT}"""
    python = ', "explain": True' if explain else ""
    event = f'{{"image": base64.b64encode(Path({file!r}).read_bytes()).decode(){python}}}'
    imports = "import base64\nfrom pathlib import Path\n\n"
    return _snippets(console, _Event(file, explain, write, event, imports))


def _snippets(console: Console, event: _Event) -> list[Snippet]:
    predict = ["predict", event.photo, *(["--explain"] if event.explain else []), "--timings"]
    return [
        Snippet("dropserve", console.command(*predict)),
        Snippet("AWS CLI", _signed_in(console) + _aws_cli(console, event.write)),
        Snippet("Python (boto3)", _boto3(console, event)),
        Snippet("curl", _signed_in(console, for_curl=True) + _curl(console, event.write)),
    ]


def _signed_in(console: Console, *, for_curl: bool = False) -> str:
    """The line before it that gives a shell the credentials; the AWS CLI reads a profile by itself."""
    if console.deployment.aws.is_local:
        return 'eval "$(dropserve env)"\n'
    if not for_curl:
        return ""
    profile = f" --profile {shlex.quote(console.target.profile)}" if console.target.profile else ""
    return f'eval "$(aws configure export-credentials{profile} --format env)"\n'


def _aws_cli(console: Console, write: str) -> str:
    deployment = console.deployment
    options = [f"--region {deployment.aws.region}"]
    if console.target.profile and not deployment.aws.is_local:
        options.append(f"--profile {shlex.quote(console.target.profile)}")
    return "\n".join((
        write,
        f"aws lambda invoke --function-name {deployment.outputs['InferenceFunctionAliasArn']} \\",
        f"  {' '.join(options)} --payload fileb://{_EVENT} answer.json",
        "cat answer.json",
    ))  # fmt: skip


def _curl(console: Console, write: str) -> str:
    deployment = console.deployment
    path = _PATH.format(name=deployment.outputs["InferenceFunctionName"], alias=ALIAS)
    endpoint = "$AWS_ENDPOINT_URL" if deployment.aws.is_local else deployment.aws.functions.meta.endpoint_url
    return "\n".join((
        write,
        f'curl "{endpoint}{path}" \\',
        f'  --aws-sigv4 "aws:amz:{deployment.aws.region}:lambda" \\',
        '  --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" \\',
        '  ${AWS_SESSION_TOKEN:+-H "x-amz-security-token: $AWS_SESSION_TOKEN"} \\',
        f"  -H 'content-type: application/json' --data @{_EVENT}",
    ))  # fmt: skip


def _boto3(console: Console, event: _Event) -> str:
    deployment = console.deployment
    options = [f"region_name={deployment.aws.region!r}"]
    if console.target.profile and not deployment.aws.is_local:
        options.insert(0, f"profile_name={console.target.profile!r}")
    first = '# in a shell that has run: eval "$(dropserve env)"\n' if deployment.aws.is_local else ""
    return first + "\n".join((
        f"{event.imports}import json\n\nimport boto3\n",
        f"event = {event.python}",
        f"functions = boto3.Session({', '.join(options)}).client('lambda')",
        "reply = functions.invoke(",
        f"    FunctionName={deployment.outputs['InferenceFunctionAliasArn']!r},",
        "    Payload=json.dumps(event),",
        ")",
        "answer = json.load(reply['Payload'])",
        "print(answer['statusCode'], json.loads(answer['body'])['predictions'])",
    ))  # fmt: skip
