//! Derivatives inside a loss: recorded, differentiated again, replayed.

use dualtape_autodiff::{
    Array, Dual, Error, Scalar, Tape, Var, c, generic, gradient, hessian, hvp, jvp, record,
};

use super::support::{assert_near, dual3, wave};

const POINTS: [f64; 4] = [-0.7, 0.1, 0.4, 1.2];

/// `u(x) = Σⱼ wⱼ tanh(aⱼx + bⱼ)`, `θ = (w, a, b)`
fn network<S: Scalar>(theta: &[S], x: S) -> S {
    let n = theta.len() / 3;
    (0..n).map(|j| theta[j] * (theta[n + j] * x + theta[2 * n + j]).tanh()).sum()
}

/// `u″ = Σⱼ wⱼ aⱼ²·(−2 t (1 − t²))`, and `u‴`, by hand.
fn network_by_hand<S: Scalar>(theta: &[S], x: S) -> (S, S) {
    let n = theta.len() / 3;
    let terms = |j: usize| {
        let (w, a, t) = (theta[j], theta[n + j], (theta[n + j] * x + theta[2 * n + j]).tanh());
        let slope = c(1.0) - t * t;
        (w * a * a * (t * slope * c(-2.0)), w * a * a * a * slope * (t * t * c(6.0) - c(2.0)))
    };
    ((0..n).map(|j| terms(j).0).sum(), (0..n).map(|j| terms(j).1).sum())
}

/// The squared residual of `u″ + sin u‴ = x` at some points.
fn physics<'t>(theta: &[Var<'t>]) -> Var<'t> {
    let tape = theta[0].tape().expect("an input");
    POINTS
        .iter()
        .map(|&point| {
            let x = tape.scalar(point);
            let u_xx = network(theta, x).derivative(x).derivative(x);
            (u_xx + u_xx.derivative(x).sin() - point).powi(2)
        })
        .sum()
}

fn physics_by_hand<S: Scalar>(theta: &[S]) -> S {
    POINTS
        .iter()
        .map(|&point| {
            let (u_xx, u_xxx) = network_by_hand(theta, S::constant(point));
            (u_xx + u_xxx.sin() - c(point)).powi(2)
        })
        .sum()
}

#[test]
fn losses_of_derivatives_have_exact_derivatives() -> Result<(), Error> {
    let theta = wave(9, 1.3, 0.7);
    let (v, w) = (wave(9, 0.9, 0.2), wave(9, 2.1, 0.6));
    let expected = gradient(|theta| physics_by_hand(theta), &theta)?;
    assert_near(&gradient(physics, &theta)?, &expected, 1e-12);
    let expected_product = hvp(|theta| physics_by_hand(theta), &theta, &v)?;
    assert_near(&hvp(physics, &theta, &v)?, &expected_product, 1e-12);

    // Recorded at one point, replayed at another.
    let f = record(&[0.5; 9]).function(physics)?;
    let at = f.linearize(&theta)?;
    assert_near(&[at.value()], &[physics_by_hand(&theta)], 1e-13);
    assert_near(at.gradient(), &expected, 1e-12);
    assert_near(&at.hvp(&v)?, &expected_product, 1e-12);
    let expected: Vec<f64> = (0..9)
        .map(|i| {
            let inputs: Vec<_> =
                (0..9).map(|j| dual3(theta[j], v[j], w[j], f64::from(u8::from(i == j)))).collect();
            physics_by_hand(&inputs).eps[0].eps[0].eps[0]
        })
        .collect();
    assert_near(&f.third_derivative(&theta, &v, &w)?, &expected, 1e-11);
    Ok(())
}

#[test]
fn arrays_of_points_are_differentiated_row_by_row() -> Result<(), Error> {
    let theta = wave(9, 1.3, 0.7);
    let points = Array::new(&[4, 1], POINTS.to_vec())?;
    let f = record(&theta).data(&[&points]).function(|theta, data| {
        let (x, row) = (data[0], |i: usize| theta.view(3 * i, &[1, 3]));
        let u = (x.matmul(row(1)) + row(2)).tanh().matmul(row(0).t());
        let u_xx = u.sum().gradient_of(x).sum().gradient_of(x);
        let along_x = u_xx.jvp(x, x.constant(&Array::new(&[4, 1], vec![1.0; 4]).expect("four")));
        (u_xx + along_x.sin() - x).powi(2).sum()
    })?;
    assert_near(&[f.value(&theta)?], &[physics_by_hand(&theta)], 1e-13);
    let expected = gradient(|theta| physics_by_hand(theta), &theta)?;
    assert_near(&f.gradient(&theta)?, &expected, 1e-12);
    let expected = hessian(|theta| physics_by_hand(theta), &theta)?;
    assert_near(f.hessian(&theta)?.as_slice(), expected.as_slice(), 1e-12);
    Ok(())
}

