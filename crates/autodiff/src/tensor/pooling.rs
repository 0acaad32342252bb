//! Pooling: the largest or the mean element of each window.

use smallvec::SmallVec;

use super::conv::{Convolution, padded};
use crate::array::{Array, Shape, size};
use crate::kernel::write_lattice;
use crate::number::Scalar;
use crate::strided::Lattice;
use crate::tape::Tensor;

/// The windows of a pooling over `N` spatial axes.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::windows::Pooling;
///
/// let apart = Pooling::new([2, 2]);
/// assert_eq!((apart.stride, apart.padding), ([2, 2], [0, 0]));
/// let overlapping = Pooling { stride: [2, 2], padding: [1, 1], ..Pooling::new([3, 3]) };
/// assert_eq!(overlapping.window, [3, 3]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pooling<const N: usize> {
    /// Lengths of a window's axes.
    pub window: [usize; N],
    /// Distance between neighbouring windows.
    pub stride: [usize; N],
    /// Elements beyond either end of each axis that windows may reach, at most half a window.
    pub padding: [usize; N],
}

impl<const N: usize> Pooling<N> {
    /// Windows side by side.
    pub fn new(window: [usize; N]) -> Self {
        Self { window, stride: window, padding: [0; N] }
    }

    fn needs(&self) -> String {
        format!(
            "[batch, channels, {N} axes], a positive stride, a padding of at most half a window, and axes as long as a window"
        )
    }
}

impl<'t, S: Scalar> Tensor<'t, S> {
    /// The largest element of each window, for `[batch, channels, ..]`; what lies beyond the ends does not count.
    ///
    /// At a tie the elements share the derivative equally.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{Array, Tape, windows::Pooling};
    ///
    /// let tape = Tape::new();
    /// let x = tape.constant(&Array::new(&[1, 1, 4], vec![1.0, 5.0, 3.0, 2.0])?);
    /// assert_eq!(x.max_pool(Pooling::new([2])).data(), [5.0, 3.0]);
    /// assert_eq!(x.avg_pool(Pooling::new([2])).data(), [3.0, 2.5]);
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    #[track_caller]
    #[doc(alias("max_pool1d", "max_pool2d"))]
    pub fn max_pool<const N: usize>(self, how: Pooling<N>) -> Self {
        let beyond = |image: Self| {
            let inside = how.inside(&self.shape[2..]);
            image.constant(&inside).where_cond(image, S::neg_infinity())
        };
        self.pooled("max_pool", &how, beyond).map_or(self, |windows| windows.max_axis(2))
    }

    /// The mean of each window, for `[batch, channels, ..]`; elements beyond the ends count as zeros.
    #[track_caller]
    #[doc(alias("avg_pool1d", "avg_pool2d"))]
    pub fn avg_pool<const N: usize>(self, how: Pooling<N>) -> Self {
        self.pooled("avg_pool", &how, |image| image).map_or(self, |windows| windows.mean_axis(2))
    }

    /// The mean of each of `lengths` windows that divide the axes as evenly as possible: along an axis of length `n` window `i`
    /// of `m` goes from `⌊i·n/m⌋` to `⌈(i + 1)·n/m⌉`.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{Array, Tape};
    ///
    /// let tape = Tape::new();
    /// let x = tape.constant(&Array::new(&[1, 1, 5], vec![1.0, 2.0, 3.0, 4.0, 6.0])?);
    /// assert_eq!(x.adaptive_avg_pool([2]).data(), [2.0, 13.0 / 3.0]);
    /// assert_eq!(x.adaptive_max_pool([2]).data(), [3.0, 6.0]);
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    #[track_caller]
    #[doc(alias("adaptive_avg_pool1d", "adaptive_avg_pool2d"))]
    pub fn adaptive_avg_pool<const N: usize>(self, lengths: [usize; N]) -> Self {
        if !self.adapts("adaptive_avg_pool", lengths) {
            return self;
        }
        if let Some(even) = self.even(lengths) {
            return self.avg_pool(even);
        }
        // The mean over a rectangle is the mean along one axis after the other.
        let last = self.rank() - 1;
        (0..N).fold(self, |x, i| {
            let (n, m) = (x.shape[2 + i], lengths[i]);
            let mut weights = vec![S::zero(); n * m];
            for j in 0..m {
                let window = adaptive_window(j, n, m);
                for k in window.clone() {
                    weights[k * m + j] = S::constant(1.0 / window.len() as f64);
                }
            }
            let weights = x.constant(&Array::from_shared(&[n, m], weights.into()));
            x.swap_axes(2 + i, last).matmul(weights).swap_axes(2 + i, last)
        })
    }

