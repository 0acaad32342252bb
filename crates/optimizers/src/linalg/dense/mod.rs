//! Dense factorizations: the only files that name the linear-algebra library.
//!
//! Everything runs in double precision and on one thread, whatever the number type of the objective: a Hessian in `f32`
//! is worth solving accurately, and the order of the sums never changes.
//!
//! | file | |
//! |---|---|
//! | `mod.rs` | symmetric matrices: factors, eigenvalues, products |
//! | `qr.rs` | least squares by orthogonal factorization |
//! | `shifted_cholesky.rs` | Cholesky factors for one shift after the other |

mod qr;
mod shifted_cholesky;

pub(crate) use qr::LeastSquaresFactors;
pub(crate) use shifted_cholesky::ShiftedCholesky;

use dualtape_autodiff::Real;
use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::lblt::factor::{
    LbltParams, PivotingStrategy, cholesky_in_place, cholesky_in_place_scratch,
};
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::linalg::matmul::matmul;
use faer::linalg::triangular_solve::{
    solve_unit_lower_triangular_in_place, solve_unit_upper_triangular_in_place,
};
use faer::{Accum, Auto, Mat, Par, Spec};

use crate::error::Error;
use crate::linalg::vector::{axpy, dot};

/// What to do with the eigenvalues of the block-diagonal factor before solving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pivots {
    /// Solve with the matrix as it is.
    Exact,
    /// Replace each eigenvalue `λ` of `B` by `max(|λ|, δ)`, which makes the matrix positive definite.
    Absolute,
}

/// `P D A D Pᵀ = L B Lᵀ` with rook pivoting (bounded `L`), where `D` balances the diagonal of what may be definite and `B` has blocks of order
/// 1 and 2, here kept by their eigenvalues and eigenvectors.
///
/// Bunch & Kaufman (1977); bounded pivoting and modification by blocks: Cheng & Higham, "A modified Cholesky algorithm
/// based on a symmetric indefinite factorization", SIAM J. Matrix Anal. Appl. 19 (1998).
#[derive(Debug)]
pub(crate) struct SymmetricFactors {
    unit_lower: Mat<f64>,
    blocks: Vec<Block>,
    order: Vec<usize>,
    balance: Vec<f64>,
}

/// A diagonal block `Q diag(λ) Qᵀ` of order 1 (`cosine = 1`, one eigenvalue) or 2.
#[derive(Debug, Clone, Copy)]
struct Block {
    eigenvalues: [f64; 2],
    cosine: f64,
    sine: f64,
    order: usize,
}

impl Block {
    fn one(value: f64) -> Block {
        Block { eigenvalues: [value, 0.0], cosine: 1.0, sine: 0.0, order: 1 }
    }

    /// `[a b; b c]` by one Jacobi rotation (Golub & Van Loan, §8.5.2).
    fn two(a: f64, b: f64, c: f64) -> Block {
        let tau = (c - a) / (2.0 * b);
        let t = tau.signum() / (tau.abs() + tau.hypot(1.0));
        let cosine = 1.0 / t.hypot(1.0);
        Block { eigenvalues: [a - t * b, c + t * b], cosine, sine: t * cosine, order: 2 }
    }

    fn eigenvalues_mut(&mut self) -> &mut [f64] {
        &mut self.eigenvalues[..self.order]
    }

    /// `x ← Q diag(1/λ) Qᵀ x`.
    fn solve(&self, x: &mut [f64]) {
        let ([p, q], [c, s]) = (self.eigenvalues, [self.cosine, self.sine]);
        match x {
            [x] => *x /= p,
            [x, y] => {
                let (u, v) = ((c * *x - s * *y) / p, (s * *x + c * *y) / q);
                (*x, *y) = (c * u + s * v, c * v - s * u);
            }
            _ => {}
        }
    }
}

