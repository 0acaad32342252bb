//! The core of everything that is recorded once and evaluated often.

use std::borrow::Cow;
use std::ops::Range;
use std::panic::Location;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::compile::{Compiled, Kind, Origin, Recorded};
use super::frozen::Frozen;
use super::indeterminate::{Careful, IndeterminatePolicy, Source};
use super::stage::Stage;
use crate::array::{Array, size};
use crate::error::{Error, check_length};
use crate::program::{Arguments, Program, Workspace};
use crate::scalar::Real;
use crate::tape::{Id, Tape};

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

/// A recording, the closure that can make another where the first does not hold, and workspaces to evaluate it in.
pub(super) struct Replay<'f, S: Real> {
    recorder: Box<Recorder<'f, S>>,
    /// Where the user asked for the recording.
    at: &'static Location<'static>,
    state: RwLock<State<S>>,
    workspaces: Pool<S>,
    dim: usize,
    /// On how many threads several products are evaluated.
    pub threads: usize,
    pub policy: BranchPolicy,
    pub indeterminate: IndeterminatePolicy,
}

/// The recording in use, with the data that comes with each evaluation.
#[derive(Clone)]
pub(super) struct State<S> {
    pub compiled: Arc<Compiled<S>>,
    pub data: Arc<[Array<S>]>,
}

/// A stage evaluated at a point: its frozen part is.
pub(super) struct Evaluated<S> {
    pub compiled: Arc<Compiled<S>>,
    pub stage: Arc<Stage<S>>,
    pub kind: Kind,
    pub data: Arc<[Array<S>]>,
    pub policy: IndeterminatePolicy,
    pub workspace: Workspace<S>,
}

impl<'f, S: Real> Replay<'f, S> {
    #[track_caller]
    pub(super) fn new(
        x: &[S],
        data: &[&Array<S>],
        recorder: impl Fn(Tape<S>, &[S], &[Array<S>]) -> Result<Recorded<S>, Error> + Send + Sync + 'f,
    ) -> Result<Self, Error> {
        let data: Arc<[Array<S>]> = data.iter().map(|&array| array.clone()).collect();
        let at = Location::caller();
        let recorded = recorder(Tape::opened(at), x, &data)?;
        let compiled = Arc::new(Compiled::new(checked(recorded, x)?));
        Ok(Self {
            recorder: Box::new(recorder),
            at,
            state: RwLock::new(State { compiled, data }),
            workspaces: Pool::default(),
            dim: x.len(),
            threads: 1,
            policy: BranchPolicy::default(),
            indeterminate: IndeterminatePolicy::default(),
        })
    }

    pub(super) fn dim(&self) -> usize {
        self.dim
    }

    pub(super) fn set_indeterminate_policy(&mut self, policy: IndeterminatePolicy) {
        self.indeterminate = policy;
        let absorbing = self.absorbs();
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        state.compiled = Arc::new(state.compiled.with_absorbing_zeros(absorbing));
    }

    fn absorbs(&self) -> bool {
        self.indeterminate == IndeterminatePolicy::Absorb
    }

    pub(super) fn state(&self) -> State<S> {
        self.state.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_data(&self, index: usize, array: &Array<S>) -> Result<(), Error> {
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
    pub(super) fn read<R>(
        &self,
        x: &[S],
        kind: Kind,
        read: impl FnOnce(&mut Evaluated<S>) -> R,
    ) -> Result<R, Error> {
        let mut evaluated = self.evaluated(x, kind)?;
        let result = read(&mut evaluated);
        self.workspaces.give_back(evaluated.workspace);
        Ok(result)
    }

    /// Evaluates a stage at `x` and keeps it, ready for products.
    pub(super) fn freeze<'a>(
        &'a self,
        x: impl Into<Cow<'a, [S]>>,
        kind: Kind,
    ) -> Result<Frozen<'a, S>, Error> {
        let x = x.into();
        Ok(Frozen::new(&self.workspaces, self, self.evaluated(&x, kind)?, x, self.threads))
    }

