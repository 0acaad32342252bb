//! Losses of embeddings: how near vectors are to each other.

use dualtape_autodiff::{Real, Tensor, Var, c};

use super::shapes::{one_for_each_row, require_option, require_same_shape};
use super::terms::Terms;

/// `x·y / √((‖x‖² + ε)(‖y‖² + ε))` with `ε = 10⁻¹²`, over the last axis, which disappears.
///
/// The `ε`, as in PyTorch's loss, makes it smooth at zero: a vector of norm 0 has similarity 0 with all others.
#[track_caller]
fn cosine<'t, S: Real>(x: Tensor<'t, S>, y: Tensor<'t, S>) -> Tensor<'t, S> {
    let last = x.rank().saturating_sub(1);
    // The direction does not depend on a scale taken out of both, which therefore counts as constant: 1, unless squares would
    // overflow.
    let direction = |x: Tensor<'t, S>| {
        let largest = (x.relu() + (-x).relu()).max_axes(&[last]).stop_gradient();
        let vast = largest.gt(S::max_value().sqrt().sqrt());
        let scale = vast.where_cond(largest, S::one());
        let x = x / scale.keep_axis(last);
        let epsilon = (scale.recip() * c(1e-6)).powi(2);
        x / (x.powi(2).sum_axis(last) + epsilon).sqrt().keep_axis(last)
    };
    (direction(x) * direction(y)).sum_axis(last)
}

/// The cosine of the angle between vectors, as a loss: `1 − cos(x, y)` where the target is 1, `max(0, cos(x, y) − margin)`
/// where it is −1.
///
/// The cosine is `x·y / √((‖x‖² + ε)(‖y‖² + ε))` with `ε = 10⁻¹²`, as in PyTorch's loss: smooth everywhere, and 0 for a
/// vector of norm 0, where its derivative is large, up to `10⁶`, but finite.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Array, Tape};
/// use dualtape_layers::CosineEmbedding;
///
/// let tape = Tape::<f64>::new();
/// let x = tape.constant(&Array::new(&[2, 2], vec![3.0, 0.0, 1.0, 1.0])?);
/// let y = tape.constant(&Array::new(&[2, 2], vec![0.0, 4.0, 2.0, 2.0])?);
/// let alike = tape.constant(&Array::vector(vec![1.0, -1.0]));
/// let loss = CosineEmbedding::new().margin(0.25).terms(x, y, alike).sum();
/// assert!((loss.value() - (1.0 + 0.75)).abs() < 1e-12);
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CosineEmbedding {
    margin: f64,
}

impl CosineEmbedding {
    /// With margin 0.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same loss, with a margin in `[−1, 1]`.
    pub fn margin(self, margin: f64) -> Self {
        Self { margin }
    }

    /// One term for each pair of rows of two arrays `[…, width]`, with targets `[…]`; other shapes are an error that the tape
    /// keeps. A target other than ±1 has the term NaN.
    #[track_caller]
    pub fn terms<'t, S: Real>(
        self,
        x: Tensor<'t, S>,
        y: Tensor<'t, S>,
        target: Tensor<'t, S>,
    ) -> Terms<'t, S> {
        const LOSS: &str = "cosine_embedding";
        require_same_shape(LOSS, x, y);
        let valid = (-1.0..=1.0).contains(&self.margin);
        require_option(x, LOSS, valid, "a margin in [−1, 1]", self.margin);
        if !one_for_each_row(LOSS, x, target) {
            return Terms::new(x);
        }
        let cosine = cosine(x, y);
        let apart = (cosine - c(self.margin)).relu();
        let apart = target.eq(c(-1.0)).where_cond(apart, S::nan());
        Terms::new(target.eq(S::one()).where_cond(c(1.0) - cosine, apart))
    }
}

/// The mean of `1 − cos(prediction, target)` over the rows, the vectors along the last axis: 0 where they point the same
/// way, 2 where they are opposed, 1 where one is zero.
///
/// The cosine is that of [`CosineEmbedding`].
///
/// # Shape
///
/// Both `[…, width]`; different shapes are an error that the tape keeps.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Array, Tape};
/// use dualtape_layers::cosine_distance;
///
/// let tape = Tape::<f64>::new();
/// let x = tape.constant(&Array::new(&[2, 2], vec![3.0, 0.0, 0.0, 0.0])?);
/// let y = tape.constant(&Array::new(&[2, 2], vec![-4.0, 0.0, 1.0, 1.0])?);
/// assert!((cosine_distance(x, y).value() - (2.0 + 1.0) / 2.0).abs() < 1e-12);
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
#[track_caller]
pub fn cosine_distance<'t, S: Real>(
    prediction: Tensor<'t, S>,
    target: Tensor<'t, S>,
) -> Var<'t, S> {
    require_same_shape("cosine_distance", prediction, target);
    (c(1.0) - cosine(prediction, target)).mean()
}

