//! Several products at a point: in lanes, on threads; matrices made of them.

use std::sync::mpsc;
use std::{mem, thread};

use super::derived::Origin;
use super::lanes::{LANES, unit_lanes};
use super::linearized::Frozen;
use super::matrix::{Matrix, symmetrize};
use super::memory::{Map, Memory};
use super::product::{Combinations, Product, ProductKind};
use crate::error::{Error, check_length};
use crate::number::Real;

impl<S: Real> Frozen<'_, S> {
    /// `count` products: `direction(k, i)` is component `i` of direction `k`, and `result(k, i, y)` takes component `i` of
    /// its product. Each has the bits that it has alone, on however many threads.
    pub(super) fn apply_all(
        &self,
        kind: ProductKind,
        count: usize,
        direction: impl Fn(usize, usize) -> S + Sync,
        mut result: impl FnMut(usize, usize, S),
    ) -> Result<(), Error> {
        let mut has_nan = false;
        self.map_all(Map::Product(kind), count, &direction, |k, i, y| {
            has_nan |= y.is_nan();
            result(k, i, y);
        })?;
        if !has_nan || !self.mends() {
            return Ok(());
        }
        let mut lost = vec![false; count];
        self.map_all(Map::Product(kind), count, &direction, |k, _, y| lost[k] |= y.is_nan())?;
        let entries = self.stage.product(kind).direction.len();
        for k in (0..count).filter(|&k| lost[k]) {
            let v: Vec<S> = (0..entries).map(|i| direction(k, i)).collect();
            let product = self.careful().product(kind, &v)?;
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
        self.map_some(&mut self.memory(), map, count, direction, result)
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
            Map::Product(kind) => self.stage.product(kind).length,
            Map::Strip(strip) => {
                let origin = Origin { point: &self.point, data: &self.data };
                self.stage.product(ProductKind::Hessian).length
                    - self.stage.strips(origin)?[strip].range.start
            }
        };
        let blocks = count.div_ceil(LANES);
        let threads = self.threads.min(blocks);
        let memories = vec![self.memory().clone(); threads];
        let (send, receive) = mpsc::channel();
        thread::scope(|scope| {
            for (worker, mut memory) in memories.into_iter().enumerate() {
                let send = send.clone();
                scope.spawn(move || {
                    for first in (worker..blocks).step_by(threads).map(|block| block * LANES) {
                        let here = LANES.min(count - first);
                        let mut products = vec![S::zero(); here * length];
                        let direction = |k, i| direction(first + k, i);
                        let write = |k, i, y| products[k * length + i] = y;
                        let done = self.map_some(&mut memory, map, here, direction, write);
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
        memory: &mut Memory<S>,
        map: Map,
        count: usize,
        direction: impl Fn(usize, usize) -> S,
        mut result: impl FnMut(usize, usize, S),
    ) -> Result<(), Error> {
        let origin = Origin { point: &self.point, data: &self.data };
        let kind = match map {
            Map::Product(kind) => kind,
            Map::Strip(strip) => {
                let program = &self.stage.strips(origin)?[strip].program;
                let workspace = memory.batched(map, program, origin)?;
                return program.products(workspace, origin, count, direction, result);
            }
        };
        let product = self.stage.product(kind);
        if product.linear.is_some() {
            match count {
                ..=4 => self.in_lanes(kind, memory, |m| &mut m.four, count, direction, result),
                _ => self.in_lanes(kind, memory, |m| &mut m.lanes, count, direction, result),
            }
            return Ok(());
        }
        if count > 1
            && let Some(program) = self.stage.batched(kind, origin)?
        {
            let workspace = memory.batched(map, program, origin)?;
            return program.products(workspace, origin, count, direction, result);
        }
        let mut v = vec![S::zero(); product.direction.len()];
        let mut out = mem::take(&mut memory.product);
        out.resize(product.length, S::zero());
        for k in 0..count {
            v.iter_mut().enumerate().for_each(|(i, slot)| *slot = direction(k, i));
            self.run(product, memory, &v, &mut out)?;
            out.iter().enumerate().for_each(|(i, &y)| result(k, i, y));
        }
        memory.product = out;
        Ok(())
    }

    /// Applies the linear part of a product to `K` directions at a time.
    fn in_lanes<const K: usize>(
        &self,
        kind: ProductKind,
        memory: &mut Memory<S>,
        tangents: impl Fn(&mut Memory<S>) -> &mut Vec<[S; K]>,
        count: usize,
        direction: impl Fn(usize, usize) -> S,
        mut result: impl FnMut(usize, usize, S),
    ) {
        for first in (0..count).step_by(K) {
            let lane = |k: usize, i| match k < count {
                true => direction(k, i),
                false => S::zero(),
            };
            let lanes = |i| std::array::from_fn(|k| lane(first + k, i));
            self.linear(kind, memory, &tangents, lanes, |i, column: [S; K]| {
                for (k, &y) in column.iter().enumerate().take(count - first) {
                    result(first + k, i, y);
                }
            });
        }
    }

    pub(super) fn apply_combined(
        &self,
        kind: ProductKind,
        combinations: &Combinations<'_>,
        products: &mut [S],
    ) -> Result<(), Error> {
        let Combinations { wanted, .. } = combinations;
        let m = self.stage.product(kind).length;
        check_length("the products", products, wanted.len() * m)?;
        let direction = |k, i| combinations.component(wanted.start + k, i);
        self.apply_all(kind, wanted.len(), direction, |k, i, y| products[k * m + i] = y)
    }

    pub(super) fn apply_rows(
        &self,
        kind: ProductKind,
        directions: &[S],
        products: &mut [S],
    ) -> Result<(), Error> {
        let Product { direction, length, .. } = self.stage.product(kind);
        let (n, m) = (direction.len(), *length);
        let count = directions.len().checked_div(n).unwrap_or(0);
        check_length("the directions", directions, count * n)?;
        check_length("the products", products, count * m)?;
        if self.threads == 1 && self.goes_one_by_one(kind, count)? {
            let products = products.chunks_exact_mut(m.max(1));
            let mut rows = directions.chunks_exact(n.max(1)).zip(products);
            return rows.try_for_each(|(v, out)| self.apply(kind, v, out));
        }
        let direction = |k, i| directions[k * n + i];
        self.apply_all(kind, count, direction, |k, i, y| products[k * m + i] = y)
    }

    /// Whether several directions would share nothing.
    fn goes_one_by_one(&self, kind: ProductKind, count: usize) -> Result<bool, Error> {
        let origin = Origin { point: &self.point, data: &self.data };
        let alone = self.stage.product(kind).linear.is_none();
        Ok(alone && (count <= 1 || self.stage.batched(kind, origin)?.is_none()))
    }

    pub(super) fn apply_units(&self, kind: ProductKind) -> Result<Matrix<S>, Error> {
        let Product { direction, length, .. } = self.stage.product(kind);
        let (n, m) = (direction.len(), *length);
        let mut rows = vec![S::zero(); n * m];
        let unit = |k, i| unit_lanes::<S, 1>(k, i)[0];
        self.apply_all(kind, n, unit, |k, i, y| rows[k * m + i] = y)?;
        Ok(Matrix::from_rows(n, m, rows))
    }

    pub(super) fn apply_strips(&self) -> Result<Matrix<S>, Error> {
        let origin = Origin { point: &self.point, data: &self.data };
        let strips = self.stage.strips(origin)?;
        let n = self.stage.product(ProductKind::Hessian).length;
        let mut matrix = match strips {
            [] => self.apply_units(ProductKind::Hessian)?,
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
            matrix = self.apply_units(ProductKind::Hessian)?;
        }
        let entries = matrix.as_mut_slice();
        symmetrize(n, entries);
        Ok(matrix)
    }

    pub(super) fn on_diagonal(&self, kind: ProductKind) -> Result<Vec<S>, Error> {
        let mut diagonal = vec![S::zero(); self.stage.product(kind).length];
        let unit = |k, i| unit_lanes::<S, 1>(k, i)[0];
        self.apply_all(kind, diagonal.len(), unit, |k, i, entry| {
            if i == k {
                diagonal[k] = entry;
            }
        })?;
        Ok(diagonal)
    }

    pub(super) fn in_block(
        &self,
        kind: ProductKind,
        indices: &[usize],
    ) -> Result<Matrix<S>, Error> {
        let size = indices.len();
        let mut places = vec![Vec::new(); self.stage.product(kind).length];
        for (place, &index) in indices.iter().enumerate() {
            places[index].push(place);
        }
        let mut block = vec![S::zero(); size * size];
        let unit = |k: usize, i| unit_lanes::<S, 1>(indices[k], i)[0];
        self.apply_all(kind, size, unit, |k, i, entry| {
            for place in &places[i] {
                block[k * size + place] = entry;
            }
        })?;
        symmetrize(size, &mut block);
        Ok(Matrix::from_rows(size, size, block))
    }
}
