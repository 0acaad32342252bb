//! Parts of networks that are more than a function of one element.

use super::Tensor;
use crate::scalar::{Elementary, Scalar};

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
    /// use dualtape_autodiff::{Array, Function};
    ///
    /// let masked = Array::vector(vec![0.0, 1.0, 0.0]);
    /// let f = Function::<f64>::record_tensor(&[1.0, 2.0, 1.0], &[&masked], |x, data| {
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
    /// A query attends to those keys where `seen`, of shape `[…, m, n]` or broadcast to it, is not 0. If it may attend to
    /// none, its row is NaN.
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
        let (&[.., width], 2..) = (self.shape, keys.rank()) else {
            self.tape.refuse(
                "attention",
                &[self.shape, keys.shape, values.shape],
                "matrices as the last two axes",
            );
            return self;
        };
        let last = keys.rank() - 1;
        let scale = self.lift((width as f64).sqrt().recip());
        let scores = (self * scale).matmul(keys.swap_axes(last - 1, last));
        let scores = match seen {
            Some(seen) => seen.where_cond(scores, self.lift(f64::NEG_INFINITY)),
            None => scores,
        };
        scores.softmax(scores.rank() - 1).matmul(values)
    }
}
