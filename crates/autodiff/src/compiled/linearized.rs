//! A stage frozen at a point, ready for products.

use std::borrow::Cow;
use std::mem;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::cache::{Compiled, Kind};
use super::derived::Origin;
use super::evaluated::{Evaluated, Pool};
use super::indeterminate::{Careful, IndeterminatePolicy, Source};
use super::lanes::{LANES, LaneProgram, LaneWorkspace};
use super::matrix::Matrix;
use super::product::Product;
use super::product::ProductKind;
use super::stage::Stage;
use crate::array::Array;
use crate::error::{Error, check_length};
use crate::number::{Real, compiled_here};
use crate::program::{Arguments, Coefficients, Workspace};

/// A stage whose frozen part is evaluated at a point. A product there evaluates what depends on its direction, and nothing
/// else.
pub(crate) struct Frozen<'a, S: Real> {
    pool: &'a Pool<S>,
    source: &'a (dyn Source<S> + Send + Sync),
    compiled: Arc<Compiled<S>>,
    pub(super) stage: Arc<Stage<S>>,
    kind: Kind,
    policy: IndeterminatePolicy,
    pub(super) data: Arc<[Array<S>]>,
    pub(super) point: Cow<'a, [S]>,
    pub(super) threads: usize,
    scratch: Mutex<Scratch<S>>,
}

/// A map from directions.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Map {
    /// This product.
    Product(ProductKind),
    /// The strip of this number of the Hessian.
    Strip(usize),
}

/// What a product writes to.
#[derive(Clone)]
pub(super) struct Scratch<S> {
    workspace: Workspace<S>,
    /// Of each product's linear part, once it has been asked for.
    coefficients: Vec<Option<Coefficients<S>>>,
    pub(super) single: Vec<[S; 1]>,
    pub(super) lanes: Vec<[S; LANES]>,
    /// All directions of the stage, flat, where one product's is not all there is.
    direction: Vec<S>,
    /// One product, where several are wanted.
    pub(super) product: Vec<S>,
    /// Of each product for several directions at once, if that is how they are evaluated: which, and what it needs.
    batched: Vec<(Map, LaneWorkspace<S>)>,
}

impl<S: Real> Scratch<S> {
    /// The workspace of a product for several directions, its frozen part evaluated.
    pub(super) fn batched(
        &mut self,
        map: Map,
        program: &LaneProgram<S>,
        origin: Origin<'_, S>,
    ) -> Result<&mut LaneWorkspace<S>, Error> {
        let found = self.batched.iter().position(|&(other, _)| other == map);
        let index = match found {
            Some(index) => index,
            None => {
                let mut workspace = LaneWorkspace::default();
                program.evaluate(&mut workspace, origin)?;
                self.batched.push((map, workspace));
                self.batched.len() - 1
            }
        };
        Ok(&mut self.batched[index].1)
    }
}

impl<'a, S: Real> Frozen<'a, S> {
    pub(crate) fn new(
        pool: &'a Pool<S>,
        source: &'a (dyn Source<S> + Send + Sync),
        evaluated: Evaluated<S>,
        point: Cow<'a, [S]>,
        threads: usize,
    ) -> Self {
        let Evaluated { compiled, stage, kind, data, policy, workspace } = evaluated;
        let scratch = Mutex::new(Scratch {
            workspace,
            coefficients: vec![None; stage.products.len()],
            single: Vec::new(),
            lanes: Vec::new(),
            direction: Vec::new(),
            product: Vec::new(),
            batched: Vec::new(),
        });
        Self { pool, source, compiled, stage, kind, policy, data, point, threads, scratch }
    }

    pub(crate) fn point(&self) -> &[S] {
        &self.point
    }

    pub(crate) fn stage(&self) -> &Stage<S> {
        &self.stage
    }

