//! Where partial derivatives are infinite or do not exist, every mode gives the same: a zero that does not depend on the inputs
//! absorbs in the chain rule, one that does is refused, and what has no limit is NaN.

use dualtape_autodiff::{
    Array, Dual, Error, Scalar, Var, c, gradient, hessian, hvp, jacobian, jvp, record,
};

const INF: f64 = f64::INFINITY;
const LN_2: f64 = std::f64::consts::LN_2;
const NAN: f64 = f64::NAN;

type Third = Dual<Dual<Dual<f64, 1>, 1>, 1>;

/// Tells the compiler that the closure takes the handles of any tape.
fn recordable<F: for<'t> Fn(&[Var<'t>]) -> Var<'t>>(f: F) -> F {
    f
}

/// A function over any number.
trait Case {
    fn eval<S: Scalar>(&self, x: [S; 2]) -> S;
}

/// `case!(Name: |x, y| expression)`: one function over every number.
macro_rules! case {
    ($Name:ident: |$x:ident, $y:ident| $body:expr) => {
        struct $Name;
        impl Case for $Name {
            fn eval<S: Scalar>(&self, [$x, $y]: [S; 2]) -> S {
                $body
            }
        }
    };
}

fn same(got: f64, expected: f64) -> bool {
    got == expected
        || got.is_nan() && expected.is_nan()
        || (got - expected).abs() <= 1e-12 * expected.abs()
}

#[track_caller]
fn all_same(got: &[f64], expected: &[f64], mode: &str) {
    let agree = got.len() == expected.len() && got.iter().zip(expected).all(|(&g, &e)| same(g, e));
    assert!(agree, "{mode}: {got:?} instead of {expected:?}");
}

/// Value, gradient `[fx, fy]`, Hessian `[fxx, fxy, fyy]` and third derivatives `[fxxx, fxxy, fxyy, fyyy]` by nested duals.
fn nested<F: Case>(f: &F, x: [f64; 2]) -> [f64; 4 + 6] {
    let unit = |i: usize, k: usize| if i == k { 1.0 } else { 0.0 };
    let along = |d: [usize; 3]| {
        let y = f.eval([0, 1].map(|i| {
            let inner = |x, d| Dual::<f64, 1> { re: x, eps: [d] };
            let middle =
                Dual { re: inner(x[i], unit(i, d[0])), eps: [Dual::constant(unit(i, d[1]))] };
            Third { re: middle, eps: [Dual::constant(Dual::constant(unit(i, d[2])))] }
        }));
        [y.re.re.re, y.re.re.eps[0], y.re.eps[0].eps[0], y.eps[0].eps[0].eps[0]]
    };
    let [xxx, xxy, xyy, yyy] = [[0, 0, 0], [0, 0, 1], [1, 0, 1], [1, 1, 1]].map(along);
    [xxx[0], xxx[1], yyy[1], xxx[2], xyy[2], yyy[2], xxx[3], xxy[3], xyy[3], yyy[3]]
}

