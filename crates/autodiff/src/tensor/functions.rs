//! The elementwise functions of [`Tensor`].

use crate::number::functions::composed;
use crate::number::{Binary, Elementary, Scalar, Unary};
use crate::tape::{IntoTensor, Tensor};

/// `elementwise!(map: exp Exp "`eˣ`")` is the documented method `exp`, which maps `Unary::Exp` over the array; with `zip`, a
/// method of an array and what may stand beside it, broadcast to each other.
macro_rules! elementwise {
    (map: $($name:ident $Rule:ident $doc:literal),*) => { $(
        #[doc = $doc]
        #[track_caller]
        pub fn $name(self) -> Self {
            self.map(Unary::$Rule)
        }
    )* };
    (zip: $($name:ident $Rule:ident $doc:literal),*) => { $(
        #[doc = $doc]
        #[track_caller]
        pub fn $name(self, other: impl IntoTensor<'t, S>) -> Self {
            self.zip(Binary::$Rule, other.into_tensor(self))
        }
    )* };
}

/// Elementwise functions, each in the array's shape. See [`Unary`] and [`Binary`] for their formulas and derivatives at edges.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Array, record};
///
/// let f = record(&[1.0, -2.0]).array().function(|x| x.elu(1.0).sum())?;
/// assert_eq!(f.gradient(&[1.0, -2.0])?, [1.0, (-2.0_f64).exp()]);
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
///
/// What networks and special functions need:
///
/// ```
/// use dualtape_autodiff::{Array, Tape};
///
/// let tape = Tape::new();
/// let x = tape.constant(&Array::vector(vec![-2.0, 0.0, 2.0]));
/// assert_eq!(x.clamp(-1.0, 1.5).data(), [-1.0, 0.0, 1.5]);
/// assert_eq!(x.leaky_relu(0.1).data(), [-0.2, 0.0, 2.0]);
/// for f in [x.gelu(), x.gelu_tanh(), x.silu(), x.mish(), x.elu(1.0), x.selu()] {
///     assert_eq!(f.data()[1], 0.0);
///     assert!(f.data()[2] > 1.7);
/// }
/// assert_eq!(x.bessel_j(0).data()[1], 1.0);
/// let trigamma = (x + 3.0).polygamma(1).data()[0]; // at 1
/// assert!((trigamma - std::f64::consts::PI.powi(2) / 6.0).abs() < 1e-14);
/// ```
impl<'t, S: Scalar> Tensor<'t, S> {
    elementwise! { map:
        abs Abs "`|x|`, with derivative 0 at 0.",
        sign Sign "−1, 0 or 1.",
        signum Signum "Sign as `f64::signum` has it: 1 at +0, −1 at −0.",
        floor Floor "Largest integer not above; derivative 0.",
        ceil Ceil "Smallest integer not below; derivative 0.",
        round Round "Nearest integer, halves away from 0; derivative 0.",
        trunc Trunc "Integer part; derivative 0.",
        fract Fract "Fractional part; derivative 1.",
        recip Recip "`1/x`",
        sqrt Sqrt "`√x`; derivative +∞ at 0.",
        cbrt Cbrt "`∛x`; derivative +∞ at 0.",
        exp Exp "`eˣ`",
        exp2 Exp2 "`2ˣ`",
        exp_m1 ExpM1 "`eˣ − 1`, accurate near 0.",
        ln Ln "Natural logarithm.",
        ln_1p Ln1p "`ln(1 + x)`, accurate near 0.",
        log2 Log2 "Logarithm to base 2.",
        log10 Log10 "Logarithm to base 10.",
        sin Sin "Sine.",
        cos Cos "Cosine.",
        tan Tan "Tangent.",
        asin Asin "Inverse sine.",
        acos Acos "Inverse cosine.",
        atan Atan "Inverse tangent.",
        sinh Sinh "Hyperbolic sine.",
        cosh Cosh "Hyperbolic cosine.",
        tanh Tanh "Hyperbolic tangent.",
        asinh Asinh "Inverse hyperbolic sine.",
        acosh Acosh "Inverse hyperbolic cosine.",
        atanh Atanh "Inverse hyperbolic tangent.",
        sigmoid Sigmoid "`1/(1 + e⁻ˣ)`",
        softplus Softplus "`ln(1 + eˣ)`, without overflow.",
        log_sigmoid LogSigmoid "`ln σ(x)`, without overflow.",
        relu Relu "`max(x, 0)`, with derivative 0 at 0.",
        soft_sign SoftSign "`x/(1 + |x|)`, exact in the tails.",
        tanh_shrink TanhShrink "`x − tanh x`, accurate near 0.",
        xlogx XLogX "`x ln x`, continued by 0 at 0.",
        erf Erf "Error function.",
        erfc Erfc "`1 − erf x`, accurate for large x.",
        normal_cdf NormalCdf "Distribution function `Φ(x)` of the standard normal distribution.",
        normal_log_cdf NormalLogCdf "`ln Φ(x)` of the standard normal distribution, accurate in both tails.",
        ln_gamma LnGamma "`ln |Γ(x)|`",
        digamma Digamma "`ψ(x)`, the derivative of `ln Γ(x)`."
    }

