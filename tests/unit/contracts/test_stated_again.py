"""Where a schema, the template or the workflow must state a rule too, it states the same."""

import json
import re
from typing import Any, get_args

import pytest

from contracts import bucket, limits, training_job, workflow
from deploy_scripts.cloudformation.sam_template import read_template
from deploy_scripts.project import ROOT, TEMPLATE
from drops import keys
from drops.limits import MIN_CLASSES
from drops.photo_formats import FORMATS_SENTENCE, MEDIA_TYPES
from drops.problems import MAX_NAMES
from drops.splits import SPLITS
from functions.accept_model.handler import ANSWER_RESERVE_S
from functions.iam_audit.settings import ROLE_LAST_USED_DAYS, SEVERITIES
from functions.inference.images import SHORT_SIDE_PX
from functions.plan_training.instance_choice import BACKENDS
from functions.plan_training.overrides import INSTANCES
from state_machines.render import rendered

DEPLOYMENT = read_template(TEMPLATE)
RESOURCES: dict[str, Any] = DEPLOYMENT["Resources"]
OWN_FOLDERS = (
    bucket.RUNS,
    bucket.SNAPSHOTS,
    bucket.CHECKPOINTS,
    bucket.UPLOADS,
    bucket.PHOTOS,
    bucket.SCORES,
    bucket.AUDITS,
    bucket.REVIEWS,
    bucket.CAPTURES,
)
STATES: dict[str, Any] = json.loads(rendered())["States"]
FUNCTIONS = {
    each["Properties"]["Handler"].split(".")[1]: each["Properties"]
    for each in RESOURCES.values()
    if each["Type"] == "AWS::Serverless::Function"
}


