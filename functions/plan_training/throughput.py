"""How long a training takes: a model of where its time goes.

Training runs the frozen backbone once over every photo and keeps the features; the head then learns from
those. With n photos of b megabytes each, a backbone of g billion multiply-adds, c cores and e epochs:

    decode  = n * (DECODE_S + DECODE_S_PER_MB * b) / c
    forward = n * g * CORE_S_PER_GMAC / c              (or n * g * GPU_S_PER_GMAC on a GPU)
    pass    = decode + forward on a CPU, the longer of the two on a GPU
    views   = (v - 1) * t * forward                    (v views of the share t that is trained on)
    tuning  = f * t * (pass + 2 * forward)             (f epochs; backward costs about two forward passes)
    head    = e * n * HEAD_S_PER_IMAGE_EPOCH
    total   = STARTUP_S + bytes / DOWNLOAD_BYTES_PER_S + (pass + views) / i + tuning + head + EXPORT_S

A champion is tried on the test photos, so its share of the photos goes through a pass once more. Of several
instances (i), each fetches all photos and computes its share of the features; the first does all the rest.

A vCPU is half a core (a hyperthread). The figures for a core were measured with EfficientNet-Lite0 on two
cores with AVX-512: 624 photos of 500x375 and 31 of 12 megapixels decoded a second and core, and 95 photos
a second and core through the network in fp32. Those for GPUs, and how other backbones scale (by their
multiply-adds), are estimates. The time limit of a job is a multiple of the result, so an error costs little.
"""

from dataclasses import dataclass

from functions.plan_training.instance_types import Backend, InstanceType

CORES_PER_VCPU = 0.5
DECODE_S = 0.0012
DECODE_S_PER_MB = 0.0076
CORE_S_PER_GMAC = 0.026
GPU_S_PER_GMAC = {"T4": 0.0006, "L4": 0.0004, "A10G": 0.0003}
HEAD_S_PER_IMAGE_EPOCH = 0.00002
# Of EfficientNet-Lite0 on two cores: 1 s at most to export the graph, and 4 to 7 s for NNCF to make it int8
# by 50 photos, the most that it gets. How other backbones and more cores scale is an estimate.
EXPORT_S = 8.0
DOWNLOAD_BYTES_PER_S = 100e6
# SageMaker: fetching the container, which is billed. EC2: booting, and installing 3 GB of packages.
STARTUP_S: dict[Backend, float] = {"sagemaker": 120.0, "ec2": 300.0}

# Billions of multiply-adds for one 224x224 image: torchvision's model pages, and the EfficientNet-Lite page.
GMACS = {
    "efficientnet_lite0": 0.41,
    "resnet18": 1.81,
    "resnet50": 4.09,
    "mobilenet_v3_large": 0.22,
    "efficientnet_b0": 0.39,
    "convnext_tiny": 4.46,
    "vit_b_16": 17.56,
}

# The features of a photo lie in a file; its name, hash and label stay in memory.
MEMORY_BYTES_PER_IMAGE = 1024
MEMORY_BASE_GIB = 3.0


@dataclass(frozen=True)
class Workload:
    """What a training computes; sizes in bytes and pixels."""

    images: int
    total_bytes: int
    backbone: str
    image_size: int
    epochs: int
    champion_share: float  # the share of the images that the champion is tried on as well
    training_share: float = 0.65
    views: int = 1
    fine_tune_epochs: int = 0  # 0 where the backbone stays frozen
    instance_count: int = 1  # that share the features out

    @property
    def memory_gib(self) -> float:
        return MEMORY_BASE_GIB + self.images * MEMORY_BYTES_PER_IMAGE / 1024**3


def estimate_training_s(work: Workload, instance: InstanceType, backend: Backend) -> float:
    """Seconds from the start of billing to the end; the formula stands at the top of this module."""
    cores = instance.vcpus * CORES_PER_VCPU
    megabytes = work.total_bytes / max(1, work.images) / 1e6
    gmacs = GMACS[work.backbone] * (work.image_size / 224) ** 2
    decode_s = (DECODE_S + DECODE_S_PER_MB * megabytes) / cores
    if instance.gpu:
        forward_s = gmacs * GPU_S_PER_GMAC[instance.gpu]
        image_s = max(decode_s, forward_s)
    else:
        forward_s = gmacs * CORE_S_PER_GMAC / cores
        image_s = decode_s + forward_s
    trained = work.images * work.training_share
    shared_s = work.images * image_s + trained * (work.views - 1) * forward_s
    alone_s = work.images * work.champion_share * image_s
    alone_s += trained * work.fine_tune_epochs * (image_s + 2 * forward_s)
    alone_s += work.epochs * work.images * HEAD_S_PER_IMAGE_EPOCH
    download_s = work.total_bytes / DOWNLOAD_BYTES_PER_S
    return STARTUP_S[backend] + download_s + shared_s / work.instance_count + alone_s + EXPORT_S
