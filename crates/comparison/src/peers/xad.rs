//! xad-rs: the tape is kept between calls and recorded at each, sums are fused, eight tangents are carried at once.

use xad_rs::math::ad;
use xad_rs::{
    AReal, Jet1, JetK, Tape, TapeStorage, compute_gradient_fwd_k, compute_gradient_rev_with,
    compute_hessian_k_with,
};

use super::Tasks;
use super::dualtape::DENSE;
use crate::measure::Task;
use crate::number::number;
use crate::workload::Operation;
use crate::workload::scalar::Problem;

/// The name under which it is listed.
pub const NAME: &str = "xad-rs";

/// A plain number as a tape stores it.
fn stored<T: TapeStorage>(c: f64) -> T {
    T::from_f64(c).expect("a float")
}

number! {
    [T: TapeStorage] AReal<T>;
    constant = |c| AReal::new(stored(c));
    plus = |x: Self, c| x + stored::<T>(c); times = |x: Self, c| x * stored::<T>(c);
    ln = |x| ad::ln(&x); exp = |x| ad::exp(&x); larger = |x, y| ad::max(&x, &y);
    fn weighted_sum(weights: &[f64], x: &[Self]) -> Self {
        let weights: Vec<T> = weights.iter().map(|&w| stored(w)).collect();
        ad::weighted_sum(&weights, x)
    }
    fn dot(x: &[Self], y: &[Self]) -> Self {
        ad::dot(x, y)
    }
}

number! {
    [const K: usize] JetK<f64, K>;
    constant = JetK::constant; plus = |x: Self, c: f64| x + c; times = |x: Self, c: f64| x * c;
    ln = |x: Self| xad_rs::Real::ln(&x); exp = |x: Self| xad_rs::Real::exp(&x);
    larger = |x: Self, y: Self| xad_rs::Real::max(&x, &y);
}

/// Everything that xad-rs does with a function of scalars.
pub fn problem(problem: &Problem) -> Tasks<'_> {
    let x = &problem.point;
    let gradient =
        |tape: &mut Tape<f64>| compute_gradient_rev_with(tape, x, |x| problem.evaluate(x)).1;
    let product = |tape: &mut Tape<Jet1<f64>>| hvp(tape, problem);
    let mut tasks = vec![
        (Operation::OneShotGradient, Task::new(NAME, Tape::new(true), gradient, |_, g| g)),
        (Operation::OneShotHvp, Task::new(NAME, Tape::new(true), product, |_, hv| hv)),
    ];
    if problem.dim() <= DENSE {
        let forward = |_: &mut ()| compute_gradient_fwd_k::<8, _>(x, |x| problem.evaluate(x)).1;
        tasks.push((Operation::ForwardGradient, Task::new(NAME, (), forward, |(), g| g)));
        let hessian = |tape: &mut Tape<JetK<f64, 8>>| {
            compute_hessian_k_with(tape, x, |x| problem.evaluate(x))
        };
        let task = Task::new(NAME, Tape::new(true), hessian, |_, h| h.iter().copied().collect());
        tasks.push((Operation::Hessian, task));
    }
    tasks
}

/// Forward over adjoint, as its example of second order does it.
fn hvp(tape: &mut Tape<Jet1<f64>>, problem: &Problem) -> Vec<f64> {
    let x = problem.point.iter().zip(&problem.direction).map(|(&x, &v)| Jet1::new(x, v));
    let x: Vec<Jet1<f64>> = x.collect();
    let (_, gradient) = compute_gradient_rev_with(tape, &x, |x| problem.evaluate(x));
    gradient.iter().map(Jet1::derivative).collect()
}
