"""From long videos to short clips: which frames a clip holds, where clips start, and what a model says about all of them.

A video is a tensor (F, C, H, W) of F frames. A clip has T of them, and a batch of clips is (N, T, C, H, W): time stands before channels,
here and in every other module.
"""

import torch
from torch import nn


def frame_stride(video_fps: float, clip_fps: float) -> int:
    """Compute how many frames of the video lie between neighbouring frames of a clip, plus one: every how manieth is taken.

    Args:
        video_fps: frames per second of the video.
        clip_fps: frames per second that the clip should have.

    Returns:
        The whole number nearest to their ratio (for a half, either neighbour), but at least 1: no frame is taken twice.
    """
    ### BEGIN SOLUTION
    return max(1, round(video_fps / clip_fps))
    ### END SOLUTION


def clip_indices(start: int, length: int, stride: int) -> torch.Tensor:
    """Say which frames a clip holds.

    Args:
        start: index of the first frame.
        length: T, number of frames of the clip.
        stride: distance of neighbouring frames in the video.

    Returns:
        (T,) int64.
    """
    ### BEGIN SOLUTION
    return start + stride * torch.arange(length)
    ### END SOLUTION


def clip_starts(num_frames: int, length: int, stride: int, clips: int) -> torch.Tensor:
    """Spread clips evenly over a video, as it is done for a test.

    The first clip starts at frame 0, the last one ends with the last frame of the video, and the others lie in between at equal distances,
    rounded down to whole frames. A single clip lies in the middle: its start is half that of the last possible one, rounded down.

    Args:
        num_frames: F, number of frames of the video.
        length: T, number of frames of a clip.
        stride: distance of neighbouring frames of a clip.
        clips: K, number of clips, 1 or more.

    Returns:
        (K,) int64, the first frame of each clip in increasing order. Clips may overlap, and may be equal.

    Raises:
        ValueError: not a single clip fits into the video.
    """
    ### BEGIN SOLUTION
    last = num_frames - 1 - (length - 1) * stride
    if last < 0:
        raise ValueError(f"a clip of {length} frames with stride {stride} does not fit into {num_frames} frames")
    if clips == 1:
        return torch.tensor([last // 2])
    return torch.arange(clips) * last // (clips - 1)
    ### END SOLUTION


def extract_clips(video: torch.Tensor, starts: torch.Tensor, length: int, stride: int) -> torch.Tensor:
    """Cut clips out of a video.

    Args:
        video: (F, C, H, W).
        starts: (K,) int64, the first frame of each clip.
        length: T, number of frames of a clip.
        stride: distance of neighbouring frames of a clip.

    Returns:
        (K, T, C, H, W), of the same dtype.
    """
    ### BEGIN SOLUTION
    return torch.stack([video[clip_indices(start, length, stride)] for start in starts.tolist()])
    ### END SOLUTION


def average_predictions(model: nn.Module, clips: torch.Tensor, batch: int = 8) -> torch.Tensor:
    """Average a model's predicted probabilities over the clips of one video.

    The model runs in evaluation mode and without gradients, on ``batch`` clips at a time; how many that are does not matter to the result.

    Args:
        model: maps (N, T, C, H, W) to scores (N, num_classes), which are not probabilities yet.
        clips: (K, T, C, H, W), K clips of the same video.
        batch: how many clips the model gets at a time, at most.

    Returns:
        (num_classes,) probabilities: the mean of the K clips' softmax.
    """
    ### BEGIN SOLUTION
    model.eval()
    with torch.no_grad():
        scores = torch.cat([model(part) for part in clips.split(batch)])
    return scores.softmax(dim=1).mean(dim=0)
    ### END SOLUTION
