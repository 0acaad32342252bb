//! A recording with the derived programs that evaluate its derivatives.

use std::sync::{Arc, OnceLock};

use super::curvature::{Split, curvature_program};
use super::derived::{
    Derived, Origin, gradient_program, jacobian_program, next_order, tangent_program,
};
use super::product::{PointOutputs, ProductKind, Request};
use super::stage::Stage;
use crate::array::size;
use crate::error::Error;
use crate::number::Real;
use crate::program::Program;
use crate::tape::Tape;

/// A recording with what has been derived from it so far.
///
/// The first `differentiated` of its outputs have derivatives; others come along with the value.
#[derive(Debug)]
pub(crate) struct Compiled<S> {
    primal: Program<S>,
    differentiated: usize,
    split: Option<Split<S>>,
    /// Whether in products of the chain rule every zero absorbs.
    absorbing: bool,
    stages: [OnceLock<Arc<Stage<S>>>; Kind::CELLS],
    taylor: OnceLock<Box<Tower<S>>>,
}

/// Derivatives along a direction up to some order, and beyond.
#[derive(Debug)]
struct Tower<S> {
    stage: Arc<Stage<S>>,
    next: OnceLock<Box<Tower<S>>>,
}

/// What a recorder made: a program, how many of its outputs have derivatives, and the parts if it is a composition.
#[derive(Debug)]
pub(crate) struct Primal<S> {
    pub program: Program<S>,
    pub differentiated: usize,
    pub split: Option<Split<S>>,
}

/// The derived programs, by what they compute. Each also has all outputs of the recording, and they come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `x ↦ f(x)`
    Value,
    /// `x ↦ ∇f(x)`; of several values, of their sum
    Gradient,
    /// `x ↦ ∇f(x)`; `v ↦ ∇²f(x)·v`
    Hvp,
    /// `v ↦ J(x)·v`; `w ↦ J(x)ᵀ·w`
    Jacobian,
    /// `u, v ↦ ∇³f(x)[u, v]`
    Third,
    /// Of a composition: `v ↦ ∇²f(x)·v`; the Gauss–Newton product; the Fisher product if there is one
    Curvature,
    /// `v ↦ d/dε f(x + εv), d²/dε² f(x + εv), …` up to this order, at least 1
    Taylor(usize),
}

impl Kind {
    const CELLS: usize = 6;

    /// Of a function, not a composition, the one that evaluates a product.
    pub(crate) fn with(product: ProductKind) -> Self {
        match product {
            ProductKind::Hessian => Self::Hvp,
            ProductKind::GaussNewton | ProductKind::Fisher => Self::Curvature,
            ProductKind::Forward | ProductKind::Reverse => Self::Jacobian,
            ProductKind::Third => Self::Third,
            ProductKind::Taylor => Self::Taylor(1),
        }
    }

    /// Where a stage of this kind is kept; Taylor's are kept in a tower.
    fn cell(self) -> usize {
        match self {
            Self::Value => 0,
            Self::Gradient => 1,
            Self::Hvp => 2,
            Self::Jacobian => 3,
            Self::Third => 4,
            Self::Curvature | Self::Taylor(_) => 5,
        }
    }
}

impl<S: Real> Compiled<S> {
    pub(crate) fn new(primal: Primal<S>, absorbing: bool) -> Self {
        Self {
            primal: primal.program.simplified(),
            differentiated: primal.differentiated,
            split: primal.split,
            absorbing,
            stages: std::array::from_fn(|_| OnceLock::new()),
            taylor: OnceLock::new(),
        }
    }

    pub(crate) fn primal(&self) -> &Program<S> {
        &self.primal
    }

    /// Whether the recording contains derivatives, taken while it was made.
    pub(crate) fn has_derivatives(&self) -> bool {
        self.primal.chains()
    }

    /// Number of outputs that have derivatives.
    pub(crate) fn differentiated_outputs(&self) -> usize {
        self.differentiated
    }

