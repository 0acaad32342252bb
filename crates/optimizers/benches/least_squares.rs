//! Fits by Levenberg–Marquardt, timed: data sets of NIST, and ten thousand points with eight parameters. The same as
//! `crates/comparison/python/least_squares.py` does with SciPy.
//!
//! `cargo bench -p dualtape-optimizers --bench least_squares`

use std::hint::black_box;
use std::time::{Duration, Instant};

use dualtape_autodiff::{Array, Tensor, Var};
use dualtape_optimizers::prelude::*;
use dualtape_optimizers::{Error, LevenbergMarquardt, Residuals};
use serde_json::Value;

const LEAST_TIME: Duration = Duration::from_millis(500);
const POINTS: usize = 10_000;

struct Workload {
    name: String,
    residuals: Residuals<'static>,
    start: Vec<f64>,
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().into_iter().flatten().filter_map(Value::as_f64).collect()
}

fn misra1a<'t>(b: &[Var<'t>], t: f64) -> Var<'t> {
    b[0] * (1.0 - (-b[1] * t).exp())
}

fn mgh09<'t>(b: &[Var<'t>], t: f64) -> Var<'t> {
    b[0] * (t * t + t * b[1]) / (t * t + t * b[2] + b[3])
}

fn gauss1<'t>(b: &[Var<'t>], t: f64) -> Var<'t> {
    let peak = |i: usize| b[i] * (-((t - b[i + 1]) / b[i + 2]).powi(2)).exp();
    b[0] * (-b[1] * t).exp() + peak(2) + peak(5)
}

/// The same on arrays.
fn peaks<'t>(b: Tensor<'t>, t: Tensor<'t>) -> Tensor<'t> {
    let peak = |i: usize| b.get(i) * (-((t - b.get(i + 1)) / b.get(i + 2)).powi(2)).exp();
    b.get(0) * (-b.get(1) * t).exp() + peak(2) + peak(5)
}

fn nist(
    data: &Value,
    name: &str,
    model: impl for<'t> Fn(&[Var<'t>], f64) -> Var<'t> + Copy + Send + Sync + 'static,
) -> Result<Vec<Workload>, Error> {
    let sets = data["datasets"].as_array().into_iter().flatten();
    let set = sets.into_iter().find(|set| set["name"] == name).unwrap_or(&Value::Null);
    let fit = |start: &str| -> Result<Workload, Error> {
        let (x, y) = (numbers(&set["x"]), numbers(&set["y"]));
        let start_at = numbers(&set[start]);
        let residuals = Residuals::record(&start_at, move |b| {
            x.iter().zip(&y).map(|(&x, &y)| model(b, x) - y).collect()
        })?;
        Ok(Workload { name: format!("{name} {start}"), residuals, start: start_at })
    };
    Ok(vec![fit("start1")?, fit("start2")?])
}

/// The data set Gauss1 by array operations.
fn gauss1_arrays(data: &Value, start: &str) -> Result<Workload, Error> {
    let sets = data["datasets"].as_array().into_iter().flatten();
    let set = sets.into_iter().find(|set| set["name"] == "Gauss1").unwrap_or(&Value::Null);
    let data = ["x", "y"].map(|key| Array::vector(numbers(&set[key])));
    let start_at = numbers(&set[start]);
    let residuals = Residuals::record_tensor(&start_at, &[&data[0], &data[1]], |b, data| {
        peaks(b, data[0]) - data[1]
    })?;
    Ok(Workload { name: format!("… {start}, arrays"), residuals, start: start_at })
}

/// Two peaks on a decaying background, with errors by formula.
fn ten_thousand() -> Result<Workload, Error> {
    let truth = [99.0, 0.011, 101.0, 67.0, 23.0, 72.0, 179.0, 18.0];
    let t: Vec<f64> = (0..POINTS).map(|i| 250.0 * (i as f64 + 0.5) / POINTS as f64).collect();
    let value = |t: f64| {
        let peak = |i: usize| truth[i] * (-((t - truth[i + 1]) / truth[i + 2]).powi(2)).exp();
        truth[0] * (-truth[1] * t).exp() + peak(2) + peak(5)
    };
    let error = |i: usize| 2.5 * ((i * i) as f64).sin();
    let y = t.iter().enumerate().map(|(i, &t)| value(t) + error(i)).collect();
    let start = vec![94.0, 0.0105, 99.0, 63.0, 25.0, 71.0, 180.0, 20.0];
    let data = [Array::vector(t), Array::vector(y)];
    let residuals = Residuals::record_tensor(&start, &[&data[0], &data[1]], |b, data| {
        peaks(b, data[0]) - data[1]
    })?;
    Ok(Workload { name: "peaks 10000".to_owned(), residuals, start })
}

fn main() -> Result<(), Error> {
    let data: Value =
        serde_json::from_str(include_str!("../tests/data/nist_strd.json")).unwrap_or(Value::Null);
    let mut workloads = nist(&data, "Misra1a", misra1a)?;
    workloads.extend(nist(&data, "MGH09", mgh09)?);
    workloads.extend(nist(&data, "Gauss1", gauss1)?);
    workloads.push(gauss1_arrays(&data, "start1")?);
    workloads.push(gauss1_arrays(&data, "start2")?);
    workloads.push(ten_thousand()?);
    println!(
        "{:18} {:>10} {:>12} {:>6} {:>20}",
        "fit", "best", "certified", "steps", "sum of squares"
    );
    for Workload { name, residuals, start } in workloads {
        let solve = |certify: bool| {
            let mut x = start.clone();
            let method = LevenbergMarquardt::default().second_order_check(certify);
            method.keep_history(false).minimize(black_box(&residuals), &mut x)
        };
        let report = solve(true)?;
        let (plain, certified) = (best(|| solve(false))?, best(|| solve(true))?);
        println!(
            "{name:18} {:>10.2?} {:>12.2?} {:>6} {:>20.13e}",
            plain, certified, report.iterations, report.value
        );
    }
    Ok(())
}

/// The least time of many.
fn best<T>(mut run: impl FnMut() -> Result<T, Error>) -> Result<Duration, Error> {
    let started = Instant::now();
    let mut best = Duration::MAX;
    while started.elapsed() < LEAST_TIME {
        let start = Instant::now();
        black_box(run()?);
        best = best.min(start.elapsed());
    }
    Ok(best)
}
