"""A training step with Adam, and a step of Newton's method by ten conjugate-gradient iterations, with JAX or PyTorch.

The networks are those of crates/optimizers/benches/training.rs, in single precision, on one thread:

    python training.py jax|torch [mlp|cnn|lstm|transformer]

Needs numpy and jax, or torch. Times are microseconds a step; memory is that of the process, and what it had before the
network was built.
"""
import os, resource, sys, time

PEER, ONLY = sys.argv[1], sys.argv[2:]
os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[0]})
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
import numpy as np

LEAST_TIME, CG_ITERATIONS, DAMPING = 2.0, 10, 0.1
rng = np.random.default_rng(0)
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def weights(*shapes):
    return [(rng.uniform(-1, 1, s) / np.sqrt(s[0] if len(s) < 3 else np.prod(s[1:]))).astype(np.float32) for s in shapes]


LABELS = np.arange(32) % 10
uniform = lambda *shape: rng.uniform(0, 1, shape).astype(np.float32)
NETWORKS = {
    "mlp": (weights((784, 128), (128,), (128, 64), (64,), (64, 10), (10,)), uniform(32, 784), LABELS),
    "cnn": (weights((8, 1, 3, 3), (8,), (16, 8, 3, 3), (16,), (784, 10), (10,)), uniform(32, 1, 28, 28), LABELS),
    "lstm": (weights((16, 256), (64, 256), (256,), (64, 1), (1,)), uniform(16, 50, 16), uniform(16, 1)),
    "transformer": (
        weights((64,), (64,), (64, 64), (64, 64), (64, 64), (64, 64), (64,), (64,), (64, 256), (256,), (256, 64), (64,)),
        uniform(8, 32, 64),
        uniform(8, 32, 64),
    ),
}


