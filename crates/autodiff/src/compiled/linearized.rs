//! A stage frozen at a point, ready for products.

use std::borrow::Cow;
use std::mem;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::cache::{Compiled, Kind};
use super::derived::Origin;
use super::evaluated::Evaluated;
use super::indeterminate::{Careful, IndeterminatePolicy, Source};
use super::matrix::Matrix;
use super::memory::{Buffers, Memory};
use super::product::{Combinations, Product, ProductKind};
use super::stage::Stage;
use crate::array::Array;
use crate::error::{Error, check_length};
use crate::kernel;
use crate::number::{Real, compiled_here};
use crate::parts::Parts;
use crate::pool::Pool;
use crate::program::Arguments;

/// A stage whose frozen part is evaluated at a point. A product there evaluates what depends on its direction, and nothing
/// else.
pub(crate) struct Frozen<'a, S: Real> {
    pool: &'a Pool<Memory<S>>,
    source: &'a (dyn Source<S> + Send + Sync),
    compiled: Arc<Compiled<S>>,
    pub(super) stage: Arc<Stage<S>>,
    kind: Kind,
    policy: IndeterminatePolicy,
    pub(super) data: Arc<[Array<S>]>,
    pub(super) point: Cow<'a, [S]>,
    pub(super) threads: usize,
    parts: Option<&'a Parts>,
    memory: Mutex<Memory<S>>,
}

impl<'a, S: Real> Frozen<'a, S> {
    pub(crate) fn new(
        pool: &'a Pool<Memory<S>>,
        source: &'a (dyn Source<S> + Send + Sync),
        evaluated: Evaluated<S>,
        point: Cow<'a, [S]>,
        threads: usize,
        parts: Option<&'a Parts>,
    ) -> Self {
        let Evaluated { compiled, stage, kind, data, policy, memory } = evaluated;
        let memory = Mutex::new(memory);
        Self { pool, source, compiled, stage, kind, policy, data, point, threads, parts, memory }
    }

    /// What the entries of the point are called, if that is known.
    pub(crate) fn parts(&self) -> Option<&'a Parts> {
        self.parts
    }

    pub(crate) fn point(&self) -> &[S] {
        &self.point
    }

    pub(crate) fn stage(&self) -> &Arc<Stage<S>> {
        &self.stage
    }

    /// Number of entries of a product.
    pub(crate) fn product_length(&self, kind: ProductKind) -> usize {
        self.stage.product(kind).length
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

    /// Products with combinations of unit vectors, flat, as the rows of `products`.
    pub(crate) fn combined_into(
        &self,
        kind: ProductKind,
        combinations: &Combinations<'_>,
        products: &mut [S],
    ) -> Result<(), Error> {
        compiled_here!(
            |at, kind, combinations, products| at.apply_combined(kind, combinations, products),
            fn(&Frozen<'_, S>, ProductKind, &Combinations<'_>, &mut [S]) -> Result<(), Error>
        )(self, kind, combinations, products)
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
        self.memory().workspace.copy_outputs(program, plan, arguments, range, &mut out);
        out
    }

    pub(super) fn apply(&self, kind: ProductKind, v: &[S], out: &mut [S]) -> Result<(), Error> {
        let product = self.stage.product(kind);
        check_length("the direction", v, product.direction.len())?;
        check_length("the product", out, product.length)?;
        let mut memory = self.memory();
        let has_nan = if product.linear.is_none() {
            self.run(product, &mut memory, v, out)?
        } else {
            self.linear(kind, &mut memory, |s| &mut s.single, |i| [v[i]], |i, [x]| out[i] = x);
            kernel::has_nan(out)
        };
        if has_nan && self.mends() {
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
        let mut between = mem::take(&mut self.memory().product);
        between.resize(self.stage.product(first).length, S::zero());
        let result =
            self.apply(first, v, &mut between).and_then(|()| self.apply(second, &between, out));
        self.memory().product = between;
        result
    }

    /// Runs the instructions of a product for the direction `v`. Returns whether there is NaN in it.
    pub(super) fn run(
        &self,
        product: &Product,
        memory: &mut Memory<S>,
        v: &[S],
        out: &mut [S],
    ) -> Result<bool, Error> {
        let Stage { program, plan, .. } = &*self.stage;
        let Buffers { workspace, direction, .. } = &mut **memory;
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
        let outputs = program.outputs[product.outputs.clone()].iter().copied();
        Ok(workspace.has_nan(program, plan, arguments, outputs))
    }

    /// Applies the linear part of a product to `K` directions at once.
    pub(super) fn linear<const K: usize>(
        &self,
        kind: ProductKind,
        memory: &mut Memory<S>,
        tangents: impl Fn(&mut Memory<S>) -> &mut Vec<[S; K]>,
        directions: impl Fn(usize) -> [S; K],
        result: impl FnMut(usize, [S; K]),
    ) {
        let Some(linear) = &self.stage.product(kind).linear else { return };
        let mut slots = mem::take(tangents(memory));
        let (coefficients, values) = memory.coefficients(kind, |values, coefficients| {
            linear.freeze(&self.stage.program, values, coefficients);
        });
        linear.apply(coefficients, values, &mut slots, directions, result);
        *tangents(memory) = slots;
    }

    pub(super) fn memory(&self) -> MutexGuard<'_, Memory<S>> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Real> Drop for Frozen<'_, S> {
    /// The memory goes back to where it came from.
    fn drop(&mut self) {
        let memory = self.memory.get_mut().unwrap_or_else(PoisonError::into_inner);
        self.pool.give_back(memory.handed_on());
    }
}
