"""Hidden checks: hyper-parameter search."""

import numpy as np
import pytest

from grader.checks import StudentError, points

C = 3
# A small batch and a small rate: a network whose loss is summed, not averaged, learns these too, and loses points elsewhere.
LEARNS = {"learning_rate": 0.05, "learning_rate_decay": 1.0, "num_iters": 100, "batch_size": 5, "std": 0.3, "hidden_size": 11, "reg": 0.0}
# Zero weights stay zero: such a network names one class for every input and is right for a third of them.
GUESSES = {**LEARNS, "std": 0.0, "hidden_size": 6}
QUICK = {**GUESSES, "num_iters": 20}  # where it is known that std reaches the network


@points(1, hint="Every value of each name with every value of the others: 2 x 3 x 1 values make 6 settings.")
def test_grid(student):
    """`grid_settings` lists every combination once."""
    settings = student.grid_settings({"reg": [0.0, 0.1], "hidden_size": [8, 16, 32], "std": [0.01]})
    got = sorted((float(s["reg"]), int(s["hidden_size"]), float(s["std"])) for s in settings)
    expected = sorted((reg, hidden, 0.01) for reg in (0.0, 0.1) for hidden in (8, 16, 32))
    assert got == expected, f"2 x 3 x 1 values make 6 combinations, each once; grid_settings gave {len(got)}, {len(set(got))} of them different"


@points(2, hint="Draw the logarithm uniformly, then exponentiate: np.exp(rng.uniform(np.log(low), np.log(high))). Anew for each name.")
def test_random_settings(student):
    """`random_settings` draws each name log-uniformly and independently, and repeats for a seed."""
    ranges = {"learning_rate": (1e-4, 1e-1), "reg": (1e-6, 1.0)}
    settings, again, other = (student.random_settings(ranges, 400, seed=seed) for seed in (3, 3, 4))
    assert len(settings) == 400, f"400 settings were requested, but {len(settings)} were returned"
    few = student.random_settings(ranges, 7)
    assert len(few) == 7, f"7 settings were requested, but {len(few)} were returned"
    table, table_again, table_other = (np.log10([[s["learning_rate"], s["reg"]] for s in some]) for some in (settings, again, other))
    for name, column, low, high in zip(ranges, table.T, (-4, -6), (-1, 0)):
        assert (column > low - 1e-9).all() and (column < high + 1e-9).all(), f"{name} leaves its range"
        # The number below the middle is binomial(400, 1/2), deviation 0.025: 0.15 is six of them, one failure in 10⁹.
        share = (column < (low + high) / 2).mean()
        assert abs(share - 0.5) < 0.15, f"{name} is not log-uniform: {share:.0%} of the draws lie below the geometric middle of the range"
        assert abs(column.std() - (high - low) / 12**0.5) < 0.15 * (high - low), f"{name} does not fill its range evenly"
        gaps = np.diff(np.sort(column))
        assert gaps.std() > 0.2 * gaps.mean(), f"{name} takes values at equal distances, like a grid: draw each of them at random"
    # Deviation 0.05 for independent draws.
    assert abs(np.corrcoef(table.T)[0, 1]) < 0.35, "learning_rate and reg move together; draw each for itself"
    assert np.array_equal(table, table_again), "the same seed should give the same settings"
    assert not np.array_equal(table, table_other), "a different seed should give different settings"


def clusters(np_rng):
    """Three classes, 20 examples each for training and 10 for validation, far enough apart to be learnt perfectly."""
    centres = 3 * np.eye(C, 5)
    y, y_val = np.repeat(np.arange(C), 20), np.repeat(np.arange(C), 10)
    x, x_val = (centres[labels] + 0.3 * np_rng.normal(size=(labels.size, 5)) for labels in (y, y_val))
    return x, y, x_val, y_val


def same(setting, expected):
    """Whether a setting has the expected entries; it may have more (its accuracies)."""
    return all(name in setting and setting[name] == float(value) for name, value in expected.items())


def run(student, probe, np_rng, data, settings):
    """The student's search as plain data."""
    return probe.search(student.ref("hyperparameter_search"), *data, settings, seed=int(np_rng.integers(2**31)))


def accuracy(params, x, y):
    """What a network with these parameters reaches: measured here, whatever the search says of it."""
    hidden = np.maximum(x @ params["W1"] + params["b1"], 0)
    return float(np.mean((hidden @ params["W2"] + params["b2"]).argmax(axis=1) == y))


