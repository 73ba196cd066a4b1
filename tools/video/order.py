"""Trains the reference solution of `video` and checks that the lecture's order of models holds, with margins, at several seeds.

    python tools/video/order.py            # seeds 0 to 4, about 100 CPU seconds; exits with 1 where a margin is missing
    python tools/video/order.py --write    # also writes the measured numbers to tools/video/order.json

Every seed trains the models anew on the public clips, and judges them on a secret part of its own.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from grader.data import hold_out

ROOT = Path(__file__).parents[2]
NUMBERS = Path(__file__).with_name("order.json")
CHANCE = {"motion": 1 / 8, "appearance": 1 / 10, "joint": 1 / 20}


def module(path: Path) -> ModuleType:
    """A file of the course as a module, under the name that the solution's modules import it by."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = loaded
    spec.loader.exec_module(loaded)
    return loaded


probes = module(ROOT / "assignments/video/hidden/probes.py")
flow, inflate, models = (
    module(ROOT / "solutions/video" / f"{name}.py") for name in ("flow", "inflate", "video_models")
)


class Frame(nn.Module):
    """A model of clips as a model of frames."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Scores of frames (N, C, H, W)."""
        return self.model(frames[:, None])


class Stack(nn.Module):
    """An early fusion network as one of stacks of flow: what it takes for frames are pairs of dx and dy."""

    def __init__(self, num_classes: int, pairs: int) -> None:
        super().__init__()
        self.model = models.EarlyFusion(num_classes, pairs, 2)

    def forward(self, stacks: torch.Tensor) -> torch.Tensor:
        """Scores of stacks (N, 2 pairs, H, W)."""
        return self.model(stacks.unflatten(1, (-1, 2)))


class Temporal(nn.Module):
    """The temporal stream on clips."""

    def __init__(self, num_classes: int, frames: int) -> None:
        super().__init__()
        self.stack = Stack(num_classes, frames - 1)

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """Scores of clips (N, T, 1, H, W)."""
        return self.stack(flow.flow_stack(clips))


class Inflated(nn.Module):
    """A single-frame network, inflated: features averaged over time and space, and the same linear layer."""

    def __init__(self, single: nn.Module, time_size: int) -> None:
        super().__init__()
        self.features, self.scores = inflate.inflate(single.features, time_size), single.scores

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """Scores of clips (N, T, C, H, W)."""
        return self.scores(self.features(clips.transpose(1, 2)).mean(dim=(2, 3, 4)))


def config(task: str, train: int, noise: float = 0.1, test: int = 1000) -> dict[str, Any]:
    """A data section of autograde.yml."""
    return {"set": "moving_digits", "train": train, "test": test, "options": {"task": task, "noise": noise}}


