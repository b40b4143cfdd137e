"""What is measured of a model: accuracy, calibration, comparison with the champion, acceptance photos."""
