//! What an optimizer sees of a step: the objective on one batch.

use std::cell::RefCell;

use dualtape_autodiff::{Array, Function, Real, numbers::vectorized, parts::Parts};

use crate::data::{Dataset, to_f64};
use crate::errors::Error;

use super::objective::{Recording, Supervised};
use super::optimizer::OptimizerError;

/// How gradients that are too long are shortened.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Clip {
    /// `g·min(1, bound/‖g‖₂)`, over all parameters together.
    Norm(f64),
    /// Each component to `[−bound, bound]`.
    Value(f64),
}

/// The objective on one batch of examples, with the random numbers of one step: a function of the parameters that are not
/// frozen.
///
/// It is the same function all through the step, so that a method may evaluate it at several points, and its curvature
/// belongs to its gradient.
#[derive(Debug)]
pub struct Batch<'a, S: Real> {
    recording: &'a Recording<'a, S>,
    parts: &'a Parts,
    rows: usize,
    clip: Option<Clip>,
    /// Where gradients are written: the loop's, which keeps it from step to step.
    scratch: &'a RefCell<Vec<S>>,
    first: RefCell<Option<Observation<S>>>,
}

/// What the first gradient of a step told.
#[derive(Debug)]
pub(super) struct Observation<S> {
    /// The model's outputs, and then the buffers that it updates, if they are known.
    pub auxiliary: Option<Vec<S>>,
    /// The objective, if that gradient was asked for with it.
    pub value: Option<S>,
    /// Of each trained parameter the sum of the squares of its derivatives, before clipping.
    pub squares: Vec<f64>,
}

impl<'a, S: Real> Batch<'a, S> {
    pub(super) fn new(
        recording: &'a Recording<'a, S>,
        parts: &'a Parts,
        rows: usize,
        clip: Option<Clip>,
        scratch: &'a RefCell<Vec<S>>,
    ) -> Self {
        Self { recording, parts, rows, clip, scratch, first: RefCell::default() }
    }

    /// Number of examples.
    #[expect(clippy::len_without_is_empty, reason = "a batch is never empty")]
    pub fn len(&self) -> usize {
        self.rows
    }

