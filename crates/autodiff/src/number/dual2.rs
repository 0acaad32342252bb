//! Numbers with first and second derivatives.

use std::array::from_fn;
use std::cmp::Ordering;
use std::ops::{Add, Div, Mul, Neg, Rem, Sub};

use super::dual::{Dual, vanishes};
use super::elementary::Elementary;
use super::float::float_through_rules;
use super::functions::{Binary, Unary, power_int_derivative, power_real_derivative};
use super::inherent::inherent_functions;
use super::kernels::Kernels;
use super::operators::{operators, plain_left, plain_right};
use super::scalar::Scalar;

/// A number with its gradient and Hessian in `N` variables: second-order forward mode.
///
/// The second derivative of a function comes from its one rule, read over a [`Dual`]: the derivative of the derivative. Zero
/// tangents are treated as [`Dual`] treats them. Compared with a dual of duals, each second derivative is computed once:
/// the Hessian is symmetric, and its lower triangle is all there is.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Scalar, numbers::Dual2};
///
/// fn f<S: Scalar>(x: S, y: S) -> S {
///     x * x * y.exp()
/// }
///
/// let z = f(Dual2::<f64, 2>::variable(3.0, 0), Dual2::variable(0.0, 1));
/// assert_eq!((z.re, z.gradient), (9.0, [6.0, 9.0]));
/// assert_eq!([z.second(0, 0), z.second(0, 1), z.second(1, 1)], [2.0, 6.0, 9.0]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Dual2<S, const N: usize> {
    /// The primal value.
    pub re: S,
    /// The first derivatives.
    pub gradient: [S; N],
    /// The second derivatives, of which only those with column ≤ row are meant.
    pub(crate) lower: [[S; N]; N],
}

impl<S: Scalar, const N: usize> Dual2<S, N> {
    /// Variable number `i`, with the value `re`.
    ///
    /// # Panics
    ///
    /// If `i ≥ N`.
    #[inline]
    pub fn variable(re: S, i: usize) -> Self {
        let mut x = Dual2::constant(re);
        x.gradient[i] = S::one();
        x
    }

    /// `re`, whatever the variables.
    #[inline]
    pub fn constant(re: S) -> Self {
        Dual2 { re, gradient: [S::zero(); N], lower: [[S::zero(); N]; N] }
    }

    /// The derivative with respect to variables `i` and `j`.
    ///
    /// # Panics
    ///
    /// If there is no such variable.
    #[inline]
    pub fn second(self, i: usize, j: usize) -> S {
        self.lower[i.max(j)][i.min(j)]
    }

    /// The chain rule for `y = f(self)`, where `slope` is `f′` with its derivative.
    #[inline(always)]
    fn composed(self, y: S, slope: Dual<S, 1>, is_level: impl Fn() -> bool) -> Self {
        let (first, [second]) = (slope.re, slope.eps);
        if !first.is_regular() {
            return special(self, y, slope, is_level());
        }
        let g = self.gradient;
        Dual2 {
            re: y,
            gradient: g.map(|g| regular(g, first)),
            lower: lower(|i, j| regular(self.lower[i][j], first) + g[i].chain(g[j]).chain(second)),
        }
    }

    /// `self.re`, moving with tangent 1.
    #[inline(always)]
    fn moving(self) -> Dual<S, 1> {
        Dual { re: self.re, eps: [S::one()] }
    }

    /// Whether all derivatives are known to be 0.
    #[inline]
    fn is_still(self) -> bool {
        self.gradient.iter().all(|&g| vanishes(g))
            && self.lower.iter().flatten().all(|&h| vanishes(h))
    }

    /// Whether a factor of 0 absorbs an infinite second derivative of the other one: if it does not move in these variables.
    #[inline]
    fn rests(self, i: usize, j: usize) -> bool {
        let first = vanishes(self.gradient[i]) && vanishes(self.gradient[j]);
        first && vanishes(self.lower[i][j]) && S::absorbs(self.re, self.lower[i][j], self.re)
    }

