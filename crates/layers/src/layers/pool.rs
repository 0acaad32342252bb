//! Pooling: one element for each window.

use dualtape_autodiff::{Array, Real, Tensor, windows::Pooling};

use super::lengths;
use crate::module::{Module, Scope};

/// The largest element of each window over `N` spatial axes; what lies beyond the ends does not count.
///
/// At a tie the elements share the derivative equally, where PyTorch gives it to the first.
///
/// # Shape
///
/// `x` is `[batch, channels, ..]` with `N` axes at the end, the result alike, each axis of length
/// `⌊(n + 2·padding − window)/stride⌋ + 1`. A stride of 0, a padding of more than half a window, and axes shorter than a
/// window are errors that the tape keeps.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::Array;
/// use dualtape_layers::{MaxPool1d, MaxPool2d, predict};
///
/// let x = Array::new(&[1, 1, 4], vec![1.0, 5.0, 3.0, 2.0])?;
/// assert_eq!(predict(&MaxPool1d::new([2]), &[], &x)?.data(), [5.0, 3.0]);
/// let y = predict(&MaxPool2d::new([2, 2]), &[], &Array::<f64>::zeros(&[5, 8, 28, 28]))?;
/// assert_eq!(y.shape(), [5, 8, 14, 14]);
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxPool<const N: usize> {
    how: Pooling<N>,
}

/// [`MaxPool`] of sequences `[batch, channels, length]`.
pub type MaxPool1d = MaxPool<1>;

/// [`MaxPool`] of images `[batch, channels, height, width]`.
pub type MaxPool2d = MaxPool<2>;

impl<const N: usize> MaxPool<N> {
    /// Windows of these lengths, side by side.
    pub fn new(window: [usize; N]) -> Self {
        Self { how: Pooling::new(window) }
    }

    /// The same layer, with this distance between neighbouring windows.
    pub fn stride(self, stride: [usize; N]) -> Self {
        Self { how: Pooling { stride, ..self.how } }
    }

    /// The same layer, whose windows may reach so far beyond either end of each axis.
    pub fn padding(self, padding: [usize; N]) -> Self {
        Self { how: Pooling { padding, ..self.how } }
    }
}

impl<S: Real, const N: usize> Module<S> for MaxPool<N> {
    fn forward<'t>(&self, _: &Scope<'t, S>, x: Tensor<'t, S>) -> Tensor<'t, S> {
        x.max_pool(self.how)
    }

    fn describe(&self) -> String {
        describe("MaxPool", &self.how)
    }
}

/// The mean of each window over `N` spatial axes; elements beyond the ends count as zeros, unless they are
/// [left out](Self::without_padding_in_mean).
///
/// # Shape
///
/// As [`MaxPool`].
///
/// # Example
///
/// ```
/// use dualtape_autodiff::Array;
/// use dualtape_layers::{AvgPool1d, predict};
///
/// let layer = AvgPool1d::new([2]).padding([1]);
/// let x = Array::new(&[1, 1, 4], vec![1.0, 5.0, 3.0, 2.0])?;
/// assert_eq!(predict(&layer, &[], &x)?.data(), [0.5, 4.0, 1.0]);
/// assert_eq!(predict(&layer.without_padding_in_mean(), &[], &x)?.data(), [1.0, 4.0, 2.0]);
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AvgPool<const N: usize> {
    how: Pooling<N>,
    counts_padding: bool,
}

/// [`AvgPool`] of sequences `[batch, channels, length]`.
pub type AvgPool1d = AvgPool<1>;

/// [`AvgPool`] of images `[batch, channels, height, width]`.
pub type AvgPool2d = AvgPool<2>;

impl<const N: usize> AvgPool<N> {
    /// Windows of these lengths, side by side.
    pub fn new(window: [usize; N]) -> Self {
        Self { how: Pooling::new(window), counts_padding: true }
    }

    /// The same layer, with this distance between neighbouring windows.
    pub fn stride(self, stride: [usize; N]) -> Self {
        Self { how: Pooling { stride, ..self.how }, ..self }
    }

    /// The same layer, whose windows may reach so far beyond either end of each axis.
    pub fn padding(self, padding: [usize; N]) -> Self {
        Self { how: Pooling { padding, ..self.how }, ..self }
    }

    /// The same layer, with the mean of those elements of a window that are not beyond the ends: PyTorch's
    /// `count_include_pad=False`.
    #[doc(alias = "count_include_pad")]
    pub fn without_padding_in_mean(self) -> Self {
        Self { counts_padding: false, ..self }
    }
}

