"""Writes crates/core/tests/golden/sobol.json: unscrambled points of Sobol's sequence as SciPy 1.17.1 has them.

    python -m venv venv
    venv/bin/pip install scipy==1.17.1
    venv/bin/python sobol.py

Its direction numbers are those of Joe and Kuo (2008), its order that of Antonov and Saleev.
"""

import json
from pathlib import Path

import scipy
from scipy.stats import qmc

OUT = Path(__file__).resolve().parents[2] / "crates/core/tests/golden/sobol.json"
BITS, DIMENSIONS = 20, 32
# The first points, and some far out that need every direction number up to the twentieth.
NUMBERS = [*range(33), 255, 1000, 4095, 65_537, 123_456, 524_287, 999_999, 2**20 - 1]


def main():
    assert scipy.__version__ == "1.17.1", scipy.__version__
    points = []
    for number in NUMBERS:
        engine = qmc.Sobol(DIMENSIONS, scramble=False)
        if number:
            engine.fast_forward(number)
        row = engine.random(1)[0] * 2**BITS
        assert all(row == row.astype(int))
        points.append(f"[{number}, {json.dumps(row.astype(int).tolist())}]")
    OUT.write_text(f'{{"bits": {BITS}, "points": [\n' + ",\n".join(points) + "\n]}\n")


if __name__ == "__main__":
    main()
