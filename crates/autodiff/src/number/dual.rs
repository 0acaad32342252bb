//! Numbers with first derivatives.

use std::array::from_fn;
use std::cmp::Ordering;
use std::fmt;
use std::ops::{Add, Div, Mul, Neg, Rem, Sub};

use super::elementary::Elementary;
use super::float::float_through_rules;
use super::functions::{Binary, Unary, power_int_derivative, power_real_derivative};
use super::inherent::inherent_functions;
use super::kernels::Kernels;
use super::operators::{operators, plain_left, plain_right};
use super::scalar::Scalar;

/// A number with `N` tangents: `re + Σᵢ eps[i]·εᵢ`, where `εᵢ·εⱼ = 0`.
///
/// Computing `f` on `Dual { re: x, eps: x_dot }` gives `f(x)`, bit for bit what the plain function gives, and with it the
/// directional derivatives `f′(x)·x_dot[i]`. (But for `asinh`, `acosh` and `atanh`: those of the standard library lose digits
/// near 1 and −1, or overflow, and so the value would not belong to the derivative.) The inner number `S` may itself be a dual (second and higher derivatives)
/// or recorded on a tape.
///
/// Comparisons and predicates look at the primal, so a program takes the same branches as over `f64`.
///
/// # Zeros
///
/// A tangent that is 0 contributes 0, also where the derivative it would be multiplied with is infinite or NaN:
/// `√x` at 0 has derivative +∞ in the direction in which `x` moves, and 0 in every other. A factor or a slope that is 0
/// absorbs an infinite tangent too if it is fixed (a weight or mask of 0, a branch not taken), or if what it is a factor of
/// leaves no doubt (`x·√x` at 0); where the derivative cannot be told, as that of `√x·√x` at 0, it is NaN.
///
/// The price: where a tangent vanishes by computation, at a point where the next function is not differentiable, the product
/// `0·∞` counts as 0 (`∛(x³)` at 0, where the derivative is 1): a number by itself cannot tell that zero from the tangent of a
/// constant. The operators that record, such as [`gradient`](crate::gradient()), [`jvp`](crate::jvp()) and
/// [`Function`](crate::Function), can, and refuse there.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Dual, Scalar};
///
/// fn f<S: Scalar>(x: S, y: S) -> S {
///     x * y.sin()
/// }
///
/// let [x, y] = [Dual::variable(2.0, 0), Dual::variable(0.5, 1)];
/// let z: Dual<f64, 2> = f(x, y);
/// assert_eq!(z.re, 2.0 * 0.5_f64.sin());
/// assert_eq!(z.eps, [0.5_f64.sin(), 2.0 * 0.5_f64.cos()]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Dual<S, const N: usize> {
    /// The primal value.
    pub re: S,
    /// The tangents, one a lane.
    pub eps: [S; N],
}

impl<S: Scalar, const N: usize> Dual<S, N> {
    /// `re`, moving with tangent 1 in lane `lane` and 0 in the others.
    ///
    /// # Panics
    ///
    /// If `lane ≥ N`.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::Dual;
    ///
    /// let x = Dual::<f64, 3>::variable(2.0, 1);
    /// assert_eq!((x * x).eps, [0.0, 4.0, 0.0]);
    /// ```
    #[inline]
    pub fn variable(re: S, lane: usize) -> Self {
        let mut x = Dual::constant(re);
        x.eps[lane] = S::one();
        x
    }

    /// `re`, with all tangents 0.
    #[inline]
    pub fn constant(re: S) -> Self {
        Dual { re, eps: [S::zero(); N] }
    }

    /// The chain rule: the tangents of `f(self)`, where `slope = f′(self.re)`. If `is_level`, that is 0 at all inputs nearby.
    #[inline(always)]
    fn tangents(self, slope: S, is_level: impl Fn() -> bool) -> [S; N] {
        if slope.is_regular() {
            return regular(self.eps, slope);
        }
        let is_level = is_level();
        self.eps.map(|x_dot| special(x_dot, slope, is_level))
    }

    /// Whether all tangents are known to be 0.
    #[inline]
    fn is_still(self) -> bool {
        self.eps.iter().all(|&x_dot| vanishes(x_dot))
    }

    /// The tangents of `self·other`.
    #[inline(always)]
    fn product_tangents(self, other: Self) -> [S; N] {
        let (a, b) = (self.re, other.re);
        if !(a.is_regular() && b.is_regular()) {
            return from_fn(|i| special_product(a, self.eps[i], b, other.eps[i]));
        }
        from_fn(|i| self.eps[i] * b + other.eps[i] * a + S::zero())
    }

