//! Newton directions in place of gradients.

use dualtape_autodiff::Real;

use crate::check::{require, require_count};
use crate::curvature_matrix::CurvatureMatrix;
use crate::engine::Setting;
use crate::error::Error;
use crate::linalg::{
    ConjugateGradient, LinearOperator, Outcome, Pivots, SymmetricFactors, System, axpy,
    check_finite, dense_matrix, norm, scale,
};
use crate::methods::stochastic::source::{Feed, Point, Source};

/// In place of the gradient, an inexact solution of a Newton system by conjugate gradients, with exact products:
///
/// ```text
/// d ≈ (B + λI)⁻¹ g,    ‖(B + λI) d − g‖ ≤ η ‖g‖
/// ```
///
/// With the rule [`Sgd`](crate::Sgd) and the curvature of a part of the batch
/// ([`step_with_curvature_of`](crate::Stepper::step_with_curvature_of)) this is the stochastic Newton-CG of Byrd, Chin, Neveitt &
/// Nocedal, SIAM J. Optim. 21 (2011); with momentum, [`RmsProp`](crate::RmsProp) or [`Adam`](crate::Adam) it gives these a
/// Newton direction to average and to scale. Where curvature is not positive, the direction goes on as in
/// [`NewtonCg`](crate::NewtonCg), and stays one of descent.
///
/// **Defaults**: `B` the Hessian, `λ = 10⁻³`, `η = 0.1`, at most 10 products.
///
/// **Pitfalls**: gradient and curvature of different batches must not be of very different sizes; nothing here keeps a step from
/// being too long but `λ`, the learning rate and [clipping](crate::Stepper::clip_norm). Scaling a Newton direction entry by
/// entry, as Adam does, undoes what Newton's method does about scales, and is worth trying only for the noise.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Scalar, record};
/// use dualtape_optimizers::{Sgd, stochastic::sources::NewtonCg};
///
/// // the loss on all data, and on a quarter of them for the curvature
/// let residual = |i: usize| 1.0 + 0.1 * (i as f64).sin();
/// let loss = |stride: usize| {
///     let scale = stride as f64 / 40.0;
///     record(&[0.0; 2]).function(move |p| {
///         (0..40).step_by(stride).map(|i| (p[0] * (0.1 * i as f64) + p[1] - residual(i)).powi(2) * scale).sum()
///     })
/// };
/// let (all, part) = (loss(1)?, loss(4)?);
/// let mut method = Sgd::new(0.5).with_source(NewtonCg::default());
/// let mut p = [5.0_f64, -3.0];
/// for _ in 0..80 {
///     method.step_with_curvature_of(&mut p, &all, &part)?;
/// }
/// assert!(all.gradient(&p)?.iter().all(|g| g.abs() < 1e-6));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct NewtonCg<S> {
    matrix: CurvatureMatrix,
    damping: S,
    forcing: S,
    max_iterations: usize,
    inner: Option<ConjugateGradient<S>>,
}

impl<S: Real> Default for NewtonCg<S> {
    fn default() -> Self {
        NewtonCg {
            matrix: CurvatureMatrix::Hessian,
            damping: S::constant(1e-3),
            forcing: S::constant(0.1),
            max_iterations: 10,
            inner: None,
        }
    }
}

impl<S: Real> NewtonCg<S> {
    /// The matrix `B`: [`CurvatureMatrix::GaussNewton`] is positive semidefinite where the objective has it.
    #[must_use]
    pub fn of(mut self, matrix: CurvatureMatrix) -> Self {
        self.matrix = matrix;
        self
    }

    /// `λ ≥ 0`.
    #[must_use]
    pub fn damping(mut self, damping: S) -> Self {
        self.damping = damping;
        self
    }

    /// `η`, in `(0, 1)`.
    #[must_use]
    pub fn forcing(mut self, forcing: S) -> Self {
        self.forcing = forcing;
        self
    }

    /// Products allowed at a step.
    #[must_use]
    pub fn max_iterations(mut self, iterations: usize) -> Self {
        self.max_iterations = iterations;
        self
    }
}

impl<S: Real> Source<S> for NewtonCg<S> {
    fn check(&self) -> Result<(), Error> {
        require("damping", self.damping, "zero or positive", |l| l >= 0.0)?;
        require("forcing", self.forcing, "in (0, 1)", |eta| eta > 0.0 && eta < 1.0)?;
        require_count("max_iterations", self.max_iterations)
    }

