//! Every deterministic method on the published test problems, as a Markdown table of what each spent.
//!
//! `cargo bench -p dualtape-optimizers --bench mgh`

#[path = "../tests/suite/published.rs"]
mod published;

use std::ops::Range;

use dualtape_autodiff::{Var, record};
use dualtape_optimizers::prelude::*;
use dualtape_optimizers::{
    Conjugacy, CubicRegularization, CurvatureMatrix, Error, GaussNewton, GradientDescent,
    HessianFree, Hso, Lbfgs, Lbfgsb, LevenbergMarquardt, LineSearchFailure, Lsr1, NaturalGradient,
    Newton, NewtonCg, NonlinearCg, QuasiNewton, Report, Residuals, SaddleFreeNewton, Shift, Sr1,
    StopReason, Structure, StructuredNewton, Subproblem, TrustRegion,
};
use published::{
    GRADIENT_TOLERANCE, Problem, RELATIVE_GRADIENT_TOLERANCE, floats, is_known_minimum,
};

/// As close to a minimum as a method must come whose convergence may be linear.
const ACCURACY: f64 = 1e-4;

/// What a method sees of a sum of squares.
#[derive(Clone, Copy)]
enum Form {
    Whole,
    /// As a loss of outputs, which has a Gauss–Newton matrix.
    TwoParts,
    Residuals,
}
use Form::{Residuals as InResiduals, TwoParts, Whole};

type Solve = fn(&dyn Objective<f64>, &mut [f64]) -> Result<Report<f64>, Error>;

fn solve<'c>(
    method: impl Minimizer<'c, f64>,
    f: &dyn Objective<f64>,
    x: &mut [f64],
) -> Result<Report<f64>, Error> {
    method
        .gradient_tolerance(GRADIENT_TOLERANCE)
        .relative_gradient_tolerance(RELATIVE_GRADIENT_TOLERANCE)
        .second_order_check(false)
        .minimize(f, x)
}

fn structured(
    matrix: CurvatureMatrix,
    structure: Structure,
    f: &dyn Objective<f64>,
    x: &mut [f64],
) -> Result<Report<f64>, Error> {
    solve(StructuredNewton::new(matrix, structure), f, x)
}

fn pairs(n: usize) -> Vec<Range<usize>> {
    (0..n).step_by(2).map(|start| start..(start + 2).min(n)).collect()
}

const METHODS: &[(&str, Form, Solve)] = &[
    ("Newton", Whole, |f, x| solve(Newton::default(), f, x)),
    ("Newton-CG", Whole, |f, x| solve(NewtonCg::default(), f, x)),
    ("trust region, dogleg", Whole, |f, x| solve(TrustRegion::new(Subproblem::Dogleg), f, x)),
    ("trust region, exact", Whole, |f, x| solve(TrustRegion::new(Subproblem::Exact), f, x)),
    ("trust region, CG", Whole, |f, x| {
        solve(TrustRegion::new(Subproblem::ConjugateGradients), f, x)
    }),
    ("trust region, Krylov", Whole, |f, x| solve(TrustRegion::new(Subproblem::Krylov), f, x)),
    ("cubic regularisation", Whole, |f, x| solve(CubicRegularization::default(), f, x)),
    ("saddle-free Newton", Whole, |f, x| solve(SaddleFreeNewton::default(), f, x)),
    ("Hessian-free, Gauss–Newton", TwoParts, |f, x| solve(HessianFree::default(), f, x)),
    ("Hessian-free, Hessian", Whole, |f, x| {
        solve(HessianFree::default().curvature(CurvatureMatrix::Hessian), f, x)
    }),
    ("outer product for the Hessian", TwoParts, |f, x| {
        structured(CurvatureMatrix::GaussNewton, Structure::Full, f, x)
    }),
    ("blocks of the Hessian, 2 × 2", Whole, |f, x| {
        structured(CurvatureMatrix::Hessian, Structure::Blocks(pairs(x.len())), f, x)
    }),
    ("diagonal of the Hessian", Whole, |f, x| {
        structured(CurvatureMatrix::Hessian, Structure::Diagonal, f, x)
    }),
    ("low rank, Lanczos, n/2", Whole, |f, x| {
        let rank = x.len().div_ceil(2);
        structured(CurvatureMatrix::Hessian, Structure::Lanczos { rank }, f, x)
    }),
    // Of squared errors, Gauss–Newton is the Fisher matrix.
    ("natural gradient", TwoParts, |f, x| solve(NaturalGradient::gauss_newton(), f, x)),
    ("BFGS", Whole, |f, x| solve(QuasiNewton::bfgs(), f, x)),
    ("DFP", Whole, |f, x| solve(QuasiNewton::dfp(), f, x)),
    ("Broyden, φ = ½", Whole, |f, x| solve(QuasiNewton::broyden(0.5), f, x)),
    ("L-BFGS", Whole, |f, x| solve(Lbfgs::default(), f, x)),
    ("L-BFGS-B, no bounds", Whole, |f, x| {
        let bound = |side: f64| vec![side * f64::INFINITY; x.len()];
        solve(Lbfgsb::new(bound(-1.0), bound(1.0)), f, x)
    }),
    ("SR1", Whole, |f, x| solve(Sr1::default(), f, x)),
    ("L-SR1", Whole, |f, x| solve(Lsr1::default(), f, x)),
    ("HSO, Newton, ε = 10⁻⁹", Whole, |f, x| solve(Hso::newton(Shift::Fixed(1e-9)), f, x)),
    ("HSO, Newton, adaptive ε", Whole, |f, x| solve(Hso::newton(Shift::Adaptive(1e-6)), f, x)),
    ("HSO, BFGS, adaptive ε", Whole, |f, x| solve(Hso::bfgs(Shift::Adaptive(1e-6)), f, x)),
    ("Fletcher–Reeves", Whole, |f, x| conjugate(Conjugacy::FletcherReeves, f, x)),
    ("Polak–Ribière+", Whole, |f, x| conjugate(Conjugacy::PolakRibierePlus, f, x)),
    ("Hestenes–Stiefel", Whole, |f, x| conjugate(Conjugacy::HestenesStiefel, f, x)),
    ("Hager–Zhang (CG_DESCENT)", Whole, |f, x| conjugate(Conjugacy::HagerZhang, f, x)),
    ("gradient descent", Whole, |f, x| solve(GradientDescent::default(), f, x)),
    ("Gauss–Newton", InResiduals, |f, x| {
        solve(GaussNewton::default().orthogonality_tolerance(0.0), f, x)
    }),
    ("Levenberg–Marquardt", InResiduals, |f, x| {
        solve(LevenbergMarquardt::default().orthogonality_tolerance(0.0), f, x)
    }),
];

