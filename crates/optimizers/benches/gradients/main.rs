//! What the methods that use gradients alone spend on some hundred functions, against SciPy's: the defaults of these methods
//! were chosen by this table, and whoever doubts them can make it again.
//!
//! `cargo bench -p dualtape-optimizers --bench gradients` prints for each setting how many problems it solves, and the median
//! of its gradients over those of SciPy where both end in the same minimum; after `-- each`, the gradients on each problem.
//! SciPy's counts are those in `scipy.json`, which `with_scipy.py` has made of SciPy 1.17.1 (BSD licence) on the same functions:
//! data of this project, under its licence.

mod chains;
mod fits;
mod nist;
mod quadratics;
mod serve;

use dualtape_autodiff::{Function, Var, record};
use dualtape_optimizers::prelude::*;
use dualtape_optimizers::{
    Conjugacy, Error, HagerZhang, InitialMatrix, Lbfgs, LineSearch, MoreThuente, NonlinearCg,
    QuasiNewton, Report,
};
use serde_json::Value;

/// The largest component of the gradient at which both stop: SciPy's default, or where the gradient begins large, what
/// remains of it.
fn tolerance(problem: &Problem) -> Result<f64, Error> {
    let gradient = problem.function.gradient(&problem.start)?;
    Ok(gradient.iter().fold(1e-5, |tolerance: f64, g| tolerance.max(1e-9 * g.abs())))
}

/// A function with a start.
#[derive(Debug)]
pub struct Problem {
    name: String,
    start: Vec<f64>,
    function: Function<'static>,
}

impl Problem {
    fn new<F>(name: impl Into<String>, start: Vec<f64>, f: F) -> Result<Self, Error>
    where
        F: for<'t> Fn(&[Var<'t>]) -> Var<'t> + Send + Sync + 'static,
    {
        let function = record(&start).function(f)?;
        Ok(Problem { name: name.into(), start, function })
    }
}

fn problems() -> Result<Vec<Problem>, Error> {
    let all = [quadratics::all()?, chains::all()?, fits::all()?, nist::all()?];
    Ok(all.into_iter().flatten().collect())
}

/// `f` at `n` even steps from 0 to 1.
fn ramp(n: usize, f: impl Fn(f64) -> f64) -> Vec<f64> {
    (0..n).map(|i| f(i as f64 / (n - 1) as f64)).collect()
}

/// Numbers between `−size` and `size` that are the same everywhere (Steele, Lea & Flood's SplitMix).
fn uniform(seed: u64, count: usize, size: f64) -> Vec<f64> {
    let number = |i: u64| {
        let mut z = i.wrapping_add(seed << 32).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        size * (2.0 * ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64 - 1.0)
    };
    (1..=count as u64).map(number).collect()
}

type Solve = fn(&dyn Objective<f64>, &mut [f64], f64) -> Result<Report<f64>, Error>;

fn solve<'c>(
    method: impl Minimizer<'c, f64>,
    f: &dyn Objective<f64>,
    x: &mut [f64],
    tolerance: f64,
) -> Result<Report<f64>, Error> {
    let method = method.gradient_tolerance(tolerance).max_iterations(10_000).keep_history(false);
    method.second_order_check(false).minimize(f, x)
}

fn more_thuente(curvature_condition: f64) -> LineSearch<f64> {
    LineSearch::MoreThuente(MoreThuente { curvature_condition, ..MoreThuente::default() })
}

fn hager_zhang(curvature_condition: f64) -> LineSearch<f64> {
    LineSearch::HagerZhang(HagerZhang { curvature_condition, ..HagerZhang::default() })
}

fn main() -> Result<(), Error> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(at) = arguments.iter().position(|a| a == "serve") {
        return serve::serve(&arguments[at + 1..]);
    }
    let each = arguments.iter().any(|a| a == "each");
    let scipy: Value = serde_json::from_str(include_str!("scipy.json")).unwrap_or(Value::Null);
    let all = problems()?;
    println!("{} problems; ratios of gradients to SciPy's.\n", all.len());
    println!(
        "| setting | unsolved | of these solved by SciPy | median | mean (geometric) | above 2 |"
    );
    println!("|---|---|---|---|---|---|");
    for &(name, peer, method) in SETTINGS {
        let mut row = Row::default();
        for problem in &all {
            let mut x = problem.start.clone();
            let report = method(&problem.function, &mut x, tolerance(problem)?)?;
            row.take(problem, &report, &scipy["problems"][&problem.name][peer], each);
        }
        println!("| {name} | {} |", row.cells());
    }
    Ok(())
}

