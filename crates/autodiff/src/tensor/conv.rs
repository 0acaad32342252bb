//! Convolutions and their transposes, over any number of axes.
//!
//! The windows of an image are a strided view of it, so a convolution is a product of matrices with that view, and its
//! transpose is a product whose columns are added to the windows' positions. Every derivative of every order follows.

use smallvec::SmallVec;

use crate::array::{Shape, size};
use crate::number::Scalar;
use crate::op::StridedAdd;
use crate::strided::Lattice;
use crate::tape::Tensor;

/// How the windows of a convolution over `N` spatial axes lie.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::windows::Convolution;
///
/// let same = Convolution { padding: [1, 1], ..Convolution::default() };
/// assert_eq!((same.stride, same.dilation, same.groups), ([1, 1], [1, 1], 1));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Convolution<const N: usize> {
    /// Distance between neighbouring windows.
    pub stride: [usize; N],
    /// Zeros on either side of each axis.
    pub padding: [usize; N],
    /// Distance between neighbouring elements of a window.
    pub dilation: [usize; N],
    /// Number of groups of channels that are convolved apart.
    pub groups: usize,
}

impl<const N: usize> Default for Convolution<N> {
    /// Windows next to each other, without padding, dilation or groups.
    fn default() -> Self {
        Self { stride: [1; N], padding: [0; N], dilation: [1; N], groups: 1 }
    }
}

impl<const N: usize> Convolution<N> {
    fn is_positive(&self) -> bool {
        self.groups > 0 && self.stride.iter().chain(&self.dilation).all(|&step| step > 0)
    }

    /// The lengths of the axes of windows of this size over padded axes, if there is room.
    pub(crate) fn outputs(&self, padded: &[usize], window: &[usize]) -> Option<[usize; N]> {
        let mut outputs = [0; N];
        for (i, output) in outputs.iter_mut().enumerate() {
            let reach = self.dilation[i].checked_mul(window[i].checked_sub(1)?)?.checked_add(1)?;
            *output = padded[i].checked_sub(reach)? / self.stride[i] + 1;
        }
        Some(outputs)
    }

    /// The windows of `[batch, groups, channels, padded..]`, as `[batch, groups, channels, window.., outputs..]`.
    pub(crate) fn windows(
        &self,
        padded: &[usize],
        window: &[usize],
        outputs: &[usize; N],
    ) -> Lattice {
        let mut lattice = Lattice::of(padded);
        let spatial: SmallVec<[isize; 4]> = lattice.strides.drain(3..).collect();
        lattice.shape.truncate(3);
        for (lengths, steps) in [(window, self.dilation), (&outputs[..], self.stride)] {
            // A step that overflows is never taken: windows lie within the axes.
            let strides = spatial.iter().zip(steps).map(|(s, step)| s.wrapping_mul(step as isize));
            lattice.strides.extend(strides);
            lattice.shape.extend_from_slice(lengths);
        }
        lattice
    }

    /// What a convolution needs of its operands.
    fn needs(&self) -> String {
        format!(
            "an image and weights of rank {} whose channels fit {} groups, a positive stride and dilation, and a padded \
             image as large as a window",
            N + 2,
            self.groups
        )
    }
}

/// The length of an axis with this padding on either side.
pub(crate) fn padded(length: usize, padding: usize) -> usize {
    length.saturating_add(padding.saturating_mul(2))
}

impl<'t, S: Scalar> Tensor<'t, S> {
    /// Convolution over `N` spatial axes (cross-correlation, as networks have it): `y[b, o, p] = Σ w[o, c, k]·x[b, c, p·stride
    /// + k·dilation − padding]`, summed over the channels `c` of the group of `o` and the window `k`.
    ///
    /// For an image `[batch, in, ..]` and weights `[out, in/groups, ..]` the result is `[batch, out, ..]`, each axis of length
    /// `⌊(n + 2·padding − dilation·(window − 1) − 1)/stride⌋ + 1`.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{Array, Tape, windows::Convolution};
    ///
    /// let tape = Tape::new();
    /// let x = tape.constant(&Array::new(&[1, 1, 4], vec![1.0, 2.0, 3.0, 4.0])?);
    /// let w = tape.constant(&Array::new(&[1, 1, 2], vec![1.0, 10.0])?);
    /// assert_eq!(x.conv(w, Convolution::<1>::default()).data(), [21.0, 32.0, 43.0]);
    /// let strided = Convolution { stride: [2], padding: [1], ..Convolution::default() };
    /// assert_eq!(x.conv(w, strided).data(), [10.0, 32.0, 4.0]);
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    #[track_caller]
    #[doc(alias("conv1d", "conv2d", "conv3d"))]
    pub fn conv<const N: usize>(self, weights: Self, how: Convolution<N>) -> Self {
        let Some((batch, inputs, outputs, places)) = self.convolved(weights, &how) else {
            self.tape.refuse("conv", &[self.shape, weights.shape], &how.needs());
            return self;
        };
        let padding: SmallVec<[_; 3]> =
            how.padding.iter().enumerate().map(|(i, &p)| (2 + i, p, p)).collect();
        let image = self.pad_axes(&padding);
        let has_room = image.shape[2..].iter().zip(&self.shape[2..]).zip(how.padding);
        if !has_room.into_iter().all(|((&length, &n), p)| length == padded(n, p)) {
            return self;
        }
        let (window, groups) = (&weights.shape[2..], how.groups);
        let mut grouped = Shape::from_slice(&[batch, groups, inputs / groups]);
        grouped.extend_from_slice(&image.shape[2..]);
        let terms = inputs / groups * size(window);
        let windows = image.strided(how.windows(&grouped, window, &places));
        // Without groups there is one axis less to walk.
        let y = if groups == 1 {
            let windows = windows.reshape(&[batch, terms, size(&places)]);
            weights.reshape(&[outputs, terms]).matmul(windows)
        } else {
            let windows = windows.reshape(&[batch, groups, terms, size(&places)]);
            weights.reshape(&[groups, outputs / groups, terms]).matmul(windows)
        };
        let mut shape = Shape::from_slice(&[batch, outputs]);
        shape.extend_from_slice(&places);
        y.reshape(&shape)
    }