def run(seed: int) -> dict[str, float]:
    """The accuracies of one seed, by task and model, and the CPU seconds that each model took."""
    secret = f"video order {seed}".encode().ljust(32, b".")
    found: dict[str, float] = {}

    def measure(name: str, make: Any, held: Any, epochs: int, one_frame: bool = False, rate: float = 3e-3) -> nn.Module:
        began = time.process_time()
        probes.seed_all(seed)
        model = probes.fit(make(), *held.train, epochs, rate, one_frame)
        found[name] = held.accuracy(lambda x: probes.predict(model, x))
        found[f"{name} seconds"] = round(time.process_time() - began, 2)
        return model

    motion = hold_out(config("motion", 300), secret)
    probes.fit(models.CNN3D(8), *(part[:40] for part in motion.train), 1, 3e-3)  # torch's first kernels cost seconds
    found["motion/untrained"] = motion.accuracy(lambda x: probes.predict(models.CNN3D(8), x))
    measure("motion/single frame", lambda: models.SingleFrameCNN(8), motion, 8, one_frame=True)
    measure("motion/late fusion, pooled", lambda: models.LateFusionPool(8), motion, 8)
    measure("motion/late fusion, FC", lambda: models.LateFusionFC(8, 6), motion, 8)
    measure("motion/early fusion", lambda: models.EarlyFusion(8, 6), motion, 8)
    measure("motion/3-D", lambda: models.CNN3D(8), motion, 8)
    measure("motion/temporal stream", lambda: Temporal(8, 6), motion, 8)

    looks = hold_out(config("appearance", 1500, 0.05), secret)
    single = measure("appearance/single frame", lambda: models.SingleFrameCNN(10), looks, 6, one_frame=True)
    found["appearance/its middle frame"] = looks.accuracy(lambda x: probes.predict(single, x[:, 3:4]))
    found["appearance/untrained"] = looks.accuracy(lambda x: probes.predict(models.SingleFrameCNN(10), x))
    measure("appearance/early fusion", lambda: models.EarlyFusion(10, 6), looks, 2)

    # Inflation: a network for single frames, asked about clips; then tuned on few of them, beside the same network from scratch.
    few = hold_out(config("appearance", 120, 0.05), secret)
    bent = Inflated(single, 3)
    found["inflated/as it is"] = few.accuracy(lambda x: probes.predict(bent, x))
    measure("inflated/tuned on 120 clips", lambda: bent, few, 6, rate=1e-3)
    measure("inflated/from scratch on 120 clips", lambda: Inflated(models.SingleFrameCNN(10), 3), few, 6)

    joint = hold_out(config("joint", 600, 0.05), secret)
    spatial = measure("joint/spatial stream", lambda: models.SingleFrameCNN(20), joint, 12, one_frame=True)
    temporal = measure("joint/temporal stream", lambda: Temporal(20, 6), joint, 8)
    both = flow.TwoStream(Frame(spatial), temporal.stack)
    found["joint/two-stream"] = joint.accuracy(lambda x: probes.predict(both, x))

    def mean_of_probabilities(x: torch.Tensor) -> torch.Tensor:
        return probes.predict(Frame(spatial), x[:, 3]).softmax(1) + probes.predict(temporal, x).softmax(1)

    found["joint/two-stream, mean of probabilities"] = joint.accuracy(mean_of_probabilities)
    found["joint/spatial stream, one frame"] = joint.accuracy(lambda x: probes.predict(Frame(spatial), x[:, 3]))
    return found


def margins(found: dict[str, float]) -> dict[str, float]:
    """By how much each claim holds; none may be negative."""
    chance = CHANCE["motion"]
    blind = {name: found[f"motion/{name}"] for name in ("single frame", "late fusion, pooled")}
    early, solid = found["motion/early fusion"], found["motion/3-D"]
    streams = max(found["joint/spatial stream"], found["joint/temporal stream"])
    return {
        "single frame within 0.05 of chance": 0.05 - abs(blind["single frame"] - chance),
        "pooled late fusion within 0.05 of chance": 0.05 - abs(blind["late fusion, pooled"] - chance),
        "early fusion 0.3 above both": early - max(blind.values()) - 0.3,
        "3-D above early fusion": solid - early,
        "two-stream above each of its streams": found["joint/two-stream"] - streams,
        "inflated and tuned above from scratch": found["inflated/tuned on 120 clips"]
        - found["inflated/from scratch on 120 clips"],
    }


def main() -> int:
    """Run the seeds, print the table, and say whether every margin holds."""
    parser = argparse.ArgumentParser(
        description="Does the lecture's order of video models hold for the reference solution?"
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--write", action="store_true", help=f"write {NUMBERS.name}")
    options = parser.parse_args()
    torch.set_num_threads(1)
    results = []
    for seed in range(options.seeds):
        results.append(run(seed))
        print(seed, json.dumps({name: round(value, 3) for name, value in results[-1].items()}), flush=True)
    table = {name: [round(result[name], 3) for result in results] for name in results[0]}
    held = {name: [round(margins(result)[name], 3) for result in results] for name in margins(results[0])}
    for name, values in table.items():
        print(f"{name:44s} {min(values):6.3f} {statistics.mean(values):6.3f} {max(values):6.3f}")
    for name, values in held.items():
        print(f"{'holds by' if min(values) >= 0 else 'FAILS: '} {min(values):6.3f} at least: {name}")
    if options.write:
        NUMBERS.write_text(json.dumps({"accuracy and CPU seconds": table, "margins": held}, indent=1) + "\n")
    return 0 if all(min(values) >= 0 for values in held.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