fn conjugate(
    conjugacy: Conjugacy,
    f: &dyn Objective<f64>,
    x: &mut [f64],
) -> Result<Report<f64>, Error> {
    solve(NonlinearCg::default().conjugacy(conjugacy), f, x)
}

fn recorded(problem: Problem, form: Form, x: &[f64]) -> Result<Box<dyn Objective<f64>>, Error> {
    Ok(match form {
        Whole => Box::new(record(x).function(move |x| problem.value(x))?),
        TwoParts => Box::new(record(x).composite(
            move |x| problem.residuals(x),
            |z| z.iter().map(|&z| z * z).sum::<Var<'_>>(),
        )?),
        InResiduals => Box::new(Residuals::record(x, move |x| problem.residuals(x))?),
    })
}

/// Iterations, values and gradients, products; or why the run ended elsewhere than in a minimum.
fn cell(problem: Problem, form: Form, method: Solve) -> Result<String, Error> {
    let reference = problem.reference();
    let mut x = floats(&reference["x0"]);
    let objective = recorded(problem, form, &x)?;
    let report = method(&*objective, &mut x)?;
    let counts = report.counts;
    if report.converged() && is_known_minimum(&reference, report.value, &x, ACCURACY) {
        let dense = (counts.hessians + counts.jacobians) * x.len();
        let products = counts.hvps + counts.curvature_products + dense;
        let gradients = counts.gradients + counts.linearizations;
        return Ok(format!("{}/{gradients}/{products}", report.iterations));
    }
    Ok(match report.stop {
        StopReason::MaxIterations => format!("{} iterations", report.iterations),
        StopReason::LineSearch(LineSearchFailure::Rounding) => "rounding".to_owned(),
        stop if stop.is_stationary() => "another point".to_owned(),
        stop => stop.to_string(),
    })
}

fn main() -> Result<(), Error> {
    println!("Iterations/gradients/products with the Hessian or the matrix in its place.\n");
    let names = Problem::ALL.map(|problem| format!("{problem:?}"));
    println!("| method | {} |", names.join(" | "));
    println!("|---|{}", "---|".repeat(names.len()));
    for &(name, form, method) in METHODS {
        let cells: Result<Vec<String>, Error> =
            Problem::ALL.into_iter().map(|problem| cell(problem, form, method)).collect();
        println!("| {name} | {} |", cells?.join(" | "));
    }
    Ok(())
}
