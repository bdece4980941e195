"""What the tests have in common."""

import os

# Before Keras is imported by anyone.
os.environ.setdefault("KERAS_BACKEND", "torch")
