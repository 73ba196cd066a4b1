"""What the fixture ``show`` does: draw for the student what their model did with public examples.

A picture decides nothing. Whatever the student's code does while one is made, the check keeps its verdict and points.
Numbers come out of the worker and are checked for shape, type and range, as they are for a score; pictures are made of them
here, and all words in them are the author's or ours. Examples are public, so nothing that is shown is secret.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.data.confusion import Confusion, count_pairs
from grader.data.examples import Examples
from grader.data.predictions import chances, predicted_labels, predicted_points
from grader.engine import drawing
from grader.engine.curves import curve_figure
from grader.errors import AuthoringError, StudentVisibleError
from grader.records import (
    MAX_CLASSES,
    MAX_FIGURES,
    MAX_POINTS,
    MAX_ROWS,
    ClipFigure,
    ClipRow,
    ConfusionFigure,
    Curve,
    Figure,
    LegendEntry,
    MaskFigure,
    MaskRow,
    MissingFigure,
    Point,
    PointFigure,
    PointRow,
)
from grader.sandbox.faults import StudentFault, clean_text

if TYPE_CHECKING:
    from grader.engine.clock import Clock
    from grader.engine.outcomes import CaseState

#: Seconds of processor time that the student's code may take for one figure.
FIGURE_S = 2.0

Predict = Callable[[Any], Any]


class Show:
    """Draws figures for one case of a check."""

    def __init__(
        self, case: CaseState, clock: Clock | None = None, *, wanted: bool = True, curve: Curve | None = None
    ) -> None:
        """A figure may take :data:`FIGURE_S` by ``clock``, apart from the check.

        Where figures are not ``wanted``, as in measuring a grader by mutants, no method does anything. ``curve``: how the reference trains in this check.
        """
        self._case = case
        self._clock = clock
        self._wanted = wanted
        self._curve = curve

    def masks(
        self,
        examples: Examples,
        predict: Predict,
        *,
        count: int = 3,
        title: str = "Your model's classes beside the true ones",
        leaderboard: bool = False,
    ) -> None:
        """Draw the first ``count`` pictures, their true classes, and those that ``predict`` gives.

        ``predict(x)`` gives label maps (N, H, W) or scores (N, classes, H, W), as for ``held_out.confusion``. With
        ``leaderboard``, the first of them stands on the leaderboard as well.
        """
        self._check(examples)
        if self._begins(title, count) and len(chosen := examples.first(count)):
            with self._student(title):
                truth = _labels(chosen)
                predicted = predicted_labels(predict(chosen.x), truth.shape, chosen.classes)
                self._add(_masks(chosen, truth, predicted, title, leaderboard=leaderboard))

    def points(
        self,
        examples: Examples,
        predict: Predict,
        *,
        count: int = 4,
        title: str = "Your model's points beside the true ones",
    ) -> None:
        """Draw the first ``count`` pictures with their true points and those that ``predict`` gives, joined by a line.

        ``predict(x)`` gives points in pixels, (N, K, 2) or (N, 2 K), as for ``held_out.point_errors``.
        """
        self._check(examples, points=True)
        if self._begins(title, count) and len(chosen := examples.first(count)):
            with self._student(title):
                truth = np.asarray(chosen.y, dtype=np.float64)
                predicted = predicted_points(predict(chosen.x), truth.shape)
                self._add(_points(chosen, truth, predicted, title))

    def clips(
        self,
        examples: Examples,
        predict: Predict,
        *,
        count: int = 4,
        title: str = "Your model's worst predictions",
    ) -> None:
        """Draw as strips the ``count`` examples for whose class ``predict`` gives least, and which it gets wrong.

        ``predict(x)`` gives scores (N, classes) or labels (N,), as for ``held_out.accuracy``.
        """
        self._check(examples)
        if self._begins(title, count) and len(examples):
            with self._student(title):
                truth = _labels(examples)
                answer = predict(examples.x)
                predicted = predicted_labels(answer, truth.shape, examples.classes)
                shares = chances(answer, len(truth), examples.classes)
                self._add(_clips(examples, predicted, shares, count, title))

    def confusion(
        self,
        examples: Examples,
        predict: Predict,
        *,
        title: str = "Which classes your model confuses",
    ) -> None:
        """Draw how often ``predict`` takes each class for each, over all ``examples``.

        ``predict`` is as for :meth:`masks` or :meth:`clips`. The secret test part has no such picture: its counts would
        tell, attempt by attempt, which class each of its samples has.
        """
        self._check(examples)
        if self._begins(title, 1) and len(examples):
            with self._student(title):
                truth = _labels(examples)
                predicted = predicted_labels(predict(examples.x), truth.shape, examples.classes)
                found = count_pairs(predicted, truth, examples.classes)
                self._add(_confusion(found, examples, title, maps=truth.ndim > 1))

    def curve(
        self,
        history: Any,
        *,
        reference: Any = None,
        what: str = "loss",
        unit: str = "epoch",
        title: str = "How your model trained",
    ) -> None:
        """Draw the numbers of a ``history`` in the order of training, and the reference's beside them.

        ``history`` is what came out of the worker: take it with the trained model, before the model sees anything that is
        held out, for its author may put into it what they like. It is thinned to 60 points of four digits. ``reference``
        are numbers of yours; by default those of this check in hidden/curves.json, which ``python -m tools.curves NAME``
        writes. Without either there is one curve.
        """
        if self._begins(title, 1):
            right = self._curve if reference is None else reference
            with self._student(title):
                self._add(curve_figure(history, () if right is None else right, what=what, unit=unit, title=title))

    # -- what all of them share --------------------------------------------------------------------------------------

    def _check(self, examples: Any, *, points: bool = False) -> None:
        if not isinstance(examples, Examples):
            raise AuthoringError(
                f"`show` draws public examples alone; it was given a {type(examples).__name__}",
                fix="pass what held_out.examples(count) gives",
            )
        if points == bool(examples.classes):
            raise AuthoringError(
                "these examples have classes" if points else "these examples have points, not classes",
                fix="use show.points for points, and show.masks, show.clips or show.confusion for classes",
            )
        if len(examples.names) > (MAX_POINTS if points else MAX_CLASSES):
            raise AuthoringError(f"`show` cannot draw {len(examples.names)} of these: a report would be too long")

    def _begins(self, title: str, count: int) -> bool:
        if not 1 <= count <= MAX_ROWS:
            raise AuthoringError(f"{title!r} would have {count} rows; a figure has 1 to {MAX_ROWS}")
        if len(self._case.figures) >= MAX_FIGURES:
            raise AuthoringError(f"a case draws more than {MAX_FIGURES} figures", fix="draw those that teach most")
        return self._wanted

    def _add(self, figure: Figure) -> None:
        self._case.figures.append(figure)

    @contextlib.contextmanager
    def _student(self, title: str) -> Iterator[None]:
        """Whatever is the student's fault in here costs no points: the report says why there is no picture."""
        apart = self._clock.aside(FIGURE_S) if self._clock else contextlib.nullcontext()
        try:
            with apart, np.errstate(all="ignore"):
                yield
        except (StudentFault, StudentVisibleError) as error:
            reason = clean_text(getattr(error, "message", None) or str(error), 600)
            self._add(MissingFigure(title=title, description=f"There is nothing to draw: {reason}"))