/// Checks the gradient and the Hessian `[fxx, fxy, fyy]` in every mode, and that third derivatives agree, but for sums of
/// opposite infinities.
#[track_caller]
fn check<F: Case + Sync>(
    f: F,
    x: [f64; 2],
    first: [f64; 2],
    second: [f64; 3],
) -> Result<(), Error> {
    let of = recordable(|x| f.eval([x[0], x[1]]));
    let all = nested(&f, x);
    all_same(&all[1..3], &first, "nested duals");
    all_same(&all[3..6], &second, "nested duals, second");

    all_same(&gradient(of, &x)?, &first, "eager gradient");
    let rows = jacobian(|x| vec![of(x), of(x)], &x)?;
    all_same(rows.row(1), &first, "Jacobian");
    for (i, v) in [[1.0, 0.0], [0.0, 1.0]].into_iter().enumerate() {
        all_same(&[jvp(of, &x, &v)?.1], &first[i..=i], "jvp");
        all_same(&hvp(of, &x, &v)?, &second[i..i + 2], "eager hvp");
    }
    let full = [second[0], second[1], second[1], second[2]];
    all_same(hessian(of, &x)?.as_slice(), &full, "eager Hessian");

    let recorded = record(&x).function(of)?;
    all_same(&recorded.gradient(&x)?, &first, "recorded gradient");
    let at = recorded.linearize(&x)?;
    all_same(at.gradient(), &first, "linearised gradient");
    all_same(at.hessian()?.as_slice(), &full, "linearised Hessian");
    for (i, v) in [[1.0, 0.0], [0.0, 1.0]].into_iter().enumerate() {
        all_same(&at.hvp(&v)?, &second[i..i + 2], "linearised hvp");
        let third = match recorded.third_derivative(&x, &v, &v) {
            Err(Error::Indeterminate { .. }) => continue,
            third => third?,
        };
        let expected = [[all[6], all[7]], [all[8], all[9]]][i];
        let exist: Vec<usize> = (0..2).filter(|&k| !(third[k] + expected[k]).is_nan()).collect();
        let at = |of: &[f64]| exist.iter().map(|&k| of[k]).collect::<Vec<f64>>();
        all_same(&at(&third), &at(&expected), "recorded third derivative");
    }

    // The same as arrays of one element.
    let array = record(&x).array().function(|t| f.eval([t.get(0), t.get(1)]) + (t.sum() * 0.0))?;
    all_same(&array.gradient(&x)?, &first, "recorded gradient with arrays");
    all_same(array.linearize(&x)?.hessian()?.as_slice(), &full, "linearised Hessian with arrays");
    Ok(())
}

/// Checks that the gradient is refused, one-shot and recorded.
#[track_caller]
fn refused<F: Case + Sync + Send>(f: F, x: [f64; 2]) {
    let of = recordable(|x| f.eval([x[0], x[1]]));
    let refused = |result: Result<Vec<f64>, Error>| {
        assert!(matches!(result, Err(Error::Indeterminate { .. })), "{result:?}");
    };
    refused(gradient(of, &x));
    refused(record(&[0.7, 0.8]).function(of).and_then(|f| f.gradient(&x)));
}

case!(MaskedRoot: |x, y| c(0.0) * x.sqrt() + y);
case!(WeightedRoot: |x, y| y * x.sqrt());
case!(WeightedLog: |x, y| y * (x + c(1.0)).ln() * x.ln_1p() + y.xlogy(x + c(1.0)));
case!(RootOfSquare: |x, y| (x * x).sqrt() + y);
case!(CubeRootOfCube: |x, y| (x * x * x).cbrt() + y);
case!(SquareOfRoot: |x, y| x.sqrt() * x.sqrt() + y);
case!(Norm: |x, y| (x * x + y * y).sqrt());
case!(Distance: |x, y| x.hypot(y));
case!(Power: |x, y| x.powf(y));
case!(Angle: |x, y| x.atan2(y));
case!(XLogY: |x, y| x.xlogy(y));

#[test]
fn a_masked_root_has_no_slope() -> Result<(), Error> {
    check(MaskedRoot, [0.0, 1.0], [0.0, 1.0], [0.0; 3])?;
    // A weight that is an input itself is no mask.
    refused(WeightedRoot, [0.0, 0.0]);
    check(WeightedRoot, [0.0, 2.0], [INF, 0.0], [-INF, INF, 0.0])?;
    check(WeightedLog, [0.0, 3.0], [3.0, 0.0], [3.0, 1.0, 0.0])
}

#[test]
fn a_vanishing_inner_derivative_does_not_hide_an_infinite_outer_one() {
    refused(RootOfSquare, [0.0, 1.0]);
    refused(CubeRootOfCube, [0.0, 1.0]);
    refused(SquareOfRoot, [0.0, 1.0]);
    refused(Norm, [0.0, 0.0]);
}

