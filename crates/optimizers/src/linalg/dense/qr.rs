//! Orthogonal factorization of least-squares problems, plain and damped.

use dualtape_autodiff::Real;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::householder::{
    apply_block_householder_sequence_on_the_left_in_place_scratch,
    apply_block_householder_sequence_on_the_left_in_place_with_conj,
    apply_block_householder_sequence_transpose_on_the_left_in_place_scratch,
    apply_block_householder_sequence_transpose_on_the_left_in_place_with_conj,
};
use faer::linalg::qr::{col_pivoting, no_pivoting};
use faer::linalg::triangular_solve::{
    solve_lower_triangular_in_place, solve_upper_triangular_in_place,
};
use faer::{Conj, Mat, MatMut, MatRef, Par, Spec};

use crate::linalg::vector::norm;

/// `A S P = Q R` of a matrix `A` (`m × n`), with `Qᵀb`: what all problems `min ‖A x + b‖` and their damped relatives need.
///
/// `S` scales the columns to norms between ½ and 1 by powers of two, which costs no accuracy and makes the rank free of
/// the units of `x`; `P` pivots, so that the diagonal of `R` falls. Golub & Van Loan, *Matrix Computations*, 4th edition,
/// §§5.3–5.5.
#[derive(Debug)]
pub(crate) struct LeastSquaresFactors {
    /// `R`, `n × n`.
    upper: Mat<f64>,
    /// The first `n` entries of `Qᵀb`.
    rotated: Mat<f64>,
    scale: Vec<f64>,
    order: Vec<usize>,
    column_norms: Vec<f64>,
    rank: usize,
}

impl LeastSquaresFactors {
    /// Factors `A`, given column after column; `None` if an entry of `A` or `b` is not finite. `O(m n²)`.
    ///
    /// Columns count as dependent where the diagonal of `R` falls below `max(m, n) ε` of its first entry.
    pub(crate) fn new<S: Real>(columns: &[S], b: &[S]) -> Option<Self> {
        let (m, n) = (b.len(), columns.len() / b.len().max(1));
        if columns.iter().chain(b).any(|v| !v.is_finite()) {
            return None;
        }
        let column = |j: usize| &columns[j * m..(j + 1) * m];
        let column_norms: Vec<f64> = (0..n).map(|j| norm(column(j)).as_f64()).collect();
        let scale: Vec<f64> = column_norms.iter().map(|&norm| scale_of(norm)).collect();
        // First a tall factorization without pivots, with b as the last column; then a small one with pivots.
        let tall = triangle(m, n + 1, |i, j| match j < n {
            true => column(j)[i].as_f64() * scale[j],
            false => b[i].as_f64(),
        });
        let mut upper = upper_part(tall.as_ref().get(..n, ..n));
        let mut rotated = tall.as_ref().get(..n, n..).to_owned();
        let order = pivot(&mut upper, &mut rotated);
        let threshold = m.max(n) as f64 * S::epsilon().as_f64() * upper.get(0, 0).abs();
        let rank = (0..n).take_while(|&k| upper[(k, k)].abs() > threshold).count();
        Some(Self { upper, rotated, scale, order, column_norms, rank })
    }

    pub(crate) fn dim(&self) -> usize {
        self.order.len()
    }

    pub(crate) fn rank(&self) -> usize {
        self.rank
    }

    pub(crate) fn column_norms(&self) -> &[f64] {
        &self.column_norms
    }

    /// The norm of the orthogonal projection of `b` on the range of `A`.
    pub(crate) fn projection_norm(&self) -> f64 {
        norm(&self.rotated.col_as_slice(0)[..self.rank])
    }

    /// `x` that minimises `‖A x + b‖`; where `A` has not full rank, the one for which `‖S⁻¹ x‖` is least.
    pub(crate) fn solve(&self) -> Vec<f64> {
        self.solve_shortest(|_| 1.0)
    }

    /// The same, but for deficient rank: the one for which `‖D x‖` is least, `D` diagonal and positive.
    pub(crate) fn solve_in_norm(&self, d: &[f64]) -> Vec<f64> {
        self.solve_shortest(|k| d[self.order[k]] * self.scale[self.order[k]])
    }

