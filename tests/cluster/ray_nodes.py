"""A Ray cluster of several nodes on this machine: a head without a core, and nodes of one core each."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import time
from collections.abc import Iterator


def missing() -> bool:
    """Whether Ray is not installed."""
    return importlib.util.find_spec("ray") is None


class RayNodes:
    """The cluster; `running` starts and ends it. Its address is in RAY_ADDRESS meanwhile."""

    def __init__(self, count: int) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        from ray.cluster_utils import Cluster

        self.cluster = _patiently(
            lambda: Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
        )
        self.nodes = {
            f"n{number}": _patiently(lambda: self.cluster.add_node(num_cpus=1, memory=8 << 30))
            for number in range(count)
        }
        os.environ["RAY_ADDRESS"] = self.cluster.address

    def kill_node(self, node: str) -> int:
        """SIGKILL a node and what runs on it; one, for Ray's own processes are not counted."""
        self.cluster.remove_node(self.nodes.pop(node), allow_graceful=False)
        return 1

    def close(self) -> None:
        """End everything."""
        os.environ.pop("RAY_ADDRESS", None)
        self.cluster.shutdown()


def _patiently(begin):
    """What ``begin`` gives; Ray gives its processes 30 s to start, which a busy machine may not make."""
    for left in reversed(range(4)):
        try:
            return begin()
        except Exception:
            if not left:
                raise
            time.sleep(5)
    return None


@contextlib.contextmanager
def running(nodes: int) -> Iterator[RayNodes]:
    """A cluster of so many nodes."""
    cluster = RayNodes(nodes)
    try:
        yield cluster
    finally:
        cluster.close()