def schema(kind: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((ROOT / "schemas" / f"{kind}.schema.json").read_text())
    return document


def test_the_schemas_bound_what_the_code_bounds() -> None:
    from training.evaluation.calibration import BINS

    inspection, metrics = schema("inspection"), schema("metrics")["properties"]
    fields = inspection["properties"]
    assert fields["findings"]["maxLength"] == limits.MAX_SENTENCE_CHARACTERS
    assert fields["problems"]["items"]["properties"]["names"]["maxItems"] == MAX_NAMES
    assert tuple(fields["classes"]["items"]["properties"]["splits"]["properties"]) == SPLITS
    assert inspection["then"]["properties"]["class_count"]["minimum"] == MIN_CLASSES
    assert tuple(metrics["images"]["required"]) == SPLITS
    for name in ("classes", "per_class", "confusion_matrix", "class_counts"):
        assert metrics[name]["minItems"] == MIN_CLASSES, name
    bins = schema("metrics")["definitions"]["bins"]
    assert (bins["minItems"], bins["maxItems"]) == (BINS, BINS)
    plan = schema("plan")["properties"]
    assert plan["instance_count"]["maximum"] == INSTANCES.most


def test_the_schemas_know_the_same_words() -> None:
    from training.export.served_model import PRECISIONS

    plan, verdict = schema("plan")["properties"], schema("verdict")["properties"]
    channel = plan["input_data_config"]["items"]["properties"]["ChannelName"]
    assert tuple(channel["enum"]) == (*training_job.CHANNELS, training_job.CODE_CHANNEL)
    assert tuple(plan["backend"]["enum"]) == BACKENDS
    assert set(plan["champion"]["required"]) <= set(workflow.LIVE_POINTER_FIELDS)
    assert set(verdict["status"]["enum"]) == {*get_args(workflow.NotPromoted), None}
    assert set(verdict["rule"]["enum"]) == set(get_args(workflow.PromotionRule))
    for kind in (schema("metrics")["properties"]["serving"], schema("acceptance")):
        assert tuple(kind["properties"]["precision"]["enum"]) == PRECISIONS
    audit = schema("audit")
    assert tuple(audit["definitions"]["severity"]["enum"]) == SEVERITIES
    assert audit["properties"]["run_id"]["pattern"] == f"^{bucket.RUN_ID}$"
    assert audit["properties"]["inactive_days"]["maximum"] == ROLE_LAST_USED_DAYS
    assert schema("manifest")["then"]["properties"]["prefix"]["pattern"] == f"^{keys.PREFIX}.+/$"


def test_the_samples_of_a_training_are_of_the_form_that_their_schemas_have() -> None:
    from training.evaluation import acceptance_sample

    photos = schema("acceptance")["properties"]["photos"]
    assert photos["maxItems"] == acceptance_sample.MAX_PHOTOS
    photo = photos["items"]["properties"]
    assert photo["file"]["pattern"] == f"^{bucket.ACCEPTANCE_PHOTO}$"
    assert re.fullmatch(bucket.ACCEPTANCE_PHOTO, bucket.acceptance_photo(acceptance_sample.MAX_PHOTOS - 1))
    line = schema("test_prediction")["properties"]["predictions"]
    assert photo["predictions"]["maxItems"] == line["maxItems"] == limits.DEFAULT_TOP_K
    # Such a photo the inference function does not scale down.
    assert acceptance_sample._MAX_SIDE_PX < 2 * SHORT_SIDE_PX


def test_the_sentence_names_each_format_that_is_read() -> None:
    assert re.split(", | AND ", FORMATS_SENTENCE.upper()) == list(MEDIA_TYPES)


def test_the_templates_parameters_allow_what_the_code_knows() -> None:
    parameters = DEPLOYMENT["Parameters"]
    # Nothing is gated by what only informs.
    assert tuple(parameters["GateSeverity"]["AllowedValues"]) == SEVERITIES[:-1]
    assert parameters["DefaultBackbone"]["Default"] == training_job.CHOICES["backbone"][0]
    assert tuple(parameters["Architecture"]["AllowedValues"]) == training_job.ARCHITECTURES


def test_the_rule_starts_runs_by_the_keys_and_fields_that_functions_read() -> None:
    rule = RESOURCES["DropRule"]["Properties"]
    patterns = rule["EventPattern"]["detail"]["object"]["key"]
    assert {"suffix": f"/{keys.MARKER}"} in patterns
    assert {"wildcard": f"{keys.PREFIX}*{keys.ZIP_SUFFIX}"} in patterns
    (others,) = [each["anything-but"]["wildcard"] for each in patterns if "anything-but" in each]
    # What the other folders hold lies deeper, in a folder a run.
    assert set(others) == {
        "*/*/*",
        "*/",
        *(f"{folder}*" for folder in (bucket.UPLOADS, bucket.PHOTOS, bucket.AUDITS)),
    }
    given = re.findall(r'"(\w+)":', rule["Targets"][0]["InputTransformer"]["InputTemplate"])
    assert set(given) == set(workflow.DROP_FIELDS)


def test_roles_and_lifecycle_name_the_folders_of_the_bucket() -> None:
    known = {keys.PREFIX, *OWN_FOLDERS}
    named = set(re.findall(r"\$\{DataBucket\.Arn\}/(\w+/)", json.dumps(RESOURCES)))
    rules = RESOURCES["DataBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    assert named == known
    assert {rule["Prefix"] for rule in rules if "Prefix" in rule} <= known
    weights = f"arn:${{AWS::Partition}}:s3:::${{ArtifactsBucket}}/{training_job.WEIGHTS_PREFIX}*"
    assert weights in json.dumps(RESOURCES)
    assert f"/{bucket.ACCEPTANCE_FOLDER}/*" in json.dumps(RESOURCES["InferenceRole"])
    assert json.dumps(RESOURCES).count(f"Tag/{workflow.RUN_TAG}") == 2


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_reads_the_variables_that_the_template_gives_it(name: str) -> None:
    given = {
        variable
        for variable in FUNCTIONS[name]["Environment"]["Variables"]
        if not variable.startswith("POWERTOOLS_")
    }
    code = "".join(file.read_text() for file in (ROOT / "functions" / name).rglob("*.py"))
    read = re.findall(r'(?:environment|environ)(?:, |\.get\(|\[)"([A-Z0-9_]+)"', code)
    # Lambda sets it.
    assert given == set(read) - {"AWS_REGION"}


def test_the_previous_endpoint_stays_as_long_as_a_request_may_be_on_its_way() -> None:
    parameters, longest_s = DEPLOYMENT["Parameters"], FUNCTIONS["inference"]["Timeout"]
    pointer_s = parameters["PointerCacheSeconds"]["Default"]
    assert parameters["DrainSeconds"]["Default"] >= pointer_s + longest_s
    assert longest_s < ANSWER_RESERVE_S


def test_the_workflow_writes_the_pointer_that_functions_read() -> None:
    value = STATES["Switch live endpoint"]["Arguments"]["Value"]
    assert set(re.findall(r"'(\w+)':", value)) == {*workflow.LIVE_POINTER_FIELDS, "exposed_at", "previous"}


def test_the_workflow_writes_the_statuses_that_the_command_line_knows() -> None:
    written = json.dumps(STATES)
    statuses = set(re.findall(r'":?status": (?:\{"S": )?"(\w+)"', written))
    # One of two, by an expression.
    for pair in re.findall(r'":?status": (?:\{"S": )?"\{% [^%]*? \? \'(\w+)\' : \'(\w+)\' %\}"', written):
        statuses |= set(pair)
    known = {word for kinds in get_args(workflow.Status) for word in get_args(kinds) or (kinds,)}
    assert statuses | set(get_args(workflow.NotPromoted)) == known
