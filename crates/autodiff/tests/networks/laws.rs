//! What holds for every network at every point.

use dualtape_autodiff::{Array, Error, record};

use super::support::{Case, assert_close, cases, dot, wave};

/// A point near the case's own, where nothing was recorded.
fn beside(case: &Case) -> Vec<f64> {
    let shift = wave(case.theta.len(), 0.37);
    case.theta.iter().zip(shift).map(|(x, shift)| x + 0.03 * shift).collect()
}

#[test]
fn curvature_is_symmetric() -> Result<(), Error> {
    for case in cases() {
        let (f, x) = (case.record(&case.theta)?, beside(&case));
        let at = f.linearize(&x)?;
        let (u, v) = (wave(x.len(), 0.7), wave(x.len(), 1.9));
        let (hu, hv) = (at.hvp(&u)?, at.hvp(&v)?);
        let scale = dot(&u, &u).sqrt() * dot(&hv, &hv).sqrt();
        let (uhv, vhu) = (dot(&u, &hv), dot(&v, &hu));
        let near = (uhv - vhu).abs() <= 64.0 * f64::EPSILON * scale;
        assert!(near, "{}: {uhv} is not {vhu}", case.name);
    }
    Ok(())
}

/// `∇(∇f·v) = H·v`: reverse mode over a gradient within the loss, and forward over reverse.
#[test]
fn double_backward_is_the_hessian_vector_product() -> Result<(), Error> {
    for case in cases() {
        let (f, x) = (case.record(&case.theta)?, beside(&case));
        let v = wave(x.len(), 1.3);
        let expected = f.linearize(&x)?.hvp(&v)?;
        let data = [case.data(), vec![Array::vector(v)]].concat();
        let data: Vec<&Array<f64>> = data.iter().collect();
        let along = record(&case.theta).data(&data).function(|theta, data| {
            let [data @ .., v] = data else { unreachable!("a direction") };
            case.loss(theta, data).gradient_of(theta).dot(*v)
        })?;
        assert_close(&case.name, &along.gradient(&x)?, &expected, 1e-13);
    }
    Ok(())
}
