//! Planted faults in the rules of array operations.

use super::kind::Contribution;
use crate::number::planted::{Site, Wrong, planted, wrong};
use crate::number::{Elementary, Scalar};
use crate::tape::Tensor;

/// The tangent of an array operation.
pub(crate) fn tangent<'t, S: Scalar>(
    operation: &str,
    right: Option<Tensor<'t, S>>,
) -> Option<Tensor<'t, S>> {
    match wrong(|at| matches!(at, Site::Tangent(name) if name == operation)) {
        Some(Wrong::Missing) => None,
        Some(wrong) => right.map(|right| wrong.of_array(right, 1.0)),
        None => right,
    }
}

/// What an array operation contributes to the cotangents of its operands.
pub(crate) fn adjoints<'t, S: Scalar>(
    operation: &str,
    y_bar: Tensor<'t, S>,
    mut right: Vec<(usize, Contribution<'t, S>)>,
) -> Vec<(usize, Contribution<'t, S>)> {
    let place = |site| match site {
        Site::Adjoint(name, operand) if name == operation => Some(operand),
        _ => None,
    };
    let Some(wrong) = wrong(|at| place(at).is_some()) else { return right };
    let operand = planted().and_then(|fault| place(fault.site));
    right.retain(|&(i, _)| Some(i) != operand || wrong != Wrong::Missing);
    for (i, contribution) in &mut right {
        if Some(*i) == operand {
            let (Contribution::Whole(x_bar)
            | Contribution::Piece { cotangent: x_bar, .. }
            | Contribution::Strided { cotangent: x_bar, .. }) = contribution;
            *x_bar = wrong.of_array(*x_bar, x_bar.len() as f64 / y_bar.len() as f64);
        }
    }
    right
}

impl Wrong {
    /// Also given how many elements there are for each of the result's.
    fn of_array<S: Scalar>(self, right: Tensor<'_, S>, share: f64) -> Tensor<'_, S> {
        match (self, right.shape()) {
            (Wrong::Transposed, [.., n, m]) if n == m => {
                right.swap_axes(right.rank() - 2, right.rank() - 1)
            }
            (Wrong::Averaged, _) => right * right.lift(share),
            _ => self.of(right),
        }
    }
}
