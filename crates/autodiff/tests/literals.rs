//! Plain numbers and literals beside every kind of number, in operators, comparisons and methods.

use dualtape_autodiff::{
    Dual, Error, IntoTensor, Real, Scalar, Tape, Tensor, Var, c, forward, generic, gradient,
    hessian, numbers::Dual2, record, record_f32,
};

/// Generic over the number: literals are `c(…)`, also in comparisons and on either side of them.
fn branches<S: Scalar>(x: &[S]) -> S {
    if x[0].abs() < c(2.0) && c(0.0) <= x[1] && x[1] != c(7.0) && c(3.0) > x[0] {
        c(3.0) * x[0] - x[1] / c(2.0)
    } else {
        x[1] * x[0]
    }
}

#[test]
fn literals_compare_with_every_number() -> Result<(), Error> {
    assert_eq!([[1.0, 2.0], [2.0, 2.0]].map(|x| branches(&x)), [2.0, 4.0]);
    assert_eq!(branches(&[1.0_f32, 2.0]), 2.0);
    assert_eq!(gradient(|x| branches(x), &[1.0, 2.0])?, [3.0, -0.5]);
    assert_eq!(gradient(|x| branches(x), &[1.0, 7.0])?, [7.0, 1.0]);
    let dual = [1.0, 2.0].map(Dual::<f64, 1>::constant);
    assert!(branches(&dual) == 2.0 && 1.5 < branches(&dual) && branches(&dual) > 1.5);
    let twice = [1.0, 2.0].map(Dual2::<f64, 2>::constant);
    assert!(branches(&twice) == 2.0 && 1.5 < branches(&twice));
    // Not a number compares with nothing.
    let unknown = Dual::<f64, 1>::constant(f64::NAN);
    assert_eq!([unknown < c(1.0), c(1.0) <= unknown, unknown == c(1.0)], [false; 3]);
    assert_eq!(c(1.0).partial_cmp(&unknown), None);
    Ok(())
}

#[test]
fn comparisons_with_literals_are_guards() -> Result<(), Error> {
    let f = record(&[1.0]).function(|x| if x[0] < c(2.0) { x[0] } else { x[0] * x[0] })?;
    let g = record(&[1.0]).function(|x| if 2.0 > x[0] { x[0] } else { x[0] * x[0] })?;
    assert_eq!([f.gradient(&[1.0])?, g.gradient(&[1.0])?], [[1.0], [1.0]]);
    assert_eq!([f.gradient(&[3.0])?, g.gradient(&[3.0])?], [[6.0], [6.0]]);
    Ok(())
}

#[test]
fn methods_take_plain_numbers() -> Result<(), Error> {
    let [x, y] = [0.7, 1.9];
    // Each with its derivatives in both operands; the plain number is what the recorded one would be.
    type Method = for<'t> fn(Var<'t>, Var<'t>) -> [Var<'t>; 3];
    let methods: [(&str, Method); 9] = [
        ("powf", |x, y| [x.powf(y), x.powf(1.9), x.powf(c(1.9))]),
        ("log", |x, y| [x.log(y), x.log(1.9), x.log(c(1.9))]),
        ("hypot", |x, y| [x.hypot(y), x.hypot(1.9), x.hypot(c(1.9))]),
        ("atan2", |x, y| [x.atan2(y), x.atan2(1.9), x.atan2(c(1.9))]),
        ("max", |x, y| [x.max(y), x.max(1.9), x.max(c(1.9))]),
        ("min", |x, y| [x.min(y), x.min(1.9), x.min(c(1.9))]),
        ("xlogy", |x, y| [x.xlogy(y), x.xlogy(1.9), x.xlogy(c(1.9))]),
        ("log_add_exp", |x, y| [x.log_add_exp(y), x.log_add_exp(1.9), x.log_add_exp(c(1.9))]),
        ("mul_add", |x, y| [x.mul_add(y, 2.0), x.mul_add(1.9, 2.0), x.mul_add(1.9, c(2.0))]),
    ];
    for (name, method) in methods {
        let of = |which: usize| {
            let g = gradient(|x| method(x[0], x[1])[which], &[x, y])?;
            let h = hessian(|x| method(x[0], x[1])[which], &[x, y])?;
            Ok::<_, Error>([g[0], h[(0, 0)]])
        };
        let expected = of(0)?;
        for which in [1, 2] {
            let got = of(which)?;
            let near = |g: f64, e: f64| (g - e).abs() <= 1e-14 * (1.0 + e.abs());
            assert!(
                near(got[0], expected[0]) && near(got[1], expected[1]),
                "{name}: {got:?}, {expected:?}"
            );
        }
    }
    assert_eq!(gradient(|x| x[0].clamp(0.0, 1.0) + x[1].clamp(x[0], 1.5), &[x, y])?, [1.0, 0.0]);
    Ok(())
}

