//! Lanczos's process with full reorthogonalisation: the only one of the crate.

use dualtape_autodiff::Real;

use super::basis::Basis;
use super::dense::Eigen;
use super::operator::LinearOperator;
use super::vector::{dot, norm};
use crate::error::Error;

/// An orthonormal basis `Q` of the Krylov space `span{b, Ab, …, Aᵏ⁻¹b}` and the tridiagonal `T = QᵀAQ`, grown step by step:
///
/// ```text
/// A Qₖ = Qₖ Tₖ + r eₖᵀ,    βₖ = ‖r‖
/// ```
///
/// Every new vector is made orthogonal to all earlier ones, twice (Parlett, *The Symmetric Eigenvalue Problem*, §6.9 and
/// §13.1), so that no eigenvalue appears more than once by rounding. What it cannot see, in exact arithmetic: more than
/// one vector of each eigenspace, and eigenspaces orthogonal to the start. `k` products, `k n` numbers of memory,
/// `O(k² n)` operations.
///
/// ```text
/// let mut lanczos = Lanczos::new(&gradient);       // remainder() = ‖gradient‖
/// while lanczos.steps() < 20 && lanczos.step(hessian)? { … lanczos.tridiagonal() … }
/// let x = lanczos.basis().combine(&coefficients);
/// ```
#[derive(Debug, Clone)]
pub(crate) struct Lanczos<S> {
    basis: Basis<S>,
    tridiagonal: Tridiagonal,
    /// What is left of the newest product (before the first step: the start), with its length.
    rest: Vec<S>,
    remainder: S,
    /// A remainder up to this is rounding.
    floor: f64,
    /// Whether `rest` is no product, but a vector to go on from.
    anew: bool,
}

/// A symmetric tridiagonal matrix.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tridiagonal {
    /// `α₁ … αₖ`.
    pub(crate) diagonal: Vec<f64>,
    /// `β₁ … βₖ₋₁`.
    pub(crate) off_diagonal: Vec<f64>,
}

impl Tridiagonal {
    /// All eigenvalues and eigenvectors, `O(k³)`; `None` if an entry is not finite.
    pub(crate) fn eigen(&self) -> Result<Option<Eigen>, Error> {
        let k = self.diagonal.len();
        let mut dense = vec![0.0; k * k];
        for i in 0..k {
            dense[i * k + i] = self.diagonal[i];
            if i + 1 < k {
                dense[i * k + i + 1] = self.off_diagonal[i];
                dense[(i + 1) * k + i] = self.off_diagonal[i];
            }
        }
        Eigen::new(k, &dense)
    }

    /// An upper bound of the largest eigenvalue's magnitude, at most twice too large: the largest sum of a row.
    pub(crate) fn size(&self) -> f64 {
        let beta = |i: usize| self.off_diagonal.get(i).copied().unwrap_or(0.0);
        let row =
            |i: usize| self.diagonal[i].abs() + beta(i) + if i > 0 { beta(i - 1) } else { 0.0 };
        (0..self.diagonal.len()).map(row).fold(0.0, f64::max)
    }
}

impl<S: Real> Lanczos<S> {
    /// The process from `start`, which need not be of unit length; a start of zeros spans nothing.
    pub(crate) fn new(start: &[S]) -> Self {
        Lanczos {
            basis: Basis::new(start.len()),
            tridiagonal: Tridiagonal::default(),
            rest: start.to_vec(),
            remainder: norm(start),
            floor: 0.0,
            anew: false,
        }
    }

    /// Goes on from another vector, where the space is invariant: `T` then consists of blocks, with a 0 between them.
    pub(crate) fn go_on_from(&mut self, vector: &[S]) {
        self.rest.copy_from_slice(vector);
        // How much of the vector is new has nothing to do with the size of the matrix.
        self.floor = Self::floor_of(norm(vector).as_f64());
        self.remainder = self.basis.orthogonalize(&mut self.rest);
        self.anew = true;
    }

    /// The steps made, `k`.
    pub(crate) fn steps(&self) -> usize {
        self.tridiagonal.diagonal.len()
    }

    /// `q₁ … qₖ`.
    pub(crate) fn basis(&self) -> &Basis<S> {
        &self.basis
    }

    /// `Tₖ`.
    pub(crate) fn tridiagonal(&self) -> &Tridiagonal {
        &self.tridiagonal
    }

    /// `βₖ`, the part of the newest product that lies outside the space; before the first step the length of the start.
    pub(crate) fn remainder(&self) -> S {
        self.remainder
    }

    /// Whether there is no further direction: the space is invariant to rounding, so that the eigenvalues of `T` are
    /// some of `A`'s; or a product was not finite.
    pub(crate) fn exhausted(&self) -> bool {
        let k = self.steps();
        !(self.remainder.is_finite() && self.remainder.as_f64() > self.floor)
            || (k > 0 && k == self.rest.len())
    }

    /// What rounding leaves of terms of this size that cancel.
    fn floor_of(size: f64) -> f64 {
        10.0 * S::epsilon().as_f64() * size
    }

