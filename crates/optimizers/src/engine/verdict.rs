//! What the curvature at a stationary point says, and what follows from it.

use dualtape_autodiff::Real;

use super::bounds::Bounds;
use super::line_search::{Armijo, Condition, Ray};
use super::method::{Here, Method};
use super::report::{SecondOrder, StopReason};
use super::rounding::promise;
use super::run::{End, Run};
use crate::error::Error;
use crate::linalg::{
    Curvature, CurvatureSource, Eigenpair, LinearOperator, SmallestEigenvalue, dot, norm,
};
use crate::problem::Objective;

/// What the curvature at a stationary point means for the run.
pub(crate) enum Examined<S> {
    Final(End<S>),
    /// A lower point along negative curvature.
    Escape(Vec<S>),
    /// Negative curvature that leads to no lower value; the end if the method cannot go on.
    Doubtful(End<S>),
}

/// The verdict on where a run ends.
///
/// Beside a minimum where the Hessian is singular (a free molecule, a valley of minima), the remaining gradient makes some
/// eigenvalue negative: by little, and it vanishes as the gradient does. At a saddle point it remains what it is. So where
/// negative curvature leads to no lower value, the method goes on, to a gradient of a tenth, before the verdict is spoken.
/// It goes on, too, where curvature that is nowhere negative shows that the gradient is not small after all.
#[derive(Debug)]
pub(crate) struct Verdict<S> {
    doubt: Option<Doubt<S>>,
}

#[derive(Debug)]
struct Doubt<S> {
    /// The negative eigenvalue that was met first, if one was.
    first: Option<S>,
    /// The gradient to get below.
    target: S,
    /// Iterations left for that.
    patience: usize,
    /// How often the gradient got there.
    rounds: usize,
}

impl<S> Default for Verdict<S> {
    fn default() -> Self {
        Verdict { doubt: None }
    }
}

impl<S: Real> Verdict<S> {
    /// Iterations allowed to bring the gradient down to a tenth.
    const PATIENCE: usize = 25;
    /// Tenths of the gradient to wait for: more than there are digits.
    const ROUNDS: usize = 16;

    /// Whether to go on from a stationary point with this gradient.
    pub(crate) fn waits(&mut self, gradient: &[S], run: &Run<'_, '_, S>) -> bool {
        let Some(doubt) = &mut self.doubt else { return false };
        let waits = doubt.patience > 0 && norm(gradient) > doubt.target && run.limit().is_none();
        doubt.patience = doubt.patience.saturating_sub(1);
        waits
    }

    /// Looks at the curvature at a stationary point.
    pub(crate) fn examine(
        &mut self,
        method: &mut dyn Method<S>,
        here: &Here<'_, '_, S>,
        run: &Run<'_, '_, S>,
        stop: StopReason,
    ) -> Result<Examined<S>, Error> {
        let interrupted = || run.interrupted().is_some();
        let Some(settings) = run.second_order_check().filter(|_| !interrupted()) else {
            // Negative curvature was seen on the way here.
            let stop = self.doubt.as_ref().and(run.limit()).unwrap_or(stop);
            return Ok(Examined::Final(End::at(stop, SecondOrder::NotExamined)));
        };
        let kinks = here.objective.kinks(here.x)?;
        let smallest = match smallest_eigenpair(method, here, settings, &interrupted) {
            Err(error) if error.is_numerical() => None,
            smallest => smallest?,
        };
        let Some((curvature, direction)) = smallest else {
            let end = End::at(stop, SecondOrder::NotFinite);
            return Ok(Examined::Final(End { kinks, ..end }));
        };
        let judged = SecondOrder::judge(curvature);
        let may_lead_down = match judged {
            SecondOrder::Indefinite(_) => run.limit().is_none(),
            // Beside a far larger eigenvalue, a negative one that counts as zero may be no rounding: the way down proves it.
            SecondOrder::Semidefinite(_) => {
                let largest = curvature.tolerance / settings.tolerance;
                let rounding = S::constant(here.x.len() as f64) * S::epsilon() * largest;
                curvature.smallest < -rounding
            }
            _ => false,
        };
        let way_down = match may_lead_down {
            true => here.escape(&direction, curvature.smallest, run.reach(), method.bounds())?,
            false => None,
        };
        let second_order = match judged {
            SecondOrder::Indefinite(_) => {
                return Ok(self.distrust(
                    method,
                    here,
                    run,
                    stop,
                    (curvature, direction),
                    way_down,
                ));
            }
            SecondOrder::Semidefinite(_) if way_down.is_some() => {
                return Ok(self.distrust(
                    method,
                    here,
                    run,
                    stop,
                    (curvature, direction),
                    way_down,
                ));
            }
            _ if !kinks.is_empty() => SecondOrder::NotSmooth,
            SecondOrder::Minimum(curvature) | SecondOrder::Semidefinite(curvature)
                if stop == StopReason::GradientTolerance
                    && self.is_premature(method, here, run, curvature)? =>
            {
                return Ok(self.go_on(here, run));
            }
            second_order => second_order,
        };
        Ok(Examined::Final(End { stop, second_order, direction: Some(direction), kinks }))
    }

