"""Sharing a whole number out by weight."""

import numpy as np
from numpy.typing import NDArray


def share_out(count: int, weights: NDArray[np.float64]) -> NDArray[np.int64]:
    """Share ``count`` out by weight: whole shares that add up to it, the largest remainders rounded up.

    Parameters
    ----------
    count : int
    weights : float64 array, shape (n,)
        Not negative, not all zero.

    Examples
    --------
    >>> share_out(10, np.array([1.0, 1.0, 1.0])).tolist()
    [4, 3, 3]
    """
    exact = count * weights / weights.sum()
    shares: NDArray[np.int64] = np.floor(exact).astype(np.int64)
    most_cut = np.argsort(shares - exact, kind="stable")
    shares[most_cut[: count - int(shares.sum())]] += 1
    return shares