def _labels(examples: Examples) -> drawing.Labels:
    return np.asarray(examples.y, dtype=np.int64)


def _short(names: Sequence[str]) -> tuple[str, ...]:
    """Names as a figure holds them: a folder's may be anything."""
    return tuple(clean_text(name, 60) for name in names)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _masks(
    chosen: Examples,
    truth: drawing.Labels,
    predicted: drawing.Labels,
    title: str,
    *,
    leaderboard: bool,
) -> MaskFigure:
    names, rows = _short(chosen.names), []
    for pixels, true, given in zip(drawing.as_pictures(chosen.x), truth, predicted, strict=True):
        labelled = true >= 0
        right = float((given == true)[labelled].mean()) if labelled.any() else None
        missed = [names[k] for k in np.unique(true[labelled]).tolist() if not (given[true == k] == k).any()]
        rows.append(
            MaskRow(
                picture=drawing.picture(pixels),
                truth=drawing.label_map(true, chosen.classes, drawing.VOID),
                predicted=drawing.label_map(given, chosen.classes, drawing.NOTHING),
                right=None if right is None else round(right, 4),
                missed=tuple(missed),
            )
        )
    seen = sorted({*np.unique(truth).tolist(), *np.unique(predicted).tolist()} - {-1})
    legend = [LegendEntry(name=names[k], colour=drawing.colour(k)) for k in seen]
    if (truth < 0).any():
        legend.append(LegendEntry(name="not labelled", colour=drawing.VOID))
    if (predicted < 0).any():
        legend.append(LegendEntry(name="no class given", colour=drawing.NOTHING))
    shares = [_percent(row.right) for row in rows if row.right is not None]
    return MaskFigure(
        title=title,
        description=(
            f"Public pictures that your model was not trained on: the picture, its true classes, and your model's "
            f"classes. Share of labelled pixels that are right: {', '.join(shares) or 'none are labelled'}."
        ),
        rows=tuple(rows),
        legend=tuple(legend),
        leaderboard=leaderboard,
    )


