"""One review: what was asked, what is set, what is recommended, and what each comes to, as a document."""

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from functions.capacity_review.forecast import Deployed, Model
from functions.capacity_review.metrics import read_traffic
from functions.capacity_review.queueing import offered_load
from functions.capacity_review.recommendation import Recommendation, recommend
from functions.capacity_review.settings import Settings
from functions.capacity_review.today import (
    Today,
    as_settings,
    read_concurrency,
    read_endpoint,
    read_instance_quota,
)
from functions.capacity_review.traffic import Demand, Traffic, read_demand
from functions.common.applied_capacity import ALIAS
from functions.common.live_pointer import read_live_pointer


@dataclass(frozen=True)
class Clients:
    """Those of AWS that a review reads."""

    cloudwatch: Any
    functions: Any
    sagemaker: Any
    autoscaling: Any
    quotas: Any
    ssm: Any


@dataclass(frozen=True)
class Review:
    """`recommendation` None: `reason` says why there is none. `serves`: a release is live, and not paused."""

    serves: bool
    today: Today
    recommendation: Recommendation | None
    reason: str
    document: dict[str, Any]


def review(settings: Settings, *, days: int, moment: datetime, clients: Clients) -> Review:
    """Read, model, recommend; nothing is changed. Raises ClientError, PointerError."""
    pointer = read_live_pointer(settings.live_pointer_parameter, ssm=clients.ssm)
    today = Today(
        read_concurrency(settings.inference_function, functions=clients.functions),
        read_endpoint(pointer, sagemaker=clients.sagemaker, autoscaling=clients.autoscaling),
    )
    endpoint = today.endpoint
    traffic = read_traffic(
        settings.inference_function,
        ALIAS,
        endpoint.name if endpoint else None,
        until=moment,
        days=days,
        cloudwatch=clients.cloudwatch,
    )
    demand = read_demand(traffic, reserved=today.concurrency.reserved)
    deployed = Deployed(
        settings.region,
        settings.architecture,
        settings.inference_memory_mb,
        endpoint.instance_type if endpoint else None,
    )
    model = Model(demand, deployed)
    reason = "no endpoint serves: nothing is live, or it is paused" if endpoint is None else demand.lacks()
    found = None if reason else _recommend(model, settings, today, clients)
    document = {
        "schema_version": 1,
        "reviewed_at": f"{moment:%Y-%m-%dT%H:%M:%SZ}",
        "days": days,
        "endpoint_name": endpoint.name if endpoint else None,
        "instance_type": deployed.instance_type,
        "reason": reason or "",
        "traffic": _traffic(traffic, demand, model),
        "limits": asdict(settings.limits),
        "today": {
            "settings": today.to_json(),
            "forecast": model.forecast(today.capacity(settings.deployed)).to_json() if not reason else None,
        },
        "recommended": _recommended(found, today),
        "applied": None,
    }
    serves = pointer is not None and not pointer.get("paused_at")
    return Review(serves, today, found, reason or "", document)


def _recommend(model: Model, settings: Settings, today: Today, clients: Clients) -> Recommendation:
    quota = None
    if today.endpoint and today.endpoint.instance_type:
        quota = read_instance_quota(today.endpoint.instance_type, quotas=clients.quotas)
    room = today.concurrency.reservable
    if room >= settings.deployed.reserved_concurrency:
        limits = replace(settings.limits, reservable=room, instance_quota=quota)
        return recommend(model, settings.deployed, limits)
    # set_concurrency then neither reserves nor provisions: what is recommended waits for a larger quota.
    found = recommend(model, settings.deployed, replace(settings.limits, instance_quota=quota))
    note = f"the account lets {room} executions be reserved: until its quota is raised nothing is reserved"
    return replace(found, notes=[*found.notes, note])


def _recommended(found: Recommendation | None, today: Today) -> dict[str, Any] | None:
    if found is None:
        return None
    has_instances = today.endpoint is not None and today.endpoint.instance_type is not None
    return {
        "settings": as_settings(found.capacity, has_instances=has_instances),
        "forecast": found.forecast.to_json(),
        "notes": found.notes,
    }


def _traffic(traffic: Traffic, demand: Demand, model: Model) -> dict[str, Any]:
    minutes = max(1, len(demand.per_minute))
    return {
        "requests": round(demand.requests),
        "throttled": round(demand.throttled),
        "hours": round(len(demand.per_minute) / 60, 1),
        "busiest_minute": round(demand.busiest),
        "duration_s": round(demand.service_s, 4),
        "mean_concurrency": round(offered_load(demand.requests / minutes, demand.service_s), 3),
        "most_concurrency": round(max(demand.peaks, default=0)),
        "peakedness": round(demand.peakedness, 2),
        "growth": round(demand.growth, 3),
        "provisioned_utilization": round(max(traffic.utilization.values(), default=0.0), 3),
        "spillover": round(sum(traffic.spillover.values())),
        "model_latency_s": None if demand.latency_s is None else round(demand.latency_s, 4),
        "overhead_s": round(sum(traffic.overhead_s.values()) / max(1, len(traffic.overhead_s)), 4),
        "most_per_instance": round(max(traffic.per_instance.values(), default=0.0)),
        "instance_capacity": None if model.instance_capacity is None else round(model.instance_capacity),
    }
