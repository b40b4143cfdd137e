"""The template's local files become objects; what it retains gets a literal name."""

from pathlib import Path

from deploy_scripts.cloudformation.sam_template import name_retained, read_template, replace_local_files
from deploy_scripts.packaging.functions import function_names
from deploy_scripts.project import STATE_MACHINES, TEMPLATE

SMALL_TEMPLATE = """
Resources:
  Function:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: ../.dropserve/build/inference.zip
      Role: !GetAtt Role.Arn
  Machine:
    Type: AWS::Serverless::StateMachine
    Properties: {DefinitionUri: ../state_machines/training_pipeline.asl.json}
  Bucket:
    Type: AWS::S3::Bucket
    DeletionPolicy: Retain
    Properties: {BucketName: !Sub "${AWS::StackName}-${AWS::AccountId}-${AWS::Region}"}
  Passing:
    Type: AWS::S3::Bucket
    Properties: {BucketName: !Sub "${AWS::StackName}-passing"}
"""
PSEUDO = {"AWS::StackName": "food", "AWS::AccountId": "000000000000", "AWS::Region": "eu-west-1"}


def read_small_template(folder: Path) -> dict[str, dict[str, dict[str, dict[str, object]]]]:
    file = folder / "template.yaml"
    file.write_text(SMALL_TEMPLATE)
    return read_template(file)


def test_local_files_are_uploaded_and_named(tmp_path: Path) -> None:
    uploaded: list[str] = []

    def upload(path: str) -> dict[str, str]:
        uploaded.append(path)
        return {"Bucket": "artifacts", "Key": f"key-{len(uploaded)}"}

    resources = replace_local_files(read_small_template(tmp_path), upload)["Resources"]

    assert uploaded == ["../.dropserve/build/inference.zip", "../state_machines/training_pipeline.asl.json"]
    assert resources["Function"]["Properties"]["CodeUri"] == {"Bucket": "artifacts", "Key": "key-1"}
    assert resources["Machine"]["Properties"]["DefinitionUri"] == {"Bucket": "artifacts", "Key": "key-2"}
    assert resources["Function"]["Properties"]["Role"] == {"Fn::GetAtt": ["Role", "Arn"]}


def test_only_what_is_retained_gets_a_literal_name(tmp_path: Path) -> None:
    template = read_small_template(tmp_path)

    names = name_retained(template, PSEUDO)

    assert names["AWS::S3::Bucket"] == ["food-000000000000-eu-west-1"]
    assert template["Resources"]["Bucket"]["Properties"]["BucketName"] == "food-000000000000-eu-west-1"
    assert template["Resources"]["Passing"]["Properties"]["BucketName"] == {
        "Fn::Sub": "${AWS::StackName}-passing"
    }


def test_the_real_template_names_only_files_that_the_build_makes() -> None:
    named: list[str] = []

    def upload(path: str) -> dict[str, str]:
        named.append(Path(path).name)
        return {"Bucket": "artifacts", "Key": "key"}

    replace_local_files(read_template(TEMPLATE), upload)

    assert sorted(named) == sorted([*STATE_MACHINES, *(f"{name}.zip" for name in function_names())])


def test_every_name_that_the_real_template_retains_is_a_literal_in_the_end() -> None:
    names = name_retained(read_template(TEMPLATE), PSEUDO)

    assert names["AWS::S3::Bucket"] and names["AWS::DynamoDB::Table"]
    assert all("$" not in name for group in names.values() for name in group)
