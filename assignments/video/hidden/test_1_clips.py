"""Hidden checks for clips.py: strides, indices, starts, the layout of a clip, and the average over clips."""

import pytest
import torch

from grader.checks import StudentError, assert_close, points


@points(2, hint="The ratio of video_fps to clip_fps, rounded to the nearest whole number, and at least 1.")
@pytest.mark.parametrize("rates", [(30, 5), (29.97, 4), (24, 10), (12, 5), (10, 30), (30, 8)])
def test_frame_stride(student, rates):
    """`frame_stride` is the whole number nearest to the ratio of the rates, and at least 1."""
    video, clip = rates
    exact = video / clip
    right = max(1, round(exact))
    got = student.frame_stride(video, clip)
    assert_close(
        got,
        right,
        name=f"frame_stride{rates}",
        mistakes={
            "the ratio upside down": clip / video,
            "the ratio upside down, rounded": lambda: max(1, round(clip / video)),
            "0, where the video has fewer frames per second than the clip": round(exact),
            "a ratio that is not rounded": exact,
            "a ratio rounded down": lambda: max(1, int(exact)),
            "a ratio rounded up": lambda: max(1, -int(-exact // 1)),
            "the difference of the rates": video - clip,
        },
    )
    whole = isinstance(got, int) or not getattr(getattr(got, "dtype", None), "is_floating_point", True)
    assert whole, f"`frame_stride` gives {got!r}; frames are counted by whole numbers, an int."


@points(2, hint="start + stride * torch.arange(length)")
@pytest.mark.parametrize("case", [(0, 16, 6), (7, 5, 3), (12, 4, 1), (3, 1, 9)])
def test_clip_indices(student, case):
    """`clip_indices` gives the frames of a clip: T of them, `stride` apart."""
    start, length, stride = case
    step = torch.arange(length)
    assert_close(
        student.clip_indices(*case),
        start + stride * step,
        name=f"clip_indices{case}",
        dtype=torch.int64,
        mistakes={
            "the stride ignored: neighbouring frames": start + step,
            "the start ignored": stride * step,
            "the start multiplied by the stride": stride * (start + step),
            "`length` taken for the number of frames of the video that the clip spans": lambda: torch.arange(start, start + length, stride),
            "a first frame that is a stride too late": start + stride * (step + 1),
            "a frame too many": lambda: start + stride * torch.arange(length + 1),
            "a frame too few": lambda: start + stride * torch.arange(length - 1),
            "start and stride exchanged": stride + start * step,
        },
    )


STARTS = [(50, 8, 4, 6), (36, 5, 3, 4), (36, 5, 3, 1), (41, 4, 5, 2), (13, 5, 3, 3), (29, 1, 4, 4), (91, 16, 2, 8)]


@points(3, hint="last = F - 1 - (T - 1) * stride; clip i of K starts at i * last // (K - 1).")
@pytest.mark.parametrize("case", STARTS)
def test_clip_starts(student, case):
    """`clip_starts` spreads clips evenly over a video, from its first frame to its last."""
    frames, length, stride, clips = case
    last = frames - 1 - (length - 1) * stride

    def spread(last, rounding=torch.floor):
        if clips == 1:
            return torch.tensor([last // 2])
        return rounding(torch.arange(clips, dtype=torch.float64) * last / (clips - 1) + 1e-9).long()

    number = torch.arange(clips)
    try:
        got = student.clip_starts(*case)
    except StudentError as error:
        span = (length - 1) * stride + 1
        just = f"{length} frames with stride {stride} span {span}, and the video has {frames}: they fit, if only just"
        assert last or not str(error).startswith("ValueError"), f"clip_starts{case} raises a ValueError, but {just}."
        raise
    single = {
        "a single clip at the beginning instead of in the middle": torch.zeros(1),
        "a single clip at the end instead of in the middle": torch.tensor([last]),
        "the middle frame of the video as the start of a single clip": torch.tensor([frames // 2]),
    }
    assert_close(
        got,
        spread(last),
        name=f"clip_starts{case}",
        dtype=torch.int64,
        mistakes=single if clips == 1 else {
            "the last frame of the video never shown: the last start is one too early": lambda: spread(last - 1),
            "a last clip that reaches a frame beyond the video": lambda: spread(last + 1),
            "a clip that spans T * stride frames; it spans (T - 1) * stride + 1": lambda: spread(frames - length * stride),
            "a clip that spans T frames, without its stride": lambda: spread(frames - length),
            "a last clip that starts at the last frame of the video": lambda: spread(frames - 1),
            "starts rounded to the nearest frame, not down": lambda: spread(last, torch.round),
            "starts rounded up": lambda: spread(last, torch.ceil),
            "the video cut into K parts: no clip ends with the last frame": lambda: number * (last + 1) // clips,
            "the video cut into K parts: no clip ends with the last frame (i * last / K)": lambda: number * last // clips,
            "clips in the middle of K parts": lambda: ((2 * number + 1) * (last + 1)) // (2 * clips),
            "clips one after the other": lambda: number * length * stride,
        },
    )  # fmt: skip


@points(1, hint="if last < 0: raise ValueError(...)")
@pytest.mark.parametrize("case", [(12, 5, 3, 3), (12, 5, 3, 1), (3, 4, 1, 2)])
def test_clip_starts_of_a_short_video(student, case):
    """`clip_starts` raises a ValueError where not a single clip fits."""
    try:
        got = student.clip_starts(*case)
    except StudentError as error:
        assert str(error).startswith("ValueError"), f"For a video that is too short `clip_starts` should raise a ValueError; it raised: {error}"
    else:
        pytest.fail(f"clip_starts{case} should raise a ValueError: {case[1]} frames with stride {case[2]} do not fit into {case[0]}. It gave {got}.")


@points(2, hint="torch.stack of video[clip_indices(...)], one for each start: (K, T, C, H, W).")
@pytest.mark.parametrize("case", [((4, 0, 9), 3, 2), ((1,), 4, 3), ((2, 2, 5, 7), 2, 5), ((5, 0), 4, 3)])
def test_extract_clips(student, rng, case):
    """`extract_clips` cuts out clips, with time before channels."""
    starts, length, stride = case
    video = torch.randint(0, 255, (15, 3, 4, 5), generator=rng, dtype=torch.uint8)
    if length == 3:
        video = video.float()
    right = torch.stack([video[[start + stride * t for t in range(length)]] for start in starts])
    assert_close(
        student.extract_clips(video, torch.tensor(starts), length, stride),
        right,
        name="the clips",
        inputs={"video": video},
        mistakes={
            "channels before time: (K, C, T, H, W)": lambda: right.transpose(1, 2),
            "channels before time, by a view that mixes frames and channels: (K, C, T, H, W)": lambda: right.reshape(len(starts), 3, length, 4, 5),
            "the stride ignored: neighbouring frames": lambda: torch.stack([video[start : start + length] for start in starts]),
            "time first: (T, K, C, H, W)": lambda: right.transpose(0, 1),
            "all frames in one row: (K T, C, H, W)": lambda: right.flatten(0, 1),
            "channels last": lambda: right.permute(0, 1, 3, 4, 2),
            "the first clip alone": right[0],
            "the clip from frame 0 for every start": lambda: torch.stack([video[[stride * t for t in range(length)]] for _ in starts]),
            "frames in reverse order": lambda: right.flip(1),
            "the last frame of the video never taken": lambda: torch.stack([video[[min(start + stride * t, 13) for t in range(length)]] for start in starts]),
        },
        dtype=video.dtype,
    )


@points(2, hint="model.eval(), torch.no_grad(), softmax of each clip's scores, then the mean over the clips.")
@pytest.mark.parametrize(("clips", "settings"), [(7, {"batch": 3}), (7, {"batch": 1}), (3, {}), (11, {}), (1, {})])
def test_average_predictions(student, probe, rng, clips, settings):
    """`average_predictions` averages probabilities over the clips, in evaluation mode, however they are batched."""
    shape = (2, 1, 2, 3)
    weight = torch.randn(12, 4, generator=rng)
    x = torch.randn(clips, *shape, generator=rng)
    got = probe.averaged(student.ref("average_predictions"), weight, x, settings)
    assert got["seen"], "`average_predictions` never calls the model."
    sizes = [size for _, _, size in got["seen"]]
    batch = settings.get("batch", 8)
    assert all(len(size) == 5 and size[1:] == list(shape) for size in sizes), (
        f"The model should get clips of shape (N, {', '.join(map(str, shape))}), at most {batch} at a time; it got shapes {sizes}."
    )
    assert max(size[0] for size in sizes) <= batch, f"The model should get {batch} clips at a time, at most; it got {max(size[0] for size in sizes)}."
    assert not any(mode for mode, _, _ in got["seen"]), "`average_predictions` runs the model in training mode: dropout and batch norm then see it as training."
    assert not any(graph for _, graph, _ in got["seen"]) and not got["graph"], "`average_predictions` keeps a graph of the forward passes; nobody needs a gradient here."
    scores = x.flatten(1) @ weight
    chances = scores.softmax(dim=1)
    parts = [part.mean(dim=0) for part in chances.split(batch)]
    assert_close(
        got["result"],
        chances.mean(dim=0),
        name="the average",
        mistakes={
            "the softmax of the mean scores; probabilities are averaged": lambda: scores.mean(dim=0).softmax(dim=0),
            "the mean of the scores, without a softmax": lambda: scores.mean(dim=0),
            "a vote: how many clips are for each class": lambda: torch.nn.functional.one_hot(scores.argmax(dim=1), 4).float().mean(dim=0),
            "the sum over the clips, not their mean": lambda: chances.sum(dim=0),
            "each batch weighted equally, even the smaller last one": lambda: torch.stack(parts).mean(dim=0),
            "the last batch alone": parts[-1],
            "the last, smaller batch left out": lambda: chances[: len(chances) // batch * batch].mean(dim=0) if len(chances) % batch else torch.nan,
            "the first clip alone": chances[0],
            "the largest probability of any clip": lambda: chances.amax(dim=0),
            "one row of probabilities for each clip, not averaged": chances,
            "a softmax over the clips, not over the classes": lambda: scores.softmax(dim=0).mean(dim=0),
            "logarithms of probabilities": lambda: chances.mean(dim=0).log(),
            "the geometric mean of the probabilities": lambda: chances.log().mean(dim=0).exp(),
            "a softmax of the averaged probabilities, a second one": lambda: chances.mean(dim=0).softmax(dim=0),
        },
        rtol=1e-4,
        atol=1e-5,
    )
