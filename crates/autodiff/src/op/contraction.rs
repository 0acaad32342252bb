//! Shapes of matrix products.

use super::elementwise::broadcast_shape;
use crate::array::Shape;

pub(crate) fn matmul_shape(
    a: &[usize],
    transpose_a: bool,
    b: &[usize],
    transpose_b: bool,
) -> Result<Shape, String> {
    let ([a_batch @ .., a0, a1], [b_batch @ .., b0, b1]) = (a, b) else {
        return Err("matrices (rank 2), vectors, or batches of matrices".into());
    };
    let (m, k) = if transpose_a { (a1, a0) } else { (a0, a1) };
    let (k_b, n) = if transpose_b { (b1, b0) } else { (b0, b1) };
    if k != k_b {
        return Err(format!("as many columns on the left as rows on the right, not {k} and {k_b}"));
    }
    let mut shape = broadcast_shape(a_batch, b_batch)?;
    shape.extend([*m, *n]);
    Ok(shape)
}
