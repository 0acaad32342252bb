//! The memory that evaluations write to, kept from one to the next.

use std::mem;
use std::ops::{Deref, DerefMut};

use super::derived::Origin;
use super::lanes::{LANES, LaneProgram, LaneWorkspace};
use super::product::ProductKind;
use crate::error::Error;
use crate::number::Real;
use crate::program::{Coefficients, Workspace};

/// A map from directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Map {
    /// This product.
    Product(ProductKind),
    /// The strip of this number of the Hessian.
    Strip(usize),
}

/// What is computed at a point when it is first asked for there.
#[derive(Clone, Debug, Default)]
struct AtPoint<T> {
    is_current: bool,
    memory: T,
}

/// What an evaluation writes to: a pointer, so that handing it on costs nothing.
#[derive(Clone, Debug)]
pub(crate) struct Memory<S>(Option<Box<Buffers<S>>>);

impl<S> Memory<S> {
    /// This memory, which is not used here any more.
    pub(super) fn handed_on(&mut self) -> Self {
        Self(self.0.take())
    }
}

impl<S: Real> Default for Memory<S> {
    fn default() -> Self {
        Self(Some(Box::default()))
    }
}

impl<S> Deref for Memory<S> {
    type Target = Buffers<S>;

    #[inline]
    fn deref(&self) -> &Buffers<S> {
        self.0.as_ref().expect("memory that has not been handed on")
    }
}

impl<S> DerefMut for Memory<S> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Buffers<S> {
        self.0.as_mut().expect("memory that has not been handed on")
    }
}

/// All results of a program at a point, and what its products need beside.
#[derive(Clone, Debug, Default)]
pub(crate) struct Buffers<S> {
    pub workspace: Workspace<S>,
    /// Of the linear part of each product.
    coefficients: Vec<(ProductKind, AtPoint<Coefficients<S>>)>,
    /// Of each map of several directions at once.
    batched: Vec<(Map, AtPoint<LaneWorkspace<S>>)>,
    /// The tangents of one direction, of four, and of eight.
    pub(super) single: Vec<[S; 1]>,
    pub(super) four: Vec<[S; 4]>,
    pub(super) lanes: Vec<[S; LANES]>,
    /// All directions of a program, flat, where one product's is not all there is.
    pub(super) direction: Vec<S>,
    /// One product, where several are wanted.
    pub(super) product: Vec<S>,
}

impl<S: Real> Buffers<S> {
    /// What has been computed for products belongs to a point that is left.
    pub(super) fn leave(&mut self) {
        self.coefficients.iter_mut().for_each(|(_, kept)| kept.is_current = false);
        self.batched.iter_mut().for_each(|(_, kept)| kept.is_current = false);
    }

    /// The workspace of a map of several directions, what does not depend on them evaluated.
    pub(super) fn batched(
        &mut self,
        map: Map,
        program: &LaneProgram<S>,
        origin: Origin<'_, S>,
    ) -> Result<&mut LaneWorkspace<S>, Error> {
        let AtPoint { is_current, memory } = entry(&mut self.batched, map);
        if !*is_current {
            program.evaluate(memory, origin)?;
            *is_current = true;
        }
        Ok(memory)
    }

    /// The coefficients of the linear part of a product, by `freeze` if they are not there yet, and the values of all
    /// instructions.
    pub(super) fn coefficients(
        &mut self,
        kind: ProductKind,
        freeze: impl FnOnce(&[S], &mut Coefficients<S>),
    ) -> (&Coefficients<S>, &[S]) {
        let AtPoint { is_current, memory } = entry(&mut self.coefficients, kind);
        if !mem::replace(is_current, true) {
            freeze(&self.workspace.values, memory);
        }
        (memory, &self.workspace.values)
    }
}

/// What belongs to a key; what is new is empty.
fn entry<K: PartialEq, T: Default>(entries: &mut Vec<(K, T)>, key: K) -> &mut T {
    let found = entries.iter().position(|(other, _)| *other == key);
    let index = found.unwrap_or_else(|| {
        entries.push((key, T::default()));
        entries.len() - 1
    });
    &mut entries[index].1
}
