"""The fits of `crates/optimizers/benches/least_squares.rs` by SciPy's MINPACK, with Jacobians by hand (NumPy) and by JAX.

    python least_squares.py
"""

import json
import pathlib
import time

import jax
import jax.numpy as jnp
import numpy as np
import scipy
from scipy.optimize import least_squares

jax.config.update("jax_enable_x64", True)

DATA = pathlib.Path(__file__).parents[2] / "optimizers/tests/data/nist_strd.json"
LEAST_TIME = 0.5
TOLERANCE = 1e-12


def misra1a(np, b, t):
    return b[0] * (1.0 - np.exp(-b[1] * t))


def misra1a_jacobian(b, t):
    e = np.exp(-b[1] * t)
    return np.stack([1.0 - e, b[0] * t * e], axis=1)


def mgh09(np, b, t):
    return b[0] * (t * t + t * b[1]) / (t * t + t * b[2] + b[3])


def mgh09_jacobian(b, t):
    top, bottom = t * t + t * b[1], t * t + t * b[2] + b[3]
    ratio = b[0] * top / bottom**2
    return np.stack([top / bottom, b[0] * t / bottom, -ratio * t, -ratio], axis=1)


def gauss1(np, b, t):
    def peak(i):
        return b[i] * np.exp(-(((t - b[i + 1]) / b[i + 2]) ** 2))

    return b[0] * np.exp(-b[1] * t) + peak(2) + peak(5)


def gauss1_jacobian(b, t):
    e = np.exp(-b[1] * t)
    columns = [e, -b[0] * t * e]
    for i in (2, 5):
        z = (t - b[i + 1]) / b[i + 2]
        g = np.exp(-(z**2))
        slope = 2.0 * b[i] * g * z / b[i + 2]
        columns += [g, slope, slope * z]
    return np.stack(columns, axis=1)


def workloads():
    sets = {s["name"]: s for s in json.loads(DATA.read_text())["datasets"]}
    models = {
        "Misra1a": (misra1a, misra1a_jacobian),
        "MGH09": (mgh09, mgh09_jacobian),
        "Gauss1": (gauss1, gauss1_jacobian),
    }
    for name, (model, jacobian) in models.items():
        for start in ("start1", "start2"):
            t, y = np.array(sets[name]["x"]), np.array(sets[name]["y"])
            yield f"{name} {start}", model, jacobian, t, y, np.array(sets[name][start])
    i = np.arange(10_000, dtype=float)
    t = 250.0 * (i + 0.5) / 10_000
    y = gauss1(np, [99.0, 0.011, 101.0, 67.0, 23.0, 72.0, 179.0, 18.0], t) + 2.5 * np.sin(i * i)
    start = np.array([94.0, 0.0105, 99.0, 63.0, 25.0, 71.0, 180.0, 20.0])
    yield "peaks 10000", gauss1, gauss1_jacobian, t, y, start


def best(run):
    run()
    least, started = float("inf"), time.perf_counter()
    while time.perf_counter() - started < LEAST_TIME:
        start = time.perf_counter()
        run()
        least = min(least, time.perf_counter() - start)
    return least


def main():
    print(f"SciPy {scipy.__version__}, JAX {jax.__version__}, tolerances {TOLERANCE}")
    print(f"{'fit':16} {'NumPy':>10} {'JAX':>10} {'values':>6} {'sum of squares':>20}")
    options = {"method": "lm", "ftol": TOLERANCE, "xtol": TOLERANCE, "gtol": TOLERANCE, "x_scale": "jac"}
    for name, model, jacobian, t, y, start in workloads():
        by_jax = jax.jit(lambda b: model(jnp, b, t) - y)
        jax_jacobian = jax.jit(jax.jacfwd(by_jax))

        def with_numpy():
            return least_squares(lambda b: model(np, b, t) - y, start, jac=lambda b: jacobian(b, t), **options)

        def with_jax():
            return least_squares(
                lambda b: np.asarray(by_jax(b)), start, jac=lambda b: np.asarray(jax_jacobian(b)), **options
            )

        result = with_numpy()
        times = [best(run) * 1e6 for run in (with_numpy, with_jax)]
        print(f"{name:16} {times[0]:8.1f}µs {times[1]:8.1f}µs {result.nfev:6} {2 * result.cost:20.13e}")


if __name__ == "__main__":
    main()
