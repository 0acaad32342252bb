//! num-dual: statically sized dual numbers, which it recommends for speed.

use nalgebra::SVector;
use num_dual::{Dual2SVec64, DualNum, DualSVec64};

use super::Tasks;
use crate::measure::Task;
use crate::number::number;
use crate::workload::Operation;
use crate::workload::scalar::Problem;

/// The name under which it is listed.
pub const NAME: &str = "num-dual";

number! {
    [const N: usize] DualSVec64<N>;
    constant = DualNum::from_re; plus = |x: Self, c: f64| x + c; times = |x: Self, c: f64| x * c;
    ln = |x: Self| DualNum::ln(&x); exp = |x: Self| DualNum::exp(&x);
    larger = |x: Self, y: Self| if x.re < y.re { y } else { x };
}

number! {
    [const N: usize] Dual2SVec64<N>;
    constant = DualNum::from_re; plus = |x: Self, c: f64| x + c; times = |x: Self, c: f64| x * c;
    ln = |x: Self| DualNum::ln(&x); exp = |x: Self| DualNum::exp(&x);
    larger = |x: Self, y: Self| if x.re < y.re { y } else { x };
}

/// Gradient and Hessian by forward mode, for the sizes that its numbers are compiled for here.
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
    let point = SVector::<f64, N>::from_column_slice(&problem.point);
    let gradient = move |_: &mut ()| {
        let f = |x: SVector<DualSVec64<N>, N>| problem.evaluate(x.as_slice());
        num_dual::gradient(f, &point).1
    };
    let hessian = move |_: &mut ()| {
        let f = |x: SVector<Dual2SVec64<N>, N>| problem.evaluate(x.as_slice());
        num_dual::hessian(f, &point).2
    };
    vec![
        (Operation::ForwardGradient, Task::new(NAME, (), gradient, |(), g| g.as_slice().to_vec())),
        (Operation::ForwardHessian, Task::new(NAME, (), hessian, |(), h| h.as_slice().to_vec())),
    ]
}