    /// A workspace in which the frozen part of a stage is evaluated at `x`, with the recording that it belongs to: another
    /// one than before where the function takes another branch.
    fn evaluated(&self, x: &[S], kind: Kind) -> Result<Evaluated<S>, Error> {
        check_length("the point", x, self.dim)?;
        let State { mut compiled, data } = self.state();
        let mut workspace = self.workspaces.take();
        let mut again = false;
        loop {
            match run_at(&compiled, kind, Origin { point: x, data: &data }, &mut workspace) {
                Ok(stage) => {
                    let policy = self.indeterminate;
                    let mut run = Evaluated { compiled, stage, kind, data, policy, workspace };
                    return match run.mend_outputs(x, self) {
                        Ok(()) => Ok(run),
                        Err(error) => {
                            self.workspaces.give_back(run.workspace);
                            Err(error)
                        }
                    };
                }
                Err(error) if again || self.policy == BranchPolicy::Refuse => {
                    self.workspaces.give_back(workspace);
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
        let compiled = Compiled::new(checked(recorded, x)?);
        let compiled = Arc::new(match self.absorbs() {
            true => compiled.with_absorbing_zeros(true),
            false => compiled,
        });
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

impl<S: Real> Evaluated<S> {
    /// The program at `point`, to be evaluated with care.
    pub(super) fn careful<'a>(
        &'a self,
        point: &'a [S],
        source: &'a dyn Source<S>,
    ) -> Careful<'a, S> {
        let Self { compiled, stage, kind, data, policy, .. } = self;
        let origin = Origin { point, data };
        Careful { compiled, stage, kind: *kind, origin, policy: *policy, source }
    }

    /// Evaluates the outputs that depend on the point alone with care, if there is NaN in them that the values do not explain.
    fn mend_outputs(&mut self, point: &[S], source: &dyn Source<S>) -> Result<(), Error> {
        if self.policy == IndeterminatePolicy::Absorb {
            return Ok(());
        }
        let Stage { program, plan, frozen, .. } = &*self.stage;
        let arguments = Arguments { point, direction: &[], data: &self.data };
        let nan = |id: Id, all: bool| {
            let of = |x: &[S]| match all {
                true => x.iter().all(|x| x.is_nan()),
                false => x.iter().any(|x| x.is_nan()),
            };
            match program.shape(id) {
                [] => of(&self.workspace.values[id as usize..=id as usize]),
                _ => of(self.workspace.array(program, plan, arguments, id)),
            }
        };
        let (values, derivatives) = program.outputs.split_at(self.compiled.primal().outputs.len());
        let derivatives = derivatives.iter().filter(|&&id| (id as usize) < *frozen);
        let outputs = values.iter().chain(derivatives).copied();
        if !outputs.clone().any(|id| nan(id, false)) {
            return Ok(());
        }
        // Outside of the domain there is nothing to mend.
        if values.iter().all(|&id| nan(id, true)) && !self.compiled.has_derivatives() {
            return Ok(());
        }
        let outputs: Vec<Id> = outputs.collect();
        let mended = self.careful(point, source).outputs(&[], &outputs)?;
        let stage = Arc::clone(&self.stage);
        let mut rest = &mended[..];
        for id in outputs {
            let (value, later) = rest.split_at(size(stage.program.shape(id)));
            self.workspace.overwrite(&stage.program, &stage.plan, id, value);
            rest = later;
        }
        Ok(())
    }

    /// The first output, if it is a scalar.
    pub(super) fn value(&self) -> S {
        self.workspace.values[self.stage.program.outputs[0] as usize]
    }

    /// Writes all outputs of the recording but the first, flat and in order, to `out`; the first is returned.
    pub(super) fn copy_auxiliary(&self, point: &[S], out: &mut [S]) -> Result<S, Error> {
        let program = &self.stage.program;
        let auxiliary = 1..self.compiled.primal().outputs.len();
        let ids = &program.outputs[auxiliary.clone()];
        check_length("the auxiliary", out, ids.iter().map(|&id| size(program.shape(id))).sum())?;
        self.copy_outputs(auxiliary, point, out);
        Ok(self.value())
    }

    /// Writes outputs, flat and in order, to `out`.
    pub(super) fn copy_outputs(&self, outputs: Range<usize>, point: &[S], out: &mut [S]) {
        let Stage { program, plan, .. } = &*self.stage;
        let arguments = Arguments { point, direction: &[], data: &self.data };
        self.workspace.copy_outputs(program, plan, arguments, outputs, out);
    }
}

/// Workspaces that are not in use.
#[derive(Debug)]
pub(super) struct Pool<S>(Mutex<Vec<Workspace<S>>>);

impl<S> Default for Pool<S> {
    fn default() -> Self {
        Self(Mutex::new(Vec::new()))
    }
}

impl<S: Real> Pool<S> {
    fn take(&self) -> Workspace<S> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    pub(super) fn give_back(&self, workspace: Workspace<S>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(workspace);
    }
}