    /// What to do about a negative eigenvalue, and the lower point to which it led.
    fn distrust(
        &mut self,
        method: &dyn Method<S>,
        here: &Here<'_, '_, S>,
        run: &Run<'_, '_, S>,
        stop: StopReason,
        (curvature, direction): Eigenpair<S>,
        way_down: Option<Vec<S>>,
    ) -> Examined<S> {
        let eigenvalue = curvature.smallest;
        let indefinite = SecondOrder::Indefinite(curvature);
        let end = |stop, second_order, direction| End {
            direction: Some(direction),
            ..End::at(stop, second_order)
        };
        if let Some(limit) = run.limit() {
            return Examined::Final(end(limit, indefinite, direction));
        }
        if let Some(next) = way_down {
            self.doubt = None;
            return match method.escapes() {
                true => Examined::Escape(next),
                false => Examined::Final(end(stop, indefinite, direction)),
            };
        }
        let gradient_norm = norm(here.at.gradient());
        // A sum of squares has no lower value than 0, to which those of small residuals underflow.
        if here.at.value().is_zero() && here.at.residuals().is_ok() {
            return Examined::Final(end(stop, SecondOrder::Undecided(curvature), direction));
        }
        let (shrank, rounds) = self.so_far(gradient_norm);
        let first = self.doubt.as_ref().and_then(|doubt| doubt.first).unwrap_or(eigenvalue);
        // At a degenerate saddle point all eigenvalues vanish together; beside a minimum, those that are negative do.
        let small = curvature.tolerance / S::epsilon().sqrt();
        let vanishes = eigenvalue.abs() <= small.min(S::constant(0.5) * first.abs());
        let second_order = if vanishes { SecondOrder::Undecided(curvature) } else { indefinite };
        let end = end(stop, second_order, direction);
        if !shrank || rounds >= Self::ROUNDS || gradient_norm.is_zero() {
            return Examined::Final(end);
        }
        self.wait(Some(first), Self::PATIENCE, gradient_norm, rounds);
        Examined::Doubtful(end)
    }

    /// Whether the gradient is now what was waited for, and how often it was.
    fn so_far(&self, gradient_norm: S) -> (bool, usize) {
        match &self.doubt {
            Some(doubt) => (gradient_norm <= doubt.target, doubt.rounds),
            None => (true, 0),
        }
    }

    /// Waits for a gradient of a tenth.
    fn wait(&mut self, first: Option<S>, patience: usize, gradient_norm: S, rounds: usize) {
        let target = S::constant(0.1) * gradient_norm;
        self.doubt = Some(Doubt { first, target, patience, rounds: rounds + 1 });
    }

