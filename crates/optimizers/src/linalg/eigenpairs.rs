//! The largest and the smallest eigenvalues with their vectors: block Lanczos with thick restarts.

use dualtape_autodiff::Real;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

use super::basis::{Basis, normal_deviates, normalize};
use super::dense::Eigen;
use super::operator::LinearOperator;
use super::probes::{dimension, products};
use super::vector::{axpy, dot, norm};
use crate::check::{require, require_count};
use crate::error::Error;

/// The largest and the smallest eigenvalues of a symmetric operator, with their vectors, from products alone.
///
/// Block Lanczos with full reorthogonalisation (Golub & Van Loan, §10.3.6), restarted with the wanted Ritz vectors and some
/// of their neighbours (thick restart: Wu & Simon, SIAM J. Matrix Anal. Appl. 22 (2000)), from a random block. Every pair
/// comes with the norm of its residual `r = Au − θu`, which bounds the error: an eigenvalue lies within `‖r‖` of `θ`.
///
/// **What it cannot see.** Lanczos's process from one vector finds one vector of each eigenspace, from a block of `b`
/// vectors `b` of them: with [`block`](ExtremeEigenpairs::block) 1, a double eigenvalue may be reported once, and the next
/// smaller one in its partner's place. In a long run rounding brings in the rest; and where the Krylov space ends, new
/// random vectors do, so that operators of few different eigenvalues, and all small ones (`n` up to the size of the
/// basis), are seen whole. A residual bounds the distance to *some* eigenvalue; that none farther out was missed is as
/// certain as a random start is.
///
/// **Defaults**: residuals of `√ε` relative to the largest magnitude found (the eigenvalue is then far closer, by
/// `‖r‖²/gap`), blocks of 4, at most 2000 products, a basis of `max(60, 3k + 12b)` vectors, kept with
/// their images. Pairs that did not get that far say so.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::record;
/// use dualtape_optimizers::{ExtremeEigenpairs, prelude::*};
///
/// // Σ i xᵢ²/2 − 5 x₀²
/// let x = [0.5; 200];
/// let f = record(&x).function(|x| {
///     let squares = x.iter().enumerate().map(|(i, &x)| x.powi(2) * (0.5 * i as f64));
///     squares.fold(x[0].powi(2) * -5.0, |sum, square| sum + square)
/// })?;
/// let at = Objective::linearize(&f, &x)?;
/// let found = ExtremeEigenpairs::new(2, 1).find(at.hessian())?;
/// let values: Vec<f64> = found.largest.iter().chain(&found.smallest).map(|pair| pair.value).collect();
/// for (value, exact) in values.iter().zip([199.0, 198.0, -10.0]) {
///     assert!((value - exact).abs() < 1e-9);
/// }
/// assert!(found.converged() && found.smallest[0].vector[0].abs() > 1.0 - 1e-9);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct ExtremeEigenpairs {
    largest: usize,
    smallest: usize,
    block: usize,
    max_products: usize,
    tolerance: Option<f64>,
    seed: u64,
}

/// An approximate eigenvalue with its vector.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RitzPair<S> {
    /// `θ = uᵀAu`.
    pub value: f64,
    /// `u`, of unit length.
    pub vector: Vec<S>,
    /// `‖Au − θu‖`: an eigenvalue of `A` is not farther from `θ` than that.
    pub residual: f64,
    /// Whether the residual is within the tolerance.
    pub converged: bool,
}

/// What [`ExtremeEigenpairs`] found.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Extremes<S> {
    /// The largest eigenvalues, from the largest down.
    pub largest: Vec<RitzPair<S>>,
    /// The smallest eigenvalues, from the smallest (the most negative) up.
    pub smallest: Vec<RitzPair<S>>,
    /// All eigenvalues in ascending order, if the operator was small enough to be seen whole.
    pub spectrum: Option<Vec<f64>>,
    /// Products made.
    pub products: usize,
}

impl<S> Extremes<S> {
    /// Whether all residuals are within the tolerance.
    pub fn converged(&self) -> bool {
        self.largest.iter().chain(&self.smallest).all(|pair| pair.converged)
    }
}

impl ExtremeEigenpairs {
    /// So many of the largest and of the smallest eigenvalues; as many as there are, if those are fewer.
    pub fn new(largest: usize, smallest: usize) -> Self {
        let (block, max_products) = (4, 2000);
        ExtremeEigenpairs { largest, smallest, block, max_products, tolerance: None, seed: 0 }
    }

    /// Vectors in a block: the multiplicity up to which eigenvalues are seen as often as they are there. Default 4.
    #[must_use]
    pub fn block(mut self, block: usize) -> Self {
        self.block = block;
        self
    }

