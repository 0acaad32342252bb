//! Derivatives of what is defined by an equation: roots and optima, found by any solver.

use std::ops::Range;
use std::sync::Arc;

use super::record::Record;
use super::scalar::Function;
use crate::array::{Array, View};
use crate::error::{Error, Fault};
use crate::number::{Real, Scalar};
use crate::pool::Pool;
use crate::program::{Id, Program};
use crate::tape::{Tape, Tensor, Value, Var, emit};
use crate::transform::{Adjoint, Operation, record_adjoint};

/// The root `x(θ)` of `residual(x, θ) = 0`, found by `solver`, as a function of `θ`.
///
/// Nothing of what the solver does is recorded. Derivatives follow from the equation: `J·x_dot = −(∂r/∂θ)·θ_dot` with
/// `J = ∂r/∂x`, stated as a composition, and so exact at every order. `solver(θ, x)` finds the root in place, from a copy of
/// `start`; it runs again in every replay, with the parameters given there.
///
/// The result is corrected by one step of Newton's method, so it is a root to rounding where the solver stopped at
/// `√ε`.
///
/// Complexity: of a derivative, n reverse sweeps through the residual and a dense factorization, O(n³).
///
/// # Shape
///
/// The residual has as many entries as `x`: a vector of the length of `start`.
///
/// # Errors
///
/// The recording, or the replay, is refused with [`Fault::NotConverged`](crate::custom::Fault) if that step is longer than
/// `√ε·(1 + max|x|)`, and with [`Fault::Singular`](crate::custom::Fault) where the equation does not determine `x`.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Tensor, implicit, record};
///
/// // x = cos(θx), by fixed-point iteration
/// let f = record(&[0.5]).array().function(|theta| {
///     let solver = |theta: &[f64], x: &mut [f64]| (0..60).for_each(|_| x[0] = (theta[0] * x[0]).cos());
///     implicit::root(theta, &[1.0], solver, |x, theta| x - (theta * x).cos()).get(0)
/// })?;
/// let x = f.value(&[0.5])?;
/// assert!((x - (0.5 * x).cos()).abs() < 1e-16);
/// let sin = (0.5 * x).sin();
/// assert!((f.gradient(&[0.5])?[0] + x * sin / (1.0 + 0.5 * sin)).abs() < 1e-15);
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
#[track_caller]
pub fn implicit_root<'t, S: Scalar>(
    theta: Tensor<'t, S>,
    start: &[S::Real],
    solver: impl Fn(&[S::Real], &mut [S::Real]) + Send + Sync + 'static,
    residual: impl for<'r> Fn(Tensor<'r, S::Real>, Tensor<'r, S::Real>) -> Tensor<'r, S::Real>
    + Send
    + Sync
    + 'static,
) -> Tensor<'t, S> {
    let equation = Equation::Root(Box::new(move |x, theta| residual(x, theta[0])));
    let solver = Solver::OfParameters(Box::new(solver));
    Tensor::trusted(Implicit { start: start.to_vec(), solver, equation }, &[theta])
}

/// A stationary point `x(θ)` of `objective(x, θ)` in `x`, found by `solver`, as a function of `θ`: the optimum of an inner
/// problem.
///
/// As [`implicit_root`] with the objective's gradient as the residual, and its Hessian as `J`.
///
/// # Errors
///
/// As [`implicit_root`]: the Hessian must be regular at the optimum.
///
/// # Example
///
/// Ridge regression, and how its weights move with the penalty:
///
/// ```
/// use dualtape_autodiff::{Tensor, implicit, record};
///
/// // min ½(2x − 3)² + ½θx²: x = 6/(4 + θ)
/// let f = record(&[1.0]).array().function(|theta| {
///     let solver = |theta: &[f64], x: &mut [f64]| x[0] = 6.0 / (4.0 + theta[0]);
///     implicit::optimum(theta, &[0.0], solver, |x, theta| {
///         0.5 * ((x * 2.0 - 3.0).powi(2).sum() + (theta * x * x).sum())
///     }).get(0)
/// })?;
/// assert_eq!(f.value(&[2.0])?, 1.0);
/// assert!((f.gradient(&[2.0])?[0] + 1.0 / 6.0).abs() < 1e-16);
/// assert!((f.hessian(&[2.0])?[(0, 0)] - 2.0 / 36.0).abs() < 1e-16);
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
#[track_caller]
pub fn implicit_optimum<'t, S: Scalar>(
    theta: Tensor<'t, S>,
    start: &[S::Real],
    solver: impl Fn(&[S::Real], &mut [S::Real]) + Send + Sync + 'static,
    objective: impl for<'r> Fn(Tensor<'r, S::Real>, Tensor<'r, S::Real>) -> Var<'r, S::Real>
    + Send
    + Sync
    + 'static,
) -> Tensor<'t, S> {
    let equation = Equation::Optimum(Arc::new(move |x, theta| objective(x, theta[0])));
    let solver = Solver::OfParameters(Box::new(solver));
    Tensor::trusted(Implicit { start: start.to_vec(), solver, equation }, &[theta])
}

