//! The operators that follow from the four on values: with references, plain numbers and literals on either side.

/// Completes the operators of a number type that has `+ − × ÷ %` between two of its values.
///
/// `operators!([const N: usize,] Dual<S, N>)` adds, for a type over the inner number `S`, what `f64` has from the
/// standard library: references on either side, compound assignment, sums and products of iterators; and arithmetic and
/// comparisons with literals, [`Const`](crate::numbers::Const), and methods' operands of the type itself. Generic parameters besides
/// `S` stand in the brackets.
macro_rules! operators {
    ([$($generic:tt)*] $T:ty) => {
        $crate::number::operators!(@op [$($generic)*] $T: Add add AddAssign add_assign);
        $crate::number::operators!(@op [$($generic)*] $T: Sub sub SubAssign sub_assign);
        $crate::number::operators!(@op [$($generic)*] $T: Mul mul MulAssign mul_assign);
        $crate::number::operators!(@op [$($generic)*] $T: Div div DivAssign div_assign);
        $crate::number::operators!(@op [$($generic)*] $T: Rem rem RemAssign rem_assign);
        $crate::number::compared!([$($generic)* S: $crate::Scalar] $T, $crate::numbers::Const, |c| {
            <$T as $crate::Scalar>::constant(c.0)
        });

        impl<$($generic)* S: $crate::Scalar> $crate::IntoScalar<$T> for $T {
            #[inline(always)]
            fn into_scalar(self) -> $T {
                self
            }
        }

        impl<$($generic)* S: $crate::Scalar> $crate::IntoScalar<$T> for &$T {
            #[inline(always)]
            fn into_scalar(self) -> $T {
                *self
            }
        }

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
        impl<$($generic)* S: $crate::Scalar> std::ops::$OpAssign for $T {
            #[inline]
            #[track_caller]
            fn $op_assign(&mut self, other: $T) {
                *self = std::ops::$Op::$op(*self, other);
            }
        }

        $crate::number::references!([$($generic)* S: $crate::Scalar] $T, $T => $T: $Op $op $OpAssign $op_assign);

        impl<$($generic)* S: $crate::Scalar> std::ops::$Op<$crate::numbers::Const> for $T {
            type Output = $T;
            #[inline]
            #[track_caller]
            fn $op(self, c: $crate::numbers::Const) -> $T {
                $crate::number::operators!(@literal $Op $op self, c.0)
            }
        }
    };
    // Literals have no tangents.
    (@literal Add $op:ident $x:expr, $c:expr) => { $crate::number::Scalar::shifted($x, $c) };
    (@literal Sub $op:ident $x:expr, $c:expr) => { $crate::number::Scalar::shifted($x, -$c) };
    (@literal Mul $op:ident $x:expr, $c:expr) => { $crate::number::Scalar::scaled($x, $c) };
    (@literal $Op:ident $op:ident $x:expr, $c:expr) => {
        std::ops::$Op::$op($x, <Self as $crate::Scalar>::constant($c))
    };
}

/// Arithmetic and comparisons of a number type with a plain number on its left, `f32` or `f64`, whichever is at the bottom.
macro_rules! plain_left {
    ([$($generic:tt)*] $T:ty) => {
        $crate::number::plain_left!(@real f32 [$($generic)*] $T);
        $crate::number::plain_left!(@real f64 [$($generic)*] $T);
    };
    (@real $R:ident [$($generic:tt)*] $T:ty) => {
        $crate::number::plain_left!(@op $R [$($generic)*] $T: Add add);
        $crate::number::plain_left!(@op $R [$($generic)*] $T: Sub sub);
        $crate::number::plain_left!(@op $R [$($generic)*] $T: Mul mul);
        $crate::number::plain_left!(@op $R [$($generic)*] $T: Div div);
        $crate::number::plain_left!(@op $R [$($generic)*] $T: Rem rem);
        $crate::number::compared!(@left [$($generic)* S: $crate::Scalar<Real = $R>] $R, $T, |x| {
            <$T as $crate::Scalar>::constant(f64::from(*x))
        });
    };
    (@op $R:ident [$($generic:tt)*] $T:ty: $Op:ident $op:ident) => {
        impl<$($generic)* S: $crate::Scalar<Real = $R>> std::ops::$Op<$T> for $R {
            type Output = $T;
            #[inline]
            #[track_caller]
            fn $op(self, x: $T) -> $T {
                std::ops::$Op::$op(<$T as $crate::Scalar>::constant(f64::from(self)), x)
            }
        }

        $crate::number::references!([$($generic)* S: $crate::Scalar<Real = $R>] $R, $T => $T: $Op $op);
    };
}

