//! dualtape on functions of few scalars: dual numbers on the stack, no tape.

use dualtape_autodiff::{Scalar, c, forward, numbers::Dual2};
use num_traits::Float;

use super::Tasks;
use super::dualtape::NAME;
use crate::measure::Task;
use crate::number::number;
use crate::workload::Operation;
use crate::workload::scalar::Problem;

number! {
    [S: Scalar, const N: usize] Dual2<S, N>;
    constant = <Self as Scalar>::constant;
    plus = |x: Self, value| x + c(value); times = |x: Self, value| x * c(value);
    ln = Float::ln; exp = Float::exp; larger = Float::max;
}

/// Gradient and Hessian, for the sizes that are compiled here.
pub fn problem(problem: &Problem) -> Tasks<'_> {
    match problem.dim() {
        6 => sized::<6>(problem),
        10 => sized::<10>(problem),
        50 => sized::<50>(problem),
        100 => sized::<100>(problem),
        _ => Vec::new(),
    }
}

fn sized<const N: usize>(problem: &Problem) -> Tasks<'_> {
    let point: [f64; N] = std::array::from_fn(|i| problem.point[i]);
    let gradient = move |_: &mut ()| forward::gradient(|x| problem.evaluate(&x[..]), &point);
    let hessian = move |_: &mut ()| forward::hessian(|x| problem.evaluate(&x[..]), &point);
    vec![
        (Operation::ForwardGradient, Task::new(NAME, (), gradient, |(), g| g.to_vec())),
        (Operation::ForwardHessian, Task::new(NAME, (), hessian, |(), h| h.concat())),
    ]
}