    /// Entries of the outputs that have derivatives.
    pub(crate) fn differentiated_entries(&self) -> usize {
        let ids = &self.primal.outputs[..self.differentiated];
        ids.iter().map(|&id| size(self.primal.shape(id))).sum()
    }

    /// The staged program of this kind, derived when first asked for.
    pub(crate) fn stage(&self, kind: Kind, origin: Origin<'_, S>) -> Result<Arc<Stage<S>>, Error> {
        if let Kind::Taylor(order) = kind {
            return self.taylor(order, origin);
        }
        let cell = &self.stages[kind.cell()];
        if let Some(stage) = cell.get() {
            return Ok(Arc::clone(stage));
        }
        let stage = Arc::new(self.derive(kind, origin)?);
        Ok(Arc::clone(cell.get_or_init(|| stage)))
    }

    /// Each order is the tangent of the one before, along the same direction; what that has already is shared.
    fn taylor(&self, order: usize, origin: Origin<'_, S>) -> Result<Arc<Stage<S>>, Error> {
        let (n, recorded) = (self.primal.inputs.len(), self.primal.outputs.len());
        let mut program = &self.primal;
        let mut cell = &self.taylor;
        for reached in 1.. {
            if cell.get().is_none() {
                let Derived { program, appended, .. } = next_order(program, n, recorded, origin)?;
                let product = Request {
                    kind: ProductKind::Taylor,
                    inputs: n..2 * n,
                    outputs: recorded..appended[0].end,
                    linear: reached == 1,
                };
                let stage = self.with_products(program, self.recorded_outputs(), &[product]);
                let stage = Arc::new(stage);
                cell.get_or_init(|| Box::new(Tower { stage, next: OnceLock::new() }));
            }
            let Some(tower) = cell.get() else { break };
            if reached >= order {
                return Ok(Arc::clone(&tower.stage));
            }
            (program, cell) = (&tower.stage.program, &tower.next);
        }
        unreachable!("the tower grows until it has the order")
    }

    /// The outputs of a program without a gradient.
    fn recorded_outputs(&self) -> PointOutputs {
        let end = self.primal.outputs.len();
        PointOutputs {
            recorded: 0..end,
            differentiated: 0..self.differentiated,
            gradient: end..end,
        }
    }

    fn with_products(
        &self,
        program: Program<S>,
        outputs: PointOutputs,
        products: &[Request],
    ) -> Stage<S> {
        let (n, program) = (self.primal.inputs.len(), self.with_its_zeros(program));
        Stage::with_products(program, n, outputs, products, self.absorbing)
    }

    /// A program in which every zero absorbs, if that is asked for.
    fn with_its_zeros(&self, program: Program<S>) -> Program<S> {
        match self.absorbing {
            true => program.with_absorbing_zeros(),
            false => program,
        }
    }

