//! Factorizations and solves of dense row-major matrices of `f32` and `f64`: the only file that names the linear-algebra
//! library.
//!
//! It runs on one thread, in place on the caller's arrays; what it needs besides is allocated per matrix. A batch of matrices
//! is factored one after the other.

use faer::diag::DiagMut;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::{
    LltError, LltRegularization, cholesky_in_place, cholesky_in_place_scratch,
};
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::linalg::lu::partial_pivoting::factor::{lu_in_place, lu_in_place_scratch};
use faer::linalg::lu::partial_pivoting::solve::{
    solve_in_place, solve_in_place_scratch, solve_transpose_in_place,
    solve_transpose_in_place_scratch,
};
use faer::linalg::triangular_solve::{
    solve_lower_triangular_in_place, solve_upper_triangular_in_place,
};
use faer::perm::PermRef;
use faer::{MatMut, MatRef, Par, Spec};

use crate::error::Fault;
use crate::number::Real;

/// A number the library computes with: `f32` and `f64`.
pub(crate) use faer::traits::RealField as Field;

/// The Cholesky factor `L` of a symmetric `a = L·Lᵀ`, zero above the diagonal.
pub(crate) fn cholesky<R: Real + Field>(n: usize, a: &[R], l: &mut [R]) -> Result<(), Fault> {
    l.copy_from_slice(a);
    // The library is fast column by column, and so the factor comes as the rows of Lᵀ.
    let columns = MatMut::from_column_major_slice_mut(l, n, n);
    let params = Spec::default();
    let mut memory = MemBuffer::new(cholesky_in_place_scratch::<R>(n, Par::Seq, params));
    let (none, stack) = (LltRegularization::default(), MemStack::new(&mut memory));
    let factored = cholesky_in_place(columns, none, Par::Seq, stack, params);
    if let Err(LltError::NonPositivePivot { index: pivot }) = factored {
        return Err(Fault::NotPositiveDefinite { pivot, value: l[pivot * n + pivot].as_f64() });
    }
    for i in 0..n {
        for j in i + 1..n {
            l[j * n + i] = std::mem::take(&mut l[i * n + j]);
        }
    }
    Ok(())
}

/// `P·a = L·U` with partial pivoting: the rows of `L` (unit diagonal, not stored) and `U`, and one more row with the number
/// of the row of `a` that is at each place.
pub(crate) fn lu<R: Real + Field>(n: usize, a: &[R], packed: &mut [R]) -> Result<(), Fault> {
    let (factors, order) = packed.split_at_mut(n * n);
    factors.copy_from_slice(a);
    let (mut rows, mut places) = (vec![0_usize; n], vec![0; n]);
    let params = Spec::default();
    let mut memory = MemBuffer::new(lu_in_place_scratch::<usize, R>(n, n, Par::Seq, params));
    lu_in_place(
        MatMut::from_row_major_slice_mut(factors, n, n),
        &mut rows,
        &mut places,
        Par::Seq,
        MemStack::new(&mut memory),
        params,
    );
    order.iter_mut().zip(rows).for_each(|(place, row)| *place = R::constant(row as f64));
    check_pivots(n, factors)
}

/// Refuses what the library, which multiplies by reciprocals, cannot divide by.
fn check_pivots<R: Real>(n: usize, factors: &[R]) -> Result<(), Fault> {
    match (0..n).find(|i| !(R::one() / factors[i * n + i]).is_finite()) {
        Some(pivot) => Err(Fault::Singular { pivot }),
        None => Ok(()),
    }
}

/// Which triangle of a matrix is read, and how.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Triangular {
    pub lower: bool,
    pub transpose: bool,
}

