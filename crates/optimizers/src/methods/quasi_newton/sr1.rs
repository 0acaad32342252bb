//! The rank-one methods.

use dualtape_autodiff::Real;

use super::sr1_memory::Lsr1Memory;
use super::trust_region::{Dense, Radii, SecantTrustRegion};
use crate::check::require_count;
use crate::engine::{Minimizer, Options, Report, descend, minimizer, run};
use crate::error::Error;
use crate::problem::Objective;

/// Symmetric rank-one quasi-Newton with a trust region (Conn, Gould & Toint, Math. Programming 50 (1991); Nocedal & Wright,
/// Alg. 6.2):
///
/// ```text
/// x ← x + p,  p minimises gᵀp + ½ pᵀBp over ‖p‖ ≤ Δ,    B ← B + r rᵀ/rᵀp with r = y − B p
/// ```
///
/// Unlike a rank-two update, `B` may be indefinite where the Hessian is, needs no line search to stay definite, and tends to
/// the Hessian itself when the steps are independent. Rejected steps are learnt from too. The subproblem is solved exactly
/// through the eigenvalues of `B`, so that negative curvature is followed, in the hard case as well.
///
/// **Defaults**: `Δ₀` by the sizes of `x` and `f`, no largest radius, a step accepted if `f` falls by more than 10⁻⁴ of what the model says; 1000 iterations,
/// gradient tolerance `√ε`.
///
/// **Use it** for up to some hundreds of parameters, on functions that are not convex: a gradient and `O(n³)` operations a
/// trial. With many parameters, [`Lsr1`].
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Scalar, c, record};
/// use dualtape_optimizers::{Sr1, prelude::*};
///
/// let f = record(&[-1.2, 1.0]).function(|x| (c(1.0) - x[0]).powi(2) + c(100.0) * (x[1] - x[0] * x[0]).powi(2))?;
/// let mut x = [-1.2, 1.0];
/// let report = Sr1::default().minimize(&f, &mut x)?;
/// assert!(report.converged() && report.certified());
/// assert!((x[0] - 1.0).abs() < 1e-6 && (x[1] - 1.0).abs() < 1e-6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Sr1<'c, S: Real> {
    options: Options<'c, S>,
    radii: Radii<S>,
}

impl<S: Real> Default for Sr1<'_, S> {
    fn default() -> Self {
        Sr1 { options: Options::new(1000), radii: Radii::new() }
    }
}

impl<S: Real> Sr1<'_, S> {
    /// `Δ₀`. Default `0.1 ‖x₀‖`, from the origin `0.1 |f|/‖∇f‖`, so that no choice of units matters.
    #[must_use]
    pub fn initial_radius(mut self, radius: S) -> Self {
        self.radii.initial = Some(radius);
        self
    }

    /// The largest `Δ`. Default: none.
    #[must_use]
    pub fn max_radius(mut self, radius: S) -> Self {
        self.radii.largest = Some(radius);
        self
    }
}

minimizer!(Sr1);

impl<S: Real> Sr1<'_, S> {
    fn solve(&mut self, objective: &dyn Objective<S>, x: &mut [S]) -> Result<Report<S>, Error> {
        self.radii.check()?;
        let radii = self.radii;
        run(&mut self.options, objective, x, |objective, run, x| {
            descend(&mut SecantTrustRegion::new(Dense::new(x.len()), radii), objective, run, x)
        })
    }
}

/// Limited-memory SR1 with a trust region: [`Sr1`] with the matrix `B` that the last `m` pairs make of `σI`, see
/// [`Lsr1Memory`].
///
/// The minimum of the model lies in the span of the gradient and the at most `m` vectors of `B`, so that the subproblem is
/// dense and of order `m + 1`, and solved exactly, the hard case included (the idea of Brust, Erway & Marcia, Comput. Optim. Appl. 66
/// (2017)).
///
/// **Defaults**: `m = 5`, `Δ₀` by the sizes of `x` and `f`, no largest radius; 1000 iterations, gradient tolerance `√ε`.
///
/// **Use it** for many parameters where negative curvature matters along the way; on functions that are convex near the
/// path, [`Lbfgs`](crate::Lbfgs) needs fewer gradients. `3mn` numbers, `O(m²n)` operations a trial.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Scalar, c, record};
/// use dualtape_optimizers::{Lsr1, prelude::*};
///
/// let start = vec![0.3; 40];
/// let f = record(&start).function(|x| x.iter().zip(1..).map(|(&x, i)| (x * x - c(1.0)).powi(2) * c(f64::from(i)) + x).sum())?;
/// let mut x = start.clone();
/// let report = Lsr1::default().minimize(&f, &mut x)?;
/// assert!(report.converged() && report.certified());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Lsr1<'c, S: Real> {
    options: Options<'c, S>,
    radii: Radii<S>,
    memory: usize,
}

impl<S: Real> Default for Lsr1<'_, S> {
    fn default() -> Self {
        Lsr1 { options: Options::new(1000), radii: Radii::new(), memory: 5 }
    }
}

impl<S: Real> Lsr1<'_, S> {
    /// The number `m` of pairs kept. Default 5.
    #[must_use]
    pub fn memory(mut self, pairs: usize) -> Self {
        self.memory = pairs;
        self
    }

    /// `Δ₀`. Default `0.1 ‖x₀‖`, from the origin `0.1 |f|/‖∇f‖`, so that no choice of units matters.
    #[must_use]
    pub fn initial_radius(mut self, radius: S) -> Self {
        self.radii.initial = Some(radius);
        self
    }

    /// The largest `Δ`. Default: none.
    #[must_use]
    pub fn max_radius(mut self, radius: S) -> Self {
        self.radii.largest = Some(radius);
        self
    }
}

minimizer!(Lsr1);

impl<S: Real> Lsr1<'_, S> {
    fn solve(&mut self, objective: &dyn Objective<S>, x: &mut [S]) -> Result<Report<S>, Error> {
        self.radii.check()?;
        require_count("memory", self.memory)?;
        let (radii, memory) = (self.radii, self.memory);
        run(&mut self.options, objective, x, |objective, run, x| {
            let model = Lsr1Memory::new(x.len(), memory);
            descend(&mut SecantTrustRegion::new(model, radii), objective, run, x)
        })
    }
}
