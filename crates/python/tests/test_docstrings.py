"""The examples in docstrings run and give what they say."""

import doctest
import importlib
import pkgutil

import pytest

import opportune

MODULES = [module.name for module in pkgutil.walk_packages(opportune.__path__, "opportune.")]


@pytest.mark.parametrize("name", ["opportune", *MODULES])
def test_examples_run(name):
    results = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert results.failed == 0


@pytest.mark.parametrize("name", [name for name in MODULES if not name.rpartition(".")[2].startswith("_")])
def test_what_is_public_has_a_docstring(name):
    module = importlib.import_module(name)
    for one in module.__all__:
        assert getattr(module, one).__doc__, f"{name}.{one}"
