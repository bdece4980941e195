# Written by `cargo xtask stub` from the signatures in crates/python/src.
"""
What the Python classes of opportune are made of.
"""

from collections.abc import Callable
from numpy import float32, float64
from numpy.typing import NDArray
from opportune._types import Kind, Suggestions
from typing import Any, Final, SupportsFloat, SupportsIndex, final
from typing_extensions import disjoint_base

__all__ = ["MOST_INTEGER_CLASSES", "Interrupt", "PatienceWatch", "RateWatch", "Resolved", "Schedule", "Study", "Sweep", "import_schedule", "kinds", "mlp_fit", "mlp_minimise", "mlp_outputs", "program", "search"]

MOST_INTEGER_CLASSES: Final[int]

@final
class Interrupt:
    """
    Ends trainings in other threads at their next step.
    """
    def __new__(cls, /) -> Interrupt: ...
    def set(self, /) -> None:
        """
        From now on every training that was given this ends.
        """

@final
class PatienceWatch:
    """
    Stops after some epochs in a row that were not better than the best, as Keras's EarlyStopping does.
    """
    def __new__(cls, /, patience: SupportsIndex, *, min_delta: SupportsFloat | SupportsIndex = 0.0, baseline: SupportsFloat | SupportsIndex | None = None, start: SupportsIndex = 0) -> PatienceWatch:
        """
        `patience` epochs, of which each counts as better where its value is lower than the best by more than `min_delta`
        (and than `baseline`, where there is one). The first `start` epochs are not looked at.
        """
    @property
    def improved(self, /) -> bool:
        """
        Whether the last value was the best so far.
        """
    def observe(self, /, value: SupportsFloat | SupportsIndex) -> bool:
        """
        Takes the value of the next epoch, lower being better. Whether the training should stop; once it should, it does.
        """

@final
class RateWatch:
    """
    The rule of a schedule that reads the curve, at work on one training.
    """
    def __new__(cls, /, schedule: Schedule, *, epochs: SupportsIndex, steps_per_epoch: SupportsIndex = 1) -> RateWatch:
        """
        That of a schedule with such a rule, for a run of so many epochs.
        """
    @property
    def factor(self, /) -> float:
        """
        What the rule multiplies the rate by from now on.
        """
    def observe(self, /, value: SupportsFloat | SupportsIndex, rate: SupportsFloat | SupportsIndex) -> bool:
        """
        Takes the value of the next epoch, lower being better, and the rate it was trained with. Whether the training has
        converged, so that it should end.
        """
    def written_out(self, /) -> Schedule:
        """
        The schedule with the rule's place taken by what it decided so far, so that its rates are known.
        """

@final
class Resolved:
    """
    A schedule for one training run: the rate at each optimizer step, from 0.
    """
    @property
    def held_per_epoch(self, /) -> bool:
        """
        Whether all steps of an epoch have the same rate.
        """
    def momentum(self, /, step: SupportsIndex) -> float | None:
        """
        The momentum (β1 of Adam-like optimizers) at a step; None where it is not cycled.
        """
    def rate(self, /, step: SupportsIndex) -> float:
        """
        The learning rate at a step; past the end it is that of the end.
        """
    def rates(self, /, start: SupportsIndex = 0, stop: SupportsIndex | None = None) -> list[float]:
        """
        The learning rates of all steps of the run, or of those from `start` to before `stop`.
        """
    @property
    def steps(self, /) -> int | None:
        """
        The optimizer steps of the run; None where its number of epochs was left out.
        """

@disjoint_base
class Schedule:
    """
    A learning-rate schedule as it is written, before its lengths are fixed.
    """
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __new__(cls, /, text: str) -> Schedule:
        """
        Reads a text such as "cosine(floor=0.1)".
        """
    def __repr__(self, /) -> str:
        """
        The Python expression that makes it.
        """
    def __str__(self, /) -> str: ...
    @property
    def cycles_momentum(self, /) -> bool:
        """
        Whether it cycles the momentum (β1 of Adam-like optimizers) too.
        """
    @property
    def depends_on_epochs(self, /) -> bool:
        """
        Whether its rates depend on the number of epochs of the run.
        """
    @property
    def kind(self, /) -> str:
        """
        The name of its kind.
        """
    @property
    def owns_rate(self, /) -> bool:
        """
        Whether it has rates of its own, so that no learning rate is to be given.
        """
    def rate(self, /, step: SupportsIndex, lr: SupportsFloat | SupportsIndex | None = None, *, epochs: SupportsIndex | None = None, steps_per_epoch: SupportsIndex = 1) -> float:
        """
        The learning rate at an optimizer step, from 0.
        """
    def rates(self, /, lr: SupportsFloat | SupportsIndex | None = None, *, epochs: SupportsIndex, steps_per_epoch: SupportsIndex = 1) -> list[float]:
        """
        The learning rates of all optimizer steps of a run.
        """
    @property
    def reads_curve(self, /) -> bool:
        """
        Whether it reads the curve of a training, so that its rates are not known ahead.
        """
    def resolve(self, /, lr: SupportsFloat | SupportsIndex | None = None, *, epochs: SupportsIndex | None = None, steps_per_epoch: SupportsIndex = 1) -> Resolved:
        """
        Fixes its lengths for a run of so many epochs; they can be left out where nothing depends on them.
        """
    @property
    def text(self, /) -> str:
        """
        The text that reads back to it.
        """