#[test]
fn derivatives_by_intermediate_values_are_total() -> Result<(), Error> {
    // y = h·x + h², h = sin x: ∂y/∂h = x + 2h, dy/dx = h + (x + 2h) cos x
    let x = 0.4_f64;
    let h = x.sin();
    let (value, slope) = jvp(
        |p| {
            let h = p[0].sin();
            let y = h * p[0] + h * h;
            let both = y.gradient(&[p[0], h]);
            both[0] * 3.0 + both[1] + y.jvp(&[p[0], h], &[Var::constant(0.5), Var::constant(2.0)])
        },
        &[x],
        &[1.0],
    )?;
    let (by_h, by_x) = (x + 2.0 * h, h + (x + 2.0 * h) * x.cos());
    assert_near(&[value], &[3.5 * by_x + 3.0 * by_h], 1e-14);
    let by_h_slope = 1.0 + 2.0 * x.cos();
    let by_x_slope = x.cos() + by_h_slope * x.cos() - by_h * h;
    assert_near(&[slope], &[3.5 * by_x_slope + 3.0 * by_h_slope], 1e-14);
    Ok(())
}

#[test]
fn tapes_of_duals_and_of_recorded_numbers_have_them_too() -> Result<(), Error> {
    let tape: Tape<Dual<f64, 1>> = Tape::new();
    let x = tape.input(Dual::variable(0.3, 0));
    let captured = Dual { re: 2.0, eps: [5.0] };
    let slope = (x.sin() * Var::from_value(captured)).derivative(x).value();
    assert_near(&[slope.re], &[2.0 * 0.3_f64.cos()], 1e-15);
    assert_near(&slope.eps, &[5.0 * 0.3_f64.cos() - 2.0 * 0.3_f64.sin()], 1e-15);

    // A tape within a function, over the function's own numbers: d/da of ∂/∂x a·x³
    let slope = generic::gradient(
        |a| {
            let inner: Tape<Var<'_>> = Tape::new();
            let x = inner.input(a[1]);
            (x.powi(3) * Var::from_value(a[0])).derivative(x).value()
        },
        &[2.0, 3.0],
    )?;
    assert_near(&slope, &[27.0, 36.0], 1e-15);
    Ok(())
}

#[test]
fn only_what_lies_between_is_recorded() {
    let tape = Tape::new();
    let x: Var<'_> = tape.input(0.5);
    let mut other = tape.input(0.1);
    for _ in 0..1000 {
        other = other.sin() * x;
    }
    let y = x.exp() * x;
    let before = tape.len();
    assert_eq!(y.derivative(x).value(), 0.5_f64.exp() * 1.5);
    assert!(tape.len() < before + 5, "{} instructions", tape.len() - before);
    assert_eq!(y.derivative(other).value(), 0.0);
}

#[test]
fn derivatives_by_what_is_not_on_the_tape_are_refused() {
    let constant = gradient(|x| x[0].sin().derivative(Var::constant(2.0)), &[1.0]);
    let message = constant.unwrap_err().to_string();
    assert!(
        message.contains("nested.rs") && message.contains("with respect to a constant"),
        "{message}"
    );
    let mixed = gradient(
        |x| {
            let other = Tape::new();
            let y = other.input(3.0);
            let _ = (y * y).derivative(other.input(1.0));
            assert_eq!(other.error(), None);
            x[0]
        },
        &[1.0],
    );
    assert_eq!(mixed, Ok(vec![1.0]));
    let (one, two) = (Tape::new(), Tape::new());
    let (x, y): (Var<'_>, Var<'_>) = (one.input(1.0), two.input(2.0));
    let _ = (x * x).derivative(y);
    assert!(matches!(one.error(), Some(Error::MixedTapes { .. })));
    let three = Tape::new();
    let z: Var<'_> = three.input(1.0);
    let _ = z.exp().jvp(&[z], &[]);
    assert!(matches!(three.error(), Some(Error::Length { got: 0, expected: 1, .. })));
}

#[test]
fn a_recorded_function_cannot_get_more_inputs() {
    let refused = record(&[1.0]).function(|x| x[0] * x[0].tape().expect("an input").input(2.0));
    let message = refused.unwrap_err().to_string();
    assert!(message.contains("1 of its own"), "{message}");
}