/// The minimum `x` of an inner `objective(x, parameters)`, found by `minimizer`, as a function of all parameters: what is
/// varied outside, and data.
///
/// As [`implicit_optimum`], with the objective stated once: `minimizer(f, x)` gets it as a recorded function of `x` at the
/// parameters' values, with gradient and Hessian-vector products, and improves `x` in place, from a copy of `start`. Arrays of
/// the tape are handed to the objective as parameters, so nothing is copied into it; derivatives with respect to each of
/// them are those of the minimum.
///
/// # Errors
///
/// As [`implicit_optimum`].
///
/// # Example
///
/// Ridge regression; the minimizer may be any, here Newton's method by hand:
///
/// ```
/// use dualtape_autodiff::{Array, implicit, record};
///
/// let y = Array::vector(vec![3.0]);
/// // min ½(2x − y)² + ½θx²: x = 2y/(4 + θ)
/// let f = record(&[1.0]).data(&[&y]).function(|theta, data| {
///     implicit::minimum(&[theta, data[0]], &[0.0], |x, p| {
///         0.5 * ((x * 2.0 - p[1]).powi(2).sum() + (p[0] * x * x).sum())
///     }, |f, x| {
///         if let (Ok(g), Ok(h)) = (f.gradient(x), f.hessian(x)) {
///             x[0] -= g[0] / h[(0, 0)];
///         }
///     }).get(0)
/// })?;
/// assert_eq!(f.value(&[2.0])?, 1.0);
/// assert!((f.gradient(&[2.0])?[0] + 1.0 / 6.0).abs() < 1e-16);
/// f.set_data(0, &Array::vector(vec![6.0]))?;
/// assert_eq!(f.value(&[2.0])?, 2.0);
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
#[track_caller]
pub fn implicit_minimum<'t, S: Scalar>(
    parameters: &[Tensor<'t, S>],
    start: &[S::Real],
    objective: impl for<'r> Fn(Tensor<'r, S::Real>, &[Tensor<'r, S::Real>]) -> Var<'r, S::Real>
    + Send
    + Sync
    + 'static,
    minimizer: impl Fn(&Function<'static, S::Real>, &mut [S::Real]) + Send + Sync + 'static,
) -> Tensor<'t, S> {
    let equation = Equation::Optimum(Arc::new(objective));
    let solver = Solver::OfObjective(Box::new(minimizer), Pool::default());
    Tensor::trusted(Implicit { start: start.to_vec(), solver, equation }, parameters)
}

/// The operation `θ ↦ x(θ)`.
struct Implicit<R: Real> {
    start: Vec<R>,
    solver: Solver<R>,
    equation: Equation<R>,
}

/// How `x` is found.
enum Solver<R: Real> {
    /// From the first parameter.
    OfParameters(Box<DirectSolver<R>>),
    /// From the objective, recorded at the parameters; recordings not in use are kept.
    OfObjective(Box<Minimizer<R>>, Pool<Function<'static, R>>),
}

type DirectSolver<R> = dyn Fn(&[R], &mut [R]) + Send + Sync;
type Minimizer<R> = dyn Fn(&Function<'static, R>, &mut [R]) + Send + Sync;
type Residual<R> = dyn for<'r> Fn(Tensor<'r, R>, &[Tensor<'r, R>]) -> Tensor<'r, R> + Send + Sync;
type Objective<R> = dyn for<'r> Fn(Tensor<'r, R>, &[Tensor<'r, R>]) -> Var<'r, R> + Send + Sync;

/// What defines `x`.
enum Equation<R: Real> {
    /// This is zero.
    Root(Box<Residual<R>>),
    /// The gradient of this in `x` is zero.
    Optimum(Arc<Objective<R>>),
}

impl<R: Real> Equation<R> {
    fn name(&self) -> &'static str {
        match self {
            Equation::Root(_) => "implicit_root",
            Equation::Optimum(_) => "implicit_optimum",
        }
    }

    /// The residual as a program of the inputs `x, θ…`, recorded at this point.
    fn program(&self, x: &Array<R>, theta: &[Array<R>]) -> Result<Program<R>, Error> {
        let tape = Tape::new();
        let unknown = tape.input_array(x);
        let parameters: Vec<Tensor<'_, R>> =
            theta.iter().map(|array| tape.input_array(array)).collect();
        match self {
            Equation::Root(residual) => {
                let r = residual(unknown, &parameters);
                if r.shape() != x.shape() {
                    let needs = "a residual with as many entries as x";
                    tape.refuse(self.name(), &[r.shape(), x.shape()], needs);
                }
                let output = tape.id_of_array(r);
                Ok(tape.finish(vec![output])?.program)
            }
            Equation::Optimum(objective) => {
                let output = tape.id_of(objective(unknown, &parameters));
                let objective = tape.finish(vec![output])?.program;
                let tape = Tape::new();
                let inputs = inputs(&tape, x, theta);
                let values = emit(&objective, &tape, &inputs, &[]);
                let one = Value::Scalar(Var::from_value(R::one()));
                let x_bar = adjoint_of(&objective, 0..1, &values, one, &tape)[0];
                let zero = || tape.constant(&Array::zeros(x.shape()));
                let output = x_bar.unwrap_or_else(zero).id;
                Ok(tape.finish(vec![output])?.program)
            }
        }
    }
}

/// The inputs `x, θ…` of such a program.
fn inputs<'t, R: Real>(tape: &'t Tape<R>, x: &Array<R>, theta: &[Array<R>]) -> Vec<Value<'t, R>> {
    std::iter::once(x).chain(theta).map(|array| Value::from(tape.input_array(array))).collect()
}

/// The cotangents of these inputs of an emitted program, for a cotangent of its output.
fn adjoint_of<'t, R: Real>(
    program: &Program<R>,
    numbers: Range<usize>,
    values: &[Value<'t, R>],
    seed: Value<'t, R>,
    tape: &'t Tape<R>,
) -> Vec<Option<Tensor<'t, R>>> {
    let mut of_some = program.clone();
    of_some.inputs = program.inputs[numbers].to_vec();
    let output: Id = program.outputs[0];
    let x_bar = record_adjoint(&of_some, tape, values, &[(output, seed)]);
    x_bar.into_iter().map(|x_bar| x_bar.map(|x_bar| x_bar.tensor(tape))).collect()
}

/// The matrix `∂r/∂x` of an emitted residual, row by row.
fn jacobian<'t, R: Real>(
    program: &Program<R>,
    values: &[Value<'t, R>],
    tape: &'t Tape<R>,
) -> Tensor<'t, R> {
    let n = program.shape(program.outputs[0])[0];
    let mut entries = Vec::with_capacity(n * n);
    let zero = Var::from_value(R::zero());
    for i in 0..n {
        let mut unit = vec![R::zero(); n];
        unit[i] = R::one();
        let unit = tape.constant(&Array::vector(unit)).into();
        let row = adjoint_of(program, 0..1, values, unit, tape)[0];
        entries.extend((0..n).map(|j| row.map_or(zero, |row| row.get(j))));
    }
    Tensor::from_vars(tape, &entries).reshape(&[n, n])
}