/// Solves `op(t)·x = b` in place, with `b` of `n` rows.
pub(crate) fn solve_triangular<R: Real + Field>(
    n: usize,
    t: &[R],
    how: Triangular,
    x: &mut [R],
) -> Result<(), Fault> {
    check_pivots(n, t)?;
    let t = MatRef::from_row_major_slice(t, n, n);
    let t = if how.transpose { t.transpose() } else { t };
    let x = right_sides(n, x);
    if how.lower != how.transpose {
        solve_lower_triangular_in_place(t, x, Par::Seq);
    } else {
        solve_upper_triangular_in_place(t, x, Par::Seq);
    }
    Ok(())
}

fn right_sides<R>(n: usize, x: &mut [R]) -> MatMut<'_, R> {
    let width = x.len() / n.max(1);
    MatMut::from_row_major_slice_mut(x, n, width)
}

/// Solves `op(a)·x = b` in place from the factors that [`lu`] packed.
pub(crate) fn solve_lu<R: Real + Field>(n: usize, packed: &[R], transpose: bool, x: &mut [R]) {
    let (factors, order) = packed.split_at(n * n);
    let Some(rows) = row_numbers(order) else { return x.fill(R::nan()) };
    let mut places = vec![0; n];
    rows.iter().enumerate().for_each(|(place, &row)| places[row] = place);
    let order = PermRef::new_checked(&rows, &places, n);
    let factors = MatRef::from_row_major_slice(factors, n, n);
    let x = right_sides(n, x);
    let (width, par) = (x.ncols(), Par::Seq);
    if transpose {
        let scratch = solve_transpose_in_place_scratch::<usize, R>(n, width, par);
        let mut memory = MemBuffer::new(scratch);
        let stack = MemStack::new(&mut memory);
        solve_transpose_in_place(factors, factors, order, x, par, stack);
    } else {
        let mut memory = MemBuffer::new(solve_in_place_scratch::<usize, R>(n, width, par));
        solve_in_place(factors, factors, order, x, par, MemStack::new(&mut memory));
    }
}

/// The numbers that [`lu`] wrote after the factors. None if it refused the matrix: NaN stands for its result then, and
/// follows from it.
fn row_numbers<R: Real>(order: &[R]) -> Option<Vec<usize>> {
    order.iter().map(|row| (!row.is_nan()).then(|| row.as_f64() as usize)).collect()
}

/// Sign and `ln |·|` of the determinant, from the factors that [`lu`] packed.
pub(crate) fn log_determinant<R: Real>(n: usize, packed: &[R]) -> (R, R) {
    let (factors, order) = packed.split_at(n * n);
    let Some(mut rows) = row_numbers(order) else { return (R::nan(), R::nan()) };
    let mut negative = false;
    let mut log = R::zero();
    for i in 0..n {
        // Every exchange on the way back to the identity changes the sign.
        while rows[i] != i {
            let row = rows[i];
            rows.swap(i, row);
            negative = !negative;
        }
        let pivot = factors[i * n + i];
        negative ^= pivot < R::zero();
        log += pivot.abs().ln();
    }
    (if negative { -R::one() } else { R::one() }, log)
}

/// Eigenvectors of a symmetric matrix as the columns of `v`, eigenvalues ascending. Each has norm 1, and its first largest
/// component is positive.
pub(crate) fn eigenvectors<R: Real + Field>(n: usize, a: &[R], v: &mut [R]) -> Result<(), Fault> {
    if let Some(residual) = a.iter().map(|x| x.as_f64()).find(|x| !x.is_finite()) {
        return Err(Fault::NotConverged { residual });
    }
    if n == 0 {
        // The library's own count of what it needs would overflow.
        return Ok(());
    }
    let mut values = vec![R::default(); n];
    let (par, params) = (Par::Seq, Spec::default());
    let scratch = self_adjoint_evd_scratch::<R>(n, ComputeEigenvectors::Yes, par, params);
    self_adjoint_evd(
        MatRef::from_row_major_slice(a, n, n),
        DiagMut::from_slice_mut(&mut values),
        Some(MatMut::from_column_major_slice_mut(v, n, n)),
        par,
        MemStack::new(&mut MemBuffer::new(scratch)),
        params,
    )
    .map_err(|_| Fault::NotConverged { residual: f64::NAN })?;
    for vector in v.chunks_exact_mut(n) {
        orient(vector);
    }
    for i in 0..n {
        for j in i + 1..n {
            v.swap(i * n + j, j * n + i);
        }
    }
    Ok(())
}