def report(name, adam, newton, before):
    rows = []
    for step in (adam, newton):
        for _ in range(3):
            step()
        samples, started = [], time.perf_counter()
        while time.perf_counter() - started < LEAST_TIME:
            start = time.perf_counter()
            step()
            samples.append((time.perf_counter() - start) * 1e6)
        samples.sort()
        rows += [samples[0], samples[len(samples) // 2]]
    print("%-12s %11.0f %11.0f %13.0f %13.0f %9.0f (%.0f before)" % (name, *rows, peak(), before), flush=True)


def run_jax(name, P, x, y):
    import jax, jax.numpy as jnp
    from jax.flatten_util import ravel_pytree

    jax.config.update("jax_platforms", "cpu")

    def cross_entropy(z, y):
        return jnp.mean(jax.nn.logsumexp(z, 1) - jnp.take_along_axis(z, y[:, None], 1)[:, 0])

    def pool(x):  # as a reshape: the fastest form whose derivatives JAX has in both modes
        b, c, h, w = x.shape
        return x.reshape(b, c, h // 2, 2, w // 2, 2).max((3, 5))

    def conv(x, w, b):
        dims = ("NCHW", "OIHW", "NCHW")
        return jax.lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=dims) + b[None, :, None, None]

    def norm(x, g, b):
        m = x.mean(-1, keepdims=True)
        v = ((x - m) ** 2).mean(-1, keepdims=True)
        return (x - m) / jnp.sqrt(v + 1e-5) * g + b

    def mlp(P, x):
        return jnp.tanh(jnp.tanh(x @ P[0] + P[1]) @ P[2] + P[3]) @ P[4] + P[5]

    def cnn(P, x):
        h = pool(jax.nn.relu(conv(x, P[0], P[1])))
        h = pool(jax.nn.relu(conv(h, P[2], P[3])))
        return h.reshape(x.shape[0], -1) @ P[4] + P[5]

    def lstm(P, x):
        def step(state, x_t):
            h, c = state
            i, f, g, o = jnp.split(x_t @ P[0] + h @ P[1] + P[2], 4, 1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

        zero = jnp.zeros((x.shape[0], 64), x.dtype)
        (h, _), _ = jax.lax.scan(step, (zero, zero), jnp.swapaxes(x, 0, 1))
        return h @ P[3] + P[4]

    def transformer(P, x):
        a = norm(x, P[0], P[1])
        w = jax.nn.softmax(jnp.einsum("bid,bjd->bij", a @ P[2], a @ P[3]) / 8.0, -1)
        h = x + jnp.einsum("bij,bjd->bid", w, a @ P[4]) @ P[5]
        return h + jax.nn.gelu(norm(h, P[6], P[7]) @ P[8] + P[9], approximate=True) @ P[10] + P[11]

    net = {"mlp": mlp, "cnn": cnn, "lstm": lstm, "transformer": transformer}[name]
    head = cross_entropy if y.dtype.kind == "i" else lambda z, t: jnp.mean((z - t) ** 2)
    theta, unravel = ravel_pytree([jnp.asarray(p) for p in P])
    x, y = jnp.asarray(x), jnp.asarray(y)
    loss = lambda theta: head(net(unravel(theta), x), y)

    @jax.jit
    def adam(theta, m, v, t):
        value, g = jax.value_and_grad(loss)(theta)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        step = 1e-3 * (m / (1 - 0.9**t)) / (jnp.sqrt(v / (1 - 0.999**t)) + 1e-8)
        return theta - step, m, v, t + 1, value

    @jax.jit
    def newton(theta):
        g, hvp = jax.linearize(jax.grad(loss), theta)

        def iterate(_, state):
            d, r, p, rr = state
            q = hvp(p) + DAMPING * p
            alpha = rr / jnp.vdot(p, q)
            d, r = d + alpha * p, r - alpha * q
            new = jnp.vdot(r, r)
            return d, r, r + new / rr * p, new

        d, *_ = jax.lax.fori_loop(0, CG_ITERATIONS, iterate, (jnp.zeros_like(g), -g, -g, jnp.vdot(g, g)))
        return theta + 1e-6 * d

    state = [(theta, jnp.zeros_like(theta), jnp.zeros_like(theta), jnp.float32(1))]
    point = [theta]

    def adam_step():
        *s, value = adam(*state[0])
        state[0] = tuple(s)
        value.block_until_ready()

    def newton_step():
        point[0] = newton(point[0]).block_until_ready()

    return adam_step, newton_step


def run_torch(name, P, x, y):
    import torch, torch.nn.functional as F

    torch.set_num_threads(1)

    def mlp(P, x):
        return torch.tanh(torch.tanh(x @ P[0] + P[1]) @ P[2] + P[3]) @ P[4] + P[5]

    def cnn(P, x):
        h = F.max_pool2d(F.relu(F.conv2d(x, P[0], P[1], padding=1)), 2)
        h = F.max_pool2d(F.relu(F.conv2d(h, P[2], P[3], padding=1)), 2)
        return h.flatten(1) @ P[4] + P[5]

    def lstm(P, x):
        h = c = torch.zeros(x.shape[0], 64)
        xw = x @ P[0] + P[2]
        for t in range(x.shape[1]):
            i, f, g, o = (xw[:, t] + h @ P[1]).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
        return h @ P[3] + P[4]

    def transformer(P, x):
        a = F.layer_norm(x, (64,), P[0], P[1])
        w = torch.softmax((a @ P[2]) @ (a @ P[3]).transpose(1, 2) / 8.0, -1)
        h = x + (w @ (a @ P[4])) @ P[5]
        return h + F.gelu(F.layer_norm(h, (64,), P[6], P[7]) @ P[8] + P[9], approximate="tanh") @ P[10] + P[11]

    P = [torch.tensor(p, requires_grad=True) for p in P]
    x, y = torch.tensor(x), torch.tensor(y)
    net = {"mlp": mlp, "cnn": cnn, "lstm": lstm, "transformer": transformer}[name]
    head = F.cross_entropy if y.dtype == torch.int64 else F.mse_loss
    fused, module = None, None
    if name == "lstm":  # the library's own layer has a fused gradient, but no second derivative
        module = torch.nn.LSTM(16, 64, batch_first=True)
        fused = torch.nn.Linear(64, 1)
        trained = [*module.parameters(), *fused.parameters()]
        loss = lambda: head(fused(module(x)[0][:, -1]), y)
    else:
        trained, loss = P, lambda: head(net(P, x), y)
    optimizer = torch.optim.Adam(trained, lr=1e-3)

    def adam_step():
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()

    flat = lambda arrays: torch.cat([a.reshape(-1) for a in arrays])
    sizes, shapes = [p.numel() for p in P], [p.shape for p in P]
    unflat = lambda v: [a.reshape(s) for a, s in zip(torch.split(v, sizes), shapes)]

    def newton_step():
        g = torch.autograd.grad(head(net(P, x), y), P, create_graph=True)
        r = -flat(g).detach()
        d, p, rr = torch.zeros_like(r), r.clone(), r @ r
        for _ in range(CG_ITERATIONS):
            q = flat(torch.autograd.grad(g, P, grad_outputs=unflat(p), retain_graph=True)) + DAMPING * p
            alpha = rr / (p @ q)
            d, r = d + alpha * p, r - alpha * q
            new = r @ r
            p, rr = r + new / rr * p, new
        with torch.no_grad():
            for a, b in zip(P, unflat(d)):
                a += 1e-6 * b

    return adam_step, newton_step


print("%-12s %11s %11s %13s %13s %9s" % ("us a step", "Adam best", "median", "Newton best", "median", "peak MB"))
__import__(PEER)
for name, (P, x, y) in NETWORKS.items():
    if not ONLY or name in ONLY:
        before = peak()
        steps = {"jax": run_jax, "torch": run_torch}[PEER](name, P, x, y)
        report(name, *steps, before)
