//! Recording a function of scalars.

use super::Tape;
use super::var::Var;
use crate::error::Error;
use crate::number::Real;
use crate::program::Recording;

/// Records a closure over scalars at `x`.
#[track_caller]
pub(crate) fn record_scalars<S: Real, F>(x: &[S], f: F) -> Result<Recording<S>, Error>
where
    F: for<'t> Fn(&[Var<'t, S>]) -> Vec<Var<'t, S>>,
{
    record_scalars_on(Tape::new(), x, f)
}

/// Records a closure over scalars at `x` on an empty tape.
pub(crate) fn record_scalars_on<S: Real, F>(
    tape: Tape<S>,
    x: &[S],
    f: F,
) -> Result<Recording<S>, Error>
where
    F: for<'t> Fn(&[Var<'t, S>]) -> Vec<Var<'t, S>>,
{
    let inputs: Vec<Var<'_, S>> = x.iter().map(|&x| tape.input(x)).collect();
    let outputs = f(&inputs).into_iter().map(|y| tape.id_of(y)).collect();
    tape.finish(outputs)
}