/// What a setting needs, against a method of SciPy.
#[derive(Default)]
struct Row {
    unsolved: usize,
    lost: usize,
    ratios: Vec<f64>,
}

impl Row {
    fn take(&mut self, problem: &Problem, report: &Report<f64>, peer: &Value, each: bool) {
        let gradients = (report.counts.gradients + report.counts.linearizations) as f64;
        let (theirs, solved) = (peer["gradients"].as_f64(), peer["converged"] == true);
        if each {
            let verdict = if report.converged() { String::new() } else { report.stop.to_string() };
            println!("    {}: {gradients} gradients, SciPy {theirs:?} {verdict}", problem.name);
        }
        if !report.converged() {
            self.unsolved += 1;
            self.lost += usize::from(solved);
        } else if let (Some(theirs), Some(value)) = (theirs, peer["value"].as_f64())
            && solved
            && (report.value - value).abs() <= 1e-4 * value.abs().max(1.0)
        {
            self.ratios.push(gradients / theirs);
        }
    }

    fn cells(&mut self) -> String {
        self.ratios.sort_by(f64::total_cmp);
        let count = self.ratios.len();
        let (low, high) = (self.ratios[(count - 1) / 2], self.ratios[count / 2]);
        let mean = (self.ratios.iter().map(|r| r.ln()).sum::<f64>() / count as f64).exp();
        let slow = self.ratios.iter().filter(|&&r| r > 2.0).count();
        let median = 0.5 * (low + high);
        format!("{} | {} | {median:.2} | {mean:.2} | {slow}", self.unsolved, self.lost)
    }
}

/// A name, the method of SciPy that it is held against, and the setting.
const SETTINGS: &[(&str, &str, Solve)] = &[
    ("BFGS", "BFGS", |f, x, t| solve(QuasiNewton::bfgs(), f, x, t)),
    ("BFGS, scale of the first pair", "BFGS", |f, x, t| {
        solve(QuasiNewton::bfgs().initial_matrix(InitialMatrix::FirstPair), f, x, t)
    }),
    ("DFP", "BFGS", |f, x, t| solve(QuasiNewton::dfp(), f, x, t)),
    ("L-BFGS", "L-BFGS-B", |f, x, t| solve(Lbfgs::default(), f, x, t)),
    ("nonlinear CG", "CG", |f, x, t| solve(NonlinearCg::default(), f, x, t)),
    ("CG_DESCENT, Hager–Zhang 0.1, every 10n", "CG", |f, x, t| {
        conjugate(Conjugacy::HagerZhang, hager_zhang(0.1), 10 * x.len(), f, x, t)
    }),
    ("CG_DESCENT, Moré–Thuente 0.4, every 10n", "CG", |f, x, t| {
        conjugate(Conjugacy::HagerZhang, more_thuente(0.4), 10 * x.len(), f, x, t)
    }),
    ("PR+, Moré–Thuente 0.1, every 10n", "CG", |f, x, t| {
        conjugate(Conjugacy::PolakRibierePlus, more_thuente(0.1), 10 * x.len(), f, x, t)
    }),
    ("PR+, Moré–Thuente 0.4, every n", "CG", |f, x, t| {
        conjugate(Conjugacy::PolakRibierePlus, more_thuente(0.4), x.len(), f, x, t)
    }),
    ("PR+, Moré–Thuente 0.4, every 10n", "CG", |f, x, t| {
        conjugate(Conjugacy::PolakRibierePlus, more_thuente(0.4), 10 * x.len(), f, x, t)
    }),
    ("HS, Moré–Thuente 0.4, every 10n", "CG", |f, x, t| {
        conjugate(Conjugacy::HestenesStiefel, more_thuente(0.4), 10 * x.len(), f, x, t)
    }),
];

fn conjugate(
    conjugacy: Conjugacy,
    line_search: LineSearch<f64>,
    restart_every: usize,
    f: &dyn Objective<f64>,
    x: &mut [f64],
    tolerance: f64,
) -> Result<Report<f64>, Error> {
    let method = NonlinearCg::default().conjugacy(conjugacy).line_search(line_search);
    solve(method.restart_every(restart_every), f, x, tolerance)
}
