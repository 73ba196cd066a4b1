"""Is transfer worth it, and do the thresholds sort decoders rightly? Trains five networks at 20 seeds and secrets.

Run by hand, ``python -m tools.segmentation.measure``: about 12 CPU minutes. Each network is trained by the loop of the
hidden check and judged on the secret scenes of one secret; results go to results.json, one seed after another, and a run
that was stopped goes on where it was. tests/course/test_segmentation.py holds the results against what the handout says.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn
from torch.nn.functional import interpolate

from grader.course import load_course
from grader.data import Confusion, hold_out

ROOT = Path(__file__).parents[2]
RESULTS = Path(__file__).with_name("results.json")
SOLUTION, HIDDEN = ROOT / "solutions" / "segmentation", ROOT / "assignments" / "segmentation" / "hidden"


def _load(folder: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


sys.path.insert(0, str(SOLUTION))
PROBES = _load(HIDDEN, "probes")
MODEL = _load(SOLUTION, "seg_model")
ENCODER, DATA = sys.modules["encoder"], sys.modules["seg_data"]


class OneMap(nn.Module):
    """A 1x1 convolution on one feature map, blown up bilinearly: the plainest decoder there is."""

    def __init__(self, stride: int, *, pretrained: bool = True) -> None:
        super().__init__()
        self.stride = stride
        self.encoder = ENCODER.Encoder(pretrained, strides=(stride,))
        self.head = nn.Conv2d(ENCODER.CHANNELS[stride], 23, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scores (N, 23, H, W)."""
        scores = self.head(self.encoder(DATA.normalise(x))[self.stride])
        return interpolate(scores, size=x.shape[-2:], mode="bilinear")


class Small(nn.Module):
    """A small network to be trained from scratch: five convolutions down to stride 8, 0.18 million parameters."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for width, stride in ((24, 2), (48, 2), (64, 1), (96, 2), (96, 1)):
            layers += [nn.Conv2d(channels, width, 3, stride, 1), nn.BatchNorm2d(width), nn.ReLU()]
            channels = width
        self.layers = nn.Sequential(*layers, nn.Conv2d(channels, 23, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scores (N, 23, H, W)."""
        return interpolate(self.layers(x - 0.5), size=x.shape[-2:], mode="bilinear")


#: By name: how it is made, and whether its encoder is frozen.
NETWORKS: dict[str, tuple[Any, bool]] = {
    "reference": (MODEL.SegmentationNN, True),
    "stride 16": (lambda: OneMap(16), True),
    "stride 32": (lambda: OneMap(32), True),
    "reference from scratch": (lambda: MODEL.SegmentationNN(pretrained=False), False),
    "small from scratch": (Small, False),
}


def measure(seed: int, names: list[str], epochs: int) -> dict[str, Any]:
    """Accuracy, mean IoU and CPU seconds of each network at one seed and secret."""
    config = load_course(ROOT / "autograde.yml").assignment("segmentation").profile("cpu").data
    assert config is not None
    held = hold_out(config, seed.to_bytes(32, "big"))
    found: dict[str, Any] = {}
    confusion: Confusion | None = None
    for name in names:
        make, frozen = NETWORKS[name]
        begin = time.process_time()
        torch.manual_seed(seed)
        network = make()
        PROBES.train(network, *held.train, epochs, frozen=frozen)
        confusion = held.confusion(lambda x, network=network: PROBES.label_maps(network, x))
        seconds = time.process_time() - begin
        found[name] = [round(confusion.accuracy, 4), round(confusion.mean_iou, 4), round(seconds, 1)]
    if confusion is not None:
        most = int((confusion.matrix.sum(axis=1) + confusion.unanswered).argmax())
        always = held.confusion(lambda x: torch.full((len(x), *x.shape[2:]), most))
        found["majority"] = [round(always.accuracy, 4), round(always.mean_iou, 4), 0.0]
    return found


def main() -> None:
    """Measure what is still missing, and print the ranges."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=10)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    known: dict[str, dict[str, Any]] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for seed in range(asked.seeds):
        row = known.setdefault(str(seed), {})
        missing = [name for name in NETWORKS if name not in row]
        if missing:
            row.update(measure(seed, missing, asked.epochs))
            lines = [f'  "{key}": {json.dumps(value)}' for key, value in known.items()]
            RESULTS.write_text("{\n" + ",\n".join(lines) + "\n}\n")
            sys.stdout.write(f"{seed} {row}\n")
            sys.stdout.flush()
    for name in [*NETWORKS, "majority"]:
        accuracy, iou, seconds = (sorted(row[name][k] for row in known.values()) for k in range(3))
        sys.stdout.write(
            f"{name:24s} accuracy {accuracy[0]:.3f}..{accuracy[-1]:.3f}   mean IoU {iou[0]:.3f}..{iou[-1]:.3f}"
            f"   {seconds[0]:.1f}..{seconds[-1]:.1f} CPU s\n"
        )
    gaps = [row["reference"][1] - row["reference from scratch"][1] for row in known.values()]
    sys.stdout.write(f"mean IoU, reference minus reference from scratch: {min(gaps):.3f}..{max(gaps):.3f}\n")


if __name__ == "__main__":
    main()
