"""What a model takes for what: a confusion matrix, and the numbers that follow from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Confusion:
    """Counts of labelled pixels (or samples); void is in none of them.

    ``matrix`` is (C, C) int64: ``matrix[t, p]`` of class ``t`` were taken for class ``p``. ``unanswered`` is (C,): how many
    of each true class got an answer that is no class (-1, C or more, scores that are not finite); they are wrong.
    """

    matrix: Counts
    unanswered: Counts

    def __add__(self, other: Confusion) -> Confusion:
        """The counts of two parts together."""
        return Confusion(self.matrix + other.matrix, self.unanswered + other.unanswered)

    @property
    def total(self) -> int:
        """How many labelled pixels there are."""
        return int(self.matrix.sum() + self.unanswered.sum())

    @property
    def accuracy(self) -> float:
        """The share of labelled pixels that is right; NaN where none is labelled."""
        return float(np.trace(self.matrix) / self.total) if self.total else float("nan")

    @property
    def iou(self) -> npt.NDArray[np.float64]:
        """Intersection over union of each class, (C,) float64; NaN for a class neither true nor predicted anywhere."""
        hits = np.diagonal(self.matrix).astype(np.float64)
        union = self.matrix.sum(axis=0) + self.matrix.sum(axis=1) + self.unanswered - hits
        return np.asarray(np.divide(hits, union, out=np.full(len(hits), np.nan), where=union > 0))

    @property
    def mean_iou(self) -> float:
        """The mean of :attr:`iou` over the classes that are true or predicted somewhere; NaN where there are none."""
        known = self.iou[~np.isnan(self.iou)]
        return float(known.mean()) if len(known) else float("nan")

    @property
    def majority(self) -> float:
        """The accuracy of always answering the most frequent true class; NaN where no pixel is labelled."""
        counts = self.matrix.sum(axis=1) + self.unanswered
        return float(counts.max() / self.total) if self.total else float("nan")


def count_pairs(predicted: Counts, labels: Counts, classes: int) -> Confusion:
    """Count the pairs of true and predicted class, of arrays of one shape; labels below 0 are void and left out."""
    labelled = labels >= 0
    truth, answer = labels[labelled].astype(np.int64), predicted[labelled].astype(np.int64)
    answer = np.where((answer < 0) | (answer >= classes), classes, answer)
    counts = np.bincount(truth * (classes + 1) + answer, minlength=classes * (classes + 1)).reshape(
        classes, classes + 1
    )
    return Confusion(counts[:, :classes].copy(), counts[:, classes].copy())