    /// With the weight of the `k`-th entry of `Pᵀ S⁻¹ x` in the norm.
    fn solve_shortest(&self, weight: impl Fn(usize) -> f64) -> Vec<f64> {
        let (n, k) = (self.dim(), self.rank);
        let mut y = Mat::zeros(n, 1);
        for i in 0..k {
            y[(i, 0)] = -self.rotated[(i, 0)];
        }
        if k == n {
            solve_upper_triangular_in_place(self.upper.as_ref(), y.as_mut(), Par::Seq);
        } else if k > 0 {
            // W⁻¹ [R₁₁ R₁₂]ᵀ = Z T: the shortest solution is W⁻¹ Z T⁻ᵀ y.
            let mut wide = Mat::from_fn(n, k, |j, i| self.upper[(i, j)] / weight(j));
            let coefficients = reflect(&mut wide);
            let lower = upper_part(wide.as_ref().get(..k, ..));
            solve_lower_triangular_in_place(
                lower.transpose(),
                y.as_mut().get_mut(..k, ..),
                Par::Seq,
            );
            apply_reflections(wide.as_ref(), coefficients.as_ref(), y.as_mut());
            for j in 0..n {
                y[(j, 0)] /= weight(j);
            }
        }
        self.unscaled(y.col_as_slice(0))
    }

    /// The problem with rows `√λ D` below those of `A`, `D` diagonal: `min ‖A x + b‖² + λ ‖D x‖²`. `O(n³)`.
    ///
    /// Moré, "The Levenberg–Marquardt algorithm: implementation and theory" (1978), §3, with reflections for rotations.
    pub(crate) fn damped(&self, lambda: f64, d: &[f64]) -> Damped<'_> {
        let n = self.dim();
        let root = lambda.sqrt();
        let weight = |k: usize| root * d[self.order[k]] * self.scale[self.order[k]];
        let mut augmented = Mat::from_fn(2 * n + 1, n + 1, |i, j| match (i < n, j < n) {
            (true, true) => self.upper[(i, j)],
            (true, false) => self.rotated[(i, 0)],
            (false, true) if i == n + j => weight(j),
            (false, _) => 0.0,
        });
        reflect(&mut augmented);
        let upper = upper_part(augmented.as_ref().get(..n, ..n));
        Damped { factors: self, upper, rotated: augmented.as_ref().get(..n, n..).to_owned() }
    }

    /// `‖A x‖`.
    pub(crate) fn image_norm(&self, x: &[f64]) -> f64 {
        let y = self.scaled(x, |x, s| x / s);
        norm((&self.upper * &y).col_as_slice(0))
    }

    /// The rows of `W` with `W Wᵀ = (AᵀA)⁻¹`, `n` entries each, for a matrix of full rank: `W = S P R⁻¹`.
    pub(crate) fn inverse_root(&self) -> Vec<f64> {
        let n = self.dim();
        let mut inverse = Mat::identity(n, n);
        solve_upper_triangular_in_place(self.upper.as_ref(), inverse.as_mut(), Par::Seq);
        let mut rows = vec![0.0; n * n];
        for (k, &i) in self.order.iter().enumerate() {
            for j in 0..n {
                rows[i * n + j] = self.scale[i] * inverse[(k, j)];
            }
        }
        rows
    }

    /// A unit vector on which `A` vanishes to rounding, if there is one.
    pub(crate) fn null_direction(&self) -> Option<Vec<f64>> {
        let (n, k) = (self.dim(), self.rank);
        if k == n {
            return None;
        }
        let mut y = Mat::zeros(n, 1);
        for i in 0..k {
            y[(i, 0)] = -self.upper[(i, k)];
        }
        let (corner, head) = (self.upper.as_ref().get(..k, ..k), y.as_mut().get_mut(..k, ..));
        solve_upper_triangular_in_place(corner, head, Par::Seq);
        y[(k, 0)] = 1.0;
        let mut direction = self.unscaled(y.col_as_slice(0));
        let length = norm(&direction);
        direction.iter_mut().for_each(|x| *x /= length);
        Some(direction)
    }

    /// `S P y`.
    fn unscaled(&self, y: &[f64]) -> Vec<f64> {
        let mut x = vec![0.0; y.len()];
        for (&i, y) in self.order.iter().zip(y) {
            x[i] = self.scale[i] * y;
        }
        x
    }

    /// `Pᵀ` of a vector whose entries are `scaled` first.
    fn scaled(&self, x: &[f64], scaled: impl Fn(f64, f64) -> f64) -> Mat<f64> {
        Mat::from_fn(self.dim(), 1, |k, _| scaled(x[self.order[k]], self.scale[self.order[k]]))
    }
}

