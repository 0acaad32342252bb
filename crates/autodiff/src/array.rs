//! Dense row-major arrays and their shapes.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::error::{Error, check_length};

/// The lengths of an array's axes, outermost first.
pub(crate) type Shape = SmallVec<[usize; 4]>;

/// Number of elements of an array of this shape; `usize::MAX` if there are more than that.
pub(crate) fn size(shape: &[usize]) -> usize {
    shape.iter().fold(1, |size: usize, &length| size.saturating_mul(length))
}

/// Whether positions in an array of this shape can be computed with, also if it has no elements: the product of the lengths
/// other than 0 is a signed number.
fn is_addressable(shape: &[usize]) -> bool {
    let extent = shape.iter().fold(1, |extent: usize, &n| extent.saturating_mul(n.max(1)));
    extent <= isize::MAX as usize
}

/// Whether memory has room for an array of this shape, as far as the system tells.
pub(crate) fn has_room<S>(shape: &[usize]) -> bool {
    /// Where there is no room for so few, there is none for anything.
    const SMALL: usize = 1 << 24;
    let size = size(shape);
    is_addressable(shape) && (size <= SMALL || Vec::<S>::new().try_reserve_exact(size).is_ok())
}

/// An owned dense array in row-major order. Cloning shares the elements.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::Array;
///
/// let a = Array::new(&[2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0])?;
/// assert_eq!((a.shape(), a.data()[4]), (&[2, 3][..], 5.0));
/// assert!(Array::new(&[2, 2], vec![1.0]).is_err());
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Array<S = f64> {
    shape: Shape,
    data: Arc<Vec<S>>,
}

impl<S> Array<S> {
    /// The array of this shape with these elements, last axis fastest.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] if the number of elements is not the product of the axis lengths.
    pub fn new(shape: &[usize], data: Vec<S>) -> Result<Self, Error> {
        let expected = if is_addressable(shape) { size(shape) } else { usize::MAX };
        check_length("the data of an array", &data, expected)?;
        Ok(Self { shape: shape.into(), data: Arc::new(data) })
    }

    /// The rank-1 array of these elements.
    pub fn vector(data: Vec<S>) -> Self {
        Self { shape: Shape::from_slice(&[data.len()]), data: Arc::new(data) }
    }

    /// Lengths of the axes, outermost first.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The elements in row-major order.
    pub fn data(&self) -> &[S] {
        &self.data
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.data.len()
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    pub(crate) fn shared(&self) -> Arc<Vec<S>> {
        Arc::clone(&self.data)
    }

    pub(crate) fn from_shared(shape: &[usize], data: Arc<Vec<S>>) -> Self {
        debug_assert_eq!(size(shape), data.len());
        Self { shape: shape.into(), data }
    }
}

impl<S: num_traits::Zero + Clone> Array<S> {
    /// The array of this shape filled with zeros.
    ///
    /// # Panics
    ///
    /// If it has more elements than memory can hold.
    #[track_caller]
    pub fn zeros(shape: &[usize]) -> Self {
        assert!(has_room::<S>(shape), "shape {shape:?}: more elements than memory can hold");
        Self { shape: shape.into(), data: Arc::new(vec![S::zero(); size(shape)]) }
    }
}

/// A dense row-major array to read: its elements and its shape.
#[derive(Clone, Copy, Debug)]
pub struct View<'a, S> {
    /// The elements in row-major order.
    pub data: &'a [S],
    /// Lengths of the axes, outermost first.
    pub shape: &'a [usize],
}

/// Axis numbers of an array.
pub(crate) type Axes = SmallVec<[usize; 4]>;