impl SymmetricFactors {
    /// Factors a row-major `n × n` symmetric matrix; `None` if an entry is not finite. `O(n³/3)`.
    pub(crate) fn new<S: Real>(n: usize, a: &[S], pivots: Pivots) -> Option<SymmetricFactors> {
        let mut unit_lower = finite_matrix(n, a)?;
        let balance = balance(&unit_lower);
        for j in 0..n {
            for i in 0..n {
                unit_lower[(i, j)] *= balance[i] * balance[j];
            }
        }
        let (subdiagonal, order) = factor_in_place(&mut unit_lower);
        let mut blocks = Vec::with_capacity(n);
        let mut k = 0;
        while k < n {
            let b = subdiagonal[k];
            let block = if b == 0.0 || k + 1 == n {
                Block::one(unit_lower[(k, k)])
            } else {
                Block::two(unit_lower[(k, k)], b, unit_lower[(k + 1, k + 1)])
            };
            k += block.order;
            blocks.push(block);
        }
        let mut factors = SymmetricFactors { unit_lower, blocks, order, balance };
        if pivots == Pivots::Absolute {
            factors.make_positive(10.0 * n as f64 * S::epsilon().as_f64());
        }
        Some(factors)
    }

    /// `λ ← max(|λ|, δ)` with `δ` at the rounding level of the largest eigenvalue of `B`.
    fn make_positive(&mut self, relative: f64) {
        let eigenvalues = || self.blocks.iter().flat_map(|b| &b.eigenvalues[..b.order]);
        let largest = eigenvalues().fold(0.0, |max: f64, l| max.max(l.abs()));
        let floor = if largest > 0.0 { relative * largest } else { 1.0 };
        for block in &mut self.blocks {
            for value in block.eigenvalues_mut() {
                *value = value.abs().max(floor);
            }
        }
    }

    /// The smallest `|λ|` of `B` relative to the largest: at the level of rounding where `A` is singular, up to the bounded
    /// growth of `L`. 1 if there is nothing.
    pub(crate) fn reciprocal_condition(&self) -> f64 {
        let eigenvalues = self.blocks.iter().flat_map(|b| &b.eigenvalues[..b.order]);
        let (least, most) = eigenvalues.fold((f64::INFINITY, 0.0_f64), |(least, most), l| {
            (least.min(l.abs()), most.max(l.abs()))
        });
        match (least.is_finite(), most > 0.0) {
            (true, true) => least / most,
            (true, false) => 0.0,
            (false, _) => 1.0,
        }
    }

    /// Whether all eigenvalues of `A` are positive, as those of `B` are then (Sylvester's law of inertia).
    pub(crate) fn is_positive_definite(&self) -> bool {
        self.blocks.iter().flat_map(|b| &b.eigenvalues[..b.order]).all(|&l| l > 0.0)
    }

    /// The number of negative eigenvalues of `A` (Sylvester's law of inertia). Zero after
    /// [`Pivots::Absolute`].
    #[cfg(test)]
    fn negative_eigenvalues(&self) -> usize {
        self.blocks.iter().flat_map(|b| &b.eigenvalues[..b.order]).filter(|&&l| l < 0.0).count()
    }

    /// `x ← A⁻¹ x`; infinite or NaN where `A` is singular. `O(n²)`.
    pub(crate) fn solve_in_place<S: Real>(&self, x: &mut [S]) {
        let n = x.len();
        let balanced = |k: usize| x[self.order[k]].as_f64() * self.balance[self.order[k]];
        let mut y = Mat::from_fn(n, 1, |k, _| balanced(k));
        solve_unit_lower_triangular_in_place(self.unit_lower.as_ref(), y.as_mut(), Par::Seq);
        let mut rest = y.col_as_slice_mut(0);
        for block in &self.blocks {
            let (head, tail) = rest.split_at_mut(block.order);
            block.solve(head);
            rest = tail;
        }
        solve_unit_upper_triangular_in_place(self.unit_lower.transpose(), y.as_mut(), Par::Seq);
        for (k, &i) in self.order.iter().enumerate() {
            x[i] = S::constant(y[(k, 0)] * self.balance[i]);
        }
    }
}

/// Powers of two that bring the diagonal to the order of 1, if the matrix may be positive definite (`aᵢⱼ² ≤ aᵢᵢ aⱼⱼ`);
/// scaling a matrix that is not would distort the meaning of `|B|`.
fn balance(a: &Mat<f64>) -> Vec<f64> {
    let n = a.nrows();
    let dominated = |i: usize, j: usize| a[(i, j)].abs() <= a[(i, i)].sqrt() * a[(j, j)].sqrt();
    let may_be_definite = (0..n).all(|i| a[(i, i)] > 0.0 && (0..i).all(|j| dominated(i, j)));
    let scale =
        |i: usize| if may_be_definite { (-0.5 * a[(i, i)].log2()).round().exp2() } else { 1.0 };
    (0..n).map(scale).collect()
}

