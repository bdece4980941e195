"""Reads the files that MNIST was published in. For the programs beside it."""

import gzip

import numpy as np


def read(folder, name):
    """An IDX file of bytes, plain or .gz: two zeros, type 8, number of dimensions, their sizes, the bytes."""
    path = folder / name
    content = path.read_bytes() if path.exists() else gzip.decompress((folder / f"{name}.gz").read_bytes())
    dimensions = content[3]
    shape = np.frombuffer(content, ">u4", dimensions, 4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape)
