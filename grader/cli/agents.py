"""``agent`` and ``ray-cluster``: what grades on other machines."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from grader.cli.common import command, err
from grader.text import counted


@command
def agent(
    spool: Annotated[
        Path, typer.Argument(metavar="SPOOL", help="the folder that the coordinator and its agents share")
    ],
    keep: Annotated[
        int, typer.Option("--keep", min=1, metavar="N", help="assignments kept warm, at about 800 MB each")
    ] = 2,
    idle: Annotated[
        float | None, typer.Option("--idle", min=0, metavar="SECONDS", help="end after this time without work")
    ] = None,
) -> None:
    """Grade the tasks in a spool, on any machine that shares the folder, until it is stopped.

    It needs neither the course nor the store. On a Slurm cluster, `grade --executor slurm` starts agents by itself.
    Elsewhere start one per core, by hand or as a service, and use `grade --executor spool`.
    """
    from grader.grading import Stopped, stoppable
    from grader.grading.agent import Agent
    from grader.grading.slot import CREDENTIALS

    for name in CREDENTIALS:
        os.environ.pop(name, None)
    served = Agent(spool, keep=keep, idle_s=idle, job=_slurm_job())
    try:
        with stoppable():
            served.run()
    except Stopped as stop:
        err.print(
            f"stopped by {stop.name} after {counted(served.served, 'task')}; work in progress goes to another agent"
        )
        raise typer.Exit(stop.exit_code) from None
    err.print(f"ended after {counted(served.served, 'task')}")


def _slurm_job() -> str:
    """The task of a Slurm array that this process is, as squeue prints it; empty elsewhere."""
    job = os.environ.get("SLURM_ARRAY_JOB_ID", "")
    return f"{job}_{os.environ.get('SLURM_ARRAY_TASK_ID', '')}" if job else ""


@command
def ray_cluster(
    image: Annotated[
        str, typer.Option("--image", metavar="IMAGE", help="container image with Autograde and its extra ray")
    ],
    workers: Annotated[int, typer.Option("--workers", min=1, metavar="N", help="number of pods that grade")] = 2,
    cores: Annotated[
        int, typer.Option("--cores", min=1, metavar="N", help="cores of each pod; each core is a slot")
    ] = 4,
    gpus: Annotated[int, typer.Option("--gpus", min=0, metavar="N", help="GPUs of each pod")] = 0,
    most: Annotated[
        int | None,
        typer.Option("--most-workers", min=1, metavar="N", help="grow up to this many pods while work waits"),
    ] = None,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="name of the cluster")] = "autograde",
) -> None:
    """Print the manifest of a Ray cluster on Kubernetes, for KubeRay: save it, and `kubectl apply -f` the file.

    Grade with `RAY_ADDRESS` set to the cluster's and `--executor ray`.
    """
    import yaml

    from grader.grading.ray_cluster import ray_cluster as manifest

    made = manifest(name=name, image=image, workers=workers, cores=cores, gpus=gpus, most_workers=most)
    typer.echo(yaml.safe_dump(made, sort_keys=False, width=120), nl=False)
