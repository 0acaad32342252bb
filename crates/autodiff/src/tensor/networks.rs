//! Parts of networks that are more than a function of one element.

use crate::number::{Elementary, Scalar};
use crate::tape::Tensor;

impl<'t, S: Scalar> Tensor<'t, S> {
    /// `(x − mean)/√(var + ε)` over these axes, with the variance of the data themselves (divided by n).
    ///
    /// Gain and bias are the caller's. With the axes of the features this is layer normalisation; with all axes but the
    /// channels', batch normalisation by the statistics of the batch; with the axes of the image, instance normalisation; and
    /// group normalisation is that of an array whose channels were reshaped to `[groups, channels per group]`.
    ///
    /// Sources: Ioffe and Szegedy, "Batch normalization" (2015); Ba, Kiros and Hinton, "Layer normalization" (2016); Wu and He,
    /// "Group normalization" (2018).
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{Array, Tape};
    ///
    /// let tape = Tape::<f64>::new();
    /// let x = tape.constant(&Array::new(&[2, 2], vec![1.0, 3.0, 5.0, 5.0])?);
    /// assert_eq!(x.normalize_axes(&[1], 3.0).data(), [-0.5, 0.5, 0.0, 0.0]);
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    #[track_caller]
    #[doc(alias("layer_norm", "batch_norm", "group_norm", "instance_norm"))]
    pub fn normalize_axes(self, axes: &[usize], epsilon: f64) -> Self {
        let deviation = self - self.mean_axes(axes).keep_axes(axes);
        let variance = deviation.power_int(2).mean_axes(axes).keep_axes(axes);
        deviation / (variance + self.lift(epsilon)).sqrt()
    }

    /// `value` where `mask` is not 0, the array elsewhere; `mask` is broadcast to the array.
    ///
    /// Masked elements have derivative 0, whatever is computed from them: scores masked by −∞ before a
    /// [`softmax`](Self::softmax) have weight 0 and derivative 0 in every order.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{Array, record};
    ///
    /// let masked = Array::vector(vec![0.0, 1.0, 0.0]);
    /// let f = record(&[1.0, 2.0, 1.0]).data(&[&masked]).function(|x, data| {
    ///     x.masked_fill(data[0], f64::NEG_INFINITY).softmax(0).get(0)
    /// })?;
    /// assert_eq!(f.value(&[1.0, 2.0, 1.0])?, 0.5);
    /// assert_eq!(f.gradient(&[1.0, 2.0, 1.0])?, [0.25, 0.0, -0.25]);
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    #[track_caller]
    pub fn masked_fill(self, mask: Self, value: f64) -> Self {
        mask.where_cond(self.lift(value), self)
    }

    /// Scaled dot-product attention of queries `[…, m, d]` to keys `[…, n, d]` with values `[…, n, k]`:
    /// `softmax(q·kᵀ/√d)·v`, an array `[…, m, k]`. The leading axes are batched: sequences, heads.
    ///
    /// A query attends to those keys where `seen`, of shape `[…, m, n]` or broadcast to it, is not 0. What keys and values hold
    /// that it does not see, NaN and infinities included, has no influence on its row or on the row's derivatives. If it may
    /// attend to none, its row is NaN.
    ///
    /// Source: Vaswani et al., "Attention is all you need" (2017).
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{Array, Tape};
    ///
    /// let tape = Tape::<f64>::new();
    /// let x = tape.constant(&Array::new(&[2, 1], vec![0.0, 0.0])?);
    /// let values = tape.constant(&Array::new(&[2, 1], vec![3.0, 5.0])?);
    /// assert_eq!(x.attention(x, values, None).data(), [4.0, 4.0]);
    /// // Each may look back only.
    /// let causal = tape.constant(&Array::new(&[2, 2], vec![1.0; 4])?).tril(0);
    /// assert_eq!(x.attention(x, values, Some(causal)).data(), [3.0, 4.0]);
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    #[track_caller]
    #[doc(alias = "scaled_dot_product_attention")]
    pub fn attention(self, keys: Self, values: Self, seen: Option<Self>) -> Self {
        let (1.., 2.., 2..) = (self.rank(), keys.rank(), values.rank()) else {
            self.tape.refuse(
                "attention",
                &[self.shape, keys.shape, values.shape],
                "matrices as the last two axes",
            );
            return self;
        };
        let Some(seen) = seen else {
            return self.attend(keys, None).matmul(values);
        };
        // Products with numbers that are none would carry them to where their weight is 0: they are computed with others in
        // their place, and the rows that see them are marked.
        let (queries, from) = self.sound_rows();
        let (keys, at) = keys.sound_rows();
        let (values, of) = values.sound_rows();
        let marks = from + seen.ne(self.lift(0.0)).rows_that_see(at + of);
        queries.attend(keys, Some(seen)).matmul(values) * marks.unless_marked()
    }

    /// `softmax(q·kᵀ/√d)`, with weight 0 for what is not seen.
    #[track_caller]
    fn attend(self, keys: Self, seen: Option<Self>) -> Self {
        let last = keys.rank() - 1;
        let scale = self.lift((self.shape[self.rank() - 1] as f64).sqrt().recip());
        let scores = (self * scale).matmul(keys.swap_axes(last - 1, last));
        let scores = match seen {
            Some(seen) => seen.where_cond(scores, self.lift(f64::NEG_INFINITY)),
            None => scores,
        };
        scores.softmax(scores.rank() - 1)
    }

    /// The rows, along the last axis, with 0 in place of all that a row holds if one of its elements is NaN or infinite; and 1
    /// for these rows, else 0, `[…, 1]`.
    ///
    /// So a product of the rows stays finite, and who [marks](Self::unless_marked) what depends on such a row computes with all
    /// the others, and has their derivatives, as if it were not there.
    #[track_caller]
    #[doc(hidden)]
    pub fn sound_rows(self) -> (Self, Self) {
        let last = self.rank() - 1;
        // A sum tells of each element, and of finite ones in so small shares does not overflow.
        let share = (self * self.lift(f64::EPSILON)).sum_axis(last).keep_axis(last);
        let sound = share.is_finite();
        (sound.where_cond(self, self.lift(0.0)), self.lift(1.0) - sound)
    }

    /// For `self` of 0 and 1, which of the rows `[…, m, n]` sees which column: not 0 for the rows that see a marked one, `[…, m, 1]`,
    /// where `marks` are `[…, n, 1]`.
    #[track_caller]
    #[doc(hidden)]
    pub fn rows_that_see(self, marks: Self) -> Self {
        let seen = self * marks.swap_axes(marks.rank() - 2, marks.rank() - 1);
        let last = seen.rank() - 1;
        seen.sum_axis(last).keep_axis(last)
    }

    /// 1 where an element is 0, else NaN, without a derivative.
    #[track_caller]
    #[doc(hidden)]
    pub fn unless_marked(self) -> Self {
        self.eq(self.lift(0.0)).where_cond(self.lift(1.0), self.lift(f64::NAN))
    }
}