    /// What the parameters are called that the objective is a function of: those that are not frozen.
    pub fn parts(&self) -> &'a Parts {
        self.parts
    }

    /// The objective as a recorded function, with its derivatives of any order. Gradients from here are not clipped.
    pub fn function(&self) -> &'a Function<'a, S> {
        &self.recording.function
    }

    /// The objective at `theta`, with its gradient, clipped if the training clips, written to `gradient`.
    ///
    /// # Errors
    ///
    /// [`Error::Autodiff`].
    pub fn value_and_gradient_into(&self, theta: &[S], gradient: &mut [S]) -> Result<S, Error> {
        let mut auxiliary = vec![S::zero(); self.recording.auxiliary_len()];
        let function = &self.recording.function;
        let value = function.value_gradient_and_auxiliary_into(theta, gradient, &mut auxiliary)?;
        self.first.borrow_mut().get_or_insert_with(|| Observation {
            auxiliary: Some(auxiliary),
            value: Some(value),
            squares: self.parts.iter().map(|part| squares(&gradient[part.range()])).collect(),
        });
        if let Some(clip) = self.clip {
            clip.apply(gradient);
        }
        Ok(value)
    }

    /// One step of a method that moves with each gradient: calls `update(theta, gradient)` with the gradient at `theta`, as
    /// [`value_and_gradient_into`](Self::value_and_gradient_into) has it, and returns the objective as it was before. The gradient's
    /// memory is kept from step to step.
    ///
    /// Nothing is updated where the objective is not finite: the training loop will report it.
    ///
    /// # Errors
    ///
    /// [`Error::Autodiff`], and what `update` refuses.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_layers::{Activation, Batch, Dataset, Network, Trainer, mean_squared_error, perceptron, table};
    /// use rand::{SeedableRng, rngs::ChaCha8Rng};
    ///
    /// let data = Dataset::new(table(&[[0.0], [1.0], [2.0]])?, table(&[[1.0], [3.0], [5.0]])?)?;
    /// let line = perceptron(1, 1, Activation::Identity);
    /// let mut network = Network::new(line, &mut ChaCha8Rng::seed_from_u64(1))?;
    /// // descent with the signs of the derivatives
    /// let mut rate = 0.5;
    /// let mut signs = |batch: &Batch<'_, f64>, theta: &mut [f64]| {
    ///     rate *= 0.97;
    ///     batch.update(theta, |theta, gradient| {
    ///         theta.iter_mut().zip(gradient).for_each(|(x, g)| *x -= rate * g.signum());
    ///         Ok(())
    ///     })
    /// };
    /// Trainer::new(mean_squared_error).epochs(200).fit(&mut network, &mut signs, &data)?;
    /// assert!((network.predict(&table(&[[10.0]])?)?.data()[0] - 21.0).abs() < 0.1);
    /// # Ok::<(), dualtape_layers::Error>(())
    /// ```
    pub fn update(
        &self,
        theta: &mut [S],
        update: impl FnOnce(&mut [S], &[S]) -> Result<(), OptimizerError>,
    ) -> Result<S, OptimizerError> {
        let mut gradient = self.scratch.take();
        gradient.resize(theta.len(), S::zero());
        let value = self.value_and_gradient_into(theta, &mut gradient)?;
        let updated = if value.is_finite() { update(theta, &gradient) } else { Ok(()) };
        self.scratch.replace(gradient);
        updated.map(|()| value)
    }

    /// What the first gradient told; where none was asked for, what outputs and buffers are at `theta`, if it is given.
    pub(super) fn observation(self, theta: Option<&[S]>) -> Result<Observation<S>, Error> {
        if let Some(observation) = self.first.into_inner() {
            return Ok(observation);
        }
        let evaluate = |theta| {
            let mut auxiliary = vec![S::zero(); self.recording.auxiliary_len()];
            self.recording.function.value_and_auxiliary_into(theta, &mut auxiliary)?;
            Ok::<_, Error>(auxiliary)
        };
        let auxiliary = theta.map(evaluate).transpose()?;
        Ok(Observation { auxiliary, value: None, squares: Vec::new() })
    }
}

impl Clip {
    pub(super) fn check(self) -> Result<(), Error> {
        let (Self::Norm(bound) | Self::Value(bound)) = self;
        let usable = bound > 0.0;
        if usable {
            Ok(())
        } else {
            Err(Error::Setting { what: "the bound of clipping", needed: "positive", value: bound })
        }
    }

    fn apply<S: Real>(self, gradient: &mut [S]) {
        match self {
            Self::Norm(bound) => {
                let norm = squares(gradient).sqrt();
                if norm > bound {
                    let factor = S::constant(bound / norm);
                    gradient.iter_mut().for_each(|g| *g *= factor);
                }
            }
            Self::Value(bound) => {
                let bound = S::constant(bound);
                gradient.iter_mut().for_each(|g| *g = g.clamp(-bound, bound));
            }
        }
    }
}

/// `‖x‖²`, in double precision, in as many sums as a processor can keep in vectors.
fn squares<S: Real>(x: &[S]) -> f64 {
    let square = |x: S| to_f64(x).powi(2);
    let (chunks, rest) = x.as_chunks::<16>();
    let sums = vectorized(|| {
        let mut sums = [0.0; 16];
        for chunk in chunks {
            for (sum, &x) in sums.iter_mut().zip(chunk) {
                *sum += square(x);
            }
        }
        sums
    });
    sums.iter().sum::<f64>() + rest.iter().map(|&x| square(x)).sum::<f64>()
}

/// So many recordings are kept: a run over sequences of any length must not fill the memory with them.
const MOST_RECORDINGS: usize = 16;