    fn derive(&self, kind: Kind, origin: Origin<'_, S>) -> Result<Stage<S>, Error> {
        let primal = &self.primal;
        let n = primal.inputs.len();
        let base = |kind: Kind| self.stage(kind, origin);
        Ok(match kind {
            Kind::Value => {
                Stage::primal(self.with_its_zeros(primal.clone()), self.recorded_outputs())
            }
            Kind::Gradient => {
                let Derived { program, appended, .. } = gradient_program(
                    Tape::deriving([primal]),
                    primal,
                    self.differentiated,
                    origin,
                )?;
                let gradient = appended[0].clone();
                let outputs = PointOutputs { gradient, ..self.recorded_outputs() };
                Stage::primal(self.with_its_zeros(program).simplified(), outputs)
            }
            Kind::Hvp => {
                let gradient = base(Kind::Gradient)?;
                let (gradient, outputs): (&Program<S>, _) = (&gradient.program, &gradient.outputs);
                let tape = Tape::deriving([gradient]);
                let Derived { program, appended, .. } =
                    tangent_program(tape, gradient, n, outputs.gradient.clone(), origin)?;
                let hessian = Request::linear(ProductKind::Hessian, n..2 * n, appended[0].clone());
                self.with_products(program, outputs.clone(), &[hessian])
            }
            Kind::Jacobian => {
                let m = self.differentiated;
                let Derived { program, appended, .. } =
                    jacobian_program(Tape::deriving([primal]), primal, m, origin)?;
                let forward = Request::linear(ProductKind::Forward, n..2 * n, appended[0].clone());
                let cotangents = 2 * n..2 * n + m;
                let reverse =
                    Request::linear(ProductKind::Reverse, cotangents, appended[1].clone());
                self.with_products(program, self.recorded_outputs(), &[forward, reverse])
            }
            Kind::Third => {
                let hvp = base(Kind::Hvp)?;
                let product = hvp.product(ProductKind::Hessian).outputs.clone();
                let tape = Tape::deriving([&*hvp.program]);
                let Derived { program, appended, .. } =
                    tangent_program(tape, &hvp.program, n, product, origin)?;
                let third = Request {
                    kind: ProductKind::Third,
                    inputs: n..3 * n,
                    outputs: appended[0].clone(),
                    linear: false,
                };
                self.with_products(program, hvp.outputs.clone(), &[third])
            }
            Kind::Curvature => {
                let hvp = base(Kind::Hvp)?;
                let split = self.split.as_ref().expect("only compositions ask for it");
                let Derived { program, appended, .. } =
                    curvature_program(&hvp.program, split, origin)?;
                let hessian = hvp.product(ProductKind::Hessian).outputs.clone();
                let kinds = [ProductKind::Hessian, ProductKind::GaussNewton, ProductKind::Fisher];
                let products: Vec<_> = kinds
                    .into_iter()
                    .zip([hessian].into_iter().chain(appended))
                    .map(|(kind, outputs)| Request::linear(kind, n..2 * n, outputs))
                    .collect();
                self.with_products(program, hvp.outputs.clone(), &products)
            }
            Kind::Taylor(order) => unreachable!("order {order} is kept in the tower"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tape::Var;
    use crate::tape::record_scalars;

    /// Instructions and listed operands of the program of the Taylor coefficients up to `order`.
    fn size_at(order: usize, f: impl for<'t> Fn(&[Var<'t>]) -> Var<'t>) -> Result<usize, Error> {
        let x = [0.4, 0.7, -0.3];
        let program = record_scalars(&x, |x| vec![f(x)])?.program;
        let compiled = Compiled::new(Primal { program, differentiated: 1, split: None }, false);
        let stage = compiled.stage(Kind::Taylor(order), Origin { point: &x, data: &[] })?;
        Ok(stage.program.len() + stage.program.lists.len())
    }

    #[test]
    fn taylor_programs_grow_as_a_polynomial_of_the_order() -> Result<(), Error> {
        let growth = |sizes: [usize; 3]| {
            [sizes[1] as f64 / sizes[0] as f64, sizes[2] as f64 / sizes[1] as f64]
        };
        let chain =
            [4, 8, 16].map(|order| size_at(order, |x| (0..5).fold(x[0], |y, _| (y * 0.5).exp())));
        let network = [4, 8, 16].map(|order| {
            size_at(order, |x| {
                let hidden = (0..4).map(|i| (x[i % 3] * 0.5 + x[(i + 1) % 3] * x[2]).tanh());
                hidden.map(|h| (h * x[0]).tanh() * x[1]).sum()
            })
        });
        for sizes in [chain, network] {
            let [a, b, c] = sizes;
            let sizes = [a?, b?, c?];
            // Measured: four times the program for twice the order. Terms that are not collected would make it 2⁸ times.
            assert!(growth(sizes).iter().all(|&growth| growth < 5.0), "{sizes:?}");
        }
        Ok(())
    }
}
