//! Products of batches of matrices against their definition.

use dualtape_autodiff::{Array, Error, Tape, Tensor, record};
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
        record(&samples(2 * 2 * 3 + 3 * 2, 1)).array().function(move |x| {
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

/// A vector is a row on the left, a column on the right, and leaves no axis: NumPy's rules, with all derivatives.
#[test]
fn products_with_vectors_are_those_of_numpy() -> Result<(), Error> {
    type Product = for<'t> fn(Tensor<'t>) -> Tensor<'t>;
    let products: [(&[usize], Product, Product); 6] = [
        (
            &[2],
            |x| x.view(0, &[2, 3]).matmul(x.view(6, &[3])),
            |x| Tensor::einsum("ij,j->i", &[x.view(0, &[2, 3]), x.view(6, &[3])]),
        ),
        (
            &[3],
            |x| x.view(0, &[2]).matmul(x.view(3, &[2, 3])),
            |x| Tensor::einsum("i,ij->j", &[x.view(0, &[2]), x.view(3, &[2, 3])]),
        ),
        (
            &[],
            |x| x.view(0, &[4]).matmul(x.view(4, &[4])),
            |x| Tensor::einsum("i,i->", &[x.view(0, &[4]), x.view(4, &[4])]),
        ),
        (
            &[2, 2],
            |x| x.view(0, &[2, 2, 2]).matmul(x.view(8, &[2])),
            |x| Tensor::einsum("bij,j->bi", &[x.view(0, &[2, 2, 2]), x.view(8, &[2])]),
        ),
        (
            &[2, 3],
            |x| x.view(0, &[2]).matmul(x.view(2, &[2, 2, 3])),
            |x| Tensor::einsum("i,bij->bj", &[x.view(0, &[2]), x.view(2, &[2, 2, 3])]),
        ),
        (
            &[3],
            |x| x.view(0, &[2, 3]).t().matmul(x.view(6, &[2])),
            |x| Tensor::einsum("ij,i->j", &[x.view(0, &[2, 3]), x.view(6, &[2])]),
        ),
    ];
    let near = |got: &[f64], expected: &[f64]| {
        let close = |(g, e): (&f64, &f64)| (g - e).abs() <= 1e-13 * (1.0 + e.abs());
        assert!(
            got.len() == expected.len() && got.iter().zip(expected).all(close),
            "{got:?}, {expected:?}"
        );
    };
    let at = samples(14, 3);
    let (u, v) = (samples(14, 4), samples(14, 5));
    for (shape, product, expected) in products {
        let tape = Tape::new();
        let x = tape.constant(&Array::vector(at.clone()));
        assert_eq!(product(x).shape(), shape);
        near(product(x).data(), expected(x).data());
        let f = record(&at).array().function(|x| product(x).sin().sum())?;
        let g = record(&at).array().function(|x| expected(x).sin().sum())?;
        near(&f.gradient(&at)?, &g.gradient(&at)?);
        near(f.hessian(&at)?.as_slice(), g.hessian(&at)?.as_slice());
        near(&f.third_derivative(&at, &u, &v)?, &g.third_derivative(&at, &u, &v)?);
    }
    Ok(())
}

#[test]
fn products_that_do_not_fit_are_refused_with_their_own_shapes() {
    let refused = |a: &[usize], b: &[usize]| {
        let tape = Tape::<f64>::new();
        let [a, b] = [a, b].map(|shape| tape.constant(&Array::zeros(shape)));
        let product = a.matmul(b);
        assert!(product.len() < 9);
        tape.error().map_or(String::new(), |error| error.to_string())
    };
    let cases: [(&[usize], &[usize], &str); 4] = [
        (
            &[2, 3],
            &[2],
            "[[2, 3], [2]] do not fit matmul: as many columns on the left as rows on the right, not 3 and 2",
        ),
        (&[3], &[2, 3], "[[3], [2, 3]] do not fit matmul: as many columns"),
        (&[3], &[2], "[[3], [2]] do not fit matmul: as many columns"),
        (
            &[],
            &[2],
            "[[], [2]] do not fit matmul: matrices (rank 2), vectors, or batches of matrices",
        ),
    ];
    for (a, b, message) in cases {
        assert!(refused(a, b).contains(message), "{}", refused(a, b));
    }
}