    /// Makes a step; false, without a product, if [exhausted](Lanczos::exhausted).
    pub(crate) fn step(&mut self, a: &dyn LinearOperator<S>) -> Result<bool, Error> {
        if self.exhausted() {
            return Ok(false);
        }
        self.extend();
        a.apply(self.basis.vector(self.steps()), &mut self.rest)?;
        self.absorb();
        Ok(true)
    }

    /// The first half of a step, for who multiplies several at once: the vector to multiply; `None` if
    /// [exhausted](Lanczos::exhausted).
    pub(crate) fn begin(&mut self) -> Option<&[S]> {
        if self.exhausted() {
            return None;
        }
        self.extend();
        Some(self.basis.vector(self.steps()))
    }

    /// The second half: takes the product of the vector that [`begin`](Lanczos::begin) gave.
    pub(crate) fn finish(&mut self, product: &[S]) {
        self.rest.copy_from_slice(product);
        self.absorb();
    }

    /// `qₖ₊₁ = r/β`.
    fn extend(&mut self) {
        if self.steps() > 0 {
            let coupling = if self.anew { 0.0 } else { self.remainder.as_f64() };
            self.tridiagonal.off_diagonal.push(coupling);
            self.anew = false;
        }
        // Not by the reciprocal, which overflows where the length is subnormal.
        self.rest.iter_mut().for_each(|v| *v /= self.remainder);
        self.basis.push(&self.rest);
    }

    fn absorb(&mut self) {
        let newest = self.basis.vector(self.basis.len() - 1);
        self.tridiagonal.diagonal.push(dot(newest, &self.rest).as_f64());
        self.remainder = self.basis.orthogonalize(&mut self.rest);
        self.floor = Self::floor_of(self.tridiagonal.size());
    }
}

#[cfg(test)]
mod tests {
    use super::super::operator::Diagonal;
    use super::*;

    #[test]
    fn the_relation_holds_and_the_basis_stays_orthogonal() {
        // An eigenvalue far off converges within a few steps; that is when orthogonality would be lost.
        let mut diagonal: Vec<f64> = (0..60).map(|i| f64::from(i) / 60.0).collect();
        diagonal[17] = 1e4;
        let a = Diagonal::new(diagonal);
        let start: Vec<f64> = (0..60).map(|i| 1.0 + 0.1 * f64::from(i * i % 7)).collect();
        let mut lanczos = Lanczos::new(&start);
        assert!((lanczos.remainder() - norm(&start)).abs() < 1e-12);
        while lanczos.steps() < 30 {
            assert!(lanczos.step(&a).unwrap());
        }
        let (t, q) = (lanczos.tridiagonal(), lanczos.basis());
        for i in 0..30 {
            let mut image = vec![0.0; 60];
            a.apply(q.vector(i), &mut image).unwrap();
            for j in 0..30 {
                let expected = match i.abs_diff(j) {
                    0 => t.diagonal[i],
                    1 => t.off_diagonal[i.min(j)],
                    _ => 0.0,
                };
                assert!((dot(&image, q.vector(j)) - expected).abs() < 1e-10, "{i} {j}");
                let identity = f64::from(u8::from(i == j));
                assert!((dot(q.vector(i), q.vector(j)) - identity).abs() < 1e-14, "{i} {j}");
            }
        }
    }

    #[test]
    fn an_invariant_space_ends_the_process() {
        let a = Diagonal::new([vec![2.0; 20], vec![-3.0; 20]].concat());
        let start: Vec<f64> = (0..40).map(|i| f64::from(i) - 7.3).collect();
        let mut lanczos = Lanczos::new(&start);
        while lanczos.step(&a).unwrap() {}
        assert_eq!(lanczos.steps(), 2);
        let eigen = lanczos.tridiagonal().eigen().unwrap().unwrap();
        assert!((eigen.values[0] + 3.0).abs() < 1e-14 && (eigen.values[1] - 2.0).abs() < 1e-14);
        assert!(!Lanczos::new(&[0.0; 3]).step(&Diagonal::new(vec![1.0; 3])).unwrap());
    }

    #[test]
    fn a_new_start_is_seen_whatever_the_size_of_the_matrix() {
        for size in [1e-300, 1.0, 1e20, 1e300] {
            let a = Diagonal::new(vec![size, -0.5 * size, 0.0]);
            let mut lanczos = Lanczos::new(&[size, 0.0, 0.0]);
            assert!(lanczos.step(&a).unwrap() && lanczos.exhausted());
            lanczos.go_on_from(&[0.6, 0.8, 0.1]);
            while lanczos.step(&a).unwrap() {}
            assert_eq!(lanczos.steps(), 3, "{size:e}");
            let eigen = lanczos.tridiagonal().eigen().unwrap().unwrap();
            assert!((eigen.values[0] / size + 0.5).abs() < 1e-14, "{size:e}: {:?}", eigen.values);
        }
    }
}