/// Leaves `L` below the diagonal and the diagonal of `B` on it; returns the subdiagonal of `B` and the order of pivots.
fn factor_in_place(a: &mut Mat<f64>) -> (Vec<f64>, Vec<usize>) {
    let n = a.nrows();
    let mut params = <LbltParams as Auto<f64>>::auto();
    params.pivoting = PivotingStrategy::Rook;
    let params = Spec::new(params);
    let scratch = cholesky_in_place_scratch::<usize, f64>(n, Par::Seq, params);
    let mut memory = MemBuffer::new(scratch);
    let mut subdiagonal = Diag::zeros(n);
    let (mut order, mut inverse) = (vec![0; n], vec![0; n]);
    cholesky_in_place(
        a.as_mut(),
        subdiagonal.as_mut(),
        &mut order,
        &mut inverse,
        Par::Seq,
        MemStack::new(&mut memory),
        params,
    );
    ((0..n).map(|k| subdiagonal[k]).collect(), order)
}

/// Eigenvalues in ascending order, and the eigenvectors on request.
#[derive(Debug)]
pub(crate) struct Eigen {
    pub(crate) values: Vec<f64>,
    vectors: Mat<f64>,
}

impl Eigen {
    /// `A = U diag(λ) Uᵀ` of a row-major `n × n` symmetric matrix; `None` if an entry is not finite. `O(n³)`.
    pub(crate) fn new<S: Real>(n: usize, a: &[S]) -> Result<Option<Eigen>, Error> {
        let Some(a) = finite_matrix(n, a) else { return Ok(None) };
        let mut values = Diag::zeros(n);
        let mut vectors = Mat::zeros(n, n);
        let params = Spec::default();
        let scratch =
            self_adjoint_evd_scratch::<f64>(n, ComputeEigenvectors::Yes, Par::Seq, params);
        self_adjoint_evd(
            a.as_ref(),
            values.as_mut(),
            Some(vectors.as_mut()),
            Par::Seq,
            MemStack::new(&mut MemBuffer::new(scratch)),
            params,
        )
        .map_err(|_| Error::Eigenvalues { dim: n })?;
        Ok(Some(Eigen { values: (0..n).map(|k| values[k]).collect(), vectors }))
    }

    /// The matrix `U diag(f(λ)) Uᵀ`, row by row. `O(n³)`.
    pub(crate) fn function<S: Real>(&self, f: impl Fn(f64) -> f64) -> Vec<S> {
        let n = self.values.len();
        let scaled = Mat::from_fn(n, n, |i, k| self.vectors[(i, k)] * f(self.values[k]));
        let product = scaled * self.vectors.transpose();
        (0..n * n)
            .map(|e| S::constant(0.5 * (product[(e / n, e % n)] + product[(e % n, e / n)])))
            .collect()
    }

    /// `Uᵀ x`
    pub(crate) fn coordinates(&self, x: &[f64]) -> Vec<f64> {
        (0..x.len()).map(|k| dot(self.vectors.col_as_slice(k), x)).collect()
    }

    /// `U c`
    pub(crate) fn combine(&self, coordinates: &[f64]) -> Vec<f64> {
        let mut sum = vec![0.0; self.vectors.nrows()];
        for (k, &c) in coordinates.iter().enumerate() {
            axpy(c, self.vectors.col_as_slice(k), &mut sum);
        }
        sum
    }

    /// The unit eigenvector of the `k`-th smallest eigenvalue.
    pub(crate) fn vector<S: Real>(&self, k: usize) -> Vec<S> {
        self.vectors.col_as_slice(k).iter().map(|&v| S::constant(v)).collect()
    }
}

/// `X diag(w) Xᵀ` for the rows `x` of `X`, `n` entries each, row by row. `O(k²n)` for `k` rows.
pub(crate) fn gram<S: Real>(n: usize, rows: &[S], weights: &[f64]) -> Vec<f64> {
    let k = rows.len() / n.max(1);
    let x = Mat::from_fn(k, n, |i, j| rows[i * n + j].as_f64());
    let weighted = Mat::from_fn(n, k, |j, i| weights[j] * x[(i, j)]);
    let mut products = Mat::zeros(k, k);
    matmul(products.as_mut(), Accum::Replace, x.as_ref(), weighted.as_ref(), 1.0, Par::Seq);
    let mut entries: Vec<f64> = (0..k * k).map(|e| products[(e / k, e % k)]).collect();
    symmetrize(k, &mut entries);
    entries
}

