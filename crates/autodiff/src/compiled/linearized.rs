//! A stage frozen at a point, ready for products.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::{mem, thread};

use super::cache::{Compiled, Kind};
use super::derived::Origin;
use super::evaluated::{Evaluated, Pool};
use super::indeterminate::{Careful, IndeterminatePolicy, Source};
use super::lanes::{LANES, LaneProgram, LaneWorkspace, unit_lanes};
use super::matrix::{Matrix, symmetrize};
use super::product::Product;
use super::stage::Stage;
use crate::array::Array;
use crate::error::{Error, check_length};
use crate::number::Real;
use crate::program::{Arguments, Coefficients, Workspace};

/// A stage whose frozen part is evaluated at a point. A product there evaluates what depends on its direction, and nothing
/// else.
pub(crate) struct Frozen<'a, S: Real> {
    pool: &'a Pool<S>,
    source: &'a (dyn Source<S> + Send + Sync),
    compiled: Arc<Compiled<S>>,
    stage: Arc<Stage<S>>,
    kind: Kind,
    policy: IndeterminatePolicy,
    data: Arc<[Array<S>]>,
    point: Cow<'a, [S]>,
    threads: usize,
    scratch: Mutex<Scratch<S>>,
}

/// A map from directions.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Map {
    /// The product of this number.
    Product(usize),
    /// The strip of this number of the first product.
    Strip(usize),
}

/// What a product writes to.
#[derive(Clone)]
struct Scratch<S> {
    workspace: Workspace<S>,
    /// Of each product's linear part, once it has been asked for.
    coefficients: Vec<Option<Coefficients<S>>>,
    single: Vec<[S; 1]>,
    lanes: Vec<[S; LANES]>,
    /// All directions of the stage, flat, where one product's is not all there is.
    direction: Vec<S>,
    /// One product, where several are wanted.
    product: Vec<S>,
    /// Of each product for several directions at once, if that is how they are evaluated: which, and what it needs.
    batched: Vec<(Map, LaneWorkspace<S>)>,
}

impl<S: Real> Scratch<S> {
    /// The workspace of a product for several directions, its frozen part evaluated.
    fn batched(
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

    /// One product. Allocates nothing after the first.
    pub(crate) fn apply(&self, number: usize, v: &[S], out: &mut [S]) -> Result<(), Error> {
        let product = &self.stage.products[number];
        check_length("the direction", v, product.direction.len())?;
        check_length("the product", out, product.length)?;
        let mut scratch = self.scratch();
        if product.linear.is_none() {
            self.run(product, &mut scratch, v, out)?;
        } else {
            self.linear(number, &mut scratch, |s| &mut s.single, |i| [v[i]], |i, [x]| out[i] = x);
        }
        if self.mends() && out.iter().any(|x| x.is_nan()) {
            out.copy_from_slice(&self.careful().product(number, v)?);
        }
        Ok(())
    }

    /// Whether NaN in a product is looked into.
    fn mends(&self) -> bool {
        self.policy != IndeterminatePolicy::Absorb
    }

    fn careful(&self) -> Careful<'_, S> {
        let Self { compiled, stage, kind, policy, source, .. } = self;
        let origin = Origin { point: &self.point, data: &self.data };
        Careful { compiled, stage, kind: *kind, origin, policy: *policy, source: *source }
    }

    /// The product `second` of the product `first` of a direction. Allocates nothing after the first.
    pub(crate) fn chained(
        &self,
        first: usize,
        second: usize,
        v: &[S],
        out: &mut [S],
    ) -> Result<(), Error> {
        let mut between = mem::take(&mut self.scratch().product);
        between.resize(self.stage.products[first].length, S::zero());
        let result =
            self.apply(first, v, &mut between).and_then(|()| self.apply(second, &between, out));
        self.scratch().product = between;
        result
    }