#[test]
fn powers_of_zero() -> Result<(), Error> {
    check(Power, [0.0, 2.0], [0.0, 0.0], [2.0, 0.0, 0.0])?;
    check(Power, [0.0, 1.0], [1.0, 0.0], [0.0, -INF, 0.0])?;
    // The mixed derivative xʸ⁻¹(1 + y ln x) has both infinities here.
    all_same(&gradient(|x| Power.eval([x[0], x[1]]), &[0.0, 0.5])?, &[INF, 0.0], "gradient");
    // 0ʸ leaps from 1 at y = 0 to 0; x⁰ is 1.
    all_same(&gradient(|x| Power.eval([x[0], x[1]]), &[0.0, 0.0])?, &[0.0, -INF], "gradient");
    Ok(())
}

/// For a negative base the power has no derivative in its exponent, and the one of an integer power in its base.
#[test]
fn powers_of_negative_numbers() -> Result<(), Error> {
    check(Power, [-2.0, 3.0], [12.0, NAN], [-12.0, NAN, NAN])?;
    check(Power, [-2.0, 2.5], [NAN, NAN], [NAN, NAN, NAN])
}

#[test]
fn kinks_and_poles_of_two_arguments() -> Result<(), Error> {
    all_same(&gradient(|x| XLogY.eval([x[0], x[1]]), &[0.0, 0.0])?, &[-INF, 0.0], "gradient");
    check(XLogY, [0.0, 2.0], [LN_2, 0.0], [0.0, 0.5, 0.0])?;
    check(Angle, [0.0, 2.0], [0.5, 0.0], [0.0, -0.25, 0.0])?;
    check(Distance, [0.0, 2.0], [0.0, 1.0], [0.5, 0.0, 0.0])
}

/// Elementwise functions of arrays take the same convention.
#[test]
fn arrays_take_the_same() -> Result<(), Error> {
    let mask = Array::vector(vec![0.0, 1.0, 1.0]);
    let f =
        record(&[0.0, 4.0, 0.0]).data(&[&mask]).function(|x, data| (x.sqrt() * data[0]).sum())?;
    let x = [0.0, 4.0, 0.0];
    all_same(&f.gradient(&x)?, &[0.0, 0.25, INF], "gradient");
    all_same(&f.linearize(&x)?.hvp(&[1.0, 1.0, 0.0])?, &[0.0, -1.0 / 32.0, 0.0], "hvp");
    Ok(())
}

/// At −∞ activations have reached their limits, and so have their derivatives.
#[test]
fn activations_at_minus_infinity() {
    fn parts(f: impl Fn(Third) -> Third) -> [f64; 4] {
        let y = f(Third::variable(Dual::variable(Dual::variable(-INF, 0), 0), 0));
        [y.re.re.re, y.re.re.eps[0], y.re.eps[0].eps[0], y.eps[0].eps[0].eps[0]]
    }
    for y in
        [parts(|x| x.silu()), parts(|x| x.gelu()), parts(|x| x.gelu_tanh()), parts(|x| x.mish())]
    {
        all_same(&y, &[0.0; 4], "at −∞");
    }
    all_same(&parts(|x| x.elu(0.5)), &[-0.5, 0.0, 0.0, 0.0], "elu");
}

/// The branch not taken is not finite, and neither are its derivatives.
#[test]
fn the_branch_not_taken_has_derivative_zero() -> Result<(), Error> {
    let f = record(&[1.0, 2.0, -3.0]).array().function(|x| {
        let pole = x.constant(&Array::vector(vec![f64::INFINITY, f64::NAN, 1.0]));
        x.gt(0.0).where_cond(x.powi(3), pole * x).sum()
    })?;
    assert_eq!(f.value(&[1.0, 2.0, -3.0])?, 6.0);
    assert_eq!(f.gradient(&[1.0, 2.0, -3.0])?[..2], [3.0, 12.0]);
    Ok(())
}
