//! Random vectors to multiply by, and their products.

use dualtape_autodiff::Real;
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

use super::operator::LinearOperator;
use super::vector::first_non_finite;
use crate::error::Error;

/// Vectors multiplied at once: as many as the engine carries through a pass at little more than the cost of one.
pub(crate) const AT_ONCE: usize = 8;

/// Vectors `v` with `E[v vᵀ] = I`: independent signs (Rademacher), which of all such distributions with independent
/// entries give the least variance of `vᵀAv`; or, if so many are asked for that they cost as much as the whole matrix,
/// the vectors `√n eᵢ`, whose mean is exact.
#[derive(Debug)]
pub(crate) struct Probes {
    n: usize,
    count: usize,
    rng: ChaCha8Rng,
}

impl Probes {
    pub(crate) fn new(n: usize, count: usize, seed: u64) -> Self {
        Probes { n, count: count.min(n), rng: ChaCha8Rng::seed_from_u64(seed) }
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Whether the mean over the probes has no sampling error.
    pub(crate) fn exhaustive(&self) -> bool {
        self.count == self.n
    }

    /// Groups of at most [`AT_ONCE`] probes, one after the other in one slice.
    pub(crate) fn groups<S: Real>(mut self) -> impl Iterator<Item = Vec<S>> {
        let starts = (0..self.count).step_by(AT_ONCE);
        starts.map(move |first| {
            let members = first..self.count.min(first + AT_ONCE);
            let mut group = vec![S::zero(); members.len() * self.n];
            if self.exhaustive() {
                for (probe, i) in group.chunks_exact_mut(self.n).zip(members) {
                    probe[i] = S::constant((self.n as f64).sqrt());
                }
            } else {
                signs(&mut self.rng, &mut group);
            }
            group
        })
    }
}

/// Fills with independent signs.
pub(crate) fn signs<S: Real>(rng: &mut ChaCha8Rng, out: &mut [S]) {
    for out in out {
        *out = if rng.random() { S::one() } else { -S::one() };
    }
}

/// The products with all vectors of `vs`, which are finite.
pub(crate) fn products<S: Real>(a: &dyn LinearOperator<S>, vs: &[S]) -> Result<Vec<S>, Error> {
    let mut products = vec![S::zero(); vs.len()];
    a.apply_many(vs, &mut products)?;
    check_finite(&products, a.dim())?;
    Ok(products)
}

/// `Ok` if products, one after the other, are finite.
pub(crate) fn check_finite<S: Real>(products: &[S], n: usize) -> Result<(), Error> {
    match first_non_finite(products) {
        None => Ok(()),
        Some(k) => Err(Error::NonFiniteProduct { component: k % n, value: products[k].as_f64() }),
    }
}

/// `Err` of an operator that has no parameters.
pub(crate) fn dimension<S: Real>(a: &dyn LinearOperator<S>) -> Result<usize, Error> {
    match a.dim() {
        0 => Err(Error::Empty),
        n => Ok(n),
    }
}