/// `A ← ½(A + Aᵀ)` for a row-major `n × n` matrix.
pub(crate) fn symmetrize<S: Real>(n: usize, a: &mut [S]) {
    let half = S::constant(0.5);
    for i in 0..n {
        for j in 0..i {
            let mean = half * a[i * n + j] + half * a[j * n + i];
            (a[i * n + j], a[j * n + i]) = (mean, mean);
        }
    }
}

fn finite_matrix<S: Real>(n: usize, a: &[S]) -> Option<Mat<f64>> {
    if a.iter().any(|v| !v.is_finite()) {
        return None;
    }
    Some(Mat::from_fn(n, n, |i, j| a[i * n + j].as_f64()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn multiply(n: usize, a: &[f64], x: &[f64]) -> Vec<f64> {
        (0..n).map(|i| (0..n).map(|j| a[i * n + j] * x[j]).sum()).collect()
    }

    fn symmetric(n: usize, entries: &[f64]) -> Vec<f64> {
        let mut a = entries[..n * n].to_vec();
        symmetrize(n, &mut a);
        a
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn exact_pivots_solve_indefinite_systems(
            n in 1_usize..9,
            entries in prop::collection::vec(-1.0..1.0_f64, 64),
            x in prop::collection::vec(-2.0..2.0_f64, 8),
        ) {
            let a = symmetric(n, &entries);
            let eigen = Eigen::new(n, &a).unwrap().unwrap();
            let smallest = eigen.values.iter().fold(f64::MAX, |m, l| m.min(l.abs()));
            prop_assume!(smallest > 1e-3);
            let factors = SymmetricFactors::new(n, &a, Pivots::Exact).unwrap();
            let mut y = multiply(n, &a, &x[..n]);
            factors.solve_in_place(&mut y);
            for (y, x) in y.iter().zip(&x) {
                prop_assert!((y - x).abs() < 1e3 * 8.0 / smallest * f64::EPSILON, "{y} {x}");
            }
            let negative = eigen.values.iter().filter(|&&l| l < 0.0).count();
            prop_assert_eq!(factors.negative_eigenvalues(), negative);
        }

        #[test]
        fn absolute_pivots_give_a_positive_definite_matrix(
            n in 1_usize..9,
            entries in prop::collection::vec(-1.0..1.0_f64, 64),
            x in prop::collection::vec(-2.0..2.0_f64, 8),
        ) {
            let a = symmetric(n, &entries);
            let factors = SymmetricFactors::new(n, &a, Pivots::Absolute).unwrap();
            let mut y = x[..n].to_vec();
            factors.solve_in_place(&mut y);
            prop_assert!(y.iter().zip(&x).map(|(y, x)| x * y).sum::<f64>() > 0.0);
        }

        #[test]
        fn blocks_of_order_two(a in -3.0..3.0_f64, b in 0.1..3.0_f64, c in -3.0..3.0_f64) {
            prop_assume!((a * c - b * b).abs() > 1e-3);
            let block = Block::two(a, b, c);
            let mut x = [a * 0.3 - b * 0.7, b * 0.3 - c * 0.7];
            block.solve(&mut x);
            prop_assert!((x[0] - 0.3).abs() < 1e-9 && (x[1] + 0.7).abs() < 1e-9, "{x:?}");
        }
    }

    #[test]
    fn positive_definite_matrices_are_left_alone_at_any_scale() {
        // condition number 1e16 by scaling alone
        let a = [2.0, 0.5e-8, 0.5e-8, 3e-16];
        let factors = SymmetricFactors::new(2, &a, Pivots::Absolute).unwrap();
        let mut y: [f64; 2] = [2.0 * 0.7 + 0.5e-8 * -1.3, 0.5e-8 * 0.7 + 3e-16 * -1.3];
        factors.solve_in_place(&mut y);
        assert!((y[0] - 0.7).abs() < 1e-7 && (y[1] + 1.3).abs() < 1e-7, "{y:?}");
    }

    #[test]
    fn zero_and_non_finite_matrices() {
        let mut y = [0.25, -4.0];
        SymmetricFactors::new(2, &[0.0; 4], Pivots::Absolute).unwrap().solve_in_place(&mut y);
        assert_eq!(y, [0.25, -4.0]);
        assert!(SymmetricFactors::new(1, &[f64::NAN], Pivots::Absolute).is_none());
    }
}