/// Makes the first largest component positive.
fn orient<R: Real>(vector: &mut [R]) {
    let largest = vector.iter().fold(R::zero(), |m, &x| if x.abs() > m.abs() { x } else { m });
    if largest < R::zero() {
        vector.iter_mut().for_each(|x| *x = -*x);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A matrix without structure, and with a dominant diagonal if asked.
    fn matrix(n: usize, diagonal: f64) -> Vec<f64> {
        let entry = |i: usize, j: usize| ((1.3 * i as f64 + 0.7 * (j * j) as f64) + 0.4).sin();
        let mut a: Vec<f64> = (0..n * n).map(|k| entry(k / n, k % n)).collect();
        (0..n).for_each(|i| a[i * n + i] += diagonal);
        a
    }

    fn product(n: usize, m: usize, a: &dyn Fn(usize, usize) -> f64, b: &[f64]) -> Vec<f64> {
        (0..n * m).map(|k| (0..n).map(|p| a(k / m, p) * b[p * m + k % m]).sum()).collect()
    }

    fn assert_near(got: &[f64], expected: &[f64], n: usize) {
        let scale = expected.iter().fold(1.0_f64, |m, x| m.max(x.abs()));
        for (i, (g, e)) in got.iter().zip(expected).enumerate() {
            let error = (g - e).abs() / scale;
            assert!(error < 40.0 * n as f64 * f64::EPSILON, "n = {n}, element {i}: {g} is not {e}");
        }
    }

    #[test]
    fn factors_multiply_to_the_matrix_at_any_number_of_blocks() {
        for n in [0, 1, 2, 7, 48, 49, 130] {
            let b = matrix(n, 0.0);
            let bt = |i: usize, j: usize| b[j * n + i];
            let mut a = product(n, n, &bt, &b);
            (0..n).for_each(|i| a[i * n + i] += 1.0);
            let mut l = vec![f64::NAN; n * n];
            cholesky(n, &a, &mut l).expect("positive definite");
            let transposed: Vec<f64> = (0..n * n).map(|k| l[k % n * n + k / n]).collect();
            assert_near(&product(n, n, &|i, j| l[i * n + j], &transposed), &a, n);
            // General solves, and through them L and U.
            let a = matrix(n, 0.5);
            let mut f = vec![f64::NAN; (n + 1) * n];
            lu(n, &a, &mut f).expect("regular");
            let x: Vec<f64> = (0..3 * n).map(|i| (0.9 * i as f64).cos()).collect();
            for transpose in [false, true] {
                let op = |i, j| if transpose { a[j * n + i] } else { a[i * n + j] };
                let mut solved = product(n, 3, &op, &x);
                solve_lu(n, &f, transpose, &mut solved);
                assert_near(&product(n, 3, &op, &solved), &product(n, 3, &op, &x), 10 * n);
            }
        }
    }

    #[test]
    fn every_triangular_system_is_solved() {
        let n = 61;
        let t = matrix(n, 9.0);
        let x: Vec<f64> = (0..2 * n).map(|i| (0.7 * i as f64).cos()).collect();
        for how in [(true, true), (true, false), (false, true), (false, false)] {
            let how = Triangular { lower: how.0, transpose: how.1 };
            let op = |i: usize, j: usize| {
                let (row, col) = if how.transpose { (j, i) } else { (i, j) };
                let read = row == col || (row > col) == how.lower;
                if read { t[row * n + col] } else { 0.0 }
            };
            let mut solved = product(n, 2, &op, &x);
            solve_triangular(n, &t, how, &mut solved).expect("regular");
            assert_near(&solved, &x, 10 * n);
        }
    }

    #[test]
    fn eigenvectors_diagonalise_and_are_orthonormal() {
        for n in [0, 1, 2, 5, 33] {
            let b = matrix(n, 0.0);
            let a: Vec<f64> = (0..n * n).map(|k| b[k] + b[k % n * n + k / n]).collect();
            let mut v = vec![f64::NAN; n * n];
            eigenvectors(n, &a, &mut v).expect("converges");
            let vt = |i: usize, j: usize| v[j * n + i];
            let identity: Vec<f64> =
                (0..n * n).map(|k| if k / n == k % n { 1.0 } else { 0.0 }).collect();
            assert_near(&product(n, n, &vt, &v), &identity, n);
            let diagonal = product(n, n, &vt, &product(n, n, &|i, j| a[i * n + j], &v));
            let values: Vec<f64> = (0..n).map(|i| diagonal[i * n + i]).collect();
            assert!(values.is_sorted());
            let expected: Vec<f64> =
                (0..n * n).map(|k| if k / n == k % n { values[k / n] } else { 0.0 }).collect();
            assert_near(&diagonal, &expected, n);
        }
    }

    #[test]
    fn what_has_no_factor_is_refused_with_its_pivot() {
        let mut l = [0.0; 9];
        let a = [4.0, 2.0, 0.0, 2.0, 1.0, 0.0, 0.0, 0.0, 1.0];
        assert_eq!(
            cholesky(3, &a, &mut l),
            Err(Fault::NotPositiveDefinite { pivot: 1, value: 0.0 })
        );
        let singular = [1.0, 2.0, 2.0, 4.0];
        assert_eq!(lu(2, &singular, &mut [0.0; 6]), Err(Fault::Singular { pivot: 1 }));
        // Not 0, but without a reciprocal.
        let tiny = [1.0, 0.0, 5.0, 1e-310];
        let how = Triangular { lower: true, transpose: false };
        assert_eq!(lu(2, &tiny, &mut [0.0; 6]), Err(Fault::Singular { pivot: 1 }));
        assert_eq!(
            solve_triangular(2, &tiny, how, &mut [0.0; 2]),
            Err(Fault::Singular { pivot: 1 })
        );
        for missing in [f64::NAN, f64::INFINITY] {
            let a = [1.0, missing, missing, 1.0];
            assert!(matches!(
                cholesky(2, &a, &mut [0.0; 4]),
                Err(Fault::NotPositiveDefinite { .. })
            ));
            assert!(matches!(eigenvectors(2, &a, &mut [0.0; 4]), Err(Fault::NotConverged { .. })));
        }
        for k in 0..4 {
            let mut a = [2.0, 1.0, 1.0, 3.0];
            a[k] = f64::NAN;
            assert!(matches!(lu(2, &a, &mut [0.0; 6]), Err(Fault::Singular { .. })));
        }
    }

    #[test]
    fn a_late_pivot_is_named_as_an_early_one() {
        let n = 200;
        for failing in [3, 64, 150, 199] {
            let mut a = matrix(n, 0.0);
            for i in 0..n {
                (0..i).for_each(|j| a[j * n + i] = a[i * n + j]);
                a[i * n + i] = 150.0;
            }
            a[failing * n + failing] = -2.0;
            match cholesky(n, &a, &mut vec![0.0; n * n]) {
                Err(Fault::NotPositiveDefinite { pivot, value }) => {
                    assert_eq!(pivot, failing);
                    assert!((-4.0..=-2.0).contains(&value), "{value}");
                }
                other => panic!("{other:?}"),
            }
            // A row twice, as far as elimination can tell.
            let mut a = matrix(n, 150.0);
            (0..n).for_each(|i| a[i * n + failing] = 0.0);
            let refused = lu(n, &a, &mut vec![0.0; n * n + n]);
            assert_eq!(refused, Err(Fault::Singular { pivot: failing }));
            let mut a = matrix(n, 0.5);
            a[failing * n + 70] = f64::NAN;
            let refused = lu(n, &a, &mut vec![0.0; n * n + n]);
            assert!(matches!(refused, Err(Fault::Singular { .. })));
        }
    }

    /// Runs `f` on copies of `a` at every address that a vector of 64 bytes can tell apart.
    fn same_bits_at_any_address(a: &[f64], len: usize, f: &dyn Fn(&[f64], &mut [f64])) {
        let run = |shift: usize| {
            let mut input = vec![0.0; a.len() + 8];
            input[shift..][..a.len()].copy_from_slice(a);
            let mut output = vec![0.0; len + 8];
            f(&input[shift..][..a.len()], &mut output[7 - shift..][..len]);
            output[7 - shift..][..len].iter().map(|x| x.to_bits()).collect::<Vec<_>>()
        };
        let expected = run(0);
        (1..8).for_each(|shift| assert!(run(shift) == expected, "shifted by {shift}"));
    }

    #[test]
    fn results_do_not_depend_on_where_memory_is() {
        for n in [3, 8, 21, 70] {
            let a = matrix(n, 0.5);
            let mut symmetric = matrix(n, 60.0);
            (0..n).for_each(|i| (0..i).for_each(|j| symmetric[j * n + i] = symmetric[i * n + j]));
            same_bits_at_any_address(&symmetric, n * n, &|a, l| {
                cholesky(n, a, l).expect("positive definite");
            });
            same_bits_at_any_address(&symmetric, n * n, &|a, v| {
                eigenvectors(n, a, v).expect("converges");
            });
            same_bits_at_any_address(&a, n * n + n, &|a, f| lu(n, a, f).expect("regular"));
            let mut f = vec![0.0; n * n + n];
            lu(n, &a, &mut f).expect("regular");
            for width in [1, 5] {
                same_bits_at_any_address(&a[..n * width.min(n)], n * width.min(n), &|b, x| {
                    x.copy_from_slice(b);
                    solve_lu(n, &f, true, x);
                    solve_lu(n, &f, false, x);
                    let how = Triangular { lower: true, transpose: false };
                    solve_triangular(n, &symmetric, how, x).expect("regular");
                });
            }
        }
    }

    #[test]
    fn eigenvectors_are_those_of_the_matrix_at_any_scale() {
        let n = 5;
        let b = matrix(n, 0.0);
        let a: Vec<f64> = (0..n * n).map(|k| b[k] + b[k % n * n + k / n]).collect();
        let mut expected = vec![f64::NAN; n * n];
        eigenvectors(n, &a, &mut expected).expect("converges");
        for power in [-1000, -500, 500, 1000] {
            let scaled: Vec<f64> = a.iter().map(|x| x * 2.0_f64.powi(power)).collect();
            let mut v = vec![f64::NAN; n * n];
            eigenvectors(n, &scaled, &mut v).expect("converges");
            assert_near(&v, &expected, 10 * n);
        }
    }

    #[test]
    fn the_sign_of_a_determinant_counts_exchanges_and_negative_pivots() {
        for (columns, sign) in [([0, 1, 2], 1.0), ([1, 0, 2], -1.0), ([1, 2, 0], 1.0)] {
            let mut a = [0.0; 9];
            (0..3).for_each(|i| a[3 * i + columns[i]] = [2.0, -3.0, 5.0][i]);
            let mut packed = [f64::NAN; 12];
            lu(3, &a, &mut packed).expect("regular");
            let (got, log) = log_determinant(3, &packed);
            assert_eq!(got, -sign);
            assert!((log - 30_f64.ln()).abs() < 1e-15, "{log}");
        }
    }

    #[test]
    fn what_follows_from_a_refused_matrix_is_nan() {
        let refused = [f64::NAN; 6];
        for transpose in [false, true] {
            let mut x = [1.0, 2.0];
            solve_lu(2, &refused, transpose, &mut x);
            assert!(x.iter().all(|x| x.is_nan()));
        }
        let (sign, log) = log_determinant(2, &refused);
        assert!(sign.is_nan() && log.is_nan());
    }
}
