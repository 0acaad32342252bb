//! "Inverse rank-one correction", HSO.

use dualtape_autodiff::Real;

use super::dense_newton::{DenseNewton, Settings};
use crate::check::require;
use crate::engine::{
    Directions, Here, LineDescent, LineSearch, Method, Minimizer, Next, Options, Report, Run,
    StepLimit, StopReason, descend, minimizer, run,
};
use crate::error::Error;
use crate::linalg::{axpy, dot, norm};
use crate::methods::quasi_newton::{InitialMatrix, InverseDirections, Safeguard, UpdateRule};
use crate::problem::Objective;

/// The shift `ε` of [`Hso`].
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Shift<S> {
    /// The same always. Convergence is then linear, at the rate `ε λ_max`.
    Fixed(S),
    /// `ε_k = ε₀ min(1, ‖∇f(x_k)‖/‖∇f(x₀)‖)`: large where the gradient is, and vanishing with it, so that the quadratic
    /// convergence of Newton's method remains.
    Adaptive(S),
    /// `ε_k = ε₀ h min(1, ‖∇f(x_k)‖/‖∇f(x₀)‖)` with the mean `h = ∇fᵀH⁻¹∇f/∇fᵀ∇f` of `H⁻¹` along the gradient: [`Adaptive`] with
    /// a number that has no units.
    ///
    /// [`Adaptive`]: Shift::Adaptive
    Relative(S),
}

impl<S: Real> Shift<S> {
    fn check(self) -> Result<(), Error> {
        let (Shift::Fixed(epsilon) | Shift::Adaptive(epsilon) | Shift::Relative(epsilon)) = self;
        require("shift", epsilon, "zero or positive", |e| e >= 0.0)
    }

    /// `ε` at a gradient of the given norm, along which the mean of `H⁻¹` is `mean`; `first` is the norm at the start.
    fn at(self, norm: S, first: S, mean: S) -> S {
        let fading = |epsilon: S| epsilon * (norm / first).min(S::one());
        match self {
            Shift::Fixed(epsilon) => epsilon,
            Shift::Adaptive(epsilon) => fading(epsilon),
            Shift::Relative(epsilon) => fading(epsilon) * mean,
        }
    }
}

/// HSO, the "inverse rank-one correction" `H⁻¹ + εI`:
///
/// ```text
/// x ← x − a (H⁻¹ + ε I) ∇f(x)  =  x − a H⁻¹∇f(x) − a ε ∇f(x)
/// ```
///
/// **What it is.** A Newton step plus `ε` times a step of gradient descent. `εI` has full rank, so this is *no* rank-one
/// correction, in spite of its name; the rank-one correction of a matrix by what two gradients tell is symmetric rank one,
/// [`Sr1`](crate::Sr1). It is not damping either: damping, `(H + μI)⁻¹`, takes weight from directions of little curvature,
/// the shift adds weight to those of large curvature, where Newton's step was right.
///
/// **What it does.** Of an error along an eigenvector of curvature `λ`, a full step leaves `−ελ`: all is well if `ε ≪ 1/λ_max`;
/// with a fixed `ε` convergence is linear with rate `ελ_max` instead of quadratic, and without a line search it diverges for
/// `ε > 1/λ_max`. Where gradients explode, `ε∇f` explodes with them; where they vanish on a plateau, so does `ε∇f`, and it
/// is `H⁻¹` that makes the step long.
///
/// `H` is the exact Hessian, made positive definite as in [`Newton`](crate::Newton) ([`Hso::newton`]), or `H⁻¹` that of BFGS
/// ([`Hso::bfgs`]). The inverse is never formed.
///
/// **Units**: `ε` is added to `H⁻¹`, and so is measured in units of `x²/f`. In others than those it was chosen for, a fixed or an
/// adaptive shift makes other steps; a [relative](Shift::Relative) one makes the same.
///
/// **Defaults**: the shift is the argument, there is no good one for all problems; [`MoreThuente`](crate::MoreThuente) line search
/// from `a = 1`; 1000 iterations, gradient tolerance `√ε_machine`.
///
/// **Use it** to compare; `ε = 0` is [`Newton`](crate::Newton), and hardly ever the worse choice.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Scalar, c, record};
/// use dualtape_optimizers::{Hso, Shift, prelude::*};
///
/// // curvatures 1 and 10
/// let f = record(&[3.0, -2.0]).function(|x| x[0].powi(2) * c(0.5) + x[1].powi(2) * c(5.0))?;
/// let mut x = [3.0, -2.0];
/// Hso::newton(Shift::Fixed(0.05)).fixed_step(1.0).max_iterations(1).minimize(&f, &mut x)?;
/// // What is left of the error is −ελ.
/// assert!((x[0] / 3.0 + 0.05).abs() < 1e-14 && (x[1] / -2.0 + 0.5).abs() < 1e-14);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Hso<'c, S: Real> {
    options: Options<'c, S>,
    inverse: Inverse,
    shift: Shift<S>,
    settings: Settings<S>,
}

