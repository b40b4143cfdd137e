"""The training code's own scores: python training_scores.py MODEL_FOLDER PHOTO... prints them as JSON.

A program of its own, because the modules of training/ import each other by plain name.
"""

import json
import sys
from pathlib import Path

from training.export.served_model import load_served_model

if __name__ == "__main__":
    model, *photos = map(Path, sys.argv[1:])
    served = load_served_model(lambda name: (model / name).read_bytes(), threads=1)
    answers = []
    for photo in photos:
        scores = served.scores([served.description.preprocessing.decode(photo.read_bytes())])
        answers.append(
            {
                "scores": scores[0].tolist(),
                "probabilities": served.probabilities(scores)[0].tolist(),
                "temperature": served.description.temperature,
            }
        )
    print(json.dumps(answers))
