//! Penalties on parameters, to be added to a loss: by [`Scope::penalty`](crate::Scope::penalty) for parameters by name, or
//! as functions of any array.

use dualtape_autodiff::{Real, Tensor, Var, c};

use super::shapes::magnitude;

/// `λ·Σ |θ|`, which drives entries to exactly 0; an entry that is 0 has derivative 0 and
/// curvature 0.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Array, Tape};
/// use dualtape_layers::l1_penalty;
///
/// let tape = Tape::<f64>::new();
/// let theta = tape.constant(&Array::vector(vec![3.0, -4.0]));
/// assert_eq!(l1_penalty(theta, 0.5).value(), 3.5);
/// ```
#[track_caller]
#[doc(alias = "lasso")]
pub fn l1_penalty<S: Real>(theta: Tensor<'_, S>, lambda: f64) -> Var<'_, S> {
    magnitude(theta).sum() * c(lambda)
}

/// `½·λ·‖θ‖²`: the penalty whose gradient `λ·θ` is weight decay.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Array, Tape};
/// use dualtape_layers::l2_penalty;
///
/// let tape = Tape::<f64>::new();
/// let theta = tape.constant(&Array::vector(vec![3.0, 4.0]));
/// assert_eq!(l2_penalty(theta, 0.1).value(), 0.05 * 25.0);
/// ```
#[track_caller]
#[doc(alias = "ridge")]
pub fn l2_penalty<S: Real>(theta: Tensor<'_, S>, lambda: f64) -> Var<'_, S> {
    theta.dot(theta) * c(0.5 * lambda)
}

/// `λ₁·Σ |θ| + ½·λ₂·‖θ‖²`: the [first](l1_penalty) and the [second](l2_penalty) penalty together.
///
/// Source: Zou & Hastie, "Regularization and variable selection via the elastic net" (2005).
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Array, Tape};
/// use dualtape_layers::elastic_net_penalty;
///
/// let tape = Tape::<f64>::new();
/// let theta = tape.constant(&Array::vector(vec![3.0, -4.0]));
/// assert_eq!(elastic_net_penalty(theta, 0.5, 0.1).value(), 3.5 + 0.05 * 25.0);
/// ```
#[track_caller]
pub fn elastic_net_penalty<S: Real>(
    theta: Tensor<'_, S>,
    lambda_1: f64,
    lambda_2: f64,
) -> Var<'_, S> {
    l1_penalty(theta, lambda_1) + l2_penalty(theta, lambda_2)
}

/// `½·λ·σ²` with the largest singular value `σ` of a weight `[rows, …]`, seen as a matrix: the spectral norm, exact.
///
/// `σ²` is the largest eigenvalue of the smaller of `W·Wᵀ` and `Wᵀ·W`. It has all derivatives where that eigenvalue is
/// simple; where it is repeated, a derivative that needs more is refused with
/// [`Fault::RepeatedEigenvalue`](dualtape_autodiff::custom::Fault).
///
/// Complexity: `O(m²·n + m³)` for the lengths `m ≤ n`. Source: Yoshida & Miyato, "Spectral norm regularization" (2017).
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Array, Tape};
/// use dualtape_layers::spectral_penalty;
///
/// let tape = Tape::<f64>::new();
/// let weight = tape.constant(&Array::new(&[2, 3], vec![0.0, -4.0, 0.0, 3.0, 0.0, 0.0])?);
/// assert!((spectral_penalty(weight, 0.1).value() - 0.05 * 16.0).abs() < 1e-14);
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
#[track_caller]
pub fn spectral_penalty<S: Real>(weight: Tensor<'_, S>, lambda: f64) -> Var<'_, S> {
    let rows = weight.shape().first().copied().unwrap_or(1);
    if weight.is_empty() {
        weight.tape().refuse("spectral_penalty", &[weight.shape()], "a weight with entries");
        return weight.sum();
    }
    let columns = weight.len() / rows;
    let matrix = weight.reshape(&[rows, columns]);
    let gram = if rows <= columns { matrix.matmul(matrix.t()) } else { matrix.t().matmul(matrix) };
    let order = rows.min(columns);
    gram.eigenvalues_symmetric().get(order - 1) * c(0.5 * lambda)
}
