//! Operators, comparisons and iterator sums of [`Var`].

use std::cmp::Ordering;
use std::ops::{
    Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Rem, RemAssign, Sub, SubAssign,
};

use super::var::Var;
use crate::number::{
    Binary, Dual, Dual2, Elementary, IntoScalar, Scalar, Unary, compared, float_through_rules,
    inherent_functions, operators, plain_left, plain_right, references,
};
use crate::program::Relation;

impl<S: Scalar> Add for Var<'_, S> {
    type Output = Self;
    #[inline(always)]
    #[track_caller]
    fn add(self, other: Self) -> Self {
        self.zip_recorded(Binary::Add, other)
    }
}

impl<S: Scalar> Sub for Var<'_, S> {
    type Output = Self;
    #[inline(always)]
    #[track_caller]
    fn sub(self, other: Self) -> Self {
        self.zip_recorded(Binary::Sub, other)
    }
}

impl<S: Scalar> Mul for Var<'_, S> {
    type Output = Self;
    #[inline(always)]
    #[track_caller]
    fn mul(self, other: Self) -> Self {
        self.zip_recorded(Binary::Mul, other)
    }
}

impl<S: Scalar> Div for Var<'_, S> {
    type Output = Self;
    #[inline(always)]
    #[track_caller]
    fn div(self, other: Self) -> Self {
        self.zip_recorded(Binary::Div, other)
    }
}

impl<S: Scalar> Rem for Var<'_, S> {
    type Output = Self;
    #[inline(always)]
    #[track_caller]
    fn rem(self, other: Self) -> Self {
        self.zip_recorded(Binary::Rem, other)
    }
}

impl<S: Scalar> Neg for Var<'_, S> {
    type Output = Self;
    #[inline(always)]
    #[track_caller]
    fn neg(self) -> Self {
        self.map(Unary::Neg)
    }
}

operators!(['t,] Var<'t, S>);

plain_left!(['t,] Var<'t, S>);

plain_right!(['t, const N: usize,] Var<'t, Dual<S, N>>);

plain_right!(['t, const N: usize,] Var<'t, Dual2<S, N>>);

plain_right!(['t, 'u,] Var<'t, Var<'u, S>>);

/// Arithmetic with a number of the kind that is recorded; a difference is recorded as a sum.
macro_rules! beside_value {
    ($($Op:ident $op:ident $OpAssign:ident $op_assign:ident: |$c:ident| $f:ident $constant:expr;)*) => { $(
        impl<S: Scalar> $Op<S> for Var<'_, S> {
            type Output = Self;
            #[inline(always)]
            #[track_caller]
            fn $op(self, $c: S) -> Self {
                self.zip_constant(Binary::$f, $constant)
            }
        }

        impl<S: Scalar> $OpAssign<S> for Var<'_, S> {
            #[inline(always)]
            #[track_caller]
            fn $op_assign(&mut self, c: S) {
                *self = $Op::$op(*self, c);
            }
        }

        references!(['t, S: Scalar] Var<'t, S>, S => Var<'t, S>: $Op $op $OpAssign $op_assign);
    )* };
}

beside_value! {
    Add add AddAssign add_assign: |c| Add c;
    Sub sub SubAssign sub_assign: |c| Add -c;
    Mul mul MulAssign mul_assign: |c| Mul c;
    Div div DivAssign div_assign: |c| Div c;
    Rem rem RemAssign rem_assign: |c| Rem c;
}

impl<'t, 'u, S: Scalar> IntoScalar<Var<'t, Var<'u, S>>> for Var<'u, S> {
    fn into_scalar(self) -> Var<'t, Self> {
        Var::from_value(self)
    }
}

inherent_functions!(['t,] Var<'t, S>);

float_through_rules!(['t,] Var<'t, S> {
    #[track_caller]
    fn mul_add(self, a: Self, b: Self) -> Self {
        self.multiply_add(a, b)
    }
});

impl<S: Scalar> PartialEq for Var<'_, S> {
    #[track_caller]
    fn eq(&self, other: &Self) -> bool {
        self.compare(Relation::Equal, *other)
    }
}

/// Comparisons are made on the primal values, and their outcomes are kept as guards.
impl<S: Scalar> PartialOrd for Var<'_, S> {
    #[track_caller]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        if self.compare(Relation::Less, *other) {
            Some(Ordering::Less)
        } else if self.compare(Relation::Equal, *other) {
            Some(Ordering::Equal)
        } else if other.compare(Relation::Less, *self) {
            Some(Ordering::Greater)
        } else {
            None
        }
    }

    #[track_caller]
    fn lt(&self, other: &Self) -> bool {
        self.compare(Relation::Less, *other)
    }

    #[track_caller]
    fn le(&self, other: &Self) -> bool {
        self.compare(Relation::LessOrEqual, *other)
    }

    #[track_caller]
    fn gt(&self, other: &Self) -> bool {
        other.compare(Relation::Less, *self)
    }

    #[track_caller]
    fn ge(&self, other: &Self) -> bool {
        other.compare(Relation::LessOrEqual, *self)
    }
}

// So that `x > 0.0` reads as usual.
compared!(['t, S: Scalar] Var<'t, S>, S, |c| Self::from_value(*c));
