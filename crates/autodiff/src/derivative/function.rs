//! Recorded functions: record once, evaluate often.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::compile::{Compiled, Origin, Stage};
use super::generic::record_scalars;
use super::{Linearization, Matrix};
use crate::array::Array;
use crate::error::{Error, check_length};
use crate::program::{Arguments, Program, Workspace};
use crate::scalar::Real;
use crate::tape::{Tape, Tensor, Var};

type Recorder<'f, S> = dyn Fn(&[S], &[Array<S>]) -> Result<Program<S>, Error> + Send + Sync + 'f;

/// A scalar function of many inputs, recorded once and evaluated as often as one likes, with its derivatives.
///
/// The first call of each kind transforms the recording (adjoint, tangent, memory plan); later calls only evaluate, and
/// allocate nothing but their results. A `Function` can be shared between threads.
///
/// # Branches
///
/// The recording keeps every comparison that the closure made, and every value that it read as a plain number. Where one
/// would turn out differently, the recorded program is not the function; the closure is then recorded again at that
/// point. No evaluation silently follows the wrong branch.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::Function;
///
/// let f = Function::record(&[1.0, 1.0], |x| {
///     if x[0] > 0.0 { x[0] * x[1].exp() } else { x[1].powi(2) }
/// })?;
/// assert_eq!(f.gradient(&[2.0, 0.0])?, [1.0, 2.0]);
/// assert_eq!(f.gradient(&[-2.0, 3.0])?, [0.0, 6.0]);
///
/// let at = f.linearize(&[2.0, 0.0])?;
/// let mut product = [0.0; 2];
/// at.hvp_into(&[1.0, -1.0], &mut product)?;
/// assert_eq!(product, [-1.0, -1.0]);
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
pub struct Function<'f, S: Real = f64> {
    recorder: Box<Recorder<'f, S>>,
    state: RwLock<State<S>>,
    workspaces: Mutex<Vec<Workspace<S>>>,
    dim: usize,
}

/// The recording in use, with the data that comes with each evaluation.
#[derive(Clone)]
pub(super) struct State<S> {
    pub compiled: Arc<Compiled<S>>,
    pub data: Arc<[Array<S>]>,
}

impl<'f> Function<'f, f64> {
    /// Records a function of `f64` scalars at `x`.
    ///
    /// # Errors
    ///
    /// What was refused while `f` recorded, with its source line.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::Function;
    ///
    /// let data = [1.0, 2.0, 4.0];
    /// let f = Function::record(&[1.0], |x| data.iter().map(|&d| (x[0] - d).powi(2)).sum())?;
    /// assert_eq!(f.value(&[3.0])?, 4.0 + 1.0 + 1.0);
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    pub fn record<F>(x: &[f64], f: F) -> Result<Self, Error>
    where
        F: for<'t> Fn(&[Var<'t>]) -> Var<'t> + Send + Sync + 'f,
    {
        Self::record_scalars(x, f)
    }
}

