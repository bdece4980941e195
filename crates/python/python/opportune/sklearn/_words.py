"""Parameters of `TuneCV` as words of the command line `opportune tune`, and what it says in the words of Python."""

import re
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

ACTIVATIONS = ("identity", "logistic", "relu", "tanh")

# Flags, and the parameters that give them.
_PARAMETERS = {
    "lr": "learning_rate_init",
    "epochs": "max_iter",
    "hidden": "hidden_layer_sizes",
    "batch": "batch_size",
    "activation": "activation",
    "l2": "alpha",
    "schedule": "schedule",
    "optimizer": "solver",
    "score": "scoring",
    "folds": "cv",
    "seed": "random_state",
    "threads": "n_jobs",
    "time": "time",
    "budget-epochs": "budget_epochs",
    "trials": "trials",
    "strategy": "strategy",
    "precision": "precision",
    "sample-weight": "sample_weight",
    "target": "y",
    "loss": "loss",
}
_VALUE = r"(?P<value>[\d.](?:[\w.,+-]*\w)?|balanced_accuracy\b)"
_FLAG = re.compile(rf"--(?P<flag>{'|'.join(_PARAMETERS)})(?![\w-])(?:[ =]{_VALUE})?")


def _assigned(name: str, value: str) -> str:
    if "," in value:
        return f"{name}=[{', '.join(value.split(','))}]"
    try:
        float(value)
    except ValueError:
        return f'{name}="{value}"'
    return f"{name}={value}"


def in_python(text: str) -> str:
    """What the program says of its flags, said of parameters.

    >>> in_python("more may be better still, --epochs 400; give --folds 3, or --validation 0.2")
    'more may be better still, max_iter=400; give cv=3, or cv=ShuffleSplit(1, test_size=0.2)'
    >>> in_python("try larger ones too, --lr 0.002..0.08")
    'try larger ones too, learning_rate_init="0.002..0.08"'
    """

    def said(found: re.Match[str]) -> str:
        name, value = _PARAMETERS[found["flag"]], found["value"]
        return name if value is None else _assigned(name, value)

    text = re.sub(r"--validation ([\d.]+\d)", r"cv=ShuffleSplit(1, test_size=\1)", text)
    return _FLAG.sub(said, text)


def _each(name: str, value: Any) -> list[Any]:
    """The values to try: a list's, or the one."""
    if isinstance(value, list) and not value:
        raise ValueError(f"{name} is an empty list; give the values to try")
    return value if isinstance(value, list) else [value]


def _number(name: str, value: Any) -> str:
    """A number, or a range as a text."""
    if isinstance(value, str):
        return value
    if isinstance(value, Integral):
        return str(int(value))
    if isinstance(value, Real):
        return repr(float(value))
    raise TypeError(f"{name}={value!r} is neither a number, a list of numbers nor a range as '1e-4..1e-1'")


def _numbers(name: str, value: Any) -> str:
    return ",".join(_number(name, one) for one in _each(name, value))


def _layers(value: Any) -> str:
    """One network: units of each hidden layer."""
    units = list(value) if hasattr(value, "__iter__") and not isinstance(value, str) else [value]
    if not all(isinstance(one, Integral) for one in units):
        raise TypeError(
            f"hidden_layer_sizes={value!r} is no network; give 100, (50, 50) for two layers, or a list of those to try each"
        )
    return ",".join(str(int(one)) for one in units) or "none"


def _activation(value: Any) -> str:
    if value not in ACTIVATIONS:
        raise ValueError(f"activation={value!r} is none of scikit-learn's; there are: {', '.join(ACTIVATIONS)}")
    return str(value)


def _optimizer(network: Any) -> str:
    if network.solver == "adam":
        return f"adam(beta1={network.beta_1}, beta2={network.beta_2}, eps={network.epsilon})"
    if network.solver == "sgd":
        nesterov = "true" if network.nesterovs_momentum and network.momentum > 0 else "false"
        return f"sgd(momentum={network.momentum}, nesterov={nesterov})"
    raise ValueError(
        f"solver={network.solver!r} has no learning rate to search for; choose 'adam' or 'sgd', or search its other "
        "parameters with GridSearchCV"
    )


def of_network(search: Any, network: Any) -> list[str]:
    """The settings of the network: those that are searched, else those of the estimator."""
    given: Callable[[str], Any] = lambda name: getattr(network if getattr(search, name) is None else search, name)
    networks = [network.hidden_layer_sizes]
    if search.hidden_layer_sizes is not None:
        networks = _each("hidden_layer_sizes", search.hidden_layer_sizes)
    words = [f"--hidden={_layers(one)}" for one in networks]
    words.append(f"--activation={','.join(_activation(one) for one in _each('activation', given('activation')))}")
    words.append(f"--optimizer={_optimizer(network)}")
    words.append(f"--l2={_numbers('alpha', given('alpha'))}")
    if (batch := given("batch_size")) != "auto":
        words.append(f"--batch={_numbers('batch_size', batch)}")
    if search.learning_rate_init is not None:
        words.append(f"--lr={_numbers('learning_rate_init', search.learning_rate_init)}")
    if search.schedule is not None:
        words.extend(f"--schedule={one}" for one in _each("schedule", search.schedule))
    if getattr(network, "loss", None) == "poisson":
        words.append("--loss=poisson")
    return words


def of_search(search: Any, seed: int) -> list[str]:
    """How is searched, and how long."""
    words = [f"--epochs={_numbers('max_iter', search.max_iter)}", f"--seed={seed}", f"--split-seed={seed}"]
    words.extend([f"--strategy={search.strategy}", f"--precision={search.precision}"])
    if search.time is not None:
        words.append(f"--time={search.time if isinstance(search.time, str) else _number('time', search.time) + 's'}")
    for name in ("budget_epochs", "trials"):
        if (value := getattr(search, name)) is not None:
            words.append(f"--{name.replace('_', '-')}={_number(name, value)}")
    return words


# Settings of the program, and what they are in scikit-learn.
_SETTINGS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "hidden": ("hidden_layer_sizes", tuple),
    "activation": ("activation", str),
    "l2": ("alpha", float),
    "batch": ("batch_size", int),
    "lr": ("learning_rate_init", float),
    "schedule": ("schedule", str),
}


def params_of(config: dict[str, Any], epochs: int) -> dict[str, Any]:
    """A point of the program's space in scikit-learn's parameters. The schedule is left out where it is the constant rate that
    `learning_rate_init` says."""
    found = {name: kind(config[of]) for of, (name, kind) in _SETTINGS.items() if of in config}
    if found.get("schedule") == "constant":
        del found["schedule"]
    return found | {"max_iter": epochs}
