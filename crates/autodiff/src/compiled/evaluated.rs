//! A program evaluated at a point.

use std::ops::Range;
use std::sync::Arc;

use super::cache::{Compiled, Kind};
use super::derived::Origin;
use super::indeterminate::{Careful, IndeterminatePolicy, Source};
use super::memory::Memory;
use super::stage::Stage;
use crate::array::{Array, size};
use crate::error::{Error, check_length};
use crate::number::{Real, compiled_here};
use crate::program::{Arguments, Id};

/// A stage evaluated at a point: its frozen part is.
pub(crate) struct Evaluated<S> {
    pub compiled: Arc<Compiled<S>>,
    pub stage: Arc<Stage<S>>,
    pub kind: Kind,
    pub data: Arc<[Array<S>]>,
    pub policy: IndeterminatePolicy,
    pub memory: Memory<S>,
}

impl<S: Real> Evaluated<S> {
    /// The program at `point`, to be evaluated with care.
    pub(crate) fn careful<'a>(
        &'a self,
        point: &'a [S],
        source: &'a dyn Source<S>,
    ) -> Careful<'a, S> {
        let Self { compiled, stage, kind, data, policy, .. } = self;
        let origin = Origin { point, data };
        Careful { compiled, stage, kind: *kind, origin, policy: *policy, source }
    }

    /// Evaluates the outputs that depend on the point alone with care, if there is NaN in them that the values do not explain.
    pub(crate) fn mend_outputs(
        &mut self,
        point: &[S],
        source: &dyn Source<S>,
    ) -> Result<(), Error> {
        if self.policy == IndeterminatePolicy::Absorb {
            return Ok(());
        }
        let Stage { program, plan, frozen, .. } = &*self.stage;
        let arguments = Arguments { point, direction: &[], data: &self.data };
        let (values, derivatives) = program.outputs.split_at(self.stage.outputs.recorded.end);
        let derivatives = derivatives.iter().filter(|&&id| (id as usize) < *frozen);
        let outputs = values.iter().chain(derivatives).copied();
        let workspace = &self.memory.workspace;
        if !workspace.has_nan(program, plan, arguments, outputs.clone()) {
            return Ok(());
        }
        let is_undefined = |&id: &Id| match program.shape(id) {
            [] => workspace.values[id as usize].is_nan(),
            _ => workspace.array(program, plan, arguments, id).iter().all(|x| x.is_nan()),
        };
        // Outside of the domain there is nothing to mend.
        if values.iter().all(is_undefined) && !self.compiled.has_derivatives() {
            return Ok(());
        }
        let outputs: Vec<Id> = outputs.collect();
        let mended = self.careful(point, source).outputs(&[], &outputs)?;
        let stage = Arc::clone(&self.stage);
        let mut rest = &mended[..];
        for id in outputs {
            let (value, later) = rest.split_at(size(stage.program.shape(id)));
            self.memory.workspace.overwrite(&stage.program, &stage.plan, id, value);
            rest = later;
        }
        Ok(())
    }

    /// The first output, if it is a scalar.
    pub(crate) fn value(&self) -> S {
        self.memory.workspace.values[self.stage.program.outputs[0] as usize]
    }

    /// All outputs of the recording but the first, flat and in order.
    pub(crate) fn auxiliary(&self, point: &[S]) -> Vec<S> {
        let mut auxiliary = vec![S::zero(); self.entries(self.auxiliary_outputs())];
        self.copy_outputs(self.auxiliary_outputs(), point, &mut auxiliary);
        auxiliary
    }

    fn auxiliary_outputs(&self) -> Range<usize> {
        1..self.stage.outputs.recorded.end
    }

    fn entries(&self, outputs: Range<usize>) -> usize {
        let program = &self.stage.program;
        program.outputs[outputs].iter().map(|&id| size(program.shape(id))).sum()
    }

    /// Writes all outputs of the recording but the first, flat and in order, to `out`; the first is returned.
    pub(crate) fn copy_auxiliary(&self, point: &[S], out: &mut [S]) -> Result<S, Error> {
        check_length("the auxiliary", out, self.entries(self.auxiliary_outputs()))?;
        self.copy_outputs(self.auxiliary_outputs(), point, out);
        Ok(self.value())
    }

    /// Writes outputs, flat and in order, to `out`.
    pub(crate) fn copy_outputs(&self, outputs: Range<usize>, point: &[S], out: &mut [S]) {
        compiled_here!(Evaluated::copy, fn(&Evaluated<S>, Range<usize>, &[S], &mut [S]))(
            self, outputs, point, out,
        );
    }

    fn copy(&self, outputs: Range<usize>, point: &[S], out: &mut [S]) {
        let Stage { program, plan, .. } = &*self.stage;
        let arguments = Arguments { point, direction: &[], data: &self.data };
        self.memory.workspace.copy_outputs(program, plan, arguments, outputs, out);
    }
}