/// Iterators give references: to data, and to variables.
#[test]
fn references_stand_beside_plain_numbers() -> Result<(), Error> {
    let data = [1.0, 2.5];
    assert_eq!(gradient(|x| data.iter().map(|d| (x[0] - d).powi(2)).sum(), &[3.0])?, [5.0]);
    assert_eq!(gradient(|x| data.iter().map(|d| d * x[0] / d - d).sum(), &[3.0])?, [2.0]);
    let both = |x: &[f64]| gradient(|x| x.iter().map(|v| 2.0 * v + v * 3.0 - v / 2.0).sum(), x);
    assert_eq!(both(&[1.0, 2.0])?, [4.5, 4.5]);
    let zipped = |x: &[f64]| gradient(|x| x.iter().zip(&data).map(|(v, d)| d * v + v * d).sum(), x);
    assert_eq!(zipped(&[1.0, 2.0])?, [2.0, 5.0]);
    let assigned = gradient(
        |x| {
            let mut y = x[0];
            data.iter().for_each(|d| y *= d);
            y -= data[0];
            y
        },
        &[3.0],
    );
    assert_eq!(assigned?, [2.5]);
    let single = record_f32(&[1.0])
        .function(|x| [2.0_f32].iter().zip(x).map(|(d, x)| 3.0 * (x - d) * d).sum())?;
    assert_eq!(single.gradient(&[1.0])?, [6.0]);
    let (x, d) = (&Dual::<f64, 1>::variable(2.0, 0), &4.0);
    assert_eq!((d * x - d + x / d + 2.0 * x).eps, [4.0 + 0.25 + 2.0]);
    let x = &Dual2::<f64, 1>::variable(2.0, 0);
    assert_eq!((d * x * x).gradient, [16.0]);
    Ok(())
}

#[test]
fn tensors_are_assigned_to() -> Result<(), Error> {
    let f = record(&[1.0, 2.0]).array().function(|x| {
        let mut y = x;
        y += x * 2.0;
        y *= x.get(1);
        y -= 1.0;
        y /= x;
        y.sum()
    })?;
    // Σ 3x₁ − 1/xᵢ
    assert_eq!(f.gradient(&[1.0, 2.0])?, [1.0, 6.25]);
    Ok(())
}

#[test]
fn values_are_looked_at_without_a_trait() -> Result<(), Error> {
    let f = record(&[1.0]).function(|x| {
        let y = x[0].ln();
        if y.is_nan() || y.is_infinite() || !y.is_finite() || y.is_sign_negative() {
            x[0] * 2.0
        } else {
            y
        }
    })?;
    assert_eq!([f.gradient(&[4.0])?, f.gradient(&[-1.0])?], [[0.25], [2.0]]);
    assert!(Dual::<f64, 1>::constant(f64::NAN).is_nan());
    Ok(())
}

#[test]
fn what_took_numbers_of_its_own_kind_still_does() -> Result<(), Error> {
    // Folds over references and values, closures without types.
    let largest = |x: &[f64]| gradient(|x| x.iter().fold(x[0], |m, x| m.max(*x)), x);
    assert_eq!(largest(&[1.0, 3.0, 2.0])?, [0.0, 1.0, 0.0]);
    let largest =
        |x: &[f64]| gradient(|x| x.iter().copied().reduce(|m, x| m.max(x)).unwrap_or(x[0]), x);
    assert_eq!(largest(&[1.0, 3.0, 2.0])?, [0.0, 1.0, 0.0]);
    let generic = <Dual<f64, 1> as num_traits::Float>::max;
    assert_eq!(generic(Dual::variable(2.0, 0), Dual::constant(1.0)).eps, [1.0]);
    let empty: Vec<f64> = Vec::new();
    assert_eq!(empty, [0.0; 0]);
    Ok(())
}

