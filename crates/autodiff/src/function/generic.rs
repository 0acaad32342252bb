//! The derivative operators in either precision.
//!
//! Each is the function of the same name at the crate's root, for `S = f32` or `f64`. They are apart because a literal
//! such as `&[1.0, 2.0]` leaves the precision open, and then Rust cannot check the closure.
//!
//! # Example
//!
//! ```
//! use dualtape_autodiff::generic;
//!
//! let x: [f32; 2] = [3.0, 0.0];
//! assert_eq!(generic::gradient(|x| x[0] * x[1].exp(), &x)?, [1.0_f32, 3.0]);
//! # Ok::<(), dualtape_autodiff::Error>(())
//! ```

use super::closure::{Recorded, at_outputs, closure, pull_back};
use super::linearization::HESSIAN;
use super::recorder::Recorder;
use super::scalar::Function;
use super::tree::Tree;
use super::vector::{FORWARD, REVERSE};
use crate::compiled::{Kind, Matrix, OneShot, Source, symmetrize, unit_lanes};
use crate::error::{Error, check_length};
use crate::number::{Dual, Real};
use crate::program::{Embed, Program, Recording, evaluate_scalars};
use crate::tape::{Tape, Value, Var};
use crate::transform::emit;

/// Directions taken through one pass where a whole matrix is wanted.
const LANES: usize = 8;

/// See [`gradient`](crate::gradient()).
///
/// # Errors
///
/// As there.
#[track_caller]
pub fn gradient<S: Real, F>(f: F, x: &[S]) -> Result<Vec<S>, Error>
where
    F: for<'t> Fn(&[Var<'t, S>]) -> Var<'t, S>,
{
    Ok(value_and_gradient(f, x)?.1)
}

/// See [`value_and_gradient`](crate::value_and_gradient()).
///
/// # Errors
///
/// As there.
#[track_caller]
pub fn value_and_gradient<S: Real, F>(f: F, x: &[S]) -> Result<(S, Vec<S>), Error>
where
    F: for<'t> Fn(&[Var<'t, S>]) -> Var<'t, S>,
{
    let mut gradient = vec![S::zero(); x.len()];
    let value = Recorder::new().value_and_gradient(f, x, &mut gradient)?;
    Ok((value, gradient))
}

/// See [`jvp`](crate::jvp()).
///
/// # Errors
///
/// As there.
#[track_caller]
pub fn jvp<S: Real, F>(f: F, x: &[S], v: &[S]) -> Result<(S, S), Error>
where
    F: for<'t> Fn(&[Var<'t, S>]) -> Var<'t, S>,
{
    check_length("the direction", v, x.len())?;
    let f = closure(|x| vec![f(x)]);
    let program = match f.record(x)? {
        Recorded::Ordinary(program) => program,
        Recorded::Special(at) => {
            let product = at.products(Kind::Jacobian, FORWARD, [v.to_vec()])?;
            return Ok((at.values()?[0], product[0][0]));
        }
    };
    let value = push_forward(&program, &seeded(x, |i| [v[i]]))?[0];
    Ok((value.re, value.eps[0]))
}

/// See [`vjp`](crate::vjp()).
///
/// # Errors
///
/// As there.
#[track_caller]
pub fn vjp<S: Real, F>(f: F, x: &[S], w: &[S]) -> Result<(Vec<S>, Vec<S>), Error>
where
    F: for<'t> Fn(&[Var<'t, S>]) -> Vec<Var<'t, S>>,
{
    let f = closure(f);
    match f.record(x)? {
        Recorded::Ordinary(program) => {
            check_length("the cotangent", w, program.outputs.len())?;
            pull_back(&program, x, w)
        }
        Recorded::Special(at) => {
            let values = at.values()?;
            check_length("the cotangent", w, values.len())?;
            let product = at.products(Kind::Jacobian, REVERSE, [w.to_vec()])?.remove(0);
            Ok((values, product))
        }
    }
}

/// See [`hvp`](crate::hvp()).
///
/// # Errors
///
/// As there.
#[track_caller]
pub fn hvp<S: Real, F>(f: F, x: &[S], v: &[S]) -> Result<Vec<S>, Error>
where
    F: for<'t> Fn(&[Var<'t, S>]) -> Var<'t, S>,
{
    check_length("the direction", v, x.len())?;
    let f = closure(|x| vec![f(x)]);
    let program = match f.record(x)? {
        Recorded::Ordinary(program) => program,
        Recorded::Special(at) => {
            return Ok(at.products(Kind::Hvp, HESSIAN, [v.to_vec()])?.remove(0));
        }
    };
    let (_, gradient) = pull_back(&program, &seeded(x, |i| [v[i]]), &[Dual::constant(S::one())])?;
    Ok(gradient.iter().map(|component| component.eps[0]).collect())
}