    /// Products allowed; the first block is made in any case. Default 2000.
    #[must_use]
    pub fn max_products(mut self, products: usize) -> Self {
        self.max_products = products;
        self
    }

    /// Residual at which a pair has converged, relative to the largest magnitude found. Default `√ε`.
    #[must_use]
    pub fn tolerance(mut self, tolerance: f64) -> Self {
        self.tolerance = Some(tolerance);
        self
    }

    /// Seed of the random block. Default 0.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Finds them.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`], [`Error::Empty`], [`Error::NonFiniteProduct`], [`Error::Eigenvalues`], and whatever the
    /// operator refuses.
    pub fn find<S: Real>(&self, a: &dyn LinearOperator<S>) -> Result<Extremes<S>, Error> {
        let n = dimension(a)?;
        require_count("block", self.block)?;
        let tolerance = self.tolerance.unwrap_or_else(|| S::epsilon().as_f64().sqrt());
        require("tolerance", tolerance, "in (0, 1)", |t| t > 0.0 && t < 1.0)?;
        let wanted = Wanted { largest: self.largest.min(n), smallest: self.smallest.min(n) };
        let capacity = (3 * (wanted.largest + wanted.smallest) + 12 * self.block).max(60).min(n);
        let mut space = Space::new(n, self.block, self.seed);
        loop {
            space.expand(a)?;
            let ritz = space.ritz()?;
            let complete = space.basis.len() == n;
            let spent = space.products >= self.max_products;
            let settled = || wanted.indices(n.min(ritz.len())).all(|k| ritz.within(k, tolerance));
            if complete || spent || (wanted.available(&ritz) && settled()) {
                return Ok(space.extremes(&wanted, &ritz, tolerance));
            }
            if space.basis.len() + space.block.len() > capacity {
                space.restart(&ritz, &wanted.kept(ritz.len(), capacity, self.block));
            }
        }
    }
}

/// How many are wanted of each end.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    largest: usize,
    smallest: usize,
}

impl Wanted {
    fn available(&self, ritz: &Ritz) -> bool {
        self.largest + self.smallest <= ritz.len()
    }

    /// Those of `m` Ritz values in ascending order.
    fn indices(&self, m: usize) -> impl Iterator<Item = usize> + use<> {
        let (low, high) = (self.smallest.min(m), m - self.largest.min(m));
        (0..m).filter(move |&k| k < low || k >= high)
    }

    /// What to keep of `m` at a restart: the wanted ones, and half of what then remains free, from the same ends.
    fn kept(&self, m: usize, capacity: usize, block: usize) -> Vec<usize> {
        let free = capacity.saturating_sub(self.largest + self.smallest + 2 * block);
        let ends = usize::from(self.largest > 0) + usize::from(self.smallest > 0);
        let more = free / 2 / ends.max(1);
        let grown = |count: usize| if count > 0 { count + more } else { 0 };
        let wider = Wanted { largest: grown(self.largest), smallest: grown(self.smallest) };
        wider.indices(m).collect()
    }
}

/// The space searched: `Q`, `AQ`, `T = QᵀAQ`, and the block to be added next.
struct Space<S> {
    n: usize,
    basis: Basis<S>,
    images: Basis<S>,
    /// Rows of the lower triangle of `T`.
    projected: Vec<Vec<f64>>,
    /// Orthonormal, and orthogonal to `Q`.
    block: Basis<S>,
    width: usize,
    /// How the newest images lie in `block`: all that `AQ` has outside `Q`.
    coupling: Vec<Vec<f64>>,
    rng: ChaCha8Rng,
    products: usize,
}

/// The eigenpairs of `T`, with the norms of their residuals.
struct Ritz {
    eigen: Eigen,
    residuals: Vec<f64>,
}

impl Ritz {
    fn len(&self) -> usize {
        self.residuals.len()
    }

    /// The largest magnitude found.
    fn size(&self) -> f64 {
        let values = &self.eigen.values;
        values[0].abs().max(values[values.len() - 1].abs())
    }

    fn within(&self, k: usize, tolerance: f64) -> bool {
        self.residuals[k] <= tolerance * self.size()
    }
}

impl<S: Real> Space<S> {
    fn new(n: usize, width: usize, seed: u64) -> Self {
        let mut space = Space {
            n,
            basis: Basis::new(n),
            images: Basis::new(n),
            projected: Vec::new(),
            block: Basis::new(n),
            width: width.min(n),
            coupling: Vec::new(),
            rng: ChaCha8Rng::seed_from_u64(seed),
            products: 0,
        };
        space.fill_up();
        space
    }

