//! Points at which a derivative cannot be told from the factors of the chain rule.
//!
//! A program is evaluated as if there were none: a product `0·∞` is NaN. Where NaN comes out, the same program is evaluated
//! once more over numbers that know which of them depend on the inputs. There a zero that does not (a weight, a mask, a
//! direction that does not move, a branch not taken) absorbs, and what then has no value is refused, with the operation
//! and the line. So points where all is finite cost nothing.

use std::panic::Location;
use std::sync::Arc;

use super::cache::{Compiled, Kind, Primal};
use super::derived::{Derived, Origin, gradient_program, jacobian_program, tangent_program};
use super::product::{Product, ProductKind};
use super::stage::Stage;
use crate::error::Error;
use crate::number::{Real, compiled_here};
use crate::program::{Id, Program, origin_of};
use crate::tape::Tape;
use crate::transform::{Outputs, evaluate_tracked};

/// What to do where a derivative is a zero that was computed from the inputs times an infinity or NaN: where it is
/// indeterminate.
///
/// The gradient of `∛(x³)` at 0 is 1, but the chain rule has `∞·0`; that of `√x·√x` is 1, the Hessian of `½‖x‖²` written
/// with the norm is the identity, and that of `|x|²` is 2. None of these can be told from the factors.
///
/// A zero that does not depend on the inputs is none of these cases: whatever a weight or a mask of 0 multiplies, a direction
/// that does not move, a branch that is not taken contribute 0, at the end of a domain too, under every policy.
///
/// Numbers are taken as they were computed, not as they would be without rounding. So the derivative of `sin(asin x)` at 1 is
/// infinite, `∞·cos(π/2)`, since the double next to π/2 has a cosine of 6·10⁻¹⁷, and that of `acos(cos x)` at 10⁻⁹, where
/// the cosine is rounded to 1: there the limit is 1. What tells such infinities from right ones, as that of `√x` at 0, is
/// the error of each value, which nobody knows; [`smoothness`](crate::Recorded::smoothness) names their operation and line as those
/// of any other, and no optimizer certifies such a point.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Error, IndeterminatePolicy, record, scalar_loss};
///
/// let loss = scalar_loss(|x| x[0].powi(3).cbrt() + 0.0 * x[1].sqrt());
/// let f = record(&[1.0, 1.0]).function(&loss)?;
/// assert_eq!(f.gradient(&[8.0, 0.0])?, [1.0, 0.0]);
/// assert!(matches!(f.gradient(&[0.0, 0.0]), Err(Error::Indeterminate { .. })));
///
/// let f = record(&[1.0, 1.0]).indeterminate(IndeterminatePolicy::Nan).function(&loss)?;
/// let g = f.gradient(&[0.0, 0.0])?;
/// assert!(g[0].is_nan() && g[1] == 0.0);
///
/// let f = record(&[1.0, 1.0]).indeterminate(IndeterminatePolicy::Absorb).function(&loss)?;
/// assert_eq!(f.gradient(&[0.0, 0.0])?, [0.0, 0.0]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum IndeterminatePolicy {
    /// Return [`Error::Indeterminate`], which names the operation and its source line. At points that are not finite
    /// themselves, as [`Nan`](Self::Nan).
    #[default]
    Refuse,
    /// Give NaN for the components that are indeterminate.
    Nan,
    /// Let the zero absorb, and so give the part of the derivative that is left: a subgradient for norms of what is masked
    /// by computed zeros, but for smooth functions possibly another number than the derivative.
    ///
    /// The second derivative of `|x|` at 0 is taken as 0 too. The fastest where such points are met often.
    Absorb,
}

/// Where the closure of a recording can be asked for another one.
pub(crate) trait Source<S: Real> {
    /// The recording at `x` on this empty tape.
    fn recorded_on(&self, tape: Tape<S>, x: &[S]) -> Result<Program<S>, Error>;
}

/// An operation of the user's code, and its line.
type Located = (String, Option<&'static Location<'static>>);

/// A derived program at a point, to be evaluated with care.
pub(crate) struct Careful<'a, S: Real> {
    pub compiled: &'a Compiled<S>,
    pub stage: &'a Stage<S>,
    pub kind: Kind,
    pub origin: Origin<'a, S>,
    pub policy: IndeterminatePolicy,
    pub source: &'a dyn Source<S>,
}

