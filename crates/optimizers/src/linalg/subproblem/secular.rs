//! The secular equation: how far to shift a matrix so that the step gets the right length.

use crate::linalg::basis::normalize;
use crate::linalg::vector::{axpy, dot, norm, scale};

/// What holds a step short.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Bound {
    /// `‖p‖ ≤ Δ`.
    Radius(f64),
    /// `+ σ/3 ‖p‖³` in the model.
    Cubic(f64),
}

impl Bound {
    /// The length of the step that belongs to the shift `λ > 0`.
    fn length(self, shift: f64) -> f64 {
        match self {
            Bound::Radius(radius) => radius,
            Bound::Cubic(sigma) => shift / sigma,
        }
    }

    /// No shift above this can be the solution, if `‖A‖ ≤ norm`: from `‖p‖ ≤ ‖g‖/(λ − ‖A‖)`.
    fn largest_shift(self, gradient: f64, norm: f64) -> f64 {
        match self {
            Bound::Radius(radius) => gradient / radius + norm,
            Bound::Cubic(sigma) => {
                (0.5 * norm + (0.25 * norm * norm + sigma * gradient).sqrt()).max(norm)
            }
        }
    }

    /// The derivative of `−1/length` by the shift.
    fn slope(self, shift: f64) -> f64 {
        match self {
            Bound::Radius(_) => 0.0,
            Bound::Cubic(sigma) => sigma / (shift * shift),
        }
    }
}

/// A symmetric matrix `A` that can be factored with any shift of its diagonal.
pub(crate) trait Shiftable {
    /// The order of the matrix.
    fn dim(&self) -> usize;

    /// The least entry of the diagonal, which no eigenvalue is needed to know: the least eigenvalue is not above it.
    fn least_diagonal(&self) -> f64;

    /// A bound of `‖A‖₂`.
    fn norm_bound(&self) -> f64;

    /// The rounding of the numbers that the matrix was computed in, relative to its norm.
    fn precision(&self) -> f64;

    /// Factors `A + λI`; false if that is not positive definite.
    fn factor(&mut self, shift: f64) -> bool;

    /// `x ← (A + λI)⁻¹ x` with the shift factored last.
    fn solve_in_place(&self, x: &mut [f64]);
}

/// How accurately to solve: a step on the boundary may miss its length by `easy`, and one of the hard case may miss the
/// least model by the share `hard`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Accuracy {
    pub(crate) easy: f64,
    pub(crate) hard: f64,
}

impl Accuracy {
    /// Moré & Sorensen's: a step need not be much better than the radius is known.
    pub(crate) const SUFFICIENT: Accuracy = Accuracy { easy: 0.1, hard: 0.2 };
    /// As good as rounding permits.
    pub(crate) const FULL: Accuracy = Accuracy { easy: 1e-12, hard: 1e-14 };
}

/// The solution of a model with its bound.
#[derive(Debug, Clone)]
pub(crate) struct ShortStep {
    pub(crate) step: Vec<f64>,
    /// The shift `λ` with `(A + λI) p = −g`, 0 where the bound does not matter.
    pub(crate) shift: f64,
    /// By how much the quadratic model falls: `−(gᵀp + ½ pᵀAp)`.
    pub(crate) decrease: f64,
}

/// The global minimiser of `gᵀp + ½ pᵀAp` under the bound: `(A + λI) p = −g` with `A + λI ⪰ 0`, and `‖p‖ = Δ` or `λ = 0`
/// (Moré & Sorensen, SIAM J. Sci. Stat. Comput. 4 (1983)), or `λ = σ‖p‖` (Cartis, Gould & Toint, Math. Programming 127
/// (2011), §6.1).
///
/// `1/‖p(λ)‖ = 1/length(λ)` is solved by Newton's method, with one factorization for a shift, safeguarded by an interval
/// that holds the solution and is bisected where Newton's method comes no closer. In the hard case, where `p(λ)` stays too
/// short down to `λ = −λ₁`, a vector of least curvature fills up the length; it comes from inverse iteration with the factors
/// at hand, and its Rayleigh quotient tightens the interval. Where `A + λI` is so nearly singular that rounding hides which
/// shift gives the length, the step that came closest is the solution, shortened if it is too long. `None` if a number is
/// not finite. The search starts from `guess`.
pub(crate) fn minimize(
    a: &mut impl Shiftable,
    gradient: &[f64],
    bound: Bound,
    accuracy: Accuracy,
    guess: f64,
) -> Option<ShortStep> {
    let (size, matrix_norm) = (norm(gradient), a.norm_bound());
    let mut search = Search {
        gradient,
        bound,
        accuracy,
        // Below zero for as long as zero itself may be the solution.
        lower: (-a.least_diagonal()).max(-f64::MIN_POSITIVE),
        upper: bound.largest_shift(size, matrix_norm),
        rounding: (1e3 * f64::EPSILON).max(10.0 * a.precision()) * matrix_norm,
        closest: None,
        goal: f64::INFINITY,
        stalled: 0,
    };
    if !(search.upper.is_finite() && size.is_finite()) {
        return None;
    }
    let mut shift = search.inside(guess);
    for _ in 0..TRIALS {
        shift = match search.look(a, shift) {
            Look::Solved(step) => return Some(step),
            Look::Next(next) => next,
        };
    }
    search.settle()
}

