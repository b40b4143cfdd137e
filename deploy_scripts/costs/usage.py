"""What a deployment is used for, and what is assumed where neither template nor plan can say."""

from dataclasses import dataclass

from functions.plan_training.instance_types import Backend


@dataclass(frozen=True)
class Usage:
    """`image_size` is the side in pixels that training works with; `photo_bytes` the average file."""

    photos: int = 1000
    photo_bytes: int = 150_000
    image_size: int = 224
    backend: Backend | None = None

    @property
    def total_bytes(self) -> int:
        return self.photos * self.photo_bytes


# Assumptions, each said in the note of the component that uses it.
FUNCTION_S = 10.0  # a call of a function of the workflow
INSPECTION_S_PER_PHOTO = 0.005
PREDICTION_S = 0.3  # fetching the photo, asking the endpoint
SCORED_A_SECOND = 10.0  # by one instance, of a scoring job
PREDICTION_LOG_BYTES = 2000
RUN_LOG_GB = 0.01
IDLE_LOG_GB = 0.1
STORED_GB = 1.0
IMAGES_GB = 2.0
BUILD_MINUTES = 20.0
AUDITS_A_MONTH = 30
REVIEWS_A_MONTH = 30
REVIEW_S = 60.0
LEFTOVER_LOOKS_A_MONTH = 52 / 12
# Of a photo at 1024 pixels a side.
CAPTURE_BYTES = 300_000
DAYS_A_MONTH = 30
# Captured, refused, failed.
CAPTURE_METRICS = 3
# An ml.m5.large endpoint was in service after 6 min 47 s, an ml.m6g.large one after 4 min 04 s, on
# 2026-07-31: github.com/scott2borg/cs401r-2026-instructor, its course constraints.
ENDPOINT_START_S = 407.0
# Describe, choose, wait.
STATES_A_POLL = 3
# Of a release that is watched: wait, three calls, two choices.
STATES_A_LOOK = 6
# Target tracking makes two for itself; seen on 2026-07-31, the same source.
SCALING_ALARMS = 2
