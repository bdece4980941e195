"""Schedulers of schedulers."""

from __future__ import annotations

from collections.abc import Sequence

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from ._scheduler import Imported, written


def _texts(name: str, schedulers: Sequence[LRScheduler], optimizer: Optimizer) -> list[list[str]]:
    """For each group of parameters, the texts of all schedulers."""
    if not schedulers:
        raise ValueError(f"{name} has no schedulers; name at least one")
    for scheduler in schedulers:
        kind = type(scheduler).__name__
        if not isinstance(scheduler, Imported):
            raise TypeError(f"{kind} within {name} is none that can be combined; take one of opportune.torch")
        if scheduler.optimizer is not optimizer:
            raise ValueError(f"{kind} within {name} has another optimizer; give all of them the same")
        if not all(scheduler._texts):
            raise ValueError(
                f"{kind} within {name} has a function of Python, which the core cannot read; "
                "give it as a text such as 'lambda epoch: 0.95 ** epoch'"
            )
    return [list(texts) for texts in zip(*(scheduler._texts for scheduler in schedulers if isinstance(scheduler, Imported)))]


class SequentialLR(Imported):
    """One scheduler after another, each from its milestone on.

    Each is a function of the steps since its milestone, however they are nested. They belong to the sequence from now on and
    are not stepped themselves.
    """

    def __init__(
        self, optimizer: Optimizer, schedulers: Sequence[LRScheduler], milestones: Sequence[int], last_epoch: int = -1
    ) -> None:
        places = written("milestones", list(milestones))
        texts = [
            f"SequentialLR([{', '.join(parts)}], milestones={places})"
            for parts in _texts("SequentialLR", schedulers, optimizer)
        ]
        super().__init__(optimizer, texts, last_epoch)


class ChainedScheduler(Imported):
    """The product of schedulers, all from the same beginning. They are not stepped themselves from now on."""

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        if not schedulers:
            raise ValueError("ChainedScheduler has no schedulers; name at least one")
        optimizer = optimizer or schedulers[0].optimizer
        texts = [f"ChainedScheduler([{', '.join(parts)}])" for parts in _texts("ChainedScheduler", schedulers, optimizer)]
        super().__init__(optimizer, texts)
