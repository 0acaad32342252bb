//! Solving symmetric systems, definite or not, from products alone.

use super::linear_operator::LinearOperator;
use dualtape_autodiff::{Real, compiled_here};

use crate::error::Error;
use crate::linalg::probes::check_finite;
use crate::linalg::vector::{axpy, dot, norm};

/// Times that the iteration starts again from the true residual.
const ROUNDS: usize = 4;

/// Solves `(A + shift·I) x = b` to the level of rounding.
///
/// MINRES (Paige & Saunders, SIAM J. Numer. Anal. 12 (1975)) in the form of Choi, Paige & Saunders, SIAM J. Sci. Comput. 33
/// (2011), Table 2.1. In finite precision its own estimate of the residual is not the truth, so it is started again on
/// `b − Ax` until that is small beside `‖A‖‖x‖ + ‖b‖`: a small backward error, which is all that can be asked for.
pub(super) fn minres<S: Real>(
    a: &dyn LinearOperator<S>,
    shift: S,
    b: &[S],
    x: &mut [S],
) -> Result<(), Error> {
    compiled_here!(minres_here, fn(&dyn LinearOperator<S>, S, &[S], &mut [S]) -> Result<(), Error>)(
        a, shift, b, x,
    )
}

fn minres_here<S: Real>(
    a: &dyn LinearOperator<S>,
    shift: S,
    b: &[S],
    x: &mut [S],
) -> Result<(), Error> {
    let n = b.len();
    x.fill(S::zero());
    let size = norm(b);
    if size.is_zero() {
        return Ok(());
    }
    let mut residual = b.to_vec();
    let (mut left, mut correction, mut product) = (10 * n, vec![S::zero(); n], vec![S::zero(); n]);
    let mut relative = S::one();
    for _ in 0..ROUNDS {
        let (products, matrix_norm) = round(a, shift, &residual, &mut correction, left)?;
        left -= products;
        axpy(S::one(), &correction, x);
        a.apply(x, &mut product)?;
        for (((r, &b), &p), &x) in residual.iter_mut().zip(b).zip(&product).zip(x.iter()) {
            *r = b - p - shift * x;
        }
        let growth = matrix_norm * norm(x) / size;
        if !growth.is_finite() || S::constant(10.0) * S::epsilon() * growth > S::one() {
            return Err(Error::Singular { dim: n });
        }
        relative = norm(&residual) / (size * (S::one() + growth));
        if relative <= S::constant(20.0) * S::epsilon() || left == 0 {
            break;
        }
    }
    if relative <= S::constant(1e3) * S::epsilon() {
        Ok(())
    } else {
        Err(Error::NotSolved { products: 10 * n - left, residual: relative.as_f64() })
    }
}

/// One run from 0, of at most `limit` products; returns their number and an estimate of `‖A + shift·I‖`.
fn round<S: Real>(
    a: &dyn LinearOperator<S>,
    shift: S,
    b: &[S],
    x: &mut [S],
    limit: usize,
) -> Result<(usize, S), Error> {
    let zero = S::zero();
    let zeros = || vec![zero; b.len()];
    x.fill(zero);
    // The last three Lanczos vectors, not of unit length, and the last three directions.
    let (mut r1, mut r2, mut y, mut v) = (zeros(), b.to_vec(), b.to_vec(), zeros());
    let (mut w, mut w1, mut w2) = (zeros(), zeros(), zeros());
    let start = norm(b);
    let (mut beta, mut beta_before, mut matrix_norm) = (start, zero, zero);
    let (mut cosine, mut sine, mut delta_bar, mut epsilon) = (-S::one(), zero, zero, zero);
    let mut phi_bar = start;
    if start.is_zero() {
        return Ok((0, zero));
    }
    for k in 1..=limit {
        for (v, &y) in v.iter_mut().zip(&y) {
            *v = y / beta;
        }
        a.apply(&v, &mut y)?;
        axpy(shift, &v, &mut y);
        if k > 1 {
            axpy(-beta / beta_before, &r1, &mut y);
        }
        let alpha = dot(&v, &y);
        axpy(-alpha / beta, &r2, &mut y);
        std::mem::swap(&mut r1, &mut r2);
        r2.copy_from_slice(&y);
        beta_before = beta;
        beta = norm(&y);
        // ‖T v‖ of unit vectors: a lower bound, and close after a few steps.
        let before = if k > 1 { beta_before } else { zero };
        matrix_norm = matrix_norm.max(before.hypot(alpha).hypot(beta));
        check_finite(&y, b.len())?;
        // The QR factors of the tridiagonal matrix grow by one rotation.
        let epsilon_before = epsilon;
        let delta = cosine * delta_bar + sine * alpha;
        let gamma_bar = sine * delta_bar - cosine * alpha;
        epsilon = sine * beta;
        delta_bar = -cosine * beta;
        let gamma = gamma_bar.hypot(beta).max(S::epsilon() * matrix_norm);
        (cosine, sine) = (gamma_bar / gamma, beta / gamma);
        let phi = cosine * phi_bar;
        phi_bar = sine * phi_bar;
        std::mem::swap(&mut w1, &mut w2);
        std::mem::swap(&mut w2, &mut w);
        for (((w, &v), &w1), &w2) in w.iter_mut().zip(&v).zip(&w1).zip(&w2) {
            *w = (v - epsilon_before * w1 - delta * w2) / gamma;
        }
        axpy(phi, &w, x);
        let done = phi_bar.abs() <= S::epsilon() * (matrix_norm * norm(x) + start);
        if done || beta <= S::epsilon() * matrix_norm {
            return Ok((k, matrix_norm));
        }
    }
    Ok((limit, matrix_norm))
}
