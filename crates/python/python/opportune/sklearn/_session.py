"""What the fits of one search share: trainings that differ in `max_iter` alone are one training, read at several epochs."""

import hashlib
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _core

Train = Callable[[int, list[int], Any], dict[str, Any]]


def _key_of_parameters(network: Any) -> str | None:
    """What a training depends on beside the data and `max_iter`; `None` where it cannot be shared."""
    parameters = network.get_params(deep=False)
    del parameters["max_iter"]
    seed = parameters["random_state"]
    shareable = seed is None or isinstance(seed, (int, np.integer))
    # What is printed would be printed once for all.
    return repr(sorted(parameters.items())) if shareable and not network.verbose else None


def _key_of_table(table: dict[str, Any]) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for name in ("inputs", "targets", "weights"):
        values = table[name]
        if values is not None:
            digest.update(f"{name} {values.dtype} {values.shape};".encode())
            digest.update(values.data)
    return digest.digest()


class _Training:
    """One training, and how many are still to read it."""

    def __init__(self, readers: int) -> None:
        self.lock = threading.Lock()
        self.result: dict[str, Any] | None = None
        self.readers = readers


class Session:
    """The trainings of one search, so many at a time. Its clones of the estimator carry it."""

    def __init__(self, cores: int) -> None:
        self.seed = int(np.random.randint(np.iinfo(np.int32).max))
        self.interrupt = _core.Interrupt()
        self._lock = threading.Lock()
        self._cores = threading.Semaphore(cores)
        self._asked: dict[str, list[int]] = {}
        self._trainings: dict[tuple[str, bytes], _Training] = {}

    def expect(self, network: Any) -> None:
        """Says that such a network will be fitted on every split."""
        if (key := _key_of_parameters(network)) is not None:
            self._asked.setdefault(key, []).append(int(network.max_iter))

    def close(self) -> None:
        """From now on every fit is one of its own."""
        self._asked.clear()
        self._trainings.clear()

    def fit(self, network: Any, table: dict[str, Any], train: Train) -> dict[str, Any]:
        """A stochastic training as a fit of `network` would leave it."""
        whole = self._trained(network, table, train)
        count = network.max_iter
        if len(whole["losses"]) <= count:
            return whole
        scores = whole["scores"][:count]
        losses = whole["losses"][:count]
        best = np.fmax.reduce(scores) if scores else min(losses)
        return whole | {
            "parameters": dict(whole["reads"])[count],
            "losses": losses,
            "scores": scores,
            "best": float(best),
            "seen": whole["seen"] // len(whole["losses"]) * count,
            "stopped": False,
        }

    def minimise(self, network: Any, table: dict[str, Any], train: Train) -> dict[str, Any]:
        """A training by L-BFGS as a fit of `network` would leave it."""
        whole = self._trained(network, table, train)
        count = network.max_iter
        if whole["iterations"] < count:
            return whole
        _, loss, parameters = next(read for read in whole["reads"] if read[0] == count)
        return whole | {"parameters": parameters, "loss": loss, "iterations": count, "ending": "iterations"}

    def _trained(self, network: Any, table: dict[str, Any], train: Train) -> dict[str, Any]:
        """The longest training that this one is the beginning of; whoever comes first trains, the others wait."""
        parameters = _key_of_parameters(network)
        with self._lock:
            asked = self._asked.get(parameters or "", [])
            if parameters is None or len(asked) < 2:
                shared = None
            else:
                key = (parameters, _key_of_table(table))
                shared = self._trainings.setdefault(key, _Training(len(asked)))
        if shared is None:
            with self._cores:
                return train(network.max_iter, [network.max_iter], self.interrupt)
        with shared.lock:
            if shared.result is None:
                with self._cores:
                    shared.result = train(max(asked), sorted(set(asked)), self.interrupt)
            shared.readers -= 1
            if shared.readers == 0:
                with self._lock:
                    self._trainings.pop(key, None)
            return shared.result
