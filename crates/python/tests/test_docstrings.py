"""The examples in docstrings run and give what they say."""

import doctest
import importlib
import pkgutil

import pytest

import opportune

MODULES = ["opportune"] + [f"opportune.{module.name}" for module in pkgutil.iter_modules(opportune.__path__)]


@pytest.mark.parametrize("name", [name for name in MODULES if name != "opportune._core"])
def test_examples_run(name):
    results = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert results.failed == 0
    # The module of the classes has one in each; where none is expected nothing is checked.
    assert results.attempted > 0 or name == "opportune", name
