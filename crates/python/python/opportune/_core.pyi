"""What the Python classes of opportune are made of, in Rust."""

from collections.abc import Callable
from typing import Any, Final, Self, TypedDict, final

from typing_extensions import disjoint_base

__all__ = [
    "Interrupt",
    "MOST_INTEGER_CLASSES",
    "PatienceWatch",
    "RateWatch",
    "Resolved",
    "Schedule",
    "Study",
    "Sweep",
    "import_schedule",
    "kinds",
    "mlp_fit",
    "mlp_minimise",
    "mlp_outputs",
    "program",
    "search",
]

class _Parameter(TypedDict):
    name: str
    default: str | None
    meaning: str

class _Kind(TypedDict):
    name: str
    class_name: str
    summary: str
    formula: str
    parameters: list[_Parameter]
    positional: str | None
    own_rates: bool
    per_step: bool
    upstream: list[str]
    example: str

@disjoint_base
class Schedule:
    def __new__(cls, text: str) -> Self: ...
    @property
    def kind(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def owns_rate(self) -> bool: ...
    @property
    def cycles_momentum(self) -> bool: ...
    @property
    def reads_curve(self) -> bool: ...
    @property
    def depends_on_epochs(self) -> bool: ...
    def __hash__(self) -> int: ...
    def resolve(
        self, lr: float | None = None, *, epochs: int | None = None, steps_per_epoch: int = 1
    ) -> Resolved: ...
    def rate(
        self, step: int, lr: float | None = None, *, epochs: int | None = None, steps_per_epoch: int = 1
    ) -> float: ...
    def rates(self, lr: float | None = None, *, epochs: int, steps_per_epoch: int = 1) -> list[float]: ...

@final
class Resolved:
    @property
    def steps(self) -> int | None: ...
    @property
    def held_per_epoch(self) -> bool: ...
    def rate(self, step: int) -> float: ...
    def momentum(self, step: int) -> float | None: ...
    def rates(self, start: int = 0, stop: int | None = None) -> list[float]: ...

@final
class RateWatch:
    def __new__(cls, schedule: Schedule, *, epochs: int, steps_per_epoch: int = 1) -> Self: ...
    def observe(self, value: float, rate: float) -> bool: ...
    @property
    def factor(self) -> float: ...
    def written_out(self) -> Schedule: ...

@final
class PatienceWatch:
    def __new__(
        cls, patience: int, *, min_delta: float = 0.0, baseline: float | None = None, start: int = 0
    ) -> Self: ...
    def observe(self, value: float) -> bool: ...
    @property
    def improved(self) -> bool: ...

@final
class Study:
    def __new__(
        cls,
        name: str,
        settings: str,
        space: str,
        *,
        storage: str | None = None,
        sampler: str = "sobol",
        seed: int = 0,
        pruning: tuple[int, int] | None = None,
    ) -> Self: ...
    def ask(self) -> tuple[int, str]: ...
    def report(
        self,
        trial: int,
        epoch: int,
        loss: float,
        *,
        score: float,
        train_loss: float,
        train_score: float,
        rate: float,
        step: int,
        seconds: float,
    ) -> None: ...
    def should_stop(self, trial: int) -> bool: ...
    def end(self, trial: int, stopped: str) -> None: ...
    def results(self) -> str: ...

class _Suggestions(TypedDict):
    valley: float | None
    steep: float | None
    minimum: float | None
    slide: float | None

@final
class Sweep:
    def __new__(cls, low: float = ..., high: float = ..., steps: int = ...) -> Self: ...
    @property
    def next_rate(self) -> float: ...
    def push(self, loss: float) -> bool: ...
    @property
    def rates(self) -> list[float]: ...
    @property
    def losses(self) -> list[float]: ...
    @property
    def smoothed(self) -> list[float]: ...
    @property
    def ended_early(self) -> bool: ...
    @property
    def tells(self) -> bool: ...
    @property
    def suggestions(self) -> _Suggestions: ...

def kinds() -> list[_Kind]: ...
def import_schedule(
    source: str, text: str, *, lr: float | None = None, ticks: int, ticks_per_epoch: int = 1
) -> tuple[Schedule, float | None]: ...

@final
class Interrupt:
    def __new__(cls) -> Self: ...
    def set(self) -> None: ...

def mlp_fit(
    table: dict[str, Any],
    shape: dict[str, Any],
    training: dict[str, Any],
    progress: dict[str, Any],
    *,
    reads: list[int],
    report: Callable[[int, float, float | None, str, float | None], None] | None = None,
    interrupt: Interrupt | None = None,
) -> dict[str, Any]: ...
def mlp_minimise(
    table: dict[str, Any],
    shape: dict[str, Any],
    parameters: Any,
    *,
    alpha: float,
    tol: float,
    limits: tuple[int, int],
    reads: list[int],
    interrupt: Interrupt | None = None,
) -> dict[str, Any]: ...
def mlp_outputs(inputs: Any, shape: dict[str, Any], parameters: Any) -> Any: ...
MOST_INTEGER_CLASSES: Final[int]

def program(words: list[str]) -> int: ...
def search(
    words: list[str], rows: dict[str, Any], *, refit: bool = True, tell: Callable[[str], object] | None = None
) -> dict[str, Any]: ...
