"""Writes crates/net/tests/golden/normal.json: the standard normal distribution in sixty digits; prints the coefficients of its
tail in crates/net/src/math.rs.

    python -m venv venv
    venv/bin/pip install mpmath==1.3.0
    venv/bin/python normal.py
"""

import json
import struct
from pathlib import Path

from mpmath import cos, erfc, exp, mp, mpf, ncdf, npdf, pi, polyval, sqrt

OUT = Path(__file__).resolve().parents[2] / "crates/net/tests/golden/normal.json"
mp.dps = 60
CENTRE = 4


def narrow(x):
    """The nearest number of 32 bits."""
    return struct.unpack("f", struct.pack("f", x))[0]


def tail(t):
    """(x + 4)·Φ(−x)·e^(x²/2) where (x − 4)/(x + 4) is t."""
    x = CENTRE * (1 + t) / (1 - t)
    return erfc(x / sqrt(mpf(2))) / 2 * exp(x * x / 2) * (x + CENTRE)


def coefficients(degree):
    """Of the polynomial through Chebyshev's points, the highest power first."""
    n = degree + 1
    angles = [pi * (2 * i + 1) / (2 * n) for i in range(n)]
    values = [tail(cos(angle)) for angle in angles]
    weights = [2 / mpf(n) * sum(v * cos(j * a) for v, a in zip(values, angles)) for j in range(n)]
    weights[0] /= 2
    before, now = [mpf(1)], [mpf(0), mpf(1)]
    powers = [mpf(0)] * n
    for weight in weights:
        for place, value in enumerate(before):
            powers[place] += weight * value
        after = [mpf(0)] + [2 * value for value in now]
        for place, value in enumerate(before):
            after[place] -= value
        before, now = now, after
    return powers[::-1]


for degree in (11, 24):
    found = coefficients(degree)
    places = [mpf(i) / 1000 for i in range(-1000, 821)]
    worst = max(abs(polyval(found, t) / tail(t) - 1) for t in places)
    print(f"degree {degree}, to within {mp.nstr(worst, 3)}:", *(repr(float(value)) for value in found), sep="\n")

# Places that are numbers of 32 bits: everywhere, where the tail ends, and near 0.
places = [narrow(x / 37) for x in range(-1500, 400)] + [narrow(x / 1000) for x in range(-200, 200)]
places += [narrow(sign * 10.0**-k) for k in range(3, 30) for sign in (-1, 1)]
golden = {
    "places": places,
    "below": [float(ncdf(mpf(x))) for x in places],
    "density": [float(npdf(mpf(x))) for x in places],
}
OUT.write_text(json.dumps(golden, separators=(",", ":")).replace('],"', '],\n"') + "\n")