impl<S: Real, const N: usize> Module<S> for AvgPool<N> {
    fn forward<'t>(&self, _: &Scope<'t, S>, x: Tensor<'t, S>) -> Tensor<'t, S> {
        let mean = x.avg_pool(self.how);
        if self.counts_padding || self.how.padding == [0; N] || x.rank() != N + 2 {
            return mean;
        }
        // The pooled ones are the part of each window that lies inside.
        let mut shape = x.shape().to_vec();
        shape[..2].fill(1);
        let ones = Array::new(&shape, vec![S::one(); shape.iter().product()]);
        mean / x.constant(&ones.expect("one entry for each place")).avg_pool(self.how)
    }

    fn describe(&self) -> String {
        describe("AvgPool", &self.how)
    }
}

/// The means of a given number of windows, which divide `N` spatial axes as evenly as possible: along an axis of length `n`
/// window `i` of `m` goes from `⌊i·n/m⌋` to `⌈(i + 1)·n/m⌉`.
///
/// # Shape
///
/// From `[batch, channels, ..]` with `N` axes of any positive length at the end to axes of the given lengths, which must be
/// positive too.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::Array;
/// use dualtape_layers::{AdaptiveAvgPool1d, AdaptiveMaxPool1d, predict};
///
/// let x = Array::new(&[1, 1, 5], vec![1.0, 2.0, 3.0, 4.0, 6.0])?;
/// assert_eq!(predict(&AdaptiveAvgPool1d::new([2]), &[], &x)?.data(), [2.0, 13.0 / 3.0]);
/// assert_eq!(predict(&AdaptiveMaxPool1d::new([2]), &[], &x)?.data(), [3.0, 6.0]);
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdaptiveAvgPool<const N: usize> {
    lengths: [usize; N],
}

/// [`AdaptiveAvgPool`] of sequences `[batch, channels, length]`.
pub type AdaptiveAvgPool1d = AdaptiveAvgPool<1>;

/// [`AdaptiveAvgPool`] of images `[batch, channels, height, width]`.
pub type AdaptiveAvgPool2d = AdaptiveAvgPool<2>;

/// The largest elements of a given number of windows, which lie as those of [`AdaptiveAvgPool`]. At a tie the elements share
/// the derivative equally.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdaptiveMaxPool<const N: usize> {
    lengths: [usize; N],
}

/// [`AdaptiveMaxPool`] of sequences `[batch, channels, length]`.
pub type AdaptiveMaxPool1d = AdaptiveMaxPool<1>;

/// [`AdaptiveMaxPool`] of images `[batch, channels, height, width]`.
pub type AdaptiveMaxPool2d = AdaptiveMaxPool<2>;

impl<const N: usize> AdaptiveAvgPool<N> {
    /// To axes of these lengths; `[1, 1]` is the global mean of an image.
    pub fn new(lengths: [usize; N]) -> Self {
        Self { lengths }
    }
}

impl<const N: usize> AdaptiveMaxPool<N> {
    /// To axes of these lengths.
    pub fn new(lengths: [usize; N]) -> Self {
        Self { lengths }
    }
}

impl<S: Real, const N: usize> Module<S> for AdaptiveAvgPool<N> {
    fn forward<'t>(&self, _: &Scope<'t, S>, x: Tensor<'t, S>) -> Tensor<'t, S> {
        x.adaptive_avg_pool(self.lengths)
    }

    fn describe(&self) -> String {
        format!("AdaptiveAvgPool{N}d({})", lengths(self.lengths))
    }
}

impl<S: Real, const N: usize> Module<S> for AdaptiveMaxPool<N> {
    fn forward<'t>(&self, _: &Scope<'t, S>, x: Tensor<'t, S>) -> Tensor<'t, S> {
        x.adaptive_max_pool(self.lengths)
    }

    fn describe(&self) -> String {
        format!("AdaptiveMaxPool{N}d({})", lengths(self.lengths))
    }
}

fn describe<const N: usize>(name: &str, how: &Pooling<N>) -> String {
    let mut text = format!("{name}{N}d({}", lengths(how.window));
    if how.stride != how.window {
        text += &format!(", stride {}", lengths(how.stride));
    }
    if how.padding != [0; N] {
        text += &format!(", padding {}", lengths(how.padding));
    }
    text + ")"
}
