//! The core of everything that is recorded once and evaluated often.

use std::borrow::Cow;
use std::fmt;
use std::panic::Location;
use std::sync::{Arc, PoisonError, RwLock};

use super::cache::{Compiled, Kind, Primal};
use super::derived::Origin;
use super::evaluated::Evaluated;
use super::indeterminate::{IndeterminatePolicy, Source};
use super::linearized::Frozen;
use super::memory::Memory;
use super::stage::Stage;
use crate::array::{Array, size};
use crate::error::{Error, check_length};
use crate::number::{Real, compiled_here};
use crate::parts::Parts;
use crate::pool::Pool;
use crate::program::{Arguments, Program, Workspace};
use crate::tape::Tape;

/// Records a closure on an empty tape at a point, with these data.
type Closure<'f, S> =
    dyn Fn(Tape<S>, &[S], &[Array<S>]) -> Result<Primal<S>, Error> + Send + Sync + 'f;

/// What to do at a point where a function takes another branch than the one recorded, or reads another value.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{BranchPolicy, Error, record, scalar_loss};
///
/// let loss = scalar_loss(|x| if x[0] > 0.0 { x[0].powi(2) } else { -x[0] });
/// let f = record(&[1.0]).function(&loss)?;
/// assert_eq!(f.gradient(&[-1.0])?, [-1.0]);
/// let f = record(&[1.0]).branches(BranchPolicy::Refuse).function(&loss)?;
/// assert!(matches!(f.gradient(&[-1.0]), Err(Error::BranchChanged { .. })));
/// assert_eq!(f.gradient(&[2.0])?, [4.0]);
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum BranchPolicy {
    /// Record the function again there.
    #[default]
    RecordAgain,
    /// Return [`Error::BranchChanged`] or [`Error::ValueEscaped`].
    Refuse,
}

/// What is recorded once and evaluated often, whatever it is a recording of: a [`Function`](crate::Function), a
/// [`VectorFunction`](crate::VectorFunction), a [`Composite`](crate::Composite) or a [`PerExample`](crate::PerExample) is one, and
/// has these methods.
///
/// It holds the closure, which can make another recording where the first is not the function, and memory to evaluate in.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::record;
///
/// let polar = record(&[1.0, 0.0]).vector(|x| vec![x[0] * x[1].cos(), x[0] * x[1].sin()])?;
/// assert_eq!(polar.dim(), 2);
/// assert!(polar.unused_inputs(&[1.0, 0.0])?.is_empty());
/// assert!(polar.to_string().contains("cos %1"));
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
pub struct Recorded<'f, S: Real> {
    recorder: Box<Closure<'f, S>>,
    state: RwLock<State<S>>,
    memories: Pool<Memory<S>>,
    dim: usize,
    pub(crate) settings: Settings,
}

/// How something recorded answers.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Where the user asked for the recording.
    pub at: &'static Location<'static>,
    /// On how many threads several products are evaluated.
    pub threads: usize,
    pub branches: BranchPolicy,
    pub indeterminate: IndeterminatePolicy,
    /// What the entries of the point are called, if that was said.
    pub parts: Option<Parts>,
}

impl Settings {
    /// The default ones, of what is recorded at the line that calls.
    #[track_caller]
    pub(crate) fn here() -> Self {
        Self {
            at: Location::caller(),
            threads: 1,
            branches: BranchPolicy::default(),
            indeterminate: IndeterminatePolicy::default(),
            parts: None,
        }
    }

    fn absorbs(&self) -> bool {
        self.indeterminate == IndeterminatePolicy::Absorb
    }
}

/// The recording in use, with the data that comes with each evaluation.
#[derive(Clone)]
pub(crate) struct State<S> {
    pub compiled: Arc<Compiled<S>>,
    pub data: Arc<[Array<S>]>,
}

impl<'f, S: Real> Recorded<'f, S> {
    pub(crate) fn new(
        x: &[S],
        data: &[&Array<S>],
        settings: Settings,
        recorder: impl Fn(Tape<S>, &[S], &[Array<S>]) -> Result<Primal<S>, Error> + Send + Sync + 'f,
    ) -> Result<Self, Error> {
        if let Some(got) = settings.parts.as_ref().map(Parts::dim).filter(|&dim| dim != x.len()) {
            return Err(Error::Length { what: "the vector of the parts", expected: x.len(), got });
        }
        let data: Arc<[Array<S>]> = data.iter().map(|&array| array.clone()).collect();
        let primal = recorder(Tape::opened(settings.at), x, &data)?;
        let compiled = compiled_here!(
            compile,
            fn(Primal<S>, &[S], &Settings) -> Result<Arc<Compiled<S>>, Error>
        )(primal, x, &settings)?;
        Ok(Self {
            recorder: Box::new(recorder),
            state: RwLock::new(State { compiled, data }),
            memories: Pool::default(),
            dim: x.len(),
            settings,
        })
    }

    /// Number of inputs.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// What the inputs are called, if that was [said](crate::Record::parts).
    pub fn parts(&self) -> Option<&Parts> {
        self.settings.parts.as_ref()
    }

    /// Replaces data array number `index` by another of the same shape; nothing is recorded again.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchData`], or [`Error::DataShape`].
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{Array, record};
    ///
    /// let y = Array::vector(vec![1.0, 3.0]);
    /// let errors = record(&[0.0]).data(&[&y]).vector(|x, data| x.get(0) - data[0])?;
    /// assert_eq!(errors.values(&[1.0])?, [0.0, -2.0]);
    /// errors.set_data(0, &Array::vector(vec![2.0, 5.0]))?;
    /// assert_eq!(errors.values(&[1.0])?, [-1.0, -4.0]);
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    pub fn set_data(&self, index: usize, array: &Array<S>) -> Result<(), Error> {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.data = replaced(&state.data, index, array)?;
        Ok(())
    }