    /// Gradient and Hessian of `self·other`.
    #[inline(always)]
    fn product_derivatives(self, other: Self) -> ([S; N], [[S; N]; N]) {
        let (x, z) = (self.re, other.re);
        if !(x.is_regular() && z.is_regular()) {
            return special_product(self, other);
        }
        let (a, b) = (self.gradient, other.gradient);
        let sum = |a: S, b: S| a * z + b * x + S::zero();
        let lower = lower(|i, j| {
            sum(self.lower[i][j], other.lower[i][j]) + (a[i].chain(b[j]) + b[i].chain(a[j]))
        });
        (from_fn(|i| sum(a[i], b[i])), lower)
    }

    /// Gradient and Hessian of `y = self/other`, from `y·b = a`: unlike `1/b³`, they over- and underflow only where they do
    /// so themselves.
    #[inline(always)]
    fn quotient_derivatives(self, other: Self, y: S) -> ([S; N], [[S; N]; N]) {
        let (b, b_dot) = (other.re, other.gradient);
        if !(y.is_regular() && b.is_regular()) {
            return special_quotient(self, other, y);
        }
        let y_dot: [S; N] = from_fn(|i| (self.gradient[i] - b_dot[i] * y) / b + S::zero());
        let lower = lower(|i, j| {
            let mixed = y_dot[i].chain(b_dot[j]) + b_dot[i].chain(y_dot[j]);
            (self.lower[i][j] - other.lower[i][j] * y - mixed) / b + S::zero()
        });
        (y_dot, lower)
    }
}

/// The product of the chain rule with a partial derivative that is [regular](Scalar::is_regular).
#[inline(always)]
fn regular<S: Scalar>(x_dot: S, partial: S) -> S {
    x_dot * partial + S::zero()
}

// As in `dual.rs`, what is rare over plain numbers is a function of its own.

#[cold]
#[inline(never)]
fn special<S: Scalar, const N: usize>(
    x: Dual2<S, N>,
    y: S,
    slope: Dual<S, 1>,
    is_level: bool,
) -> Dual2<S, N> {
    let (first, [second]) = (slope.re, slope.eps);
    let g = x.gradient;
    Dual2 {
        re: y,
        gradient: S::chained(g, first, |_| is_level),
        lower: lower(|i, j| {
            chain(x.lower[i][j], first, || is_level) + g[i].chain(g[j]).chain(second)
        }),
    }
}

#[cold]
#[inline(never)]
fn special_product<S: Scalar, const N: usize>(
    x: Dual2<S, N>,
    z: Dual2<S, N>,
) -> ([S; N], [[S; N]; N]) {
    let (a, b) = (x.gradient, z.gradient);
    let from_a = S::chained(a, z.re, |i| S::absorbs(z.re, b[i], x.re));
    let from_b = S::chained(b, x.re, |i| S::absorbs(x.re, a[i], z.re));
    let lower = lower(|i, j| {
        let curved = chain(x.lower[i][j], z.re, || z.rests(i, j))
            + chain(z.lower[i][j], x.re, || x.rests(i, j));
        curved + (a[i].chain(b[j]) + b[i].chain(a[j]))
    });
    (from_fn(|i| from_a[i] + from_b[i]), lower)
}

#[cold]
#[inline(never)]
fn special_quotient<S: Scalar, const N: usize>(
    x: Dual2<S, N>,
    z: Dual2<S, N>,
    y: S,
) -> ([S; N], [[S; N]; N]) {
    let (b, b_dot) = (z.re, z.gradient);
    let rest = S::chained(b_dot, y, |i| x.re.is_zero() && S::absorbs(x.re, x.gradient[i], b));
    let y_dot: [S; N] = S::divided(from_fn(|i| x.gradient[i] - rest[i]), b);
    let lower = lower(|i, j| {
        let mixed = y_dot[i].chain(b_dot[j]) + b_dot[i].chain(y_dot[j]);
        let weight = || x.re.is_zero() && x.rests(i, j);
        x.lower[i][j] - chain(z.lower[i][j], y, weight) - mixed
    });
    (y_dot, lower.map(|row: [S; N]| S::divided(row, b)))
}

