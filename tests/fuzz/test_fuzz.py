"""A fixed slice of what `make fuzz` runs, and that its targets would notice what they look for."""

from __future__ import annotations

import argparse
import json
import random
from collections import Counter

import numpy as np
import pytest

from grader.checks import arrays
from grader.sandbox.faults import StudentError
from grader.sandbox.wire import WireError, decode, decoder, parse_header
from tests.fuzz import run, values_target, wire_target
from tests.fuzz.frames import Mutator, joined, seeds, split


def inputs(count, seed=0):
    """The seeds, and as many mutated inputs as asked for, the same each time."""
    rng, mutator, pool = random.Random(seed), Mutator(seed), seeds()
    for _ in range(count):
        pool.append(mutator.mutate(rng.choice(pool), rng.choice(pool)))
    return pool


def test_a_slice_of_frames():
    """Some thousand hostile frames are values or protocol errors, through the decoder and through the connection."""
    frames = sum(wire_target.run(data) for data in inputs(1500))
    assert frames > 2500


def test_a_slice_of_values():
    """Hostile values make check outcomes, readable JSON, pages of our own tags and cells without formulas."""
    assert sum(values_target.run(data) for data in inputs(60, seed=1)) > 150


def test_the_mutator_reaches_what_is_accepted_and_what_is_refused():
    """A mutator whose frames are all refused at the door would test nothing behind it."""
    met: Counter[str] = Counter()
    for data in inputs(1500, seed=2):
        for header, payload in split(data[1:]):
            try:
                tree = parse_header(header)
            except WireError:
                met["header"] += 1
                continue
            try:
                value = decode(tree.get("value"), bytearray(payload))
            except WireError as error:
                met[str(error)[:30]] += 1
            else:
                met[type(value).__name__] += 1
    assert {"header", "Tensor", "ndarray", "HandleRef", "TensorRef", "list", "tuple", "dict", "str", "bytes"} <= set(
        met
    )
    assert {"value is nested deeper than 48", "values do not follow one anoth", "unknown tensor dtype"} <= set(met)
    refused = sum(count for name, count in met.items() if " " in name)
    assert min(met["header"], refused, sum(met.values()) - refused) > 150


def test_the_same_seed_makes_the_same_inputs():
    """A failure can be had again."""
    assert inputs(50, seed=3) == inputs(50, seed=3)
    assert inputs(50, seed=3) != inputs(50, seed=4)


def test_another_exception_of_the_decoder_is_noticed(monkeypatch):
    """A decoder that forgets to catch an error fails the target."""
    monkeypatch.setattr(decoder._Decoder, "_text", staticmethod(lambda text: text.encode().decode()))
    data = joined(b'{"id":1,"value":"\\ud800"}', b"")
    for control in (b"\x00", b"\x01"):
        with pytest.raises(UnicodeEncodeError):
            wire_target.run(control + data)


def test_a_value_that_shares_bytes_is_noticed(monkeypatch):
    """A decoder that takes more bytes than there are fails the target."""
    monkeypatch.setattr(decoder._Decoder, "_extent", lambda self, offset, length: memoryview(bytes(length)))
    monkeypatch.setattr(decoder, "decode", decode)
    with pytest.raises((AssertionError, WireError)):
        wire_target.sound(decoder._Decoder(b"", wire_target.DEFAULT_LIMITS, None).decode({"b": [0, 99]}), 0)


def test_a_page_with_a_foreign_tag_is_noticed(monkeypatch):
    """Text that is not escaped fails the target."""
    from markupsafe import Markup

    monkeypatch.setitem(__import__("grader.reports.pages", fromlist=["_"]).environment().filters, "inline", Markup)
    values_target._own_tags.cache_clear()
    outcome = values_target._raised(["<img src=x onerror=y>"])
    with pytest.raises(AssertionError, match="img"):
        values_target._report([outcome], ["x"], pages=True)


def test_an_array_of_many_axes_is_shown_at_once():
    """It is not written out first, 43 million numbers long, and then cut to 1,500 characters."""
    text = arrays.show(np.zeros((3,) * 16, dtype=np.uint8))
    assert text.startswith("[0 0 0 ...")


def test_a_student_error_without_text():
    """An exception that says nothing is still named."""
    assert StudentError("E", "").for_student() == "E"


def test_a_job_counts_and_measures(tmp_path):
    """A job by the plain engine stops at its number of frames, and tells memory and speed."""
    (tmp_path / "wire").mkdir()
    options = argparse.Namespace(target="wire", folder=tmp_path, engine="plain", seed=1, frames=60, seconds=0, job=0)
    assert run._Job(options).run() == 0
    told = json.loads((tmp_path / "wire" / "job-0.json").read_text())
    assert 60 <= told["frames"] < 80
    assert told["rss_end_mb"] > 0


def test_an_input_that_fails_is_kept(tmp_path, monkeypatch):
    """A job that meets an error ends with it, and the input can be run again."""
    (tmp_path / "wire").mkdir()
    options = argparse.Namespace(target="wire", folder=tmp_path, engine="plain", seed=1, frames=6000, seconds=0, job=0)
    monkeypatch.setattr(decoder._Decoder, "_text", staticmethod(lambda text: text.encode().decode()))
    with pytest.raises(UnicodeEncodeError):
        run._Job(options).run()
    (kept,) = (tmp_path / "wire").glob("crash-*")
    with pytest.raises(UnicodeEncodeError):
        wire_target.run(kept.read_bytes())
    monkeypatch.undo()
    assert wire_target.run(kept.read_bytes()) > 0


def test_memory_that_grows_is_noticed(tmp_path, monkeypatch):
    """A job whose memory is larger at its end than after a fifth of it fails."""
    (tmp_path / "wire").mkdir()
    options = argparse.Namespace(target="wire", folder=tmp_path, engine="plain", seed=1, frames=60, seconds=0, job=0)
    sizes = iter([(100, 1), (100 + run.GROWTH_LIMIT_MB + 1, 1)])
    monkeypatch.setattr(run, "_memory", lambda: next(sizes))
    assert run._Job(options).run() == 1
