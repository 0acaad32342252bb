//! echidna: the Adept-style tape for one-shot gradients, the optimised bytecode tape with its buffers for all else.

use echidna::sparse::greedy_coloring;
use echidna::{BReverse, BytecodeTape, Dual, Reverse};
use num_traits::Float;

use super::Tasks;
use super::dualtape::DENSE;
use crate::measure::Task;
use crate::number::number;
use crate::workload::Operation;
use crate::workload::scalar::Problem;

/// The name under which it is listed.
pub const NAME: &str = "echidna";

number! {
    [] Reverse<f64>;
    constant = Reverse::constant; plus = |x: Self, c: f64| x + c; times = |x: Self, c: f64| x * c;
    ln = Float::ln; exp = Float::exp; larger = Float::max;
}

number! {
    [] BReverse<f64>;
    constant = BReverse::constant; plus = |x: Self, c: f64| x + c; times = |x: Self, c: f64| x * c;
    ln = Float::ln; exp = Float::exp; larger = Float::max;
}

fn record(problem: &Problem) -> BytecodeTape<f64> {
    let (mut tape, _) = echidna::record(|x| problem.evaluate(x), &problem.point);
    tape.optimize();
    tape
}

/// The buffers of a Hessian-vector product.
type Buffers = (BytecodeTape<f64>, Vec<Dual<f64>>, Vec<Dual<f64>>);

/// Everything that echidna does with a function of scalars.
pub fn problem(problem: &Problem) -> Tasks<'_> {
    let (x, v) = (&problem.point, &problem.direction);
    let one_shot = |_: &mut ()| echidna::grad(|x| problem.evaluate(x), x);
    let value = |(tape, values): &mut (BytecodeTape<f64>, Vec<f64>)| {
        tape.forward_into(x, values);
        values[tape.output_index()]
    };
    let gradient =
        |(tape, adjoints): &mut (BytecodeTape<f64>, Vec<f64>)| tape.gradient_with_buf(x, adjoints);
    let product =
        |(tape, duals, adjoints): &mut Buffers| tape.hvp_with_buf(x, v, duals, adjoints).1;
    let first = |_: &mut ()| record(problem).hvp(x, v).1;
    let buffers = (record(problem), Vec::new(), Vec::new());
    let mut tasks = vec![
        (Operation::Value, Task::new(NAME, (record(problem), Vec::new()), value, |_, y| vec![y])),
        (Operation::OneShotGradient, Task::new(NAME, (), one_shot, |(), g| g)),
        (Operation::Gradient, Task::new(NAME, (record(problem), Vec::new()), gradient, |_, g| g)),
        (Operation::Hvp, Task::new(NAME, buffers, product, |_, hv| hv)),
        (Operation::FirstHvp, Task::new(NAME, (), first, |(), hv| hv)),
    ];
    if problem.dim() <= DENSE {
        let hessian = |tape: &mut BytecodeTape<f64>| tape.hessian_vec::<8>(x).2;
        let task = Task::new(NAME, record(problem), hessian, |_, rows| rows.concat());
        tasks.push((Operation::Hessian, task));
    }
    if problem.has_sparse_hessian() {
        tasks.push((Operation::SparseHessian, sparse_hessian(problem)));
    }
    tasks
}

/// With pattern and colours known; the answer is the lower triangle, its off-diagonal entries counted twice by √2.
fn sparse_hessian(problem: &Problem) -> Task<'_> {
    let tape = record(problem);
    let pattern = tape.detect_sparsity();
    let (colors, count) = greedy_coloring(&pattern);
    let places: Vec<(u32, u32)> =
        pattern.rows.iter().copied().zip(pattern.cols.iter().copied()).collect();
    let call = move |tape: &mut BytecodeTape<f64>| {
        tape.sparse_hessian_with_pattern(&problem.point, &pattern, &colors, count).2
    };
    let answer = move |_: &BytecodeTape<f64>, values: Vec<f64>| {
        super::lower_triangle(places.iter().map(|&(i, j)| (i as usize, j as usize)).zip(values))
    };
    Task::new(NAME, tape, call, answer)
}