    /// The largest element of each of `lengths` windows, which lie as those of
    /// [`adaptive_avg_pool`](Self::adaptive_avg_pool). At a tie the elements share the derivative equally.
    #[track_caller]
    #[doc(alias("adaptive_max_pool1d", "adaptive_max_pool2d"))]
    pub fn adaptive_max_pool<const N: usize>(self, lengths: [usize; N]) -> Self {
        if !self.adapts("adaptive_max_pool", lengths) {
            return self;
        }
        if let Some(even) = self.even(lengths) {
            return self.max_pool(even);
        }
        // Windows of the largest length: where one is shorter, what follows it does not count.
        let axes: [(usize, usize); N] = std::array::from_fn(|i| (self.shape[2 + i], lengths[i]));
        let (mut x, mut shape) = (self, Shape::new());
        for (i, (n, m)) in axes.into_iter().enumerate() {
            let longest = (0..m).map(|j| adaptive_window(j, n, m).len()).max().unwrap_or(0);
            let starts = (0..m).map(|j| adaptive_window(j, n, m).start);
            let indices: Vec<usize> =
                starts.flat_map(|start| (start..start + longest).map(|k| k.min(n - 1))).collect();
            let axis = 2 + 2 * i;
            x = x.index_select(axis, &indices);
            let mut spread: Shape = x.shape.into();
            spread[axis] = m;
            spread.insert(axis + 1, longest);
            x = x.reshape(&spread);
            shape.extend([m, longest]);
        }
        if !self.tape.has_room("adaptive_max_pool", &shape) {
            return self;
        }
        let counts = |flat: usize| {
            let mut rest = flat;
            (0..N).rev().all(|i| {
                let (m, longest) = (shape[2 * i], shape[2 * i + 1]);
                let (j, k) = (rest / longest % m, rest % longest);
                rest /= m * longest;
                k < adaptive_window(j, axes[i].0, m).len()
            })
        };
        let mask = (0..size(&shape)).map(|flat| S::constant(f64::from(counts(flat)))).collect();
        let mask = x.constant(&Array::new(&shape, mask).expect("its own size"));
        let windows: SmallVec<[usize; 3]> = (0..N).map(|i| 3 + 2 * i).collect();
        mask.where_cond(x, S::neg_infinity()).max_axes(&windows)
    }

    /// The windows as `[batch, channels, window, outputs..]`, of the padded image that `beyond` has filled.
    #[track_caller]
    fn pooled<const N: usize>(
        self,
        operation: &'static str,
        how: &Pooling<N>,
        beyond: impl FnOnce(Self) -> Self,
    ) -> Option<Self> {
        let Pooling { window, stride, padding } = *how;
        let fits = self.rank() == N + 2
            && stride.iter().all(|&step| step > 0)
            && window.iter().zip(padding).all(|(&window, padding)| padding <= window / 2);
        let convolution = Convolution { stride, padding, ..Convolution::default() };
        let padded: SmallVec<[usize; 3]> =
            self.shape.iter().skip(2).zip(padding).map(|(&n, p)| padded(n, p)).collect();
        let outputs = if fits { convolution.outputs(&padded, &window) } else { None };
        let Some(outputs) = outputs else {
            self.tape.refuse(operation, &[self.shape], &how.needs());
            return None;
        };
        let ends: SmallVec<[_; 3]> =
            padding.iter().enumerate().map(|(i, &p)| (2 + i, p, p)).collect();
        let mut image = self.pad_axes(&ends);
        if image.shape[2..] != padded[..] {
            return None;
        }
        if padding.iter().any(|&padding| padding > 0) {
            image = beyond(image);
        }
        let (batch, channels) = (self.shape[0], self.shape[1]);
        let padded: Shape = [batch, channels, 1].into_iter().chain(padded).collect();
        let windows = image.strided(convolution.windows(&padded, &window, &outputs));
        let mut shape = Shape::from_slice(&[batch, channels, size(&window)]);
        shape.extend_from_slice(&outputs);
        Some(windows.reshape(&shape))
    }

    /// Whether the array has `N` spatial axes, all with elements, windows are asked for, and there is room for them.
    #[track_caller]
    fn adapts<const N: usize>(self, operation: &'static str, lengths: [usize; N]) -> bool {
        let fits = self.rank() == N + 2 && !self.shape[2..].contains(&0) && !lengths.contains(&0);
        if !fits {
            let needs = format!("[batch, channels, {N} axes] with elements, and positive lengths");
            self.tape.refuse(operation, &[self.shape], &needs);
            return false;
        }
        let places = self.shape[..2].iter().copied().chain(lengths);
        // Each window of an axis along all of the axis is more than any way to compute them holds.
        let weights = self.shape[2..].iter().zip(lengths).map(|(&n, m)| [n, m]);
        self.tape.has_room(operation, &places.collect::<Shape>())
            && weights.into_iter().all(|shape| self.tape.has_room(operation, &shape))
    }

    /// The windows side by side that are as many, if the axes can be divided so.
    fn even<const N: usize>(self, lengths: [usize; N]) -> Option<Pooling<N>> {
        let axes = &self.shape[2..];
        let even = axes.iter().zip(lengths).all(|(&n, m)| n % m == 0);
        even.then(|| Pooling::new(std::array::from_fn(|i| axes[i] / lengths[i])))
    }
}

impl<const N: usize> Pooling<N> {
    /// 1 at the elements of padded axes, 0 beyond them.
    fn inside<S: Scalar>(&self, axes: &[usize]) -> Array<S> {
        let padded: Shape =
            axes.iter().zip(self.padding).map(|(&n, padding)| padded(n, padding)).collect();
        let place = (0..N)
            .fold(Lattice::of(&padded), |place, i| place.along(i, self.padding[i], 1, axes[i]));
        let mut inside = vec![S::zero(); size(&padded)];
        write_lattice(&vec![S::one(); size(axes)], &place, &mut inside, |inside, x| *inside = x);
        Array::from_shared(&padded, inside.into())
    }
}

/// Window `i` of `m` along an axis of length `n`.
fn adaptive_window(i: usize, n: usize, m: usize) -> std::ops::Range<usize> {
    i * n / m..((i + 1) * n).div_ceil(m)
}