impl<R: Real> Operation<R> for Implicit<R> {
    fn name(&self) -> &'static str {
        self.equation.name()
    }

    fn shape(&self, _theta: &[&[usize]]) -> Result<Vec<usize>, String> {
        Ok(vec![self.start.len()])
    }

    /// Solves, and corrects by one step of Newton's method.
    fn forward(&self, theta: &[View<'_, R>], y: &mut [R]) -> Result<(), Fault> {
        y.copy_from_slice(&self.start);
        let copied = |x: &View<'_, R>| Array::from_shared(x.shape, x.data.to_vec().into());
        let parameters: Vec<Array<R>> = theta.iter().map(copied).collect();
        self.solve(&parameters, y).map_err(|error| Fault::Within(Box::new(error)))?;
        let step = self.newton_step(&Array::vector(y.to_vec()), &parameters)?;
        let largest = |x: &[R]| x.iter().fold(0.0_f64, |m, x| m.max(x.abs().as_f64()));
        let unknown = step.iter().any(|step| !step.is_finite());
        let length = if unknown { f64::NAN } else { largest(&step) };
        if unknown || length > R::epsilon().as_f64().sqrt() * (1.0 + largest(y)) {
            return Err(Fault::NotConverged { residual: length });
        }
        y.iter_mut().zip(step).for_each(|(y, step)| *y -= step);
        Ok(())
    }
}

