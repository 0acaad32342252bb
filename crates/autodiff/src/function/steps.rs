//! Taking a recorded function apart: its instructions, and each of their results as a function of its own.

use std::panic::Location;

use super::scalar::Function;
use crate::array::{Array, size};
use crate::compiled::{BranchPolicy, Primal, Recorded, Settings, Source, data, inputs_like};
use crate::error::{Error, check_length};
use crate::number::Real;
use crate::program::Id;
use crate::tape::{Tape, Value, Var, emit};

/// One instruction of a recording, as the user's code asked for it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Step {
    /// What it does, with its constants.
    pub operation: String,
    /// The instructions on whose results it works, by number.
    pub operands: Vec<usize>,
    /// The shape of its result; empty for a scalar.
    pub shape: Vec<usize>,
}

impl<S: Real> Recorded<'_, S> {
    /// The instructions that the closure records at `x`, in order, inputs and constants included: what is then simplified.
    ///
    /// With [`up_to`](Self::up_to) a tool can ask where in a program something first happens.
    ///
    /// # Errors
    ///
    /// What was refused when the closure had to be recorded.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::record;
    ///
    /// let f = record(&[2.0, 3.0]).function(|x| x[0].sin() * x[1])?;
    /// let steps = f.steps(&[2.0, 3.0])?;
    /// assert_eq!((steps[2].operation.as_str(), &steps[2].operands[..]), ("sin", &[0][..]));
    /// // The sine on its own, weighted with 10.
    /// let sine = f.up_to(&[2.0, 3.0], &[(2, vec![10.0])])?;
    /// assert_eq!(sine.gradient(&[0.0, 3.0])?, [10.0, 0.0]);
    /// assert!(f.step_line(&[2.0, 3.0], 2)?.is_some());
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    pub fn steps(&self, x: &[S]) -> Result<Vec<Step>, Error> {
        check_length("the point", x, self.dim())?;
        let program = self.recorded_on(Tape::new(), x)?;
        let step = |id: Id| {
            let mut operands = Vec::new();
            program.operands(id, |x| operands.push(x as usize));
            Step { operation: program.operation(id), operands, shape: program.shape(id).to_vec() }
        };
        Ok((0..program.len() as Id).map(step).collect())
    }

    /// The line of the user's code that asked for instruction `step` of the recording at `x`; `None` if it is not known.
    ///
    /// # Errors
    ///
    /// What was refused when the closure had to be recorded; [`Error::NoSuchStep`].
    pub fn step_line(
        &self,
        x: &[S],
        step: usize,
    ) -> Result<Option<&'static Location<'static>>, Error> {
        self.check_step(step, x)?;
        self.source_line(x, step as Id)
    }

    /// The function `x ↦ Σᵢ weights[i]·yᵢ` of the elements `y` of the result of an instruction of the recording at `x`, or the
    /// sum of these for several instructions, given by number with their weights: this function cut off there. It is recorded
    /// again where a branch changes, whatever this one does.
    ///
    /// # Errors
    ///
    /// What was refused when the closure had to be recorded; [`Error::NoSuchStep`]; [`Error::Length`] if there is not one weight for each element.
    pub fn up_to(&self, x: &[S], results: &[(usize, Vec<S>)]) -> Result<Function<'_, S>, Error> {
        let last = results.iter().map(|(step, _)| *step).max().unwrap_or(0);
        self.check_step(last, x)?;
        let results = results.to_vec();
        let arrays = self.state().data;
        let arrays: Vec<&Array<S>> = arrays.iter().collect();
        // Where this function would refuse another branch, its results are still asked for one by one.
        let settings = Settings { branches: BranchPolicy::RecordAgain, ..self.settings.clone() };
        let recorded = Recorded::new(x, &arrays, settings, move |tape, x, arrays| {
            let program = self.recorded_on(Tape::new(), x)?;
            let count = program.len();
            if last >= count {
                return Err(Error::NoSuchStep { step: last, count });
            }
            let point = inputs_like(&tape, &program, &program.inputs, x);
            let values = emit(&program, &tape, &point, &data(&tape, arrays));
            let weighted = |(step, weights): &(usize, Vec<S>)| {
                let shape = program.shape(*step as Id);
                check_length("the weights of a result", weights, size(shape))?;
                Ok(match values[*step] {
                    Value::Scalar(y) => y * Var::from_value(weights[0]),
                    Value::Array(y) => {
                        let weights = Array::from_shared(shape, weights.clone().into());
                        (y * tape.constant(&weights)).sum()
                    }
                })
            };
            let terms = results.iter().map(weighted).collect::<Result<Vec<_>, Error>>()?;
            let output = tape.id_of(terms.into_iter().sum());
            let program = tape.finish(vec![output])?.program;
            Ok(Primal { program, differentiated: 1, split: None })
        })?;
        Ok(Function::new(recorded))
    }

    fn check_step(&self, step: usize, x: &[S]) -> Result<(), Error> {
        check_length("the point", x, self.dim())?;
        let count = self.recorded_on(Tape::new(), x)?.len();
        if step < count { Ok(()) } else { Err(Error::NoSuchStep { step, count }) }
    }
}
