"""Names of scores: scikit-learn's and the program's."""

from typing import Any, NamedTuple

from sklearn.metrics import f1_score, get_scorer, make_scorer

BINARY, SEVERAL, LABELS, NUMBERS = "two classes", "several classes", "several labels", "numbers"


class Score(NamedTuple):
    """A score under scikit-learn's name."""

    # The program's.
    word: str
    # -1 where scikit-learn negates it, so that more is better.
    sign: float
    # What it judges.
    targets: tuple[str, ...]


SCORES = {
    "accuracy": Score("accuracy", 1.0, (BINARY, SEVERAL, LABELS)),
    "balanced_accuracy": Score("balanced_accuracy", 1.0, (BINARY, SEVERAL)),
    "f1": Score("f1", 1.0, (BINARY,)),
    "f1_macro": Score("f1", 1.0, (SEVERAL, LABELS)),
    "roc_auc": Score("roc_auc", 1.0, (BINARY, LABELS)),
    "roc_auc_ovr": Score("roc_auc", 1.0, (SEVERAL,)),
    "neg_log_loss": Score("log_loss", -1.0, (BINARY, SEVERAL)),
    "r2": Score("r2", 1.0, (NUMBERS,)),
    "neg_root_mean_squared_error": Score("rmse", -1.0, (NUMBERS,)),
    "neg_mean_absolute_error": Score("mae", -1.0, (NUMBERS,)),
}


def find(scoring: Any, target: str) -> tuple[str, Score]:
    """Name and score; `None` is accuracy, and r2 of numbers. An error where there is none such, or not for this target."""
    name = ("r2" if target == NUMBERS else "accuracy") if scoring is None else scoring
    if not isinstance(name, str) or name not in SCORES:
        raise ValueError(f"scoring={scoring!r} is none that a search judges by; there are: {', '.join(SCORES)}")
    if target not in SCORES[name].targets:
        fitting = ", ".join(one for one, score in SCORES.items() if target in score.targets)
        raise ValueError(f"scoring={scoring!r} does not judge {target}; choose {fitting}")
    return name, SCORES[name]


def scorer(name: str, classes: Any) -> Any:
    """As scikit-learn has it. Of two classes the second one is the positive, whatever it is called."""
    if name == "f1":
        return make_scorer(f1_score, pos_label=classes[1])
    return get_scorer(name)