/// Shifts tried at most. Bisection alone needs some 70 to get from the norm of the matrix to the last digit of a shift.
const TRIALS: usize = 200;

/// Trials that may fail to bring the length closer to its target by half.
const PATIENCE: usize = 2;

/// The share by which a length may miss its target for want of digits. What is farther off is worth bisecting.
const INDISTINCT: f64 = 1e-6;

/// The search for the shift.
struct Search<'g> {
    gradient: &'g [f64],
    bound: Bound,
    accuracy: Accuracy,
    lower: f64,
    upper: f64,
    /// Curvature of at most this magnitude is zero.
    rounding: f64,
    /// The solution whose length misses its target by the least share, and that share.
    closest: Option<(Solution, f64)>,
    /// The share that counts as closer.
    goal: f64,
    /// Trials since the goal was last met.
    stalled: usize,
}

/// `(A + λI) p = −g`
struct Solution {
    step: Vec<f64>,
    shift: f64,
    length: f64,
}

enum Look {
    Solved(ShortStep),
    Next(f64),
}

impl Search<'_> {
    fn look(&mut self, a: &mut impl Shiftable, shift: f64) -> Look {
        let Some(found) = self.solve(a, shift) else {
            self.lower = self.lower.max(shift);
            // A shift just above an interval that has shrunk to rounding is as good as any in it.
            if self.is_narrow() {
                self.upper *= 1.0 + 1e-10;
            }
            return Look::Next(self.middle());
        };
        let target = self.bound.length(shift);
        if self.is_good(&found, target) {
            return Look::Solved(self.short(&found, 1.0));
        }
        if found.length > target {
            self.lower = self.lower.max(shift);
        } else {
            self.upper = self.upper.min(shift);
            let null = Null::new(a);
            if let Some(long) = self.fill_up(&null, &found, target) {
                return Look::Solved(long);
            }
            self.lower = self.lower.max(shift - null.curvature);
        }
        let next = self.newton(a, &found, target);
        self.compare(found, target);
        if (self.is_narrow() || self.is_indistinct())
            && let Some(closest) = self.settle()
        {
            return Look::Solved(closest);
        }
        Look::Next(if self.stalled < PATIENCE { self.inside(next) } else { self.middle() })
    }

    /// `None` if `A + λI` is not positive definite beyond rounding.
    fn solve(&self, a: &mut impl Shiftable, shift: f64) -> Option<Solution> {
        if !a.factor(shift) {
            return None;
        }
        let mut step: Vec<f64> = self.gradient.iter().map(|g| -g).collect();
        a.solve_in_place(&mut step);
        let length = norm(&step);
        length.is_finite().then_some(Solution { step, shift, length })
    }

    /// The shift after this one by Newton's method.
    fn newton(&self, a: &impl Shiftable, found: &Solution, target: f64) -> f64 {
        // pᵀ(A + λI)⁻¹p
        let mut again = found.step.clone();
        a.solve_in_place(&mut again);
        let (length, shift) = (found.length, found.shift);
        let slope = dot(&found.step, &again) / length.powi(3) + self.bound.slope(shift);
        shift - (1.0 / length - 1.0 / target) / slope
    }

    fn compare(&mut self, found: Solution, target: f64) {
        let miss = (found.length - target).abs() / target;
        if miss <= self.goal {
            (self.goal, self.stalled) = (0.5 * miss, 0);
        } else {
            self.stalled += 1;
        }
        if self.closest.as_ref().is_none_or(|&(_, least)| miss < least) {
            self.closest = Some((found, miss));
        }
    }

    /// The solution that came closest.
    fn settle(&self) -> Option<ShortStep> {
        let (closest, _) = self.closest.as_ref()?;
        let part = self.bound.length(closest.shift) / closest.length;
        Some(self.short(closest, part.min(1.0)))
    }

    /// A part of a solution, with the decrease along it.
    fn short(&self, found: &Solution, part: f64) -> ShortStep {
        let slope = dot(self.gradient, &found.step);
        let curvature = -slope - found.shift * found.length * found.length;
        let step = found.step.iter().map(|p| part * p).collect();
        let decrease = -part * (slope + 0.5 * part * curvature);
        ShortStep { step, shift: found.shift, decrease }
    }

    /// Whether `p(λ)` needs nothing added: it has the length sought, or is shorter and within a radius, and no longer one
    /// would be much better: that could gain at most `½λ(Δ² − ‖p‖²)`.
    fn is_good(&self, found: &Solution, target: f64) -> bool {
        let &Solution { ref step, shift, length } = found;
        if (length - target).abs() <= self.accuracy.easy * target {
            return true;
        }
        let Bound::Radius(radius) = self.bound else { return false };
        let decrease = 0.5 * (shift * length * length - dot(self.gradient, step));
        let gain = 0.5 * shift * (radius - length) * (radius + length);
        length <= radius && gain <= self.accuracy.hard * decrease
    }

    fn is_narrow(&self) -> bool {
        self.upper - self.lower <= 4.0 * f64::EPSILON * self.upper
    }

    /// Whether the digits do not suffice to come closer.
    fn is_indistinct(&self) -> bool {
        let near = self.closest.as_ref().is_some_and(|&(_, miss)| miss <= INDISTINCT);
        near && self.stalled > PATIENCE
    }

    /// `shift` if it is inside the interval; else zero if that is, or the middle.
    fn inside(&self, shift: f64) -> f64 {
        if shift > self.lower && shift < self.upper {
            shift.max(0.0)
        } else if self.lower < 0.0 {
            0.0
        } else {
            self.middle()
        }
    }

    /// A point that divides the interval, and tends to the lower end.
    fn middle(&self) -> f64 {
        let Search { lower, upper, .. } = *self;
        (lower.max(0.0) * upper).sqrt().max(lower + 0.01 * (upper - lower))
    }

    /// The step lengthened along a vector of least curvature, and what that loses against the best; `None` if that is not
    /// yet good enough, or the curvature is not negative: along a flat valley there is nothing to gain.
    fn fill_up(&self, null: &Null, found: &Solution, target: f64) -> Option<ShortStep> {
        let &Solution { ref step, shift, length } = found;
        if shift - null.curvature <= self.rounding {
            return None;
        }
        let along = dot(step, &null.vector);
        let missing = (target - length) * (target + length);
        // The root of ‖p + τz‖ = target of smaller magnitude.
        let tau = missing / (along + (along * along + missing).sqrt().copysign(along));
        let best = shift * target * target - dot(self.gradient, step);
        if tau * tau * null.curvature > self.accuracy.hard * best && !self.is_narrow() {
            return None;
        }
        let mut long = step.to_vec();
        axpy(tau, &null.vector, &mut long);
        let lost = 0.5 * tau * dot(&null.image, &long);
        let length = norm(&long);
        let short = self.short(&Solution { step: long, shift, length }, 1.0);
        Some(ShortStep { decrease: short.decrease - lost, ..short })
    }
}

/// A unit vector `z` in which `A + λI` has little curvature.
struct Null {
    vector: Vec<f64>,
    /// `(A + λI) z`
    image: Vec<f64>,
    /// `zᵀ(A + λI) z`
    curvature: f64,
}

impl Null {
    /// Inverse iteration. The start is unlike any eigenvector that a problem might have.
    fn new(a: &impl Shiftable) -> Null {
        let n = a.dim();
        let mut vector: Vec<f64> = (0..n).map(|i| 1.0 + 0.5 * (1.3 * i as f64).sin()).collect();
        let mut image = Vec::new();
        let mut curvature = f64::INFINITY;
        for _ in 0..20 {
            normalize(&mut vector);
            image.clone_from(&vector);
            a.solve_in_place(&mut vector);
            let grown = norm(&vector);
            let before = curvature;
            curvature = dot(&vector, &image) / (grown * grown);
            if curvature > 0.9 * before {
                break;
            }
        }
        let grown = norm(&vector);
        for v in [&mut vector, &mut image] {
            scale(1.0 / grown, v);
        }
        Null { vector, image, curvature }
    }
}
