//! Recomputing instead of storing.

use crate::number::Scalar;
use crate::tape::{Tape, Tensor, Var};
use crate::transform::call;

/// Computes `region(inputs)` so that what it computes on the way is not kept for derivatives but computed again.
///
/// A gradient needs intermediate results in the opposite order, and so keeps all of them: of a chain of n steps n results.
/// Of a region only inputs and result are kept. With √n regions of √n steps O(√n) results are in memory at once, at the price
/// of one more evaluation; nested regions go below. The same holds for Hessian-vector products and for higher orders: every
/// derivative of a region is a region.
///
/// What is kept besides is the program of each region and of each of its derivatives: some dozens of bytes for an
/// instruction, in all proportional to n, as the program without regions is. So this saves memory where results are arrays
/// larger than that, and none where they are scalars.
///
/// Values and derivatives are those without `checkpoint`, bit for bit where an input's cotangent is not a sum of terms from
/// inside and outside the region, which are then added in another order.
///
/// `region` must compute from its arguments alone; other arrays of the tape are passed as inputs too. Everything else is as
/// outside: comparisons in it are guards of every replay, errors in it are those of the recording.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{checkpoint, record};
///
/// // sin applied 24 times, six at a time
/// let f = record(&[0.5, 1.0]).array().function(|x| {
///     (0..4).fold(x, |x, _| checkpoint(&[x], |x| (0..6).fold(x[0], |x, _| x.sin()))).sum()
/// })?;
/// let plain = record(&[0.5, 1.0]).array().function(|x| {
///     (0..24).fold(x, |x, _| x.sin()).sum()
/// })?;
/// assert_eq!(f.gradient(&[0.3, 1.2])?, plain.gradient(&[0.3, 1.2])?);
/// assert_eq!(f.hessian(&[0.3, 1.2])?, plain.hessian(&[0.3, 1.2])?);
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
#[track_caller]
pub fn checkpoint<'t, S: Scalar, F>(inputs: &[Tensor<'t, S>], region: F) -> Tensor<'t, S>
where
    F: for<'r> FnOnce(&[Tensor<'r, S::Real>]) -> Tensor<'r, S::Real>,
{
    let Some(first) = inputs.first() else { return Tensor::of_no_operands("checkpoint") };
    let inner = Tape::new();
    inner.share_frames(first.tape.frames());
    let arguments: Vec<Tensor<'_, S::Real>> =
        inputs.iter().map(|x| inner.input_array(&x.primal_array())).collect();
    let result = region(&arguments);
    let output = inner.id_of_array(result);
    let frames = inner.frames();
    let shape = result.shape.to_vec();
    match inner.finish(vec![output]) {
        Ok(recording) => first.record(call(recording.program, frames), inputs),
        Err(error) => {
            first.tape.fail(error);
            first.tape.poison(&shape, std::panic::Location::caller())
        }
    }
}

/// [`checkpoint`] of a region over scalars, at least one of them recorded on a tape.
///
/// A region's programs take more memory than the scalars that it does not keep; so this is for regions that compute with
/// arrays within, or that are to stand in a program as one instruction.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{checkpoint_scalars, hessian};
///
/// let h = hessian(|x| checkpoint_scalars(x, |x| x[0].powi(3) * x[1]).exp(), &[0.0, 2.0])?;
/// assert_eq!(h.as_slice(), [0.0; 4]);
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
#[track_caller]
pub fn checkpoint_scalars<'t, S: Scalar, F>(inputs: &[Var<'t, S>], region: F) -> Var<'t, S>
where
    F: for<'r> FnOnce(&[Var<'r, S::Real>]) -> Var<'r, S::Real>,
{
    let Some(tape) = inputs.iter().find_map(|x| x.tape) else {
        return Tensor::of_no_operands("checkpoint_scalars").to_var();
    };
    let stacked = Tensor::from_vars(tape, inputs);
    let result = checkpoint(&[stacked], |x| {
        let x = x[0];
        region(&x.scalars()).to_tensor(x.tape)
    });
    result.to_var()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::Array;
    use crate::compiled::{Compiled, Kind, Origin, Primal};
    use crate::error::Error;

    const N: usize = 32;

    fn layers<'t>(x: Tensor<'t>, count: usize) -> Tensor<'t> {
        (0..count).fold(x, |x, _| (x * 1.1).sin())
    }

    /// Numbers in memory for the gradient and for a Hessian-vector product of a chain of this depth.
    fn memory(depth: usize, region: Option<usize>) -> Result<[usize; 2], Error> {
        let point: Vec<f64> = (0..N).map(|i| (0.3 * i as f64).cos()).collect();
        let tape = Tape::new();
        let x = tape.input_array(&Array::vector(point.clone()));
        let y = match region {
            None => layers(x, depth),
            Some(region) => {
                (0..depth / region).fold(x, |x, _| checkpoint(&[x], |x| layers(x[0], region)))
            }
        };
        let output = tape.id_of(y.dot(y));
        let primal =
            Primal { program: tape.finish(vec![output])?.program, differentiated: 1, split: None };
        let compiled = Compiled::new(primal, false);
        let origin = Origin { point: &point, data: &[] };
        let of = |kind| {
            let plan = &compiled.stage(kind, origin)?.plan;
            Ok(plan.buffer + plan.nested)
        };
        Ok([of(Kind::Gradient)?, of(Kind::Hvp)?])
    }

    #[test]
    fn memory_grows_as_the_root_of_the_depth_for_gradients_and_products() -> Result<(), Error> {
        for which in [0, 1] {
            let plain = [memory(16, None)?[which], memory(256, None)?[which]];
            let checked = [memory(16, Some(4))?[which], memory(256, Some(16))?[which]];
            // Sixteen times the depth: sixteen times the memory, or four times.
            assert!(plain[1] > 12 * plain[0], "{plain:?}");
            assert!(checked[1] < 6 * checked[0], "{checked:?}");
            assert!(checked[1] * 4 < plain[1], "{checked:?} against {plain:?}");
        }
        Ok(())
    }
}
