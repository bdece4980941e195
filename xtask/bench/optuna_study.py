"""Optuna's side of `cargo xtask bench study`: trials that cost nothing, into SQLite, each with some reports.

    optuna_study.py FOLDER TRIALS EPOCHS [--wal]

Asks for a trial of two parameters (random search), reports a value for each epoch and tells the last one, as a training
loop would. Optuna commits after every report. Its storage is as `sqlite:///` gives it: SQLite's rollback journal with
synchronous=FULL; with --wal the write-ahead log with synchronous=FULL, which is what Opportune uses. Prints one line of
JSON; the clock runs from the first ask to the last tell.
"""

import json
import sqlite3
import sys
import time
from pathlib import Path

import optuna
import sqlalchemy

folder, trials, epochs = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
optuna.logging.set_verbosity(optuna.logging.ERROR)

if "--wal" in sys.argv:

    @sqlalchemy.event.listens_for(sqlalchemy.engine.Engine, "connect")
    def connected(connection, _):
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")


storage = optuna.storages.RDBStorage(f"sqlite:///{folder / 'optuna.db'}")
study = optuna.create_study(storage=storage, sampler=optuna.samplers.RandomSampler(seed=1))
with storage.engine.connect() as connection:
    settings = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ["journal_mode", "synchronous"]}

start = time.perf_counter()
for _ in range(trials):
    trial = study.ask()
    distance = abs(trial.suggest_float("lr", 1e-5, 1.0, log=True) - 0.01)
    distance += trial.suggest_float("l2", 1e-7, 1e-2, log=True)
    for epoch in range(1, epochs + 1):
        trial.report(distance + 1 / epoch, epoch)
    study.tell(trial, distance + 1 / epochs)
seconds = time.perf_counter() - start

versions = {"python": sys.version.split()[0], "optuna": optuna.__version__, "sqlalchemy": sqlalchemy.__version__,
            "sqlite": sqlite3.sqlite_version}
print(json.dumps({"trials": trials, "epochs": epochs, "seconds": seconds, "trials_per_second": trials / seconds,
                  "settings": settings, "versions": versions}))
