//! Gradients of a loss for each example of a data set, from one batched program.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use super::scalar::Function;
use crate::array::Array;
use crate::compiled::{
    IndeterminatePolicy, Kind, LaneProgram, LaneWorkspace, Matrix, Origin, Recorded, State,
    replaced,
};
use crate::error::{Error, check_length};
use crate::number::Real;
use crate::pool::Pool;

/// A loss of one example, with its value and gradient for every example of a data set.
///
/// The closure is recorded once, for the first example, and its gradient program is batched: operations on the examples
/// take them along a leading axis, and what depends on the parameters alone is computed once. So this costs far less than
/// a gradient for each example, and only a few times their mean.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Array, record};
///
/// // Squared errors of a straight line at three points.
/// let x = Array::vector(vec![0.0, 1.0, 2.0]);
/// let y = Array::vector(vec![1.0, 1.0, 4.0]);
/// let errors = record(&[1.0, 1.0]).data(&[&x, &y]).per_example(|line, example| {
///     let (x, y) = (example[0].to_var(), example[1].to_var());
///     (line.get(0) + line.get(1) * x - y).powi(2)
/// })?;
/// let (values, gradients) = errors.values_and_gradients(&[1.0, 1.0])?;
/// assert_eq!(values, [0.0, 1.0, 1.0]);
/// assert_eq!(gradients.as_slice(), [0.0, 0.0, 2.0, 2.0, -2.0, -4.0]);
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
pub struct PerExample<'f, S: Real = f64> {
    /// The loss of one example, for examples that take another branch than the first.
    single: Function<'f, S>,
    data: Arc<[Array<S>]>,
    program: LaneProgram<S>,
    workspaces: Pool<LaneWorkspace<S>>,
}

impl<'f, S: Real> PerExample<'f, S> {
    /// The first example of each array.
    pub(crate) fn first(data: &[&Array<S>]) -> Result<Vec<Array<S>>, Error> {
        let counts: Vec<Option<usize>> =
            data.iter().map(|array| array.shape().first().copied()).collect();
        match counts.first() {
            Some(&Some(n)) if n > 0 && counts.iter().all(|&count| count == Some(n)) => {
                Ok(rows(data.iter().copied(), 0))
            }
            _ => Err(Error::Examples { counts }),
        }
    }

    /// The loss as it was recorded for the first example, for all of them.
    pub(crate) fn new(
        single: Function<'f, S>,
        theta: &[S],
        data: &[&Array<S>],
    ) -> Result<Self, Error> {
        let State { compiled, data: first } = single.recorded.state();
        let gradient = compiled.stage(Kind::Gradient, Origin { point: theta, data: &first })?;
        let data: Arc<[Array<S>]> = data.iter().map(|&array| array.clone()).collect();
        let examples = data[0].shape()[0];
        let program = LaneProgram::examples(&gradient.program, examples, theta, &data)?;
        Ok(Self { single, data, program, workspaces: Pool::default() })
    }

    /// Number of examples.
    pub fn examples(&self) -> usize {
        self.program.lanes()
    }

    /// The loss of each example at `theta`, and its gradient in row `i` of a matrix `[examples, dim]`.
    ///
    /// Complexity: about that of the gradient of the mean, and writing the matrix.
    ///
    /// # Errors
    ///
    /// [`Error::Length`]; and what was refused if the loss had to be recorded again.
    pub fn values_and_gradients(&self, theta: &[S]) -> Result<(Vec<S>, Matrix<S>), Error> {
        let (n, dim) = (self.examples(), self.dim());
        let (mut values, mut gradients) = (vec![S::zero(); n], vec![S::zero(); n * dim]);
        self.values_and_gradients_into(theta, &mut values, &mut gradients)?;
        Ok((values, Matrix::from_rows(n, dim, gradients)))
    }

    /// As [`values_and_gradients`](Self::values_and_gradients), written to slices. Allocates nothing after the first call
    /// while all examples take the recorded branch.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn values_and_gradients_into(
        &self,
        theta: &[S],
        values: &mut [S],
        gradients: &mut [S],
    ) -> Result<(), Error> {
        let (n, dim) = (self.examples(), self.dim());
        check_length("the parameters", theta, dim)?;
        check_length("the values", values, n)?;
        check_length("the gradients", gradients, n * dim)?;
        let mut workspace = self.workspaces.take().unwrap_or_default();
        let origin = Origin { point: theta, data: &self.data };
        let held = self.program.evaluate(&mut workspace, origin).is_ok();
        if held {
            self.program.read(&workspace, origin, 0..1, |i, _, value| values[i] = value);
            let components = 1..self.program.outputs();
            self.program.read(&workspace, origin, components, |i, k, component| {
                gradients[i * dim + k] = component;
            });
        }
        self.workspaces.give_back(workspace);
        let clear = self.settings.indeterminate == IndeterminatePolicy::Absorb
            || !gradients.iter().any(|component| component.is_nan());
        if held && clear { Ok(()) } else { self.one_by_one(theta, values, gradients) }
    }

    /// Replaces data array number `index`, of all examples, by another of the same shape; nothing is recorded again.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchData`], or [`Error::DataShape`].
    pub fn set_data(&mut self, index: usize, array: &Array<S>) -> Result<(), Error> {
        self.data = replaced(&self.data, index, array)?;
        Ok(())
    }

    /// Each example by itself, recorded again where it takes another branch.
    fn one_by_one(&self, theta: &[S], values: &mut [S], gradients: &mut [S]) -> Result<(), Error> {
        let dim = self.dim();
        for (example, value) in values.iter_mut().enumerate() {
            for (slot, row) in rows(self.data.iter(), example).iter().enumerate() {
                self.single.set_data(slot, row)?;
            }
            let gradient = &mut gradients[example * dim..(example + 1) * dim];
            *value = self.single.value_and_gradient_into(theta, gradient)?;
        }
        Ok(())
    }
}

/// Row `example` of each array.
fn rows<'a, S: Real>(data: impl Iterator<Item = &'a Array<S>>, example: usize) -> Vec<Array<S>> {
    data.map(|array| {
        let shape = &array.shape()[1..];
        let length = crate::array::size(shape);
        let row = array.data()[example * length..(example + 1) * length].to_vec();
        Array::from_shared(shape, row.into())
    })
    .collect()
}

/// The loss of one example: what its instructions are, whether it is smooth.
impl<'f, S: Real> Deref for PerExample<'f, S> {
    type Target = Recorded<'f, S>;

    fn deref(&self) -> &Recorded<'f, S> {
        &self.single
    }
}

impl<S: Real> fmt::Debug for PerExample<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PerExample({} examples, {} parameters)", self.examples(), self.dim())
    }
}
