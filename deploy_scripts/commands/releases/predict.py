"""`dropserve predict URL|S3_URI|FILE`: what the live model says about a photo."""

from typing import Annotated

import typer

from deploy_scripts.aws import Target
from deploy_scripts.operations.deployment import open_deployment
from deploy_scripts.operations.predictions import predict_photo, write_heat_map
from deploy_scripts.options import JsonOption, with_target
from deploy_scripts.screen import Screen, cell, make_table


@with_target
def predict(
    target: Target,
    photo: Annotated[str, typer.Argument(help="Address of a photo (https://... or s3://...), or a file.")],
    explain: Annotated[
        bool, typer.Option("--explain", help="Write a heat map of what the answer comes from, as a PNG here.")
    ] = False,
    timings: Annotated[
        bool, typer.Option("--timings", help="Say what each phase of the request took.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Ask the inference function about a photo.

    A file or an object in S3 is uploaded, given to the function by a presigned URL, and deleted.
    """
    screen = Screen(as_json=as_json)
    deployment = open_deployment(target)
    prediction = predict_photo(deployment, photo, explain=explain, timed=timings)
    written = write_heat_map(prediction, photo) if explain else None
    if as_json:
        screen.put_json(prediction.document)
        return
    table = make_table("label", "probability")
    for label, probability in prediction.labels:
        table.add_row(cell(label), cell(f"{probability:.3f}"))
    screen.show(table)
    if prediction.unknown:
        screen.say("The photo is unlike all that the model was trained on: do not rely on this.")
    if written:
        screen.say(f"The heat map of {prediction.labels[0][0]}: {written}")
    if prediction.times:
        said = ", ".join(f"{each.name.lower()} {each.took_ms:.0f} ms" for each in prediction.times.phases)
        screen.say(f"Took {prediction.times.round_trip_ms:.0f} ms: {said}")
    screen.say(f"by {prediction.release}")
