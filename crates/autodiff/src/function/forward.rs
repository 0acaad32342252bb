//! Derivatives of functions of few inputs, by forward mode on the stack: no tape, no allocation.
//!
//! Up to some ten inputs nothing is faster. The function is written once, generic over [`Scalar`](crate::Scalar); a closure
//! says at which number it is wanted, which Rust infers: `|x| f(x)`. The primal and all branches are those of the plain
//! function, so nothing is refused: where a derivative cannot be told it is NaN, but for what [`Dual`] says of zeros.
//!
//! # Example
//!
//! ```
//! use dualtape_autodiff::{Scalar, c, forward};
//!
//! fn rosenbrock<S: Scalar>(x: &[S]) -> S {
//!     (c(1.0) - x[0]).powi(2) + c(100.0) * (x[1] - x[0] * x[0]).powi(2)
//! }
//! assert_eq!(forward::gradient(|x| rosenbrock(x), &[0.0, 1.0]), [-2.0, 200.0]);
//! assert_eq!(forward::hessian(|x| rosenbrock(x), &[1.0, 1.0]), [[802.0, -400.0], [-400.0, 200.0]]);
//! assert_eq!(forward::hvp(|x| rosenbrock(x), &[1.0, 1.0], &[1.0, 2.0]), [2.0, 0.0]);
//! ```

use std::array::from_fn;

use crate::number::{Dual, Dual2, Real};

/// The gradient `∇f(x)`.
///
/// Complexity: one evaluation of `f` with `N` tangents.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::forward;
///
/// assert_eq!(forward::gradient(|[x, y]| *x * y.exp(), &[3.0, 0.0]), [1.0, 3.0]);
/// ```
#[inline]
pub fn gradient<S: Real, const N: usize>(
    f: impl FnOnce(&[Dual<S, N>; N]) -> Dual<S, N>,
    x: &[S; N],
) -> [S; N] {
    value_and_gradient(f, x).1
}

/// The value `f(x)` and the gradient `∇f(x)`.
///
/// Complexity: as [`gradient`].
///
/// # Example
///
/// ```
/// use dualtape_autodiff::forward;
///
/// assert_eq!(forward::value_and_gradient(|[x, y]| x / y, &[3.0, 2.0]), (1.5, [0.5, -0.75]));
/// ```
#[inline]
pub fn value_and_gradient<S: Real, const N: usize>(
    f: impl FnOnce(&[Dual<S, N>; N]) -> Dual<S, N>,
    x: &[S; N],
) -> (S, [S; N]) {
    let y = f(&from_fn(|i| Dual::variable(x[i], i)));
    (y.re, y.eps)
}

/// The Jacobian of a function with `M` values; row `i` is the gradient of value `i`.
///
/// Complexity: one evaluation of `f` with `N` tangents.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Dual, forward};
///
/// let polar = |&[r, t]: &[Dual<f64, 2>; 2]| [r * t.cos(), r * t.sin()];
/// assert_eq!(forward::jacobian(polar, &[2.0, 0.0]), [[1.0, 0.0], [0.0, 2.0]]);
/// ```
#[inline]
pub fn jacobian<S: Real, const N: usize, const M: usize>(
    f: impl FnOnce(&[Dual<S, N>; N]) -> [Dual<S, N>; M],
    x: &[S; N],
) -> [[S; N]; M] {
    f(&from_fn(|i| Dual::variable(x[i], i))).map(|y| y.eps)
}

/// The Hessian-vector product `∇²f(x)·v`.
///
/// Complexity: one evaluation of `f` with `2N + 1` tangents.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::forward;
///
/// assert_eq!(forward::hvp(|[x, y]| x * x * y, &[2.0, 5.0], &[1.0, -1.0]), [6.0, 4.0]);
/// ```
#[inline]
pub fn hvp<S: Real, const N: usize>(
    f: impl FnOnce(&[Dual<Dual<S, 1>, N>; N]) -> Dual<Dual<S, 1>, N>,
    x: &[S; N],
    v: &[S; N],
) -> [S; N] {
    f(&from_fn(|i| Dual::variable(Dual { re: x[i], eps: [v[i]] }, i))).eps.map(|x_bar| x_bar.eps[0])
}

/// The Hessian `∇²f(x)`, exactly symmetric.
///
/// Complexity: one evaluation of `f` with `N` first and `N(N + 1)/2` second derivatives.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::forward;
///
/// let h = forward::hessian(|[x, y]| x * x * y.exp(), &[3.0, 0.0]);
/// assert_eq!(h, [[2.0, 6.0], [6.0, 9.0]]);
/// ```
#[inline]
pub fn hessian<S: Real, const N: usize>(
    f: impl FnOnce(&[Dual2<S, N>; N]) -> Dual2<S, N>,
    x: &[S; N],
) -> [[S; N]; N] {
    let y = f(&from_fn(|i| Dual2::variable(x[i], i)));
    from_fn(|i| from_fn(|j| y.second(i, j)))
}