    /// Batch, channels in and out, and the lengths of the result's axes, if the operands fit.
    fn convolved<const N: usize>(
        self,
        weights: Self,
        how: &Convolution<N>,
    ) -> Option<(usize, usize, usize, [usize; N])> {
        let (&[batch, inputs, ref axes @ ..], &[outputs, per_group, ref window @ ..]) =
            (self.shape, weights.shape)
        else {
            return None;
        };
        let padded: SmallVec<[usize; 3]> =
            axes.iter().zip(how.padding).map(|(&n, padding)| padded(n, padding)).collect();
        let fits = axes.len() == N
            && window.len() == N
            && how.is_positive()
            && Some(inputs) == per_group.checked_mul(how.groups)
            && outputs % how.groups == 0;
        Some((batch, inputs, outputs, fits.then(|| how.outputs(&padded, window))??))
    }

    /// The transpose of a convolution with these weights and the same options: from `[batch, in, ..]` and weights `[in,
    /// out/groups, ..]` to `[batch, out, ..]`, each axis of length `(n − 1)·stride − 2·padding + dilation·(window − 1) + 1 +
    /// extra`.
    ///
    /// A convolution with stride maps several lengths to one; `extra` says which of them is meant.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{Array, Tape, windows::Convolution};
    ///
    /// let tape = Tape::new();
    /// let x = tape.constant(&Array::new(&[1, 1, 2], vec![1.0, 2.0])?);
    /// let w = tape.constant(&Array::new(&[1, 1, 3], vec![1.0, 10.0, 100.0])?);
    /// let how = Convolution { stride: [2], ..Convolution::default() };
    /// assert_eq!(x.conv_transpose(w, how, [0]).data(), [1.0, 10.0, 102.0, 20.0, 200.0]);
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    #[track_caller]
    #[doc(alias("conv_transpose1d", "conv_transpose2d", "deconvolution"))]
    pub fn conv_transpose<const N: usize>(
        self,
        weights: Self,
        how: Convolution<N>,
        extra: [usize; N],
    ) -> Self {
        let Some((batch, per_group, padded)) = self.spread(weights, &how, extra) else {
            self.tape.refuse("conv_transpose", &[self.shape, weights.shape], &how.needs());
            return self;
        };
        let (inputs, groups) = (self.shape[1], how.groups);
        let (window, places) = (&weights.shape[2..], &self.shape[2..]);
        let terms = per_group * size(window);
        let mut outputs = [0; N];
        outputs.copy_from_slice(places);
        let mut shape = Shape::from_slice(&[batch, groups, per_group]);
        shape.extend_from_slice(&padded);
        if !self.tape.has_room("conv_transpose", &shape) {
            return self;
        }
        let windows = how.windows(&shape, window, &outputs);
        let columns = weights
            .reshape(&[groups, inputs / groups, terms])
            .swap_axes(1, 2)
            .matmul(self.reshape(&[batch, groups, inputs / groups, size(places)]))
            .reshape(&windows.shape);
        let image = columns.record(StridedAdd::new(vec![windows], &shape), &[columns]);
        let mut inner = Shape::from_slice(&[batch, groups * per_group]);
        inner.extend_from_slice(&padded);
        let part = (0..N).fold(Lattice::of(&inner), |part, i| {
            part.along(2 + i, how.padding[i], 1, padded[i] - 2 * how.padding[i])
        });
        image.reshape(&inner).strided(part)
    }

    /// Batch, channels out for each group, and the lengths of the padded result's axes, if the operands fit.
    fn spread<const N: usize>(
        self,
        weights: Self,
        how: &Convolution<N>,
        extra: [usize; N],
    ) -> Option<(usize, usize, [usize; N])> {
        let (&[batch, inputs, ref axes @ ..], &[of, per_group, ref window @ ..]) =
            (self.shape, weights.shape)
        else {
            return None;
        };
        let fits = axes.len() == N
            && window.len() == N
            && how.is_positive()
            && inputs == of
            && inputs % how.groups == 0;
        if !fits {
            return None;
        }
        let mut padded = [0; N];
        for (i, padded) in padded.iter_mut().enumerate() {
            let reach = how.dilation[i].checked_mul(window[i].checked_sub(1)?)?.checked_add(1)?;
            let starts = axes[i].checked_sub(1)?.checked_mul(how.stride[i])?;
            *padded = starts.checked_add(reach)?.checked_add(extra[i])?;
            padded.checked_sub(how.padding[i].checked_mul(2)?)?;
        }
        Some((batch, per_group, padded))
    }
}
