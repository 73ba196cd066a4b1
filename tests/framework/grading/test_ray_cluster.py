"""The manifest for KubeRay: it has the fields of a RayCluster, and its pods are pods."""

from __future__ import annotations

import jsonschema
import kubernetes_validate
import pytest

from grader.errors import UsageError
from grader.grading.ray_cluster import ray_cluster

# Kubernetes' schema takes seconds to read.
pytestmark = pytest.mark.slow

#: Kubernetes' release whose schema pods are held to.
RELEASE = "1.34"
TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
COUNT = {"type": "integer", "minimum": 0, "maximum": 2**31 - 1}
#: What KubeRay's definition of ray.io/v1 says of the fields that we write, and which it demands; pods are held to their own.
RAY_CLUSTER = {
    "type": "object",
    "required": ["apiVersion", "kind", "metadata", "spec"],
    "properties": {
        "apiVersion": {"const": "ray.io/v1"},
        "kind": {"const": "RayCluster"},
        "metadata": {"type": "object", "required": ["name"]},
        "spec": {
            "type": "object",
            "additionalProperties": False,
            "required": ["headGroupSpec"],
            "properties": {
                "rayVersion": {"type": "string"},
                "authOptions": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {"mode": {"enum": ["disabled", "token"]}, "enableK8sTokenAuth": {"type": "boolean"}},
                },
                "enableInTreeAutoscaling": {"type": "boolean"},
                "headGroupSpec": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["template"],
                    "properties": {"rayStartParams": TEXTS, "template": {"type": "object"}},
                },
                "workerGroupSpecs": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "additionalProperties": False,
                        "required": ["groupName", "maxReplicas", "minReplicas", "rayStartParams", "template"],
                        "properties": {
                            "groupName": {"type": "string"},
                            "replicas": COUNT,
                            "minReplicas": COUNT,
                            "maxReplicas": COUNT,
                            "rayStartParams": TEXTS,
                            "template": {"type": "object"},
                        },
                    },
                },
            },
        },
    },
}


def pods(manifest):
    """The pods that a manifest asks for, as manifests of their own."""
    groups = [manifest["spec"]["headGroupSpec"], *manifest["spec"]["workerGroupSpecs"]]
    return [{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, **group["template"]} for group in groups]


@pytest.mark.parametrize("more", [{}, {"gpus": 2}, {"most_workers": 9}], ids=["plain", "gpus", "grows"])
def test_a_manifest_is_what_kuberay_and_kubernetes_define(more):
    """No field is unknown, of another type, or missing."""
    manifest = ray_cluster(name="autograde", image="example.org/autograde:1", workers=3, cores=4, **more)
    jsonschema.validate(manifest, RAY_CLUSTER)
    for pod in pods(manifest):
        kubernetes_validate.validate(pod, RELEASE, strict=True)


def test_a_wrong_pod_is_found():
    """The schemas see a mistake: a field that there is not."""
    manifest = ray_cluster(name="autograde", image="example.org/autograde:1", workers=1, cores=1)
    pod = pods(manifest)[0]
    pod["spec"]["containers"][0]["memory"] = "4Gi"
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(pod, RELEASE, strict=True)


def test_the_token_stays_on_and_pods_are_no_one():
    """Nobody reaches the cluster without its token, and no pod is privileged or root."""
    manifest = ray_cluster(name="autograde", image="example.org/autograde:1", workers=1, cores=1, gpus=1)
    assert manifest["spec"]["authOptions"] == {"mode": "token"}
    for pod in pods(manifest):
        (container,) = pod["spec"]["containers"]
        assert container["securityContext"]["privileged"] is False
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
    assert pods(manifest)[1]["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "1"


def test_numbers_out_of_range_are_an_error():
    """A cluster that may have fewer workers than it begins with is none."""
    with pytest.raises(UsageError, match="may not shrink"):
        ray_cluster(name="autograde", image="x", workers=3, cores=1, most_workers=2)