/// The factors of a damped problem.
#[derive(Debug)]
pub(crate) struct Damped<'f> {
    factors: &'f LeastSquaresFactors,
    upper: Mat<f64>,
    rotated: Mat<f64>,
}

impl Damped<'_> {
    /// The minimiser.
    pub(crate) fn solve(&self) -> Vec<f64> {
        let mut y = -&self.rotated;
        solve_upper_triangular_in_place(self.upper.as_ref(), y.as_mut(), Par::Seq);
        self.factors.unscaled(y.col_as_slice(0))
    }

    /// `qᵀ (AᵀA + λD²)⁻¹ q`.
    pub(crate) fn inverse_form(&self, q: &[f64]) -> f64 {
        let mut y = self.factors.scaled(q, |q, s| q * s);
        solve_lower_triangular_in_place(self.upper.transpose(), y.as_mut(), Par::Seq);
        norm(y.col_as_slice(0)).powi(2)
    }
}

/// A power of two that brings a column of this norm to a norm between ½ and 1.
fn scale_of(norm: f64) -> f64 {
    if norm.is_normal() { (-norm.log2().ceil()).clamp(-1000.0, 1000.0).exp2() } else { 1.0 }
}

/// Rows that are factored at once: few enough to stay in the cache, with a matrix for them that is used again and again.
const ROWS: usize = 256;

/// `R` of the tall matrix of these entries, in the upper triangle of the first rows of the result (what is below is not part of
/// it): rows are taken in one group after another, each below the `R` of those before (Demmel, Grigori, Hoemmen & Langou,
/// SIAM J. Sci. Comput. 34 (2012), the sequential form).
fn triangle(m: usize, n: usize, entry: impl Fn(usize, usize) -> f64) -> Mat<f64> {
    let rows = m.min(ROWS + n).max(n);
    let at = |i: usize, j: usize| if i < m { entry(i, j) } else { 0.0 };
    let mut group = Mat::from_fn(rows, n, at);
    reflect(&mut group);
    for start in (rows..m).step_by(ROWS) {
        for j in 0..n {
            let column = group.col_as_slice_mut(j);
            column[(j + 1).min(n)..n].fill(0.0);
            for (below, value) in column[n..].iter_mut().enumerate() {
                *value = at(start + below, j);
            }
        }
        reflect(&mut group);
    }
    group
}

/// Leaves `R` in the upper triangle and the reflections below; returns their coefficients.
fn reflect(a: &mut Mat<f64>) -> Mat<f64> {
    let (m, n) = a.shape();
    let block = no_pivoting::factor::recommended_block_size::<f64>(m, n);
    let mut coefficients = Mat::zeros(block, m.min(n));
    let scratch =
        no_pivoting::factor::qr_in_place_scratch::<f64>(m, n, block, Par::Seq, Spec::default());
    no_pivoting::factor::qr_in_place(
        a.as_mut(),
        coefficients.as_mut(),
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(scratch)),
        Spec::default(),
    );
    coefficients
}

/// Makes of `A`, square, the factor `R` of `A P = Q R`, and of `b` the product `Qᵀb`; returns the order of columns.
fn pivot(a: &mut Mat<f64>, b: &mut Mat<f64>) -> Vec<usize> {
    let n = a.ncols();
    let mut coefficients = Mat::zeros(1, n);
    let (mut order, mut inverse) = (vec![0_usize; n], vec![0; n]);
    let scratch =
        col_pivoting::factor::qr_in_place_scratch::<usize, f64>(n, n, 1, Par::Seq, Spec::default());
    col_pivoting::factor::qr_in_place(
        a.as_mut(),
        coefficients.as_mut(),
        &mut order,
        &mut inverse,
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(scratch)),
        Spec::default(),
    );
    let scratch =
        apply_block_householder_sequence_transpose_on_the_left_in_place_scratch::<f64>(n, 1, 1);
    apply_block_householder_sequence_transpose_on_the_left_in_place_with_conj(
        a.as_ref(),
        coefficients.as_ref(),
        Conj::No,
        b.as_mut(),
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(scratch)),
    );
    *a = upper_part(a.as_ref());
    order
}

