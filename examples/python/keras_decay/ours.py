"""A network on handwritten digits whose learning rate falls by a twentieth with every epoch."""

import csv
import sys
from pathlib import Path

import keras
import numpy as np

from opportune.keras import LearningRateScheduler

keras.utils.set_random_seed(int(sys.argv[1]) if len(sys.argv) > 1 else 0)

with open(Path(__file__).parents[2] / "data" / "digits.csv", newline="") as file:
    data = np.array(list(csv.reader(file))[1:], dtype="float32")
np.random.shuffle(data)
X, y = data[:, :-1] / 16, keras.utils.to_categorical(data[:, -1], 10)
X_train, y_train, X_val, y_val = X[:1347], y[:1347], X[1347:], y[1347:]

model = keras.Sequential(
    [
        keras.layers.Input(shape=(64,)),
        keras.layers.Dense(100, activation="relu"),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile(optimizer=keras.optimizers.Adam(learning_rate=0.001), loss="categorical_crossentropy", metrics=["accuracy"])


def exponential_decay(epoch):
    return 0.001 * 0.95**epoch


history = model.fit(
    X_train,
    y_train,
    epochs=100,
    batch_size=32,
    validation_data=(X_val, y_val),
    callbacks=[LearningRateScheduler(exponential_decay)],
    verbose=0,
)
for rate in history.history["learning_rate"]:
    print("Learning rate:", rate)
print("Validation accuracy:", round(history.history["val_accuracy"][-1], 4))
