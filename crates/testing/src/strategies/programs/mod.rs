//! Random programs over scalars and arrays.

mod arrays;

use dualtape_autodiff::{
    Elementary, Scalar, Var, c,
    numbers::{Binary, Unary},
    record_f32,
};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::subject::{Answer, Record, Recorded, Subject};

/// Programs of up to `steps` instructions of every kind that a tape has: elementwise functions, powers, sums and products of
/// many scalars, and operations on arrays, among them ones that broadcast and ones without elements, composed at random. They
/// shrink to shorter ones.
///
/// Operands are kept where all functions are smooth, so the derivatives exist at every point but for the kinks of `max` and
/// the like.
///
/// # Example
///
/// ```
/// use dualtape_testing::{check, strategies::programs};
/// use proptest::prelude::*;
///
/// proptest!(ProptestConfig::with_cases(4), |(program in programs(6))| {
///     check(program.subject()).inputs(4).cases(2).check()
///         .map_err(|failure| failure.into_test_case_error())?;
/// });
/// ```
pub fn programs(steps: usize) -> impl Strategy<Value = Program> + Clone {
    vec(step(), 1..steps.max(1) + 1).prop_map(|steps| Program { steps })
}

/// Like [`programs`], with instructions whose gradient is stopped: all modes must agree on their derivatives, which are not
/// those of the values.
pub fn programs_with_stopped_gradients(steps: usize) -> impl Strategy<Value = Program> + Clone {
    let stop = (operand(), operands()).prop_map(|(x, grid)| Step::Stop(x, grid));
    vec(prop_oneof![7 => step(), 1 => stop], 1..steps.max(1) + 1)
        .prop_map(|steps| Program { steps })
}

/// A random program: a function of any number of scalars, at least one.
#[derive(Clone, Debug)]
pub struct Program {
    steps: Vec<Step>,
}

impl Program {
    /// Runs the program.
    pub fn run<'t, S: Scalar>(&self, x: &[Var<'t, S>]) -> Var<'t, S> {
        let mut values = x.to_vec();
        for step in &self.steps {
            let value = step.run(&values);
            values.push(value);
        }
        let last = values.len() - 1;
        values[last] * values[last / 2] + values[last]
    }

    /// Number of instructions.
    pub fn steps(&self) -> usize {
        self.steps.len()
    }

    /// The program as a subject, in both precisions.
    pub fn subject(&self) -> impl Subject {
        Recorded::new(OfProgram(self))
    }
}

struct OfProgram<'p>(&'p Program);

impl Record for OfProgram<'_> {
    fn name(&self) -> String {
        format!("a random program of {} steps", self.0.steps())
    }

    fn inputs(&self) -> Option<usize> {
        None
    }

    fn record<'t>(&self, x: &[Var<'t>]) -> Vec<Var<'t>> {
        vec![self.0.run(x)]
    }

    fn single(&self, x: &[f32], w: &[f64]) -> Answer<(Vec<f32>, Vec<f32>)> {
        let f = record_f32(x).vector(|x| vec![self.0.run(x)])?;
        Ok(f.vjp(x, &[w[0] as f32])?)
    }
}

/// One step appends a scalar to those there are; operands are picked from them by number.
#[derive(Clone, Debug)]
enum Step {
    Map(usize, usize),
    Zip(usize, usize, usize),
    Power(i32, usize),
    PowerReal(f64, usize),
    Sum(Vec<usize>),
    Dot(Vec<usize>),
    MulAdd([usize; 3]),
    /// Six scalars stacked to a matrix, an operation on it, and a weighted sum of the result.
    Array(usize, [usize; 6], usize),
    /// A scalar and a matrix whose gradients are stopped.
    Stop(usize, [usize; 6]),
}

fn operand() -> impl Strategy<Value = usize> + Clone {
    any::<u16>().prop_map(usize::from)
}

fn operands() -> impl Strategy<Value = [usize; 6]> + Clone {
    [operand(), operand(), operand(), operand(), operand(), operand()]
}

fn step() -> impl Strategy<Value = Step> + Clone {
    let (i, list) = (operand, || vec(operand(), 1..5));
    prop_oneof![
        3 => (i(), i()).prop_map(|(f, x)| Step::Map(f, x)),
        3 => (i(), i(), i()).prop_map(|(f, a, b)| Step::Zip(f, a, b)),
        1 => (-3..4_i32, i()).prop_map(|(n, x)| Step::Power(n, x)),
        1 => (-1.5..2.5_f64, i()).prop_map(|(p, x)| Step::PowerReal(p, x)),
        1 => list().prop_map(Step::Sum),
        1 => list().prop_map(Step::Dot),
        1 => [i(), i(), i()].prop_map(Step::MulAdd),
        6 => (i(), operands(), i()).prop_map(|(op, x, f)| Step::Array(op, x, f)),
    ]
}

impl Step {
    fn run<'t, S: Scalar>(&self, values: &[Var<'t, S>]) -> Var<'t, S> {
        // Kept near 1, so that no composition overflows.
        let at = |i: usize| tame(values[i % values.len()]) + c(0.5);
        // Where nothing is on a tape, there is nothing to stack on it.
        let or_one = |y: Option<Var<'t, S>>| y.unwrap_or(Var::from_value(S::one()));
        match self {
            Step::Map(f, x) => {
                let f = unary(*f);
                in_domain(f, at(*x)).map(f)
            }
            Step::Zip(f, a, b) => tame(at(*a)).zip(binary(*f), apart(at(*b))),
            Step::Power(n, x) => at(*x).powi(*n),
            Step::PowerReal(p, x) => at(*x).power_real(*p),
            Step::Sum(x) => x.iter().map(|&x| at(x)).sum(),
            Step::Dot(x) => Scalar::sum_of_products(x.iter().map(|&i| (at(i), at(i / 3)))),
            Step::MulAdd([a, b, c]) => at(*a).mul_add(at(*b), at(*c)),
            Step::Array(op, x, f) => or_one(arrays::operation(*op, *f, &x.map(at))),
            Step::Stop(x, grid) => {
                at(*x).map(Unary::StopGradient) * or_one(arrays::stopped(&grid.map(at)))
            }
        }
    }
}

/// A value between 0.3 and 0.7, where every elementary function is smooth, as steep as one likes.
fn tame<T: Elementary>(x: T) -> T {
    x.map(Unary::Sigmoid) * x.lift(0.4) + x.lift(0.3)
}

/// Like [`tame`], between 0.28 and 0.69, so that two operands that are compared are not equal but for rounding where both
/// come from nothing, or have come as far as they can.
fn apart<T: Elementary>(x: T) -> T {
    x.map(Unary::Sigmoid) * x.lift(0.41) + x.lift(0.28)
}

/// An elementwise function. One is there to have another derivative than its values say.
fn unary(f: usize) -> Unary {
    match Unary::ALL[f % Unary::ALL.len()] {
        Unary::StopGradient => Unary::Exp,
        f => f,
    }
}

/// The operand of `f`, moved into its domain.
fn in_domain<T: Elementary>(f: Unary, x: T) -> T {
    match f {
        Unary::Acosh => tame(x) + x.lift(1.0),
        _ => tame(x),
    }
}

/// A function of two varying arguments; the order of a polygamma or Bessel function is not one.
fn binary(f: usize) -> Binary {
    match Binary::ALL[f % Binary::ALL.len()] {
        Binary::Polygamma | Binary::BesselJ => Binary::Mul,
        f => f,
    }
}