impl<R: Real> Implicit<R> {
    /// What the solver finds, from `x` on.
    fn solve(&self, theta: &[Array<R>], x: &mut [R]) -> Result<(), Error> {
        match (&self.solver, &self.equation) {
            (Solver::OfParameters(solver), _) => solver(theta[0].data(), x),
            (Solver::OfObjective(minimizer, recordings), Equation::Optimum(objective)) => {
                let objective = match recordings.take() {
                    Some(recorded) => {
                        let mut arrays = theta.iter().enumerate();
                        arrays.try_for_each(|(i, array)| recorded.set_data(i, array))?;
                        recorded
                    }
                    None => {
                        let data: Vec<&Array<R>> = theta.iter().collect();
                        let objective = Arc::clone(objective);
                        Record::at(x).data(&data).function(move |x, theta| objective(x, theta))?
                    }
                };
                minimizer(&objective, x);
                recordings.give_back(objective);
            }
            (Solver::OfObjective(..), Equation::Root(_)) => unreachable!("a root has no objective"),
        }
        Ok(())
    }

    /// `J⁻¹·r`
    fn newton_step(&self, x: &Array<R>, theta: &[Array<R>]) -> Result<Vec<R>, Fault> {
        let program = self.equation.program(x, theta).map_err(|e| Fault::Within(Box::new(e)))?;
        let tape = Tape::new();
        let inputs = inputs(&tape, x, theta);
        let values = emit(&program, &tape, &inputs, &[]);
        let residual = values[program.outputs[0] as usize].tensor(&tape);
        let step = jacobian(&program, &values, &tape).solve(residual);
        match tape.error() {
            None => Ok(step.data.to_vec()),
            Some(error) => Err(Fault::within(error)),
        }
    }
}

impl<R: Real> Adjoint<R> for Implicit<R> {
    /// `θ_bar = −(∂r/∂θ)ᵀ·J⁻ᵀ·x_bar`
    fn adjoint<'t>(
        &self,
        theta: &[Tensor<'t, R>],
        x: Tensor<'t, R>,
        x_bar: Tensor<'t, R>,
    ) -> Vec<Option<Tensor<'t, R>>> {
        let tape = x.tape;
        let parameters: Vec<Array<R>> = theta.iter().map(|theta| theta.primal_array()).collect();
        let program = match self.equation.program(&x.primal_array(), &parameters) {
            Ok(program) => program,
            Err(error) => {
                tape.fail(error);
                return vec![None; theta.len()];
            }
        };
        let inputs: Vec<Value<'t, R>> =
            std::iter::once(x).chain(theta.iter().copied()).map(Value::from).collect();
        let values = emit(&program, tape, &inputs, &[]);
        let weights = jacobian(&program, &values, tape).solve_transposed(x_bar);
        let all = adjoint_of(&program, 1..inputs.len(), &values, weights.into(), tape);
        all.into_iter().map(|theta_bar| theta_bar.map(|theta_bar| -theta_bar)).collect()
    }
}
