//! Every number type takes the values, and the branches, of the plain function.

use std::cmp::Ordering;
use std::num::FpCategory;

use dualtape_autodiff::{
    Dual, Elementary, Scalar, c,
    numbers::{Binary, Unary},
};
use num_traits::{Float, FromPrimitive, Num, NumCast, One, ToPrimitive, Zero};
use proptest::prelude::*;

use super::{assert_same, edge, fixed};

/// `x` with tangents that must not reach the primal.
fn moving(x: f64) -> Dual<f64, 2> {
    Dual { re: x, eps: [3.0, f64::INFINITY] }
}

fn nested(x: f64) -> Dual<Dual<f64, 2>, 1> {
    Dual { re: moving(x), eps: [moving(-7.0)] }
}

proptest! {
    #![proptest_config(fixed(2000))]

    #[test]
    fn of_every_instruction(a in edge(), b in edge()) {
        for &f in Unary::ALL {
            assert_same(moving(a).map(f).re, f.value(a), (f, a));
            assert_same(nested(a).map(f).primal(), f.value(a), (f, a));
        }
        for &f in Binary::ALL {
            assert_same(moving(a).zip(f, moving(b)).re, f.value(a, b), (f, a, b));
            assert_same(nested(a).zip(f, nested(b)).primal(), f.value(a, b), (f, a, b));
        }
    }

    #[test]
    fn of_single_precision(a in edge(), b in edge()) {
        let (a, b) = (a as f32, b as f32);
        let moving = |x: f32| Dual { re: x, eps: [2.0] };
        for &f in Unary::ALL {
            assert_same(moving(a).map(f).re.into(), f.value(a).into(), (f, a));
        }
        for &f in Binary::ALL {
            assert_same(moving(a).zip(f, moving(b)).re.into(), f.value(a, b).into(), (f, a, b));
        }
        assert_same(moving(a).to_degrees().re.into(), f32::to_degrees(a).into(), a);
        assert_same(moving(a).to_radians().re.into(), f32::to_radians(a).into(), a);
        assert_same(moving(a).powf(moving(b)).re.into(), f32::powf(a, b).into(), (a, b));
        assert_same(moving(a).powf(Dual::constant(b)).re.into(), f32::powf(a, b).into(), (a, b));
    }

    #[test]
    fn of_every_method_of_float(a in edge(), b in edge(), d in edge(), n in any::<i32>()) {
        let (x, y, z) = (moving(a), moving(b), moving(d));
        macro_rules! same {
            ($($method:ident($($arg:ident as $plain:ident),*);)*) => { $(
                let expected = <f64 as Float>::$method(a $(, $plain)*);
                assert_same(Float::$method(x $(, $arg)*).re, expected, (stringify!($method), a, b, d));
            )* };
        }
        same! {
            floor(); ceil(); round(); trunc(); fract(); abs(); signum(); recip();
            sqrt(); cbrt(); exp(); exp2(); exp_m1(); ln(); ln_1p(); log2(); log10();
            sin(); cos(); tan(); asin(); acos(); atan();
            sinh(); cosh(); tanh(); to_degrees(); to_radians();
            max(y as b); min(y as b); hypot(y as b); atan2(y as b); log(y as b); abs_sub(y as b);
            powf(y as b); powi(n as n); copysign(y as b); mul_add(y as b, z as d);
        }
        assert_same(x.powf(Dual::constant(b)).re, f64::powf(a, b), (a, b));
        assert_same(x.sin_cos().0.re, f64::sin(a), a);
        assert_same(x.sin_cos().1.re, f64::cos(a), a);
        if b <= d {
            assert_same(Float::clamp(x, y, z).re, Float::clamp(a, b, d), (a, b, d));
        }
        assert_eq!(x.integer_decode(), Float::integer_decode(a));
        assert_eq!(x.classify(), a.classify());
        assert_eq!(x.is_nan(), a.is_nan());
        assert_eq!(x.is_infinite(), a.is_infinite());
        assert_eq!(x.is_finite(), a.is_finite());
        assert_eq!(x.is_normal(), a.is_normal());
        assert_eq!(x.is_subnormal(), a.is_subnormal());
        assert_eq!(x.is_sign_negative(), a.is_sign_negative());
        assert_eq!(x.is_sign_positive(), a.is_sign_positive());
    }

    #[test]
    fn of_every_operator(a in edge(), b in edge()) {
        let (x, y) = (moving(a), moving(b));
        macro_rules! same {
            ($($op:tt $op_assign:tt),*) => { $(
                let expected = a $op b;
                let mut by_value = x;
                by_value $op_assign y;
                let mut by_reference = x;
                by_reference $op_assign &y;
                let mut by_literal = x;
                by_literal $op_assign b;
                let spellings = [
                    x $op y, &x $op y, x $op &y, &x $op &y, x $op b, a $op y, x $op c(b),
                    by_value, by_reference, by_literal,
                ];
                for (i, spelling) in spellings.into_iter().enumerate() {
                    assert_same(spelling.re, expected, (stringify!($op), i, a, b));
                }
                assert_same((nested(a) $op nested(b)).primal(), expected, (stringify!($op), a, b));
            )* };
        }
        same!(+ +=, - -=, * *=, / /=, % %=);
        for (i, left) in [c(a) + y, c(a) - y, c(a) * y, c(a) / y].into_iter().enumerate() {
            assert_same(left.re, [a + b, a - b, a * b, a / b][i], (i, a, b));
        }
        assert_same((-x).re, -a, a);
        assert_same((-&x).re, -a, a);
        assert_eq!(x.partial_cmp(&y), a.partial_cmp(&b));
        assert_eq!(x == y, a == b);
        assert_eq!(x.is_zero(), a == 0.0);
    }

    #[test]
    fn of_sums_and_products(terms in prop::collection::vec(edge(), 0..5)) {
        let duals: Vec<_> = terms.iter().map(|&x| moving(x)).collect();
        assert_same(duals.iter().sum::<Dual<_, 2>>().re, terms.iter().sum(), &terms);
        assert_same(duals.iter().copied().sum::<Dual<_, 2>>().re, terms.iter().sum(), &terms);
        assert_same(duals.iter().product::<Dual<_, 2>>().re, terms.iter().product(), &terms);
        assert_same(duals.iter().copied().product::<Dual<_, 2>>().re, terms.iter().product(), &terms);
    }

    #[test]
    fn of_conversions(x in edge(), n in any::<i128>()) {
        type D = Dual<f64, 2>;
        assert_eq!(moving(x).to_i8(), x.to_i8());
        assert_eq!(moving(x).to_i64(), x.to_i64());
        assert_eq!(moving(x).to_u64(), x.to_u64());
        assert_eq!(moving(x).to_i128(), x.to_i128());
        assert_eq!(moving(x).to_u128(), x.to_u128());
        assert_same(moving(x).to_f64().unwrap(), x, x);
        assert_same(moving(x).to_f32().unwrap().into(), (x as f32).into(), x);
        assert_same(D::from_f64(x).unwrap().re, x, x);
        assert_same(<D as NumCast>::from(x).unwrap().re, x, x);
        assert_same(D::from_i128(n).unwrap().re, n as f64, n);
        assert_same(D::from_i64(n as i64).unwrap().re, n as i64 as f64, n);
        assert_same(D::from_u8(n as u8).unwrap().re, (n as u8).into(), n);
    }
}

