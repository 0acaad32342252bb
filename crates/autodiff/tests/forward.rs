//! Forward drivers on the stack, against duals of duals and against the tape.

use dualtape_autodiff::{
    Dual, Elementary, Error, Scalar, c, forward, generic, gradient, hessian, hvp,
    numbers::{Binary, Dual2, Unary},
};

type Nested = Dual<Dual<f64, 2>, 2>;

fn nested(x: f64, i: usize) -> Nested {
    Dual::variable(Dual::variable(x, i), i)
}

/// First and second derivatives of `f(x, y)` by second-order numbers and by duals of duals, at curved arguments.
fn both_ways(
    f: impl Fn(Dual2<f64, 2>, Dual2<f64, 2>) -> Dual2<f64, 2>,
    g: impl Fn(Nested, Nested) -> Nested,
    [x, y]: [f64; 2],
) -> [[f64; 6]; 2] {
    let a = f(Dual2::variable(x, 0), Dual2::variable(y, 1));
    let b = g(nested(x, 0), nested(y, 1));
    [
        [a.re, a.gradient[0], a.gradient[1], a.second(0, 0), a.second(1, 0), a.second(1, 1)],
        [b.re.re, b.eps[0].re, b.eps[1].re, b.eps[0].eps[0], b.eps[1].eps[0], b.eps[1].eps[1]],
    ]
}

#[track_caller]
fn assert_close(what: &str, [got, expected]: [[f64; 6]; 2]) {
    let scale = expected.iter().fold(1.0_f64, |m, x| m.max(x.abs()));
    for (g, e) in got.into_iter().zip(expected) {
        assert!((g - e).abs() <= 4e-15 * scale, "{what}: {got:?} is not {expected:?}");
    }
}

#[test]
fn every_function_has_the_second_derivatives_of_nested_duals() {
    // Inner functions with gradient and curvature of their own.
    fn inner<S: Scalar>(x: S, y: S) -> [S; 2] {
        [x * y + c(0.1), (x - y * c(0.2)) / (y + c(0.9))]
    }
    for point in [[0.61, 0.42], [0.37, 0.83]] {
        for &f in Unary::ALL {
            let shift = if f == Unary::Acosh { 1.0 } else { 0.0 };
            let one = |x: Dual2<f64, 2>, y| (inner(x, y)[0] + c(shift)).map(f);
            let two = |x: Nested, y| (inner(x, y)[0] + c(shift)).map(f);
            assert_close(&format!("{f:?}"), both_ways(one, two, point));
        }
        for &f in Binary::ALL {
            fn of<S: Scalar>(f: Binary, x: S, y: S) -> S {
                let [a, b] = inner(x, y);
                // A function of an integer order has no derivative in it.
                let ordered = matches!(f, Binary::Polygamma | Binary::BesselJ);
                if ordered { S::constant(2.0).zip(f, b) } else { a.zip(f, b) }
            }
            let one = |x: Dual2<f64, 2>, y| of(f, x, y);
            let two = |x: Nested, y| of(f, x, y);
            assert_close(&format!("{f:?}"), both_ways(one, two, point));
        }
        for n in [-2, 0, 1, 2, 5] {
            let one = |x: Dual2<f64, 2>, y| inner(x, y)[1].power_int(n);
            let two = |x: Nested, y| inner(x, y)[1].power_int(n);
            assert_close(&format!("power {n}"), both_ways(one, two, point));
        }
        let one =
            |x: Dual2<f64, 2>, y| inner(x, y)[0].power_real(2.7).mul_add(x, inner(x, y)[1]) % y;
        let two = |x: Nested, y| inner(x, y)[0].power_real(2.7).mul_add(x, inner(x, y)[1]) % y;
        assert_close("fused and real powers", both_ways(one, two, point));
    }
}