/// `b ← Q b`.
fn apply_reflections(
    reflections: MatRef<'_, f64>,
    coefficients: MatRef<'_, f64>,
    b: MatMut<'_, f64>,
) {
    let scratch = apply_block_householder_sequence_on_the_left_in_place_scratch::<f64>(
        reflections.nrows(),
        coefficients.nrows(),
        1,
    );
    apply_block_householder_sequence_on_the_left_in_place_with_conj(
        reflections,
        coefficients,
        Conj::No,
        b,
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(scratch)),
    );
}

/// The upper triangle, with zeros below.
fn upper_part(a: MatRef<'_, f64>) -> Mat<f64> {
    Mat::from_fn(a.nrows(), a.ncols(), |i, j| if i <= j { a[(i, j)] } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Steps of Levenberg and of Marquardt on Rosenbrock's function, computed outside this project.
    #[test]
    fn damped_steps_agree_with_reference_values() {
        let data: serde_json::Value =
            serde_json::from_str(include_str!("../../../tests/data/lm_steps.json")).unwrap();
        let numbers = |value: &serde_json::Value| -> Vec<f64> {
            value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
        };
        let cases = data.as_array().unwrap();
        assert_eq!(cases.len(), 8);
        for case in cases {
            let x = numbers(&case["x"]);
            // r = (10 (x₁ − x₀²), 1 − x₀)
            let columns = [-20.0 * x[0], -1.0, 10.0, 0.0];
            let b = [10.0 * (x[1] - x[0] * x[0]), 1.0 - x[0]];
            let factors = LeastSquaresFactors::new(&columns, &b).unwrap();
            let d = match case["scaling"].as_str().unwrap() {
                "identity" => vec![1.0; 2],
                _ => factors.column_norms().to_vec(),
            };
            let step = factors.damped(case["lam"].as_f64().unwrap(), &d).solve();
            for (got, want) in step.iter().zip(numbers(&case["step"])) {
                assert!((got - want).abs() < 1e-13 * want.abs(), "{case}: {step:?}");
            }
        }
    }

    fn product(columns: &[f64], x: &[f64]) -> Vec<f64> {
        let m = columns.len() / x.len();
        (0..m).map(|i| x.iter().enumerate().map(|(j, x)| columns[j * m + i] * x).sum()).collect()
    }

    fn transposed_product(columns: &[f64], y: &[f64]) -> Vec<f64> {
        columns.chunks(y.len()).map(|column| crate::linalg::dot(column, y)).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn solutions_satisfy_the_normal_equations(
            m in 1_usize..7,
            n in 1_usize..5,
            entries in prop::collection::vec(-1.0..1.0_f64, 30),
            b in prop::collection::vec(-1.0..1.0_f64, 7),
            d in prop::collection::vec(0.5..2.0_f64, 5),
            lambda in 1e-3..1.0_f64,
            units in -30_i32..30,
        ) {
            let mut columns = entries[..m * n].to_vec();
            // Another unit for the first parameter must change nothing but that.
            columns[..m].iter_mut().for_each(|entry| *entry *= f64::from(units).exp2());
            let factors = LeastSquaresFactors::new(&columns, &b[..m]).unwrap();
            let residual = |x: &[f64]| -> Vec<f64> {
                product(&columns, x).iter().zip(&b).map(|(ax, b)| ax + b).collect()
            };
            let x = factors.solve();
            let size = norm(&x) + 1.0;
            for (slope, norm) in transposed_product(&columns, &residual(&x)).iter().zip(factors.column_norms()) {
                prop_assert!(slope.abs() <= 1e-11 * norm * size, "{slope} {norm}");
            }
            let d: Vec<f64> = d[..n].iter().zip(factors.column_norms()).map(|(d, norm)| d * norm).collect();
            let damped = factors.damped(lambda, &d);
            let x = damped.solve();
            let slopes = transposed_product(&columns, &residual(&x));
            for (j, (slope, norm)) in slopes.iter().zip(factors.column_norms()).enumerate() {
                let slope = slope + lambda * d[j] * d[j] * x[j];
                prop_assert!(slope.abs() <= 1e-12 * norm, "{slope} {norm}");
            }
            // qᵀ(AᵀA + λD²)⁻¹q for q = (AᵀA + λD²)x is xᵀ(AᵀA + λD²)x.
            let gram = transposed_product(&columns, &product(&columns, &x));
            let q: Vec<f64> = (0..n).map(|j| gram[j] + lambda * d[j] * d[j] * x[j]).collect();
            let (got, want) = (damped.inverse_form(&q), crate::linalg::dot(&q, &x));
            prop_assert!((got - want).abs() <= 1e-11 * want, "{got} {want}");
            let (got, want) = (factors.image_norm(&x), norm(&product(&columns, &x)));
            prop_assert!((got - want).abs() <= 1e-13 * want);
        }
    }

    #[test]
    fn many_rows_are_factored_as_few_are() {
        let m = 3 * ROWS + 17;
        let columns: Vec<f64> = (0..4 * m).map(|k| (0.37 * (k * k % 1009) as f64).sin()).collect();
        let b: Vec<f64> = (0..m).map(|i| (0.7 * i as f64).cos()).collect();
        let factors = LeastSquaresFactors::new(&columns, &b).unwrap();
        let x = factors.solve();
        let residual: Vec<f64> = product(&columns, &x).iter().zip(&b).map(|(a, b)| a + b).collect();
        for (slope, norm) in
            transposed_product(&columns, &residual).iter().zip(factors.column_norms())
        {
            assert!(slope.abs() < 1e-13 * norm * crate::linalg::norm(&b), "{slope}");
        }
        let (projection, rest) = (factors.projection_norm(), norm(&residual));
        assert!((projection.hypot(rest) / norm(&b) - 1.0).abs() < 1e-14);
        let (got, want) = (factors.image_norm(&x), norm(&product(&columns, &x)));
        assert!((got - want).abs() < 1e-13 * want, "{got} {want}");
    }

    #[test]
    fn the_rank_does_not_depend_on_units() {
        // The third column is the sum of the others, in units that differ by 10¹⁸.
        let columns = [1.0, 0.0, 2.0, 0.0, 1e18, 1e18, 1e-9, 1e-9, 3e-9];
        let factors = LeastSquaresFactors::new(&columns, &[1.0, 2.0, 3.0]).unwrap();
        assert_eq!(factors.rank(), 2);
        let direction = factors.null_direction().unwrap();
        let image = product(&columns, &direction);
        assert!(norm(&image) < 1e-15 * 1e-9 / norm(&direction), "{image:?}");
        // A x + b is orthogonal to the columns.
        let x = factors.solve();
        let residual: Vec<f64> =
            product(&columns, &x).iter().zip([1.0, 2.0, 3.0]).map(|(a, b)| a + b).collect();
        for (slope, norm) in
            transposed_product(&columns, &residual).iter().zip(factors.column_norms())
        {
            assert!(slope.abs() < 1e-14 * norm, "{slope}");
        }
        assert!((factors.projection_norm().powi(2) + norm(&residual).powi(2) - 14.0).abs() < 1e-13);
    }

    #[test]
    fn the_inverse_root_is_that_of_the_normal_matrix() {
        let columns = [1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 3.0, 5.0];
        let root = LeastSquaresFactors::new(&columns, &[0.0; 4]).unwrap().inverse_root();
        let covariance = |i: usize, j: usize| {
            crate::linalg::dot(&root[2 * i..2 * i + 2], &root[2 * j..2 * j + 2])
        };
        for (i, j, want) in [(0, 0, 39.0 / 35.0), (0, 1, -11.0 / 35.0), (1, 1, 4.0 / 35.0)] {
            assert!((covariance(i, j) - want).abs() < 1e-15);
        }
    }

    #[test]
    fn zero_and_non_finite_columns() {
        let factors = LeastSquaresFactors::new(&[0.0, 0.0, 1.0, 1.0], &[1.0, 3.0]).unwrap();
        assert_eq!((factors.rank(), factors.solve()[0]), (1, 0.0));
        assert!((factors.solve()[1] + 2.0).abs() < 1e-15);
        let factors = LeastSquaresFactors::new(&[0.0; 4], &[1.0, 3.0]).unwrap();
        assert_eq!(
            (factors.rank(), factors.solve(), factors.projection_norm()),
            (0, vec![0.0; 2], 0.0)
        );
        assert!(LeastSquaresFactors::new(&[1.0, f64::NAN], &[1.0, 3.0]).is_none());
    }
}
