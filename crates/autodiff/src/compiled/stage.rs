//! A program ready to run: planned, and split into what a point decides and what a direction does.

use std::ops::Range;
use std::sync::OnceLock;

use super::derived::Origin;
use super::lanes::LaneProgram;
use super::product::{PointOutputs, Product, ProductKind, Request};
use super::triangle::Strip;
use crate::error::Error;
use crate::number::Real;
use crate::program::{Checked, Id, Plan, Program};

/// Several directions share an instruction if what they need of it fits into the fast caches: beyond these numbers of
/// elements, that one direction uses what it has just computed is worth more.
const LONGEST_DIRECTION: usize = 4096;
const LARGEST_BUFFER: usize = 1 << 16;

/// A planned program whose first `frozen` instructions depend on the point alone; the others make its products.
#[derive(Debug)]
pub(crate) struct Stage<S> {
    pub program: Checked<S>,
    pub plan: Plan,
    pub outputs: PointOutputs,
    /// The number of inputs that make up the point; the others make up the directions.
    pub primal_inputs: usize,
    /// The number of instructions that do not depend on the direction.
    pub frozen: usize,
    /// The maps from a direction that can be evaluated, again and again, once the rest is frozen.
    pub products: Vec<Product>,
    /// Of each product the program for several directions at once, once it has been asked for.
    batched: Vec<OnceLock<LaneProgram<S>>>,
    /// The strips of the Hessian, once they have been asked for.
    strips: OnceLock<Vec<Strip<S>>>,
}

impl<S: Real> Stage<S> {
    /// A program of a point alone.
    pub(crate) fn primal(program: Program<S>, outputs: PointOutputs) -> Self {
        let (frozen, inputs) = (program.len(), program.inputs.len());
        let plan = Plan::new(&program, inputs, frozen);
        let products = Vec::new();
        let program = Checked::new(program);
        Self {
            program,
            plan,
            outputs,
            primal_inputs: inputs,
            frozen,
            products,
            batched: Vec::new(),
            strips: OnceLock::new(),
        }
    }

    /// A program whose inputs after the first `primal_inputs` are directions, simplified.
    ///
    /// Instructions that depend on a direction come after all others.
    pub(crate) fn with_products(
        program: Program<S>,
        primal_inputs: usize,
        outputs: PointOutputs,
        requests: &[Request],
        absorbing: bool,
    ) -> Self {
        let (program, frozen) = program.simplified_in_parts(primal_inputs);
        let plan = Plan::new(&program, primal_inputs, frozen);
        let products = requests
            .iter()
            .map(|request| {
                let needed = needed(&program, request);
                let parts = runs(frozen..program.len(), |id| needed[id]);
                Product::new(&program, primal_inputs, frozen, request, parts, absorbing)
            })
            .collect();
        let batched = requests.iter().map(|_| OnceLock::new()).collect();
        let program = Checked::new(program);
        Self {
            program,
            plan,
            outputs,
            primal_inputs,
            frozen,
            products,
            batched,
            strips: OnceLock::new(),
        }
    }

    /// Whether the program evaluates this product.
    pub(crate) fn has(&self, kind: ProductKind) -> bool {
        self.products.iter().any(|product| product.kind == kind)
    }

    /// A product that the program evaluates.
    pub(crate) fn product(&self, kind: ProductKind) -> &Product {
        &self.products[self.number(kind)]
    }

    pub(super) fn number(&self, kind: ProductKind) -> usize {
        let found = self.products.iter().position(|product| product.kind == kind);
        found.expect("asked for what the program evaluates")
    }

    /// A product for several directions at once, if that pays.
    pub(crate) fn batched(
        &self,
        kind: ProductKind,
        origin: Origin<'_, S>,
    ) -> Result<Option<&LaneProgram<S>>, Error> {
        let number = self.number(kind);
        let (product, cell) = (&self.products[number], &self.batched[number]);
        if !self.shares(product) {
            return Ok(None);
        }
        if cell.get().is_none() {
            let batched =
                LaneProgram::directions(&self.program, self.primal_inputs, product, origin)?;
            return Ok(Some(cell.get_or_init(|| batched)));
        }
        Ok(cell.get())
    }

    /// The strips of the Hessian, which the program evaluates; none if that does not pay.
    pub(crate) fn strips(&self, origin: Origin<'_, S>) -> Result<&[Strip<S>], Error> {
        let (product, cell) = (self.product(ProductKind::Hessian), &self.strips);
        if !self.shares(product) {
            return Ok(&[]);
        }
        if cell.get().is_none() {
            let strips = Strip::all(&self.program, self.primal_inputs, product, origin)?;
            return Ok(cell.get_or_init(|| strips));
        }
        Ok(cell.get().map_or(&[], Vec::as_slice))
    }

    /// Whether several directions of a product had better share its instructions.
    fn shares(&self, product: &Product) -> bool {
        product.linear.is_none()
            && product.direction.len() <= LONGEST_DIRECTION
            && self.plan.buffer <= LARGEST_BUFFER
    }

    /// Entries of all directions together.
    pub(crate) fn direction_length(&self) -> usize {
        self.products.iter().map(|product| product.direction.end).max().unwrap_or(0)
    }
}

/// For each instruction whether the product needs it.
fn needed<S: Real>(program: &Program<S>, request: &Request) -> Vec<bool> {
    let mut needed = vec![false; program.len()];
    for &output in &program.outputs[request.outputs.clone()] {
        needed[output as usize] = true;
    }
    for id in (0..program.len()).rev() {
        if needed[id] {
            program.operands(id as Id, |x| needed[x as usize] = true);
        }
    }
    needed
}

/// The maximal runs of numbers in `range` that have a property.
fn runs(range: Range<usize>, has: impl Fn(usize) -> bool) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for i in range.filter(|&i| has(i)) {
        match runs.last_mut() {
            Some(run) if run.end == i => run.end += 1,
            _ => runs.push(i..i + 1),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_maximal() {
        assert_eq!(runs(2..9, |i| i != 4 && i != 7), [2..4, 5..7, 8..9]);
        assert!(runs(3..5, |_| false).is_empty());
    }
}
