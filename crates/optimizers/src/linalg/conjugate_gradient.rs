//! Conjugate gradients for `A z = −g`, stopped early or by negative curvature.

use dualtape_autodiff::Real;

use super::operator::LinearOperator;
use super::vector::{axpy, dot, negate, norm};
use crate::error::Error;

/// A Newton system and how well to solve it.
pub(crate) struct System<'a, S: Real> {
    /// The matrix `A`.
    pub(crate) operator: &'a dyn LinearOperator<S>,
    /// The vector `g`.
    pub(crate) gradient: &'a [S],
    /// `M⁻¹`, positive definite, with `M` close to `A`.
    pub(crate) preconditioner: Option<&'a dyn LinearOperator<S>>,
    /// The largest length of the solution, in the norm `√(zᵀM z)`.
    pub(crate) radius: Option<S>,
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
    /// The solution has reached the radius, on which it ends.
    Boundary,
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
    length: S,
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
            length: S::zero(),
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

    /// The length of the solution in the norm of the region, where there is one.
    pub(crate) fn length(&self) -> S {
        self.length
    }

    /// By how much the model falls: `−(gᵀz + ½ zᵀA z)`.
    pub(crate) fn decrease(&self, gradient: &[S]) -> S {
        // The residual is A z + g.
        S::constant(-0.5) * (dot(gradient, &self.solution) + dot(&self.residual, &self.solution))
    }

    /// Hestenes & Stiefel's iteration as in Nocedal & Wright, Alg. 5.3 and 7.1, and with a radius Steihaug's, Alg. 7.2
    /// (preconditioned: Conn, Gould & Toint, *Trust-Region Methods*, Alg. 7.5.1). Allocates nothing.
    pub(crate) fn solve(&mut self, system: &System<'_, S>) -> Result<Outcome<S>, Error> {
        self.solve_from(system, None, &mut |_, _| false)
    }

    /// As [`solve`](Self::solve), from a start that is not zero (for which there is no radius), and until `enough`, which
    /// sees the state after every step, and its number.
    pub(crate) fn solve_from(
        &mut self,
        system: &System<'_, S>,
        start: Option<&[S]>,
        enough: &mut dyn FnMut(usize, &Self) -> bool,
    ) -> Result<Outcome<S>, Error> {
        self.start(system, start)?;
        let mut rho = self.precondition(system.preconditioner)?;
        negate(&self.preconditioned, &mut self.direction);
        let mut region = system.radius.map(|radius| Region::new(radius, rho));
        for iteration in 1..=system.max_iterations {
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
            let positive = curvature > S::epsilon() * size;
            let alpha = rho / curvature;
            if let Some(region) = &region
                && !(positive && region.holds(alpha))
            {
                self.advance(region.to_boundary());
                self.length = region.radius;
                return Ok(Outcome::Boundary);
            }
            if !positive {
                return Ok(self.follow(system.gradient, rho, curvature, size));
            }
            self.advance(alpha);
            self.length = region.as_ref().map_or(S::zero(), |region| region.moved(alpha).sqrt());
            if norm(&self.residual) <= system.tolerance || enough(iteration, self) {
                return Ok(Outcome::Converged);
            }
            let previous = rho;
            rho = self.precondition(system.preconditioner)?;
            let beta = rho / previous;
            if let Some(region) = &mut region {
                region.advance(alpha, beta, rho);
            }
            for (d, &y) in self.direction.iter_mut().zip(&self.preconditioned) {
                *d = beta * *d - y;
            }
        }
        Ok(Outcome::Stopped)
    }

    /// Solution and residual at the start.
    fn start(&mut self, system: &System<'_, S>, start: Option<&[S]>) -> Result<(), Error> {
        self.solution.fill(S::zero());
        self.residual.copy_from_slice(system.gradient);
        if let Some(start) = start {
            self.solution.copy_from_slice(start);
            system.operator.apply(start, &mut self.product)?;
            axpy(S::one(), &self.product, &mut self.residual);
        }
        Ok(())
    }

    /// `z ← z + α d`
    fn advance(&mut self, alpha: S) {
        axpy(alpha, &self.direction, &mut self.solution);
        axpy(alpha, &self.product, &mut self.residual);
    }

    /// `y ← M⁻¹ r`; returns `rᵀy`.
    fn precondition(&mut self, inverse: Option<&dyn LinearOperator<S>>) -> Result<S, Error> {
        match inverse {
            None => self.preconditioned.copy_from_slice(&self.residual),
            Some(inverse) => inverse.apply(&self.residual, &mut self.preconditioned)?,
        }
        Ok(dot(&self.residual, &self.preconditioned))
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
        self.advance(alpha);
        Outcome::NegativeCurvature { curvature: before + alpha * alpha * curvature }
    }
}

