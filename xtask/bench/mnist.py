"""scikit-learn's side of the MNIST benchmark: `mnist.py FOLDER SEED` prints one line of JSON.

20 whole epochs in single precision: the stop rule is switched off.
"""

import json
import sys
import warnings
from pathlib import Path

import numpy as np
import sklearn
from idx import read
from sklearn.neural_network import MLPClassifier


def images(folder, part):
    pixels = read(folder, f"{part}-images-idx3-ubyte")
    return pixels.reshape(len(pixels), -1).astype(np.float32)


def main():
    folder, seed = Path(sys.argv[1]), int(sys.argv[2])
    warnings.simplefilter("ignore")  # ConvergenceWarning: it is not meant to converge
    x = images(folder, "train")
    mean = x.mean(dtype=np.float64)
    # Not x.std(): it would make a copy of all pixels, and this program's memory is measured.
    deviation = np.sqrt(np.einsum("ij,ij->i", x, x).sum(dtype=np.float64) / x.size - mean**2)

    def scaled(pixels):
        pixels -= np.float32(mean)
        pixels /= np.float32(deviation)
        return pixels

    network = MLPClassifier(hidden_layer_sizes=(100,), batch_size=200, max_iter=20, tol=0.0, n_iter_no_change=np.inf,
                            random_state=seed)
    network.fit(scaled(x), read(folder, "train-labels-idx1-ubyte"))
    test = network.score(scaled(images(folder, "t10k")), read(folder, "t10k-labels-idx1-ubyte"))
    print(json.dumps({
        "versions": {"python": sys.version.split()[0], "scikit-learn": sklearn.__version__, "numpy": np.__version__},
        "epochs_trained": network.n_iter_, "test": test,
    }))


main()