    /// `count` products: `direction(k, i)` is component `i` of direction `k`, and `result(k, i, y)` takes component `i` of
    /// its product. Each has the bits that it has alone, on however many threads.
    pub(crate) fn apply_all(
        &self,
        number: usize,
        count: usize,
        direction: impl Fn(usize, usize) -> S + Sync,
        mut result: impl FnMut(usize, usize, S),
    ) -> Result<(), Error> {
        let mut nan: Vec<usize> = Vec::new();
        self.map_all(Map::Product(number), count, &direction, |k, i, y| {
            if y.is_nan() && nan.last() != Some(&k) {
                nan.push(k);
            }
            result(k, i, y);
        })?;
        if !self.mends() {
            return Ok(());
        }
        nan.sort_unstable();
        nan.dedup();
        let entries = self.stage.products[number].direction.len();
        for k in nan {
            let v: Vec<S> = (0..entries).map(|i| direction(k, i)).collect();
            let product = self.careful().product(number, &v)?;
            product.into_iter().enumerate().for_each(|(i, y)| result(k, i, y));
        }
        Ok(())
    }

    fn map_all(
        &self,
        map: Map,
        count: usize,
        direction: impl Fn(usize, usize) -> S + Sync,
        result: impl FnMut(usize, usize, S),
    ) -> Result<(), Error> {
        if self.threads > 1 && count > LANES {
            return self.map_on_threads(map, count, &direction, result);
        }
        self.map_some(&mut self.scratch(), map, count, direction, result)
    }

