"""Writes crates/core/tests/golden/schedules*.json: rates as PyTorch, Keras, optax, transformers, timm, fastai and plain Python
have them. `cargo xtask golden schedules` makes the environment in target/golden-env and runs this; by hand:

    python3 -m venv target/golden-env
    target/golden-env/bin/pip install --no-deps -r xtask/golden/schedules/requirements.txt
    target/golden-env/bin/python xtask/golden/schedules/schedules.py

`schedules.json` holds schedules in Opportune's own form beside PyTorch's two forms of most of them: `closed` rows come from a
formula in t, `chained` rows are what training sees, each rate worked out from the one before, so that rounding adds up in them.
`schedules_text.json` holds them beside the other libraries and, where none has the schedule, beside a formula in plain Python.
`schedules_import.json` holds constructor calls, which Python evaluates here and Opportune imports.
`schedules_differences.json` holds what upstream gives where Opportune means to differ.
"""

import os
import sys

# Before Keras is imported; rates need no more than NumPy.
os.environ["KERAS_BACKEND"] = "numpy"
os.environ["JAX_PLATFORMS"] = "cpu"
sys.dont_write_bytecode = True

from rows import Rows
from stand_ins import check_versions, load_fastai, load_timm, load_torch, load_transformers

check_versions()
# First: they look whether PyTorch is there, and the stand-ins are not all of it.
import keras
import jax
import optax

jax.config.update("jax_enable_x64", True)
torch = load_torch()

import differences
import from_fastai
import from_formulas
import from_keras
import from_optax
import from_timm
import from_torch
import from_transformers
import own_torch

own = Rows("schedules.json")
own_torch.write(own, torch)
text = Rows("schedules_text.json")
transformers, timm, fastai = load_transformers(), load_timm(), load_fastai()
from_transformers.write(text, transformers)
from_timm.write(text, timm)
from_fastai.write(text, fastai)
from_formulas.write(text)
calls = Rows("schedules_import.json")
from_torch.write(calls, torch)
from_keras.write(calls, keras)
from_optax.write(calls, optax)
for rows in (own, text, calls):
    rows.write()
differences.write(torch, optax, transformers, timm, fastai)