/// The triplet loss `max(0, ‖a − p‖ − ‖a − n‖ + margin)` of an anchor `a`, an example `p` like it and one `n` unlike it.
///
/// As in PyTorch, distances are `‖x − y + ε‖` with `ε = 10⁻⁶` on each entry, so that vectors that coincide have a derivative.
/// With `ε = 0` distances are exact, and where one is 0 its derivatives count as 0.
///
/// Source: Balntas, Riba, Ponsa & Mikolajczyk, "Learning local feature descriptors with triplets" (2016).
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Array, Tape};
/// use dualtape_layers::TripletMargin;
///
/// let tape = Tape::<f64>::new();
/// let row = |x: [f64; 2]| tape.constant(&Array::new(&[1, 2], x.to_vec()).unwrap());
/// let [anchor, positive, negative] = [[0.0, 0.0], [3.0, 4.0], [0.0, 2.0]].map(row);
/// let loss = TripletMargin::new().margin(0.5).epsilon(0.0);
/// assert_eq!(loss.terms(anchor, positive, negative).mean().value(), 5.0 - 2.0 + 0.5);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TripletMargin {
    margin: f64,
    epsilon: f64,
    swap: bool,
}

impl Default for TripletMargin {
    fn default() -> Self {
        Self { margin: 1.0, epsilon: 1e-6, swap: false }
    }
}

impl TripletMargin {
    /// With margin 1 and `ε = 10⁻⁶`.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same loss, with this margin, a finite number above 0.
    pub fn margin(self, margin: f64) -> Self {
        Self { margin, ..self }
    }

    /// The same loss, with this finite number added to each entry of a difference.
    pub fn epsilon(self, epsilon: f64) -> Self {
        Self { epsilon, ..self }
    }

    /// The same loss, with `‖p − n‖` in place of `‖a − n‖` where it is smaller.
    pub fn swap(self) -> Self {
        Self { swap: true, ..self }
    }

    /// One term for each row of three arrays `[…, width]`; different shapes are an error that the tape keeps.
    #[track_caller]
    pub fn terms<'t, S: Real>(
        self,
        anchor: Tensor<'t, S>,
        positive: Tensor<'t, S>,
        negative: Tensor<'t, S>,
    ) -> Terms<'t, S> {
        const LOSS: &str = "triplet_margin";
        require_same_shape(LOSS, anchor, positive);
        require_same_shape(LOSS, anchor, negative);
        let valid = self.margin.is_finite() && self.margin > 0.0;
        require_option(anchor, LOSS, valid, "a finite margin > 0", self.margin);
        let finite = self.epsilon.is_finite();
        require_option(anchor, LOSS, finite, "a finite ε", self.epsilon);

        let last = anchor.rank().saturating_sub(1);
        let distance = |x: Tensor<'t, S>, y: Tensor<'t, S>| {
            let difference = x - y;
            let moved = if self.epsilon == 0.0 { difference } else { difference + c(self.epsilon) };
            // Where all entries are 0 the norm has no curvature; a constant in its place has none of any order.
            let none = moved.ne(S::zero()).max_axes(&[last]).eq(S::zero());
            let some = none.keep_axis(last).where_cond(S::one(), moved);
            none.where_cond(S::zero(), some.norm_axes(&[last]))
        };
        let near = distance(anchor, positive);
        let far = distance(anchor, negative);
        let far = if self.swap { far.minimum(distance(positive, negative)) } else { far };
        Terms::new((near - far + c(self.margin)).relu())
    }
}

/// The mean of the [triplet loss](TripletMargin) with margin 1.
///
/// # Shape
///
/// All `[…, width]`; different shapes are an error that the tape keeps.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Array, Tape};
/// use dualtape_layers::triplet_margin;
///
/// let tape = Tape::<f64>::new();
/// let row = |x: [f64; 2]| tape.constant(&Array::new(&[1, 2], x.to_vec()).unwrap());
/// let [anchor, positive, negative] = [[0.0, 0.0], [3.0, 4.0], [0.0, 2.0]].map(row);
/// assert!((triplet_margin(anchor, positive, negative).value() - 4.0).abs() < 1e-5);
/// ```
#[track_caller]
pub fn triplet_margin<'t, S: Real>(
    anchor: Tensor<'t, S>,
    positive: Tensor<'t, S>,
    negative: Tensor<'t, S>,
) -> Var<'t, S> {
    TripletMargin::new().terms(anchor, positive, negative).mean()
}
