//! The one way to record: at a point, with settings, and a verb that takes the closure.
//!
//! | file | |
//! |---|---|
//! | `scalars.rs`, `arrays.rs` | the verbs, by what closures take |
//! | `forms.rs` | what closures take and return, as types |
//! | `parts.rs` | what the verbs record |

mod arrays;
mod forms;
mod parts;
mod scalars;

use std::marker::PhantomData;
use std::panic::Location;

pub use forms::{AsArray, Plain, Returned, Scalars, WithAuxiliary, WithData};
use parts::Parts;

use super::composite::Composite;
use super::scalar::Function;
use crate::array::Array;
use crate::compiled::{
    BranchPolicy, IndeterminatePolicy, Likelihood, Primal, Recorded, Settings, Split,
};
use crate::error::Error;
use crate::number::Real;
use crate::parts::Parts as Named;
use crate::tape::Tape;

/// Begins a recording at `x`, in double precision. See [`Record`].
///
/// # Example
///
/// ```
/// use dualtape_autodiff::record;
///
/// let f = record(&[1.0, 2.0]).function(|x| x[0] * x[1].exp())?;
/// assert_eq!(f.gradient(&[3.0, 0.0])?, [1.0, 3.0]);
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
#[track_caller]
pub fn record(x: &[f64]) -> Record<'_> {
    Record::at(x)
}

/// Begins a recording at `x`, in single precision. See [`Record`].
///
/// # Example
///
/// ```
/// use dualtape_autodiff::record_f32;
///
/// let f = record_f32(&[1.0, 2.0]).function(|x| x[0] * x[1].exp())?;
/// assert_eq!(f.gradient(&[3.0, 0.0])?, [1.0_f32, 3.0]);
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
#[track_caller]
pub fn record_f32(x: &[f32]) -> Record<'_, f32> {
    Record::at(x)
}

/// A point to record at, with how what is recorded shall answer: begun by [`record`], ended by a verb that takes the closure.
///
/// | to record | verb | closure |
/// |---|---|---|
/// | a function | `function` | `\|x\|` to a number |
/// | a function with many values | `vector` | `\|x\|` to several numbers, or an array |
/// | a loss of a model's outputs | `composite` | `\|x\|` to the outputs `z`, and `\|z\|` to the loss |
/// | the same, and a penalty | `composite_with_penalty` | the two, and `\|x\|` to the penalty |
/// | a loss of one example of many | `per_example` | `\|x, example\|` to a number |
///
/// `x` comes as a slice of scalars; after [`array`](Self::array) or [`data`](Self::data), as one tensor of rank 1. Data are
/// arrays that come with each evaluation and are not differentiated; closures get them as another argument.
/// With [`auxiliary`](Self::auxiliary), functions and vectors return a second thing beside what is differentiated.
///
/// # What a closure must be
///
/// A function of its arguments: the same values for the same inputs, whenever it is called. It is called when it is recorded,
/// and again, unforeseeably, where another branch is taken. What it counts, draws at random or reads from a clock or a cell is
/// recorded as a constant and stays that of the first call until it is recorded again; nothing notices. Random numbers belong
/// into the data, which [`set_data`](Recorded::set_data) replaces. (`dualtape-testing` has a law that finds closures which are not
/// functions.)
///
/// Printing a handle (`{x}`, `{x:?}`) shows its value while recording and notes nothing, so that printing to find a fault does
/// not change what is recorded; a branch on a printed number is not noticed. [`Var::value`](crate::Var::value) and [`Tensor::data`](crate::Tensor::data) do note that
/// they were read.
///
/// # Errors
///
/// Each verb returns what was refused while the closure recorded, with its source line.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Array, BranchPolicy, record};
///
/// let inputs = Array::new(&[2, 2], vec![1.0, 2.0, 3.0, 4.0])?;
/// let targets = Array::new(&[2, 1], vec![1.0, -1.0])?;
/// let loss = record(&[0.0, 0.0])
///     .data(&[&inputs, &targets])
///     .branches(BranchPolicy::Refuse)
///     .function(|w, data| (data[0].matmul(w.reshape(&[2, 1])) - data[1]).powi(2).mean())?;
/// assert_eq!(loss.value(&[0.0, 0.0])?, 1.0);
/// loss.set_data(1, &Array::new(&[2, 1], vec![3.0, 0.0])?)?;
/// assert_eq!(loss.value(&[0.0, 0.0])?, 4.5);
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "nothing is recorded until a verb is given the closure"]
pub struct Record<'a, S: Real = f64, X = Scalars, A = Plain> {
    x: &'a [S],
    data: &'a [&'a Array<S>],
    likelihood: Option<Likelihood>,
    settings: Settings,
    form: PhantomData<fn() -> (X, A)>,
}

impl<'a, S: Real> Record<'a, S> {
    /// Begins a recording at `x`, in either precision: [`record`] where the number is a parameter.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{Error, Function, Real, Record};
    ///
    /// fn sphere<S: Real>(x: &[S]) -> Result<Function<'static, S>, Error> {
    ///     Record::at(x).array().function(|x| x.powi(2).sum())
    /// }
    /// assert_eq!(sphere(&[1.0_f32, 2.0])?.gradient(&[1.0, 2.0])?, [2.0, 4.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn at(x: &'a [S]) -> Self {
        Self { x, data: &[], likelihood: None, settings: Settings::here(), form: PhantomData }
    }
}