    /// The tangents of `y = self/other`: from `y·b = a`, `y_dot = (a_dot − y·b_dot)/b`. Unlike `1/b²` that over- and
    /// underflows only where the derivative does.
    #[inline(always)]
    fn quotient_tangents(self, other: Self, y: S) -> [S; N] {
        let (a, b) = (self.re, other.re);
        if !(y.is_regular() && b.is_regular()) {
            return from_fn(|i| special_quotient(a, self.eps[i], b, other.eps[i], y));
        }
        from_fn(|i| (self.eps[i] - other.eps[i] * y) / b + S::zero())
    }
}

/// Products of the chain rule with a partial derivative that is [regular](Scalar::is_regular), so that a tangent of 0 makes 0
/// without being asked; what is added makes 0 of −0.
#[inline(always)]
fn regular<S: Scalar, const N: usize>(x_dot: [S; N], partial: S) -> [S; N] {
    x_dot.map(|x_dot| x_dot * partial + S::zero())
}

// What is rare over plain numbers is a function of its own, and of single tangents: so the others stay in registers.

#[cold]
#[inline(never)]
fn special<S: Scalar>(x_dot: S, slope: S, is_level: bool) -> S {
    let [y_dot] = S::chained([x_dot], slope, |_| is_level);
    y_dot
}

/// The tangent of `a·b`.
#[cold]
#[inline(never)]
fn special_product<S: Scalar>(a: S, a_dot: S, b: S, b_dot: S) -> S {
    let [from_a] = S::chained([a_dot], b, |_| S::absorbs(b, b_dot, a));
    let [from_b] = S::chained([b_dot], a, |_| S::absorbs(a, a_dot, b));
    from_a + from_b
}

/// The tangent of `y = a/b`.
#[cold]
#[inline(never)]
fn special_quotient<S: Scalar>(a: S, a_dot: S, b: S, b_dot: S, y: S) -> S {
    let [rest] = S::chained([b_dot], y, |_| a.is_zero() && S::absorbs(a, a_dot, b));
    let [y_dot] = S::divided([a_dot - rest], b);
    y_dot
}

/// What the tangent of `f(a, b)` has of that of `a`.
#[cold]
#[inline(never)]
fn special_in_a<S: Scalar>(f: Binary, a: S, a_dot: S, b: S, b_dot: S, partial: S) -> S {
    let settled = f.selects_at(a, b) || f.is_comparison();
    let absorbs = |_| settled || f.is_linear_in_a() && S::absorbs(b, b_dot, a);
    let [from_a] = S::chained([a_dot], partial, absorbs);
    from_a
}

/// What the tangent of `f(a, b)` has of that of `b`.
#[cold]
#[inline(never)]
fn special_in_b<S: Scalar>(f: Binary, a: S, a_dot: S, b: S, b_dot: S, partial: S) -> S {
    let settled = f.selects_at(a, b) || f.is_comparison();
    let weight = f.is_linear_in_a() && a.is_zero();
    let absorbs = |_| settled || weight && S::absorbs(a, a_dot, b);
    let [from_b] = S::chained([b_dot], partial, absorbs);
    from_b
}

/// Whether `x_dot` is known to be 0: over plain numbers, if it is; on a tape, only if it is so for all inputs.
#[inline]
pub(crate) fn vanishes<S: Scalar>(x_dot: S) -> bool {
    x_dot.known_constant() == Some(0.0)
}

impl<S: Scalar, const N: usize> Elementary for Dual<S, N> {
    #[inline]
    fn map(self, f: Unary) -> Self {
        let y = self.re.map(f);
        let slope = f.derivative(self.re, y);
        Dual { re: y, eps: self.tangents(slope, || f.is_level_near(self.re.primal())) }
    }

    #[inline]
    fn zip(self, f: Binary, other: Self) -> Self {
        let (a, b) = (self.re, other.re);
        let y = a.zip(f, b);
        // One operand is often constant, and the partial derivatives of two-argument functions are costly.
        let still = [S::zero(); N];
        let from_a = match self.is_still() {
            true => still,
            false => match f.partial_a(a, b, y) {
                partial if partial.is_regular() => regular(self.eps, partial),
                partial => from_fn(|i| special_in_a(f, a, self.eps[i], b, other.eps[i], partial)),
            },
        };
        let from_b = match other.is_still() {
            true => still,
            false => match f.partial_b(a, b, y) {
                partial if partial.is_regular() => regular(other.eps, partial),
                partial => from_fn(|i| special_in_b(f, a, self.eps[i], b, other.eps[i], partial)),
            },
        };
        Dual { re: y, eps: from_fn(|i| from_a[i] + from_b[i]) }
    }

    #[inline]
    fn chain(self, partial: Self) -> Self {
        Dual { re: self.re.chain(partial.re), eps: self.product_tangents(partial) }
    }

    #[inline]
    fn mul_no_nan(self, other: Self) -> Self {
        Dual { re: self.re.mul_no_nan(other.re), eps: self.product_tangents(other) }
    }

    #[inline(always)]
    fn power_int(self, n: i32) -> Self {
        let slope = power_int_derivative(self.re, n);
        Dual { re: self.re.power_int(n), eps: self.tangents(slope, || n == 0) }
    }

