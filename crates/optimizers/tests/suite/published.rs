//! Published test problems with their known minima, and when a point is one of these.

#[path = "../../../autodiff/tests/mgh/problems.rs"]
mod problems;

pub use problems::Problem;
use serde_json::Value;

pub const GRADIENT_TOLERANCE: f64 = 1e-8;
/// Where f is large, rounding keeps the gradient from getting smaller than this.
pub const RELATIVE_GRADIENT_TOLERANCE: f64 = 1e-12;

pub fn floats(value: &Value) -> Vec<f64> {
    let numbers = value.as_array().into_iter().flatten();
    numbers.map(|number| number.as_f64().expect("a number")).collect()
}

/// Whether the point is one of the known minima; `accuracy` is that of `x`.
pub fn is_known_minimum(reference: &Value, value: f64, x: &[f64], accuracy: f64) -> bool {
    reference["minima"].as_array().expect("a list of minima").iter().any(|minimum| {
        let f = minimum["f"].as_f64().expect("a number");
        let at = floats(&minimum["x"]);
        let singular = minimum["kind"].as_str().expect("a text").contains("singular");
        let near = |tolerance: f64| {
            x.iter().zip(&at).all(|(x, at)| (x - at).abs() <= tolerance * at.abs().max(1.0))
        };
        // Where the Hessian is singular, f grows with the fourth power of the distance.
        (value - f).abs() <= 1e-8 * f.max(1.0) && near(if singular { 1e-2 } else { accuracy })
    })
}
