//! What a convolution sees at each place.

use dualtape_autodiff::{Real, windows::Convolution};

use crate::check::require;
use crate::error::Error;

/// How a two-dimensional convolution takes its input: the pieces under the kernel, which are the inputs of a linear layer.
///
/// # Example
///
/// ```
/// use dualtape_optimizers::Patches;
///
/// let patches = Patches::new(1, [2, 3], [2, 2]);
/// assert_eq!(patches.places(), 2);
/// let rows = patches.rows(1, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])?;
/// assert_eq!(rows, [1.0, 2.0, 4.0, 5.0, 2.0, 3.0, 5.0, 6.0]);
/// # Ok::<(), dualtape_optimizers::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patches {
    channels: usize,
    size: [usize; 2],
    kernel: [usize; 2],
    how: Convolution<2>,
}

impl Patches {
    /// Of images with these channels and this height and width, under a kernel of this height and width, which moves by 1
    /// and takes in no padding.
    pub fn new(channels: usize, size: [usize; 2], kernel: [usize; 2]) -> Self {
        Patches { channels, size, kernel, how: Convolution::default() }
    }

    /// With the stride, padding and dilation of a convolution. It must be of one group: the curvature of several is no
    /// single Kronecker product.
    #[must_use]
    pub fn convolution(self, how: Convolution<2>) -> Self {
        Patches { how, ..self }
    }

    /// Number of places of the kernel along one axis.
    fn along(&self, axis: usize) -> usize {
        let reach = self.how.dilation[axis] * self.kernel[axis].saturating_sub(1);
        let room = (self.size[axis] + 2 * self.how.padding[axis]).saturating_sub(reach);
        room.div_ceil(self.how.stride[axis].max(1))
    }

    /// Number of places of the kernel, height′·width′.
    pub fn places(&self) -> usize {
        self.along(0) * self.along(1)
    }

    /// For each example and place the elements under the kernel, channel by channel and row by row.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] if the input is not `[examples, channels, height, width]`; [`Error::Setting`] for several groups or a
    /// stride of 0.
    pub fn rows<S: Real>(&self, examples: usize, input: &[S]) -> Result<Vec<S>, Error> {
        require("groups", self.how.groups as f64, "1", |groups| groups == 1.0)?;
        let stride = self.how.stride[0].min(self.how.stride[1]);
        require("stride", stride as f64, "at least 1", |stride| stride >= 1.0)?;
        let [height, width] = self.size;
        let image = self.channels * height * width;
        Error::check_length("the input of the convolution", input.len(), examples * image)?;
        let at = |axis: usize, place: usize, offset: usize| {
            let shifted = place * self.how.stride[axis] + offset * self.how.dilation[axis];
            shifted.checked_sub(self.how.padding[axis]).filter(|&i| i < self.size[axis])
        };
        let mut rows = Vec::new();
        for (e, y, x) in triples([examples, self.along(0), self.along(1)]) {
            for (c, dy, dx) in triples([self.channels, self.kernel[0], self.kernel[1]]) {
                rows.push(match (at(0, y, dy), at(1, x, dx)) {
                    (Some(i), Some(j)) => input[e * image + (c * height + i) * width + j],
                    _ => S::zero(),
                });
            }
        }
        Ok(rows)
    }
}

/// All index triples below the bounds, the last one changing fastest.
fn triples([a, b, c]: [usize; 3]) -> impl Iterator<Item = (usize, usize, usize)> {
    (0..a).flat_map(move |i| (0..b).flat_map(move |j| (0..c).map(move |k| (i, j, k))))
}
