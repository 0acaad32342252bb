//! Sparse Hessians of the chained Rosenbrock function: what each step costs as the number of inputs grows.
//!
//! `cargo bench -p dualtape-autodiff --bench sparse`; with an argument, up to that many inputs (1000000 takes minutes).

mod timing;

use std::time::Instant;

use dualtape_autodiff::{Error, Scalar, c, record, sparse};
use timing::time;

fn rosenbrock<S: Scalar>(x: &[S]) -> S {
    let mut total = S::zero();
    for i in 0..x.len() - 1 {
        total += c(100.0) * (x[i + 1] - x[i] * x[i]).powi(2) + (c(1.0) - x[i]).powi(2);
    }
    total
}

fn start(n: usize) -> Vec<f64> {
    (0..n).map(|i| if i % 2 == 0 { -1.2 } else { 1.0 }).collect()
}

/// The most memory that this process has held, in MB, where the system tells.
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes =
        line.and_then(|rest| rest.trim().strip_suffix("kB")?.trim().parse::<f64>().ok());
    kilobytes.map_or("?".into(), |kilobytes| format!("{:.0}", kilobytes / 1024.0))
}

fn once<R>(call: impl FnOnce() -> R) -> (R, f64) {
    let start = Instant::now();
    let result = call();
    (result, start.elapsed().as_secs_f64() * 1e3)
}

fn main() -> Result<(), Error> {
    let x = start(1000);
    let f = record(&x).function(|x| rosenbrock(x))?;
    let pattern = f.hessian_pattern(&x)?;
    let mut found = f.plan_sparse_hessian(&x)?;
    let mut given = f.plan_sparse_hessian_with(&x, &pattern)?;
    let rows = [
        ("evaluated, planned", time(|| found.evaluate(&x).map(|h| h.values()[0]))),
        ("the same, given pattern, checked", time(|| given.evaluate(&x).map(|h| h.values()[0]))),
        ("pattern, colouring, values", time(|| f.sparse_hessian(&x))),
        ("from the closure", time(|| sparse::hessian(|x| rosenbrock(x), &x))),
    ];
    println!("n = 1000: {:?}", found);
    for (what, t) in rows {
        println!("{what:<34}{:>12.1} µs median{:>12.1} µs best", t.median / 1e3, t.best / 1e3);
    }
    let limit = std::env::args().filter_map(|x| x.parse().ok()).next().unwrap_or(100_000);
    println!(
        "\n{:>9}{:>11}{:>13}{:>10}{:>13}{:>10}",
        "n", "record ms", "derive ms", "plan ms", "evaluate ms", "peak MB"
    );
    for n in [1_000, 10_000, 100_000, 1_000_000].into_iter().filter(|&n| n <= limit) {
        let x = start(n);
        let (f, record) = once(|| record(&x).function(|x| rosenbrock(x)));
        let f = f?;
        let (at, derive) = once(|| f.linearize(&x).map(|_| ()));
        at?;
        let (plan, planned) = once(|| f.plan_sparse_hessian(&x));
        let mut plan = plan?;
        plan.evaluate(&x)?;
        let (result, evaluate) = once(|| plan.evaluate(&x).map(|h| h.nnz()));
        assert_eq!(result?, 3 * n - 2);
        println!("{n:>9}{record:>11.1}{derive:>13.1}{planned:>10.1}{evaluate:>13.2}{:>10}", peak());
    }
    Ok(())
}
