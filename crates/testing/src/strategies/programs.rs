//! Random programs over scalars and arrays.

use dualtape_autodiff::{Array, Binary, Elementary, Scalar, Tensor, Unary, Var, c};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::subject::{Subject, scalar};

/// Programs of up to `steps` instructions of every kind that a tape has: elementwise functions, powers, sums and products of
/// many scalars, and operations on arrays, composed at random. They shrink to shorter ones.
///
/// Operands are kept where all functions are smooth, so the derivatives exist at every point.
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

    /// The program as a subject.
    pub fn subject(&self) -> impl Subject {
        scalar(|x| self.run(x))
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
}

const ARRAY_OPERATIONS: usize = 26;

fn step() -> impl Strategy<Value = Step> + Clone {
    let i = || any::<u16>().prop_map(usize::from);
    let list = || vec(i(), 1..5);
    prop_oneof![
        3 => (i(), i()).prop_map(|(f, x)| Step::Map(f, x)),
        3 => (i(), i(), i()).prop_map(|(f, a, b)| Step::Zip(f, a, b)),
        1 => (-3..4_i32, i()).prop_map(|(n, x)| Step::Power(n, x)),
        1 => (-1.5..2.5_f64, i()).prop_map(|(p, x)| Step::PowerReal(p, x)),
        1 => list().prop_map(Step::Sum),
        1 => list().prop_map(Step::Dot),
        1 => [i(), i(), i()].prop_map(Step::MulAdd),
        4 => (0..ARRAY_OPERATIONS, [i(), i(), i(), i(), i(), i()], i())
            .prop_map(|(op, x, f)| Step::Array(op, x, f)),
    ]
}

impl Step {
    fn run<'t, S: Scalar>(&self, values: &[Var<'t, S>]) -> Var<'t, S> {
        // Kept near 1, so that no composition overflows.
        let at = |i: usize| tame(values[i % values.len()]) + c(0.5);
        match self {
            Step::Map(f, x) => {
                let f = unary(*f);
                in_domain(f, at(*x)).map(f)
            }
            Step::Zip(f, a, b) => tame(at(*a)).zip(binary(*f), tame(at(*b))),
            Step::Power(n, x) => at(*x).powi(*n),
            Step::PowerReal(p, x) => at(*x).power_real(*p),
            Step::Sum(x) => x.iter().map(|&x| at(x)).sum(),
            Step::Dot(x) => Scalar::sum_of_products(x.iter().map(|&i| (at(i), at(i / 3)))),
            Step::MulAdd([a, b, c]) => at(*a).mul_add(at(*b), at(*c)),
            Step::Array(op, x, f) => {
                on_array(*op, *f, &x.map(at)).unwrap_or(Var::from_value(S::one()))
            }
        }
    }
}

/// A value between 0.3 and 0.7, where every elementary function is smooth, as steep as one likes.
fn tame<T: Elementary>(x: T) -> T {
    x.map(Unary::Sigmoid) * x.lift(0.4) + x.lift(0.3)
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

/// A different weight for each element.
fn weighted<'t, S: Scalar>(t: Tensor<'t, S>) -> Var<'t, S> {
    (0..t.len()).map(|i| t.get(i) * c(0.4 + (1.3 * i as f64).sin())).sum()
}

/// A symmetric positive definite matrix of a matrix `[2, 3]`.
fn definite<'t, S: Scalar>(grid: Tensor<'t, S>) -> Tensor<'t, S> {
    let one = S::one();
    let zero = S::zero();
    let eye = Array::new(&[2, 2], vec![one, zero, zero, one]);
    let eye = eye.unwrap_or_else(|_| Array::zeros(&[2, 2]));
    grid.matmul(grid.t()) + grid.constant(&eye)
}

/// Operation number `op` on six scalars; `None` if none of them is on a tape.
fn on_array<'t, S: Scalar>(op: usize, f: usize, x: &[Var<'t, S>; 6]) -> Option<Var<'t, S>> {
    let tape = x.iter().find_map(|x| x.tape())?;
    let flat = Tensor::from_vars(tape, x);
    let grid = flat.reshape(&[2, 3]);
    Some(match op {
        0 => weighted(grid.matmul(grid.t())),
        1 => weighted(grid.t().matmul(grid.view(1, &[2, 2]).t())),
        2 => weighted(grid.sum_axis(f % 2) * grid.view(f % 3, &[1])),
        3 => weighted(grid.broadcast(&[2, 2, 3]).sum_to(&[3])),
        4 => weighted(grid.log_sum_exp(f % 2)),
        5 => weighted(grid.max_axis(f % 2).exp()),
        6 => weighted(grid.softmax(f % 2)),
        7 => weighted(grid.permute(&[1, 0]).view(1, &[4]).powi(3)),
        8 => {
            let f = unary(f);
            weighted(in_domain(f, grid).map(f))
        }
        9 => weighted(tame(grid).zip(binary(f), tame(grid.view(f % 4, &[3])))),
        10 => weighted(tame(grid).powf(1.7) * x[f % 6]),
        11 => flat.dot(flat.view(0, &[6]).exp()) * grid.get(4),
        12 => weighted(grid.log_softmax(1)) + grid.mean() * flat.sum(),
        13 => weighted(x[0] / (tame(grid) - grid.sum_axis(1).keep_axis(1))),
        14 => weighted(definite(grid).cholesky()),
        15 => weighted(definite(grid).solve(grid)),
        16 => definite(grid).log_abs_det().to_var() + weighted(definite(grid).inverse()),
        _ => on_indices(op - 17, f, grid),
    })
}

/// Operations that select, move and repeat elements.
fn on_indices<'t, S: Scalar>(op: usize, f: usize, grid: Tensor<'t, S>) -> Var<'t, S> {
    let numbers: Vec<S> = (0..6).map(|i| c_of(((i * 5 + f) % 3) as f64)).collect();
    let numbers = Array::new(&[2, 3], numbers).unwrap_or_else(|_| Array::zeros(&[2, 3]));
    let numbers = grid.constant(&numbers);
    match op {
        0 => weighted(grid.cumsum(f % 2).exp()),
        1 => weighted(grid.gather(1, numbers) * grid),
        2 => weighted(grid.scatter_add(1, numbers, 4).powi(2)),
        3 => weighted(numbers.gt(numbers.flip(1)).where_cond(grid.exp(), grid)),
        4 => weighted(grid.slice_step(1, 0..3, 2).roll(1, 1) * grid.select(1, f % 3).keep_axis(1)),
        5 => weighted(Tensor::concat(&[grid.flip(0), grid.pad(1, 1, 0).slice(1, 0..3)], 0).powi(3)),
        6 => weighted(grid.matmul(grid.t()).tril(0).powi(2)) + grid.prod(),
        7 => weighted(grid.var_axes(&[1], 1.0) + grid.norm_axes(&[1])),
        _ => weighted(grid.repeat(0, 2).tile(&[1, 2]).normalize_axes(&[1], 0.1)),
    }
}

fn c_of<S: Scalar>(value: f64) -> S {
    S::constant(value)
}
