//! What is computed: functions, points, directions, and the operations asked for.

mod inputs;
pub mod network;
pub mod reference;
pub mod scalar;

use std::fmt;

use network::Network;
use scalar::Problem;

/// A function to be differentiated.
#[derive(Debug)]
pub enum Workload {
    /// Of scalars, in double precision.
    Scalar(Problem),
    /// Of arrays, in both precisions.
    Network(Network),
}

type Definition = fn() -> Workload;

/// Name and definition of every workload.
const ALL: [(&str, Definition); 17] = [
    ("rosen10", || Workload::Scalar(Problem::rosenbrock(10))),
    ("rosen100", || Workload::Scalar(Problem::rosenbrock(100))),
    ("rosen1000", || Workload::Scalar(Problem::rosenbrock(1000))),
    ("rosen1000000", || Workload::Scalar(Problem::rosenbrock(1_000_000))),
    ("helm10", || Workload::Scalar(Problem::helmholtz(10))),
    ("helm50", || Workload::Scalar(Problem::helmholtz(50))),
    ("helm100", || Workload::Scalar(Problem::helmholtz(100))),
    ("gmm_d10k5", || Workload::Scalar(Problem::gaussians(10, 5))),
    ("gmm_d20k25", || Workload::Scalar(Problem::gaussians(20, 25))),
    ("lv1000", || Workload::Scalar(Problem::lotka_volterra())),
    ("mlp_b1", || Workload::Network(Network::mlp(1))),
    ("mlp_b32", || Workload::Network(Network::mlp(32))),
    ("mlp_b256", || Workload::Network(Network::mlp(256))),
    ("iris_b150", || Workload::Network(Network::iris())),
    ("cnn_b32", || Workload::Network(Network::cnn())),
    ("lstm_b16", || Workload::Network(Network::lstm())),
    ("xfmr_b8", || Workload::Network(Network::transformer())),
];

/// Workloads that are not run unless asked for by name: they take long.
const ON_REQUEST: [&str; 2] = ["rosen1000000", "gmm_d20k25"];

/// The names of all workloads.
pub fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|(name, _)| *name)
}

/// The workloads asked for; without names, those that are run by default.
pub fn selected(names: &[String]) -> impl Iterator<Item = Workload> + '_ {
    ALL.iter()
        .filter(|(name, _)| match names {
            [] => !ON_REQUEST.contains(name),
            _ => names.iter().any(|asked| asked == name),
        })
        .map(|(_, define)| define())
}

impl Workload {
    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Self::Scalar(problem) => &problem.name,
            Self::Network(network) => &network.name,
        }
    }

    /// The direction of a single Hessian-vector product.
    pub fn direction(&self) -> &[f64] {
        match self {
            Self::Scalar(problem) => &problem.direction,
            Self::Network(network) => &network.directions[0],
        }
    }

    /// The precisions in which it is defined.
    pub fn precisions(&self) -> &'static [Precision] {
        match self {
            Self::Scalar(_) => &[Precision::Double],
            Self::Network(_) => &[Precision::Single, Precision::Double],
        }
    }
}

/// The floating-point format of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// `f32`
    Single,
    /// `f64`
    Double,
}

impl Precision {
    /// The largest relative difference at which results agree.
    pub fn tolerance(self) -> f64 {
        match self {
            Self::Single => 1e-4,
            Self::Double => 1e-10,
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Single => "f32",
            Self::Double => "f64",
        })
    }
}

/// What is asked of a contender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// The value.
    Value,
    /// The gradient of a closure, recorded at each call.
    OneShotGradient,
    /// The gradient at a new point; a library that records or compiles has done so before.
    Gradient,
    /// The gradient by forward mode, without a tape.
    ForwardGradient,
    /// A Hessian-vector product of a closure, recorded at each call.
    OneShotHvp,
    /// A Hessian-vector product at a new point; recorded or compiled before.
    Hvp,
    /// One more Hessian-vector product at a point where there have been some.
    NextHvp,
    /// Sixteen products at one new point; the time is that of one of them.
    SixteenHvps,
    /// The dense Hessian.
    Hessian,
    /// The dense Hessian by forward mode, without a tape.
    ForwardHessian,
    /// The sparse Hessian, with the pattern found before.
    SparseHessian,
    /// From the closure to its first Hessian-vector product, recording and compiling included.
    FirstHvp,
}

impl Operation {
    /// All, in the order of the table.
    pub const ALL: [Self; 12] = [
        Self::Value,
        Self::OneShotGradient,
        Self::Gradient,
        Self::ForwardGradient,
        Self::OneShotHvp,
        Self::Hvp,
        Self::NextHvp,
        Self::SixteenHvps,
        Self::Hessian,
        Self::ForwardHessian,
        Self::SparseHessian,
        Self::FirstHvp,
    ];

    /// How many results one call computes; times are divided by it.
    pub fn results_in_a_call(self) -> f64 {
        if self == Self::SixteenHvps { 16.0 } else { 1.0 }
    }

    /// The number by which results of contenders that share no vectors are compared: the value, the norm of a gradient or
    /// Hessian, and `vᵀHv` of a product with `v`.
    pub fn check_value(self, answer: &[f64], direction: &[f64]) -> f64 {
        match self {
            Self::Value => answer[0],
            Self::OneShotHvp | Self::Hvp | Self::NextHvp | Self::FirstHvp => {
                answer.iter().zip(direction).map(|(x, v)| x * v).sum()
            }
            _ => answer.iter().map(|x| x * x).sum::<f64>().sqrt(),
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Value => "value",
            Self::OneShotGradient => "gradient, one-shot",
            Self::Gradient => "gradient",
            Self::ForwardGradient => "gradient, forward",
            Self::OneShotHvp => "HVP, one-shot",
            Self::Hvp => "HVP",
            Self::NextHvp => "HVP, next",
            Self::SixteenHvps => "HVP, of sixteen",
            Self::Hessian => "Hessian",
            Self::ForwardHessian => "Hessian, forward",
            Self::SparseHessian => "Hessian, sparse",
            Self::FirstHvp => "HVP, first",
        })
    }
}
