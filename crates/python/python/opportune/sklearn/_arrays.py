"""Parameters of a network: scikit-learn's lists of arrays, and one flat array."""

from collections.abc import Sequence
from itertools import chain, pairwise
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

Array = NDArray[Any]


def flatten(coefs: Sequence[Array], intercepts: Sequence[Array], dtype: DTypeLike) -> Array:
    """Layer by layer, weights before biases."""
    parts = chain.from_iterable(zip(coefs, intercepts, strict=True))
    return np.concatenate([np.asarray(part, dtype=dtype).ravel() for part in parts])


def unflatten(flat: Array, layer_units: Sequence[int], dtype: DTypeLike) -> tuple[list[Array], list[Array]]:
    """Weights and biases of each layer, as arrays of their own."""
    coefs, intercepts, start = [], [], 0
    for fan_in, fan_out in pairwise(layer_units):
        end = start + fan_in * fan_out
        coefs.append(flat[start:end].reshape(fan_in, fan_out).astype(dtype))
        start = end + fan_out
        intercepts.append(flat[end:start].astype(dtype))
    return coefs, intercepts


def dense(X: Any, dtype: DTypeLike) -> Array:
    """Rows one behind the other, flat; a copy only if they lie otherwise or are of another type."""
    rows = X.toarray() if hasattr(X, "toarray") else X
    return np.ascontiguousarray(rows, dtype=dtype).reshape(-1)
