//! Taylor coefficients along a direction.

use dualtape_autodiff::{Error, Scalar, c, record, taylor};

use super::support::{Dual3, assert_near, coupled, dual3, functions, wave};

#[test]
fn coefficients_are_those_of_the_series() -> Result<(), Error> {
    // sin(x + εv)·eˣ…: Im e^{(1+i)(x + ε)} has coefficients √2ᵏ sin(kπ/4 + x)·eˣ/k!
    let f = record(&[1.0]).function(|x| x[0].sin() * x[0].exp())?;
    let x = 0.3_f64;
    let mut factorial = 1.0;
    for (k, got) in f.taylor(&[x], &[1.0], 12)?.into_iter().enumerate() {
        factorial *= if k == 0 { 1.0 } else { k as f64 };
        let phase = k as f64 * std::f64::consts::FRAC_PI_4 + x;
        let expected = 2.0_f64.powf(k as f64 / 2.0) * phase.sin() * x.exp() / factorial;
        assert!(
            (got - expected).abs() <= 1e-13 * x.exp() * 2.0_f64.powf(k as f64 / 2.0) / factorial
        );
    }
    // 1/(1 − ε), and artanh ε = ε + ε³/3 + …
    assert_eq!(taylor(|x| 1.0 / (1.0 - x[0]), &[0.0], &[1.0], 9)?, [1.0; 10]);
    let expected: Vec<f64> =
        (0..10).map(|k| if k % 2 == 1 { 1.0 / f64::from(k) } else { 0.0 }).collect();
    assert_near(&taylor(|x| x[0].atanh(), &[0.0], &[1.0], 9)?, &expected, 1e-15);
    Ok(())
}

#[test]
fn low_orders_are_the_other_operators() -> Result<(), Error> {
    for (f, x) in functions() {
        let v = wave(x.len(), 0.9, 1.0);
        let third = f.third_derivative_along(&x, &v, &v, &v)?;
        let at = f.linearize(&x)?;
        let slope: f64 = at.gradient().iter().zip(&v).map(|(g, v)| g * v).sum();
        let expected = [at.value(), slope, at.curvature(&v)? / 2.0, third / 6.0];
        let coefficients = f.taylor(&x, &v, 3)?;
        for (got, expected) in coefficients.iter().zip(expected) {
            assert_near(&[*got], &[expected], 1e-12);
        }
        // Higher orders leave the lower ones as they were.
        assert_near(&f.taylor(&x, &v, 5)?[..4], &coefficients, 1e-13);
        assert_eq!(f.taylor(&x, &v, 0)?, [at.value()]);
    }
    let x = wave(11, 1.7, 0.2);
    let v = wave(11, 0.9, 1.0);
    let inputs: Vec<Dual3> = x.iter().zip(&v).map(|(&x, &v)| dual3(x, v, v, v)).collect();
    let expected = coupled(&inputs).eps[0].eps[0].eps[0] / 6.0;
    assert_near(&taylor(|x| coupled(x), &x, &v, 3)?[3..], &[expected], 1e-12);
    Ok(())
}

/// `exp sin exp sin … x`
fn chain<S: Scalar>(x: S) -> S {
    (0..4).fold(x, |x, _| (x.sin() * c(0.5)).exp())
}

#[test]
fn deep_chains_stay_polynomial() -> Result<(), Error> {
    // With every term of every product rule apart this would take 2²⁰ terms for each function of the chain.
    let f = record(&[0.4]).function(|x| chain(x[0]))?;
    let order = 20;
    let coefficients = f.taylor(&[0.4], &[1.0], order)?;
    let near = 0.41;
    let series: f64 = coefficients.iter().rev().fold(0.0, |sum, c| sum * (near - 0.4) + c);
    assert_near(&[series], &[chain(near)], 1e-15);
    assert_eq!(coefficients.len(), order + 1);
    Ok(())
}