/// Where the solution is in the trust region, in the norm of the preconditioner, whose matrix is never applied: the
/// products with it follow from those with its inverse (Conn, Gould & Toint, eq. (7.5.5)–(7.5.7)).
#[derive(Debug)]
struct Region<S> {
    radius: S,
    /// `zᵀMz`, `zᵀMd` and `dᵀMd`.
    zz: S,
    zd: S,
    dd: S,
}

impl<S: Real> Region<S> {
    fn new(radius: S, dd: S) -> Self {
        Region { radius, zz: S::zero(), zd: S::zero(), dd }
    }

    fn moved(&self, alpha: S) -> S {
        self.zz + alpha * (self.zd + self.zd + alpha * self.dd)
    }

    /// Whether `z + αd` is inside.
    fn holds(&self, alpha: S) -> bool {
        self.moved(alpha) < self.radius * self.radius
    }

    /// The positive `α` with `z + αd` on the boundary.
    fn to_boundary(&self) -> S {
        let left = (self.radius * self.radius - self.zz).max(S::zero());
        let root = (self.zd * self.zd + self.dd * left).sqrt();
        // Of the two formulas the one without cancellation.
        if self.zd > S::zero() { left / (root + self.zd) } else { (root - self.zd) / self.dd }
    }

    /// Goes to `z + αd` and the new direction `−M⁻¹r + βd`.
    fn advance(&mut self, alpha: S, beta: S, rho: S) {
        self.zz = self.moved(alpha);
        self.zd = beta * (self.zd + alpha * self.dd);
        self.dd = rho + beta * beta * self.dd;
    }
}

#[cfg(test)]
mod tests {
    use super::super::preconditioner::inverse_of_positive;
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
            radius: None,
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
            serde_json::from_str(include_str!("../../tests/data/optim.json")).unwrap();
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
        let inverse = inverse_of_positive(vec![1e4, 1.0, 1e-4]).unwrap();
        let request =
            System { preconditioner: Some(&inverse), tolerance: 1e-12, ..system(&a, &gradient, 1) };
        assert_eq!(cg.solve(&request).unwrap(), Outcome::Converged);
        assert!((cg.solution()[2] + 3e4).abs() < 1e-9);
    }

    #[test]
    fn steps_that_meet_the_boundary_end_on_it() {
        let (a, gradient) = quad4();
        let inverse = inverse_of_positive(vec![2.0, 1.0, 0.5, 3.0]).unwrap();
        for (m, preconditioner) in [([1.0; 4], None), ([2.0, 1.0, 0.5, 3.0], Some(&*inverse))] {
            let length = |z: &[f64]| z.iter().zip(m).map(|(z, m)| m * z * z).sum::<f64>().sqrt();
            let request = |radius, steps| System {
                radius: Some(radius),
                preconditioner,
                tolerance: 1e-12,
                ..system(&a, &gradient, steps)
            };
            let mut cg = ConjugateGradient::new(4);
            assert_eq!(cg.solve(&request(1e3, 9)).unwrap(), Outcome::Converged);
            let whole = length(cg.solution());
            assert!((cg.length() / whole - 1.0).abs() < 1e-13);
            for part in [0.3, 0.8, 0.95, 0.999] {
                let radius = part * whole;
                assert_eq!(cg.solve(&request(radius, 9)).unwrap(), Outcome::Boundary);
                let error = length(cg.solution()) / radius - 1.0;
                assert!(error.abs() < 1e-13, "{part} {error:e}");
            }
        }
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
