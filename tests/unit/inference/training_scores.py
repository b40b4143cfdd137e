"""The training code's own scores: python training_scores.py MODEL_FOLDER PHOTO... prints them as JSON.

A program of its own, because the modules of training/ import each other by plain name.
"""

import json
import sys
from pathlib import Path

import torch

from classifier import load_classifier

if __name__ == "__main__":
    model, *photos = map(Path, sys.argv[1:])
    classifier = load_classifier(lambda name: (model / name).read_bytes(), torch.device("cpu"))
    answers = []
    for photo in photos:
        logits = classifier.logits([classifier.preprocessing.decode(photo.read_bytes())])[0]
        answers.append(
            {
                "scores": logits.tolist(),
                "probabilities": (logits.double() / classifier.temperature).softmax(0).tolist(),
                "temperature": classifier.temperature,
            }
        )
    print(json.dumps(answers))