/// See [`hessian`](crate::hessian()).
///
/// # Errors
///
/// As there.
#[track_caller]
pub fn hessian<S: Real, F>(f: F, x: &[S]) -> Result<Matrix<S>, Error>
where
    F: for<'t> Fn(&[Var<'t, S>]) -> Var<'t, S>,
{
    let n = x.len();
    let f = closure(|x| vec![f(x)]);
    let program = match f.record(x)? {
        Recorded::Ordinary(program) => program,
        Recorded::Special(at) => {
            let mut h = at.products(Kind::Hvp, HESSIAN, units(n))?.concat();
            symmetrize(n, &mut h);
            return Ok(Matrix::from_rows(n, n, h));
        }
    };
    let mut h = vec![S::zero(); n * n];
    for first in (0..n).step_by(LANES) {
        let point = seeded(x, |i| unit_lanes::<S, LANES>(first, i));
        let (_, gradient) = pull_back(&program, &point, &[Dual::constant(S::one())])?;
        for (i, component) in gradient.iter().enumerate() {
            for (lane, &entry) in component.eps.iter().enumerate().take(n - first) {
                h[(first + lane) * n + i] = entry;
            }
        }
    }
    symmetrize(n, &mut h);
    Ok(Matrix::from_rows(n, n, h))
}

/// See [`jacobian`](crate::jacobian()).
///
/// # Errors
///
/// As there.
#[track_caller]
pub fn jacobian<S: Real, F>(f: F, x: &[S]) -> Result<Matrix<S>, Error>
where
    F: for<'t> Fn(&[Var<'t, S>]) -> Vec<Var<'t, S>>,
{
    let f = closure(f);
    let program = match f.record(x)? {
        Recorded::Ordinary(program) => program,
        Recorded::Special(at) => {
            let m = at.values()?.len();
            let rows = at.products(Kind::Jacobian, REVERSE, units(m))?.concat();
            return Ok(Matrix::from_rows(m, x.len(), rows));
        }
    };
    let (m, n) = (program.outputs.len(), x.len());
    let mut rows = vec![S::zero(); m * n];
    if n.div_ceil(LANES) <= m {
        for first in (0..n).step_by(LANES) {
            let values = push_forward(&program, &seeded(x, |i| unit_lanes::<S, LANES>(first, i)))?;
            for (i, value) in values.iter().enumerate() {
                let last = n.min(first + LANES);
                rows[i * n + first..i * n + last].copy_from_slice(&value.eps[..last - first]);
            }
        }
    } else {
        for i in 0..m {
            let mut w = vec![S::zero(); m];
            w[i] = S::one();
            rows[i * n..(i + 1) * n].copy_from_slice(&pull_back(&program, x, &w)?.1);
        }
    }
    Ok(Matrix::from_rows(m, n, rows))
}

/// See [`third_derivative`](crate::third_derivative()).
///
/// # Errors
///
/// As there.
#[track_caller]
pub fn third_derivative<S: Real, F>(f: F, x: &[S], u: &[S], v: &[S]) -> Result<Vec<S>, Error>
where
    F: for<'t> Fn(&[Var<'t, S>]) -> Var<'t, S>,
{
    check_length("the first direction", u, x.len())?;
    check_length("the second direction", v, x.len())?;
    let f = closure(|x| vec![f(x)]);
    let program = match f.record(x)? {
        Recorded::Ordinary(program) => program,
        Recorded::Special(at) => {
            return Ok(at.products(Kind::Third, 0, [[u, v].concat()])?.remove(0));
        }
    };
    let along_u = seeded(x, |i| [u[i]]);
    let point: Vec<_> = along_u
        .into_iter()
        .zip(v)
        .map(|(re, &v)| Dual { re, eps: [Dual::<S, 1>::constant(v)] })
        .collect();
    let (_, gradient) = pull_back(&program, &point, &[Dual::constant(Dual::constant(S::one()))])?;
    Ok(gradient.iter().map(|component| component.eps[0].eps[0]).collect())
}

/// See [`taylor`](crate::taylor()).
///
/// # Errors
///
/// As there.
#[track_caller]
pub fn taylor<S: Real, F>(f: F, x: &[S], v: &[S], order: usize) -> Result<Vec<S>, Error>
where
    F: for<'t> Fn(&[Var<'t, S>]) -> Var<'t, S> + Send + Sync,
{
    Function::record_scalars(x, f)?.taylor(x, v, order)
}

/// See [`gauss_newton`](crate::gauss_newton()).
///
/// # Errors
///
/// As there.
#[track_caller]
pub fn gauss_newton<S: Real, F>(residuals: F, x: &[S], v: &[S]) -> Result<Vec<S>, Error>
where
    F: for<'t> Fn(&[Var<'t, S>]) -> Vec<Var<'t, S>>,
{
    check_length("the direction", v, x.len())?;
    let residuals = closure(residuals);
    let program = match residuals.record(x)? {
        Recorded::Ordinary(program) => program,
        Recorded::Special(at) => {
            let tangent = at.products(Kind::Jacobian, FORWARD, [v.to_vec()])?;
            return Ok(at.products(Kind::Jacobian, REVERSE, tangent)?.remove(0));
        }
    };
    let moved = push_forward(&program, &seeded(x, |i| [v[i]]))?;
    let tangent: Vec<S> = moved.iter().map(|residual| residual.eps[0]).collect();
    Ok(pull_back(&program, x, &tangent)?.1)
}