    elementwise! { zip:
        maximum Max "The larger of corresponding elements; at a tie each has derivative ½.",
        minimum Min "The smaller of corresponding elements; at a tie each has derivative ½.",
        max Max "The larger of corresponding elements, as [`maximum`](Self::maximum); the largest along an axis is \
                 [`max_axis`](Self::max_axis).",
        min Min "The smaller of corresponding elements, as [`minimum`](Self::minimum); the smallest along an axis is \
                 [`min_axis`](Self::min_axis).",
        hypot Hypot "`√(x² + y²)` without overflow.",
        atan2 Atan2 "Angle of the point with ordinate `x` and abscissa `y`.",
        pow Pow "`xʸ`, with both varying.",
        copysign CopySign "`|x|` with the sign of `y`.",
        log_add_exp LogAddExp "`ln(eˣ + eʸ)`, without overflow.",
        xlogy XLogY "`x ln y`, continued by 0 at `x = 0`."
    }

    /// `xⁿ`
    #[track_caller]
    pub fn powi(self, n: i32) -> Self {
        self.power_int(n)
    }

    /// `xᵖ` for a constant real exponent.
    #[track_caller]
    pub fn powf(self, p: f64) -> Self {
        self.power_real(p)
    }

    /// The elements held between two bounds; NaN stays NaN, and at a bound the derivative is 1.
    #[track_caller]
    pub fn clamp(self, low: f64, high: f64) -> Self {
        composed::clamp(self, self.lift(low), self.lift(high))
    }

    /// `ψ⁽ⁿ⁾(x)`, the derivative of order n of the digamma function.
    #[track_caller]
    pub fn polygamma(self, n: u32) -> Self {
        composed::polygamma(n, self)
    }

    /// Bessel function of the first kind `Jₙ(x)`, in time proportional to n. NaN for `|n| > 10⁶` where it does not underflow.
    #[track_caller]
    pub fn bessel_j(self, n: i32) -> Self {
        composed::bessel_j(n, self)
    }

    /// Sigmoid linear unit `x·σ(x)`.
    #[track_caller]
    pub fn silu(self) -> Self {
        composed::silu(self)
    }

    /// Gaussian error linear unit `x·Φ(x)`.
    #[track_caller]
    pub fn gelu(self) -> Self {
        composed::gelu(self)
    }

    /// The approximation `½x(1 + tanh(√(2/π)(x + 0.044715x³)))` of [`gelu`](Self::gelu).
    #[track_caller]
    pub fn gelu_tanh(self) -> Self {
        composed::gelu_tanh(self)
    }

    /// Exponential linear unit: `x` for positive x, else `α(eˣ − 1)`; at 0 the derivatives are those from the left.
    #[track_caller]
    pub fn elu(self, alpha: f64) -> Self {
        composed::elu(self, alpha)
    }

    /// Scaled exponential linear unit `λ·elu(x)` with the constants that keep mean 0 and variance 1 through layers.
    ///
    /// Source: Klambauer, Unterthiner, Mayr and Hochreiter, "Self-normalizing neural networks" (2017).
    #[track_caller]
    pub fn selu(self) -> Self {
        composed::elu(self, 1.673_263_242_354_377_2) * self.lift(1.050_700_987_355_480_5)
    }

    /// `x` for positive x, else `slope·x`; at 0 the derivative is that from the left.
    #[track_caller]
    pub fn leaky_relu(self, slope: f64) -> Self {
        composed::leaky_relu(self, slope)
    }

    /// `x·tanh(ln(1 + eˣ))`
    #[track_caller]
    pub fn mish(self) -> Self {
        composed::mish(self)
    }
}
