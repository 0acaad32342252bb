/// Gives a number type the functions of `f64` as its own methods, so that code on the concrete type needs no trait in scope.
///
/// `inherent_functions!([const N: usize,] Dual<S, N>)` adds `pub fn exp(self) -> Self { Float::exp(self) }` and so on.
macro_rules! inherent_functions {
    ([$($generic:tt)*] $T:ty) => {
        /// The functions of `f64`, with the same names and meanings.
        impl<$($generic)* S: $crate::Scalar> $T {
            $crate::scalar::inherent_functions! { @unary
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

            $crate::scalar::inherent_functions! { @binary
                powf "`xʸ`", log "Logarithm to base `y`.", hypot "`√(x² + y²)` without overflow.",
                copysign "`|x|` with the sign of `y`.",
                atan2 "Angle of the point with ordinate `x` and abscissa `y`.",
                max "The larger; at a tie each has derivative ½.",
                min "The smaller; at a tie each has derivative ½."
            }

            /// `xⁿ` for an integer `n`.
            #[inline(always)]
            #[track_caller]
            pub fn powi(self, n: i32) -> Self {
                $crate::Elementary::power_int(self, n)
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
            pub fn mul_add(self, a: Self, b: Self) -> Self {
                num_traits::Float::mul_add(self, a, b)
            }

            /// The value, held between two bounds; NaN stays NaN, and at a bound the derivative is 1.
            #[inline(always)]
            #[track_caller]
            pub fn clamp(self, low: Self, high: Self) -> Self {
                num_traits::Float::clamp(self, low, high)
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
    (@binary $($name:ident $doc:literal),*) => { $(
        #[doc = $doc]
        #[inline(always)]
        #[track_caller]
        pub fn $name(self, y: Self) -> Self {
            num_traits::Float::$name(self, y)
        }
    )* };
}

pub(crate) use inherent_functions;