/// Where a derivative is infinite, only what moves is.
#[test]
fn a_derivative_of_zero_makes_nothing_of_an_infinite_one() {
    let h = forward::hessian(|[x, y, z]| x.sqrt() * y + z * z, &[0.0_f64, 2.0, 3.0]);
    let infinity = f64::INFINITY;
    assert_eq!(h, [[-infinity, infinity, 0.0], [infinity, 0.0, 0.0], [0.0, 0.0, 2.0]]);
    let g = forward::gradient(|[x, y]| x.sqrt() + (y - y.exp()).powi(2), &[0.0, 0.0_f64]);
    assert_eq!(g, [infinity, 0.0]);
    let h = forward::hessian(|[x, y]| x.powi(2) + y / x.abs().max(*y), &[0.0_f64, 1.0]);
    assert_eq!(h[0][0], 2.0);
}

fn mixed<S: Scalar>(x: &[S]) -> S {
    let mut total = c(100.0) * (x[1] - x[0] * x[0]).powi(2);
    for &x_i in x {
        total += if x_i > S::constant(0.5) {
            (x_i * x[0]).tanh() / x[1]
        } else {
            x_i.hypot(x[2]).powf(x[1])
        };
    }
    total
}

#[test]
fn drivers_agree_with_the_tape() -> Result<(), Error> {
    let (x, v) = ([0.4, 1.3, 0.7], [1.0, -0.5, 0.25]);
    let close = |got: &[f64], expected: &[f64]| {
        let scale = expected.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
        assert_eq!(got.len(), expected.len());
        let near = |(g, e): (&f64, &f64)| (g - e).abs() <= 1e-13 * scale;
        assert!(got.iter().zip(expected).all(near), "{got:?} is not {expected:?}");
    };
    let (value, g) = forward::value_and_gradient(|x| mixed(x), &x);
    assert_eq!(value, mixed(&x));
    close(&g, &gradient(|x| mixed(x), &x)?);
    let h = forward::hessian(|x| mixed(x), &x);
    close(h.as_flattened(), hessian(|x| mixed(x), &x)?.as_slice());
    close(&forward::hvp(|x| mixed(x), &x, &v), &hvp(|x| mixed(x), &x, &v)?);
    let rows = forward::jacobian(|x| [mixed(x), x[0] * x[2], x[1] / x[1]], &x);
    close(&rows[0], &g);
    assert_eq!(rows[1..], [[0.7, 0.0, 0.4], [0.0, 0.0, 0.0]]);
    let single = x.map(|x| x as f32);
    let g = forward::gradient(|x| mixed(x), &single);
    let expected = generic::gradient(|x| mixed(x), &single)?;
    assert!(g.iter().zip(expected).all(|(g, e)| (g - e).abs() <= 1e-5 * e.abs()));
    Ok(())
}

/// A function over any number.
macro_rules! over_any_number {
    ($($name:ident: |$x:ident, $y:ident| $body:expr;)*) => { $(
        fn $name<S: Scalar>(&[$x, $y]: &[S; 2]) -> S {
            $body
        }
    )* };
}

over_any_number! {
    square_of_a_root: |x, y| x.sqrt() * x.sqrt() + y;
    power_of_a_root: |x, y| x.sqrt().powi(2) + y;
    two_roots: |x, y| x.sqrt().mul_no_nan(x.cbrt().sqrt()) + y;
    fused_roots: |x, y| x.sqrt().mul_add(x.sqrt(), y);
    product_of_a_list: |x, y| [x.sqrt(), x.sqrt()].into_iter().product::<S>() + y;
    quotient_of_roots: |x, y| x.sqrt() / x.sqrt().recip() + y;
    hypot_squared: |x, y| c(0.5) * x.hypot(y).powi(2);
    magnitude_squared: |x, y| x.abs().powi(2) + y * y;
    magnitude_by_itself: |x, y| x.abs() * x.abs() + y * y;
    weight_zero: |x, y| c(0.0) * x.sqrt() + y;
    mask_zero: |x, y| S::constant(0.0) * x.sqrt() + y;
    weight_inside: |x, y| (y * c(0.0) + x).ln();
    other_variable: |x, y| y * x.sqrt();
    branch_not_taken: |x, y| (x.sqrt() - c(3.0)).max(y).powi(2) + x.sqrt().min(-y) * c(2.0);
    stopped: |x, y| x.sqrt().stop_gradient() * y + x.sqrt().floor();
    switched_off: |x, y| (x.sqrt() - c(1.0)).relu() * y + y;
    flat_factor: |x, y| x.powi(3) * x.cbrt() + y;
}

