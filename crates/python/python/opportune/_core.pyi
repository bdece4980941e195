"""What the Python classes of opportune are made of, in Rust."""

from collections.abc import Callable
from typing import Any, Self, TypedDict, final

from typing_extensions import disjoint_base

__all__ = [
    "Interrupt",
    "Resolved",
    "Schedule",
    "import_schedule",
    "kinds",
    "mlp_fit",
    "mlp_minimise",
    "mlp_outputs",
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
    def rate(self, step: int) -> float: ...
    def momentum(self, step: int) -> float | None: ...
    def rates(self, start: int = 0, stop: int | None = None) -> list[float]: ...

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
