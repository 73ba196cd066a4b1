"""When a hypothesis may speak: how surprising it would be if unrelated values fitted it."""

from __future__ import annotations

import math

import numpy as np

from grader.checks.diagnosis.case import Array, Case, Claim

#: A claim is told where unrelated values would fit any of the claims tried so far with a chance below 2 to the minus this.
ENOUGH = 12.0

#: What one entry can say at most: single precision holds no more.
_MOST = 24.0

#: How small the error must become by a claim, as a share of what it was.
_SHARE = 2.0**-9

#: Entries looked at; more add no doubt.
_LOOKED_AT = 4096


#: What whole numbers are given ahead for the commonest mistakes: a small array of them cannot say much.
COMMON = 6.0


def weigh(case: Case, claim: Claim, tried: int, *, common: bool = False) -> float:
    """How many bits speak for a claim, beyond those that so many tries would give to chance.

    Of each entry that is wrong it counts how much smaller the claim makes its error: an unrelated value comes as near
    with a chance of 2 to the minus that many bits. Entries in which the same number is turned into the same number
    count once; a number fitted to what came takes one entry's worth away; each claim tried costs its share; ``common``
    claims have whole numbers' benefit of the doubt. Minus infinity where the claim does not fit within the tolerance, or leaves
    more than a five-hundredth of the error.
    """
    if claim.bits is not None:
        return claim.bits - math.log2(tried)
    if not case.fits(claim.made, claim.got, claim.where):
        return -math.inf
    chosen = case.wrong if claim.where is None else case.wrong & claim.where
    made = np.asarray(claim.made, dtype=np.float64)
    got = case.a if claim.got is None else claim.got
    if got.shape != case.wrong.shape or not chosen.any():
        return -math.inf
    step = max(1, int(chosen.sum()) // _LOOKED_AT)
    e, m, g, a = (array[chosen][::step] for array in (case.e, made, got, case.a))
    if case.discrete and claim.got is None:
        bits, each = _discrete(case, e)
        bits += COMMON if common else 0.0
    else:
        each = _MOST
        if np.abs(g - m).mean() > _SHARE * np.abs(a - e).mean():
            return -math.inf
        bits = _continuous(np.abs(a - e), np.abs(g - m), g, (e if claim.got is None else a, m))
    return bits - claim.fitted * each - math.log2(tried)


def _continuous(error: Array, rest: Array, scale: Array, pair: tuple[Array, Array]) -> float:
    floor = np.maximum(np.abs(scale), np.abs(error)) * 2.0**-_MOST
    bits = np.clip(np.log2(error / np.maximum(np.maximum(rest, floor), 1e-300)), 0.0, _MOST)
    # The same number made of the same number is one observation, however often it stands there.
    left, right = (np.round(array / max(float(np.abs(array).max(initial=0.0)), 1e-300), 5) for array in pair)
    _, first = np.unique(left + 1j * right, return_index=True)
    return float(bits[first].sum())


def _discrete(case: Case, e: Array) -> tuple[float, float]:
    """Whole numbers: by how many there could be in so many places."""
    low, high = (f(f(case.a.min(), case.e.min()), f(case.a.max(), case.e.max())) for f in (min, max))
    steps = float(high - low) * (1 if case.whole else 16)
    each = math.log2(1.0 + min(steps, 2.0**16))
    _, counts = np.unique(case.e, return_counts=True)
    share = counts / counts.sum()
    entropy = float(-(share * np.log2(share)).sum())
    return max(np.unique(e).size * each, e.size * entropy), each
