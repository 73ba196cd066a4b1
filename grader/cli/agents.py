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
        int, typer.Option("--keep", min=1, metavar="N", help="assignments kept warm, at some 800 MB each")
    ] = 2,
    idle: Annotated[
        float | None, typer.Option("--idle", min=0, metavar="SECONDS", help="end after so long without work")
    ] = None,
) -> None:
    """Grade what coordinators put into a spool, on any machine that shares the folder, until it is stopped.

    It needs neither the course nor the store. On a Slurm cluster `grade --executor slurm` starts agents by itself;
    elsewhere start one a core, by hand or as a service, and use `grade --executor spool`.
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
            f"stopped by {stop.name} after {counted(served.served, 'task')}; what was under way goes to another agent"
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
    workers: Annotated[int, typer.Option("--workers", min=1, metavar="N", help="pods that grade")] = 2,
    cores: Annotated[int, typer.Option("--cores", min=1, metavar="N", help="cores of each, a slot a core")] = 4,
    gpus: Annotated[int, typer.Option("--gpus", min=0, metavar="N", help="GPUs of each")] = 0,
    most: Annotated[
        int | None, typer.Option("--most-workers", min=1, metavar="N", help="grow up to so many pods while work waits")
    ] = None,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="what the cluster is called")] = "autograde",
) -> None:
    """Print the manifest of a Ray cluster on Kubernetes, for KubeRay: save it, and `kubectl apply -f` the file.

    Grade with `RAY_ADDRESS` set to the cluster's and `--executor ray`.
    """
    import yaml

    from grader.grading.ray_cluster import ray_cluster as manifest

    made = manifest(name=name, image=image, workers=workers, cores=cores, gpus=gpus, most_workers=most)
    typer.echo(yaml.safe_dump(made, sort_keys=False, width=120), nl=False)
