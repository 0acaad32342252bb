//! Quadratics with the eigenvalues that are given.

use dualtape_autodiff::Var;
use dualtape_optimizers::Error;

use super::{Problem, ramp, uniform};

/// All of them.
pub fn all() -> Result<Vec<Problem>, Error> {
    let geometric =
        |n: usize, low: f64, high: f64| ramp(n, |t| 10_f64.powf(low + (high - low) * t));
    let outliers = |n: usize| [vec![1e3, 4e2, 90.0, 20.0], ramp(n - 4, |t| 0.05 + t * t)].concat();
    let cases = [
        ("quadratic 10, eigenvalues 1 … 10²", geometric(10, 0.0, 2.0)),
        ("quadratic 10, eigenvalues 10⁻³ … 10³", geometric(10, -3.0, 3.0)),
        ("quadratic 20, eigenvalues 10⁻⁴ … 1", geometric(20, -4.0, 0.0)),
        ("quadratic 20, eigenvalues 1 … 10⁶", geometric(20, 0.0, 6.0)),
        ("quadratic 50, eigenvalues 10⁻² … 10²", geometric(50, -2.0, 2.0)),
        ("quadratic 100, eigenvalues 1 … 10⁴", geometric(100, 0.0, 4.0)),
        ("quadratic 100, four eigenvalues far out", outliers(100)),
        ("quadratic 200, eigenvalues evenly 1 … 1000", ramp(200, |t| 1.0 + 999.0 * t)),
    ];
    cases
        .into_iter()
        .map(|(name, eigenvalues)| {
            let n = eigenvalues.len();
            let (first, second) = (unit(n, 1), unit(n, 2));
            Problem::new(name, uniform(3, n, 2.0), move |x| {
                // ½ (Qx)ᵀΛ(Qx) with a product of two reflections Q
                let rotated = reflect(&reflect(x, &first), &second);
                let terms = rotated.iter().zip(&eigenvalues).map(|(x, &l)| l * x.powi(2));
                0.5 * terms.sum::<Var<'_>>()
            })
        })
        .collect()
}

fn unit(n: usize, seed: u64) -> Vec<f64> {
    let vector = uniform(seed, n, 1.0);
    let length = vector.iter().map(|v| v * v).sum::<f64>().sqrt();
    vector.iter().map(|v| v / length).collect()
}

/// `x − 2 u uᵀx`.
fn reflect<'t>(x: &[Var<'t>], u: &[f64]) -> Vec<Var<'t>> {
    let along: Var<'t> = x.iter().zip(u).map(|(&x, &u)| u * x).sum();
    x.iter().zip(u).map(|(&x, &u)| x - 2.0 * u * along).collect()
}
