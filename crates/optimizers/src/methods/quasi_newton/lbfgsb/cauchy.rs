//! The generalised Cauchy point.

use dualtape_autodiff::Real;

use crate::engine::Bounds;
use crate::linalg::dot;
use crate::methods::quasi_newton::compact::CompactHessian;

/// The first minimum of the model along the projected path.
pub(super) struct CauchyPoint<S> {
    pub(super) x: Vec<S>,
    /// `Wᵀ (x_c − x)`.
    pub(super) projection: Vec<S>,
}

/// Algorithm CP of Byrd, Lu, Nocedal & Zhu (1995): piece by piece along `P(x − t g)`, on each of which the model
/// `gᵀd + ½ dᵀBd` is a parabola whose slope and curvature are carried on in `O(m²)`.
pub(super) fn cauchy_point<S: Real>(
    model: &CompactHessian<'_, S>,
    bounds: &Bounds<S>,
    x: &[S],
    gradient: &[S],
) -> CauchyPoint<S> {
    let ends: Vec<S> = (0..x.len()).map(|i| end_of(bounds, i, x[i], gradient[i])).collect();
    let mut order: Vec<usize> =
        (0..x.len()).filter(|&i| ends[i] > S::zero() && ends[i].is_finite()).collect();
    order.sort_by(|&i, &j| ends[i].partial_cmp(&ends[j]).unwrap_or(std::cmp::Ordering::Equal));
    let moving = |i: usize| if ends[i] > S::zero() { -gradient[i] } else { S::zero() };
    let mut direction: Vec<S> = (0..x.len()).map(moving).collect();
    let mut point = x.to_vec();
    let mut piece = Piece::new(model, &direction);
    let mut time = S::zero();
    for b in order {
        let duration = ends[b] - time;
        if piece.minimum() < duration {
            break;
        }
        let bound = if gradient[b] > S::zero() { bounds.lower(b) } else { bounds.upper(b) };
        point[b] = bound;
        direction[b] = S::zero();
        piece.advance(duration);
        piece.stop(b, gradient[b], bound - x[b]);
        time = ends[b];
    }
    let rest = piece.minimum().max(S::zero());
    piece.advance(rest);
    for ((point, &x), &d) in point.iter_mut().zip(x).zip(&direction) {
        if !d.is_zero() {
            *point = x + (time + rest) * d;
        }
    }
    bounds.project(&mut point);
    CauchyPoint { x: point, projection: piece.covered }
}

/// The time at which variable `i` reaches its bound.
fn end_of<S: Real>(bounds: &Bounds<S>, i: usize, x: S, gradient: S) -> S {
    if gradient < S::zero() {
        (x - bounds.upper(i)) / gradient
    } else if gradient > S::zero() {
        (x - bounds.lower(i)) / gradient
    } else {
        S::infinity()
    }
}

/// The model along one piece of the path.
struct Piece<'m, S: Real> {
    model: &'m CompactHessian<'m, S>,
    slope: S,
    curvature: S,
    /// Curvatures below this are rounding.
    least_curvature: S,
    /// `Wᵀ d`.
    speed: Vec<S>,
    /// `Wᵀ (x(t) − x)`.
    covered: Vec<S>,
    /// Room for a row of `W` and its image.
    row: Vec<S>,
    image: Vec<S>,
}

impl<'m, S: Real> Piece<'m, S> {
    fn new(model: &'m CompactHessian<'m, S>, direction: &[S]) -> Self {
        let zeros = || vec![S::zero(); model.rank()];
        let mut speed = zeros();
        model.project(direction, &mut speed);
        let mut image = speed.clone();
        model.solve_middle(&mut image);
        let square = dot(direction, direction);
        let curvature = model.sigma() * square - dot(&speed, &image);
        let least_curvature = S::epsilon() * model.sigma() * square;
        Piece {
            model,
            slope: -square,
            curvature: curvature.max(least_curvature),
            least_curvature,
            speed,
            covered: zeros(),
            row: zeros(),
            image,
        }
    }

    /// The time to the minimum of the parabola; 0 for one that rises.
    fn minimum(&self) -> S {
        let time = -self.slope / self.curvature;
        if time.is_nan() { S::zero() } else { time.max(S::zero()) }
    }

    fn advance(&mut self, time: S) {
        self.slope += time * self.curvature;
        self.covered.iter_mut().zip(&self.speed).for_each(|(c, &p)| *c += time * p);
    }

    /// Variable `b`, of derivative `g`, stops on its bound at a distance `z` from its start.
    fn stop(&mut self, b: usize, g: S, z: S) {
        let sigma = self.model.sigma();
        self.model.row(b, &mut self.row);
        self.image.copy_from_slice(&self.row);
        self.model.solve_middle(&mut self.image);
        let image = &self.image;
        self.slope += g * (g + sigma * z - dot(image, &self.covered));
        let change =
            g * sigma + S::constant(2.0) * dot(image, &self.speed) + g * dot(image, &self.row);
        self.curvature = (self.curvature - g * change).max(self.least_curvature);
        self.speed.iter_mut().zip(&self.row).for_each(|(p, &w)| *p += g * w);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::linalg::LinearOperator;
    use crate::methods::quasi_newton::memory::LbfgsMemory;

    const N: usize = 6;

    fn vector(size: f64) -> impl Strategy<Value = Vec<f64>> {
        prop::collection::vec(-size..size, N)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

        /// The first minimum that small steps along the path come to.
        #[test]
        fn it_is_the_first_minimum_along_the_projected_path(
            steps in [vector(1.0), vector(1.0), vector(1.0)],
            tilt in vector(0.4),
            gradient in vector(3.0),
            room in prop::collection::vec(0.05..2.0_f64, N),
        ) {
            let mut memory = LbfgsMemory::new(N, 3);
            for s in &steps {
                // Curvatures 1 to 6, and one direction more.
                let along = dot(&tilt, s);
                let y: Vec<f64> = (0..N).map(|i| (1 + i) as f64 * s[i] + along * tilt[i]).collect();
                memory.update(s, &y).unwrap();
            }
            let model = memory.hessian().unwrap();
            let bounds = Bounds::new(room.iter().map(|r| -r).collect(), room.clone());
            let x = [0.0; N];
            let found = cauchy_point(&model, &bounds, &x, &gradient);

            let at = |t: f64| {
                let mut d: Vec<f64> = gradient.iter().map(|g| -t * g).collect();
                bounds.project(&mut d);
                d
            };
            let value = |d: &[f64]| {
                let mut image = [0.0; N];
                model.apply(d, &mut image).unwrap();
                dot(&gradient, d) + 0.5 * dot(d, &image)
            };
            let (mut t, step) = (0.0, 1e-4);
            while t < 100.0 && value(&at(t + step)) < value(&at(t)) {
                t += step;
            }
            for (found, expected) in found.x.iter().zip(at(t)) {
                prop_assert!((found - expected).abs() <= 4.0 * step * 3.0, "{found} {expected} at {t}");
            }
            let mut projection = vec![0.0; model.rank()];
            model.project(&found.x, &mut projection);
            for (found, expected) in found.projection.iter().zip(&projection) {
                prop_assert!((found - expected).abs() < 1e-9, "{found} {expected}");
            }
        }
    }
}