    #[inline]
    fn power_real(self, p: f64) -> Self {
        let slope = power_real_derivative(self.re, p);
        Dual { re: self.re.power_real(p), eps: self.tangents(slope, || p == 0.0) }
    }

    #[inline]
    fn lift(self, c: f64) -> Self {
        Dual::constant(self.re.lift(c))
    }

    #[inline]
    fn known_constant(self) -> Option<f64> {
        if self.is_still() { self.re.known_constant() } else { None }
    }
}

impl<S: Scalar, const N: usize> Scalar for Dual<S, N> {
    type Real = S::Real;

    #[inline]
    fn constant(c: f64) -> Self {
        Dual::constant(S::constant(c))
    }

    #[inline]
    fn primal(self) -> S::Real {
        self.re.primal()
    }

    #[inline(always)]
    fn shifted(self, c: f64) -> Self {
        Dual { re: self.re.shifted(c), ..self }
    }

    #[inline(always)]
    fn scaled(self, c: f64) -> Self {
        Dual { re: self.re.scaled(c), eps: self.tangents(S::constant(c), || true) }
    }

    #[inline(always)]
    fn chained<const M: usize>(
        x_dot: [Self; M],
        partial: Self,
        absorbs: impl Fn(usize) -> bool,
    ) -> [Self; M] {
        from_fn(|lane| {
            let x_dot = x_dot[lane];
            let [re] = S::chained([x_dot.re], partial.re, |_| absorbs(lane));
            let moved = S::chained(x_dot.eps, partial.re, |_| absorbs(lane));
            let turned = S::chained(partial.eps, x_dot.re, |i| vanishes(x_dot.eps[i]));
            Dual { re, eps: from_fn(|i| moved[i] + turned[i]) }
        })
    }

    /// Of its own tangents none may move: they are of higher order.
    #[inline]
    fn absorbs(zero: Self, zero_dot: Self, _: Self) -> bool {
        zero.is_still() && vanishes(zero_dot)
    }
}

impl<S: Scalar, const N: usize> Kernels for Dual<S, N> {}

impl<S: Scalar, const N: usize> Neg for Dual<S, N> {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        Dual { re: -self.re, eps: self.eps.map(|x_dot| -x_dot) }
    }
}

impl<S: Scalar, const N: usize> Add for Dual<S, N> {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Dual { re: self.re + other.re, eps: from_fn(|i| self.eps[i] + other.eps[i]) }
    }
}

impl<S: Scalar, const N: usize> Sub for Dual<S, N> {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Dual { re: self.re - other.re, eps: from_fn(|i| self.eps[i] - other.eps[i]) }
    }
}

impl<S: Scalar, const N: usize> Mul for Dual<S, N> {
    type Output = Self;
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Dual { re: self.re * other.re, eps: self.product_tangents(other) }
    }
}

impl<S: Scalar, const N: usize> Div for Dual<S, N> {
    type Output = Self;
    #[inline]
    fn div(self, other: Self) -> Self {
        let y = self.re / other.re;
        Dual { re: y, eps: self.quotient_tangents(other, y) }
    }
}

impl<S: Scalar, const N: usize> Rem for Dual<S, N> {
    type Output = Self;
    #[inline]
    fn rem(self, other: Self) -> Self {
        self.zip(Binary::Rem, other)
    }
}

operators!([const N: usize,] Dual<S, N>);

plain_left!([const N: usize,] Dual<S, N>);

plain_right!([const N: usize,] Dual<S, N>);

inherent_functions!([const N: usize,] Dual<S, N>);

float_through_rules!([const N: usize,] Dual<S, N> {
    /// The primal is fused, rounded once like the plain function's.
    #[inline]
    fn mul_add(self, a: Self, b: Self) -> Self {
        let product = self.product_tangents(a);
        Dual { re: self.re.mul_add(a.re, b.re), eps: from_fn(|i| product[i] + b.eps[i]) }
    }
});

/// The constant with this value.
impl<S: Scalar, const N: usize> From<S> for Dual<S, N> {
    #[inline]
    fn from(re: S) -> Self {
        Dual::constant(re)
    }
}

/// `re + [eps₀, eps₁, …]ε`, each part in the format asked for.
impl<S: fmt::Display, const N: usize> fmt::Display for Dual<S, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.re.fmt(f)?;
        f.write_str(" + [")?;
        for (i, x_dot) in self.eps.iter().enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            x_dot.fmt(f)?;
        }
        f.write_str("]ε")
    }
}

/// On the primal.
impl<S: Scalar, const N: usize> PartialEq for Dual<S, N> {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.re == other.re
    }
}

/// On the primal.
impl<S: Scalar, const N: usize> PartialOrd for Dual<S, N> {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.re.partial_cmp(&other.re)
    }
}
