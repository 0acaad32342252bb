//! Conjugate gradients for `A z = −g`, stopped early or by negative curvature.

use crate::vector::{axpy, dot, negate, norm};
use crate::{Error, LinearOperator, Real};

/// A Newton system and how well to solve it.
pub(crate) struct System<'a, S: Real> {
    /// The matrix `A`.
    pub(crate) operator: &'a dyn LinearOperator<S>,
    /// The vector `g`.
    pub(crate) gradient: &'a [S],
    /// A positive diagonal close to `A`, to precondition with.
    pub(crate) preconditioner: Option<&'a [S]>,
    /// Largest residual `‖A z + g‖₂` to accept.
    pub(crate) tolerance: S,
    /// Products allowed.
    pub(crate) max_iterations: usize,
    /// Asked before every product whether to give up.
    pub(crate) interrupted: &'a dyn Fn() -> bool,
}

/// How the iteration ended. In each case the solution is a descent direction, unless no step was made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Outcome<S> {
    /// The residual is within the tolerance.
    Converged,
    /// A direction of no positive curvature was met and followed; `curvature = zᵀA z` of the whole step.
    NegativeCurvature { curvature: S },
    /// Iterations or budget are used up.
    Stopped,
    /// A product was NaN or infinite.
    NonFinite,
}

/// The vectors of the iteration, allocated once and used for all systems of a run.
#[derive(Debug, Clone)]
pub(crate) struct ConjugateGradient<S> {
    solution: Vec<S>,
    residual: Vec<S>,
    preconditioned: Vec<S>,
    direction: Vec<S>,
    product: Vec<S>,
}

impl<S: Real> ConjugateGradient<S> {
    pub(crate) fn new(n: usize) -> Self {
        let zeros = || vec![S::zero(); n];
        ConjugateGradient {
            solution: zeros(),
            residual: zeros(),
            preconditioned: zeros(),
            direction: zeros(),
            product: zeros(),
        }
    }

    /// The step `z`.
    pub(crate) fn solution(&self) -> &[S] {
        &self.solution
    }

    /// The last product with the matrix.
    pub(crate) fn product(&self) -> &[S] {
        &self.product
    }

    /// Hestenes & Stiefel's iteration as in Nocedal & Wright, Alg. 5.3 and 7.1. Allocates nothing.
    pub(crate) fn solve(&mut self, system: &System<'_, S>) -> Result<Outcome<S>, Error> {
        self.solution.fill(S::zero());
        self.residual.copy_from_slice(system.gradient);
        let mut rho = self.precondition(system.preconditioner);
        negate(&self.preconditioned, &mut self.direction);
        for _ in 0..system.max_iterations {
            if (system.interrupted)() {
                break;
            }
            system.operator.apply(&self.direction, &mut self.product)?;
            let curvature = dot(&self.direction, &self.product);
            let size = norm(&self.direction) * norm(&self.product);
            if !size.is_finite() {
                return Ok(Outcome::NonFinite);
            }
            // Relative to ‖d‖‖Ad‖, so that the test means the same in all units.
            if curvature <= S::epsilon() * size {
                return Ok(self.follow(system.gradient, rho, curvature, size));
            }
            let alpha = rho / curvature;
            axpy(alpha, &self.direction, &mut self.solution);
            axpy(alpha, &self.product, &mut self.residual);
            if norm(&self.residual) <= system.tolerance {
                return Ok(Outcome::Converged);
            }
            let previous = rho;
            rho = self.precondition(system.preconditioner);
            let beta = rho / previous;
            for (d, &y) in self.direction.iter_mut().zip(&self.preconditioned) {
                *d = beta * *d - y;
            }
        }
        Ok(Outcome::Stopped)
    }

    /// `y ← M⁻¹ r`; returns `rᵀy`.
    fn precondition(&mut self, diagonal: Option<&[S]>) -> S {
        match diagonal {
            None => self.preconditioned.copy_from_slice(&self.residual),
            Some(diagonal) => {
                for ((y, &r), &m) in
                    self.preconditioned.iter_mut().zip(&self.residual).zip(diagonal)
                {
                    *y = r / m;
                }
            }
        }
        dot(&self.residual, &self.preconditioned)
    }