    /// Whether at a point with no negative curvature the gradient still promises what is no small matter.
    fn is_premature(
        &self,
        method: &dyn Method<S>,
        here: &Here<'_, '_, S>,
        run: &Run<'_, '_, S>,
        curvature: Curvature<S>,
    ) -> Result<bool, Error> {
        // What is promised at most, at the price of nothing.
        let (value, gradient) = (here.at.value(), here.at.gradient());
        let most = S::constant(0.5) * dot(gradient, gradient) / curvature.smallest.max(S::zero());
        if !run.might_be_premature(value, most) {
            return Ok(false);
        }
        let interrupted = || run.interrupted().is_some();
        let promise = promise(here, method.bounds(), method.is_dense(), &interrupted)?;
        Ok(promise.is_some_and(|p| run.is_premature(value, gradient, p.decrease, &p.step)))
    }

    /// What to do about a gradient that is not small after all.
    fn go_on(&mut self, here: &Here<'_, '_, S>, run: &Run<'_, '_, S>) -> Examined<S> {
        let limit = run.limit();
        let end = End::at(limit.unwrap_or(StopReason::NoProgress), SecondOrder::NotStationary);
        let gradient_norm = norm(here.at.gradient());
        let (shrank, rounds) = self.so_far(gradient_norm);
        if limit.is_some() || !shrank || rounds >= Self::ROUNDS {
            return Examined::Final(end);
        }
        // As long as the run may: its stop test did not hold.
        self.wait(None, usize::MAX, gradient_norm, rounds);
        Examined::Doubtful(end)
    }
}

/// The smallest eigenvalue of the Hessian with its unit eigenvector, over the variables that lie on no bound; infinite if
/// there are none; `None` if the curvature is not finite.
fn smallest_eigenpair<S: Real>(
    method: &dyn Method<S>,
    here: &Here<'_, '_, S>,
    settings: &SmallestEigenvalue<S>,
    interrupted: &dyn Fn() -> bool,
) -> Result<Option<Eigenpair<S>>, Error> {
    let hessian = here.at.hessian();
    let smallest_of = |hessian: &dyn LinearOperator<S>| {
        if method.is_dense() {
            settings.find_in_dense(hessian)
        } else {
            settings.find(hessian, interrupted)
        }
    };
    let Some(free) = method.bounds().map(|bounds| bounds.free(here.x)) else {
        return smallest_of(hessian);
    };
    let among_all = |v: &[S]| {
        let mut whole = vec![S::zero(); here.x.len()];
        free.iter().zip(v).for_each(|(&i, &v)| whole[i] = v);
        whole
    };
    if free.is_empty() {
        let curvature = Curvature {
            smallest: S::infinity(),
            lower_bound: S::infinity(),
            tolerance: S::zero(),
            source: CurvatureSource::Eigenvalues,
        };
        return Ok(Some((curvature, among_all(&[]))));
    }
    let restricted = hessian.restricted(free.iter().copied())?;
    let smallest = smallest_of(&restricted)?;
    Ok(smallest.map(|(curvature, direction)| (curvature, among_all(&direction))))
}

impl<S: Real> Here<'_, '_, S> {
    /// A lower point along an eigenvector of negative curvature, on the side that the gradient prefers.
    ///
    /// The first trial is as long as `reach`, and in any case such that its effect on the value can be seen.
    fn escape(
        &self,
        eigenvector: &[S],
        eigenvalue: S,
        reach: S,
        bounds: Option<&Bounds<S>>,
    ) -> Result<Option<Vec<S>>, Error> {
        let uphill = dot(self.at.gradient(), eigenvector) > S::zero();
        let visible = S::constant(1e3) * S::epsilon() * self.at.value().abs() / -eigenvalue;
        let length = reach.max(visible.sqrt());
        let length = if uphill { -length } else { length };
        let direction: Vec<S> = eigenvector.iter().map(|&v| length * v).collect();
        let origin = self.origin(&direction, length * length * eigenvalue);
        let mut ray = Ray::new(self.objective, self.x, &direction).within(bounds);
        let found = Armijo::default().search(&mut ray, origin, S::one())?;
        // Only a value that is lower beyond rounding proves that there is a way down.
        let lower = found.ok().filter(|accepted| accepted.condition == Condition::Armijo);
        Ok(lower.map(|accepted| ray.into_point(accepted.step).0))
    }
}
