//! `⟨w, A v⟩ = ⟨Aᵀ w, v⟩` for every linear operation `A` and the transpose that its gradient applies.

use dualtape_autodiff::{Array, Tensor, record};
use proptest::prelude::*;

use super::support::{samples, size};

type Linear = Box<dyn for<'t> Fn(Tensor<'t>) -> Tensor<'t> + Send + Sync>;

/// Shapes of rank 1 to 4, with axes of length 0 and 1.
pub fn shapes() -> impl Strategy<Value = Vec<usize>> {
    let length = prop_oneof![1 => Just(0_usize), 2 => Just(1_usize), 6 => 2..6_usize];
    prop::collection::vec(length, 1..=4)
}

/// The operations that a shape allows, with parameters chosen by `pick`.
fn operations(shape: &[usize], pick: usize) -> Vec<(&'static str, Linear)> {
    let rank = shape.len();
    let axis = pick % rank;
    let other = (axis + 1) % rank;
    let n = shape[axis];
    let (start, step) = (pick / 4 % (n + 1), [1, 2, 3, -1, -2][pick / 16 % 5]);
    let index = (n > 0).then(|| pick / 8 % n.max(1));
    let numbers: Vec<usize> = (0..n + 2).map(|i| (i * 7 + pick) % n.max(1)).collect();
    let mut ops: Vec<(&'static str, Linear)> = vec![
        ("slice", Box::new(move |x| x.slice_step(axis, start..n, step))),
        ("flip", Box::new(move |x| x.flip(axis))),
        ("pad", Box::new(move |x| x.pad(axis, pick % 3, pick % 2))),
        ("roll", Box::new(move |x| x.roll(axis, pick as isize % 11 - 5))),
        ("repeat", Box::new(move |x| x.repeat(axis, 1 + pick % 3))),
        ("tile", Box::new(move |x| x.tile(&vec![1 + pick % 2; rank]))),
        ("cumsum", Box::new(move |x| x.cumsum(axis))),
        ("concat", Box::new(move |x| Tensor::concat(&[x * 2.0, x.flip(axis), x], axis))),
        ("stack", Box::new(move |x| Tensor::stack(&[x, x * 3.0], axis))),
        ("chunk", Box::new(move |x| Tensor::concat(&x.chunk(axis, 3)[1..], axis))),
    ];
    if let Some(index) = index {
        ops.push(("select", Box::new(move |x| x.select(axis, index))));
        ops.push(("pad_replicate", Box::new(move |x| x.pad_replicate(axis, 2, pick % 3))));
        ops.push(("pad_reflect", Box::new(move |x| x.pad_reflect(axis, n - 1, index))));
        let fixed = numbers.clone();
        ops.push(("index_select", Box::new(move |x| x.index_select(axis, &fixed))));
        let shape = shape.to_vec();
        ops.push((
            "gather and scatter_add",
            Box::new(move |x| {
                let at: Vec<f64> = (0..size(&shape)).map(|i| ((i * i + pick) % n) as f64).collect();
                let at = x.constant(&Array::new(&shape, at).expect("its shape"));
                x.gather(axis, at).scatter_add(axis, at, n + 1)
            }),
        ));
    }
    if rank > 1 {
        let offset = pick as isize % 7 - 3;
        ops.push(("diagonal", Box::new(move |x| x.diagonal(offset, axis, other))));
        ops.push(("tril", Box::new(move |x| x.tril(offset) + x.triu(-offset) * 0.5)));
        ops.push(("swap_axes", Box::new(move |x| x.swap_axes(axis, other))));
    }
    if rank <= 2 {
        ops.push(("diag", Box::new(move |x| x.diag(pick as isize % 5 - 2))));
    }
    ops
}

proptest! {
    #[test]
    fn gradients_apply_transposes(shape in shapes(), pick in 0..4096_usize) {
        for (name, op) in operations(&shape, pick) {
            let n = size(&shape);
            let f = record(&vec![0.0; n]).array().function(|x| {
                let y = op(x.reshape(&shape));
                let w = samples(y.len(), 7);
                (y * y.constant(&Array::new(y.shape(), w).expect("its shape"))).sum()
            }).expect(name);
            let v = samples(n, 1);
            let transposed = f.gradient(&samples(n, 2)).expect(name);
            let product: f64 = transposed.iter().zip(&v).map(|(a, v)| a * v).sum();
            let forward = f.value(&v).expect(name);
            let near = (forward - product).abs() <= 1e-13 * (1.0 + n as f64);
            prop_assert!(near, "{name} {shape:?}: {forward} is not {product}");
        }
    }
}
