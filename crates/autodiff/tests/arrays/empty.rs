//! Arrays without elements: every operation on them has a value and derivatives, those of what is beside them.

use dualtape_autodiff::{
    Array, Error, Function, Tensor, Var, checkpoint, record, windows::Convolution,
};

use super::support::samples;

const N: usize = 6;

/// An operation of some elements of the flat array, none of which it keeps.
type Operation = for<'t> fn(Tensor<'t>) -> Tensor<'t>;

/// `z` seen as these empty arrays.
fn rows<'t>(z: Tensor<'t>) -> Tensor<'t> {
    z.view(2, &[0, 3])
}

fn columns<'t>(z: Tensor<'t>) -> Tensor<'t> {
    z.view(N, &[3, 0])
}

/// Everything has no elements, or sums of none.
const OPERATIONS: &[(&str, Operation)] = &[
    ("map", |z| rows(z).exp()),
    ("power", |z| rows(z).powi(3) + rows(z).powf(0.5)),
    ("zip", |z| rows(z) * z.view(0, &[3]) + columns(z).t() / z.view(1, &[1, 3])),
    ("scalars", |z| rows(z) * z.get(0) - columns(z).t() * z.get(1)),
    ("matmul to zeros", |z| columns(z).matmul(rows(z)) * z.view(0, &[3])),
    ("matmul to none", |z| rows(z).matmul(z.view(0, &[3, 2]))),
    ("outer", |z| z.view(0, &[0, 1]).matmul(z.view(1, &[1, 5])).exp()),
    ("batches", |z| z.view(0, &[0, 2, 3]).matmul(z.view(0, &[0, 3, 1])).sin()),
    ("sum", |z| rows(z).sum_axis(0) * z.view(0, &[3])),
    ("sum to none", |z| rows(z).sum_axis(1).exp()),
    ("sum_to", |z| rows(z).sum_to(&[1, 3]) * z.view(0, &[3])),
    ("product", |z| (rows(z).prod_axes(&[0]) - 1.0) * z.view(0, &[3])),
    ("max to none", |z| rows(z).max_axis(1).exp()),
    ("log_sum_exp to none", |z| rows(z).log_sum_exp(1).exp()),
    ("softmax", |z| rows(z).softmax(1).ln()),
    ("norm to none", |z| rows(z).norm_axes(&[1]).exp()),
    ("variance to none", |z| rows(z).var_axes(&[1], 1.0).sqrt()),
    ("normalize", |z| rows(z).normalize_axes(&[1], 1e-5)),
    ("cumprod", |z| rows(z).cumprod(0) + columns(z).cumprod(1).t()),
    ("cumsum", |z| rows(z).cumsum(0) + columns(z).cumsum(1).t()),
    ("broadcast", |z| z.view(1, &[1, 3]).broadcast(&[0, 3]).exp()),
    ("reshape", |z| rows(z).reshape(&[2, 0, 5]).exp()),
    ("permute", |z| rows(z).t().permute(&[1, 0]).exp()),
    ("slices", |z| z.slice(0, 2..2).exp() * z.slice_step(0, 3..3, -1)),
    ("strided", |z| z.view(0, &[2, 3]).slice(1, 1..1).exp().flip(0)),
    ("diagonal", |z| rows(z).diagonal(0, 0, 1).exp() + z.view(0, &[2, 3]).diagonal(7, 0, 1)),
    ("diag", |z| z.slice(0, 0..0).diag(0).exp()),
    ("triangles", |z| rows(z).tril(0).triu(-1).exp()),
    ("concat", |z| Tensor::concat(&[rows(z).exp(), rows(z)], 0)),
    ("assemble", |z| Tensor::concat(&[z.slice(0, 0..0).exp(), z, rows(z).sum_axis(1)], 0) - z),
    ("stack", |z| Tensor::stack(&[rows(z).exp(), rows(z)], 1)),
    ("pad", |z| rows(z).exp().pad(1, 1, 2)),
    ("pad to zeros", |z| rows(z).exp().pad(0, 1, 2)),
    ("repeat", |z| rows(z).exp().repeat(1, 2).tile(&[3, 1])),
    ("repeat to none", |z| z.exp().repeat(0, 0)),
    ("take", |z| rows(z).exp().index_select(1, &[0, 2])),
    ("take none", |z| z.exp().index_select(0, &[])),
    ("gather", |z| z.exp().gather(0, z.slice(0, 0..0))),
    ("scatter", |z| z.slice(0, 0..0).exp().scatter_add(0, z.slice(0, 0..0), 4)),
    ("where", |z| rows(z).gt(0.0).where_cond(rows(z).exp(), rows(z) * 2.0)),
    ("einsum", |z| Tensor::einsum("ij,kj->ik", &[rows(z), z.view(0, &[2, 3])]).exp()),
    ("einsum to zeros", |z| Tensor::einsum("ij,ik->jk", &[rows(z), rows(z)]) * z.get(0)),
    ("convolution", |z| {
        z.view(0, &[0, 1, 3]).conv(z.view(0, &[1, 1, 2]), Convolution::<1>::default()).exp()
    }),
    ("attention", |z| rows(z).attention(z.view(0, &[2, 3]), z.view(0, &[2, 3]), None)),
    ("checkpoint", |z| checkpoint(&[rows(z)], |x| x[0].exp())),
    ("checkpoint to zeros", |z| {
        checkpoint(&[rows(z), z.view(0, &[3])], |x| x[0].sum_axis(0) * x[1])
    }),
    ("gradient within", |z| rows(z).exp().sum().gradient_of(z)),
    ("jvp within", |z| rows(z).exp().jvp(z, z)),
];

