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

use super::closure::closure;
use super::record::Record;
use super::recorded::{self, Recorded};
use super::recorder::Recorder;
use super::tree::Tree;
use crate::compiled::{Matrix, OneShot, Source};
use crate::error::{Error, check_length};
use crate::number::{Real, compiled_here};
use crate::program::{Program, Recording};
use crate::tape::{Tape, Var};

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
    let value = Recorder::new().value_and_gradient_into(f, x, &mut gradient)?;
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
    let jvp = compiled_here!(recorded::jvp, fn(&Recorded<'_, S>, &[S]) -> Result<(S, S), Error>);
    jvp(&f.record(x)?, v)
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
    let vjp = compiled_here!(
        recorded::vjp,
        fn(&Recorded<'_, S>, &[S]) -> Result<(Vec<S>, Vec<S>), Error>
    );
    vjp(&f.record(x)?, w)
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
    let hvp = compiled_here!(recorded::hvp, fn(&Recorded<'_, S>, &[S]) -> Result<Vec<S>, Error>);
    hvp(&f.record(x)?, v)
}

/// See [`value_gradient_and_hvp`](crate::value_gradient_and_hvp()).
///
/// # Errors
///
/// As there.
#[track_caller]
pub fn value_gradient_and_hvp<S: Real, F>(
    f: F,
    x: &[S],
    v: &[S],
) -> Result<(S, Vec<S>, Vec<S>), Error>
where
    F: for<'t> Fn(&[Var<'t, S>]) -> Var<'t, S>,
{
    check_length("the direction", v, x.len())?;
    let f = closure(|x| vec![f(x)]);
    let value_gradient_and_hvp = compiled_here!(
        recorded::value_gradient_and_hvp,
        fn(&Recorded<'_, S>, &[S]) -> Result<(S, Vec<S>, Vec<S>), Error>
    );
    value_gradient_and_hvp(&f.record(x)?, v)
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
    let f = closure(|x| vec![f(x)]);
    let hessian =
        compiled_here!(recorded::hessian, fn(&Recorded<'_, S>) -> Result<Matrix<S>, Error>);
    hessian(&f.record(x)?)
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
    let jacobian =
        compiled_here!(recorded::jacobian, fn(&Recorded<'_, S>) -> Result<Matrix<S>, Error>);
    jacobian(&f.record(x)?)
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
    let third_derivative = compiled_here!(
        recorded::third_derivative,
        fn(&Recorded<'_, S>, &[S], &[S]) -> Result<Vec<S>, Error>
    );
    third_derivative(&f.record(x)?, u, v)
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
    Record::at(x).function(f)?.taylor(x, v, order)
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
    let gauss_newton =
        compiled_here!(recorded::gauss_newton, fn(&Recorded<'_, S>, &[S]) -> Result<Vec<S>, Error>);
    gauss_newton(&residuals.record(x)?, v)
}

/// See [`gradient_of`](crate::tree::gradient_of()).
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

/// See [`value_and_gradient_of`](crate::tree::value_and_gradient_of()).
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

/// See [`value_gradient_and_auxiliary_of`](crate::tree::value_gradient_and_auxiliary_of()).
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
