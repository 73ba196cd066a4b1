"""Data sets: a fixed public part to train on, and a secret part to be graded on. No torch unless it is asked for."""

from grader.data.confusion import Confusion
from grader.data.digits import digits, digits8x8
from grader.data.faces import faces
from grader.data.held_out import DataSource, HeldOut, PointErrors, PredictionError, Split, hold_out, load
from grader.data.landmarks import write_csv
from grader.data.mnist import mnist
from grader.data.moving_digits import moving_digits
from grader.data.registry import DataSet, dataset, dataset_names
from grader.data.scenes import msrc, pets, scene_instances, scenes, voc
from grader.data.video_frames import video_frames

__all__ = [
    "Confusion",
    "DataSet",
    "DataSource",
    "HeldOut",
    "PointErrors",
    "PredictionError",
    "Split",
    "dataset",
    "dataset_names",
    "digits",
    "digits8x8",
    "faces",
    "hold_out",
    "load",
    "mnist",
    "moving_digits",
    "msrc",
    "pets",
    "scene_instances",
    "scenes",
    "video_frames",
    "voc",
    "write_csv",
]