    /// [`map_all`](Self::map_all) in blocks of directions that the threads take in turn, each with its own memory.
    fn map_on_threads(
        &self,
        map: Map,
        count: usize,
        direction: &(impl Fn(usize, usize) -> S + Sync),
        mut result: impl FnMut(usize, usize, S),
    ) -> Result<(), Error> {
        let length = match map {
            Map::Product(number) => self.stage.products[number].length,
            Map::Strip(strip) => {
                let origin = Origin { point: &self.point, data: &self.data };
                self.stage.products[0].length - self.stage.strips(origin)?[strip].range.start
            }
        };
        let blocks = count.div_ceil(LANES);
        let threads = self.threads.min(blocks);
        let scratches = vec![self.scratch().clone(); threads];
        let (send, receive) = mpsc::channel();
        thread::scope(|scope| {
            for (worker, mut scratch) in scratches.into_iter().enumerate() {
                let send = send.clone();
                scope.spawn(move || {
                    for first in (worker..blocks).step_by(threads).map(|block| block * LANES) {
                        let here = LANES.min(count - first);
                        let mut products = vec![S::zero(); here * length];
                        let direction = |k, i| direction(first + k, i);
                        let write = |k, i, y| products[k * length + i] = y;
                        let done = self.map_some(&mut scratch, map, here, direction, write);
                        // Nobody listens any more once another block has failed.
                        if send.send((first, done.map(|()| products))).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(send);
            for (first, products) in receive {
                for (k, product) in products?.chunks_exact(length.max(1)).enumerate() {
                    product.iter().enumerate().for_each(|(i, &y)| result(first + k, i, y));
                }
            }
            Ok(())
        })
    }

    fn map_some(
        &self,
        scratch: &mut Scratch<S>,
        map: Map,
        count: usize,
        direction: impl Fn(usize, usize) -> S,
        mut result: impl FnMut(usize, usize, S),
    ) -> Result<(), Error> {
        let origin = Origin { point: &self.point, data: &self.data };
        let number = match map {
            Map::Product(number) => number,
            Map::Strip(strip) => {
                let program = &self.stage.strips(origin)?[strip].program;
                let workspace = scratch.batched(map, program, origin)?;
                return program.products(workspace, origin, count, direction, result);
            }
        };
        let product = &self.stage.products[number];
        if product.linear.is_some() {
            for first in (0..count).step_by(LANES) {
                let lane = |lane: usize, i| match first + lane < count {
                    true => direction(first + lane, i),
                    false => S::zero(),
                };
                let write = |i, column: [S; LANES]| {
                    for (lane, &y) in column.iter().enumerate().take(count - first) {
                        result(first + lane, i, y);
                    }
                };
                let lanes = |i| std::array::from_fn(|k| lane(k, i));
                self.linear(number, scratch, |s| &mut s.lanes, lanes, write);
            }
            return Ok(());
        }
        if count > 1
            && let Some(program) = self.stage.batched(number, origin)?
        {
            let workspace = scratch.batched(map, program, origin)?;
            return program.products(workspace, origin, count, direction, result);
        }
        let mut v = vec![S::zero(); product.direction.len()];
        let mut out = mem::take(&mut scratch.product);
        out.resize(product.length, S::zero());
        for k in 0..count {
            v.iter_mut().enumerate().for_each(|(i, slot)| *slot = direction(k, i));
            self.run(product, scratch, &v, &mut out)?;
            out.iter().enumerate().for_each(|(i, &y)| result(k, i, y));
        }
        scratch.product = out;
        Ok(())
    }

    /// `count` products with the rows of `directions`, flat, as the rows of `products`.
    pub(crate) fn apply_rows(
        &self,
        number: usize,
        directions: &[S],
        products: &mut [S],
    ) -> Result<(), Error> {
        let Product { direction, length, .. } = &self.stage.products[number];
        let (n, m) = (direction.len(), *length);
        let count = directions.len().checked_div(n).unwrap_or(0);
        check_length("the directions", directions, count * n)?;
        check_length("the products", products, count * m)?;
        if self.threads == 1 && self.goes_one_by_one(number, count)? {
            let products = products.chunks_exact_mut(m.max(1));
            let mut rows = directions.chunks_exact(n.max(1)).zip(products);
            return rows.try_for_each(|(v, out)| self.apply(number, v, out));
        }
        let direction = |k, i| directions[k * n + i];
        self.apply_all(number, count, direction, |k, i, y| products[k * m + i] = y)
    }

    /// Whether several directions would share nothing.
    fn goes_one_by_one(&self, number: usize, count: usize) -> Result<bool, Error> {
        let origin = Origin { point: &self.point, data: &self.data };
        let alone = self.stage.products[number].linear.is_none();
        Ok(alone && (count <= 1 || self.stage.batched(number, origin)?.is_none()))
    }

    /// The product's matrix, transposed: row `k` is its product with unit direction `k`.
    pub(crate) fn columns(&self, number: usize) -> Result<Matrix<S>, Error> {
        let Product { direction, length, .. } = &self.stage.products[number];
        let (n, m) = (direction.len(), *length);
        let mut rows = vec![S::zero(); n * m];
        let unit = |k, i| unit_lanes::<S, 1>(k, i)[0];
        self.apply_all(number, n, unit, |k, i, y| rows[k * m + i] = y)?;
        Ok(Matrix::from_rows(n, m, rows))
    }

    /// The matrix of the first product, which must be symmetric.
    pub(crate) fn symmetric_matrix(&self) -> Result<Matrix<S>, Error> {
        let origin = Origin { point: &self.point, data: &self.data };
        let strips = self.stage.strips(origin)?;
        let n = self.stage.products[0].length;
        let mut matrix = match strips {
            [] => self.columns(0)?,
            _ => Matrix::from_rows(n, n, vec![S::zero(); n * n]),
        };
        let entries = matrix.as_mut_slice();
        for (number, strip) in strips.iter().enumerate() {
            let first = strip.range.start;
            let unit = |k, i| unit_lanes::<S, 1>(first + k, i)[0];
            self.map_all(Map::Strip(number), strip.range.len(), unit, |k, i, entry| {
                let (row, column) = (first + k, first + i);
                entries[row * n + column] = entry;
                if column >= strip.range.end {
                    entries[column * n + row] = entry;
                }
            })?;
        }
        if self.mends() && !strips.is_empty() && entries.iter().any(|x| x.is_nan()) {
            matrix = self.columns(0)?;
        }
        let entries = matrix.as_mut_slice();
        symmetrize(n, entries);
        Ok(matrix)
    }

    /// Runs the instructions of a product for the direction `v`.
    fn run(
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
    fn linear<const K: usize>(
        &self,
        number: usize,
        scratch: &mut Scratch<S>,
        tangents: impl Fn(&mut Scratch<S>) -> &mut Vec<[S; K]>,
        directions: impl Fn(usize) -> [S; K],
        result: impl FnMut(usize, [S; K]),
    ) {
        let Some(linear) = &self.stage.products[number].linear else { return };
        let mut slots = mem::take(tangents(scratch));
        let Scratch { workspace, coefficients, .. } = scratch;
        let values = &workspace.values;
        let coefficients = coefficients[number].get_or_insert_with(|| {
            let mut coefficients = Coefficients::default();
            linear.freeze(&self.stage.program, values, &mut coefficients);
            coefficients
        });
        linear.apply(coefficients, values, &mut slots, directions, result);
        *tangents(scratch) = slots;
    }

    fn scratch(&self) -> MutexGuard<'_, Scratch<S>> {
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