/// Arithmetic and comparisons of a number type with a plain number on its right, `f32` or `f64`, whichever is at the bottom.
macro_rules! plain_right {
    ([$($generic:tt)*] $T:ty) => {
        $crate::number::plain_right!(@real f32 [$($generic)*] $T);
        $crate::number::plain_right!(@real f64 [$($generic)*] $T);
    };
    (@real $R:ident [$($generic:tt)*] $T:ty) => {
        $crate::number::plain_right!(@op $R [$($generic)*] $T: Add add AddAssign add_assign);
        $crate::number::plain_right!(@op $R [$($generic)*] $T: Sub sub SubAssign sub_assign);
        $crate::number::plain_right!(@op $R [$($generic)*] $T: Mul mul MulAssign mul_assign);
        $crate::number::plain_right!(@op $R [$($generic)*] $T: Div div DivAssign div_assign);
        $crate::number::plain_right!(@op $R [$($generic)*] $T: Rem rem RemAssign rem_assign);
        $crate::number::compared!([$($generic)* S: $crate::Scalar<Real = $R>] $T, $R, |c| {
            <$T as $crate::Scalar>::constant(f64::from(*c))
        });
    };
    (@op $R:ident [$($generic:tt)*] $T:ty:
        $Op:ident $op:ident $OpAssign:ident $op_assign:ident) => {
        impl<$($generic)* S: $crate::Scalar<Real = $R>> std::ops::$Op<$R> for $T {
            type Output = $T;
            #[inline]
            #[track_caller]
            fn $op(self, c: $R) -> $T {
                $crate::number::operators!(@literal $Op $op self, f64::from(c))
            }
        }

        impl<$($generic)* S: $crate::Scalar<Real = $R>> std::ops::$OpAssign<$R> for $T {
            #[inline]
            #[track_caller]
            fn $op_assign(&mut self, c: $R) {
                *self = std::ops::$Op::$op(*self, c);
            }
        }

        $crate::number::references!([$($generic)* S: $crate::Scalar<Real = $R>] $T, $R => $T: $Op $op $OpAssign $op_assign);
    };
}

/// An operator between two types of numbers, with references on either side, and compound assignment of a reference.
macro_rules! references {
    ([$($generic:tt)*] $A:ty, $B:ty => $T:ty: $Op:ident $op:ident $OpAssign:ident $op_assign:ident) => {
        $crate::number::references!([$($generic)*] $A, $B => $T: $Op $op);

        impl<$($generic)*> std::ops::$OpAssign<&$B> for $A {
            #[inline]
            #[track_caller]
            fn $op_assign(&mut self, other: &$B) {
                *self = std::ops::$Op::$op(*self, *other);
            }
        }
    };
    ([$($generic:tt)*] $A:ty, $B:ty => $T:ty: $Op:ident $op:ident) => {
        impl<$($generic)*> std::ops::$Op<&$B> for $A {
            type Output = $T;
            #[inline]
            #[track_caller]
            fn $op(self, other: &$B) -> $T {
                std::ops::$Op::$op(self, *other)
            }
        }

        impl<$($generic)*> std::ops::$Op<$B> for &$A {
            type Output = $T;
            #[inline]
            #[track_caller]
            fn $op(self, other: $B) -> $T {
                std::ops::$Op::$op(*self, other)
            }
        }

        impl<$($generic)*> std::ops::$Op<&$B> for &$A {
            type Output = $T;
            #[inline]
            #[track_caller]
            fn $op(self, other: &$B) -> $T {
                std::ops::$Op::$op(*self, *other)
            }
        }
    };
}

/// Comparisons of `$A` with another type, of which `$convert` makes a number of the first; or, with `@left`, of a type of which
/// it makes one of the second.
macro_rules! compared {
    (@left [$($generic:tt)*] $A:ty, $B:ty, $convert:expr) => {
        $crate::number::compared!(@impl [$($generic)*] $A, $B, $convert, (|x: &$B| *x));
    };
    ([$($generic:tt)*] $A:ty, $B:ty, $convert:expr) => {
        $crate::number::compared!(@impl [$($generic)*] $A, $B, (|x: &$A| *x), $convert);
    };
    (@impl [$($generic:tt)*] $A:ty, $B:ty, $left:expr, $right:expr) => {
        /// On the primal.
        impl<$($generic)*> PartialEq<$B> for $A {
            #[inline]
            #[track_caller]
            fn eq(&self, other: &$B) -> bool {
                let (left, right): (fn(&$A) -> _, fn(&$B) -> _) = ($left, $right);
                left(self) == right(other)
            }
        }

        /// On the primal.
        impl<$($generic)*> PartialOrd<$B> for $A {
            #[inline]
            #[track_caller]
            fn partial_cmp(&self, other: &$B) -> Option<std::cmp::Ordering> {
                let (left, right): (fn(&$A) -> _, fn(&$B) -> _) = ($left, $right);
                left(self).partial_cmp(&right(other))
            }

            $crate::number::compared!(@methods $A, $B, $left, $right, lt le gt ge);
        }
    };
    (@methods $A:ty, $B:ty, $left:expr, $right:expr, $($name:ident)*) => { $(
        #[inline]
        #[track_caller]
        fn $name(&self, other: &$B) -> bool {
            let (left, right): (fn(&$A) -> _, fn(&$B) -> _) = ($left, $right);
            left(self).$name(&right(other))
        }
    )* };
}

pub(crate) use compared;
pub(crate) use operators;
pub(crate) use plain_left;
pub(crate) use plain_right;
pub(crate) use references;