/// The product of the chain rule; see [`Scalar::chained`].
#[inline(always)]
fn chain<S: Scalar>(x_dot: S, partial: S, absorbs: impl Fn() -> bool) -> S {
    let [y_dot] = S::chained([x_dot], partial, |_| absorbs());
    y_dot
}

/// A matrix by its entries on and below the diagonal.
#[inline(always)]
fn lower<S: Scalar, const N: usize>(entry: impl Fn(usize, usize) -> S) -> [[S; N]; N] {
    let mut matrix = [[S::zero(); N]; N];
    for (i, row) in matrix.iter_mut().enumerate() {
        for (j, x) in row[..=i].iter_mut().enumerate() {
            *x = entry(i, j);
        }
    }
    matrix
}

impl<S: Scalar, const N: usize> Elementary for Dual2<S, N> {
    #[inline]
    fn map(self, f: Unary) -> Self {
        let y = self.re.map(f);
        let x = self.moving();
        let slope = f.derivative(x, Dual { re: y, eps: [f.derivative(self.re, y)] });
        self.composed(y, slope, || f.is_level_near(self.re.primal()))
    }

    #[inline]
    fn zip(self, f: Binary, other: Self) -> Self {
        let (x, z) = (self.re, other.re);
        let y = x.zip(f, z);
        let (one, zero) = (S::one(), S::zero());
        let moving_a = Dual { re: x, eps: [one, zero] };
        let moving_b = Dual { re: z, eps: [zero, one] };
        let moved = Dual { re: y, eps: [f.partial_a(x, z, y), f.partial_b(x, z, y)] };
        let by_a = f.partial_a(moving_a, moving_b, moved);
        let by_b = f.partial_b(moving_a, moving_b, moved);
        let (a, b) = (self.gradient, other.gradient);
        let settled = || f.selects_at(x, z) || f.is_comparison();
        let weight = || f.is_linear_in_a() && x.is_zero();
        let in_a = |i| settled() || f.is_linear_in_a() && S::absorbs(z, b[i], x);
        let from_a = S::chained(a, by_a.re, in_a);
        let from_b = S::chained(b, by_b.re, |i| settled() || weight() && S::absorbs(x, a[i], z));
        Dual2 {
            re: y,
            gradient: from_fn(|i| from_a[i] + from_b[i]),
            lower: lower(|i, j| {
                let in_a = || settled() || f.is_linear_in_a() && other.rests(i, j);
                let in_b = || settled() || weight() && self.rests(i, j);
                let straight = chain(self.lower[i][j], by_a.re, in_a)
                    + chain(other.lower[i][j], by_b.re, in_b);
                let from_a = a[i].chain(a[j]).chain(by_a.eps[0]);
                let from_b = b[i].chain(b[j]).chain(by_b.eps[1]);
                let mixed =
                    a[i].chain(b[j]).chain(by_a.eps[1]) + b[i].chain(a[j]).chain(by_a.eps[1]);
                straight + (from_a + from_b + mixed)
            }),
        }
    }

    #[inline]
    fn chain(self, partial: Self) -> Self {
        let (gradient, lower) = self.product_derivatives(partial);
        Dual2 { re: self.re.chain(partial.re), gradient, lower }
    }

    #[inline]
    fn mul_no_nan(self, other: Self) -> Self {
        let (gradient, lower) = self.product_derivatives(other);
        Dual2 { re: self.re.mul_no_nan(other.re), gradient, lower }
    }

    #[inline]
    fn power_int(self, n: i32) -> Self {
        let slope = power_int_derivative(self.moving(), n);
        self.composed(self.re.power_int(n), slope, || n == 0)
    }

    #[inline]
    fn power_real(self, p: f64) -> Self {
        let slope = power_real_derivative(self.moving(), p);
        self.composed(self.re.power_real(p), slope, || p == 0.0)
    }

    #[inline]
    fn lift(self, c: f64) -> Self {
        Dual2::constant(self.re.lift(c))
    }