    /// Number of instructions of the recording in use.
    pub fn instructions(&self) -> usize {
        self.state().compiled.primal().len()
    }

    pub(crate) fn state(&self) -> State<S> {
        self.state.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Evaluates a stage at `x` and reads from it.
    pub(crate) fn read<R>(
        &self,
        x: &[S],
        kind: Kind,
        read: impl FnOnce(&mut Evaluated<S>) -> R,
    ) -> Result<R, Error> {
        let mut evaluated = self.evaluated(x, kind)?;
        let result = read(&mut evaluated);
        self.memories.give_back(evaluated.memory);
        Ok(result)
    }

    /// Evaluates a stage at `x` and keeps it, ready for products.
    pub(crate) fn freeze<'a>(
        &'a self,
        x: impl Into<Cow<'a, [S]>>,
        kind: Kind,
    ) -> Result<Frozen<'a, S>, Error> {
        let x = x.into();
        let (evaluated, threads) = (self.evaluated(&x, kind)?, self.settings.threads);
        Ok(Frozen::new(&self.memories, self, evaluated, x, threads, self.parts()))
    }

    /// Memory in which the frozen part of a stage is evaluated at `x`, with the recording that it belongs to: another
    /// one than before where the function takes another branch.
    fn evaluated(&self, x: &[S], kind: Kind) -> Result<Evaluated<S>, Error> {
        compiled_here!(
            |replay, x, kind| replay.evaluate(x, kind),
            fn(&Recorded<'_, S>, &[S], Kind) -> Result<Evaluated<S>, Error>
        )(self, x, kind)
    }

    fn evaluate(&self, x: &[S], kind: Kind) -> Result<Evaluated<S>, Error> {
        check_length("the point", x, self.dim)?;
        let State { mut compiled, data } = self.state();
        let mut memory = self.memories.take().unwrap_or_default();
        memory.leave();
        let mut again = false;
        loop {
            match run_at(&compiled, kind, Origin { point: x, data: &data }, &mut memory.workspace) {
                Ok(stage) => {
                    let policy = self.settings.indeterminate;
                    let mut run = Evaluated { compiled, stage, kind, data, policy, memory };
                    return match run.mend_outputs(x, self) {
                        Ok(()) => Ok(run),
                        Err(error) => {
                            self.memories.give_back(run.memory);
                            Err(error)
                        }
                    };
                }
                Err(error) if again || self.settings.branches == BranchPolicy::Refuse => {
                    self.memories.give_back(memory);
                    return Err(error);
                }
                // Another branch, or no result at these values, which in another branch may not be needed: a new recording
                // has what is right here, or says what is wrong.
                Err(_) => compiled = self.record_again(x, &data)?,
            }
            again = true;
        }
    }

    fn record_again(&self, x: &[S], data: &[Array<S>]) -> Result<Arc<Compiled<S>>, Error> {
        let primal = (self.recorder)(Tape::opened(self.settings.at), x, data)?;
        let compiled = compile(primal, x, &self.settings)?;
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.compiled = Arc::clone(&compiled);
        Ok(compiled)
    }
}

impl<S: Real> fmt::Debug for Recorded<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recorded({} inputs, {} instructions)", self.dim, self.instructions())
    }
}

/// The recorded program, one instruction a line.
impl<S: Real> fmt::Display for Recorded<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.state().compiled.primal().fmt(f)
    }
}

/// The recording in use stays.
impl<S: Real> Source<S> for Recorded<'_, S> {
    fn recorded_on(&self, tape: Tape<S>, x: &[S]) -> Result<Program<S>, Error> {
        Ok((self.recorder)(tape, x, &self.state().data)?.program)
    }
}

/// The data with one array in place of another of the same shape.
pub(crate) fn replaced<S: Real>(
    data: &[Array<S>],
    index: usize,
    array: &Array<S>,
) -> Result<Arc<[Array<S>]>, Error> {
    let Some(old) = data.get(index) else {
        return Err(Error::NoSuchData { index, count: data.len() });
    };
    if old.shape() != array.shape() {
        let (expected, got) = (old.shape().to_vec(), array.shape().to_vec());
        return Err(Error::DataShape { index, expected, got });
    }
    let mut data = data.to_vec();
    data[index] = array.clone();
    Ok(data.into())
}

fn compile<S: Real>(
    primal: Primal<S>,
    x: &[S],
    settings: &Settings,
) -> Result<Arc<Compiled<S>>, Error> {
    Ok(Arc::new(Compiled::new(checked(primal, x)?, settings.absorbs())))
}

/// Evaluates the frozen part of a stage, derived at the same point if it is not there yet.
fn run_at<S: Real>(
    compiled: &Compiled<S>,
    kind: Kind,
    origin: Origin<'_, S>,
    workspace: &mut Workspace<S>,
) -> Result<Arc<Stage<S>>, Error> {
    let stage = compiled.stage(kind, origin)?;
    let arguments = Arguments { point: origin.point, direction: &[], data: origin.data };
    workspace.fit(&stage.program, &stage.plan);
    workspace.run(&stage.program, &stage.plan, arguments, 0..stage.frozen);
    workspace.check(&stage.program, &stage.plan, arguments)?;
    Ok(stage)
}

/// A recording, if its inputs are those that it was given.
fn checked<S: Real>(primal: Primal<S>, x: &[S]) -> Result<Primal<S>, Error> {
    let program = &primal.program;
    let entries: usize = program.inputs.iter().map(|&id| size(program.shape(id))).sum();
    match entries.checked_sub(x.len()) {
        Some(0) => Ok(primal),
        extra => Err(Error::ExtraInputs { extra: extra.unwrap_or(0) }),
    }
}
