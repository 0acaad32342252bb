"""Gradients that SciPy needs on the problems of this benchmark, into scipy.json beside this file.

    cargo bench -p dualtape-optimizers --bench gradients -- --no-run
    python with_scipy.py PROGRAM      # the program that cargo bench has built, target/release/deps/gradients-…

Values and gradients are the program's own, through pipes. Needs numpy and scipy.
"""
import json, os, subprocess, sys

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
import scipy
from scipy.optimize import minimize

OPTIONS = {
    "CG": dict(maxiter=10_000),
    "BFGS": dict(maxiter=10_000),
    "L-BFGS-B": dict(maxiter=10_000, maxfun=100_000, ftol=0.0),
}


class Served:
    """A problem as the program serves it; counts the calls."""

    def __init__(self, program, name):
        self.process = subprocess.Popen([program, "serve", name], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        size, self.tolerance = self.read(2)
        self.start, self.calls = self.read(int(size)), 0

    def read(self, count):
        return np.frombuffer(self.process.stdout.read(8 * count), "<f8").copy()

    def __call__(self, x):
        self.calls += 1
        self.process.stdin.write(np.asarray(x, "<f8").tobytes())
        self.process.stdin.flush()
        answer = self.read(len(x) + 1)
        return answer[0], answer[1:]

    def fits(self, method):
        """Whether a dense matrix of doubles is no trouble."""
        return method != "BFGS" or len(self.start) <= 200

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def solve(problem, method):
    problem.calls = 0
    options = dict(OPTIONS[method], gtol=problem.tolerance)
    result = minimize(problem, problem.start, jac=True, method=method, options=options)
    converged = bool(np.max(np.abs(result.jac)) <= problem.tolerance)
    value = float(result.fun) if np.isfinite(result.fun) else None
    return dict(gradients=problem.calls, value=value, converged=converged)


def main(program):
    names = subprocess.run([program, "serve"], capture_output=True, text=True, check=True).stdout.splitlines()
    counts = {}
    for name in names:
        problem = Served(program, name)
        with np.errstate(all="ignore"):
            counts[name] = {method: solve(problem, method) for method in OPTIONS if problem.fits(method)}
        problem.close()
        print(name, {m: (c["gradients"] if c["converged"] else "–") for m, c in counts[name].items()}, flush=True)
    target = os.path.join(os.path.dirname(os.path.abspath(__file__)), "scipy.json")
    with open(target, "w") as file:
        json.dump(dict(scipy=scipy.__version__, problems=counts), file, indent=0, ensure_ascii=False)


if __name__ == "__main__":
    import warnings

    warnings.filterwarnings("ignore")
    main(sys.argv[1])
