//! Every deterministic method with its defaults, for what all of them promise.

use std::ops::Range;

use dualtape_optimizers::prelude::*;
use dualtape_optimizers::{
    Conjugacy, CubicRegularization, CurvatureMatrix, Error, GaussNewton, GradientDescent,
    HessianFree, Hso, Lbfgs, Lbfgsb, LevenbergMarquardt, Lsr1, NaturalGradient, Newton, NewtonCg,
    NonlinearCg, QuasiNewton, Real, Report, SaddleFreeNewton, Shift, Sr1, Structure,
    StructuredNewton, Subproblem, TrustRegion,
};

/// A method as a function.
pub type Solve<S = f64> = fn(&dyn Objective<S>, &mut [S]) -> Result<Report<S>, Error>;

/// Methods that take any objective.
pub const ANY: &[(&str, Solve)] = &any();

/// The same in either precision.
pub const fn any<S: Real>() -> [(&'static str, Solve<S>); 24] {
    [
        ("Newton", |f, x| Newton::default().minimize(f, x)),
        ("Newton-CG", |f, x| NewtonCg::default().minimize(f, x)),
        ("trust region, dogleg", |f, x| TrustRegion::new(Subproblem::Dogleg).minimize(f, x)),
        ("trust region, exact", |f, x| TrustRegion::new(Subproblem::Exact).minimize(f, x)),
        ("trust region, CG", |f, x| {
            TrustRegion::new(Subproblem::ConjugateGradients).minimize(f, x)
        }),
        ("trust region, Krylov", |f, x| TrustRegion::default().minimize(f, x)),
        ("cubic regularisation", |f, x| CubicRegularization::default().minimize(f, x)),
        ("saddle-free Newton", |f, x| SaddleFreeNewton::default().minimize(f, x)),
        ("Hessian-free", |f, x| {
            HessianFree::default().curvature(CurvatureMatrix::Hessian).minimize(f, x)
        }),
        ("blocks of the Hessian", |f, x| {
            let blocks = Structure::Blocks(pairs(x.len()));
            StructuredNewton::new(CurvatureMatrix::Hessian, blocks).minimize(f, x)
        }),
        ("low rank", |f, x| {
            let rank = x.len().div_ceil(2);
            StructuredNewton::new(CurvatureMatrix::Hessian, Structure::Lanczos { rank })
                .minimize(f, x)
        }),
        ("BFGS", |f, x| QuasiNewton::bfgs().minimize(f, x)),
        ("DFP", |f, x| QuasiNewton::dfp().minimize(f, x)),
        ("Broyden", |f, x| QuasiNewton::broyden(S::constant(0.5)).minimize(f, x)),
        ("L-BFGS", |f, x| Lbfgs::default().minimize(f, x)),
        ("L-BFGS-B", |f, x| {
            let bound = |side: S| vec![side * S::infinity(); x.len()];
            Lbfgsb::new(bound(-S::one()), bound(S::one())).minimize(f, x)
        }),
        ("SR1", |f, x| Sr1::default().minimize(f, x)),
        ("L-SR1", |f, x| Lsr1::default().minimize(f, x)),
        ("HSO", |f, x| Hso::newton(Shift::Relative(S::constant(1e-2))).minimize(f, x)),
        ("Fletcher–Reeves", |f, x| conjugate(Conjugacy::FletcherReeves, f, x)),
        ("Polak–Ribière+", |f, x| conjugate(Conjugacy::PolakRibierePlus, f, x)),
        ("Hestenes–Stiefel", |f, x| conjugate(Conjugacy::HestenesStiefel, f, x)),
        ("Hager–Zhang", |f, x| conjugate(Conjugacy::HagerZhang, f, x)),
        ("gradient descent", |f, x| GradientDescent::default().minimize(f, x)),
    ]
}

/// Methods for sums of squares.
pub const SQUARES: &[(&str, Solve)] = &[
    ("Gauss–Newton", |f, x| GaussNewton::default().minimize(f, x)),
    ("Levenberg–Marquardt", |f, x| LevenbergMarquardt::default().minimize(f, x)),
    ("outer product", |f, x| {
        StructuredNewton::new(CurvatureMatrix::GaussNewton, Structure::Full).minimize(f, x)
    }),
    ("natural gradient", |f, x| NaturalGradient::gauss_newton().minimize(f, x)),
    ("Hessian-free, Gauss–Newton", |f, x| HessianFree::default().minimize(f, x)),
];

fn pairs(n: usize) -> Vec<Range<usize>> {
    (0..n).step_by(2).map(|start| start..(start + 2).min(n)).collect()
}

fn conjugate<S: Real>(
    conjugacy: Conjugacy,
    f: &dyn Objective<S>,
    x: &mut [S],
) -> Result<Report<S>, Error> {
    NonlinearCg::default().conjugacy(conjugacy).minimize(f, x)
}
