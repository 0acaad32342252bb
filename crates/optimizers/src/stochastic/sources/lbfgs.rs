//! Quasi-Newton directions in place of gradients, from products with the curvature of averaged points.

use std::collections::VecDeque;

use crate::options::require_count;
use crate::saved::{SavedState, list, numbers, restored, save};
use crate::stochastic::source::{Feed, Point, Source};
use crate::vector::{axpy, dot, norm, scale};
use crate::{CurvatureMatrix, Error, Real};

/// In place of the gradient, `H g` with the inverse matrix `H` of L-BFGS from pairs that noise does not spoil (Byrd, Hansen, Nocedal
/// & Singer, SIAM J. Optim. 26 (2016), Alg. 1 and 2, "SQN"): every `L` steps
///
/// ```text
/// w̄ = mean of the last L points,   s = w̄ − w̄ before,   y = B(w̄) s
/// ```
///
/// with an exact product in place of a difference of noisy gradients. `B` is of the batch of the step, or of another that
/// [`step_with_curvature_of`](crate::Stepper::step_with_curvature_of) is given, which may be larger, since a product is
/// needed at every `L`-th step only. Until the first pair, after `2L` steps, the gradient itself goes into the rule.
///
/// With the rule [`Sgd`](crate::Sgd) it is the method of the paper, whose learning rate falls as `1/k`.
///
/// **Defaults**: `B` the Hessian, `L = 10`, 10 pairs. Pairs with `sᵀy ≤ √ε ‖s‖ ‖y‖` are left out, as where curvature is negative.
///
/// **Pitfalls**: one learning rate serves for the gradient at first and for Newton's scale later, where it should be below 1.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::Function;
/// use dualtape_optimizers::{Sgd, stochastic::sources::Lbfgs};
///
/// let f = Function::record(&[0.0; 2], |x| x[0] * x[0] + 20.0 * x[1] * x[1] + 2.0 * x[0] * x[1])?;
/// let mut method = Sgd::new(0.04).with_source(Lbfgs::default().interval(3).pairs(2));
/// let mut x = [1.0_f64, -2.0];
/// for step in 0..120 {
///     if step == 9 {
///         method.set_learning_rate(0.3);
///     }
///     method.step_on(&mut x, &f)?; // the loss of a minibatch, say
/// }
/// assert!(x[0].abs() < 1e-6 && x[1].abs() < 1e-6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Lbfgs<S> {
    matrix: CurvatureMatrix,
    interval: usize,
    capacity: usize,
    learnt: Learnt<S>,
}

#[derive(Debug, Clone)]
struct Learnt<S> {
    /// Steps and products, the oldest first.
    pairs: VecDeque<[Vec<S>; 2]>,
    /// Of the points since the last mean.
    sum: Vec<S>,
    mean: Vec<S>,
}

impl<S> Default for Learnt<S> {
    fn default() -> Self {
        Learnt { pairs: VecDeque::new(), sum: Vec::new(), mean: Vec::new() }
    }
}

impl<S> Default for Lbfgs<S> {
    fn default() -> Self {
        let matrix = CurvatureMatrix::Hessian;
        Lbfgs { matrix, interval: 10, capacity: 10, learnt: Learnt::default() }
    }
}

impl<S: Real> Lbfgs<S> {
    /// The matrix `B`.
    #[must_use]
    pub fn of(mut self, matrix: CurvatureMatrix) -> Self {
        self.matrix = matrix;
        self
    }

    /// `L`.
    #[must_use]
    pub fn interval(mut self, steps: usize) -> Self {
        self.interval = steps;
        self
    }

    /// How many pairs are kept.
    #[must_use]
    pub fn pairs(mut self, pairs: usize) -> Self {
        self.capacity = pairs;
        self
    }