    #[inline]
    fn known_constant(self) -> Option<f64> {
        if self.is_still() { self.re.known_constant() } else { None }
    }
}

impl<S: Scalar, const N: usize> Scalar for Dual2<S, N> {
    type Real = S::Real;

    #[inline]
    fn constant(c: f64) -> Self {
        Dual2::constant(S::constant(c))
    }

    #[inline]
    fn primal(self) -> S::Real {
        self.re.primal()
    }

    #[inline]
    fn shifted(self, c: f64) -> Self {
        Dual2 { re: self.re.shifted(c), ..self }
    }

    #[inline]
    fn scaled(self, c: f64) -> Self {
        let slope = S::constant(c);
        Dual2 {
            re: self.re.scaled(c),
            gradient: S::chained(self.gradient, slope, |_| true),
            lower: lower(|i, j| chain(self.lower[i][j], slope, || true)),
        }
    }
}

impl<S: Scalar, const N: usize> Kernels for Dual2<S, N> {}

impl<S: Scalar, const N: usize> Neg for Dual2<S, N> {
    type Output = Self;
    #[inline]
    fn neg(self) -> Self {
        Dual2 {
            re: -self.re,
            gradient: self.gradient.map(|g| -g),
            lower: lower(|i, j| -self.lower[i][j]),
        }
    }
}

impl<S: Scalar, const N: usize> Add for Dual2<S, N> {
    type Output = Self;
    #[inline]
    fn add(self, other: Self) -> Self {
        Dual2 {
            re: self.re + other.re,
            gradient: from_fn(|i| self.gradient[i] + other.gradient[i]),
            lower: lower(|i, j| self.lower[i][j] + other.lower[i][j]),
        }
    }
}

impl<S: Scalar, const N: usize> Sub for Dual2<S, N> {
    type Output = Self;
    #[inline]
    fn sub(self, other: Self) -> Self {
        Dual2 {
            re: self.re - other.re,
            gradient: from_fn(|i| self.gradient[i] - other.gradient[i]),
            lower: lower(|i, j| self.lower[i][j] - other.lower[i][j]),
        }
    }
}

impl<S: Scalar, const N: usize> Mul for Dual2<S, N> {
    type Output = Self;
    #[inline]
    fn mul(self, other: Self) -> Self {
        let (gradient, lower) = self.product_derivatives(other);
        Dual2 { re: self.re * other.re, gradient, lower }
    }
}

impl<S: Scalar, const N: usize> Div for Dual2<S, N> {
    type Output = Self;
    #[inline]
    fn div(self, other: Self) -> Self {
        let y = self.re / other.re;
        let (gradient, lower) = self.quotient_derivatives(other, y);
        Dual2 { re: y, gradient, lower }
    }
}

impl<S: Scalar, const N: usize> Rem for Dual2<S, N> {
    type Output = Self;
    #[inline]
    fn rem(self, other: Self) -> Self {
        self.zip(Binary::Rem, other)
    }
}

operators!([const N: usize,] Dual2<S, N>);

plain_left!([const N: usize,] Dual2<S, N>);

plain_right!([const N: usize,] Dual2<S, N>);

inherent_functions!([const N: usize,] Dual2<S, N>);

float_through_rules!([const N: usize,] Dual2<S, N> {
    /// The primal is fused, rounded once like the plain function's.
    #[inline]
    fn mul_add(self, a: Self, b: Self) -> Self {
        let (gradient, curvature) = self.product_derivatives(a);
        Dual2 {
            re: self.re.mul_add(a.re, b.re),
            gradient: from_fn(|i| gradient[i] + b.gradient[i]),
            lower: lower(|i, j| curvature[i][j] + b.lower[i][j]),
        }
    }
});

/// On the primal.
impl<S: Scalar, const N: usize> PartialEq for Dual2<S, N> {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.re == other.re
    }
}

/// On the primal.
impl<S: Scalar, const N: usize> PartialOrd for Dual2<S, N> {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.re.partial_cmp(&other.re)
    }
}