    /// Adds the step along `d` that would be right if the curvature had the opposite sign.
    ///
    /// That gives the step the scale of the problem. By conjugacy `zᵀA d = 0`, and `zᵀA z = −gᵀz`, so the curvature of
    /// the sum needs no further product.
    fn follow(&mut self, gradient: &[S], rho: S, curvature: S, size: S) -> Outcome<S> {
        let least = S::epsilon().sqrt() * size;
        let denominator = curvature.abs().max(least);
        let alpha = if denominator > S::zero() { rho / denominator } else { S::one() };
        let before = -dot(gradient, &self.solution);
        axpy(alpha, &self.direction, &mut self.solution);
        Outcome::NegativeCurvature { curvature: before + alpha * alpha * curvature }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Dense(usize, Vec<f64>);

    impl LinearOperator<f64> for Dense {
        fn dim(&self) -> usize {
            self.0
        }
        fn apply(&self, v: &[f64], out: &mut [f64]) -> Result<(), Error> {
            for (out, row) in out.iter_mut().zip(self.1.chunks_exact(self.0)) {
                *out = dot(row, v);
            }
            Ok(())
        }
    }

    fn system<'a>(
        operator: &'a Dense,
        gradient: &'a [f64],
        max_iterations: usize,
    ) -> System<'a, f64> {
        System {
            operator,
            gradient,
            preconditioner: None,
            tolerance: 0.0,
            max_iterations,
            interrupted: &|| false,
        }
    }

    /// The matrix and right-hand side of the reference problem `quad4`: start `x = 1`, gradient `A x − b`.
    fn quad4() -> (Dense, Vec<f64>) {
        let entry = |i: usize, j: usize| {
            1.0 / (i + j + 1) as f64 + if i == j { (i + 1) as f64 } else { 0.0 }
        };
        let a: Vec<f64> = (0..16).map(|k| entry(k / 4, k % 4)).collect();
        let a = Dense(4, a);
        let mut gradient = vec![0.0; 4];
        a.apply(&[1.0; 4], &mut gradient).unwrap();
        for (g, b) in gradient.iter_mut().zip([1.0, -1.0, 0.5, 2.0]) {
            *g -= b;
        }
        (a, gradient)
    }

    #[test]
    fn iterates_agree_with_the_reference() {
        let data: serde_json::Value =
            serde_json::from_str(include_str!("../tests/data/optim.json")).unwrap();
        let (a, gradient) = quad4();
        for case in data["cg_quad4"].as_array().unwrap() {
            let k = case["k"].as_u64().unwrap() as usize;
            let mut cg = ConjugateGradient::new(4);
            cg.solve(&system(&a, &gradient, k)).unwrap();
            for (got, want) in cg.solution().iter().zip(case["x"].as_array().unwrap()) {
                let want = want.as_f64().unwrap();
                assert!((1.0 + got - want).abs() < 1e-11, "step {k}: {got} {want}");
            }
        }
    }

    #[test]
    fn a_diagonal_preconditioner_solves_diagonal_systems_at_once() {
        let a = Dense(3, vec![1e4, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1e-4]);
        let gradient = [1.0, -2.0, 3.0];
        let mut cg = ConjugateGradient::new(3);
        let diagonal = [1e4, 1.0, 1e-4];
        let request = System {
            preconditioner: Some(&diagonal),
            tolerance: 1e-12,
            ..system(&a, &gradient, 1)
        };
        assert_eq!(cg.solve(&request).unwrap(), Outcome::Converged);
        assert!((cg.solution()[2] + 3e4).abs() < 1e-9);
    }

    #[test]
    fn negative_curvature_is_followed_and_measured() {
        let a = Dense(2, vec![2.0, 0.5, 0.5, -1e-9]);
        let gradient = [0.3, 1.0];
        let mut cg = ConjugateGradient::new(2);
        let Outcome::NegativeCurvature { curvature } =
            cg.solve(&system(&a, &gradient, 10)).unwrap()
        else {
            panic!("the matrix is indefinite")
        };
        let z = cg.solution().to_vec();
        let mut az = vec![0.0; 2];
        a.apply(&z, &mut az).unwrap();
        assert!((dot(&z, &az) - curvature).abs() < 1e-9 * curvature.abs().max(1.0));
        assert!(dot(&z, &gradient) < 0.0);
    }

    #[test]
    fn the_curvature_test_knows_no_units() {
        for scale in [1e-30, 1e30] {
            let a = Dense(2, vec![2.0 * scale, 0.0, 0.0, 1e-9 * scale]);
            let mut cg = ConjugateGradient::new(2);
            let outcome = cg.solve(&system(&a, &[0.0, scale], 1)).unwrap();
            assert_ne!(outcome, Outcome::NegativeCurvature { curvature: 0.0 });
            assert!((cg.solution()[1] + 1e9).abs() < 1.0);
        }
    }
}
