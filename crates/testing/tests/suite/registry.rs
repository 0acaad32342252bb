//! Every function of one and of two numbers and every array operation of dualtape passes its own checks. The registries are
//! walked, so an operation that nobody checks fails the test.

use std::collections::BTreeSet;

use dualtape_autodiff::{
    Array, Elementary, Error, Scalar, Tensor, Var, c,
    inspect::ARRAY_OPERATIONS,
    numbers::{Binary, Unary},
    record,
    windows::{Convolution, Pooling},
};
use dualtape_testing::strategies::between;
use dualtape_testing::{Check, Subject, check, tensors, vector};

const CASES: u32 = 8;

fn passes(subject: impl Subject, what: impl std::fmt::Debug, n: usize) {
    let points = between(0.1, 0.9, n);
    let check: Check<_> = check(subject).at(points).order(3).cases(CASES);
    if let Err(failure) = check.check() {
        panic!("{what:?}: {failure}");
    }
}

/// A point of the domain of `f` for each component of `x` between 0 and 1.
fn in_domain<T: Elementary>(f: Unary, x: T) -> T {
    match f {
        Unary::Acosh => x + x.lift(1.2),
        _ => x,
    }
}

#[test]
fn every_function_of_one_number() {
    for &f in Unary::ALL {
        // Its derivative is not the slope of its values, by intent.
        if f != Unary::StopGradient {
            passes(vector(move |x| vec![in_domain(f, x[0]).map(f) * x[1]]), f, 2);
            passes(tensors(&[&[2, 2]], move |x| in_domain(f, x[0]).map(f)), (f, "of arrays"), 4);
        }
    }
}

#[test]
fn every_function_of_two_numbers() {
    for &f in Binary::ALL {
        if let Binary::Polygamma | Binary::BesselJ = f {
            for order in [0.0, 1.0, 3.0] {
                passes(vector(move |x| vec![Var::constant(order).zip(f, x[0])]), (f, order), 1);
                passes(tensors(&[&[3]], move |x| x[0].lift(order).zip(f, x[0])), (f, order), 3);
            }
            continue;
        }
        passes(vector(move |x| vec![x[0].zip(f, x[1]) * x[2]]), f, 3);
        passes(
            vector(move |x| {
                vec![x[0].zip(f, Var::constant(0.37)), Var::constant(0.73).zip(f, x[1])]
            }),
            (f, "with constants"),
            2,
        );
        passes(tensors(&[&[2, 3], &[3]], move |x| x[0].zip(f, x[1])), (f, "of arrays"), 9);
    }
}

#[test]
fn every_scalar_instruction_of_its_own() {
    passes(vector(|x| [-3, -1, 0, 1, 2, 5].map(|n| x[0].powi(n)).to_vec()), "integer powers", 1);
    passes(vector(|x| [-1.5, 0.0, 0.5, 2.5].map(|p| x[0].power_real(p)).to_vec()), "powers", 1);
    let dot = vector(|x| {
        let dot = Scalar::sum_of_products(x.iter().zip(&x[1..]).map(|(&a, &b)| (a, b.exp())));
        vec![dot, x.iter().sum::<Var<'_>>().sin(), x[0].mul_add(x[1], x[2]).exp()]
    });
    passes(dot, "sums and products", 4);
}

type OfArrays = for<'t> fn(&[Tensor<'t>]) -> Tensor<'t>;

