//! Factorizations and solves of dense row-major matrices of `f32` and `f64`.
//!
//! Blocked, so that nearly all arithmetic of a large matrix is in matrix products; of a small one all of it is in the loops
//! here. A batch of matrices is factored one after the other.

use super::Strided;
use super::product::dot;
use crate::error::Fault;
use crate::scalar::Real;

/// Rows and columns of a block.
const BLOCK: usize = 48;

/// The blocks of `0..n`, in order.
fn blocks(n: usize) -> impl DoubleEndedIterator<Item = (usize, usize)> {
    (0..n.div_ceil(BLOCK)).map(move |b| (b * BLOCK, n.min((b + 1) * BLOCK)))
}

/// A matrix stored row by row, from element `(row, col)` on.
fn corner<R>(data: &[R], n: usize, row: usize, col: usize) -> Strided<'_, R> {
    Strided { data: &data[row * n + col..], row_stride: n, col_stride: 1 }
}

fn transposed<R>(a: Strided<'_, R>) -> Strided<'_, R> {
    Strided { data: a.data, row_stride: a.col_stride, col_stride: a.row_stride }
}

/// `y −= factor·x`
fn subtract<R: Real>(y: &mut [R], factor: R, x: &[R]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y -= factor * x;
    }
}

/// The Cholesky factor `L` of a symmetric `a = L·Lᵀ`, read from its lower triangle; zero above the diagonal.
pub(crate) fn cholesky<R: Real>(n: usize, a: &[R], l: &mut [R]) -> Result<(), Fault> {
    for i in 0..n {
        l[i * n..=i * n + i].copy_from_slice(&a[i * n..=i * n + i]);
        l[i * n + i + 1..(i + 1) * n].fill(R::zero());
    }
    let mut product = Vec::new();
    for (start, end) in blocks(n) {
        for i in start..n {
            let (above, row) = l.split_at_mut(i * n);
            for j in start..end.min(i + 1) {
                let columns = start..j;
                if i > j {
                    let pivot_row = &above[j * n..];
                    let rest = row[j] - dot(&row[columns.clone()], &pivot_row[columns]);
                    row[j] = rest / pivot_row[j];
                } else {
                    let square = row[j] - dot(&row[columns.clone()], &row[columns]);
                    if square <= R::zero() || square.is_nan() {
                        let value = square.as_f64();
                        return Err(Fault::NotPositiveDefinite { pivot: j, value });
                    }
                    row[j] = square.sqrt();
                }
            }
        }
        // A₂₂ −= L₂₁·L₂₁ᵀ, a block of rows at a time, up to the diagonal.
        for (top, bottom) in blocks(n).filter(|&(top, _)| top >= end) {
            let (rows, cols) = (bottom - top, bottom - end);
            product.resize(rows * cols, R::zero());
            let right = transposed(corner(l, n, end, start));
            let size = [rows, end - start, cols];
            R::matmul_into(size, corner(l, n, top, start), right, &mut product);
            for (i, product) in (top..bottom).zip(product.chunks_exact(cols)) {
                subtract(&mut l[i * n + end..=i * n + i], R::one(), product);
            }
        }
    }
    Ok(())
}

/// `P·a = L·U` with partial pivoting: the rows of `L` (unit diagonal, not stored) and `U`, and one more row with the number
/// of the row that each step took as its pivot.
pub(crate) fn lu<R: Real>(n: usize, a: &[R], packed: &mut [R]) -> Result<(), Fault> {
    let (f, pivots) = packed.split_at_mut(n * n);
    f.copy_from_slice(a);
    let mut product = Vec::new();
    for (start, end) in blocks(n) {
        factor_panel(n, f, pivots, start, end)?;
        for i in start..end {
            let (above, row) = f.split_at_mut(i * n);
            for p in start..i {
                let factor = row[p];
                subtract(&mut row[end..n], factor, &above[p * n + end..(p + 1) * n]);
            }
        }
        let (rows, inner) = (n - end, end - start);
        if rows > 0 {
            product.resize(rows * rows, R::zero());
            let (left, right) = (corner(f, n, end, start), corner(f, n, start, end));
            R::matmul_into([rows, inner, rows], left, right, &mut product);
            for (i, product) in (end..n).zip(product.chunks_exact(rows)) {
                subtract(&mut f[i * n + end..(i + 1) * n], R::one(), product);
            }
        }
    }
    Ok(())
}