type Driven<N> = fn(&[N; 2]) -> N;
type Nested2 = Dual<Dual<f64, 1>, 2>;
type OfSecondOrder = (&'static str, Driven<Dual2<f64, 2>>, Driven<Nested2>);
type Absorbing = (&'static str, Driven<Dual<f64, 2>>, Driven<Dual2<f64, 2>>, [f64; 2], [f64; 2]);

/// Where a factor vanishes and the other one has an infinite slope, the product is known only if the first has a finite one.
#[test]
fn a_factor_that_vanishes_like_a_root_does_not_absorb() {
    let of: [(&str, Driven<Dual<f64, 2>>); 5] = [
        ("square of a root", square_of_a_root),
        ("power of a root", power_of_a_root),
        ("product without NaN", two_roots),
        ("fused", fused_roots),
        ("product", product_of_a_list),
    ];
    for (name, f) in of {
        let g = forward::gradient(f, &[0.0, 1.0]);
        assert!(g[0].is_nan() && g[1] == 1.0, "{name}: {g:?}");
    }
    let g = forward::gradient(quotient_of_roots, &[0.0_f64, 1.0]);
    assert!(g[0].is_nan(), "{g:?}");
    let g = forward::gradient(square_of_a_root::<Dual<f32, 2>>, &[0.0, 1.0]);
    assert!(g[0].is_nan() && g[1] == 1.0, "{g:?}");
    // `x³·∛x` is flat at 0, as its first factor says.
    assert_eq!(forward::gradient(flat_factor, &[0.0, 1.0]), [0.0, 1.0]);
}

/// The second derivatives of `½‖x‖²` and `|x|²`, which the chain rule has as 0 times what does not exist.
#[test]
fn a_slope_of_zero_does_not_absorb_a_missing_second_derivative() {
    let of: [OfSecondOrder; 3] = [
        ("hypot", hypot_squared, hypot_squared),
        ("magnitude", magnitude_squared, magnitude_squared),
        ("magnitude by itself", magnitude_by_itself, magnitude_by_itself),
    ];
    for (name, f, nested) in of {
        let h = forward::hessian(f, &[0.0, 0.0]);
        assert!(h[0][0].is_nan(), "{name}: {h:?}");
        let product = forward::hvp(nested, &[0.0, 0.0], &[1.0, 0.0]);
        assert!(product[0].is_nan(), "{name}: {product:?}");
    }
    let h = forward::hessian(magnitude_squared, &[0.0_f64, 3.0]);
    assert!(h[0][0].is_nan() && h[1] == [0.0, 2.0], "{h:?}");
    assert_eq!(forward::hessian(hypot_squared, &[0.0, 2.0])[0][0], 1.0);
}

/// What is 0 whatever the inputs absorbs in every number, as it does where derivatives are recorded.
#[test]
fn fixed_zeros_absorb() -> Result<(), Error> {
    let infinity = f64::INFINITY;
    let of: [Absorbing; 8] = [
        ("weight", weight_zero, weight_zero, [0.0, 1.0], [0.0, 1.0]),
        ("mask", mask_zero, mask_zero, [0.0, 1.0], [0.0, 1.0]),
        ("weight inside", weight_inside, weight_inside, [0.0, 1.0], [infinity, 0.0]),
        ("other variable", other_variable, other_variable, [0.0, 2.0], [infinity, 0.0]),
        ("no weight yet", other_variable, other_variable, [0.0, 0.0], [0.0, 0.0]),
        ("branch", branch_not_taken, branch_not_taken, [0.0, 3.0], [0.0, 4.0]),
        ("stopped", stopped, stopped, [0.0, 1.0], [0.0, 0.0]),
        ("switched off", switched_off, switched_off, [0.0, 1.0], [0.0, 1.0]),
    ];
    for (name, f, second, x, expected) in of {
        assert_eq!(forward::gradient(f, &x), expected, "{name}");
        let y = second(&[Dual2::variable(x[0], 0), Dual2::variable(x[1], 1)]);
        assert_eq!(y.gradient, expected, "{name}, second order");
    }
    let h = forward::hessian(weight_zero, &[0.0, 1.0]);
    assert_eq!(h, [[0.0; 2]; 2]);
    Ok(())
}
