//! Limited-memory SR1.

use std::collections::VecDeque;

use dualtape_autodiff::Real;

use super::pair::Updated;
use crate::error::Error;
use crate::linalg::{LinearOperator, axpy, dot, norm};

/// The last `m` pairs `(s, y)` and the L-SR1 matrix that they make: `B ≈ ∇²f`, symmetric, and indefinite where the
/// function curves down.
///
/// With `Ψ = Y − σS` and the symmetric `N = D + L + Lᵀ − σSᵀS` of the parts of `SᵀY`, the compact form is
///
/// ```text
/// B = σI + Ψ N⁻¹ Ψᵀ
/// ```
///
/// (Byrd, Nocedal & Schnabel, Math. Programming 63 (1994), Theorem 5.1). Here it is kept eliminated: with `N = U Δ Uᵀ`, the
/// columns of `Ψ U⁻ᵀ` are the residuals `r = y − B s` of one update after the other, and the pivots `Δ` are their denominators
/// `rᵀs`. A pivot that is too small, `|rᵀs| < √ε ‖r‖ ‖s‖`, thus means what it means for [`UpdateRule::Sr1`](crate::UpdateRule::Sr1),
/// and the pair is left out. When the oldest pair goes, all that follow start from another matrix: they are all tested
/// again, and a pair left out before may come back.
///
/// `σ` is the curvature `yᵀy/yᵀs` of the newest pair with `yᵀs > 0`. `3mn` numbers, `2mn` multiplications for a product,
/// `O(m²n)` for an update.
///
/// # Example
///
/// ```
/// use dualtape_optimizers::{LinearOperator, Lsr1Memory};
///
/// // a saddle: curvature 2 along one axis, −3 along the other
/// let mut memory = Lsr1Memory::new(2, 4);
/// memory.update(&[1.0, 0.5], &[2.0, -1.5])?;
/// memory.update(&[-0.2, 1.0], &[-0.4, -3.0])?;
/// let mut b = [0.0; 4];
/// memory.to_dense(&mut b)?;
/// assert!((b[0] - 2.0_f64).abs() < 1e-14 && b[1].abs() < 1e-14 && (b[3] + 3.0).abs() < 1e-14);
/// # Ok::<(), dualtape_optimizers::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Lsr1Memory<S> {
    n: usize,
    capacity: usize,
    pairs: VecDeque<Pair<S>>,
    sigma: S,
}

#[derive(Debug, Clone)]
struct Pair<S> {
    /// Of unit length, `y` divided by the same.
    s: Vec<S>,
    y: Vec<S>,
    /// `y − B s`.
    residual: Vec<S>,
    /// `1/rᵀs`; 0 for a pair that is left out.
    factor: S,
}

impl<S: Real> Lsr1Memory<S> {
    /// No pairs yet, so that `B = I`; `capacity` of them at most.
    pub fn new(n: usize, capacity: usize) -> Self {
        Lsr1Memory { n, capacity, pairs: VecDeque::with_capacity(capacity), sigma: S::one() }
    }

    /// The number of pairs kept, those left out for now included.
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Forgets all pairs.
    pub fn clear(&mut self) {
        self.pairs.clear();
        self.sigma = S::one();
    }

    /// The curvature `σ` along all that the pairs do not span.
    pub fn sigma(&self) -> S {
        self.sigma
    }

    /// Takes in the step `s` along which the gradient changed by `y`; the oldest pair makes room for it. Tells what became of
    /// the newest pair.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] if `s` or `y` do not have `n` entries.
    pub fn update(&mut self, s: &[S], y: &[S]) -> Result<Updated, Error> {
        Error::check_length("the step", s.len(), self.n)?;
        Error::check_length("the difference of gradients", y.len(), self.n)?;
        let (length, y_norm) = (norm(s), norm(y));
        if self.capacity == 0 || !length.recip().is_normal() || !(y_norm / length).is_finite() {
            return Ok(Updated::Skipped);
        }
        let full = self.pairs.len() == self.capacity;
        let oldest = if full { self.pairs.pop_front() } else { None };
        let zeros = || vec![S::zero(); self.n];
        let mut pair = oldest.unwrap_or_else(|| Pair {
            s: zeros(),
            y: zeros(),
            residual: zeros(),
            factor: S::zero(),
        });
        for (to, from) in [(&mut pair.s, s), (&mut pair.y, y)] {
            to.iter_mut().zip(from).for_each(|(to, &from)| *to = from / length);
        }
        let (curvature, square) = (dot(&pair.s, &pair.y), dot(&pair.y, &pair.y));
        let sigma = square / curvature;
        if curvature > S::epsilon().sqrt() * square.sqrt() && sigma.is_normal() {
            self.sigma = sigma;
        }
        self.pairs.push_back(pair);
        self.eliminate();
        let kept = self.pairs.back().is_some_and(|newest| !newest.factor.is_zero());
        Ok(if kept { Updated::Exactly } else { Updated::Skipped })
    }

    /// The vectors that `B` differs from `σI` by.
    pub(super) fn active(&self) -> impl Iterator<Item = &[S]> {
        self.pairs.iter().filter(|pair| !pair.factor.is_zero()).map(|pair| &pair.residual[..])
    }

    /// Makes the residuals of all pairs, in order of age.
    fn eliminate(&mut self) {
        let threshold = S::epsilon().sqrt();
        let pairs = self.pairs.make_contiguous();
        for k in 0..pairs.len() {
            let (before, rest) = pairs.split_at_mut(k);
            let pair = &mut rest[0];
            for ((r, &y), &s) in pair.residual.iter_mut().zip(&pair.y).zip(&pair.s) {
                *r = y - self.sigma * s;
            }
            for older in before.iter() {
                let weight = older.factor * dot(&older.residual, &pair.s);
                axpy(-weight, &older.residual, &mut pair.residual);
            }
            let (denominator, size) = (dot(&pair.residual, &pair.s), norm(&pair.residual));
            let useful = size > S::epsilon() * norm(&pair.y) && denominator.recip().is_normal();
            let kept = useful && denominator.abs() >= threshold * size;
            pair.factor = if kept { denominator.recip() } else { S::zero() };
        }
    }
}

/// The direct matrix `B`.
impl<S: Real> LinearOperator<S> for Lsr1Memory<S> {
    fn dim(&self) -> usize {
        self.n
    }

    fn apply(&self, v: &[S], out: &mut [S]) -> Result<(), Error> {
        Error::check_length("the vector to multiply", v.len(), self.n)?;
        Error::check_length("the product", out.len(), self.n)?;
        out.iter_mut().zip(v).for_each(|(out, &v)| *out = self.sigma * v);
        for pair in &self.pairs {
            axpy(pair.factor * dot(&pair.residual, v), &pair.residual, out);
        }
        Ok(())
    }
}
