//! Every mode of differentiation gives the same numbers: dual numbers on the recorded program, the recorded adjoint, its
//! recorded tangent, and K lanes at once.

use dualtape_autodiff::{
    Array, Dual, Error, Scalar, Tensor, Var, c, gradient, hessian, hvp, jacobian, jvp, record, vjp,
};

const X: [f64; 5] = [0.7, -1.3, 0.4, 1.9, -0.6];
const V: [f64; 5] = [1.0, -0.5, 1.0 / 3.0, -0.25, 0.2];

/// A bit of everything: shared subexpressions, loops, a branch, sums, constants on both sides.
fn mixed<S: Scalar>(x: &[S]) -> S {
    let mut total = S::zero();
    for i in 0..x.len() - 1 {
        let t = x[i + 1] - x[i] * x[i];
        total += c(100.0) * t * t + (c(1.0) - x[i]).powi(2);
        if x[i] > x[i + 1] {
            total += (x[i] - x[i + 1]).sqrt() * x[0].tanh();
        }
    }
    let r: S = x.iter().map(|&x| x * x).sum();
    total / (r + c(1.0)).ln() + x[1].powi(3) * (x[3] / x[0]).atan() + r.powf(S::constant(1.7))
}

fn close(got: f64, expected: f64, scale: f64) {
    assert!((got - expected).abs() <= 1e-12 * scale, "{got:e} is not {expected:e}");
}

fn all_close(got: &[f64], expected: &[f64]) {
    let scale = expected.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
    assert_eq!(got.len(), expected.len());
    for (&g, &e) in got.iter().zip(expected) {
        close(g, e, scale);
    }
}

/// First and second directional derivative by nested forward mode.
fn nested_forward(v: &[f64]) -> (f64, f64) {
    type D2 = Dual<Dual<f64, 1>, 1>;
    let x: Vec<D2> = X
        .iter()
        .zip(v)
        .map(|(&x, &v)| Dual { re: Dual { re: x, eps: [v] }, eps: [Dual { re: v, eps: [0.0] }] })
        .collect();
    let y = mixed(&x);
    (y.re.eps[0], y.eps[0].eps[0])
}

#[test]
fn scalar_modes_agree() -> Result<(), Error> {
    let f = record(&X).function(|x| mixed(x))?;
    let at = f.linearize(&X)?;
    let g = gradient(|x| mixed(x), &X)?;
    let hv = hvp(|x| mixed(x), &X, &V)?;
    close(f.value(&X)?, mixed(&X), 0.0);
    all_close(&f.gradient(&X)?, &g);
    all_close(at.gradient(), &g);
    all_close(&at.hvp(&V)?, &hv);
    let (slope, curvature) = nested_forward(&V);
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    close(dot(&g, &V), slope, slope.abs() * 10.0);
    close(dot(&hv, &V), curvature, curvature.abs() * 10.0);
    let h = hessian(|x| mixed(x), &X)?;
    all_close(at.hessian()?.as_slice(), h.as_slice());
    let product: Vec<f64> = (0..5).map(|i| dot(h.row(i), &V)).collect();
    all_close(&product, &hv);
    Ok(())
}

/// The same function, its Jacobian by either mode.
#[test]
fn jacobian_rows_are_vjps_and_columns_jvps() -> Result<(), Error> {
    fn wide<'t>(x: &[Var<'t>]) -> Vec<Var<'t>> {
        vec![mixed(x), x[0] * x[4].exp(), Var::from_value(3.0)]
    }
    let j = jacobian(wide, &X)?;
    assert_eq!((j.rows(), j.cols(), j.row(2)), (3, 5, &[0.0; 5][..]));
    let w = [0.3, -2.0, 0.7];
    let (values, product) = vjp(wide, &X, &w)?;
    assert_eq!(values[2], 3.0);
    let combined: Vec<f64> = (0..5).map(|k| (0..3).map(|i| w[i] * j[(i, k)]).sum()).collect();
    all_close(&product, &combined);
    let (_, slope) = jvp(|x| mixed(x), &X, &V)?;
    close((0..5).map(|k| j[(0, k)] * V[k]).sum(), slope, slope.abs() * 10.0);
    Ok(())
}

