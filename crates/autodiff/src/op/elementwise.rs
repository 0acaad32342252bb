//! Shapes of elementwise operations.

use crate::array::Shape;

/// NumPy's rule: shapes are aligned at the last axis; an axis that is missing or of length 1 is repeated.
pub(crate) fn broadcast_shape(a: &[usize], b: &[usize]) -> Result<Shape, String> {
    let rank = a.len().max(b.len());
    let axis = |x: &[usize], i: usize| (i + x.len()).checked_sub(rank).map_or(1, |i| x[i]);
    (0..rank)
        .map(|i| match (axis(a, i), axis(b, i)) {
            (m, n) if m == n || n == 1 => Ok(m),
            (1, n) => Ok(n),
            (m, n) => Err(format!(
                "axes aligned from the last must have equal lengths or length 1, not {m} and {n}; \
                 give one operand an axis of length 1 there (`keep_axis`) if it is to be repeated"
            )),
        })
        .collect()
}