/// Eliminates columns `start..end`, exchanging whole rows.
fn factor_panel<R: Real>(
    n: usize,
    f: &mut [R],
    pivots: &mut [R],
    start: usize,
    end: usize,
) -> Result<(), Fault> {
    for j in start..end {
        let largest = (j + 1..n)
            .fold(j, |best, i| if f[i * n + j].abs() > f[best * n + j].abs() { i } else { best });
        if f[largest * n + j] == R::zero() || f[largest * n + j].is_nan() {
            return Err(Fault::Singular { pivot: j });
        }
        pivots[j] = R::constant(largest as f64);
        swap_rows(n, f, j, largest);
        let (above, below) = f.split_at_mut((j + 1) * n);
        let pivot_row = &above[j * n..];
        for row in below.chunks_exact_mut(n) {
            let factor = row[j] / pivot_row[j];
            row[j] = factor;
            subtract(&mut row[j + 1..end], factor, &pivot_row[j + 1..end]);
        }
    }
    Ok(())
}

fn swap_rows<R>(width: usize, x: &mut [R], i: usize, k: usize) {
    if i != k {
        let (above, below) = x.split_at_mut(i.max(k) * width);
        let first = &mut above[i.min(k) * width..][..width];
        first.swap_with_slice(&mut below[..width]);
    }
}

/// Which triangle of a matrix is read, and how.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Triangular {
    pub lower: bool,
    pub transpose: bool,
    /// The diagonal counts as 1.
    pub unit: bool,
}

/// Solves `op(t)·x = b` in place, with `b` of `n` rows.
pub(crate) fn solve_triangular<R: Real>(
    n: usize,
    t: &[R],
    how: Triangular,
    x: &mut [R],
) -> Result<(), Fault> {
    let Triangular { lower, transpose, unit } = how;
    if let Some(pivot) = (0..n).find(|i| !unit && t[i * n + i] == R::zero()) {
        return Err(Fault::Singular { pivot });
    }
    let at = |row, col| match transpose {
        true => transposed(corner(t, n, col, row)),
        false => corner(t, n, row, col),
    };
    let forward = lower != transpose;
    let width = x.len() / n.max(1);
    let mut product = Vec::new();
    let mut solve = |(start, end): (usize, usize)| {
        solve_block(at(start, start), forward, unit, &mut x[start * width..end * width], width);
        let rest = if forward { end..n } else { 0..start };
        if rest.is_empty() || width == 0 {
            return;
        }
        product.resize(rest.len() * width, R::zero());
        let size = [rest.len(), end - start, width];
        let solved = Strided { data: &x[start * width..], row_stride: width, col_stride: 1 };
        R::matmul_into(size, at(rest.start, start), solved, &mut product);
        subtract(&mut x[rest.start * width..rest.end * width], R::one(), &product);
    };
    if forward {
        blocks(n).for_each(&mut solve)
    } else {
        blocks(n).rev().for_each(&mut solve)
    }
    Ok(())
}

/// Substitution within one block of rows, each of this width.
fn solve_block<R: Real>(t: Strided<'_, R>, forward: bool, unit: bool, x: &mut [R], width: usize) {
    let n = x.len().checked_div(width).unwrap_or(0);
    for step in 0..n {
        let i = if forward { step } else { n - 1 - step };
        let (above, rest) = x.split_at_mut(i * width);
        let (row, below) = rest.split_at_mut(width);
        let (solved, first) = if forward { (&*above, 0) } else { (&*below, i + 1) };
        for (j, solved) in (first..).zip(solved.chunks_exact(width)) {
            subtract(row, t.at(i, j), solved);
        }
        if !unit {
            let pivot = t.at(i, i);
            row.iter_mut().for_each(|x| *x /= pivot);
        }
    }
}

/// Solves `op(a)·x = b` in place from the factors that [`lu`] packed.
pub(crate) fn solve_lu<R: Real>(
    n: usize,
    packed: &[R],
    transpose: bool,
    x: &mut [R],
) -> Result<(), Fault> {
    let (f, pivots) = packed.split_at(n * n);
    let width = x.len() / n.max(1);
    let row = |i: usize| pivots[i].to_usize().unwrap_or(i);
    let l = Triangular { lower: true, transpose, unit: true };
    let u = Triangular { lower: false, transpose, unit: false };
    if transpose {
        solve_triangular(n, f, u, x)?;
        solve_triangular(n, f, l, x)?;
        (0..n).rev().for_each(|i| swap_rows(width, x, i, row(i)));
    } else {
        (0..n).for_each(|i| swap_rows(width, x, i, row(i)));
        solve_triangular(n, f, l, x)?;
        solve_triangular(n, f, u, x)?;
    }
    Ok(())
}

