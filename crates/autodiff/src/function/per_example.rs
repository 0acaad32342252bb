//! Gradients of a loss for each example of a data set, from one batched program.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use super::scalar::Function;
use crate::array::Array;
use crate::compiled::{
    IndeterminatePolicy, LaneProgram, LaneWorkspace, Matrix, Origin, gradient_program,
};
use crate::error::{Error, check_length};
use crate::number::Real;
use crate::program::Program;
use crate::tape::{Tape, Tensor, Var};

/// A loss of one example, with its value and gradient for every example of a data set.
///
/// The closure is recorded once, for the first example, and its gradient program is batched: operations on the examples
/// take them along a leading axis, and what depends on the parameters alone is computed once. So this costs far less than
/// a gradient for each example, and only a few times their mean.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Array, PerExample};
///
/// // Squared errors of a straight line at three points.
/// let x = Array::vector(vec![0.0, 1.0, 2.0]);
/// let y = Array::vector(vec![1.0, 1.0, 4.0]);
/// let errors = PerExample::<f64>::record(&[1.0, 1.0], &[&x, &y], |line, example| {
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
    data: Vec<Array<S>>,
    /// Loss and gradient of one example.
    gradient: Program<S>,
    program: LaneProgram<S>,
    policy: IndeterminatePolicy,
    workspaces: Mutex<Vec<LaneWorkspace<S>>>,
}

impl<'f, S: Real> PerExample<'f, S> {
    /// Records a loss of parameters `theta`, given to the closure as a rank-1 tensor, and of one example: of each data
    /// array one row, without its first axis, which is the one of the examples.
    ///
    /// # Errors
    ///
    /// [`Error::Examples`] if the arrays do not have the same number of examples, at least one; and what was refused while
    /// `f` recorded, with its source line.
    #[track_caller]
    pub fn record<F>(theta: &[S], data: &[&Array<S>], f: F) -> Result<Self, Error>
    where
        F: for<'t> Fn(Tensor<'t, S>, &[Tensor<'t, S>]) -> Var<'t, S> + Send + Sync + 'f,
    {
        let counts: Vec<Option<usize>> =
            data.iter().map(|array| array.shape().first().copied()).collect();
        let examples = match counts.first() {
            Some(&Some(n)) if n > 0 && counts.iter().all(|&count| count == Some(n)) => n,
            _ => return Err(Error::Examples { counts }),
        };
        let first = rows(data.iter().copied(), 0);
        let primal = record_once(theta, &first, &f)?.simplified();
        let origin = Origin { point: theta, data: &first };
        let gradient =
            gradient_program(Tape::deriving([&primal]), &primal, origin)?.program.simplified();
        let data: Vec<Array<S>> = data.iter().map(|&array| array.clone()).collect();
        let program = LaneProgram::examples(&gradient, examples, theta, &data)?;
        let first: Vec<&Array<S>> = first.iter().collect();
        let single = Function::record_tensor(theta, &first, f)?;
        let policy = IndeterminatePolicy::default();
        Ok(Self { single, data, gradient, program, policy, workspaces: Mutex::default() })
    }

    /// The same function, with another answer to points at which a derivative is indeterminate.
    ///
    /// # Errors
    ///
    /// What is refused when the derivative is recorded anew.
    ///
    /// # Example
    ///
    /// See [`IndeterminatePolicy`].
    pub fn with_indeterminate_policy(mut self, policy: IndeterminatePolicy) -> Result<Self, Error> {
        let gradient = match policy {
            IndeterminatePolicy::Absorb => {
                self.gradient.clone().with_absorbing_zeros().simplified()
            }
            _ => self.gradient.clone(),
        };
        let origin = vec![S::zero(); self.dim()];
        self.program = LaneProgram::examples(&gradient, self.examples(), &origin, &self.data)?;
        self.single = self.single.with_indeterminate_policy(policy);
        self.policy = policy;
        self.workspaces = Mutex::default();
        Ok(self)
    }

    /// Number of examples.
    pub fn examples(&self) -> usize {
        self.program.lanes()
    }

    /// Number of parameters.
    pub fn dim(&self) -> usize {
        self.single.dim()
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
        let workspaces = || self.workspaces.lock().unwrap_or_else(PoisonError::into_inner);
        let mut workspace = workspaces().pop().unwrap_or_default();
        let origin = Origin { point: theta, data: &self.data };
        let held = self.program.evaluate(&mut workspace, origin).is_ok();
        if held {
            self.program.read(&workspace, origin, 0..1, |i, _, value| values[i] = value);
            let components = 1..self.program.outputs();
            self.program.read(&workspace, origin, components, |i, k, component| {
                gradients[i * dim + k] = component;
            });
        }
        workspaces().push(workspace);
        let clear = self.policy == IndeterminatePolicy::Absorb
            || !gradients.iter().any(|component| component.is_nan());
        if held && clear { Ok(()) } else { self.one_by_one(theta, values, gradients) }
    }

    /// Replaces data array number `index` by another of the same shape; nothing is recorded again.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchData`], or [`Error::DataShape`].
    pub fn set_data(&mut self, index: usize, array: &Array<S>) -> Result<(), Error> {
        let count = self.data.len();
        let Some(old) = self.data.get_mut(index) else {
            return Err(Error::NoSuchData { index, count });
        };
        if old.shape() != array.shape() {
            let (expected, got) = (old.shape().to_vec(), array.shape().to_vec());
            return Err(Error::DataShape { index, expected, got });
        }
        *old = array.clone();
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
            *value = self.single.value_and_gradient(theta, gradient)?;
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

#[track_caller]
fn record_once<S: Real, F>(theta: &[S], data: &[Array<S>], f: F) -> Result<Program<S>, Error>
where
    F: for<'t> Fn(Tensor<'t, S>, &[Tensor<'t, S>]) -> Var<'t, S>,
{
    let tape = Tape::new();
    let input = tape.input_array(&Array::vector(theta.to_vec()));
    let data: Vec<_> =
        data.iter().enumerate().map(|(slot, array)| tape.data(slot, array)).collect();
    let output = tape.id_of(f(input, &data));
    Ok(tape.finish(vec![output])?.program)
}

impl<S: Real> fmt::Debug for PerExample<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PerExample({} examples, {} parameters)", self.examples(), self.dim())
    }
}