/// See [`gradient_of`](crate::gradient_of()).
///
/// # Errors
///
/// As there.
#[track_caller]
pub fn gradient_of<S: Real, P, F>(f: F, x: &P) -> Result<P, Error>
where
    P: Tree<S>,
    F: for<'t> Fn(&'t Tape<S>, P::Handles<'t>) -> Var<'t, S>,
{
    Ok(value_and_gradient_of(f, x)?.1)
}

/// See [`value_and_gradient_of`](crate::value_and_gradient_of()).
///
/// # Errors
///
/// As there.
#[track_caller]
pub fn value_and_gradient_of<S: Real, P, F>(f: F, x: &P) -> Result<(S, P), Error>
where
    P: Tree<S>,
    F: for<'t> Fn(&'t Tape<S>, P::Handles<'t>) -> Var<'t, S>,
{
    let tape = Tape::new();
    let value = f(&tape, x.record(&tape));
    let gradient = tape.input_gradient(value)?;
    let value = value.value;
    let recorded = |tape: Tape<S>| {
        let output = tape.id_of(f(&tape, x.record(&tape)));
        tape.finish(vec![output])
    };
    let gradient = careful_gradient(gradient, &recorded)?;
    Ok((value, x.rebuild(&mut gradient.into_iter())))
}

/// See [`value_gradient_and_auxiliary_of`](crate::value_gradient_and_auxiliary_of()).
///
/// # Errors
///
/// As there.
#[track_caller]
pub fn value_gradient_and_auxiliary_of<S: Real, P, A, F>(f: F, x: &P) -> Result<(S, P, A), Error>
where
    P: Tree<S>,
    F: for<'t> Fn(&'t Tape<S>, P::Handles<'t>) -> (Var<'t, S>, A),
{
    let tape = Tape::new();
    let (value, auxiliary) = f(&tape, x.record(&tape));
    let gradient = tape.input_gradient(value)?;
    let value = value.value;
    let recorded = |tape: Tape<S>| {
        let output = tape.id_of(f(&tape, x.record(&tape)).0);
        tape.finish(vec![output])
    };
    let gradient = careful_gradient(gradient, &recorded)?;
    Ok((value, x.rebuild(&mut gradient.into_iter()), auxiliary))
}

/// Records the function of a tree on this empty tape.
type TreeRecorder<'a, S> = dyn Fn(Tape<S>) -> Result<Recording<S>, Error> + 'a;

impl<S: Real> Source<S> for &TreeRecorder<'_, S> {
    fn recorded_on(&self, tape: Tape<S>, _: &[S]) -> Result<Program<S>, Error> {
        Ok(self(tape)?.program)
    }
}

/// A gradient that was computed on the tape itself, looked into where there is NaN in it.
fn careful_gradient<S: Real>(
    gradient: Vec<S>,
    recorded: &TreeRecorder<'_, S>,
) -> Result<Vec<S>, Error> {
    if !gradient.iter().any(|x_bar| x_bar.is_nan()) {
        return Ok(gradient);
    }
    let recording = recorded(Tape::new())?;
    let inputs = recording.program.inputs.iter();
    let point: Vec<S> = inputs.flat_map(|&id| recording.elements(id)).copied().collect();
    OneShot::new(recording.program, &point, &recorded).gradient()
}

/// The standard basis.
fn units<S: Real>(n: usize) -> impl Iterator<Item = Vec<S>> {
    (0..n).map(move |k| (0..n).map(|i| unit_lanes::<S, 1>(k, i)[0]).collect())
}

fn seeded<S: Real, const K: usize>(x: &[S], eps: impl Fn(usize) -> [S; K]) -> Vec<Dual<S, K>> {
    x.iter().enumerate().map(|(i, &re)| Dual { re, eps: eps(i) }).collect()
}

/// The values of a program of scalar inputs and outputs over the number `T`.
fn push_forward<S: Real, T: Embed<S>>(program: &Program<S>, x: &[T]) -> Result<Vec<T>, Error> {
    if program.is_scalar() {
        return Ok(at_outputs(program, &evaluate_scalars(program, x)));
    }
    let tape = Tape::new();
    let inputs: Vec<Value<'_, T>> = x.iter().map(|&x| Value::Scalar(tape.input(x))).collect();
    let values = emit(program, &tape, &inputs, &[]);
    let outputs = program.outputs.iter().map(|&id| values[id as usize].scalar().value).collect();
    tape.error().map_or(Ok(outputs), Err)
}