impl<'f, S: Real> Function<'f, S> {
    /// Records a function of scalars at `x`, in either precision.
    ///
    /// # Errors
    ///
    /// What was refused while `f` recorded, with its source line.
    pub fn record_scalars<F>(x: &[S], f: F) -> Result<Self, Error>
    where
        F: for<'t> Fn(&[Var<'t, S>]) -> Var<'t, S> + Send + Sync + 'f,
    {
        Self::new(x, &[], move |x, _| Ok(record_scalars(x, |x| vec![f(x)])?.program))
    }

    /// Records a function of one flat vector `x`, given to the closure as a rank-1 tensor, and of arrays that come with
    /// an evaluation but are not differentiated: the data of a loss.
    ///
    /// # Errors
    ///
    /// What was refused while `f` recorded, with its source line.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{Array, Function};
    ///
    /// let inputs = Array::new(&[2, 2], vec![1.0, 2.0, 3.0, 4.0])?;
    /// let targets = Array::new(&[2, 1], vec![1.0, -1.0])?;
    /// let loss = Function::<f64>::record_tensor(&[0.0, 0.0], &[&inputs, &targets], |w, data| {
    ///     (data[0].matmul(w.reshape(&[2, 1])) - data[1]).powi(2).mean()
    /// })?;
    /// assert_eq!(loss.value(&[0.0, 0.0])?, 1.0);
    /// loss.set_data(1, &Array::new(&[2, 1], vec![3.0, 0.0])?)?;
    /// assert_eq!(loss.value(&[0.0, 0.0])?, 4.5);
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    pub fn record_tensor<F>(x: &[S], data: &[&Array<S>], f: F) -> Result<Self, Error>
    where
        F: for<'t> Fn(Tensor<'t, S>, &[Tensor<'t, S>]) -> Var<'t, S> + Send + Sync + 'f,
    {
        Self::new(x, data, move |x, data| {
            let tape = Tape::new();
            let input = tape.input_array(&Array::vector(x.to_vec()));
            let data: Vec<Tensor<'_, S>> =
                data.iter().enumerate().map(|(slot, array)| tape.data(slot, array)).collect();
            let output = tape.id_of(f(input, &data));
            Ok(tape.finish(vec![output])?.program)
        })
    }

    fn new(
        x: &[S],
        data: &[&Array<S>],
        recorder: impl Fn(&[S], &[Array<S>]) -> Result<Program<S>, Error> + Send + Sync + 'f,
    ) -> Result<Self, Error> {
        let data: Arc<[Array<S>]> = data.iter().map(|&array| array.clone()).collect();
        let compiled = Arc::new(Compiled::new(recorder(x, &data)?));
        Ok(Self {
            recorder: Box::new(recorder),
            state: RwLock::new(State { compiled, data }),
            workspaces: Mutex::new(Vec::new()),
            dim: x.len(),
        })
    }

    /// Number of inputs.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// `f(x)`.
    ///
    /// # Errors
    ///
    /// [`Error::Length`]; and what was refused if `f` had to be recorded again.
    pub fn value(&self, x: &[S]) -> Result<S, Error> {
        check_length("the point", x, self.dim)?;
        let output = |run: &Run<'_, S>| run.workspace.values[run.stage.program.outputs[0] as usize];
        self.replay(x, |compiled, _| Ok(compiled.value()), output)
    }

    /// `f(x)`, with the gradient `∇f(x)` written to `gradient`. Allocates nothing after the first call.
    ///
    /// # Errors
    ///
    /// As [`value`](Self::value).
    pub fn value_and_gradient(&self, x: &[S], gradient: &mut [S]) -> Result<S, Error> {
        check_length("the point", x, self.dim)?;
        check_length("the gradient", gradient, self.dim)?;
        self.replay(
            x,
            |compiled, origin| compiled.gradient(origin),
            |run| {
                let outputs = 1..run.stage.program.outputs.len();
                run.copy_outputs(outputs, gradient);
                run.workspace.values[run.stage.program.outputs[0] as usize]
            },
        )
    }

    /// The gradient `∇f(x)`.
    ///
    /// # Errors
    ///
    /// As [`value`](Self::value).
    pub fn gradient(&self, x: &[S]) -> Result<Vec<S>, Error> {
        let mut gradient = vec![S::zero(); self.dim];
        self.value_and_gradient(x, &mut gradient)?;
        Ok(gradient)
    }

    /// Freezes value and gradient at `x`: every Hessian-vector product there then costs only tangent work.
    ///
    /// Complexity: a gradient.
    ///
    /// # Errors
    ///
    /// As [`value`](Self::value).
    pub fn linearize<'a>(&'a self, x: &[S]) -> Result<Linearization<'a, S>, Error> {
        check_length("the point", x, self.dim)?;
        let (state, workspace) = self.evaluated(x, |compiled, origin| compiled.hvp(origin))?;
        Linearization::new(&self.workspaces, state, workspace, x)
    }

    /// The Hessian-vector product `∇²f(x)·v`, written to `product`.
    ///
    /// # Errors
    ///
    /// As [`value`](Self::value).
    pub fn hvp(&self, x: &[S], v: &[S], product: &mut [S]) -> Result<(), Error> {
        self.linearize(x)?.hvp_into(v, product)
    }

    /// The Hessian `∇²f(x)`, exactly symmetric.
    ///
    /// Complexity: a gradient and n Hessian-vector products, several at a time.
    ///
    /// # Errors
    ///
    /// As [`value`](Self::value).
    pub fn hessian(&self, x: &[S]) -> Result<Matrix<S>, Error> {
        self.linearize(x)?.hessian()
    }

    /// Replaces data array number `index` by another of the same shape; nothing is recorded again.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchData`], or [`Error::DataShape`].
    pub fn set_data(&self, index: usize, array: &Array<S>) -> Result<(), Error> {
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

    fn state(&self) -> State<S> {
        self.state.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Evaluates a stage at `x` and reads from it.
    fn replay<R>(
        &self,
        x: &[S],
        stage: impl for<'s> Fn(&'s Compiled<S>, Origin<'_, S>) -> Result<&'s Stage<S>, Error>,
        read: impl FnOnce(&Run<'_, S>) -> R,
    ) -> Result<R, Error> {
        let (state, workspace) = self.evaluated(x, &stage)?;
        let origin = Origin { point: x, data: &state.data };
        let run = Run { stage: stage(&state.compiled, origin)?, origin, workspace };
        let result = read(&run);
        recycle(&self.workspaces, run.workspace);
        Ok(result)
    }

    /// A workspace in which the frozen part of a stage is evaluated at `x`, with the recording that it belongs to: another
    /// one than before where the function takes another branch.
    fn evaluated(
        &self,
        x: &[S],
        stage: impl for<'s> Fn(&'s Compiled<S>, Origin<'_, S>) -> Result<&'s Stage<S>, Error>,
    ) -> Result<(State<S>, Workspace<S>), Error> {
        let mut state = self.state();
        let mut workspace = take(&self.workspaces);
        for attempt in 0..2 {
            let origin = Origin { point: x, data: &state.data };
            let stage = stage(&state.compiled, origin)?;
            let arguments = Arguments { point: x, direction: &[], data: &state.data };
            workspace.fit(&stage.program, &stage.plan);
            workspace.run(&stage.program, &stage.plan, arguments, 0..stage.frozen);
            match workspace.check(&stage.program, &stage.plan, arguments) {
                Ok(()) => break,
                Err(changed) if attempt > 0 => return Err(changed),
                Err(_) => state = self.record_again(x)?,
            }
        }
        Ok((state, workspace))
    }

    fn record_again(&self, x: &[S]) -> Result<State<S>, Error> {
        let mut state = self.state();
        state.compiled = Arc::new(Compiled::new((self.recorder)(x, &state.data)?));
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = state.clone();
        Ok(state)
    }
}

/// A stage evaluated at a point.
struct Run<'a, S> {
    stage: &'a Stage<S>,
    origin: Origin<'a, S>,
    workspace: Workspace<S>,
}

impl<S: Real> Run<'_, S> {
    fn copy_outputs(&self, outputs: std::ops::Range<usize>, out: &mut [S]) {
        let Stage { program, plan, .. } = self.stage;
        let Origin { point, data } = self.origin;
        let arguments = Arguments { point, direction: &[], data };
        self.workspace.copy_outputs(program, plan, arguments, outputs, out);
    }
}

/// A workspace that is not in use.
fn take<S: Real>(workspaces: &Mutex<Vec<Workspace<S>>>) -> Workspace<S> {
    workspaces.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
}

/// Gives a workspace back.
pub(super) fn recycle<S>(workspaces: &Mutex<Vec<Workspace<S>>>, workspace: Workspace<S>) {
    workspaces.lock().unwrap_or_else(PoisonError::into_inner).push(workspace);
}

impl<S: Real> fmt::Debug for Function<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let instructions = self.state().compiled.primal().len();
        write!(f, "Function({} inputs, {instructions} instructions)", self.dim)
    }
}

/// The recorded program, one instruction a line.
impl<S: Real> fmt::Display for Function<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.state().compiled.primal().fmt(f)
    }
}