fn network<'t, S: dualtape_autodiff::Real>(
    theta: Tensor<'t, S>,
    data: &[Tensor<'t, S>],
) -> Var<'t, S> {
    let (w1, b1) = (theta.view(0, &[4, 3]), theta.view(12, &[4]));
    let (w2, b2) = (theta.view(16, &[3, 4]), theta.view(28, &[3]));
    let hidden = (data[0].matmul(w1.t()) + b1).tanh();
    let logits = hidden.matmul(w2.t()) + b2;
    let cross_entropy = -(logits.log_softmax(1) * data[1]).sum() / Var::constant(5.0);
    cross_entropy
        + theta.powi(2).sum() * Var::constant(0.01)
        + hidden.max_axis(0).sum() * theta.get(3)
}

fn wave(n: usize, a: f64, b: f64) -> Vec<f64> {
    (0..n).map(|k| (a * k as f64 + b).sin()).collect()
}

#[test]
fn tensor_modes_agree() -> Result<(), Error> {
    let theta = wave(31, 1.7, 0.2);
    let v = wave(31, 0.9, 0.4);
    let x = Array::new(&[5, 3], wave(15, 1.1, 0.4))?;
    let labels: Vec<f64> = (0..15).map(|k| if k % 3 == (k / 3) % 3 { 1.0 } else { 0.0 }).collect();
    let y = Array::new(&[5, 3], labels)?;
    let f = record(&theta).data(&[&x, &y]).function(network)?;
    let at = f.linearize(&theta)?;
    let g = f.gradient(&theta)?;
    all_close(at.gradient(), &g);
    let hv = at.hvp(&v)?;
    let h = 1e-5;
    let shifted = |s: f64| -> Result<Vec<f64>, Error> {
        f.gradient(&theta.iter().zip(&v).map(|(t, v)| t + s * v).collect::<Vec<_>>())
    };
    let (plus, minus) = (shifted(h)?, shifted(-h)?);
    for i in 0..31 {
        let difference = (plus[i] - minus[i]) / (2.0 * h);
        assert!((hv[i] - difference).abs() < 1e-8, "{i}: {} {}", hv[i], difference);
        let mut e = theta.clone();
        e[i] += h;
        let up = f.value(&e)?;
        e[i] -= 2.0 * h;
        let slope = (up - f.value(&e)?) / (2.0 * h);
        assert!((g[i] - slope).abs() < 1e-9, "{i}: {} {}", g[i], slope);
    }
    let dense = at.hessian()?;
    let product: Vec<f64> =
        (0..31).map(|i| dense.row(i).iter().zip(&v).map(|(h, v)| h * v).sum()).collect();
    all_close(&product, &hv);
    // A closure over scalars that stacks them into a tensor: over dual numbers, on a tape of duals.
    let dual = hvp(
        |t| {
            let tape = t[0].tape().expect("recorded");
            let theta = Tensor::from_vars(tape, t);
            network(theta, &[tape.constant(&x), tape.constant(&y)])
        },
        &theta,
        &v,
    )?;
    all_close(&dual, &hv);
    Ok(())
}

#[test]
fn branches_are_noticed() -> Result<(), Error> {
    let f =
        record(&[1.0, 2.0]).function(|x| if x[0] < x[1] { x[0] * x[1] } else { x[0] - x[1] })?;
    assert_eq!(f.gradient(&[2.0, 3.0])?, [3.0, 2.0]);
    assert_eq!(f.gradient(&[3.0, 2.0])?, [1.0, -1.0]);
    assert_eq!(f.gradient(&[2.0, 5.0])?, [5.0, 2.0]);
    let read =
        record(&[1.0]).function(|x| if x[0].value() > 0.0 { x[0].sin() } else { x[0] * 3.0 })?;
    assert_eq!(read.gradient(&[-1.0])?, [3.0]);
    Ok(())
}
