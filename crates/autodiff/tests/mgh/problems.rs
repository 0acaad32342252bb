//! Test problems of Moré, Garbow and Hillstrom, *Testing Unconstrained Optimization Software*, ACM Transactions on
//! Mathematical Software 7(1), 1981: sums of squares f(x) = Σᵢ fᵢ(x)², numbered and written as in the paper.

use dualtape_autodiff::{Scalar, c};
use serde_json::Value;

/// The problems for which there are reference values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Problem {
    Rosenbrock,
    FreudensteinRoth,
    Beale,
    HelicalValley,
    Bard,
    PowellSingular,
    Wood,
    BrownDennis,
    ExtendedRosenbrock,
    ExtendedPowellSingular,
    VariablyDimensioned,
    DiscreteBoundaryValue,
    BroydenTridiagonal,
    LinearFullRank,
}

use Problem::*;

impl Problem {
    pub const ALL: [Self; 14] = [
        Rosenbrock,
        FreudensteinRoth,
        Beale,
        HelicalValley,
        Bard,
        PowellSingular,
        Wood,
        BrownDennis,
        ExtendedRosenbrock,
        ExtendedPowellSingular,
        VariablyDimensioned,
        DiscreteBoundaryValue,
        BroydenTridiagonal,
        LinearFullRank,
    ];

    fn name(self) -> &'static str {
        match self {
            Rosenbrock => "rosenbrock",
            FreudensteinRoth => "freudenstein_roth",
            Beale => "beale",
            HelicalValley => "helical_valley",
            Bard => "bard",
            PowellSingular => "powell_singular",
            Wood => "wood",
            BrownDennis => "brown_dennis",
            ExtendedRosenbrock => "extended_rosenbrock_10",
            ExtendedPowellSingular => "extended_powell_singular_12",
            VariablyDimensioned => "variably_dimensioned_10",
            DiscreteBoundaryValue => "discrete_boundary_value_10",
            BroydenTridiagonal => "broyden_tridiagonal_10",
            LinearFullRank => "linear_full_rank_5_10",
        }
    }

    /// Start, derivatives there, and known minima, computed with 50 digits and rounded once.
    pub fn reference(self) -> Value {
        let file: Value = serde_json::from_str(include_str!("../data/mgh.json")).expect("mgh.json");
        let mut problems = file["problems"].as_array().expect("a list of problems").iter();
        problems
            .find(|problem| problem["name"] == self.name())
            .expect("every problem is in the file")
            .clone()
    }

    /// fᵢ(x).
    pub fn residuals<S: Scalar>(self, x: &[S]) -> Vec<S> {
        match self {
            Rosenbrock | ExtendedRosenbrock => x.chunks_exact(2).flat_map(rosenbrock).collect(),
            FreudensteinRoth => freudenstein_roth(x),
            Beale => beale(x),
            HelicalValley => helical_valley(x),
            Bard => bard(x),
            PowellSingular | ExtendedPowellSingular => {
                x.chunks_exact(4).flat_map(powell_singular).collect()
            }
            Wood => wood(x),
            BrownDennis => brown_dennis(x),
            VariablyDimensioned => variably_dimensioned(x),
            DiscreteBoundaryValue => discrete_boundary_value(x),
            BroydenTridiagonal => broyden_tridiagonal(x),
            LinearFullRank => linear_full_rank(x),
        }
    }

    /// f(x) = Σᵢ fᵢ(x)².
    pub fn value<S: Scalar>(self, x: &[S]) -> S {
        self.residuals(x).into_iter().map(|r| r * r).sum()
    }
}

fn rosenbrock<S: Scalar>(x: &[S]) -> [S; 2] {
    [c(10.0) * (x[1] - x[0] * x[0]), c(1.0) - x[0]]
}

fn freudenstein_roth<S: Scalar>(x: &[S]) -> Vec<S> {
    vec![
        c(-13.0) + x[0] + ((c(5.0) - x[1]) * x[1] - c(2.0)) * x[1],
        c(-29.0) + x[0] + ((x[1] + c(1.0)) * x[1] - c(14.0)) * x[1],
    ]
}