/// Where `H⁻¹` comes from.
#[derive(Debug, Clone, Copy)]
enum Inverse {
    Hessian,
    Bfgs,
}

impl<S: Real> Hso<'_, S> {
    /// With the exact Hessian.
    pub fn newton(shift: Shift<S>) -> Self {
        Self::with(Inverse::Hessian, shift)
    }

    /// With the inverse that BFGS learns from gradients.
    pub fn bfgs(shift: Shift<S>) -> Self {
        Self::with(Inverse::Bfgs, shift)
    }

    fn with(inverse: Inverse, shift: Shift<S>) -> Self {
        Hso { options: Options::new(1000), inverse, shift, settings: Settings::default() }
    }

    /// Takes the pure step with a constant `a`, the exact Hessian as it is, and without a line search. ([`Hso::bfgs`] always
    /// searches: its updates need it.)
    #[must_use]
    pub fn fixed_step(mut self, step: S) -> Self {
        self.settings.fixed_step = Some(step);
        self
    }

    /// The line search. Default [`MoreThuente`](crate::MoreThuente).
    #[must_use]
    pub fn line_search(mut self, line_search: LineSearch<S>) -> Self {
        self.settings.line_search = line_search;
        self
    }

    /// The longest step with the exact Hessian, as [`Newton::max_step`](crate::Newton::max_step).
    #[must_use]
    pub fn max_step(mut self, length: S) -> Self {
        self.settings.max_step = Some(length);
        self
    }
}

minimizer!(Hso);

impl<S: Real> Hso<'_, S> {
    fn solve(&mut self, objective: &dyn Objective<S>, x: &mut [S]) -> Result<Report<S>, Error> {
        let (inverse, settings) = (self.inverse, self.settings);
        self.shift.check()?;
        settings.check()?;
        let shift = ShiftNow { shift: self.shift, first: None };
        run(&mut self.options, objective, x, |objective, run, x| {
            let n = x.len();
            match inverse {
                Inverse::Hessian => {
                    let newton = DenseNewton::new(n);
                    let limit = StepLimit::new(settings.max_step, &x);
                    let mut method = ShiftedNewton { settings, shift, newton, limit };
                    descend(&mut method, objective, run, x)
                }
                Inverse::Bfgs => {
                    let bfgs = InverseDirections::new(
                        UpdateRule::Bfgs,
                        &InitialMatrix::FirstPair,
                        Safeguard::default(),
                        n,
                    )?;
                    let directions = ShiftedDirections { inner: bfgs, shift };
                    let mut method = LineDescent::new(n, directions, settings.line_search);
                    descend(&mut method, objective, run, x)
                }
            }
        })
    }
}

/// The shift in the course of a run.
struct ShiftNow<S> {
    shift: Shift<S>,
    /// `‖∇f(x₀)‖`.
    first: Option<S>,
}

impl<S: Real> ShiftNow<S> {
    /// `d ← d − ε g`.
    fn add(&mut self, gradient: &[S], direction: &mut [S]) {
        let norm = norm(gradient);
        let first = *self.first.get_or_insert(norm);
        let mean = -(dot(gradient, direction) / norm) / norm;
        axpy(-self.shift.at(norm, first, mean), gradient, direction);
    }
}

/// A run with the exact Hessian.
struct ShiftedNewton<S: Real> {
    settings: Settings<S>,
    shift: ShiftNow<S>,
    newton: DenseNewton<S>,
    limit: StepLimit<S>,
}

impl<S: Real> Method<S> for ShiftedNewton<S> {
    fn is_dense(&self) -> bool {
        true
    }

    fn advance<'a>(&mut self, here: &Here<'a, '_, S>, _: &Run<'_, '_, S>) -> Next<'a, S> {
        if self.newton.turn(here.at, &self.settings)?.is_none() {
            return Ok(Err(StopReason::NonFinite));
        }
        self.shift.add(here.at.gradient(), &mut self.newton.direction);
        self.settings.step(here, &self.newton.direction, S::zero(), &mut self.limit)
    }
}

/// The directions of BFGS, shifted.
struct ShiftedDirections<S: Real> {
    inner: InverseDirections<S>,
    shift: ShiftNow<S>,
}

impl<S: Real> Directions<S> for ShiftedDirections<S> {
    fn learn(&mut self, s: &[S], y: &[S]) -> Result<(), Error> {
        self.inner.learn(s, y)
    }

    fn turn(&mut self, gradient: &[S], direction: &mut [S]) -> Result<(), Error> {
        self.inner.turn(gradient, direction)?;
        self.shift.add(gradient, direction);
        Ok(())
    }

    fn forget(&mut self) {
        self.inner.forget();
    }

    fn first_step(&self, slope: S) -> Option<S> {
        self.inner.first_step(slope)
    }
}
