"""One training step of others: `trainer_peer.py PEER [NETWORK …]` prints one line of JSON, seconds a step by width and network.

PEER is `scikit-learn` (MLPClassifier) or `torch` (a plain loop with fused Adam). Random bytes as inputs, standardised, ten
classes, 10,000 rows in batches of 200 on one thread, of 256 on all cores for the large network: as many steps as make an
epoch, the fastest of many epochs. Networks that are named, as 64-100-10, are trained on one thread in place of those.
"""

import json
import os
import sys
import time
import warnings

import numpy as np

ROWS = 10_000
CORES = len(os.sched_getaffinity(0))
# Widths, rows of a batch, threads, epochs.
NETWORKS = [
    ([64, 100, 10], 200, 1, 20),
    ([64, 50, 50, 10], 200, 1, 20),
    ([784, 100, 10], 200, 1, 20),
    ([784, 1024, 1024, 10], 256, CORES, 4),
]
WIDTHS = {"f32": np.float32, "f64": np.float64}


def data(inputs, width):
    generator = np.random.default_rng(1)
    x = generator.integers(0, 256, (ROWS, inputs)).astype(width)
    x = (x - x.mean(0)) / x.std(0)
    return x.astype(width), generator.integers(0, 10, ROWS)


def scikit_learn(network, batch, threads, epochs, width):
    from sklearn.neural_network import MLPClassifier
    from threadpoolctl import threadpool_limits

    class Timed(MLPClassifier):
        """Notes when each epoch ends: that is when its stop rule is asked."""

        def _update_no_improvement_count(self, early_stopping, *rest):
            self.ends.append(time.perf_counter())
            return super()._update_no_improvement_count(early_stopping, *rest)

    x, y = data(network[0], width)
    model = Timed(hidden_layer_sizes=network[1:-1], batch_size=batch, max_iter=epochs, tol=0.0, n_iter_no_change=10**6,
                  random_state=0)
    model.ends = []
    with threadpool_limits(threads):
        model.fit(x, y)
    return min(np.diff(model.ends)) / -(-ROWS // batch)


def torch_loop(network, batch, threads, epochs, width):
    import torch

    torch.set_num_threads(threads)
    x, y = (torch.from_numpy(array) for array in data(network[0], width))
    layers = []
    for inputs, outputs in zip(network, network[1:]):
        layers += [torch.nn.Linear(inputs, outputs, dtype=x.dtype), torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1])
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001, fused=True)
    loss = torch.nn.CrossEntropyLoss()
    best = float("inf")
    for _ in range(epochs):
        begun = time.perf_counter()
        for rows in torch.randperm(ROWS).split(batch):
            optimizer.zero_grad()
            loss(model(x[rows]), y[rows]).backward()
            optimizer.step()
        best = min(best, (time.perf_counter() - begun) / -(-ROWS // batch))
    return best


def main():
    warnings.simplefilter("ignore")  # ConvergenceWarning: it is not meant to converge
    peer = sys.argv[1]
    step = {"scikit-learn": scikit_learn, "torch": torch_loop}[peer]
    module = __import__({"scikit-learn": "sklearn", "torch": "torch"}[peer])
    named = [([int(units) for units in name.split("-")], 200, 1, 10) for name in sys.argv[2:]]
    steps = {width: {"-".join(map(str, network)): step(network, *rest, dtype) for network, *rest in named or NETWORKS}
             for width, dtype in WIDTHS.items()}
    versions = {"python": sys.version.split()[0], peer: module.__version__, "numpy": np.__version__}
    print(json.dumps({"versions": versions, "steps": steps}))


main()
