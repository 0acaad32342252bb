//! dualtape on functions of scalars.

use dualtape_autodiff::{
    Dual, Error, Function, Linearization, Scalar, Var, c, hvp, sparse::SparseHessian,
    value_and_gradient,
};

use num_traits::Float;

use super::Tasks;
use crate::measure::Task;
use crate::number::number;
use crate::workload::Operation;
use crate::workload::scalar::Problem;

/// The name under which it is listed.
pub const NAME: &str = "dualtape";

/// Up to this many inputs the dense Hessian is asked for.
pub const DENSE: usize = 100;

number! {
    ['t] Var<'t, f64>;
    constant = <Self as Scalar>::constant; plus = |x: Self, c| x + c; times = |x: Self, c| x * c;
    ln = |x: Self| x.ln(); exp = |x: Self| x.exp(); larger = |x: Self, y| x.max(y);
    fn weighted_sum(weights: &[f64], x: &[Self]) -> Self {
        Self::sum_of_products(x.iter().copied().zip(weights.iter().map(|&w| <Self as Scalar>::constant(w))))
    }
    fn dot(x: &[Self], y: &[Self]) -> Self {
        Self::sum_of_products(x.iter().copied().zip(y.iter().copied()))
    }
}

number! {
    [S: Scalar, const N: usize] Dual<S, N>;
    constant = <Self as Scalar>::constant;
    plus = |x: Self, value| x + c(value); times = |x: Self, value| x * c(value);
    ln = Float::ln; exp = Float::exp; larger = Float::max;
}

/// Records a problem.
pub fn record(problem: &Problem) -> Result<Function<'_>, Error> {
    dualtape_autodiff::record(&problem.point).function(|x| problem.evaluate(x))
}

/// Everything that dualtape does with a function of scalars.
pub fn problem<'a>(problem: &'a Problem, function: &'a Function<'a>) -> Result<Tasks<'a>, Error> {
    let (x, v) = (&problem.point, &problem.direction);
    let zeros = || vec![0.0; problem.dim()];
    let mut tasks = one_shot(problem);
    tasks.extend(super::dualtape_forward::problem(problem));
    let value = |_: &mut ()| function.value(x).expect("the value");
    tasks.push((Operation::Value, Task::new(NAME, (), value, |(), y| vec![y])));
    let gradient = |g: &mut Vec<f64>| function.value_and_gradient_into(x, g).expect("the gradient");
    tasks.push((Operation::Gradient, Task::new(NAME, zeros(), gradient, |g, _| g.clone())));
    let product = |hv: &mut Vec<f64>| function.hvp_into(x, v, hv).expect("the product");
    tasks.push((Operation::Hvp, Task::new(NAME, zeros(), product, |hv, ()| hv.clone())));
    let next = |(at, hv): &mut (Linearization<'a>, Vec<f64>)| {
        at.hvp_into(v, hv).expect("the product");
    };
    let state = (function.linearize(x)?, zeros());
    tasks.push((Operation::NextHvp, Task::new(NAME, state, next, |(_, hv), ()| hv.clone())));
    if problem.dim() <= DENSE {
        let hessian = |_: &mut ()| function.hessian(x).expect("the Hessian");
        let task = Task::new(NAME, (), hessian, |(), h| h.into_vec());
        tasks.push((Operation::Hessian, task));
    }
    if problem.has_sparse_hessian() {
        tasks.push((Operation::SparseHessian, sparse_hessian(x, function)?));
    }
    Ok(tasks)
}

/// With pattern and colours known.
fn sparse_hessian<'a>(x: &'a [f64], function: &'a Function<'a>) -> Result<Task<'a>, Error> {
    let mut planned = function.plan_sparse_hessian(x)?;
    let places: Vec<(usize, usize)> =
        planned.evaluate(x)?.triplets().map(|(row, column, _)| (row, column)).collect();
    let call = move |planned: &mut SparseHessian<'a>| {
        planned.evaluate(x).expect("the Hessian").values().to_vec()
    };
    let answer = move |_: &SparseHessian<'a>, values: Vec<f64>| {
        super::lower_triangle(places.iter().copied().zip(values))
    };
    Ok(Task::new(NAME, planned, call, answer))
}

/// What starts from the closure.
fn one_shot(problem: &Problem) -> Tasks<'_> {
    let (x, v) = (&problem.point, &problem.direction);
    let gradient =
        |_: &mut ()| value_and_gradient(|x| problem.evaluate(x), x).expect("the gradient").1;
    let product = |_: &mut ()| hvp(|x| problem.evaluate(x), x, v).expect("the product");
    let first = |hv: &mut Vec<f64>| {
        record(problem).and_then(|f| f.hvp_into(x, v, hv)).expect("the product");
    };
    let zeros = vec![0.0; problem.dim()];
    vec![
        (Operation::OneShotGradient, Task::new(NAME, (), gradient, |(), g| g)),
        (Operation::OneShotHvp, Task::new(NAME, (), product, |(), hv| hv)),
        (Operation::FirstHvp, Task::new(NAME, zeros, first, |hv, ()| hv.clone())),
    ]
}