fn beale<S: Scalar>(x: &[S]) -> Vec<S> {
    let power = |(i, y): (i32, f64)| c(y) - x[0] * (c(1.0) - x[1].powi(i));
    [(1, 1.5), (2, 2.25), (3, 2.625)].into_iter().map(power).collect()
}

fn helical_valley<S: Scalar>(x: &[S]) -> Vec<S> {
    let turns = (x[1] / x[0]).atan() / c(std::f64::consts::TAU);
    let theta = if x[0] > S::constant(0.0) { turns } else { turns + c(0.5) };
    let radius = (x[0] * x[0] + x[1] * x[1]).sqrt();
    vec![c(10.0) * (x[2] - c(10.0) * theta), c(10.0) * (radius - c(1.0)), x[2]]
}

fn bard<S: Scalar>(x: &[S]) -> Vec<S> {
    let y =
        [0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.10, 4.39];
    let residual = |(u, y): (u32, f64)| {
        let v = 16 - u;
        let denominator = c(v.into()) * x[1] + c(u.min(v).into()) * x[2];
        c(y) - (x[0] + c(u.into()) / denominator)
    };
    (1..).zip(y).map(residual).collect()
}

fn powell_singular<S: Scalar>(x: &[S]) -> [S; 4] {
    [
        x[0] + c(10.0) * x[1],
        c(5.0_f64.sqrt()) * (x[2] - x[3]),
        (x[1] - c(2.0) * x[2]).powi(2),
        c(10.0_f64.sqrt()) * (x[0] - x[3]).powi(2),
    ]
}

fn wood<S: Scalar>(x: &[S]) -> Vec<S> {
    vec![
        c(10.0) * (x[1] - x[0].powi(2)),
        c(1.0) - x[0],
        c(90.0_f64.sqrt()) * (x[3] - x[2].powi(2)),
        c(1.0) - x[2],
        c(10.0_f64.sqrt()) * (x[1] + x[3] - c(2.0)),
        (x[1] - x[3]) / c(10.0_f64.sqrt()),
    ]
}

fn brown_dennis<S: Scalar>(x: &[S]) -> Vec<S> {
    let residual = |i: i32| {
        let t = f64::from(i) / 5.0;
        let line = x[0] + c(t) * x[1] - c(t.exp());
        let wave = x[2] + c(t.sin()) * x[3] - c(t.cos());
        line.powi(2) + wave.powi(2)
    };
    (1..=20).map(residual).collect()
}

fn variably_dimensioned<S: Scalar>(x: &[S]) -> Vec<S> {
    let mut residuals: Vec<S> = x.iter().map(|&x| x - c(1.0)).collect();
    let weighted: S = (1..).zip(&residuals).map(|(j, &r)| c(f64::from(j)) * r).sum();
    residuals.extend([weighted, weighted * weighted]);
    residuals
}

/// xᵢ, and 0 beyond either end.
fn inside<S: Scalar>(x: &[S], i: Option<usize>) -> S {
    i.and_then(|i| x.get(i)).copied().unwrap_or(S::constant(0.0))
}

fn discrete_boundary_value<S: Scalar>(x: &[S]) -> Vec<S> {
    let h = 1.0 / (x.len() + 1) as f64;
    let residual = |i: usize| {
        let t = (i + 1) as f64 * h;
        let neighbours = inside(x, i.checked_sub(1)) + inside(x, Some(i + 1));
        c(2.0) * x[i] - neighbours + c(h * h / 2.0) * (x[i] + c(t + 1.0)).powi(3)
    };
    (0..x.len()).map(residual).collect()
}

fn broyden_tridiagonal<S: Scalar>(x: &[S]) -> Vec<S> {
    let residual = |i: usize| {
        let neighbours = inside(x, i.checked_sub(1)) + c(2.0) * inside(x, Some(i + 1));
        (c(3.0) - c(2.0) * x[i]) * x[i] - neighbours + c(1.0)
    };
    (0..x.len()).map(residual).collect()
}

fn linear_full_rank<S: Scalar>(x: &[S]) -> Vec<S> {
    let m = 10;
    let mean = c(2.0 / f64::from(m)) * x.iter().sum::<S>();
    (0..m as usize).map(|i| inside(x, Some(i)) - mean - c(1.0)).collect()
}
