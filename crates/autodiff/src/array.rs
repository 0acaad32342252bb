//! Dense row-major arrays and their shapes.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::error::Error;

/// The lengths of an array's axes, outermost first.
pub(crate) type Shape = SmallVec<[usize; 4]>;

/// Number of elements of an array of this shape.
pub(crate) fn size(shape: &[usize]) -> usize {
    shape.iter().product()
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
pub struct Array<S> {
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
        let expected = shape.iter().try_fold(1_usize, |n, &axis| n.checked_mul(axis));
        if expected != Some(data.len()) {
            return Err(Error::Length {
                what: "the data of an array",
                got: data.len(),
                expected: expected.unwrap_or(usize::MAX),
            });
        }
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
    pub fn zeros(shape: &[usize]) -> Self {
        Self { shape: shape.into(), data: Arc::new(vec![S::zero(); size(shape)]) }
    }
}