def _points(chosen: Examples, truth: Any, predicted: Any, title: str) -> PointFigure:
    names, rows = _short(chosen.names), []
    for pixels, true, given in zip(drawing.as_pictures(chosen.x), truth, predicted, strict=True):
        height, width = pixels.shape[:2]
        # What is far outside of the picture is left out, and so is what is no number.
        inside = (given > -0.5 * max(width, height)) & (given < 1.5 * max(width, height))
        far = np.linalg.norm(given - true, axis=1)
        finite = bool(np.isfinite(far).all())
        rows.append(
            PointRow(
                picture=drawing.picture(pixels),
                truth=tuple(_point(point) for point in true),
                predicted=tuple(_point(p) if ok.all() else None for p, ok in zip(given, inside, strict=True)),
                distance=round(float(far.mean()), 2) if finite else None,
                farthest=names[int(far.argmax())] if finite else "",
            )
        )
    known = [row.distance for row in rows if row.distance is not None]
    mean = f"{np.mean(known):.1f} pixels off on average" if known else "not all finite"
    return PointFigure(
        title=title,
        description=(
            f"Public pictures that your model was not trained on. A circle is a true point, a cross your model's, and a line "
            f"joins the two. Your model's points are {mean}."
        ),
        rows=tuple(rows),
    )


def _point(point: Any) -> Point:
    return round(float(point[0]), 1), round(float(point[1]), 1)


def _clips(examples: Examples, predicted: drawing.Labels, shares: Any, count: int, title: str) -> ClipFigure:
    truth, names = _labels(examples), _short(examples.names)
    wrong = predicted != truth
    least = np.zeros(len(truth)) if shares is None else shares[np.arange(len(truth)), truth]
    order = [k for k in np.lexsort((least, ~wrong)).tolist() if wrong[k]][:count]
    rows = tuple(
        ClipRow(
            strip=drawing.strip(frames),
            frames=len(frames),
            truth=names[truth[k]],
            predicted=names[predicted[k]] if predicted[k] >= 0 else "",
            chance=None if shares is None else round(float(least[k]), 4),
        )
        for k, frames in zip(order, drawing.as_pictures(examples.x[order]) if order else (), strict=True)
    )
    total, right = len(truth), int((~wrong).sum())
    summary = f"Of {total} public clips that your model was not trained on, it gets {right} right."
    more = " Each strip shows the frames of one clip from first to last." if rows else " There are none to show."
    return ClipFigure(title=title, description=summary + more, rows=rows)


def _confusion(found: Confusion, examples: Examples, title: str, *, maps: bool) -> ConfusionFigure:
    unit = "pixels" if maps else "samples"
    return ConfusionFigure(
        title=title,
        description=(
            f"Counted over {found.total} labelled pixels of {len(examples)} public pictures"
            if maps
            else f"Counted over {len(examples)} public samples"
        )
        + f" that your model was not trained on, of which it gets {_percent(found.accuracy)} right. A row is a true class, "
        "a column a predicted class; the stronger the colour, the larger the share of the row.",
        classes=_short(examples.names),
        counts=tuple(tuple(row) for row in found.matrix.tolist()),
        unanswered=tuple(found.unanswered.tolist()),
        unit=unit,
    )