@final
class Study:
    """
    A study: trials are asked for, tell of each epoch, and end.
    """
    def __new__(cls, /, name: str, settings: str, space: str, *, storage: str | None = None, sampler: str = "sobol", seed: SupportsIndex = 0, pruning: tuple[SupportsIndex, SupportsIndex] | None = None) -> Study:
        """
        The study of that name: the one that is remembered, if it has these settings (JSON), or a new one. `space` is JSON of
        the core's; without `storage` it is forgotten with the process. `pruning`: the first epoch at which trials are compared,
        and of how many one goes on.
        """
    def ask(self, /) -> tuple[int, str]:
        """
        The next trial, and JSON of its point: one that a process before began and did not end, from its beginning, or a new
        one.
        """
    def end(self, /, trial: SupportsIndex, stopped: str) -> None:
        """
        The trial came to its end: "complete", "early", "diverged" or "failed". The epoch with its lowest loss counts.
        """
    def report(self, /, trial: SupportsIndex, epoch: SupportsIndex, loss: SupportsFloat | SupportsIndex, *, score: SupportsFloat | SupportsIndex, train_loss: SupportsFloat | SupportsIndex, train_score: SupportsFloat | SupportsIndex, rate: SupportsFloat | SupportsIndex, step: SupportsIndex, seconds: SupportsFloat | SupportsIndex) -> None:
        """
        Takes what an epoch of a trial gave; epochs count from 1 and come one after the other.
        """
    def results(self, /) -> str:
        """
        JSON of every trial that has ended: number, config, how it ended, the epoch that counts, and its epochs.
        """
    def should_stop(self, /, trial: SupportsIndex) -> bool:
        """
        Whether a trial should stop: its last loss is no finite number, or others are better where they are compared.
        """

@final
class Sweep:
    """
    The account of a sweep whose rate grows at every step.
    """
    def __new__(cls, /, low: SupportsFloat | SupportsIndex = ..., high: SupportsFloat | SupportsIndex = ..., steps: SupportsIndex = ...) -> Sweep:
        """
        Of rates from `low` to below `high` in `steps` steps.
        """
    @property
    def ended_early(self, /) -> bool:
        """
        Whether the loss ran away before the last step.
        """
    @property
    def losses(self, /) -> list[float]:
        """
        The loss of each step's batch.
        """
    @property
    def next_rate(self, /) -> float:
        """
        The rate for the next step.
        """
    def push(self, /, loss: SupportsFloat | SupportsIndex) -> bool:
        """
        Takes the loss of the next step's batch. Whether the sweep should go on.
        """
    @property
    def rates(self, /) -> list[float]:
        """
        The rates of the steps taken.
        """
    @property
    def smoothed(self, /) -> list[float]:
        """
        Their average over the steps before, with falling weights.
        """
    @property
    def suggestions(self, /) -> Suggestions:
        """
        The rates that fastai would suggest, by name.
        """
    @property
    def tells(self, /) -> bool:
        """
        Whether the loss fell by enough to suggest anything.
        """

def import_schedule(source: str, text: str, *, lr: SupportsFloat | SupportsIndex | None = None, ticks: SupportsIndex, ticks_per_epoch: SupportsIndex = 1) -> tuple[Schedule, float | None]:
    """
    A schedule written as "torch", "keras" or "optax" would construct it, with the learning rate to resolve it with.

    A tick is a call of `scheduler.step()`; `ticks` is the length of the run. With `ticks_per_epoch` above 1 a tick is an
    optimizer step, otherwise an epoch.
    """

def kinds() -> list[Kind]:
    """
    What is said of every kind of schedule, in the order of lists: a dictionary each.
    """

def mlp_fit(table: dict[str, Any], shape: dict[str, Any], training: dict[str, Any], progress: dict[str, Any], *, reads: "list[int]", report: Callable[[int, float, float | None, str, float | None], object] | None = None, interrupt: Interrupt | None = None) -> dict[str, Any]:
    """
    Trains by sgd or adam. `reads` are numbers of epochs after which the parameters are copied, as a fit of so many epochs
    would have them; `report` is called after each epoch with its number, loss, validation score and rate, and with what
    followed: 'on', 'lowered' or 'stop'.
    """

def mlp_minimise(table: dict[str, Any], shape: dict[str, Any], parameters: NDArray[float64], *, alpha: SupportsFloat | SupportsIndex, tol: SupportsFloat | SupportsIndex, limits: tuple[SupportsIndex, SupportsIndex], reads: "list[int]", interrupt: Interrupt | None = None) -> dict[str, Any]:
    """
    Trains by L-BFGS, in 64 bits. `limits` are `max_iter` and `max_fun`; `reads` are numbers of iterations after which loss
    and parameters are copied.
    """

def mlp_outputs(inputs: NDArray[float32] | NDArray[float64], shape: dict[str, Any], parameters: NDArray[float32] | NDArray[float64]) -> NDArray[float32] | NDArray[float64]:
    """
    What a network gives for rows of inputs: rows x outputs, flat.
    """

def program(words: "list[str]") -> int:
    """
    Runs the program with the words of a command line, its name first, and gives its exit code. It catches interrupts itself.
    """

def search(words: "list[str]", rows: dict[str, Any], *, refit: bool = True, tell: Callable[[str], object] | None = None) -> dict[str, Any]:
    """
    Searches as the command line in `words` does, on these rows. `tell` is called with the lines that the program would print
    meanwhile. A keyboard interrupt ends it within a second and leaves no thread.
    """