/// Functions that have, together with their derivatives, every array operation.
fn functions() -> Vec<(&'static str, &'static [&'static [usize]], OfArrays)> {
    let mut all: Vec<(&str, &[&[usize]], OfArrays)> = vec![
        ("products", &[&[2, 3], &[4, 3]], |x| x[0].matmul(x[1].t())),
        ("batched products", &[&[2, 2, 3], &[3, 2]], |x| x[0].matmul(x[1])),
        ("einsum", &[&[2, 3], &[3, 2]], |x| Tensor::einsum("ij,jk,ij->k", &[x[0], x[1], x[0]])),
        ("powers", &[&[3]], |x| x[0].powi(3) * x[0].powf(-0.5)),
        ("sums", &[&[2, 3]], |x| x[0].sum_axis(0) * x[0].sum() + x[0].mean_axes(&[0])),
        ("broadcasting", &[&[2, 1], &[3]], |x| x[0] * x[1] + x[1].broadcast(&[2, 3]).exp()),
        ("sum_to", &[&[2, 3]], |x| x[0].exp().sum_to(&[3])),
        ("log-sum-exp", &[&[2, 3]], |x| x[0].log_sum_exp(1) + x[0].softmax(0).select(1, 1)),
        ("extremes", &[&[2, 3]], |x| x[0].max_axis(1) * x[0].min_axis(1)),
        ("spread", &[&[2, 3]], |x| x[0].var_axes(&[1], 1.0) + x[0].norm_axes(&[1]) + x[0].prod()),
        ("normalised", &[&[2, 3]], |x| x[0].normalize_axes(&[1], 0.1)),
        ("views", &[&[6]], |x| x[0].view(1, &[2, 2]).t().matmul(x[0].view(2, &[2, 2]))),
        ("slices", &[&[3, 4]], |x| x[0].slice_step(1, 0..4, -2).exp() * x[0].slice(1, 1..3)),
        ("joined", &[&[2, 3]], |x| Tensor::concat(&[x[0], x[0].exp().flip(0)], 0).cumsum(1)),
        ("products so far", &[&[2, 3]], |x| x[0].cumprod(1) * x[0].exp().cumprod(0)),
        ("stacked", &[&[2, 3]], |x| Tensor::stack(&[x[0], x[0].sin()], 1).pad(0, 1, 1).powi(2)),
        ("repeated", &[&[2, 2]], |x| x[0].tile(&[2, 1]).repeat(1, 2).roll(0, 1).powi(2)),
        ("indexed", &[&[3, 2]], |x| x[0].index_select(0, &[2, 0, 2]).powi(2)),
        ("gathered", &[&[2, 3]], |x| x[0].exp().gather(1, x[0].argmax(1).keep_axis(1))),
        ("scattered", &[&[2, 3]], |x| {
            let bins = Array::new(&[2, 3], vec![0.0, 3.0, 0.0, 1.0, 1.0, 2.0]).expect("six");
            x[0].scatter_add(1, x[0].constant(&bins), 4).powi(2)
        }),
        ("chosen", &[&[4], &[4]], |x| x[0].gt(x[1]).where_cond(x[0].exp() * x[1], x[1].sin())),
        ("activations", &[&[5]], |x| {
            let x = x[0] - c(0.5);
            x.gelu()
                + x.gelu_tanh()
                + x.silu()
                + x.mish()
                + x.elu(0.7)
                + x.leaky_relu(0.1)
                + x.selu()
        }),
        ("triangles", &[&[3, 3]], |x| {
            x[0].tril(0).matmul(x[0].triu(1)) + x[0].select(0, 1).diag(0)
        }),
        ("diagonals", &[&[3, 3]], |x| x[0].diagonal(1, 0, 1).exp() * x[0].trace()),
        ("convolution", &[&[1, 2, 5], &[3, 2, 2]], |x| {
            let how = Convolution { stride: [2], padding: [1], ..Convolution::default() };
            x[0].conv(x[1], how)
        }),
        ("grouped, dilated", &[&[1, 2, 4, 4], &[2, 1, 2, 2]], |x| {
            let how = Convolution { dilation: [2, 1], groups: 2, ..Convolution::default() };
            x[0].conv(x[1], how)
        }),
        ("transposed convolution", &[&[1, 2, 3], &[2, 1, 2]], |x| {
            let how = Convolution { stride: [2], ..Convolution::default() };
            x[0].conv_transpose(x[1], how, [0])
        }),
        ("pooling", &[&[1, 1, 4, 4]], |x| {
            let how = Pooling { stride: [1, 1], ..Pooling::new([2, 2]) };
            x[0].max_pool(how) * x[0].avg_pool(how)
        }),
        ("adaptive pooling", &[&[1, 2, 5]], |x| {
            x[0].adaptive_avg_pool([2]) * x[0].adaptive_max_pool([2])
        }),
        ("attention", &[&[1, 2, 3], &[1, 3, 3]], |x| x[0].attention(x[1], x[1].sin(), None)),
    ];
    let matrices: [(&str, &[&[usize]], OfArrays); 6] = [
        ("cholesky", &[&[3, 3]], |x| definite(x[0]).cholesky()),
        ("triangular solves", &[&[3, 3], &[3, 2]], |x| {
            let factor = definite(x[0]).cholesky();
            factor.solve_lower(x[1]) + factor.solve_lower_transposed(x[1])
        }),
        ("solve", &[&[3, 3], &[3, 2]], |x| {
            definite(x[0]).solve(x[1]) + definite(x[0]).solve_transposed(x[1])
        }),
        ("inverse", &[&[2, 2]], |x| definite(x[0]).inverse()),
        ("determinants", &[&[3, 3]], |x| definite(x[0]).log_abs_det()),
        ("eigenvalues", &[&[3, 3]], |x| {
            let (values, vectors) = definite(x[0] + x[0].t()).eigh();
            values
                + vectors.powi(2).sum_axis(1)
                + (vectors * values).matmul(vectors.t()).select(0, 1)
        }),
    ];
    all.extend(matrices);
    all
}

/// A positive definite matrix with eigenvalues that are apart.
fn definite(x: Tensor<'_>) -> Tensor<'_> {
    let n = x.shape()[0];
    let diagonal =
        (0..n * n).map(|k| if k % (n + 1) == 0 { 2.0 + k as f64 } else { 0.0 }).collect();
    x.matmul(x.t()) + x.constant(&Array::new(&[n, n], diagonal).expect("n² elements"))
}

/// The operations of a function of arrays, of its gradient and of the gradient of that.
fn operations(shapes: &[&[usize]], f: OfArrays) -> Result<BTreeSet<String>, Error> {
    let length = |shape: &[usize]| shape.iter().product::<usize>();
    let n = shapes.iter().map(|shape| length(shape)).sum();
    let x: Vec<f64> = (0..n).map(|i| 0.5 + 0.4 * (1.7 * i as f64).sin()).collect();
    let weighted = |y: Tensor<'_>| {
        let weights = (0..y.len()).map(|i| (1.3 * i as f64).sin() + 0.4).collect();
        Array::new(y.shape(), weights).expect("its own shape")
    };
    let mut met = BTreeSet::new();
    for order in 0..3 {
        let f = record(&x).array().function(|x| {
            let mut start = 0;
            let parts: Vec<Tensor<'_>> = shapes
                .iter()
                .map(|shape| {
                    let part = x.view(start, shape);
                    start += length(shape);
                    part
                })
                .collect();
            let y = f(&parts);
            let mut value = (y * y.constant(&weighted(y))).sum();
            for _ in 0..order {
                let gradient = value.gradient_of(x);
                value = (gradient * gradient.constant(&weighted(gradient))).sum();
            }
            value
        })?;
        met.extend(f.steps(&x)?.into_iter().map(|step| step.operation));
    }
    Ok(met)
}

#[test]
fn every_array_operation() -> Result<(), Error> {
    let mut met = BTreeSet::new();
    for (what, shapes, f) in functions() {
        let n = shapes.iter().map(|shape| shape.iter().product::<usize>()).sum();
        passes(tensors(shapes, f), what, n);
        met.extend(operations(shapes, f)?);
    }
    // Elementwise ones are listed by the name of their function.
    for name in
        ARRAY_OPERATIONS.iter().filter(|name| !["map", "elementwise operation"].contains(name))
    {
        assert!(met.iter().any(|step| step.starts_with(name)), "nothing checks {name}: {met:?}");
    }
    Ok(())
}