    /// The pair that ends with the mean of the last points.
    fn learn(&mut self, point: &Point<'_, S>) -> Result<(), Error> {
        let Learnt { pairs, sum, mean } = &mut self.learnt;
        scale(S::one() / S::constant(self.interval as f64), sum);
        let before = std::mem::replace(mean, std::mem::take(sum));
        if before.is_empty() {
            return Ok(());
        }
        let step: Vec<S> = mean.iter().zip(before).map(|(&new, old)| new - old).collect();
        let mut product = vec![S::zero(); step.len()];
        let at = point.objective.linearize(mean)?;
        at.curvature(self.matrix)?.apply(&step, &mut product)?;
        let size = norm(&step) * norm(&product);
        if size.is_finite() && dot(&step, &product) > S::epsilon().sqrt() * size {
            if pairs.len() == self.capacity {
                pairs.pop_front();
            }
            pairs.push_back([step, product]);
        }
        Ok(())
    }
}

impl<S: Real> Learnt<S> {
    /// `H g` by the two loops of Nocedal & Wright, Alg. 7.4, from `sᵀy/yᵀy` of the newest pair.
    fn direction(&self, gradient: &[S]) -> Option<Vec<S>> {
        let [s, y] = self.pairs.back()?;
        let gamma = dot(s, y) / dot(y, y);
        let mut direction = gradient.to_vec();
        let mut alphas = Vec::with_capacity(self.pairs.len());
        for [s, y] in self.pairs.iter().rev() {
            let alpha = dot(s, &direction) / dot(s, y);
            axpy(-alpha, y, &mut direction);
            alphas.push(alpha);
        }
        scale(gamma, &mut direction);
        for ([s, y], alpha) in self.pairs.iter().zip(alphas.into_iter().rev()) {
            axpy(alpha - dot(y, &direction) / dot(s, y), s, &mut direction);
        }
        Some(direction)
    }
}

impl<S: Real> Source<S> for Lbfgs<S> {
    fn check(&self) -> Result<(), Error> {
        require_count("interval", self.interval)?;
        require_count("pairs", self.capacity)
    }

    // At the points of the steps it is not.
    fn needs_curvature(&self, _: u64) -> bool {
        false
    }

    fn feed(&mut self, point: &Point<'_, S>) -> Result<Feed<S>, Error> {
        self.learnt.sum.resize(point.x.len(), S::zero());
        axpy(S::one(), point.x, &mut self.learnt.sum);
        let direction = self.learnt.direction(point.gradient);
        if (point.steps + 1).is_multiple_of(self.interval as u64) {
            self.learn(point)?;
        }
        Ok(Feed { direction, estimate: None })
    }

    fn state(&self) -> SavedState {
        let Learnt { pairs, sum, mean } = &self.learnt;
        let pairs = pairs.iter().flatten().flat_map(|list| numbers(list)).collect();
        save([("lbfgs_pairs", pairs), ("lbfgs_sum", numbers(sum)), ("lbfgs_mean", numbers(mean))])
    }

    fn restore(&mut self, state: &SavedState) -> Result<(), Error> {
        let pairs: Vec<S> = restored(list(state, "lbfgs_pairs")?);
        let sum: Vec<S> = restored(list(state, "lbfgs_sum")?);
        let mean: Vec<S> = restored(list(state, "lbfgs_mean")?);
        let n = mean.len();
        let whole =
            n > 0 && pairs.len().is_multiple_of(2 * n) && (sum.len() == n || sum.is_empty());
        let nothing = n == 0 && pairs.is_empty();
        if !(whole || nothing) {
            return Err(Error::SavedState { missing: "lbfgs_pairs" });
        }
        let pairs = pairs.chunks_exact(2 * n.max(1));
        let pairs = pairs.map(|pair| [pair[..n].to_vec(), pair[n..].to_vec()]).collect();
        self.learnt = Learnt { pairs, sum, mean };
        Ok(())
    }

    fn reset(&mut self) {
        self.learnt = Learnt::default();
    }
}