#[test]
fn functions_of_the_trait_need_no_import() -> Result<(), Error> {
    mod without_the_trait {
        use dualtape_autodiff::{Dual, Var, numbers::Dual2};

        pub(super) fn var(x: Var<'_>) -> Var<'_> {
            x.softplus()
                + x.sigmoid().log_sigmoid()
                + x.erf() * x.erfc()
                + x.relu().xlogx()
                + x.normal_cdf()
                + x.ln_gamma() * x.digamma()
                + x.polygamma(1)
                + x.bessel_j(2) * x.bessel_j0() * x.bessel_j1()
                + x.silu().gelu().gelu_tanh().mish().elu(0.5)
                + x.stop_gradient()
        }
        pub(super) fn dual(x: Dual<f64, 1>) -> Dual<f64, 1> {
            x.softplus()
                + x.sigmoid().log_sigmoid()
                + x.erf() * x.erfc()
                + x.relu().xlogx()
                + x.normal_cdf()
                + x.ln_gamma() * x.digamma()
                + x.polygamma(1)
                + x.bessel_j(2) * x.bessel_j0() * x.bessel_j1()
                + x.silu().gelu().gelu_tanh().mish().elu(0.5)
                + x.stop_gradient()
        }
        pub(super) fn dual2(x: Dual2<f64, 1>) -> Dual2<f64, 1> {
            x.softplus().erf().max(0.1)
        }
    }
    let expected = gradient(|x| without_the_trait::var(x[0]), &[0.7])?;
    let dual = without_the_trait::dual(Dual::variable(0.7, 0)).eps;
    assert!((dual[0] - expected[0]).abs() < 1e-14);
    let slope = gradient(|x| Scalar::erf(Scalar::softplus(x[0])), &[0.7])?;
    assert_eq!(without_the_trait::dual2(Dual2::variable(0.7, 0)).gradient[..], slope[..]);
    Ok(())
}

/// Generic over the precision: plain numbers right of a tensor, numbers of the precision on either side of everything.
fn generic_in_precision<'t, S: Real>(x: Tensor<'t, S>, v: Var<'t, S>, s: S) -> Var<'t, S> {
    let tensor = (x * 2.0 - 1.0) / s + c(1.0) - x + s * x.max(0.5) + x.min(v).max(s).hypot(c(1.0))
        - 3.0 / s.as_f64();
    let scalar = (v - s) * s + s / v + (s - v) * c(2.0) + v.max(0.25).min(s);
    let mut total = tensor.mean() + scalar;
    total += s;
    total
}

#[test]
fn numbers_of_the_precision_stand_on_either_side() -> Result<(), Error> {
    let plain = |x: [f64; 2]| -> f64 {
        let s = 1.5_f64;
        let v = x[0];
        let each = |x: f64| {
            (x * 2.0 - 1.0) / s + 1.0 - x + s * x.max(0.5) + x.min(v).max(s).hypot(1.0) - 3.0 / s
        };
        let scalar = (v - s) * s + s / v + (s - v) * 2.0 + v.max(0.25).min(s);
        (each(x[0]) + each(x[1])) / 2.0 + scalar + s
    };
    let x = [2.0, 3.0];
    let double = record(&x).array().function(|x| generic_in_precision(x, x.get(0), 1.5))?;
    assert!((double.value(&x)? - plain(x)).abs() < 1e-14);
    let single =
        record_f32(&[2.0, 3.0]).array().function(|x| generic_in_precision(x, x.get(0), 1.5))?;
    assert!((f64::from(single.value(&[2.0, 3.0])?) - plain(x)).abs() < 1e-5);
    Ok(())
}

#[test]
fn single_precision_takes_literals_everywhere() -> Result<(), Error> {
    let x = [0.5_f32, 2.0];
    let g = generic::gradient(
        |x| (1.0 - x[0]).powi(2) + (x[1] * 2.0).max(0.5).sqrt() + x[0].powf(2.0) + x[0] * 0.25_f32,
        &x,
    )?;
    assert_eq!(g, [0.25, 0.5]);
    let f = record_f32(&x).array().function(|x| {
        ((1.0 - x).powi(2) + (x * 2.0).max(0.5) + 0.5_f32 * x + x.maximum(1.0_f32)).sum()
    })?;
    assert_eq!(f.gradient(&x)?, [1.5, 5.5]);
    Ok(())
}

#[test]
fn duals_and_nested_numbers_take_plain_numbers() -> Result<(), Error> {
    let slope = forward::gradient(
        |[x, y]| {
            if *x > 0.5 && 3.0 > *y { x.powf(2.0) * 2.0 + y.max(0.0) } else { *y }
        },
        &[1.5, 2.0],
    );
    assert_eq!(slope, [6.0, 1.0]);
    // A tape of duals, and a tape on a tape.
    let tape = Tape::<Dual<f64, 1>>::new();
    let x = tape.input(Dual::variable(3.0, 0));
    let y = (2.0 * x - 1.0) * Dual::constant(2.0) + x.max(0.0);
    assert_eq!((y.value().re, y.value().eps), (13.0, [5.0]));
    let outer = Tape::new();
    let inner = Tape::<Var<'_>>::new();
    let x = inner.input(outer.input(3.0));
    let y = 2.0 * x * 3.0 + outer.input(1.0) - x.min(0.5);
    assert_eq!(y.value().value(), 18.5);
    let array = inner.constant(&dualtape_autodiff::Array::vector(vec![outer.input(2.0)]));
    assert_eq!((2.0 * array * 3.0 + x.value()).data()[0].value(), 15.0);
    assert_eq!(outer.input(1.0).into_tensor(array).data()[0].value(), 1.0);
    Ok(())
}