    fn settings(&self) -> Vec<Setting> {
        vec![
            ("of", f64::from(self.matrix as u8)),
            ("damping", self.damping.as_f64()),
            ("forcing", self.forcing.as_f64()),
            ("max_iterations", self.max_iterations as f64),
        ]
    }

    fn needs_curvature(&self, _: u64) -> bool {
        true
    }

    fn feed(&mut self, point: &Point<'_, S>) -> Result<Feed<S>, Error> {
        let n = point.x.len();
        let inner = self.inner.get_or_insert_with(|| ConjugateGradient::new(n));
        let matrix = point.linearized()?.curvature(self.matrix)?;
        let outcome = inner.solve(&System {
            operator: &matrix.shifted(self.damping),
            gradient: point.gradient,
            preconditioner: None,
            radius: None,
            tolerance: self.forcing * norm(point.gradient),
            max_iterations: self.max_iterations,
            interrupted: &|| false,
        })?;
        if outcome == Outcome::NonFinite {
            check_finite(inner.product(), n)?;
            return Err(Error::NonFiniteProduct { component: 0, value: f64::INFINITY });
        }
        let mut direction = inner.solution().to_vec();
        scale(-S::one(), &mut direction);
        Ok(Feed { direction: Some(direction), estimate: None })
    }

    fn reset(&mut self) {
        self.inner = None;
    }
}

/// In place of the gradient, the solution of a Newton system with the whole matrix, plus a share of the gradient:
///
/// ```text
/// d = |B + λI|⁻¹ g + ε g
/// ```
///
/// `|·|` takes the pivots of a `LBLᵀ` factorisation as positive, as [`Newton`](crate::Newton) does, so that `d` points uphill.
/// With `ε > 0` it is the "HSO" of the literature on inverse "rank-one corrections" `H⁻¹ + εI`, which is none: it is a Newton
/// step plus `ε` times a gradient step.
///
/// **Defaults**: `B` the Hessian, `λ = 0`, `ε = 0`. `n` products and `O(n³)` a step.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::record;
/// use dualtape_optimizers::{Sgd, stochastic::sources::Newton};
///
/// let f = record(&[0.0; 2]).function(|x| (x[0] - 1.0).powi(2) + 50.0 * (x[1] + x[0]).powi(2))?;
/// let mut newton = Sgd::new(1.0).with_source(Newton::default());
/// let mut x = [3.0_f64, 4.0];
/// newton.step_on(&mut x, &f)?;
/// assert!((x[0] - 1.0).abs() < 1e-12 && (x[1] + 1.0).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Newton<S> {
    matrix: CurvatureMatrix,
    damping: S,
    gradient_share: S,
}

impl<S: Real> Default for Newton<S> {
    fn default() -> Self {
        let zero = S::zero();
        Newton { matrix: CurvatureMatrix::Hessian, damping: zero, gradient_share: zero }
    }
}

impl<S: Real> Newton<S> {
    /// The matrix `B`.
    #[must_use]
    pub fn of(mut self, matrix: CurvatureMatrix) -> Self {
        self.matrix = matrix;
        self
    }

    /// `λ ≥ 0`.
    #[must_use]
    pub fn damping(mut self, damping: S) -> Self {
        self.damping = damping;
        self
    }

    /// `ε ≥ 0`.
    #[must_use]
    pub fn gradient_share(mut self, share: S) -> Self {
        self.gradient_share = share;
        self
    }
}

impl<S: Real> Source<S> for Newton<S> {
    fn check(&self) -> Result<(), Error> {
        require("damping", self.damping, "zero or positive", |l| l >= 0.0)?;
        require("gradient_share", self.gradient_share, "zero or positive", |e| e >= 0.0)
    }

    fn settings(&self) -> Vec<Setting> {
        vec![
            ("of", f64::from(self.matrix as u8)),
            ("damping", self.damping.as_f64()),
            ("gradient_share", self.gradient_share.as_f64()),
        ]
    }

    fn needs_curvature(&self, _: u64) -> bool {
        true
    }

    fn feed(&mut self, point: &Point<'_, S>) -> Result<Feed<S>, Error> {
        let n = point.x.len();
        let curvature = point.linearized()?.curvature(self.matrix)?;
        let matrix = dense_matrix(&curvature.shifted(self.damping))?;
        check_finite(&matrix, n)?;
        let mut direction = point.gradient.to_vec();
        if let Some(factors) = SymmetricFactors::new(n, &matrix, Pivots::Absolute) {
            factors.solve_in_place(&mut direction);
        }
        axpy(self.gradient_share, point.gradient, &mut direction);
        Ok(Feed { direction: Some(direction), estimate: None })
    }
}
