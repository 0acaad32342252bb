//! The core of everything that is recorded once and evaluated often.

use std::borrow::Cow;
use std::panic::Location;
use std::sync::{Arc, PoisonError, RwLock};

use super::cache::{Compiled, Kind, Recorded};
use super::derived::Origin;
use super::evaluated::Evaluated;
use super::indeterminate::{IndeterminatePolicy, Source};
use super::linearized::Frozen;
use super::memory::Pool;
use super::stage::Stage;
use crate::array::{Array, size};
use crate::error::{Error, check_length};
use crate::number::{Real, compiled_here};
use crate::program::{Arguments, Program, Workspace};
use crate::tape::Tape;

/// Records a closure on an empty tape at a point, with these data.
type Recorder<'f, S> =
    dyn Fn(Tape<S>, &[S], &[Array<S>]) -> Result<Recorded<S>, Error> + Send + Sync + 'f;

/// What to do at a point where a function takes another branch than the one recorded, or reads another value.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{BranchPolicy, Error, Function};
///
/// let f = Function::record(&[1.0], |x| if x[0] > 0.0 { x[0].powi(2) } else { -x[0] })?;
/// assert_eq!(f.gradient(&[-1.0])?, [-1.0]);
/// let f = f.with_branch_policy(BranchPolicy::Refuse);
/// assert!(matches!(f.gradient(&[2.0]), Err(Error::BranchChanged { .. })));
/// assert_eq!(f.gradient(&[-2.0])?, [-1.0]);
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

/// A recording, the closure that can make another where the first does not hold, and memory to evaluate it in.
pub(crate) struct Replay<'f, S: Real> {
    recorder: Box<Recorder<'f, S>>,
    /// Where the user asked for the recording.
    at: &'static Location<'static>,
    state: RwLock<State<S>>,
    memories: Pool<S>,
    dim: usize,
    /// On how many threads several products are evaluated.
    pub threads: usize,
    pub policy: BranchPolicy,
    pub indeterminate: IndeterminatePolicy,
}

/// The recording in use, with the data that comes with each evaluation.
#[derive(Clone)]
pub(crate) struct State<S> {
    pub compiled: Arc<Compiled<S>>,
    pub data: Arc<[Array<S>]>,
}

impl<'f, S: Real> Replay<'f, S> {
    #[track_caller]
    pub(crate) fn new(
        x: &[S],
        data: &[&Array<S>],
        recorder: impl Fn(Tape<S>, &[S], &[Array<S>]) -> Result<Recorded<S>, Error> + Send + Sync + 'f,
    ) -> Result<Self, Error> {
        let data: Arc<[Array<S>]> = data.iter().map(|&array| array.clone()).collect();
        let at = Location::caller();
        let recorded = recorder(Tape::opened(at), x, &data)?;
        let compiled = compiled_here!(
            compile,
            fn(Recorded<S>, &[S]) -> Result<Arc<Compiled<S>>, Error>
        )(recorded, x)?;
        Ok(Self {
            recorder: Box::new(recorder),
            at,
            state: RwLock::new(State { compiled, data }),
            memories: Pool::default(),
            dim: x.len(),
            threads: 1,
            policy: BranchPolicy::default(),
            indeterminate: IndeterminatePolicy::default(),
        })
    }

    pub(crate) fn dim(&self) -> usize {
        self.dim
    }

    pub(crate) fn set_indeterminate_policy(&mut self, policy: IndeterminatePolicy) {
        self.indeterminate = policy;
        let absorbing = self.absorbs();
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        state.compiled = compiled_here!(recompile, fn(&Compiled<S>, bool) -> Arc<Compiled<S>>)(
            &state.compiled,
            absorbing,
        );
    }

    fn absorbs(&self) -> bool {
        self.indeterminate == IndeterminatePolicy::Absorb
    }

    pub(crate) fn state(&self) -> State<S> {
        self.state.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_data(&self, index: usize, array: &Array<S>) -> Result<(), Error> {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let Some(old) = state.data.get(index) else {
            return Err(Error::NoSuchData { index, count: state.data.len() });
        };
        if old.shape() != array.shape() {
            let (expected, got) = (old.shape().to_vec(), array.shape().to_vec());
            return Err(Error::DataShape { index, expected, got });
        }
        let mut data = state.data.to_vec();
        data[index] = array.clone();
        state.data = data.into();
        Ok(())
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
        Ok(Frozen::new(&self.memories, self, self.evaluated(&x, kind)?, x, self.threads))
    }

    /// Memory in which the frozen part of a stage is evaluated at `x`, with the recording that it belongs to: another
    /// one than before where the function takes another branch.
    fn evaluated(&self, x: &[S], kind: Kind) -> Result<Evaluated<S>, Error> {
        compiled_here!(
            |replay, x, kind| replay.evaluate(x, kind),
            fn(&Replay<'_, S>, &[S], Kind) -> Result<Evaluated<S>, Error>
        )(self, x, kind)
    }

    fn evaluate(&self, x: &[S], kind: Kind) -> Result<Evaluated<S>, Error> {
        check_length("the point", x, self.dim)?;
        let State { mut compiled, data } = self.state();
        let mut memory = self.memories.take();
        let mut again = false;
        loop {
            match run_at(&compiled, kind, Origin { point: x, data: &data }, &mut memory.workspace) {
                Ok(stage) => {
                    let policy = self.indeterminate;
                    let mut run = Evaluated { compiled, stage, kind, data, policy, memory };
                    return match run.mend_outputs(x, self) {
                        Ok(()) => Ok(run),
                        Err(error) => {
                            self.memories.give_back(run.memory);
                            Err(error)
                        }
                    };
                }
                Err(error) if again || self.policy == BranchPolicy::Refuse => {
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
        let recorded = (self.recorder)(Tape::opened(self.at), x, data)?;
        let mut compiled = compile(recorded, x)?;
        if self.absorbs() {
            compiled = recompile(&compiled, true);
        }
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.compiled = Arc::clone(&compiled);
        Ok(compiled)
    }
}

/// The recording in use stays.
impl<S: Real> Source<S> for Replay<'_, S> {
    fn recorded_on(&self, tape: Tape<S>, x: &[S]) -> Result<Program<S>, Error> {
        Ok((self.recorder)(tape, x, &self.state().data)?.program)
    }
}

fn compile<S: Real>(recorded: Recorded<S>, x: &[S]) -> Result<Arc<Compiled<S>>, Error> {
    Ok(Arc::new(Compiled::new(checked(recorded, x)?)))
}

fn recompile<S: Real>(compiled: &Compiled<S>, absorbing: bool) -> Arc<Compiled<S>> {
    Arc::new(compiled.with_absorbing_zeros(absorbing))
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
fn checked<S: Real>(recorded: Recorded<S>, x: &[S]) -> Result<Recorded<S>, Error> {
    let program = &recorded.program;
    let entries: usize = program.inputs.iter().map(|&id| size(program.shape(id))).sum();
    match entries.checked_sub(x.len()) {
        Some(0) => Ok(recorded),
        extra => Err(Error::ExtraInputs { extra: extra.unwrap_or(0) }),
    }
}
