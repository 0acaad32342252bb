//! A loss before it is reduced, and the ways to reduce it.

use dualtape_autodiff::{Real, Tensor, Var, c};

/// A loss before it is reduced: one term for each example or element, and what each counts in the mean.
///
/// Every loss of the crate gives its terms by a method `terms`; a loss of your own can, by [`Terms::new`].
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Array, Tape};
/// use dualtape_layers::SquaredError;
///
/// let tape = Tape::new();
/// let vector = |x: [f64; 2]| tape.constant(&Array::vector(x.to_vec()));
/// let terms = SquaredError.terms(vector([1.0, 2.0]), vector([0.0, 5.0]));
/// assert_eq!(terms.each().data(), [1.0, 9.0]);
/// assert_eq!((terms.sum().value(), terms.mean().value()), (10.0, 5.0));
/// assert_eq!(terms.weighted(vector([3.0, 1.0])).mean().value(), (3.0 * 1.0 + 9.0) / 4.0);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Terms<'t, S: Real = f64> {
    each: Tensor<'t, S>,
    /// What each term counts in the mean, if not all the same.
    weights: Option<Tensor<'t, S>>,
}

impl<'t, S: Real> Terms<'t, S> {
    /// Terms that count the same.
    pub fn new(each: Tensor<'t, S>) -> Self {
        Self { each, weights: None }
    }

    /// Terms that are weighted already, with their weights.
    pub(super) fn with_weights(each: Tensor<'t, S>, weights: Tensor<'t, S>) -> Self {
        Self { each, weights: Some(weights) }
    }

    /// The terms `ℓᵢ` themselves, with their weights `wᵢ` as factors: no reduction.
    pub fn each(self) -> Tensor<'t, S> {
        self.each
    }

    /// `Σ ℓᵢ`
    #[track_caller]
    pub fn sum(self) -> Var<'t, S> {
        self.each.sum()
    }

    /// `Σ ℓᵢ / Σ wᵢ`, which without weights is `Σ ℓᵢ / n`. NaN if nothing counts, as PyTorch's: a training ends with
    /// [`Error::UndefinedLoss`](crate::Error::UndefinedLoss) at a batch in which nothing does.
    #[track_caller]
    pub fn mean(self) -> Var<'t, S> {
        match self.weights {
            Some(weights) => self.each.sum() / weights.sum(),
            None => self.each.mean(),
        }
    }

    /// `Σ ℓᵢ / batch`, with the length of the first axis: the mean over examples of the sums within an example.
    #[track_caller]
    pub fn batch_mean(self) -> Var<'t, S> {
        let batch = self.each.shape().first().copied().unwrap_or(1);
        self.each.sum() / c(batch as f64)
    }

    /// The same terms, each multiplied by a weight, which also counts in the mean: weights of examples, or a mask that
    /// leaves out padding. A term of weight 0 does not count, even if it is NaN or infinite.
    ///
    /// Weights of another shape than that of the terms are an error that the tape keeps.
    #[track_caller]
    pub fn weighted(self, weights: Tensor<'t, S>) -> Self {
        let shapes = [self.each.shape(), weights.shape()];
        if shapes[0] != shapes[1] {
            self.each.tape().refuse("the weights of a loss", &shapes, "one weight for each term");
            return self;
        }
        let total = self.weights.map_or(weights, |own| own * weights);
        // A term that is a number keeps its part in the derivative of a weight that is 0.
        let counts = weights.ne(S::zero()) + self.each.is_finite();
        let each = counts.where_cond(self.each, S::zero());
        Self { each: each * weights, weights: Some(total) }
    }
}
