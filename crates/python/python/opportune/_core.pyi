"""What the Python classes of opportune are made of, in Rust."""

from typing import Self, TypedDict, final

from typing_extensions import disjoint_base

__all__ = ["Resolved", "Schedule", "import_schedule", "kinds"]

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
