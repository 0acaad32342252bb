//! Newton's method with the absolute values of the eigenvalues.

use dualtape_autodiff::Real;

use crate::check::{require, require_count};
use crate::engine::{
    Forcing, ForcingSequence, Here, Method, Minimizer, Model, Next, Options, Proposal, Region,
    Report, Run, descend, minimizer, run,
};
use crate::error::Error;
use crate::linalg::{
    Accuracy, Bound, Eigen, Lanczos, LinearOperator, Shiftable, dense_matrix, minimize, norm,
};
use crate::problem::Objective;

/// Up to this many parameters all eigenvalues are computed, beyond those in a Krylov space.
const DENSE: usize = 100;

/// Saddle-free Newton (Dauphin et al., NeurIPS 2014, eq. (6)): Newton's step with `|H|`, the Hessian with its eigenvalues
/// replaced by their absolute values, in a trust region:
///
/// ```text
/// p = argmin ∇f(x)ᵀp + ½ pᵀ|H|p,  ‖p‖ ≤ Δ        (p = −|H|⁻¹∇f(x) where that is short enough)
/// ```
///
/// Along negative curvature the step goes away from the saddle point, and as far as along positive curvature of the same
/// size; a Newton step would go to the saddle, one of conjugate gradients ends at the first such direction. Up to 100
/// parameters `|H|` comes from all eigenvalues. Beyond, it is that of the Krylov space of Hessian and gradient (as in §5 of
/// the paper), built by Lanczos's method with full reorthogonalisation until the residual of the step is within the forcing
/// term. A step is accepted by the ratio of the actual decrease to that of the quadratic model with the *true* Hessian, and a
/// step refused costs no further product.
///
/// **Defaults**: at most 40 products an iteration, [`Forcing::Superlinear`], `Δ₀ = ‖x₀‖`, 1000 iterations, gradient
/// tolerance by scale.
///
/// **Use it** for many parameters and a Hessian with many negative eigenvalues: networks.
///
/// **Pitfalls**: `O(k² n)` operations and `k n` numbers of memory for `k` products. Where the Hessian is positive definite,
/// [`NewtonCg`](crate::NewtonCg) makes the same step with less of both.
///
/// # Example
///
/// ```
/// use dualtape_optimizers::{ByHand, SaddleFreeNewton, prelude::*};
///
/// // x² − y² + y⁴, close to its saddle point
/// let f = ByHand::new(
///     2,
///     |x: &[f64], g: &mut [f64]| {
///         (g[0], g[1]) = (2.0 * x[0], -2.0 * x[1] + 4.0 * x[1].powi(3));
///         x[0].powi(2) - x[1].powi(2) + x[1].powi(4)
///     },
///     |x: &[f64], v: &[f64], hv: &mut [f64]| {
///         (hv[0], hv[1]) = (2.0 * v[0], (12.0 * x[1] * x[1] - 2.0) * v[1]);
///     },
/// );
/// let mut x = [0.3, 1e-3];
/// let report = SaddleFreeNewton::default().minimize(&f, &mut x)?;
/// assert!(report.converged() && report.certified());
/// assert!((report.value + 0.25).abs() < 1e-14);
/// # Ok::<(), dualtape_optimizers::Error>(())
/// ```
#[derive(Debug)]
pub struct SaddleFreeNewton<'c, S: Real> {
    options: Options<'c, S>,
    settings: Settings<S>,
}

#[derive(Debug, Clone, Copy)]
struct Settings<S> {
    initial_radius: Option<S>,
    forcing: Forcing<S>,
    max_products: usize,
}

impl<S: Real> Default for SaddleFreeNewton<'_, S> {
    fn default() -> Self {
        SaddleFreeNewton {
            options: Options::new(1000),
            settings: Settings {
                initial_radius: None,
                forcing: Forcing::Superlinear,
                max_products: 40,
            },
        }
    }
}

impl<S: Real> SaddleFreeNewton<'_, S> {
    /// `Δ₀`. Default `‖x₀‖`; 1 from the origin.
    #[must_use]
    pub fn initial_radius(mut self, radius: S) -> Self {
        self.settings.initial_radius = Some(radius);
        self
    }

    /// The accuracy of the step in a Krylov space. Default [`Forcing::Superlinear`].
    #[must_use]
    pub fn forcing(mut self, forcing: Forcing<S>) -> Self {
        self.settings.forcing = forcing;
        self
    }

    /// The dimension of the Krylov space, which is that many products an iteration. Default at most 40.
    #[must_use]
    pub fn max_products(mut self, products: usize) -> Self {
        self.settings.max_products = products;
        self
    }
}

minimizer!(SaddleFreeNewton);

impl<S: Real> SaddleFreeNewton<'_, S> {
    fn solve(&mut self, objective: &dyn Objective<S>, x: &mut [S]) -> Result<Report<S>, Error> {
        let settings = self.settings;
        let radius = settings.initial_radius.unwrap_or(S::one());
        require("initial_radius", radius, "positive", |radius| radius > 0.0)?;
        require_count("max_products", settings.max_products)?;
        settings.forcing.check()?;
        run(&mut self.options, objective, x, |objective, run, x| {
            let region = Region::new(&x, settings.initial_radius, None, S::constant(1e-4));
            let mut state = State { settings, region, forcing: settings.forcing.sequence() };
            descend(&mut state, objective, run, x)
        })
    }
}

/// A run of the method.
struct State<S> {
    settings: Settings<S>,
    region: Region<S>,
    forcing: ForcingSequence<S>,
}

