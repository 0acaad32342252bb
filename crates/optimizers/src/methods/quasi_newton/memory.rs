//! The last few pairs, and the inverse matrix that they make.

use std::collections::VecDeque;

use dualtape_autodiff::Real;

use super::pair::{Updated, unit_factors};
use crate::check::require;
use crate::error::Error;
use crate::linalg::{LinearOperator, axpy, dot, scale};

/// The last `m` pairs `(s, y)` of steps and gradient differences, and with them the matrix of L-BFGS: BFGS applied to
/// `γI` for these pairs alone, `γ = sᵀy/yᵀy` of the newest (Nocedal & Wright, Alg. 7.4, eq. 7.20; Liu & Nocedal 1989).
///
/// As a [`LinearOperator`] it is the inverse `H ≈ (∇²f)⁻¹`, by the two-loop recursion; [`hessian`](LbfgsMemory::hessian) gives
/// `B = H⁻¹`. Both are positive definite, since pairs with `yᵀs ≤ √ε ‖y‖ ‖s‖` are skipped.
///
/// The pairs are kept divided by `√(yᵀs)`, which changes neither matrix, saves the factors `ρ` of the recursion, and lets
/// steps of any magnitude in without overflow or underflow. `2mn` numbers; `4mn` multiplications for a product; an update
/// allocates only while the memory fills.
///
/// # Example
///
/// ```
/// use dualtape_optimizers::{LbfgsMemory, LinearOperator};
///
/// let mut memory = LbfgsMemory::new(3, 5);
/// memory.update(&[1.0, 0.0, 0.5], &[2.0, 0.1, 0.0])?;
/// memory.update(&[0.0, 0.3, 0.1], &[0.2, 4.0, 0.0])?;
/// let mut s = [0.0_f64; 3];
/// memory.apply(&[0.2, 4.0, 0.0], &mut s)?;
/// assert!((s[1] - 0.3).abs() < 1e-14 && (s[2] - 0.1).abs() < 1e-14);
/// # Ok::<(), dualtape_optimizers::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct LbfgsMemory<S> {
    n: usize,
    capacity: usize,
    pairs: VecDeque<Pair<S>>,
    gamma: S,
}

/// A pair with `sᵀy = 1`.
#[derive(Debug, Clone)]
pub(super) struct Pair<S> {
    pub(super) s: Vec<S>,
    pub(super) y: Vec<S>,
}

impl<S: Real> LbfgsMemory<S> {
    /// No pairs yet, so that `H = I`; `capacity` of them at most.
    pub fn new(n: usize, capacity: usize) -> Self {
        LbfgsMemory { n, capacity, pairs: VecDeque::new(), gamma: S::one() }
    }

    /// The number of pairs kept.
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Whether there are none, so that `H = I`.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Forgets all pairs.
    pub fn clear(&mut self) {
        self.pairs.clear();
        self.gamma = S::one();
    }

    /// The factor `γ` of the matrix that the pairs are applied to: `sᵀy/yᵀy` of the newest.
    pub fn gamma(&self) -> S {
        self.gamma
    }

    /// Replaces `γ`, until the next update.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] unless it is positive.
    pub fn set_gamma(&mut self, gamma: S) -> Result<(), Error> {
        require("gamma", gamma, "positive", |gamma| gamma > 0.0)?;
        self.gamma = gamma;
        Ok(())
    }

    /// Takes in the step `s` along which the gradient changed by `y`; the oldest pair makes room for it.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] if `s` or `y` do not have `n` entries.
    pub fn update(&mut self, s: &[S], y: &[S]) -> Result<Updated, Error> {
        Error::check_length("the step", s.len(), self.n)?;
        Error::check_length("the difference of gradients", y.len(), self.n)?;
        let factors = unit_factors(s, y, S::epsilon().sqrt()).filter(|_| self.capacity > 0);
        let Some([gamma, s_factor, y_factor]) = factors else { return Ok(Updated::Skipped) };
        let full = self.pairs.len() == self.capacity;
        let oldest = if full { self.pairs.pop_front() } else { None };
        let zeros = || vec![S::zero(); self.n];
        let mut pair = oldest.unwrap_or_else(|| Pair { s: zeros(), y: zeros() });
        pair.s.copy_from_slice(s);
        pair.y.copy_from_slice(y);
        scale(s_factor, &mut pair.s);
        scale(y_factor, &mut pair.y);
        self.pairs.push_back(pair);
        self.gamma = gamma;
        Ok(Updated::Exactly)
    }

    /// All that is kept, to be saved: `γ`, and then `s` and `y` of each pair, the oldest first.
    pub(crate) fn numbers(&self) -> Vec<S> {
        let lists = self.pairs.iter().flat_map(|Pair { s, y }| [s, y]);
        std::iter::once(self.gamma).chain(lists.flatten().copied()).collect()
    }

    /// The memory that has these [`numbers`](LbfgsMemory::numbers); `None` if there can be none of this size.
    pub(crate) fn restored(n: usize, capacity: usize, numbers: &[S]) -> Option<Self> {
        let (&gamma, lists) = numbers.split_first()?;
        let pair = |list: &[S]| Pair { s: list[..n].to_vec(), y: list[n..].to_vec() };
        let pairs: VecDeque<_> = lists.chunks_exact(2 * n.max(1)).map(pair).collect();
        let fits = pairs.len() <= capacity && lists.len() == pairs.len() * 2 * n;
        let usable = gamma.is_finite() && gamma > S::zero();
        (fits && usable).then_some(LbfgsMemory { n, capacity, pairs, gamma })
    }

    pub(super) fn pairs(&self) -> &VecDeque<Pair<S>> {
        &self.pairs
    }
}

/// The inverse `H`, by Nocedal & Wright, Alg. 7.4.
impl<S: Real> LinearOperator<S> for LbfgsMemory<S> {
    fn dim(&self) -> usize {
        self.n
    }

    fn apply(&self, v: &[S], out: &mut [S]) -> Result<(), Error> {
        Error::check_length("the vector to multiply", v.len(), self.n)?;
        Error::check_length("the product", out.len(), self.n)?;
        out.copy_from_slice(v);
        let mut alphas = Vec::with_capacity(self.pairs.len());
        for Pair { s, y } in self.pairs.iter().rev() {
            let alpha = dot(s, out);
            axpy(-alpha, y, out);
            alphas.push(alpha);
        }
        scale(self.gamma, out);
        for (Pair { s, y }, alpha) in self.pairs.iter().zip(alphas.into_iter().rev()) {
            let beta = dot(y, out);
            axpy(alpha - beta, s, out);
        }
        Ok(())
    }
}
