//! Derivatives at the one point for which a closure was recorded: over reals, or over dual numbers.

use crate::compiled::{LANES, Matrix, OneShot, ProductKind, Source, symmetrize, unit_lanes};
use crate::error::{Error, check_length};
use crate::number::{Dual, Real, compiled_here};
use crate::program::{Embed, Program, Recording, evaluate_scalars, reverse_scalars};
use crate::tape::{Tape, Value, Var, emit};
use crate::transform::record_adjoint;

/// A recording for one point.
pub(crate) enum Recorded<'a, S: Real> {
    /// All derivatives are finite here, so no product of them is indeterminate.
    Ordinary(Program<S>, &'a [S]),
    /// At a kink or a singularity.
    Special(OneShot<'a, S>),
}

impl<'a, S: Real> Recorded<'a, S> {
    pub(crate) fn new(recording: Recording<S>, x: &'a [S], source: &'a dyn Source<S>) -> Self {
        let is_ordinary = compiled_here!(Recording::is_ordinary, fn(&Recording<S>) -> bool);
        match is_ordinary(&recording) {
            true => Self::Ordinary(recording.program, x),
            false => Self::Special(OneShot::new(recording.program, x, source)),
        }
    }
}

/// The value and `∇f(x)·v`.
pub(crate) fn jvp<S: Real>(f: &Recorded<'_, S>, v: &[S]) -> Result<(S, S), Error> {
    match f {
        Recorded::Ordinary(program, x) => {
            let value = push_forward(program, &seeded(x, |i| [v[i]]))?[0];
            Ok((value.re, value.eps[0]))
        }
        Recorded::Special(at) => {
            let product = at.products(ProductKind::Forward, [v.to_vec()])?;
            Ok((at.values()?[0], product[0][0]))
        }
    }
}

/// The values and `wᵀJ(x)`.
pub(crate) fn vjp<S: Real>(f: &Recorded<'_, S>, w: &[S]) -> Result<(Vec<S>, Vec<S>), Error> {
    match f {
        Recorded::Ordinary(program, x) => {
            check_length("the cotangent", w, program.outputs.len())?;
            pull_back(program, x, w)
        }
        Recorded::Special(at) => {
            let values = at.values()?;
            check_length("the cotangent", w, values.len())?;
            let product = at.products(ProductKind::Reverse, [w.to_vec()])?.remove(0);
            Ok((values, product))
        }
    }
}

/// `∇²f(x)·v`
pub(crate) fn hvp<S: Real>(f: &Recorded<'_, S>, v: &[S]) -> Result<Vec<S>, Error> {
    match f {
        Recorded::Ordinary(program, x) => {
            let point = seeded(x, |i| [v[i]]);
            let (_, gradient) = pull_back(program, &point, &[Dual::constant(S::one())])?;
            Ok(gradient.iter().map(|component| component.eps[0]).collect())
        }
        Recorded::Special(at) => Ok(at.products(ProductKind::Hessian, [v.to_vec()])?.remove(0)),
    }
}

/// The value, `∇f(x)` and `∇²f(x)·v`
pub(crate) fn value_gradient_and_hvp<S: Real>(
    f: &Recorded<'_, S>,
    v: &[S],
) -> Result<(S, Vec<S>, Vec<S>), Error> {
    match f {
        Recorded::Ordinary(program, x) => {
            let point = seeded(x, |i| [v[i]]);
            let (values, gradient) = pull_back(program, &point, &[Dual::constant(S::one())])?;
            let product = gradient.iter().map(|component| component.eps[0]).collect();
            let gradient = gradient.iter().map(|component| component.re).collect();
            Ok((values[0].re, gradient, product))
        }
        Recorded::Special(at) => {
            let product = at.products(ProductKind::Hessian, [v.to_vec()])?.remove(0);
            Ok((at.values()?[0], at.gradient()?, product))
        }
    }
}

/// `∇²f(x)`
pub(crate) fn hessian<S: Real>(f: &Recorded<'_, S>) -> Result<Matrix<S>, Error> {
    let (program, x) = match f {
        Recorded::Ordinary(program, x) => (program, x),
        Recorded::Special(at) => {
            let n = at.dim();
            let mut h = at.products(ProductKind::Hessian, units(n))?.concat();
            symmetrize(n, &mut h);
            return Ok(Matrix::from_rows(n, n, h));
        }
    };
    let n = x.len();
    let mut h = vec![S::zero(); n * n];
    for first in (0..n).step_by(LANES) {
        let point = seeded(x, |i| unit_lanes::<S, LANES>(first, i));
        let (_, gradient) = pull_back(program, &point, &[Dual::constant(S::one())])?;
        for (i, component) in gradient.iter().enumerate() {
            for (lane, &entry) in component.eps.iter().enumerate().take(n - first) {
                h[(first + lane) * n + i] = entry;
            }
        }
    }
    symmetrize(n, &mut h);
    Ok(Matrix::from_rows(n, n, h))
}

/// `J(x)`
pub(crate) fn jacobian<S: Real>(f: &Recorded<'_, S>) -> Result<Matrix<S>, Error> {
    let (program, x) = match f {
        Recorded::Ordinary(program, x) => (program, x),
        Recorded::Special(at) => {
            let m = at.values()?.len();
            let rows = at.products(ProductKind::Reverse, units(m))?.concat();
            return Ok(Matrix::from_rows(m, at.dim(), rows));
        }
    };
    let (m, n) = (program.outputs.len(), x.len());
    let mut rows = vec![S::zero(); m * n];
    if n.div_ceil(LANES) <= m {
        for first in (0..n).step_by(LANES) {
            let values = push_forward(program, &seeded(x, |i| unit_lanes::<S, LANES>(first, i)))?;
            for (i, value) in values.iter().enumerate() {
                let last = n.min(first + LANES);
                rows[i * n + first..i * n + last].copy_from_slice(&value.eps[..last - first]);
            }
        }
    } else {
        for i in 0..m {
            let mut w = vec![S::zero(); m];
            w[i] = S::one();
            rows[i * n..(i + 1) * n].copy_from_slice(&pull_back(program, x, &w)?.1);
        }
    }
    Ok(Matrix::from_rows(m, n, rows))
}

/// `∇³f(x)[u, v]`
pub(crate) fn third_derivative<S: Real>(
    f: &Recorded<'_, S>,
    u: &[S],
    v: &[S],
) -> Result<Vec<S>, Error> {
    let (program, x) = match f {
        Recorded::Ordinary(program, x) => (program, x),
        Recorded::Special(at) => {
            return Ok(at.products(ProductKind::Third, [[u, v].concat()])?.remove(0));
        }
    };
    let along_u = seeded(x, |i| [u[i]]);
    let point: Vec<_> = along_u
        .into_iter()
        .zip(v)
        .map(|(re, &v)| Dual { re, eps: [Dual::<S, 1>::constant(v)] })
        .collect();
    let (_, gradient) = pull_back(program, &point, &[Dual::constant(Dual::constant(S::one()))])?;
    Ok(gradient.iter().map(|component| component.eps[0].eps[0]).collect())
}

/// `JᵀJ·v`
pub(crate) fn gauss_newton<S: Real>(f: &Recorded<'_, S>, v: &[S]) -> Result<Vec<S>, Error> {
    match f {
        Recorded::Ordinary(program, x) => {
            let moved = push_forward(program, &seeded(x, |i| [v[i]]))?;
            let tangent: Vec<S> = moved.iter().map(|residual| residual.eps[0]).collect();
            Ok(pull_back(program, x, &tangent)?.1)
        }
        Recorded::Special(at) => {
            let tangent = at.products(ProductKind::Forward, [v.to_vec()])?;
            Ok(at.products(ProductKind::Reverse, tangent)?.remove(0))
        }
    }
}

/// The gradient of the first output, from the values that a recording has already. Returns whether it could be told.
pub(crate) fn gradient_into<S: Real>(
    recording: &Recording<S>,
    x: &[S],
    cotangents: &mut Vec<S>,
    gradient: &mut [S],
) -> Result<bool, Error> {
    let Recording { program, values, .. } = recording;
    if !program.is_scalar() {
        if !recording.is_ordinary() {
            return Ok(false);
        }
        gradient.copy_from_slice(&pull_back(program, x, &[S::one()])?.1);
        return Ok(true);
    }
    // A product of 0 and infinity is NaN, and so is all that follows from it.
    let output = program.outputs[0];
    let seeds = [(output, S::one())];
    reverse_scalars(
        program,
        values,
        &seeds,
        cotangents,
        |_| true,
        |y_bar, partial| y_bar * partial,
    );
    let mut has_nan = values[output as usize].is_nan();
    for (x_bar, &input) in gradient.iter_mut().zip(&program.inputs) {
        *x_bar = cotangents[input as usize];
        has_nan |= x_bar.is_nan();
    }
    Ok(!has_nan)
}

/// The standard basis.
fn units<S: Real>(n: usize) -> impl Iterator<Item = Vec<S>> {
    (0..n).map(move |k| (0..n).map(|i| unit_lanes::<S, 1>(k, i)[0]).collect())
}

fn seeded<S: Real, const K: usize>(x: &[S], eps: impl Fn(usize) -> [S; K]) -> Vec<Dual<S, K>> {
    x.iter().enumerate().map(|(i, &re)| Dual { re, eps: eps(i) }).collect()
}

fn at_inputs<S, T: Copy>(program: &Program<S>, all: &[T]) -> Vec<T> {
    program.inputs.iter().map(|&id| all[id as usize]).collect()
}

fn at_outputs<S, T: Copy>(program: &Program<S>, all: &[T]) -> Vec<T> {
    program.outputs.iter().map(|&id| all[id as usize]).collect()
}

/// The values of a program of scalar inputs and outputs over the number `T`.
fn push_forward<S: Real, T: Embed<S>>(program: &Program<S>, x: &[T]) -> Result<Vec<T>, Error> {
    if program.is_scalar() {
        return Ok(at_outputs(program, &evaluate_scalars(program, x)));
    }
    let tape = Tape::new();
    let values = emit(program, &tape, &inputs(&tape, x), &[]);
    let outputs = program.outputs.iter().map(|&id| values[id as usize].scalar().value).collect();
    tape.error().map_or(Ok(outputs), Err)
}

/// The values, and the cotangents of the inputs for cotangents `w` of the outputs, over the number `T`.
fn pull_back<S: Real, T: Embed<S>>(
    program: &Program<S>,
    x: &[T],
    w: &[T],
) -> Result<(Vec<T>, Vec<T>), Error> {
    if program.is_scalar() {
        let values = evaluate_scalars(program, x);
        let seeds: Vec<_> = program.outputs.iter().copied().zip(w.iter().copied()).collect();
        let mut cotangents = Vec::new();
        // What the outputs do not depend on contributes nothing, even where its partials are infinite.
        let contributes = |y_bar: T| y_bar.known_constant() != Some(0.0);
        reverse_scalars(program, &values, &seeds, &mut cotangents, contributes, T::chain);
        return Ok((at_outputs(program, &values), at_inputs(program, &cotangents)));
    }
    let tape = Tape::new();
    let values = emit(program, &tape, &inputs(&tape, x), &[]);
    let seeds: Vec<_> = program
        .outputs
        .iter()
        .zip(w)
        .map(|(&id, &w)| (id, Value::Scalar(Var::from_value(w))))
        .collect();
    let cotangents = record_adjoint(program, &tape, &values, &seeds)
        .into_iter()
        .map(|cotangent| cotangent.map_or(T::zero(), |x| x.scalar().value))
        .collect();
    let outputs = program.outputs.iter().map(|&id| values[id as usize].scalar().value).collect();
    tape.error().map_or(Ok((outputs, cotangents)), Err)
}

fn inputs<'t, T: crate::number::Scalar>(tape: &'t Tape<T>, x: &[T]) -> Vec<Value<'t, T>> {
    x.iter().map(|&x| Value::Scalar(tape.input(x))).collect()
}
