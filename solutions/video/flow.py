"""Motion as a picture: optical flow by Lucas and Kanade, warping, stacks of flow, and the network with two streams.

The flow F between two frames says where each pixel goes: the second frame at (x + dx, y + dy) is the first one at (x, y). dx is counted to
the right, dy down, both in pixels, and dx comes first: a flow is (N, 2, H, W).
"""

import torch
from torch import nn
from torch.nn import functional as F


def lucas_kanade(first: torch.Tensor, second: torch.Tensor, window: int = 7) -> torch.Tensor:
    """Estimate the flow from one grey frame to the next by one step of Lucas and Kanade.

    The brightness of what moves stays: Ix dx + Iy dy + It = 0. Around each pixel, all pixels of a window share one flow, and the least
    squares solution is taken. Ix and Iy are central differences per pixel (or Sobel or Scharr filters, divided by their weights) of the first
    frame, the second, or their mean; It = second - first. Where the window holds no texture, or texture in one direction only, the flow
    must still be finite: add a small constant to the diagonal (at most 1e-4 to means over the window, so that it weighs nothing where there is
    texture), mask, or use a pseudo-inverse. Equal frames give 0 everywhere. What you do
    within a window of the border is yours to choose.

    Args:
        first: (N, 1, H, W), the earlier frames.
        second: (N, 1, H, W), the later ones.
        window: side of the window, odd.

    Returns:
        (N, 2, H, W), dx and dy in pixels.
    """
    ### BEGIN SOLUTION
    mean = F.pad((first + second) / 2, (1, 1, 1, 1), mode="replicate")
    ix = (mean[:, :, 1:-1, 2:] - mean[:, :, 1:-1, :-2]) / 2
    iy = (mean[:, :, 2:, 1:-1] - mean[:, :, :-2, 1:-1]) / 2
    it = second - first
    products = torch.cat([ix * ix, ix * iy, iy * iy, ix * it, iy * it], dim=1)
    xx, xy, yy, xt, yt = F.avg_pool2d(products, window, stride=1, padding=window // 2).unbind(dim=1)
    xx, yy = xx + 1e-5, yy + 1e-5
    determinant = xx * yy - xy * xy
    return torch.stack([xy * yt - yy * xt, xy * xt - xx * yt], dim=1) / determinant[:, None]
    ### END SOLUTION


def warp(frames: torch.Tensor, flow: torch.Tensor) -> torch.Tensor:
    """Warp backward: fetch each pixel (x, y) of the result from (x + dx, y + dy), bilinearly.

    The second frame, warped by the flow from the first to the second, is the first again. What stands for pixels from outside of the
    frame is yours to choose.

    Args:
        frames: (N, C, H, W).
        flow: (N, 2, H, W), dx and dy in pixels.

    Returns:
        (N, C, H, W).
    """
    ### BEGIN SOLUTION
    height, width = frames.shape[2:]
    x = torch.arange(width) + flow[:, 0]
    y = torch.arange(height)[:, None] + flow[:, 1]
    # grid_sample counts from -1, the middle of the first pixel, to 1, the middle of the last one.
    grid = torch.stack([2 * x / (width - 1) - 1, 2 * y / (height - 1) - 1], dim=3)
    return F.grid_sample(frames, grid, padding_mode="border", align_corners=True)
    ### END SOLUTION


def flow_stack(clips: torch.Tensor, window: int = 7) -> torch.Tensor:
    """Stack the flows between neighbouring frames of grey clips.

    Args:
        clips: (N, T, 1, H, W).
        window: of `lucas_kanade`.

    Returns:
        (N, 2 (T - 1), H, W), in the order dx, dy of the first two frames, dx, dy of the next two, and so on.
    """
    ### BEGIN SOLUTION
    flows = [lucas_kanade(clips[:, t], clips[:, t + 1], window) for t in range(clips.shape[1] - 1)]
    return torch.cat(flows, dim=1)
    ### END SOLUTION


class TwoStream(nn.Module):
    """Two networks side by side: one sees what is there, in a single frame; the other one how it moves, in the flow.

    Args:
        spatial: maps frames (N, C, H, W) to scores (N, num_classes).
        temporal: maps stacks of flow (N, 2 (T - 1), H, W) to scores (N, num_classes).
    """

    def __init__(self, spatial: nn.Module, temporal: nn.Module) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        self.spatial, self.temporal = spatial, temporal
        ### END SOLUTION

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """Map grey clips (N, T, 1, H, W) to the sum of both streams' log-probabilities, (N, num_classes).

        The spatial stream gets frame T // 2, the temporal one the `flow_stack` with its default window. Gradients reach both streams.
        """
        ### BEGIN SOLUTION
        appearance = self.spatial(clips[:, clips.shape[1] // 2])
        motion = self.temporal(flow_stack(clips))
        return appearance.log_softmax(dim=1) + motion.log_softmax(dim=1)
        ### END SOLUTION