/// Sign and `ln |·|` of the determinant, from the factors that [`lu`] packed.
pub(crate) fn log_determinant<R: Real>(n: usize, packed: &[R]) -> (R, R) {
    let (f, pivots) = packed.split_at(n * n);
    let mut sign = R::one();
    let mut log = R::zero();
    for i in 0..n {
        let pivot = f[i * n + i];
        if (pivots[i].to_usize() != Some(i)) != (pivot < R::zero()) {
            sign = -sign;
        }
        log += pivot.abs().ln();
    }
    (sign, log)
}

/// Eigenvectors of a symmetric matrix as the columns of `v`, eigenvalues ascending: the cyclic Jacobi method (Golub & Van
/// Loan, Matrix Computations, §8.5). Each has norm 1, and its first largest component is positive.
pub(crate) fn eigenvectors<R: Real>(n: usize, a: &[R], v: &mut [R]) -> Result<(), Fault> {
    const SWEEPS: usize = 60;
    let mut a = a.to_vec();
    // Rows of `vt` are eigenvectors: rotations then run along memory.
    let mut vt = vec![R::zero(); n * n];
    (0..n).for_each(|i| vt[i * n + i] = R::one());
    let norm = dot(&a, &a).sqrt();
    let negligible = R::epsilon() * norm / R::constant(n.max(1) as f64);
    let converged = (0..SWEEPS).any(|_| {
        let mut rotated = false;
        for p in 0..n {
            for q in p + 1..n {
                if a[p * n + q].abs() > negligible {
                    rotated = true;
                    rotate(n, &mut a, &mut vt, p, q);
                }
            }
        }
        !rotated
    });
    if !converged {
        return Err(Fault::NotConverged { residual: norm.as_f64() });
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| a[i * n + i].as_f64().total_cmp(&a[j * n + j].as_f64()));
    for (j, &from) in order.iter().enumerate() {
        let vector = &vt[from * n..(from + 1) * n];
        let largest = vector.iter().fold(R::zero(), |m, &x| if x.abs() > m.abs() { x } else { m });
        for (i, &x) in vector.iter().enumerate() {
            v[i * n + j] = if largest < R::zero() { -x } else { x };
        }
    }
    Ok(())
}

/// The rotation in the plane of `p < q` that makes `a[p, q]` zero.
fn rotate<R: Real>(n: usize, a: &mut [R], vt: &mut [R], p: usize, q: usize) {
    let (one, two) = (R::one(), R::constant(2.0));
    let tau = (a[q * n + q] - a[p * n + p]) / (two * a[p * n + q]);
    let t = if tau < R::zero() { -one } else { one } / (tau.abs() + one.hypot(tau));
    let c = one / one.hypot(t);
    let s = t * c;
    let turn = |x: &mut R, y: &mut R| (*x, *y) = (c * *x - s * *y, s * *x + c * *y);
    for i in 0..n {
        let (left, right) = a[i * n..(i + 1) * n].split_at_mut(q);
        turn(&mut left[p], &mut right[0]);
    }
    for x in [a, vt] {
        let (above, below) = x.split_at_mut(q * n);
        for (x, y) in above[p * n..(p + 1) * n].iter_mut().zip(&mut below[..n]) {
            turn(x, y);
        }
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
        for n in [1, 2, 7, 48, 49, 130] {
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
                solve_lu(n, &f, transpose, &mut solved).expect("regular");
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
            for unit in [false, true] {
                let how = Triangular { lower: how.0, transpose: how.1, unit };
                // Small off the diagonal, so that a unit diagonal does not dominate less.
                let t: Vec<f64> =
                    (0..n * n).map(|k| if k / n == k % n { t[k] } else { 0.1 * t[k] }).collect();
                let op = |i: usize, j: usize| {
                    let (row, col) = if how.transpose { (j, i) } else { (i, j) };
                    match row.cmp(&col) {
                        std::cmp::Ordering::Equal => {
                            if unit {
                                1.0
                            } else {
                                t[row * n + col]
                            }
                        }
                        order if order.is_gt() == how.lower => t[row * n + col],
                        _ => 0.0,
                    }
                };
                let mut solved = product(n, 2, &op, &x);
                solve_triangular(n, &t, how, &mut solved).expect("regular");
                assert_near(&solved, &x, 10 * n);
            }
        }
    }

    #[test]
    fn eigenvectors_diagonalise_and_are_orthonormal() {
        for n in [1, 2, 5, 33] {
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
    }
}
