//! A closure of scalars, recorded for one point.

use super::recorded::Recorded;
use crate::compiled::Source;
use crate::error::Error;
use crate::number::Real;
use crate::program::Program;
use crate::tape::{Tape, Var, record_scalars, record_scalars_on};

/// A closure over scalars, to be recorded for one point.
pub(crate) struct Closure<F>(pub F);

/// States what a closure takes and gives, as its own type leaves open.
pub(crate) fn closure<S: Real, F>(f: F) -> Closure<F>
where
    F: for<'t> Fn(&[Var<'t, S>]) -> Vec<Var<'t, S>>,
{
    Closure(f)
}

impl<S: Real, F> Source<S> for Closure<F>
where
    F: for<'t> Fn(&[Var<'t, S>]) -> Vec<Var<'t, S>>,
{
    fn recorded_on(&self, tape: Tape<S>, x: &[S]) -> Result<Program<S>, Error> {
        Ok(record_scalars_on(tape, x, &self.0)?.program)
    }
}

impl<F> Closure<F> {
    #[track_caller]
    pub(crate) fn record<'a, S: Real>(&'a self, x: &'a [S]) -> Result<Recorded<'a, S>, Error>
    where
        F: for<'t> Fn(&[Var<'t, S>]) -> Vec<Var<'t, S>>,
    {
        Ok(Recorded::new(record_scalars(x, &self.0)?, x, self))
    }
}