    /// Outputs that do not depend on a direction, flat and in order.
    pub(crate) fn outputs(&self, range: Range<usize>) -> Vec<S> {
        compiled_here!(
            |at, range| at.flat_outputs(range),
            fn(&Frozen<'_, S>, Range<usize>) -> Vec<S>
        )(self, range)
    }

    /// One product. Allocates nothing after the first.
    pub(crate) fn product_into(
        &self,
        kind: ProductKind,
        v: &[S],
        product: &mut [S],
    ) -> Result<(), Error> {
        compiled_here!(
            |at, kind, v, product| at.apply(kind, v, product),
            fn(&Frozen<'_, S>, ProductKind, &[S], &mut [S]) -> Result<(), Error>
        )(self, kind, v, product)
    }

    /// The product `second` of the product `first` of a direction. Allocates nothing after the first.
    pub(crate) fn chained_into(
        &self,
        [first, second]: [ProductKind; 2],
        v: &[S],
        product: &mut [S],
    ) -> Result<(), Error> {
        compiled_here!(
            |at, numbers, v, product| at.apply_both(numbers, v, product),
            fn(&Frozen<'_, S>, [ProductKind; 2], &[S], &mut [S]) -> Result<(), Error>
        )(self, [first, second], v, product)
    }

    /// `count` products with the rows of `directions`, flat, as the rows of `products`. Each has the bits that it has alone, on
    /// however many threads.
    pub(crate) fn products_into(
        &self,
        kind: ProductKind,
        directions: &[S],
        products: &mut [S],
    ) -> Result<(), Error> {
        compiled_here!(
            |at, kind, v, products| at.apply_rows(kind, v, products),
            fn(&Frozen<'_, S>, ProductKind, &[S], &mut [S]) -> Result<(), Error>
        )(self, kind, directions, products)
    }

    /// The product's matrix, transposed: row `k` is its product with unit direction `k`.
    pub(crate) fn columns(&self, kind: ProductKind) -> Result<Matrix<S>, Error> {
        compiled_here!(
            |at, kind| at.apply_units(kind),
            fn(&Frozen<'_, S>, ProductKind) -> Result<Matrix<S>, Error>
        )(self, kind)
    }

    /// The Hessian.
    pub(crate) fn symmetric_matrix(&self) -> Result<Matrix<S>, Error> {
        compiled_here!(|at| at.apply_strips(), fn(&Frozen<'_, S>) -> Result<Matrix<S>, Error>)(self)
    }

    /// The diagonal of the matrix of a product.
    pub(crate) fn diagonal(&self, kind: ProductKind) -> Result<Vec<S>, Error> {
        compiled_here!(
            |at, kind| at.on_diagonal(kind),
            fn(&Frozen<'_, S>, ProductKind) -> Result<Vec<S>, Error>
        )(self, kind)
    }

    /// Those rows and columns, numbered alike, of the symmetric matrix of a product; some may be listed more than once.
    pub(crate) fn symmetric_block(
        &self,
        kind: ProductKind,
        indices: &[usize],
    ) -> Result<Matrix<S>, Error> {
        compiled_here!(
            |at, kind, indices| at.in_block(kind, indices),
            fn(&Frozen<'_, S>, ProductKind, &[usize]) -> Result<Matrix<S>, Error>
        )(self, kind, indices)
    }

    fn flat_outputs(&self, range: Range<usize>) -> Vec<S> {
        let Stage { program, plan, .. } = &*self.stage;
        let length = program.outputs[range.clone()]
            .iter()
            .map(|&id| crate::array::size(program.shape(id)))
            .sum();
        let mut out = vec![S::zero(); length];
        let arguments = Arguments { point: &self.point, direction: &[], data: &self.data };
        self.scratch().workspace.copy_outputs(program, plan, arguments, range, &mut out);
        out
    }

    pub(super) fn apply(&self, kind: ProductKind, v: &[S], out: &mut [S]) -> Result<(), Error> {
        let product = self.stage.product(kind);
        check_length("the direction", v, product.direction.len())?;
        check_length("the product", out, product.length)?;
        let mut scratch = self.scratch();
        if product.linear.is_none() {
            self.run(product, &mut scratch, v, out)?;
        } else {
            self.linear(kind, &mut scratch, |s| &mut s.single, |i| [v[i]], |i, [x]| out[i] = x);
        }
        if self.mends() && out.iter().any(|x| x.is_nan()) {
            out.copy_from_slice(&self.careful().product(kind, v)?);
        }
        Ok(())
    }

    /// Whether NaN in a product is looked into.
    pub(super) fn mends(&self) -> bool {
        self.policy != IndeterminatePolicy::Absorb
    }

    pub(super) fn careful(&self) -> Careful<'_, S> {
        let Self { compiled, stage, kind, policy, source, .. } = self;
        let origin = Origin { point: &self.point, data: &self.data };
        Careful { compiled, stage, kind: *kind, origin, policy: *policy, source: *source }
    }

    fn apply_both(
        &self,
        [first, second]: [ProductKind; 2],
        v: &[S],
        out: &mut [S],
    ) -> Result<(), Error> {
        let mut between = mem::take(&mut self.scratch().product);
        between.resize(self.stage.product(first).length, S::zero());
        let result =
            self.apply(first, v, &mut between).and_then(|()| self.apply(second, &between, out));
        self.scratch().product = between;
        result
    }

    /// Runs the instructions of a product for the direction `v`.
    pub(super) fn run(
        &self,
        product: &Product,
        scratch: &mut Scratch<S>,
        v: &[S],
        out: &mut [S],
    ) -> Result<(), Error> {
        let Stage { program, plan, .. } = &*self.stage;
        let Scratch { workspace, direction, .. } = scratch;
        let all = self.stage.direction_length();
        let direction = if v.len() == all {
            v
        } else {
            direction.resize(all, S::zero());
            direction[product.direction.clone()].copy_from_slice(v);
            direction
        };
        let arguments = Arguments { point: &self.point, direction, data: &self.data };
        for part in &product.parts {
            workspace.run(program, plan, arguments, part.clone());
            workspace.check_results()?;
        }
        workspace.copy_outputs(program, plan, arguments, product.outputs.clone(), out);
        Ok(())
    }

    /// Applies the linear part of a product to `K` directions at once.
    pub(super) fn linear<const K: usize>(
        &self,
        kind: ProductKind,
        scratch: &mut Scratch<S>,
        tangents: impl Fn(&mut Scratch<S>) -> &mut Vec<[S; K]>,
        directions: impl Fn(usize) -> [S; K],
        result: impl FnMut(usize, [S; K]),
    ) {
        let Some(linear) = &self.stage.product(kind).linear else { return };
        let mut slots = mem::take(tangents(scratch));
        let Scratch { workspace, coefficients, .. } = scratch;
        let values = &workspace.values;
        let coefficients = coefficients[self.stage.number(kind)].get_or_insert_with(|| {
            let mut coefficients = Coefficients::default();
            linear.freeze(&self.stage.program, values, &mut coefficients);
            coefficients
        });
        linear.apply(coefficients, values, &mut slots, directions, result);
        *tangents(scratch) = slots;
    }

    pub(super) fn scratch(&self) -> MutexGuard<'_, Scratch<S>> {
        self.scratch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Real> Drop for Frozen<'_, S> {
    /// The workspace goes back to where it came from.
    fn drop(&mut self) {
        let scratch = self.scratch.get_mut().unwrap_or_else(PoisonError::into_inner);
        self.pool.give_back(mem::take(&mut scratch.workspace));
    }
}
