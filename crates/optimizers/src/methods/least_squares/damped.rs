//! Steps of limited length in a quadratic model of `½‖r‖²`.

use crate::error::Error;
use crate::linalg::{
    Eigen, LeastSquaresFactors, Pivots, SymmetricFactors, dot, norm, quadratic_form,
};

/// A convex quadratic model `½‖r‖² + gᵀp + ½pᵀBp`.
pub(super) enum Model<'t> {
    /// `B = JᵀJ`.
    GaussNewton(&'t LeastSquaresFactors),
    /// `B = JᵀJ + Σ rᵢ∇²rᵢ`, positive definite or made so, row by row.
    Exact(Vec<f64>),
}

/// A step with `(B + λD²) p = −g`.
#[derive(Debug)]
pub(super) struct DampedStep {
    pub(super) step: Vec<f64>,
    pub(super) lambda: f64,
    /// `‖D p‖`.
    pub(super) length: f64,
}

impl Model<'_> {
    /// The exact model, if it is positive definite; else the matrix.
    pub(super) fn exact(n: usize, matrix: Vec<f64>) -> Result<Self, Vec<f64>> {
        match SymmetricFactors::new(n, &matrix, Pivots::Exact) {
            Some(factors) if factors.is_positive_definite() => Ok(Model::Exact(matrix)),
            _ => Err(matrix),
        }
    }

    /// The exact model with the absolute values of the eigenvalues of `D⁻¹BD⁻¹`, each at least `√ε` of the largest; `None` if the
    /// matrix is not finite.
    pub(super) fn absolute(mut matrix: Vec<f64>, d: &[f64]) -> Result<Option<Self>, Error> {
        let n = d.len();
        let rescale = |matrix: &mut [f64], f: &dyn Fn(f64, f64) -> f64| {
            for (k, entry) in matrix.iter_mut().enumerate() {
                *entry = f(*entry, d[k / n] * d[k % n]);
            }
        };
        rescale(&mut matrix, &|b, scale| b / scale);
        let Some(eigen) = Eigen::new(n, &matrix)? else { return Ok(None) };
        let largest = eigen.values.iter().fold(0.0_f64, |largest, l| largest.max(l.abs()));
        let least = f64::EPSILON.sqrt() * largest;
        let mut matrix: Vec<f64> = eigen.function(|l| l.abs().max(least));
        rescale(&mut matrix, &|b, scale| b * scale);
        Ok(Model::exact(n, matrix).ok())
    }

    /// The step to the minimum of the model among those with `‖D p‖ ≤ Δ (1 ± 0.1)`: the damping `λ` is the root of
    /// `‖D p(λ)‖ = Δ`, by Newton's method on its reciprocal kept within bounds, after Moré, "The Levenberg–Marquardt
    /// algorithm: implementation and theory" (1978), §5. `first` is a guess.
    pub(super) fn step_within(&self, g: &[f64], d: &[f64], radius: f64, first: f64) -> DampedStep {
        const TOLERANCE: f64 = 0.1;
        const ITERATIONS: usize = 10;
        let n = g.len();
        let (undamped, slope) = self.solve(0.0, g, d);
        if undamped.length - radius <= TOLERANCE * radius {
            return undamped;
        }
        // A model of deficient rank has no slope at 0.
        let slope = slope.filter(|slope| slope.is_finite() && *slope > 0.0);
        let mut lower = slope.map_or(0.0, |slope| (undamped.length - radius) / (radius * slope));
        let scaled: Vec<f64> = g.iter().zip(d).map(|(g, d)| g / d).collect();
        let steepest = norm(&scaled);
        let mut upper = steepest / radius;
        let mut lambda = first.max(lower).min(upper);
        if lambda == 0.0 {
            lambda = steepest / undamped.length;
        }
        let mut damped = DampedStep { step: vec![0.0; n], lambda, length: 0.0 };
        for _ in 0..ITERATIONS {
            let slope;
            (damped, slope) = self.solve(lambda.max(f64::MIN_POSITIVE), g, d);
            let excess = damped.length - radius;
            if excess.abs() <= TOLERANCE * radius {
                break;
            }
            if excess > 0.0 {
                lower = lower.max(lambda);
            } else {
                upper = upper.min(lambda);
            }
            let correction = slope.map_or(0.0, |slope| excess / (radius * slope));
            let next = lambda + correction;
            let inside = next > lower && next < upper;
            lambda = if inside { next } else { (lower * upper).sqrt().max(1e-3 * upper) };
        }
        damped
    }

    /// The damped step, and `qᵀ(B + λD²)⁻¹q` for `q = D²p/‖D p‖`.
    fn solve(&self, lambda: f64, g: &[f64], d: &[f64]) -> (DampedStep, Option<f64>) {
        let finish = |step: Vec<f64>, form: &dyn Fn(&[f64]) -> f64| {
            let scaled: Vec<f64> = step.iter().zip(d).map(|(p, d)| d * p).collect();
            let length = norm(&scaled);
            let q: Vec<f64> = scaled.iter().zip(d).map(|(z, d)| d * z / length).collect();
            let slope = form(&q);
            (DampedStep { step, lambda, length }, Some(slope))
        };
        match self {
            Model::GaussNewton(factors) if lambda == 0.0 && factors.rank() < factors.dim() => {
                let (step, _) = finish(factors.solve_in_norm(d), &|_| 0.0);
                (step, None)
            }
            Model::GaussNewton(factors) => {
                let damped = factors.damped(lambda, d);
                finish(damped.solve(), &|q| damped.inverse_form(q))
            }
            Model::Exact(matrix) => {
                let n = g.len();
                let mut shifted = matrix.clone();
                for (i, d) in d.iter().enumerate() {
                    shifted[i * n + i] += lambda * d * d;
                }
                let Some(factors) = SymmetricFactors::new(n, &shifted, Pivots::Exact) else {
                    return (
                        DampedStep { step: vec![f64::NAN; n], lambda, length: f64::NAN },
                        None,
                    );
                };
                let mut step: Vec<f64> = g.iter().map(|g| -g).collect();
                factors.solve_in_place(&mut step);
                finish(step, &|q| {
                    let mut solution = q.to_vec();
                    factors.solve_in_place(&mut solution);
                    dot(q, &solution)
                })
            }
        }
    }

    /// By how much the model says that a step lowers `‖r‖²`: `pᵀBp + 2λ‖D p‖²`, a sum of positive terms.
    pub(super) fn decrease(&self, step: &DampedStep) -> f64 {
        let p = &step.step;
        let curvature = match self {
            Model::GaussNewton(factors) => factors.image_norm(p).powi(2),
            Model::Exact(matrix) => quadratic_form(matrix.chunks_exact(p.len()), p),
        };
        curvature + 2.0 * step.lambda * step.length.powi(2)
    }
}