impl<S: Real> Careful<'_, S> {
    /// Outputs for all directions of the stage, flat and in order.
    ///
    /// # Errors
    ///
    /// [`Error::Indeterminate`], if the policy is to refuse.
    pub(crate) fn outputs(&self, direction: &[S], outputs: &[Id]) -> Result<Vec<S>, Error> {
        let Self { stage, origin, .. } = self;
        let Outputs { values, lost } = evaluate_tracked(
            &stage.program,
            stage.primal_inputs,
            origin.point,
            direction,
            origin.data,
            outputs,
        )?;
        // At infinity there is no point to be left.
        let refuses = self.policy == IndeterminatePolicy::Refuse
            && origin.point.iter().all(|x| x.is_finite());
        match lost {
            Some(lost) if refuses => {
                let here = || (stage.program.operation(lost.factor), None);
                let (operation, at) = self.locate(direction)?.unwrap_or_else(here);
                Err(Error::Indeterminate { operation, at })
            }
            _ => Ok(values),
        }
    }

    /// As [`locate`](Self::locate), of derivatives along a direction, by the lowest order that is lost.
    fn locate_along(&self, direction: &[S]) -> Result<Option<Located>, Error> {
        let orders = [
            (Kind::Jacobian, [direction, &[S::zero()]].concat()),
            (Kind::Hvp, direction.to_vec()),
            (Kind::Third, [direction, direction].concat()),
        ];
        for (kind, direction) in orders {
            let located = Careful { kind, ..*self }.locate(&direction)?;
            if located.is_some() {
                return Ok(located);
            }
        }
        Ok(None)
    }

    /// One product.
    pub(crate) fn product(&self, kind: ProductKind, v: &[S]) -> Result<Vec<S>, Error> {
        let Product { direction: range, outputs, .. } = self.stage.product(kind);
        let mut direction = vec![S::zero(); self.stage.direction_length()];
        direction[range.clone()].copy_from_slice(v);
        self.outputs(&direction, &self.stage.program.outputs[outputs.clone()])
    }

    /// The operation of the user's code whose derivative is infinite or missing, and its line; found on a recording of its
    /// own, in which every instruction knows what it comes from.
    fn locate(&self, direction: &[S]) -> Result<Option<Located>, Error> {
        let Origin { point, data } = self.origin;
        let primal = self.source.recorded_on(Tape::new(), point)?;
        let n = primal.inputs.len();
        let tape = Tape::deriving([&primal]).marking();
        // Each derived from the one before.
        let mut derived: Vec<Derived<S>> = match self.kind {
            Kind::Value => Vec::new(),
            Kind::Jacobian => {
                let m = self.compiled.differentiated_outputs();
                vec![jacobian_program(tape, &primal, m, self.origin)?]
            }
            Kind::Taylor(_) => return self.locate_along(direction),
            Kind::Gradient | Kind::Hvp | Kind::Third | Kind::Curvature => {
                let differentiated = self.compiled.differentiated_outputs();
                vec![gradient_program(tape, &primal, differentiated, self.origin)?]
            }
        };
        let tangents = match self.kind {
            Kind::Hvp | Kind::Curvature => 1,
            Kind::Third => 2,
            _ => 0,
        };
        for _ in 0..tangents {
            let Some(Derived { program, appended, .. }) = derived.last() else { break };
            let tape = Tape::deriving([program]).marking();
            let next = tangent_program(tape, program, n, appended[0].clone(), self.origin)?;
            derived.push(next);
        }
        let last = derived.last().map_or(&primal, |derived| &derived.program);
        let Outputs { lost, .. } =
            evaluate_tracked(last, n, point, direction, data, &last.outputs)?;
        let Some(lost) = lost else { return Ok(None) };
        let mut back = derived.iter().rev();
        let recorded = back.try_fold(lost.factor, |id, derived| origin_of(&derived.marks, id));
        let Some(id) = recorded else { return Ok(None) };
        Ok(Some((primal.operation(id), source_line(self.source, point, id)?)))
    }
}

/// The source line of an instruction, from a recording that looks out for it.
pub(crate) fn source_line<S: Real>(
    source: &dyn Source<S>,
    x: &[S],
    id: Id,
) -> Result<Option<&'static Location<'static>>, Error> {
    let (tape, line) = Tape::watching(id);
    let program = source.recorded_on(tape, x)?;
    Ok(program.node(id).map(|node| node.at).or(line.get()))
}

/// A recording of scalars that was made once, to be evaluated with care.
pub(crate) struct OneShot<'a, S: Real> {
    compiled: Arc<Compiled<S>>,
    point: &'a [S],
    source: &'a dyn Source<S>,
}

impl<'a, S: Real> OneShot<'a, S> {
    pub(crate) fn new(program: Program<S>, point: &'a [S], source: &'a dyn Source<S>) -> Self {
        let differentiated = program.outputs.len();
        let primal = Primal { program, differentiated, split: None };
        let compile = compiled_here!(Compiled::new, fn(Primal<S>, bool) -> Compiled<S>);
        Self { compiled: Arc::new(compile(primal, false)), point, source }
    }

    fn careful<R>(
        &self,
        kind: Kind,
        read: impl FnOnce(Careful<'_, S>) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let origin = Origin { point: self.point, data: &[] };
        let stage = self.compiled.stage(kind, origin)?;
        read(Careful {
            compiled: &self.compiled,
            stage: &stage,
            kind,
            origin,
            policy: IndeterminatePolicy::Refuse,
            source: self.source,
        })
    }

    /// Number of inputs.
    pub(crate) fn dim(&self) -> usize {
        self.point.len()
    }

    /// The outputs of the recording.
    pub(crate) fn values(&self) -> Result<Vec<S>, Error> {
        compiled_here!(
            |at| at.careful(Kind::Value, |at| at.outputs(&[], &at.stage.program.outputs)),
            fn(&OneShot<'_, S>) -> Result<Vec<S>, Error>
        )(self)
    }

    /// The gradient of the one output.
    pub(crate) fn gradient(&self) -> Result<Vec<S>, Error> {
        compiled_here!(
            |at| at.careful(Kind::Gradient, |at| at.outputs(&[], &at.stage.program.outputs[1..])),
            fn(&OneShot<'_, S>) -> Result<Vec<S>, Error>
        )(self)
    }

    /// A product, for each of some directions.
    pub(crate) fn products(
        &self,
        product: ProductKind,
        directions: impl IntoIterator<Item = Vec<S>>,
    ) -> Result<Vec<Vec<S>>, Error> {
        let kind = Kind::with(product);
        self.careful(kind, |at| directions.into_iter().map(|v| at.product(product, &v)).collect())
    }
}