@points(2, hint="Each setting's entries go to TwoLayerNet(...) or to train(...); results has one row for each setting, in order.")
def test_search_results(student, probe, np_rng):
    """`hyperparameter_search` trains a network for every setting and reports both accuracies."""
    settings = [GUESSES, LEARNS, {**LEARNS, "learning_rate": 0.05}]
    data = clusters(np_rng)
    found = run(student, probe, np_rng, data, settings)
    rows = found["results"]
    assert len(rows) == 3, f"3 settings were given; results has {len(rows)} rows"
    for row, setting in zip(rows, settings):
        assert same(row, setting), "each row of results should hold the entries of its setting, in the order given"
        for name in ("train_accuracy", "val_accuracy"):
            assert name in row, f'a row of results lacks "{name}"'
            assert 0 <= row[name] <= 1, f"{name} should lie in [0, 1]"
    still = run(student, probe, np.random.default_rng(1), data, [{"std": 3.0, "learning_rate": 1e-9, "reg": 0.0, "num_iters": 1}])
    spread = float(np.std(still["params"]["W1"]))
    assert 1.5 < spread < 6, f"a setting with std=3 ends in a network whose W1 has the standard deviation {spread:.2g}: its std does not reach TwoLayerNet"
    assert rows[1]["train_accuracy"] > 0.9, "a good setting should learn its training set; if train itself is right, do the entries reach it?"
    assert rows[1]["val_accuracy"] > 0.9, "a good setting should do well on the validation set; if train itself is right, do the entries reach it?"
    assert rows[0]["train_accuracy"] < 0.5, "with std=0 the network cannot learn; does std reach TwoLayerNet?"
    # Alone, each setting's network is the best one: what the row says of it can be measured.
    for setting in settings[:2]:
        alone = run(student, probe, np_rng, data, [setting])
        for name, part in (("train_accuracy", data[:2]), ("val_accuracy", data[2:])):
            said, reached = alone["results"][0][name], accuracy(alone["params"], *part)
            assert abs(said - reached) < 0.02, f"results says {name} = {said:.2f} of a network that reaches {reached:.2f} by its parameters; if loss and predict are right, measure it on all of the set"
    assert found["kept"], "hyperparameter_search changes the settings that it is given: work on a copy, `dict(setting)`"
    # Trained hard, then hardly at all: a new network knows nothing yet. One that does by chance is right for 1 in 27.
    pair = [{"hidden_size": 6, "learning_rate": 0.5, "num_iters": 300, "batch_size": 10}, {"hidden_size": 6, "learning_rate": 1e-9, "num_iters": 1}]
    tries = ([row["train_accuracy"] for row in run(student, probe, np_rng, data, pair)["results"]] for _ in range(6))
    assert not all(min(reached) > 0.9 for reached in tries), "after a setting that learns, one that takes a single tiny step does as well: make a new network for each setting"
    # Without reg the largest of 55 weights that start at std=0.3 ends above 0.7, with reg=2 below 0.1.
    found = run(student, probe, np_rng, clusters(np_rng), [{**LEARNS, "reg": 2.0}])
    assert found["largest_weight"] < 0.5, "reg=2 should push the weights to zero; does reg reach train?"


@points(3, hint="Train on (X, y), choose by the accuracy on (X_val, y_val): take the highest, wherever it is in the list.")
@pytest.mark.parametrize("order", ["better first", "better last"])
@pytest.mark.parametrize("truth", ["validation agrees", "validation disagrees"])
def test_search_selects(student, probe, np_rng, order, truth):
    """`hyperparameter_search` chooses on the validation set."""
    x, y, x_val, y_val = clusters(np_rng)
    better, worse = LEARNS, QUICK
    if truth == "validation disagrees":
        # Validation labels moved on by one: what learns the training set is always wrong there.
        y_val = (y_val + 1) % C
        better, worse = QUICK, LEARNS
    settings = [better, worse] if order == "better first" else [worse, better]
    found = run(student, probe, np_rng, (x, y, x_val, y_val), settings)
    place = "last" if order == "better first" else "first"
    why = "does best on the training set" if truth == "validation disagrees" else f"comes {place} in the list"
    why = f"here it is the one that {why}"
    if same(found["best"], max(found["results"], key=lambda row: row.get("val_accuracy", 0.0))):
        why = "by the accuracies in your results it is, so look at how the networks are trained and measured first"
    assert same(found["best"], better), f"the setting returned is not the one with the highest validation accuracy; {why}"


@points(2, hint="Keep the network that reached the best validation accuracy and return it, not the last one, not a new one.")
def test_search_returns_net(student, probe, np_rng):
    """`hyperparameter_search` returns the trained network of the best setting."""
    x, y, x_val, y_val = clusters(np_rng)
    found = run(student, probe, np_rng, (x, y, x_val, y_val), [QUICK, LEARNS, {**QUICK, "hidden_size": 8}])
    assert found["hidden"] == LEARNS["hidden_size"], f"the network returned has {found['hidden']} hidden units, not those of the best setting"
    reached = accuracy(found["params"], x_val, y_val)
    best = max(row.get("val_accuracy", 0.0) for row in found["results"])
    why = "look at train first"
    if best > reached + 0.01:
        why = f"by your results the best setting's reached {best:.2f}: return that trained network itself"
    assert reached > 0.9, f"the network returned reaches {reached:.2f} on the validation set; {why}"
    assert found["classes"] == C, f"the network has {found['classes']} outputs for the classes 0..{C - 1}"
    # Classes are 0..max(y), whether or not each of them occurs.
    without = [np.where(labels == 1, 0, labels) for labels in (y, y_val)]
    try:
        classes = run(student, probe, np_rng, (x, without[0], x_val, without[1]), [{"num_iters": 1}])["classes"]
    except StudentError as error:
        assert "IndexError" not in str(error), f"labels 0..{C - 1} without a 1 do not fit the outputs: classes are 0..max(y), whether or not each occurs"
        raise
    assert classes == C, f"labels 0..{C - 1} without a 1 made {classes} outputs; classes are 0..max(y)"
    # What a setting leaves out keeps its default.
    few = run(student, probe, np_rng, (x, y, x_val, y_val), [{"num_iters": 1, "learning_rate": 0.1}])
    assert few["hidden"] == 32, f"a setting without hidden_size made {few['hidden']} hidden units; the default is 32"
