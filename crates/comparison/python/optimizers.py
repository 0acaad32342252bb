"""The problems of crates/optimizers/benches/digits.rs, solved by SciPy on JAX's derivatives and by PyTorch's L-BFGS.

    python optimizers.py [softmax|mlp] [part of a method's name]

In double precision on one thread, pinned to the first core allowed. Each method runs three times; seconds are those the process
was running, from the start until the target was first reached: after an iteration, by callback (PyTorch: after any evaluation).
Compiling is not part of them. Needs numpy, scipy, jax; torch for its own row.
"""
import os, sys, time

os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[0]})
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
import numpy as np
import jax, jax.numpy as jnp
import scipy.optimize

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_platforms", "cpu")

REPETITIONS, L2 = 3, 1e-4
GREY = "0123456789abcdefg"
DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../examples/data/optdigits.txt")
lines = [line.split() for line in open(DATA) if line.strip() and not line.startswith("#")]
X = np.array([[GREY.index(c) / 16 for c in image] for image, _ in lines])
Y = np.array([int(label) for _, label in lines])


def uniform(stream, size, scale):
    with np.errstate(over="ignore"):
        z = (np.arange(1, size + 1, dtype=np.uint64) + np.uint64(stream << 32)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return scale * (2 * ((z >> np.uint64(11)).astype(float) * 2.0**-53) - 1)


def network(widths):
    """The logits of a network with tanh between its layers, whose parameters are one vector."""

    def logits(theta, x, tanh):
        at = 0
        for layer, (i, o) in enumerate(zip(widths, widths[1:])):
            x = tanh(x) if layer else x
            x = x @ theta[at : at + i * o].reshape(i, o) + theta[at + i * o : at + (i + 1) * o]
            at += (i + 1) * o
        return x

    return logits


MLP = [(700, 2048, 1 / 8), (701, 32, 0.1), (702, 320, 32**-0.5), (703, 10, 0.1)]
PROBLEMS = {
    "softmax": (network([64, 10]), np.zeros(650), {"1e-6": lambda f, g: g <= 1e-6, "1e-10": lambda f, g: g <= 1e-10}),
    "mlp": (
        network([64, 32, 10]),
        np.concatenate([uniform(*part) for part in MLP]),
        {"0.0210": lambda f, g: f <= 0.0210},
    ),
}
SCIPY = {
    "newton-cg": dict(xtol=1e-16, maxiter=3000),
    "trust-ncg": dict(gtol=1e-13, maxiter=3000),
    "trust-krylov": dict(gtol=1e-13, maxiter=3000, inexact=True),
    "trust-exact": dict(gtol=1e-13, maxiter=3000),
    "L-BFGS-B": dict(maxcor=10, gtol=1e-14, ftol=0, maxiter=20000, maxfun=40000),
}


class Reached(Exception):
    pass


class Watch:
    """Notes what had been spent when each target was reached, and ends the run at the last."""

    def __init__(self, targets):
        self.targets, self.rows, self.evaluated = targets, {}, {}
        self.counts = dict(iterations=0, gradients=0, hvps=0, hessians=0)
        self.least, self.start = (np.inf, np.inf), time.process_time()

    def evaluation(self, x, value, gradient):
        self.counts["gradients"] += 1
        self.evaluated[x.tobytes()] = (value, float(np.linalg.norm(gradient)))

    def iteration(self, x):
        self.counts["iterations"] += 1
        self.point(*self.evaluated[x.tobytes()])

    def point(self, value, size):
        self.least = min(self.least[0], value), min(self.least[1], size)
        for name, reached in self.targets.items():
            if name not in self.rows and reached(value, size):
                self.rows[name] = (time.process_time() - self.start, dict(self.counts))
        if len(self.rows) == len(self.targets) or time.process_time() - self.start > 60:
            raise Reached


def by_scipy(logits, start, method):
    def loss(theta):
        z = jax.nn.log_softmax(logits(theta, jnp.asarray(X), jnp.tanh))
        return -jnp.mean(jnp.take_along_axis(z, jnp.asarray(Y)[:, None], 1)) + 0.5 * L2 * theta @ theta

    before = time.perf_counter()
    value_and_gradient = jax.jit(jax.value_and_grad(loss))
    product = jax.jit(lambda x, v: jax.jvp(jax.grad(loss), (x,), (v,))[1])
    hessian = jax.jit(jax.hessian(loss))
    jax.block_until_ready((value_and_gradient(start), product(start, start)))
    if method == "trust-exact":
        jax.block_until_ready(hessian(start))
    print(f"{method}: compiled in {time.perf_counter() - before:.2f} s, not counted")

    def run(watch):
        def f(x):
            value, gradient = value_and_gradient(x)
            value, gradient = float(value), np.asarray(gradient)
            watch.evaluation(x, value, gradient)
            return value, gradient

        def hvp(x, v):
            watch.counts["hvps"] += 1
            return np.asarray(product(x, v))

        def dense(x):
            watch.counts["hessians"] += 1
            return np.asarray(hessian(x))

        curvature = {} if method == "L-BFGS-B" else dict(hess=dense) if method == "trust-exact" else dict(hessp=hvp)
        options = dict(jac=True, method=method, options=SCIPY[method], callback=watch.iteration)
        scipy.optimize.minimize(f, start, **options, **curvature)

    return run


def by_torch(logits, start):
    import torch

    torch.set_num_threads(1)
    x, y = torch.tensor(X), torch.tensor(Y)

    def run(watch):
        theta = torch.tensor(start, requires_grad=True)
        search = dict(lr=1, max_iter=20000, max_eval=40000, history_size=10, line_search_fn="strong_wolfe")
        optimizer = torch.optim.LBFGS([theta], tolerance_grad=1e-14, tolerance_change=1e-18, **search)

        def closure():
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(logits(theta, x, torch.tanh), y) + 0.5 * L2 * theta @ theta
            loss.backward()
            watch.counts["gradients"] += 1
            watch.counts["iterations"] = optimizer.state[theta].get("n_iter", 0)
            watch.point(loss.item(), float(np.linalg.norm(theta.grad.numpy())))
            return loss

        optimizer.step(closure)

    return run


wanted = sys.argv[1:] + [None, None]
print("problem  target  method                           best s  median s  iter. values gradnt   HVPs Hess.")
for problem, (logits, start, targets) in PROBLEMS.items():
    if wanted[0] not in (None, problem):
        continue
    for method in [*SCIPY, "torch LBFGS"]:
        too_slow = method == "trust-exact" and problem == "mlp"
        if (wanted[1] or "") not in method or too_slow:
            continue
        run = by_torch(logits, start) if method == "torch LBFGS" else by_scipy(logits, start, method)
        watches = []
        for _ in range(REPETITIONS):
            watches.append(Watch(targets))
            try:
                run(watches[-1])
            except Reached:
                pass
        for target in targets:
            rows = sorted((w.rows[target] for w in watches if target in w.rows), key=lambda row: row[0])
            name = f"{problem:8} {target:7} {method:30}"
            if not rows:
                print(name, "not reached: least f = %.9f, least |g| = %.1e" % watches[0].least)
                continue
            counts = rows[0][1]
            print(
                "%s %9.4f %9.4f %6d %6d %6d %6d %4d"
                % (name, rows[0][0], rows[len(rows) // 2][0], counts["iterations"], 0, *list(counts.values())[1:]),
                flush=True,
            )