    /// Random vectors take the places that are free in the block.
    fn fill_up(&mut self) {
        let mut fresh = vec![S::zero(); self.n];
        while self.block.len() < self.width.min(self.n - self.basis.len()) {
            normal_deviates(&mut self.rng, &mut fresh);
            normalize(&mut fresh);
            self.make_orthogonal(&mut fresh);
            normalize(&mut fresh);
            // Once more, as little may have been left of it.
            self.make_orthogonal(&mut fresh);
            normalize(&mut fresh);
            self.block.push(&fresh);
        }
    }

    fn make_orthogonal(&self, w: &mut [S]) -> S {
        self.basis.orthogonalize(w);
        self.block.orthogonalize(w);
        self.basis.orthogonalize(w)
    }

    /// Takes the block in, and makes the next one of what its images have outside.
    fn expand(&mut self, a: &dyn LinearOperator<S>) -> Result<(), Error> {
        let images = products(a, self.block.as_slice())?;
        let added = self.block.len();
        self.products += added;
        for (q, image) in self.block.vectors().zip(images.chunks_exact(self.n)) {
            self.basis.push(q);
            self.images.push(image);
            let row = self.basis.vectors().map(|q| dot(q, image).as_f64()).collect();
            self.projected.push(row);
        }
        self.block = Basis::new(self.n);
        self.coupling = Vec::new();
        let size = images.chunks_exact(self.n).map(|v| norm(v).as_f64()).fold(0.0, f64::max);
        let floor = S::constant(10.0 * S::epsilon().as_f64() * size);
        for image in images.chunks_exact(self.n) {
            let mut rest = image.to_vec();
            let length = self.make_orthogonal(&mut rest);
            let room = self.basis.len() + self.block.len() < self.n;
            if room && length > floor {
                normalize(&mut rest);
                self.block.push(&rest);
            }
        }
        for image in images.chunks_exact(self.n) {
            let row = self.block.vectors().map(|p| dot(p, image).as_f64()).collect();
            self.coupling.push(row);
        }
        self.fill_up();
        Ok(())
    }

    /// The Ritz pairs. `‖Au − θu‖` follows from how the newest vectors, the last in the basis, couple to the next block.
    fn ritz(&self) -> Result<Ritz, Error> {
        let m = self.basis.len();
        let mut dense = vec![0.0; m * m];
        for (i, row) in self.projected.iter().enumerate() {
            for (j, &entry) in row.iter().enumerate() {
                (dense[i * m + j], dense[j * m + i]) = (entry, entry);
            }
        }
        // The entries are finite, as the products are.
        let eigen = Eigen::new(m, &dense)?.ok_or(Error::Eigenvalues { dim: m })?;
        let newest = m - self.coupling.len();
        let residual = |k: usize| {
            let y = eigen.vector::<f64>(k);
            let width = self.coupling.first().map_or(0, Vec::len);
            let component = |p: usize| -> f64 {
                self.coupling.iter().zip(&y[newest..]).map(|(row, y)| row[p] * y).sum()
            };
            (0..width).map(component).fold(0.0, f64::hypot)
        };
        let residuals = (0..m).map(residual).collect();
        Ok(Ritz { eigen, residuals })
    }

    /// Goes on with some Ritz vectors in place of the whole basis; the next block remains what it is.
    fn restart(&mut self, ritz: &Ritz, kept: &[usize]) {
        let (mut basis, mut images) = (Basis::new(self.n), Basis::new(self.n));
        let mut projected = Vec::with_capacity(kept.len());
        for (row, &k) in kept.iter().enumerate() {
            let y = ritz.eigen.vector::<S>(k);
            basis.push(&self.basis.combine(&y));
            images.push(&self.images.combine(&y));
            let mut entries = vec![0.0; row + 1];
            entries[row] = ritz.eigen.values[k];
            projected.push(entries);
        }
        (self.basis, self.images, self.projected) = (basis, images, projected);
    }

    fn extremes(&self, wanted: &Wanted, ritz: &Ritz, tolerance: f64) -> Extremes<S> {
        let m = ritz.len();
        let size = ritz.size();
        let pair = |k: usize| {
            let y = ritz.eigen.vector::<S>(k);
            let (mut vector, mut residual) = (self.basis.combine(&y), self.images.combine(&y));
            let value = ritz.eigen.values[k];
            axpy(S::constant(-value), &vector, &mut residual);
            normalize(&mut vector);
            let residual = norm(&residual).as_f64();
            RitzPair { value, vector, residual, converged: residual <= tolerance * size }
        };
        Extremes {
            largest: (m - wanted.largest.min(m)..m).rev().map(pair).collect(),
            smallest: (0..wanted.smallest.min(m)).map(pair).collect(),
            spectrum: (m == self.n).then(|| ritz.eigen.values.clone()),
            products: self.products,
        }
    }
}