#[cfg(feature = "linear-algebra")]
const LINEAR_ALGEBRA: &[(&str, Operation)] = &[
    ("cholesky", |z| z.view(0, &[0, 3, 3]).cholesky()),
    ("cholesky of none", |z| z.view(0, &[0, 0]).cholesky()),
    ("solve", |z| z.view(0, &[0, 3, 3]).solve(z.view(0, &[0, 3, 1]))),
    ("solve for none", |z| (z.view(0, &[2, 2]) + 3.0).tril(0).solve(z.view(0, &[2, 0]))),
    ("eigenvalues", |z| z.view(0, &[0, 0]).eigenvalues_symmetric()),
];
#[cfg(not(feature = "linear-algebra"))]
const LINEAR_ALGEBRA: &[(&str, Operation)] = &[];

/// `Σ sin z + Σ y`, where nothing is in y, or zeros; the array first if asked for, so that others lie after it in memory.
fn loss<'t>(z: Tensor<'t>, y: Operation, first: bool) -> Var<'t> {
    let before = if first { y(z.sin() * z).sum() } else { Var::from_value(0.0) };
    let sines = z.sin().sum();
    let after = y(z).sum() + y(z * z).powi(2).sum();
    before + sines + after
}

#[test]
fn have_the_derivatives_of_what_is_beside_them() -> Result<(), Error> {
    let z: Vec<f64> = samples(N, 1).iter().map(|x| 0.2 + x.abs()).collect();
    let v = samples(N, 2);
    let sine = record(&z).array().function(|x| x.sin().sum())?;
    for &(name, y) in OPERATIONS.iter().chain(LINEAR_ALGEBRA) {
        for first in [false, true] {
            let record = || record(&z).array().function(|x| loss(x, y, first));
            let f = record().unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(f.value(&z)?, sine.value(&z)?, "{name}");
            assert_eq!(f.gradient(&z)?, sine.gradient(&z)?, "{name}");
            let (at, expected) = (f.linearize(&z)?, sine.linearize(&z)?);
            assert_eq!(at.hvp(&v)?, expected.hvp(&v)?, "{name}");
            assert_eq!(f.hessian(&z)?, sine.hessian(&z)?, "{name}");
            assert_eq!(f.taylor(&z, &v, 3)?, sine.taylor(&z, &v, 3)?, "{name}");
            assert_eq!(f.sparse_hessian(&z)?.to_dense(), sine.hessian(&z)?, "{name}");
            let third = |f: &Function<'_>| f.third_derivative(&z, &v, &v);
            assert_eq!(third(&f)?, third(&sine)?, "{name}");
        }
    }
    Ok(())
}

#[test]
fn of_each_example() -> Result<(), Error> {
    let theta = samples(N, 3);
    let data = Array::new(&[4, 0], vec![])?;
    let targets = Array::vector(samples(4, 4));
    for &(name, y) in OPERATIONS {
        let f = record(&theta)
            .data(&[&data, &targets])
            .per_example(|theta, data| {
                let weight = data[1].to_var() * theta.sin().sum();
                weight + (data[0] * theta.get(0)).sum() + y(theta).sum()
            })
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let (values, gradients) = f.values_and_gradients(&theta)?;
        let sines: f64 = theta.iter().map(|x| x.sin()).sum();
        for (i, target) in targets.data().iter().enumerate() {
            assert!((values[i] - target * sines).abs() < 1e-14, "{name}");
            for (got, x) in gradients.row(i).iter().zip(&theta) {
                assert!((got - target * x.cos()).abs() < 1e-14, "{name}");
            }
        }
    }
    Ok(())
}

#[test]
fn of_a_product_that_a_plan_laid_within_another() -> Result<(), Error> {
    let z = samples(5, 5);
    let f = record(&z).array().function(|z| {
        let (a, b) = (z.view(0, &[0, 1]), z.view(0, &[1, 5]));
        let c = a.matmul(b);
        c.t().matmul(c).exp().sum() + a.sum()
    })?;
    assert_eq!(f.value(&z)?, 25.0);
    assert_eq!(f.gradient(&z)?, [0.0; 5]);
    assert_eq!(f.linearize(&z)?.hvp(&z)?, [0.0; 5]);
    assert_eq!(f.hessian(&z)?.as_slice(), [0.0; 25]);
    Ok(())
}
