//! Quasi-Newton directions in place of gradients, from products with the curvature of averaged points.

use dualtape_autodiff::Real;

use crate::check::require_count;
use crate::curvature_matrix::CurvatureMatrix;
use crate::engine::{
    SavedState, Setting, check_settings, list, numbers, restored, save, setting_lists,
};
use crate::error::Error;
use crate::linalg::{LinearOperator, axpy, scale};
use crate::methods::quasi_newton::LbfgsMemory;
use crate::methods::stochastic::source::{Feed, Point, Source};

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
/// use dualtape_autodiff::record;
/// use dualtape_optimizers::{Sgd, stochastic::sources::Lbfgs};
///
/// let f = record(&[0.0; 2]).function(|x| x[0] * x[0] + 20.0 * x[1] * x[1] + 2.0 * x[0] * x[1])?;
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
    /// From the first step on.
    learnt: Option<Learnt<S>>,
}

#[derive(Debug, Clone)]
struct Learnt<S> {
    memory: LbfgsMemory<S>,
    /// Of the points since the last mean.
    sum: Vec<S>,
    /// The last mean; empty until there is one.
    mean: Vec<S>,
}

impl<S> Default for Lbfgs<S> {
    fn default() -> Self {
        Lbfgs { matrix: CurvatureMatrix::Hessian, interval: 10, capacity: 10, learnt: None }
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

    fn pairs_setting(&self) -> Setting {
        ("pairs", self.capacity as f64)
    }
}

impl<S: Real> Learnt<S> {
    fn new(n: usize, capacity: usize) -> Self {
        let memory = LbfgsMemory::new(n, capacity);
        Learnt { memory, sum: vec![S::zero(); n], mean: Vec::new() }
    }

    /// `H g`, once there is a pair.
    fn direction(&self, gradient: &[S]) -> Result<Option<Vec<S>>, Error> {
        if self.memory.is_empty() {
            return Ok(None);
        }
        let mut direction = vec![S::zero(); gradient.len()];
        self.memory.apply(gradient, &mut direction)?;
        Ok(Some(direction))
    }

    /// The pair that ends with the mean of the last points, which are as many as `interval`.
    fn learn(
        &mut self,
        point: &Point<'_, S>,
        matrix: CurvatureMatrix,
        interval: usize,
    ) -> Result<(), Error> {
        let Learnt { memory, sum, mean } = self;
        let mut new = std::mem::replace(sum, vec![S::zero(); sum.len()]);
        scale(S::one() / S::constant(interval as f64), &mut new);
        let mut step = new.clone();
        let old = std::mem::replace(mean, new);
        if old.is_empty() {
            return Ok(());
        }
        axpy(-S::one(), &old, &mut step);
        let mut product = vec![S::zero(); step.len()];
        let at = point.objective.linearize(mean)?;
        at.curvature(matrix)?.apply(&step, &mut product)?;
        memory.update(&step, &product)?;
        Ok(())
    }
}

impl<S: Real> Source<S> for Lbfgs<S> {
    fn check(&self) -> Result<(), Error> {
        require_count("interval", self.interval)?;
        require_count("pairs", self.capacity)
    }

    fn settings(&self) -> Vec<Setting> {
        // The pairs are compared once the memory is known to be sound.
        vec![("of", f64::from(self.matrix as u8)), ("interval", self.interval as f64)]
    }

    // At the points of the steps it is not.
    fn needs_curvature(&self, _: u64) -> bool {
        false
    }

    fn feed(&mut self, point: &Point<'_, S>) -> Result<Feed<S>, Error> {
        let n = point.x.len();
        let learnt = self.learnt.get_or_insert_with(|| Learnt::new(n, self.capacity));
        Error::check_length("x", n, learnt.sum.len())?;
        axpy(S::one(), point.x, &mut learnt.sum);
        let direction = learnt.direction(point.gradient)?;
        if (point.steps + 1).is_multiple_of(self.interval as u64) {
            learnt.learn(point, self.matrix, self.interval)?;
        }
        Ok(Feed { direction, estimate: None })
    }

    fn state(&self) -> SavedState {
        let lists = self.learnt.as_ref().map(|Learnt { memory, sum, mean }| {
            [numbers(&memory.numbers()), numbers(sum), numbers(mean)]
        });
        let [memory, sum, mean] = lists.unwrap_or_default();
        let mut state = save([("lbfgs_memory", memory), ("lbfgs_sum", sum), ("lbfgs_mean", mean)]);
        state.extend(setting_lists(&[self.pairs_setting()]));
        state
    }

    fn restore(&mut self, state: &SavedState) -> Result<(), Error> {
        let memory = restored(list(state, "lbfgs_memory")?);
        let sum = restored(list(state, "lbfgs_sum")?);
        let mean = restored(list(state, "lbfgs_mean")?);
        let n = sum.len();
        let learnt = if memory.is_empty() && n == 0 && mean.is_empty() {
            None
        } else if mean.is_empty() || mean.len() == n {
            let memory = LbfgsMemory::restored(n, self.capacity, &memory);
            let memory = memory.ok_or(Error::SavedState { missing: "lbfgs_memory" })?;
            Some(Learnt { memory, sum, mean })
        } else {
            return Err(Error::SavedState { missing: "lbfgs_mean" });
        };
        check_settings(state, &[self.pairs_setting()])?;
        self.learnt = learnt;
        Ok(())
    }

    fn reset(&mut self) {
        self.learnt = None;
    }
}
