//! Shapes, arrays and directions.

use dualtape_autodiff::Array;
use proptest::collection::vec;
use proptest::prelude::*;

use super::points::reals;
use crate::directions::Uneven;

/// Shapes of up to `rank` axes, empty ones and ones of length 1 among them.
///
/// # Example
///
/// ```
/// use dualtape_testing::{check, strategies, tensor_loss};
/// use proptest::prelude::*;
///
/// proptest!(ProptestConfig::with_cases(8), |(shape in strategies::shape(3))| {
///     check(tensor_loss(&[&shape], |x| x[0].tanh().sum())).cases(4).check()
///         .map_err(|failure| failure.into_test_case_error())?;
/// });
/// ```
pub fn shape(rank: usize) -> impl Strategy<Value = Vec<usize>> + Clone {
    vec(prop_oneof![1 => Just(0_usize), 2 => Just(1), 6 => 2..5_usize], 0..=rank)
}

/// An array of this shape with elements between −2 and 2.
pub fn array(shape: &[usize]) -> impl Strategy<Value = Array<f64>> + use<> {
    let shape = shape.to_vec();
    reals(shape.iter().product())
        .prop_map(move |x| Array::new(&shape, x).unwrap_or_else(|_| Array::zeros(&shape)))
}

/// Two shapes, and the shape to which they broadcast.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Broadcasting {
    /// The operands' shapes.
    pub operands: [Vec<usize>; 2],
    /// The result's.
    pub result: Vec<usize>,
}

/// Pairs of shapes that broadcast to each other: axes of length 1 and missing ones on either side, in a result of up to `rank`
/// axes.
pub fn broadcasting(rank: usize) -> impl Strategy<Value = Broadcasting> + Clone {
    let axis = (1..4_usize, any::<[bool; 2]>());
    (vec(axis, 0..=rank), any::<prop::sample::Index>(), any::<bool>()).prop_map(
        |(axes, missing, first)| {
            let result: Vec<usize> = axes.iter().map(|(length, _)| *length).collect();
            // One side lacks the first axes; there the other has the result's.
            let (shorter, gone) = (usize::from(first), missing.index(result.len() + 1));
            let operands = [0, 1].map(|side| {
                let length = |(i, &(length, one)): (usize, &(usize, [bool; 2]))| {
                    let full = i < gone || !one[side] || one[1 - side];
                    if full { length } else { 1 }
                };
                let all = axes.iter().enumerate().map(length);
                all.skip(if side == shorter { gone } else { 0 }).collect()
            });
            Broadcasting { operands, result }
        },
    )
}

/// Directions or cotangents of `n` entries, in magnitude between ¼ and 1 and of either sign: never uniform, as a vector of ones
/// is, under which a transposed or a permuted derivative looks right. They do not shrink.
pub fn direction(n: usize) -> impl Strategy<Value = Vec<f64>> + Clone {
    any::<u64>().no_shrink().prop_map(move |seed| Uneven::new(seed).direction(&vec![1.0; n]))
}
