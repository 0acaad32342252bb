//! Products of batches of matrices against their definition.

use dualtape_autodiff::{Error, Function, Tape};
use proptest::prelude::*;

use super::support::{Naive, assert_close, samples};

/// Batch axes of two factors, broadcast to each other, with empty ones.
fn batches() -> impl Strategy<Value = (Vec<usize>, Vec<usize>, Vec<usize>)> {
    let length = prop_oneof![1 => Just(0_usize), 8 => 1..4_usize];
    let axes = prop::collection::vec((length, 0..3_u8), 0..=2);
    (axes, 0..=2_usize).prop_map(|(axes, skip)| {
        let side = |single: u8| axes.iter().map(move |&(n, s)| if s == single { 1 } else { n });
        let whole = axes.iter().map(|&(n, _)| n).collect();
        // Axes of length 1 at the front may be missing.
        let (a, mut b): (Vec<usize>, Vec<usize>) = (side(1).collect(), side(2).collect());
        while b.first() == Some(&1) && skip > 0 {
            b.remove(0);
        }
        (whole, a, b)
    })
}

fn at(x: &Naive, batch: &[usize], row: usize, column: usize) -> f64 {
    let own = x.shape.len() - 2;
    let batch = &batch[batch.len() - own..];
    let mut index: Vec<usize> =
        batch.iter().zip(&x.shape).map(|(&i, &n)| if n == 1 { 0 } else { i }).collect();
    index.extend([row, column]);
    x.at(&index)
}

proptest! {
    #[test]
    fn batched_products_match_their_definition(
        (batch, a_batch, b_batch) in batches(),
        m in 0..6_usize, k in 0..6_usize, n in 0..6_usize, ta: bool, tb: bool,
    ) {
        let matrix = |batch: &[usize], rows, columns, transposed| {
            let last = if transposed { [columns, rows] } else { [rows, columns] };
            [batch, &last].concat()
        };
        let a = Naive::sample(&matrix(&a_batch, m, k, ta), 1);
        let b = Naive::sample(&matrix(&b_batch, k, n, tb), 2);
        let y_shape = [&batch[..], &[m, n]].concat();
        let expected = Naive::from_fn(&y_shape, |i| {
            let (outer, i, j) = (&i[..batch.len()], i[batch.len()], i[batch.len() + 1]);
            (0..k).map(|p| {
                let left = if ta { at(&a, outer, p, i) } else { at(&a, outer, i, p) };
                let right = if tb { at(&b, outer, j, p) } else { at(&b, outer, p, j) };
                left * right
            }).sum()
        });
        let tape = Tape::new();
        let (x, z) = (a.on(&tape), b.on(&tape));
        let x = if ta { x.swap_axes(a_batch.len(), a_batch.len() + 1) } else { x };
        let z = if tb { z.swap_axes(b_batch.len(), b_batch.len() + 1) } else { z };
        let y = x.matmul(z);
        prop_assert_eq!(tape.error(), None);
        if batch.len() == a_batch.len().max(b_batch.len()) {
            assert_close(y, &expected, 16.0);
        }
    }
}

/// The transposed operands are read in place when replayed; the Hessian of a product is that of its definition.
#[test]
fn derivatives_of_a_shared_factor() -> Result<(), Error> {
    let loss = |by_product: bool| {
        Function::<f64>::record_tensor(&samples(2 * 2 * 3 + 3 * 2, 1), &[], move |x, _| {
            let (a, b) = (x.view(0, &[2, 2, 3]), x.view(12, &[3, 2]));
            let y = if by_product {
                a.swap_axes(1, 2).swap_axes(1, 2).matmul(b.t().t())
            } else {
                (a.keep_axis(3) * b).sum_axis(2)
            };
            y.powi(3).sum()
        })
    };
    let x = samples(18, 2);
    let (product, sums) = (loss(true)?.hessian(&x)?, loss(false)?.hessian(&x)?);
    for (product, sum) in product.as_slice().iter().zip(sums.as_slice()) {
        assert!((product - sum).abs() <= 1e-13, "{product} is not {sum}");
    }
    Ok(())
}