/// Recordings of one objective, one for each shape of a batch, those used last first.
#[derive(Debug)]
pub(super) struct Recordings<'f, S: Real> {
    pub objective: Supervised<'f, S>,
    recorded: Vec<(Shapes, Recording<'f, S>)>,
}

/// Of all arrays that an evaluation is given.
type Shapes = Vec<Vec<usize>>;

impl<'f, S: Real> Recordings<'f, S> {
    pub(super) fn new(objective: Supervised<'f, S>) -> Self {
        Self { objective, recorded: Vec::new() }
    }

    /// The objective on these data, with these buffers and the random numbers of this step. A shape of data that was seen
    /// before is not recorded again.
    pub(super) fn at(
        &mut self,
        data: &Dataset<S>,
        buffers: &Array<S>,
        step: u64,
    ) -> Result<&Recording<'f, S>, Error> {
        let mut arrays = self.objective.arrays(data, buffers);
        let shapes = arrays.shapes();
        match self.recorded.iter().position(|(of, _)| *of == shapes) {
            Some(index) => self.recorded[..=index].rotate_right(1),
            None => {
                let recording = self.objective.record(data)?;
                self.recorded.truncate(MOST_RECORDINGS - 1);
                self.recorded.insert(0, (shapes, recording));
            }
        }
        let (_, recording) = &self.recorded[0];
        arrays.noise = self.objective.noise(&recording.demands, step);
        for (slot, array) in arrays.laid_out().iter().enumerate() {
            recording.function.set_data(slot, array)?;
        }
        Ok(recording)
    }
}

impl<S: Real> Recording<'_, S> {
    /// Whether anything is to be learnt from the auxiliary entries: the outputs if they are wanted, or buffers.
    pub(super) fn is_told(&self, outputs: bool) -> bool {
        outputs || !self.updated.is_empty()
    }

    pub(super) fn outputs_len(&self) -> usize {
        self.outputs.iter().product()
    }

    fn auxiliary_len(&self) -> usize {
        self.outputs_len() + self.updated.iter().map(std::ops::Range::len).sum::<usize>()
    }

    /// The outputs among the auxiliary entries.
    pub(super) fn outputs(&self, auxiliary: &[S]) -> Result<Array<S>, Error> {
        Ok(Array::new(&self.outputs, auxiliary[..self.outputs_len()].to_vec())?)
    }

    /// Writes the buffers among the auxiliary entries to their places.
    pub(super) fn update(&self, auxiliary: &[S], buffers: &mut [S]) {
        let mut rest = &auxiliary[self.outputs_len()..];
        for range in &self.updated {
            let (values, after) = rest.split_at(range.len());
            buffers[range.clone()].copy_from_slice(values);
            rest = after;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::{Activation, perceptron};
    use crate::losses::mean_squared_error;

    /// One of 40 lengths after the other, and back: each has its own value, and no more are kept than may be.
    #[test]
    fn a_bounded_number_of_recordings_is_kept() {
        let model = perceptron(1, 1, Activation::Identity);
        let objective = Supervised::new(model, mean_squared_error).unwrap();
        let mut recordings = Recordings::new(objective);
        let buffers = Array::vector(Vec::<f64>::new());
        for n in (1..=40).chain((1..40).rev()) {
            let column = |f: fn(f64) -> f64| {
                Array::new(&[n, 1], (0..n).map(|i| f(i as f64)).collect()).unwrap()
            };
            let data = Dataset::new(column(|x| x), column(|x| 2.0 * x + 1.0)).unwrap();
            let recording = recordings.at(&data, &buffers, 0).unwrap();
            // (2x + 1 − (2x + 0.5))²
            assert_eq!(recording.function.value(&[2.0, 0.5]).unwrap(), 0.25);
            assert!(recordings.recorded.len() <= MOST_RECORDINGS);
        }
        assert_eq!(recordings.recorded.len(), MOST_RECORDINGS);
    }
}
