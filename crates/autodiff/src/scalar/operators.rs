/// Completes the operators of a number type that has `+ − × ÷ %` between two of its values.
///
/// `operators!([const N: usize,] Dual<S, N>)` adds, for a type over the inner number `S`, what `f64` has from the
/// standard library: references on either side, compound assignment, sums and products of iterators; and arithmetic
/// with literals: [`Const`](crate::Const), and `f32` or `f64` if that is the number at the bottom. Generic parameters
/// besides `S` stand in the brackets.
macro_rules! operators {
    ([$($generic:tt)*] $T:ty) => {
        $crate::scalar::operators!(@op [$($generic)*] $T: Add add AddAssign add_assign);
        $crate::scalar::operators!(@op [$($generic)*] $T: Sub sub SubAssign sub_assign);
        $crate::scalar::operators!(@op [$($generic)*] $T: Mul mul MulAssign mul_assign);
        $crate::scalar::operators!(@op [$($generic)*] $T: Div div DivAssign div_assign);
        $crate::scalar::operators!(@op [$($generic)*] $T: Rem rem RemAssign rem_assign);

        impl<$($generic)* S: $crate::Scalar> std::ops::Neg for &$T {
            type Output = $T;
            #[inline]
            #[track_caller]
            fn neg(self) -> $T {
                -*self
            }
        }

        impl<$($generic)* S: $crate::Scalar> std::iter::Sum for $T {
            #[track_caller]
            fn sum<I: Iterator<Item = $T>>(terms: I) -> $T {
                <$T as $crate::Scalar>::sum_of(terms)
            }
        }

        impl<'a, $($generic)* S: $crate::Scalar> std::iter::Sum<&'a $T> for $T {
            #[track_caller]
            fn sum<I: Iterator<Item = &'a $T>>(terms: I) -> $T {
                terms.copied().sum()
            }
        }

        impl<$($generic)* S: $crate::Scalar> std::iter::Product for $T {
            #[track_caller]
            fn product<I: Iterator<Item = $T>>(factors: I) -> $T {
                factors.reduce(|a, b| a * b).unwrap_or_else(<$T as num_traits::One>::one)
            }
        }

        impl<'a, $($generic)* S: $crate::Scalar> std::iter::Product<&'a $T> for $T {
            #[track_caller]
            fn product<I: Iterator<Item = &'a $T>>(factors: I) -> $T {
                factors.copied().product()
            }
        }
    };
    (@op [$($generic:tt)*] $T:ty: $Op:ident $op:ident $OpAssign:ident $op_assign:ident) => {
        impl<$($generic)* S: $crate::Scalar> std::ops::$Op<&$T> for $T {
            type Output = $T;
            #[inline]
            #[track_caller]
            fn $op(self, other: &$T) -> $T {
                std::ops::$Op::$op(self, *other)
            }
        }

        impl<$($generic)* S: $crate::Scalar> std::ops::$Op<$T> for &$T {
            type Output = $T;
            #[inline]
            #[track_caller]
            fn $op(self, other: $T) -> $T {
                std::ops::$Op::$op(*self, other)
            }
        }

        impl<$($generic)* S: $crate::Scalar> std::ops::$Op<&$T> for &$T {
            type Output = $T;
            #[inline]
            #[track_caller]
            fn $op(self, other: &$T) -> $T {
                std::ops::$Op::$op(*self, *other)
            }
        }

        impl<$($generic)* S: $crate::Scalar> std::ops::$OpAssign for $T {
            #[inline]
            #[track_caller]
            fn $op_assign(&mut self, other: $T) {
                *self = std::ops::$Op::$op(*self, other);
            }
        }

        impl<$($generic)* S: $crate::Scalar> std::ops::$OpAssign<&$T> for $T {
            #[inline]
            #[track_caller]
            fn $op_assign(&mut self, other: &$T) {
                *self = std::ops::$Op::$op(*self, *other);
            }
        }

        impl<$($generic)* S: $crate::Scalar> std::ops::$Op<$crate::Const> for $T {
            type Output = $T;
            #[inline]
            #[track_caller]
            fn $op(self, c: $crate::Const) -> $T {
                $crate::scalar::operators!(@literal $Op $op self, c.0)
            }
        }

        $crate::scalar::operators!(@real f32 [$($generic)*] $T: $Op $op $OpAssign $op_assign);
        $crate::scalar::operators!(@real f64 [$($generic)*] $T: $Op $op $OpAssign $op_assign);
    };
    (@real $R:ident [$($generic:tt)*] $T:ty:
        $Op:ident $op:ident $OpAssign:ident $op_assign:ident) => {
        impl<$($generic)* S: $crate::Scalar<Real = $R>> std::ops::$Op<$R> for $T {
            type Output = $T;
            #[inline]
            #[track_caller]
            fn $op(self, c: $R) -> $T {
                $crate::scalar::operators!(@literal $Op $op self, f64::from(c))
            }
        }

        impl<$($generic)* S: $crate::Scalar<Real = $R>> std::ops::$Op<$T> for $R {
            type Output = $T;
            #[inline]
            #[track_caller]
            fn $op(self, x: $T) -> $T {
                std::ops::$Op::$op(<$T as $crate::Scalar>::constant(f64::from(self)), x)
            }
        }

        impl<$($generic)* S: $crate::Scalar<Real = $R>> std::ops::$OpAssign<$R> for $T {
            #[inline]
            #[track_caller]
            fn $op_assign(&mut self, c: $R) {
                *self = std::ops::$Op::$op(*self, c);
            }
        }
    };
    // Literals have no tangents.
    (@literal Add $op:ident $x:expr, $c:expr) => { $crate::Scalar::shifted($x, $c) };
    (@literal Sub $op:ident $x:expr, $c:expr) => { $crate::Scalar::shifted($x, -$c) };
    (@literal Mul $op:ident $x:expr, $c:expr) => { $crate::Scalar::scaled($x, $c) };
    (@literal $Op:ident $op:ident $x:expr, $c:expr) => {
        std::ops::$Op::$op($x, <Self as $crate::Scalar>::constant($c))
    };
}

pub(crate) use operators;
