//! ad_trait: through its function engine; products by hand from its forward-over-reverse number.

use ad_trait::AD;
use ad_trait::differentiable_function::{
    DerivativeMethodTrait, DifferentiableFunctionTrait, ForwardADMulti, HessianAD_FOR,
    HessianMethodTrait, ReverseAD,
};
use ad_trait::forward_ad::adfn::adfn;
use ad_trait::hyper_ad::hyper_adr::HyperAD_ADR;
use ad_trait::nalgebra::{ComplexField, RealField};
use ad_trait::reverse_ad::adr::adr;

use super::Tasks;
use crate::measure::Task;
use crate::number::number;
use crate::workload::Operation;
use crate::workload::scalar::Problem;

/// The name under which it is listed.
pub const NAME: &str = "ad_trait";

/// Its Hessian sweeps a graph that grows with each batch of directions: seconds for 100 inputs.
const LARGEST_HESSIAN: usize = 10;

number! {
    [] adr;
    constant = AD::constant;
    plus = |x, c| AD::add_scalar(c, x); times = |x, c| AD::mul_scalar(c, x);
    ln = ComplexField::ln; exp = ComplexField::exp; larger = RealField::max;
}

number! {
    [const N: usize] adfn<N>;
    constant = AD::constant;
    plus = |x, c| AD::add_scalar(c, x); times = |x, c| AD::mul_scalar(c, x);
    ln = ComplexField::ln; exp = ComplexField::exp; larger = RealField::max;
}

number! {
    [const N: usize] HyperAD_ADR<N>;
    constant = AD::constant;
    plus = |x, c| AD::add_scalar(c, x); times = |x, c| AD::mul_scalar(c, x);
    ln = ComplexField::ln; exp = ComplexField::exp; larger = RealField::max;
}

/// A problem as the engine wants it.
struct Differentiable<'a>(&'a Problem);

macro_rules! differentiable {
    ([$($generic:tt)*] $N:ty) => {
        impl<$($generic)*> DifferentiableFunctionTrait<$N> for Differentiable<'_> {
            const NAME: &'static str = "workload";
            fn call(&self, inputs: &[$N], _freeze: bool) -> Vec<$N> {
                vec![self.0.evaluate(inputs)]
            }
            fn num_inputs(&self) -> usize {
                self.0.dim()
            }
            fn num_outputs(&self) -> usize {
                1
            }
        }
    };
}

differentiable!([] adr);
differentiable!([const N: usize] adfn<N>);
differentiable!([const N: usize] HyperAD_ADR<N>);

/// Everything that ad_trait does with a function of scalars.
pub fn problem(problem: &Problem) -> Tasks<'_> {
    let (x, f) = (&problem.point, Differentiable(problem));
    let gradient = move |_: &mut ()| ReverseAD::new().derivative(x, &f).1;
    let product = |_: &mut ()| hvp(problem);
    let mut tasks = vec![
        (Operation::OneShotGradient, Task::new(NAME, (), gradient, |(), g| g.as_slice().to_vec())),
        (Operation::OneShotHvp, Task::new(NAME, (), product, |(), hv| hv)),
    ];
    if problem.dim() <= super::dualtape::DENSE {
        let f = Differentiable(problem);
        let forward = move |_: &mut ()| ForwardADMulti::<adfn<8>>::new().derivative(x, &f).1;
        let task = Task::new(NAME, (), forward, |(), g| g.as_slice().to_vec());
        tasks.push((Operation::ForwardGradient, task));
    }
    if problem.dim() <= LARGEST_HESSIAN {
        let f = Differentiable(problem);
        let hessian = move |_: &mut ()| HessianAD_FOR::<1>::new().hessian(x, &f).2;
        let task = Task::new(NAME, (), hessian, |(), h| h[0].as_slice().to_vec());
        tasks.push((Operation::Hessian, task));
    }
    tasks
}

/// `d/dε ∇f(x + εv)`: the tangent of the value, swept backwards.
fn hvp(problem: &Problem) -> Vec<f64> {
    let variables: Vec<adr> =
        problem.point.iter().enumerate().map(|(i, &x)| adr::new_variable(x, i == 0)).collect();
    let inputs: Vec<HyperAD_ADR<1>> = variables
        .iter()
        .zip(&problem.direction)
        .map(|(&x, &v)| HyperAD_ADR::new(x, [AD::constant(v)]))
        .collect();
    let sweep = problem.evaluate(&inputs).inner_tangent()[0].get_backwards_mode_grad();
    variables.iter().map(|x| sweep.wrt(x)).collect()
}
