//! Shapes of reductions over axes.

use super::layout::strip_axes;
use crate::array::Shape;

pub(crate) fn shape(x: &[usize], axes: &[usize]) -> Result<Shape, String> {
    if axes.iter().all(|&axis| axis < x.len()) && axes.windows(2).all(|pair| pair[0] < pair[1]) {
        Ok(strip_axes(x, axes))
    } else {
        Err(format!("distinct axes below {}, not {axes:?}", x.len()))
    }
}