impl<'a, S: Real, A> Record<'a, S, Scalars, A> {
    /// `x` as one tensor of rank 1.
    pub fn array(self) -> Record<'a, S, AsArray, A> {
        self.formed()
    }
}

impl<'a, S: Real, X, A> Record<'a, S, X, A> {
    /// With arrays that come with each evaluation and are not differentiated: the data of a loss. `x` is then a tensor too.
    pub fn data(self, data: &'a [&'a Array<S>]) -> Record<'a, S, WithData, A> {
        Record { data, ..self.formed() }
    }

    /// With arrays, or numbers, that come along with each evaluation and are not differentiated: predictions, statistics of a
    /// batch, what one wants to print or plot. Closures return a pair.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{Array, record};
    ///
    /// let targets = Array::vector(vec![1.0, 2.0]);
    /// let loss = record(&[0.0, 0.0]).data(&[&targets]).auxiliary().function(|w, data| {
    ///     let prediction = w.exp();
    ///     ((prediction - data[0]).powi(2).sum(), vec![prediction])
    /// })?;
    /// let (value, gradient, prediction) = loss.value_gradient_and_auxiliary(&[0.0, 0.0])?;
    /// assert_eq!((value, &gradient[..], &prediction[..]), (1.0, &[0.0, -2.0][..], &[1.0, 1.0][..]));
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    pub fn auxiliary(self) -> Record<'a, S, X, WithAuxiliary> {
        self.formed()
    }

    /// With this distribution of an observation, of which a composition's outputs `z` are the natural parameters: it then has
    /// Fisher products. Other recordings have none.
    pub fn likelihood(mut self, likelihood: impl Into<Option<Likelihood>>) -> Self {
        self.likelihood = likelihood.into();
        self
    }

    /// With this answer to points where another branch is taken than the one recorded; by default it is
    /// [recorded again](BranchPolicy::RecordAgain).
    pub fn branches(mut self, policy: BranchPolicy) -> Self {
        self.settings.branches = policy;
        self
    }

    /// With this answer to points at which a derivative is indeterminate; by default it is [refused](IndeterminatePolicy::Refuse).
    pub fn indeterminate(mut self, policy: IndeterminatePolicy) -> Self {
        self.settings.indeterminate = policy;
        self
    }

    /// On this many threads where several products are evaluated at one point, and so for matrices; by default on the calling one
    /// alone. Results have the same bits on any number of threads.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{record, scalar_loss};
    ///
    /// let x: Vec<f64> = (0..40).map(|i| 1.0 + 0.1 * f64::from(i)).collect();
    /// let loss = scalar_loss(|x| x.windows(2).map(|w| (w[0] * w[1]).sin()).sum());
    /// let alone = record(&x).function(&loss)?.hessian(&x)?;
    /// assert_eq!(record(&x).threads(2).function(&loss)?.hessian(&x)?, alone);
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    pub fn threads(mut self, threads: usize) -> Self {
        self.settings.threads = threads.max(1);
        self
    }

    /// Of inputs that are called so: a [`Part`](crate::parts::Part) of a vector of other names or shapes is refused then, even if
    /// that is as long. The objectives of `dualtape-layers` have the names of their network.
    ///
    /// The verbs return [`Error::Length`] if the parts are not of as many inputs as there are.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{Error, parts::Parts, record};
    ///
    /// let parts = Parts::new([("weight", vec![2]), ("bias", vec![1])]);
    /// let f = record(&[1.0; 3]).parts(&parts).function(|x| x[0] * x[0] + x[1] * x[2])?;
    /// let at = f.linearize(&[1.0; 3])?;
    /// assert_eq!(at.hessian_block(parts.get("weight")?)?.as_slice(), [2.0, 0.0, 0.0, 0.0]);
    ///
    /// let others = Parts::new([("weight", vec![1]), ("scale", vec![2])]);
    /// let error = at.hessian_block(others.get("weight")?).unwrap_err();
    /// assert!(matches!(error, Error::ForeignPart { dim: 3, got: 3, .. }));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn parts(mut self, parts: &Named) -> Self {
        self.settings.parts = Some(parts.clone());
        self
    }

    /// The same with other closures.
    fn formed<Y, B>(self) -> Record<'a, S, Y, B> {
        let Self { x, data, likelihood, settings, .. } = self;
        Record { x, data, likelihood, settings, form: PhantomData }
    }

    fn recorded<'f>(
        &self,
        recorder: impl Fn(Tape<S>, &[S], &[Array<S>]) -> Result<Primal<S>, Error> + Send + Sync + 'f,
    ) -> Result<Recorded<'f, S>, Error> {
        Recorded::new(self.x, self.data, self.settings.clone(), recorder)
    }

    /// A composition, recorded as a whole and in parts.
    fn composed<'f>(
        &self,
        parts: impl Fn(
            Tape<S>,
            &'static Location<'static>,
            &[S],
            &[Array<S>],
        ) -> Result<Parts<S>, Error>
        + Send
        + Sync
        + 'f,
    ) -> Result<Composite<'f, S>, Error> {
        let (likelihood, at) = (self.likelihood, self.settings.at);
        let recorded = self.recorded(move |tape, x, data| {
            let Parts { whole, inner, outer, penalty, z } = parts(tape, at, x, data)?;
            let log_partition = likelihood.map(|likelihood| likelihood.record(&z)).transpose()?;
            let split = Split { inner, outer, log_partition, penalty };
            Ok(Primal { program: whole, differentiated: 1, split: Some(split) })
        })?;
        Ok(Composite::new(Function::new(recorded)))
    }
}
