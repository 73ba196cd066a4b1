"""Public tests for heatmaps.py."""

import math

import torch

from grader.checks import assert_close
from heatmaps import decode_cells, encode_cells, gaussian_heatmaps, heatmap_loss, soft_argmax


def test_gaussian():
    """1 at the keypoint, and exp(-1/2) a sigma away; rows belong to y."""
    maps = gaussian_heatmaps(torch.tensor([[[10.0, 2.0]]]), (3, 5), 4, 4.0)
    assert maps.shape == (1, 1, 3, 5)
    right = torch.tensor([1.0, math.exp(-0.5), math.exp(-1)])
    assert_close(torch.stack([maps[0, 0, 0, 2], maps[0, 0, 0, 3], maps[0, 0, 1, 3]]), right, name="three cells of the map")


def test_there_and_back():
    """A keypoint's cell and offset say where it was."""
    keypoints = torch.tensor([[[9.5, 3.25], [18.0, 11.0], [-1.0, 4.0]]])
    cells, offsets = encode_cells(keypoints, (3, 5), 4)
    assert cells.tolist() == [[2, 14, -1]]
    maps = torch.zeros(1, 2, 15).scatter(2, cells[:, :2, None], 1.0).reshape(1, 2, 3, 5)
    spread = offsets[:, :2, :, None, None].expand(1, 2, 2, 3, 5)
    assert_close(decode_cells(maps, 4, spread), keypoints[:, :2], name="the decoded keypoints", inputs={"offsets": offsets})
    assert_close(decode_cells(maps, 4), torch.tensor([[[10.0, 2.0], [18.0, 10.0]]]), name="the keypoints without offsets")


def test_soft_argmax():
    """Of equal scores the middle of the map; of one large score that cell's middle."""
    scores = torch.zeros(1, 2, 3, 5)
    scores[0, 1, 2, 1] = 100.0
    assert_close(soft_argmax(scores, 4), torch.tensor([[[10.0, 6.0], [6.0, 10.0]]]), name="the keypoints", inputs={"scores": scores})


def test_heatmap_loss():
    """A network that knows nothing pays log(H W) for each map that counts."""
    cells = torch.tensor([[3, -1], [0, 14]])
    scores = torch.zeros(2, 2, 3, 5)
    loss = heatmap_loss(scores, cells)
    assert_close(loss, torch.tensor(math.log(15)), name="the loss", inputs={"scores": scores, "cells": cells})
