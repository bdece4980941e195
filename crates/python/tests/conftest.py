"""What the tests have in common."""

import os
import signal

# Before Keras is imported by anyone.
os.environ.setdefault("KERAS_BACKEND", "torch")

# Where they are started in the background, a shell may have interrupts ignored; some tests send one.
signal.signal(signal.SIGINT, signal.default_int_handler)