/// The standard library's inverse hyperbolic functions lose digits, or overflow, where those of other numbers do not.
#[test]
fn but_for_the_inverse_hyperbolic_functions() {
    let near_one = 1.0 + 1e-10_f64;
    let acosh = 1.414_213_620_867_586_2e-5;
    let below = moving(-1.0 + 1e-8).atanh().re;
    assert_same(moving(near_one).acosh().re, acosh, "acosh");
    assert!((moving(near_one).acosh().re - near_one.acosh()).abs() > 1e-12 * acosh);
    assert_same(below, -moving(1.0 - 1e-8).atanh().re, "atanh is odd");
    assert_same(moving(f64::MAX).asinh().re, 710.475_860_073_944, "asinh");
    for x in [1.5_f64, 2.0, 7.0, 1e5] {
        for (accurate, plain) in [
            (moving(x).asinh().re, x.asinh()),
            (moving(x).acosh().re, x.acosh()),
            (moving(x.recip()).atanh().re, x.recip().atanh()),
        ] {
            assert!((accurate / plain - 1.0).abs() < 4.0 * f64::EPSILON, "{accurate} {plain}");
        }
    }
}

#[test]
fn of_constants() {
    type D = Dual<f32, 1>;
    assert_eq!(D::infinity().re, f32::INFINITY);
    assert_eq!(D::neg_infinity().re, f32::NEG_INFINITY);
    assert!(D::nan().re.is_nan());
    assert_eq!(D::neg_zero().re.to_bits(), (-0.0_f32).to_bits());
    assert_eq!(D::max_value().re, f32::MAX);
    assert_eq!(D::min_value().re, f32::MIN);
    assert_eq!(D::min_positive_value().re, f32::MIN_POSITIVE);
    assert_eq!(D::epsilon().re, f32::EPSILON);
    assert_eq!((D::zero().re, D::one().re), (0.0, 1.0));
    assert_eq!(D::zero().classify(), FpCategory::Zero);
    assert_eq!(D::from_str_radix("-1.5", 10).unwrap().re, -1.5);
    assert!(D::from_str_radix("one", 10).is_err());
}

/// Branches depend on the primal alone: the tangents of equal numbers may differ.
#[test]
fn comparisons_look_at_the_primal() {
    let (x, y) = (Dual { re: 1.0, eps: [5.0] }, Dual { re: 1.0, eps: [-5.0] });
    assert_eq!(x, y);
    assert_eq!(x.partial_cmp(&y), Some(Ordering::Equal));
    assert!(x < y + 1.0 && x > y - 1.0);
}

/// Literals need no type, on either side, in either precision, at any depth.
#[test]
fn literals_find_their_type() {
    let x = Dual::<f32, 1>::variable(3.0, 0);
    let y = 1.0 - 2.0 * x / 4.0 + x * 0.5;
    assert_eq!((y.re, y.eps), (1.0, [0.0]));
    let x = Dual::<Dual<f64, 1>, 1>::variable(Dual::variable(3.0, 0), 0);
    let mut y = 2.0 * x * x;
    y += 1.0;
    assert_eq!((y.primal(), y.eps[0].eps[0]), (19.0, 4.0));
}
