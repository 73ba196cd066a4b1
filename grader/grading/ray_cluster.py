"""A RayCluster for KubeRay: the manifest of a cluster on Kubernetes whose workers grade.

Nothing of a course is in it: what a slot needs crosses when a batch begins. Pods run as an ordinary user and make their
sandbox in a user namespace, for which the runtime's own profiles of system calls and AppArmor must not stand in the way.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import re
from typing import Any

from grader import DISTRIBUTION
from grader.errors import UsageError

#: MiB of a slot: its runner and zygote, a submission, and the arena of Ray's objects.
_SLOT_MB, _HEAD_MB = 6144, 4096
#: Ports that are probed; KubeRay's own probes ask a part of Ray that a slot does not need.
_GCS_PORT, _NODE_PORT = 6379, 6380


def ray_cluster(
    *, name: str, image: str, workers: int, cores: int, gpus: int = 0, most_workers: int | None = None
) -> dict[str, Any]:
    """The manifest, as the values of its YAML.

    Args:
        name: of the cluster, and the beginning of its pods' names.
        image: with Autograde and its extra ``ray``; every node and the coordinator have the same versions.
        workers: pods that grade.
        cores: of each, which is its number of slots.
        gpus: of each.
        most_workers: up to how many the cluster grows where work waits; ``workers`` where it does not grow.

    Raises:
        UsageError: a number is out of range, or Ray's release is not known here.
    """
    most = workers if most_workers is None else most_workers
    if workers < 1 or cores < 1 or gpus < 0 or most < workers:
        raise UsageError(
            "a cluster needs a worker with a core, and may not shrink as it grows",
            where="ray-cluster",
            fix="--workers 2 --cores 4 --most-workers 8",
        )
    release = ray_release()
    resources: dict[str, str] = {"cpu": str(cores), "memory": f"{_SLOT_MB * cores}Mi"}
    if gpus:
        resources["nvidia.com/gpu"] = str(gpus)
    head = {"cpu": "1", "memory": f"{_HEAD_MB}Mi"}
    return {
        "apiVersion": "ray.io/v1",
        "kind": "RayCluster",
        "metadata": {"name": name, "labels": {"app.kubernetes.io/name": "autograde"}},
        "spec": {
            "rayVersion": release,
            "authOptions": {"mode": "token"},
            "enableInTreeAutoscaling": most > workers,
            "headGroupSpec": {
                # No slot beside the cluster's own bookkeeping.
                "rayStartParams": {"num-cpus": "0", "include-dashboard": "false"},
                "template": _pod("ray-head", image, head, _GCS_PORT),
            },
            "workerGroupSpecs": [
                {
                    "groupName": "slots",
                    "replicas": workers,
                    "minReplicas": workers,
                    "maxReplicas": most,
                    "rayStartParams": {"node-manager-port": str(_NODE_PORT)},
                    "template": _pod("ray-worker", image, resources, _NODE_PORT),
                }
            ],
        },
    }


def ray_release() -> str:
    """The release of Ray that the extra ``ray`` pins: head, workers and coordinator must have the same.

    Raises:
        UsageError: Autograde is not installed, so that nothing says which.
    """
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        for requirement in importlib.metadata.requires(DISTRIBUTION) or []:
            if found := re.match(r"ray==([\w.]+)", requirement):
                return found[1]
    raise UsageError(
        "which release of Ray belongs to this Autograde is not known",
        where="ray-cluster",
        fix="pip install 'autograde-torch[ray]'",
    )


def _pod(name: str, image: str, resources: dict[str, str], port: int) -> dict[str, Any]:
    probe = {"tcpSocket": {"port": port}, "periodSeconds": 10, "failureThreshold": 30}
    return {
        "spec": {
            "automountServiceAccountToken": name == "ray-head",  # it starts the workers of a cluster that grows
            "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "runAsGroup": 1000, "fsGroup": 1000},
            "containers": [
                {
                    "name": name,
                    "image": image,
                    "resources": {"requests": dict(resources), "limits": dict(resources)},
                    "securityContext": {
                        "privileged": False,
                        "capabilities": {"drop": ["ALL"]},
                        # `unshare` and `mount` in a namespace of its own; workers have our own, narrower filter.
                        "seccompProfile": {"type": "Unconfined"},
                        "appArmorProfile": {"type": "Unconfined"},
                    },
                    "env": [{"name": "RAY_USAGE_STATS_ENABLED", "value": "0"}],
                    "readinessProbe": dict(probe),
                    "livenessProbe": dict(probe),
                }
            ],
        }
    }