impl<S: Real> Method<S> for State<S> {
    fn advance<'a>(&mut self, here: &Here<'a, '_, S>, run: &Run<'_, '_, S>) -> Next<'a, S> {
        let (hessian, gradient) = (here.at.hessian(), here.at.gradient());
        let tolerance = self.forcing.tolerance(norm(gradient)).as_f64();
        let model = if here.x.len() <= DENSE {
            Absolute::dense(hessian, gradient)?
        } else {
            let enough = |steps: usize, residual: f64| {
                steps >= self.settings.max_products
                    || residual <= tolerance
                    || run.interrupted().is_some()
            };
            Absolute::in_krylov_space(hessian, gradient, enough)?
        };
        self.region.search(here, run, model)
    }

    fn escaped(&mut self) {
        self.region.reopen();
    }
}

/// The model with `|H| = U |Λ| Uᵀ`, in the coordinates of the eigenvectors or Ritz vectors.
struct Absolute<S> {
    eigen: Eigen,
    /// `Uᵀg`
    gradient: Vec<f64>,
    /// What the eigenvectors are the coordinates in, unless in `ℝⁿ` itself.
    lanczos: Option<Lanczos<S>>,
    shift: f64,
}

impl<S: Real> Absolute<S> {
    /// From all eigenvalues; `None` if a number is not finite.
    fn dense(hessian: &dyn LinearOperator<S>, gradient: &[S]) -> Result<Option<Self>, Error> {
        let Some(eigen) = Eigen::new(gradient.len(), &dense_matrix(hessian)?)? else {
            return Ok(None);
        };
        let gradient: Vec<f64> = gradient.iter().map(|g| g.as_f64()).collect();
        let gradient = eigen.coordinates(&gradient);
        Ok(Some(Absolute { eigen, gradient, lanczos: None, shift: 0.0 }))
    }

    /// From the Ritz values of a space that is built until it is `enough`, which is told its dimension and the residual of
    /// the step in it; `None` if a number is not finite.
    fn in_krylov_space(
        hessian: &dyn LinearOperator<S>,
        gradient: &[S],
        enough: impl Fn(usize, f64) -> bool,
    ) -> Result<Option<Self>, Error> {
        let mut lanczos = Lanczos::new(gradient);
        let size = lanczos.remainder().as_f64();
        while lanczos.step(hessian)? {
            let steps = lanczos.steps();
            let Some(eigen) = lanczos.tridiagonal().eigen()? else { return Ok(None) };
            let mut first = vec![0.0; steps];
            first[0] = size;
            let gradient = eigen.coordinates(&first);
            let mut model = Absolute { eigen, gradient, lanczos: None, shift: 0.0 };
            let residual = lanczos.remainder().as_f64() * model.newton_step()[steps - 1].abs();
            if enough(steps, residual) || lanczos.exhausted() {
                model.lanczos = Some(lanczos);
                return Ok(Some(model));
            }
        }
        Ok(None)
    }

    /// `−|H|⁻¹g` in the coordinates of the space.
    fn newton_step(&self) -> Vec<f64> {
        let values = self.eigen.values.iter();
        let step: Vec<f64> = values.zip(&self.gradient).map(|(l, g)| -g / l.abs()).collect();
        self.eigen.combine(&step)
    }
}

impl<S: Real> Model<S> for Absolute<S> {
    fn propose(&mut self, radius: S) -> Result<Option<Proposal<S>>, Error> {
        let values = &self.eigen.values;
        let mut matrix = AbsoluteValues::new(values.iter().map(|l| l.abs()).collect());
        let bound = Bound::Radius(radius.as_f64());
        let found = minimize(&mut matrix, &self.gradient, bound, Accuracy::FULL, self.shift);
        let Some(mut short) = found else { return Ok(None) };
        self.shift = short.shift;
        let terms = values.iter().zip(&self.gradient).zip(&short.step);
        short.decrease = terms.map(|((l, g), p)| -p * (g + 0.5 * l * p)).sum();
        let coordinates = self.eigen.combine(&short.step);
        let coordinates: Vec<S> = coordinates.into_iter().map(S::constant).collect();
        let step = match &self.lanczos {
            Some(lanczos) => lanczos.basis().combine(&coordinates),
            None => coordinates,
        };
        Ok(Some(Proposal::new(&short, step)))
    }
}

/// A diagonal matrix with a shift.
struct AbsoluteValues {
    entries: Vec<f64>,
    shift: f64,
}

impl AbsoluteValues {
    fn new(entries: Vec<f64>) -> Self {
        AbsoluteValues { entries, shift: 0.0 }
    }
}

impl Shiftable for AbsoluteValues {
    fn dim(&self) -> usize {
        self.entries.len()
    }

    fn least_diagonal(&self) -> f64 {
        self.entries.iter().copied().fold(f64::INFINITY, f64::min)
    }

    fn norm_bound(&self) -> f64 {
        self.entries.iter().fold(0.0, |max: f64, d| max.max(d.abs()))
    }

    fn precision(&self) -> f64 {
        f64::EPSILON
    }

    fn factor(&mut self, shift: f64) -> bool {
        self.shift = shift;
        self.entries.iter().all(|d| d + shift > 0.0)
    }

    fn solve_in_place(&self, x: &mut [f64]) {
        for (x, d) in x.iter_mut().zip(&self.entries) {
            *x /= d + self.shift;
        }
    }
}
