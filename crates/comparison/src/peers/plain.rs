//! The plain functions: what a user's code costs without derivatives.

use std::hint::black_box;

use num_traits::Float;

use super::Tasks;
use super::plain_network::Plain;
use crate::measure::Task;
use crate::workload::Operation;
use crate::workload::network::Network;
use crate::workload::scalar::Problem;

/// The name under which it is listed.
pub const NAME: &str = "plain Rust";

/// The value of a function of scalars.
pub fn problem<'a>(problem: &'a Problem) -> Tasks<'a> {
    let call = |_: &mut ()| problem.evaluate(black_box(problem.point.as_slice()));
    vec![(Operation::Value, Task::new(NAME, (), call, |(), value| vec![value]))]
}

/// The value of a loss.
pub fn network<'a, S: Float + Into<f64> + 'a>(network: &'a Network) -> Tasks<'a> {
    let parameters: Vec<Plain<S>> = network.parameters.iter().map(Plain::new).collect();
    let (inputs, targets) = (Plain::new(&network.inputs), Plain::new(&network.targets));
    let call = move |_: &mut ()| network.loss(&parameters, &inputs, &targets).item();
    vec![(Operation::Value, Task::new(NAME, (), call, |(), value: S| vec![value.into()]))]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::{self, Workload, reference};

    /// The definitions are those of the check values: other programs computed these from formulas of their own.
    #[test]
    fn plain_values_are_the_check_values() {
        for workload in workload::selected(&[]) {
            let mut tasks = match &workload {
                Workload::Scalar(problem) => super::problem(problem),
                Workload::Network(network) => super::network::<f64>(network),
            };
            let value = tasks[0].1.answer()[0];
            let expected = reference::check_value(workload.name(), Operation::Value).unwrap();
            let difference = ((value - expected) / expected).abs();
            assert!(difference < 1e-13, "{}: {value} is not {expected}", workload.name());
        }
    }
}
