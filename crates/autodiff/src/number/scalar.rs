//! The number with which a loss is written.

use std::fmt::Debug;
use std::iter::{Product, Sum};
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, RemAssign, Sub, SubAssign};
use std::sync::Arc;

use num_traits::{Float, FromPrimitive};

use super::constant::Const;
use super::elementary::Elementary;
use super::functions::{Binary, Unary, composed};
use super::kernels::Kernels;
use super::knot::{IntoTensor, Own, Var};
use super::literal::IntoScalar;
use super::real::Real;
use crate::array::Array;

/// A number with which a loss is written: plain, dual, or recorded on a tape.
///
/// Everything of [`num_traits::Float`] is available (`x.exp()`, `x.powi(3)`, comparisons on the primal), and the functions
/// below complete the set.
///
/// In code generic over the number a literal is written `c(2.0)`: `c(2.0) * x`, `x - c(2.0)`, `x < c(2.0)` (see [`c`](crate::c)); and as an
/// argument, `x.max(S::constant(0.0))`. Code on [`Var`](crate::Var), [`Dual`](crate::Dual) and the like takes plain numbers everywhere.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Dual, Scalar, c};
///
/// fn rosenbrock<S: Scalar>(x: &[S]) -> S {
///     (c(1.0) - x[0]).powi(2) + c(100.0) * (x[1] - x[0] * x[0]).powi(2)
/// }
///
/// assert_eq!(rosenbrock(&[1.0, 1.0]), 0.0);
/// let f = rosenbrock(&[Dual::<f64, 1>::variable(-1.0, 0), Dual::constant(1.0)]);
/// assert_eq!((f.re, f.eps[0]), (4.0, -4.0));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a number that dualtape can differentiate",
    note = "write the function generic over `S: Scalar` and call it with `f32`, `f64`, `Dual` or `Var`"
)]
pub trait Scalar:
    Elementary
    + Kernels
    + Own
    + Float
    + FromPrimitive
    + Debug
    + Sum
    + Product
    + for<'a> Sum<&'a Self>
    + for<'a> Product<&'a Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + DivAssign
    + RemAssign
    + Add<Const, Output = Self>
    + Sub<Const, Output = Self>
    + Mul<Const, Output = Self>
    + Div<Const, Output = Self>
    + PartialOrd<Const>
    + for<'t> IntoScalar<Var<'t, Self>>
    + for<'t> IntoTensor<'t, Self>
{
    /// The plain floating-point type below all dual parts and tapes.
    type Real: Real;

    /// The constant `c` of this type.
    fn constant(c: f64) -> Self;

    /// These constants, of this type; shared where it is the same.
    #[doc(hidden)]
    fn constants(reals: &Array<Self::Real>) -> Array<Self> {
        let data = reals.data().iter().map(|x| Self::constant(x.as_f64())).collect();
        Array::from_shared(reals.shape(), Arc::new(data))
    }

    /// The primal value, without dual parts and tape.
    ///
    /// On a recorded [`Var`](crate::Var) the value leaves the tape, so what the program does with it cannot be seen by
    /// a replay; the recording notes that.
    fn primal(self) -> Self::Real;

    /// `self + c`, where a number with tangents need not add any.
    #[doc(hidden)]
    #[inline(always)]
    fn shifted(self, c: f64) -> Self {
        self + Self::constant(c)
    }

    /// `self·c`, where a number with tangents need not make any of `c`.
    #[doc(hidden)]
    #[inline(always)]
    fn scaled(self, c: f64) -> Self {
        self * Self::constant(c)
    }

    /// The products of the chain rule of each of these tangents with one partial derivative.
    ///
    /// A tangent of 0 absorbs. A partial derivative of 0 absorbs an infinite tangent if `absorbs` says so of its lane; else their
    /// product is NaN. What is recorded knows that by itself.
    #[doc(hidden)]
    #[inline(always)]
    fn chained<const N: usize>(
        x_dot: [Self; N],
        partial: Self,
        _absorbs: impl Fn(usize) -> bool,
    ) -> [Self; N] {
        x_dot.map(|x_dot| x_dot.chain(partial))
    }

    /// Whether this is a finite number other than 0: of 0 and of infinity its product with it makes the same again.
    #[doc(hidden)]
    #[inline(always)]
    fn is_regular(self) -> bool {
        false
    }

    /// Whether in a product a factor of 0 with this tangent absorbs an infinite tangent of the other factor: if it does not
    /// move; and to first order also if both are finite, since `(ab)′ = lim a(h)·b(h)/h` is then `a·b′` where `b` vanishes.
    #[doc(hidden)]
    fn absorbs(_zero: Self, _zero_dot: Self, _other: Self) -> bool {
        false
    }

    /// Each of these tangents divided by one number; 0 stays 0 whatever it is divided by.
    #[doc(hidden)]
    #[inline(always)]
    fn divided<const N: usize>(x_dot: [Self; N], by: Self) -> [Self; N] {
        x_dot.map(
            |x_dot| if x_dot.known_constant() == Some(0.0) { Self::zero() } else { x_dot / by },
        )
    }

    /// `Σ aᵢ`, added from the first term on; on a tape one instruction, however many terms.
    #[track_caller]
    fn sum_of(terms: impl Iterator<Item = Self>) -> Self {
        // As in the standard library, no terms make −0: the number that changes no term, not even −0.
        terms.reduce(|a, b| a + b).unwrap_or_else(Self::neg_zero)
    }

    /// `Σ aᵢ·bᵢ`, added from the first term on; on a tape one instruction, however many terms.
    #[track_caller]
    fn sum_of_products(pairs: impl Iterator<Item = (Self, Self)>) -> Self {
        Self::sum_of(pairs.map(|(a, b)| a * b))
    }

    /// `Σ aᵢ·bᵢ` with products of the chain rule; on a tape one instruction, however many terms.
    #[doc(hidden)]
    fn sum_of_chained(pairs: impl Iterator<Item = (Self, Self)>) -> Self {
        Self::sum_of(pairs.map(|(a, b)| a.chain(b)))
    }

    /// The same value, taken as constant by every derivative.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{Scalar, gradient};
    ///
    /// assert_eq!(gradient(|x| x[0] * x[0].stop_gradient(), &[3.0])?, [3.0]);
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    #[track_caller]
    fn stop_gradient(self) -> Self {
        self.map(Unary::StopGradient)
    }

    /// Logistic function `σ(x) = 1/(1 + e⁻ˣ)`.
    #[track_caller]
    fn sigmoid(self) -> Self {
        self.map(Unary::Sigmoid)
    }

    /// `ln σ(x) = −ln(1 + e⁻ˣ)`, without overflow.
    #[track_caller]
    fn log_sigmoid(self) -> Self {
        self.map(Unary::LogSigmoid)
    }

    /// `ln(1 + eˣ)`, without overflow.
    #[track_caller]
    fn softplus(self) -> Self {
        self.map(Unary::Softplus)
    }

    /// `max(x, 0)`, with derivative 0 at 0.
    #[track_caller]
    fn relu(self) -> Self {
        self.map(Unary::Relu)
    }

    /// `x/(1 + |x|)`, exact in the tails; second and higher derivatives jump at 0, where they count as the mean of both sides.
    #[track_caller]
    fn soft_sign(self) -> Self {
        self.map(Unary::SoftSign)
    }

    /// `x − tanh x`, accurate near 0.
    #[track_caller]
    fn tanh_shrink(self) -> Self {
        self.map(Unary::TanhShrink)
    }

    /// `x ln x`, continued by 0 at 0.
    #[track_caller]
    fn xlogx(self) -> Self {
        self.map(Unary::XLogX)
    }

    /// `x ln y`, continued by 0 at `x = 0`.
    #[track_caller]
    fn xlogy(self, y: Self) -> Self {
        self.zip(Binary::XLogY, y)
    }

    /// `ln(eˣ + eʸ)`, without overflow.
    #[track_caller]
    fn log_add_exp(self, y: Self) -> Self {
        self.zip(Binary::LogAddExp, y)
    }

    /// `ln Σ exp(aᵢ)`, without overflow, −∞ of no terms; also its second and third derivatives keep their relative accuracy.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{Scalar, gradient};
    ///
    /// let terms: Vec<f64> = (0..1000).map(|i| 2000.0 + f64::from(i % 2)).collect();
    /// let expected = 2000.0 + (500.0 * (1.0 + 1_f64.exp())).ln();
    /// assert!((f64::log_sum_exp_of(terms.iter().copied()) - expected).abs() < 1e-11);
    ///
    /// let softmax = gradient(|x| Scalar::log_sum_exp_of(x.iter().copied()), &[900.0, 900.0, 0.0])?;
    /// assert_eq!(softmax, [0.5, 0.5, 0.0]);
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    #[track_caller]
    fn log_sum_exp_of(terms: impl Iterator<Item = Self>) -> Self {
        composed::log_sum_exp(terms)
    }

    /// Error function `erf x = 2/√π ∫₀ˣ e^(−t²) dt`.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{Dual, Scalar};
    ///
    /// let y = Dual::<f64, 1>::variable(0.5, 0).erf();
    /// assert_eq!(y.re, 0.520_499_877_813_046_5);
    /// assert_eq!(y.eps[0], std::f64::consts::FRAC_2_SQRT_PI * (-0.25_f64).exp());
    /// ```
    #[track_caller]
    fn erf(self) -> Self {
        self.map(Unary::Erf)
    }

    /// Complementary error function `erfc x = 1 − erf x`, accurate for large x.
    #[track_caller]
    fn erfc(self) -> Self {
        self.map(Unary::Erfc)
    }

    /// Distribution function `Φ(x)` of the standard normal distribution, accurate in the lower tail.
    #[track_caller]
    fn normal_cdf(self) -> Self {
        self.map(Unary::NormalCdf)
    }

    /// `ln Φ(x)` of the distribution function of the standard normal distribution, with its derivatives to third order
    /// accurate in both tails: the loss of a probit model, also of examples that it puts far on the wrong side.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{Scalar, gradient};
    ///
    /// assert_eq!(Scalar::normal_cdf(-50.0_f64).ln(), f64::NEG_INFINITY);
    /// assert!((Scalar::normal_log_cdf(-50.0_f64) + 1254.831_361_139_419_9).abs() < 1e-10);
    /// let slope = gradient(|x| x[0].normal_log_cdf(), &[-50.0])?[0];
    /// assert!((slope - 50.019_984_031_905_64).abs() < 1e-11);
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    #[track_caller]
    fn normal_log_cdf(self) -> Self {
        self.map(Unary::NormalLogCdf)
    }

    /// `ln |Γ(x)|`; +∞ at 0, −1, −2, …
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{Scalar, hessian};
    ///
    /// // The second derivative is the trigamma function, at 1 π²/6.
    /// let h = hessian(|x| x[0].ln_gamma(), &[1.0])?;
    /// assert!((h[(0, 0)] - std::f64::consts::PI.powi(2) / 6.0).abs() < 1e-15);
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    #[track_caller]
    fn ln_gamma(self) -> Self {
        self.map(Unary::LnGamma)
    }

    /// `ψ(x)`, the derivative of `ln Γ(x)`; ∓∞ at ±0, NaN at −1, −2, …, where the sides differ.
    #[track_caller]
    fn digamma(self) -> Self {
        self.map(Unary::Digamma)
    }

    /// `ψ⁽ⁿ⁾(x)`, the derivative of order n of the digamma function: trigamma for `n = 1`. NaN for `n > 170`, where n! overflows.
    #[track_caller]
    fn polygamma(self, n: u32) -> Self {
        composed::polygamma(n, self)
    }

    /// Bessel function of the first kind `Jₙ(x)`, in time proportional to n. NaN for `|n| > 10⁶` where it does not underflow.
    #[track_caller]
    fn bessel_j(self, n: i32) -> Self {
        composed::bessel_j(n, self)
    }

    /// `J₀(x)`.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{Scalar, gradient};
    ///
    /// // J₀′ = −J₁
    /// let g = gradient(|x| x[0].bessel_j0(), &[2.0])?;
    /// assert_eq!(g[0], -2.0.bessel_j1());
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    #[track_caller]
    fn bessel_j0(self) -> Self {
        self.bessel_j(0)
    }

    /// `J₁(x)`.
    #[track_caller]
    fn bessel_j1(self) -> Self {
        self.bessel_j(1)
    }

    /// Sigmoid linear unit `x·σ(x)`, also called swish.
    #[track_caller]
    fn silu(self) -> Self {
        composed::silu(self)
    }

    /// Gaussian error linear unit `x·Φ(x)` (Hendrycks and Gimpel, 2016).
    #[track_caller]
    fn gelu(self) -> Self {
        composed::gelu(self)
    }

    /// The approximation `½x(1 + tanh(√(2/π)(x + 0.044715x³)))` of [`gelu`](Self::gelu).
    #[track_caller]
    fn gelu_tanh(self) -> Self {
        composed::gelu_tanh(self)
    }

    /// Exponential linear unit: `x` for positive x, else `α(eˣ − 1)`; at 0 the derivatives are those from the left.
    #[track_caller]
    fn elu(self, alpha: f64) -> Self {
        composed::elu(self, alpha)
    }

    /// `x·tanh(ln(1 + eˣ))` (Misra, 2019).
    #[track_caller]
    fn mish(self) -> Self {
        composed::mish(self)
    }
}
