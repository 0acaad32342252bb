//! The functions of a number type as methods of its own, so that plain numbers may be their arguments.

/// Gives a number type the functions of `f64` as its own methods, so that code on the concrete type needs no trait in scope.
///
/// `inherent_functions!([const N: usize,] Dual<S, N>)` adds `pub fn exp(self) -> Self { Float::exp(self) }` and so on.
macro_rules! inherent_functions {
    ([$($generic:tt)*] $T:ty) => {
        /// The functions of `f64`, with the same names and meanings, and those of [`Scalar`](crate::Scalar). Where there is a second
        /// operand it may be a plain number: `x.max(0.0)`, `x.powf(0.5)`.
        impl<$($generic)* S: $crate::Scalar> $T {
            $crate::number::inherent_functions! { @unary
                abs "Absolute value; derivative 0 at 0.", signum "Sign as `f64::signum` has it; derivative 0.",
                floor "Largest integer not above; derivative 0.", ceil "Smallest integer not below; derivative 0.",
                round "Nearest integer; derivative 0.", trunc "Integer part; derivative 0.",
                fract "Fractional part; derivative 1.", recip "`1/x`",
                sqrt "`√x`; derivative +∞ at 0.", cbrt "`∛x`; derivative +∞ at 0.",
                exp "`eˣ`", exp2 "`2ˣ`", exp_m1 "`eˣ − 1`, accurate near 0.",
                ln "Natural logarithm.", ln_1p "`ln(1 + x)`, accurate near 0.",
                log2 "Logarithm to base 2.", log10 "Logarithm to base 10.",
                sin "Sine.", cos "Cosine.", tan "Tangent.",
                asin "Inverse sine.", acos "Inverse cosine.", atan "Inverse tangent.",
                sinh "Hyperbolic sine.", cosh "Hyperbolic cosine.", tanh "Hyperbolic tangent.",
                asinh "Inverse hyperbolic sine.", acosh "Inverse hyperbolic cosine.",
                atanh "Inverse hyperbolic tangent."
            }

            $crate::number::inherent_functions! { @test
                is_nan "Whether the value is not a number.", is_finite "Whether the value is neither infinite nor NaN.",
                is_infinite "Whether the value is infinite.",
                is_sign_negative "Whether the value has a negative sign, as −0 has."
            }

            $crate::number::inherent_functions! { @special
                stop_gradient "The same value, taken as constant by every derivative.",
                sigmoid "`1/(1 + e⁻ˣ)`", log_sigmoid "`ln σ(x)`, without overflow.",
                softplus "`ln(1 + eˣ)`, without overflow.", relu "`max(x, 0)`, with derivative 0 at 0.",
                soft_sign "`x/(1 + |x|)`", tanh_shrink "`x − tanh x`, accurate near 0.",
                xlogx "`x ln x`, continued by 0 at 0.",
                erf "Error function.", erfc "`1 − erf x`, accurate for large x.",
                normal_cdf "Distribution function `Φ(x)` of the standard normal distribution.",
                normal_log_cdf "`ln Φ(x)`, exact in both tails.",
                ln_gamma "`ln |Γ(x)|`", digamma "`ψ(x)`, the derivative of `ln Γ(x)`.",
                bessel_j0 "`J₀(x)`", bessel_j1 "`J₁(x)`",
                silu "Sigmoid linear unit `x·σ(x)`.", gelu "Gaussian error linear unit `x·Φ(x)`.",
                gelu_tanh "The approximation of `gelu` by tanh.", mish "`x·tanh(ln(1 + eˣ))`"
            }

            $crate::number::inherent_functions! { @binary
                powf "`xʸ`", log "Logarithm to base `y`.", hypot "`√(x² + y²)` without overflow.",
                copysign "`|x|` with the sign of `y`.",
                atan2 "Angle of the point with ordinate `x` and abscissa `y`.",
                max "The larger; at a tie each has derivative ½.",
                min "The smaller; at a tie each has derivative ½."
            }

            /// `x ln y`, continued by 0 at `x = 0`.
            #[inline(always)]
            #[track_caller]
            pub fn xlogy(self, y: impl $crate::IntoScalar<Self>) -> Self {
                $crate::number::Scalar::xlogy(self, y.into_scalar())
            }

            /// `x·y`, 0 where either is 0, also if the other is infinite or NaN.
            #[inline(always)]
            #[track_caller]
            pub fn mul_no_nan(self, y: impl $crate::IntoScalar<Self>) -> Self {
                $crate::number::Elementary::mul_no_nan(self, y.into_scalar())
            }

            /// `ln(eˣ + eʸ)`, without overflow.
            #[inline(always)]
            #[track_caller]
            pub fn log_add_exp(self, y: impl $crate::IntoScalar<Self>) -> Self {
                $crate::number::Scalar::log_add_exp(self, y.into_scalar())
            }

            /// `ψ⁽ⁿ⁾(x)`, the derivative of order n of the digamma function.
            #[track_caller]
            pub fn polygamma(self, n: u32) -> Self {
                $crate::number::Scalar::polygamma(self, n)
            }

            /// Bessel function of the first kind `Jₙ(x)`.
            #[track_caller]
            pub fn bessel_j(self, n: i32) -> Self {
                $crate::number::Scalar::bessel_j(self, n)
            }

            /// Exponential linear unit: `x` for positive x, else `α(eˣ − 1)`.
            #[track_caller]
            pub fn elu(self, alpha: f64) -> Self {
                $crate::number::Scalar::elu(self, alpha)
            }

            /// `xⁿ` for an integer `n`.
            #[inline(always)]
            #[track_caller]
            pub fn powi(self, n: i32) -> Self {
                $crate::number::Elementary::power_int(self, n)
            }

            /// Sine and cosine.
            #[inline(always)]
            #[track_caller]
            pub fn sin_cos(self) -> (Self, Self) {
                num_traits::Float::sin_cos(self)
            }

            /// `x·a + b`, rounded once.
            #[inline(always)]
            #[track_caller]
            pub fn mul_add(
                self,
                a: impl $crate::IntoScalar<Self>,
                b: impl $crate::IntoScalar<Self>,
            ) -> Self {
                num_traits::Float::mul_add(self, a.into_scalar(), b.into_scalar())
            }

            /// The value, held between two bounds; NaN stays NaN, and at a bound the derivative is 1.
            #[inline(always)]
            #[track_caller]
            pub fn clamp(
                self,
                low: impl $crate::IntoScalar<Self>,
                high: impl $crate::IntoScalar<Self>,
            ) -> Self {
                num_traits::Float::clamp(self, low.into_scalar(), high.into_scalar())
            }
        }
    };
    (@unary $($name:ident $doc:literal),*) => { $(
        #[doc = $doc]
        #[inline(always)]
        #[track_caller]
        pub fn $name(self) -> Self {
            num_traits::Float::$name(self)
        }
    )* };
    (@test $($name:ident $doc:literal),*) => { $(
        #[doc = $doc]
        #[inline(always)]
        #[track_caller]
        pub fn $name(self) -> bool {
            num_traits::Float::$name(self)
        }
    )* };
    (@special $($name:ident $doc:literal),*) => { $(
        #[doc = $doc]
        #[inline(always)]
        #[track_caller]
        pub fn $name(self) -> Self {
            $crate::Scalar::$name(self)
        }
    )* };
    (@binary $($name:ident $doc:literal),*) => { $(
        #[doc = $doc]
        #[inline(always)]
        #[track_caller]
        pub fn $name(self, y: impl $crate::IntoScalar<Self>) -> Self {
            num_traits::Float::$name(self, y.into_scalar())
        }
    )* };
}

pub(crate) use inherent_functions;
