//! The operations on arrays that random programs are made of.

use dualtape_autodiff::{
    Elementary, Scalar, Tensor, Var, c,
    numbers::Binary,
    windows::{Convolution, Pooling},
};

use super::{apart, binary, in_domain, tame, unary};

/// A number, and a ratio of numbers, that no element takes but by chance: all lie between 0.8 and 1.2, at 1 if they come from
/// nothing, and close to both ends if what they come from is large.
const BETWEEN: f64 = 1.0371;

/// A result of any shape from six numbers as a matrix of shape `[2, 3]`; the number chooses axes and functions.
type OnGrid<'t, S> = fn(Tensor<'t, S>, usize) -> Tensor<'t, S>;

/// A weighted sum of the result of operation number `op` on six scalars; `None` if none of them is on a tape.
pub(super) fn operation<'t, S: Scalar>(
    op: usize,
    f: usize,
    x: &[Var<'t, S>; 6],
) -> Option<Var<'t, S>> {
    let grid = grid(x)?;
    let all: [Vec<OnGrid<'t, S>>; 8] = [
        products(),
        elementwise(),
        broadcasting(),
        reductions(),
        layouts(),
        selections(),
        networks(),
        linear_algebra(),
    ];
    let all = all.concat();
    Some(weighted(all[op % all.len()](grid, f)))
}

/// A matrix with a factor whose gradient is stopped.
pub(super) fn stopped<'t, S: Scalar>(x: &[Var<'t, S>; 6]) -> Option<Var<'t, S>> {
    let grid = grid(x)?;
    Some(weighted(grid.clamp(0.9, 1.1) * grid.stop_gradient()))
}

fn grid<'t, S: Scalar>(x: &[Var<'t, S>; 6]) -> Option<Tensor<'t, S>> {
    let tape = x.iter().find_map(|x| x.tape())?;
    Some(Tensor::from_vars(tape, x).reshape(&[2, 3]))
}

/// A different weight for each element.
fn weighted<'t, S: Scalar>(t: Tensor<'t, S>) -> Var<'t, S> {
    let t = t.reshape(&[t.len()]);
    (0..t.len()).map(|i| t.get(i) * c(0.4 + (1.3 * i as f64).sin())).sum()
}

fn products<'t, S: Scalar>() -> Vec<OnGrid<'t, S>> {
    vec![
        |x, _| x.matmul(x.t()),
        |x, _| x.t().matmul(x.view(1, &[2, 2]).t()),
        |x, _| x.reshape(&[2, 1, 3]).matmul(x.exp().reshape(&[2, 3, 1])),
        |x, _| Tensor::einsum("ij,kj,i->k", &[x, x.sin(), x.select(1, 2)]),
        |x, f| x.select(0, f % 2).outer(x.select(1, f % 3)),
        |x, _| x.reshape(&[6]).dot(x.view(0, &[6]).exp()) * x.get(4) * x,
    ]
}

fn elementwise<'t, S: Scalar>() -> Vec<OnGrid<'t, S>> {
    vec![
        |x, f| in_domain(unary(f), x).map(unary(f)),
        |x, f| tame(x).zip(binary(f), apart(x.view(f % 4, &[3]))),
        |x, f| tame(x).powf(1.7) * x.get(f % 6),
        |x, f| x.zip(Binary::Mul, x.broadcast(&[2, 2, 3])).powi(f as i32 % 5 - 2),
        |x, _| x.get(0) / (tame(x) - x.sum_axis(1).keep_axis(1)),
        |x, _| x.lt(c(BETWEEN)).where_cond(x.sin() * x.get(1), x.powi(3)),
        |x, _| (x - c(1.0)).elu(0.7) + x.gelu() + x.silu() * x.mish(),
        |x, _| x.clamp(0.9, 1.1) * x,
    ]
}

/// Pairs that broadcast, axes of length 1, and axes without any element.
fn broadcasting<'t, S: Scalar>() -> Vec<OnGrid<'t, S>> {
    vec![
        |x, f| tame(x.slice(0, 0..1)).zip(binary(f), apart(x.slice(1, f % 3..f % 3 + 1))),
        |x, f| tame(x.reshape(&[1, 2, 1, 3])).zip(binary(f), apart(x.select(0, 1).keep_axis(1))),
        |x, f| {
            x.slice(1, f % 3..f % 3 + 1).log_sum_exp(1) * x.slice(0, 1..2).max_axis(0).get(f % 3)
        },
        |x, f| {
            x.slice(1, 1..2).softmax(1).cumsum(1)
                * x.slice(0, f % 2..f % 2 + 1).normalize_axes(&[0], 0.5)
        },
        |x, _| empty(x).exp().sum_axis(1) + x.select(1, 0),
        |x, _| Tensor::concat(&[empty(x), x.exp()], 1).cumsum(1),
        |x, _| empty(x).matmul(empty(x).t()) + x.matmul(x.t()),
        |x, f| {
            (empty(x).reshape(&[2, 1, 0]) * x.reshape(&[2, 3, 1])).sum_axis(2)
                + x.powi(f as i32 % 4)
        },
        |x, _| empty(x).sin().pad(1, 1, 2) + x * empty(x).prod_axes(&[0, 1]),
        |x, _| empty(x).t().matmul(x).sum_to(&[3]) + x.slice(0, 0..0).sum_axis(0) * x,
    ]
}

/// Shape `[2, 0]`.
fn empty<'t, S: Scalar>(x: Tensor<'t, S>) -> Tensor<'t, S> {
    x.slice(1, 1..1)
}

fn reductions<'t, S: Scalar>() -> Vec<OnGrid<'t, S>> {
    vec![
        |x, f| x.sum_axis(f % 2) * x.view(f % 3, &[1]),
        |x, _| x.broadcast(&[2, 2, 3]).sum_to(&[3]),
        |x, f| x.log_sum_exp(f % 2),
        |x, f| x.max_axis(f % 2).exp() * x.min_axes(&[0, 1]),
        |x, f| x.softmax(f % 2),
        |x, _| x.log_softmax(1) + x.mean() * x.sum(),
        |x, f| x.prod_axes(&[f % 2]),
        |x, f| (x * x).var_axes(&[f % 2], 0.5) + x.norm_axes(&[0, 1]),
        |x, f| x.exp().cumsum(f % 2) + x.cumprod(f % 2),
    ]
}

fn layouts<'t, S: Scalar>() -> Vec<OnGrid<'t, S>> {
    vec![
        |x, _| x.permute(&[1, 0]).view(1, &[4]).powi(3),
        |x, _| x.slice_step(1, 0..3, -2) * x.slice(1, 1..2),
        |x, f| Tensor::concat(&[x, x.exp().flip(1), x], f % 2),
        |x, f| Tensor::stack(&[x.sin(), x * x], f % 3).split(f % 3, &[1, 1])[f % 2],
        |x, f| x.pad(f % 2, 1, 2).powi(2) + c(1.0),
        |x, f| x.tile(&[2, 1]).repeat(1, 2).roll(1, f as isize % 5),
        |x, _| x.t().matmul(x).diagonal(1, 0, 1) * x.get(5),
        |x, _| x.t().matmul(x).triu(0).matmul(x.select(0, 0).diag(0)),
        |x, _| x.matmul(x.t()).tril(0).powi(2) + x.prod(),
    ]
}

/// What takes some elements, or puts them somewhere, as other numbers say.
fn selections<'t, S: Scalar>() -> Vec<OnGrid<'t, S>> {
    vec![
        |x, f| x.index_select(1, &[2, 0, 2, f % 3]) * x.get(f % 6),
        |x, f| x.gather(1, x.argmax(1).keep_axis(1)) * x.select(0, f % 2),
        |x, _| (x * x).scatter_add(1, x.gt(c(BETWEEN)), 4),
        |x, f| x.gt(x.flip(f % 2) * c(BETWEEN)).where_cond(x.exp(), x),
    ]
}

fn networks<'t, S: Scalar>() -> Vec<OnGrid<'t, S>> {
    vec![
        |x, _| {
            let how = Convolution { padding: [1], stride: [2], ..Convolution::default() };
            x.reshape(&[1, 2, 3]).conv(x.sin().reshape(&[1, 2, 3]), how)
        },
        |x, _| {
            let how = Convolution { stride: [2], ..Convolution::default() };
            x.reshape(&[1, 2, 3]).conv_transpose(x.exp().reshape(&[2, 1, 3]), how, [0])
        },
        |x, _| {
            x.reshape(&[1, 1, 2, 3]).max_pool(Pooling { stride: [1, 1], ..Pooling::new([2, 2]) })
        },
        |x, _| x.reshape(&[1, 2, 3]).avg_pool(Pooling { padding: [1], ..Pooling::new([2]) }).exp(),
        |x, _| {
            let x = x.reshape(&[1, 2, 3]);
            x.adaptive_avg_pool([2]) * x.adaptive_max_pool([2])
        },
        |x, f| x.normalize_axes(&[f % 2], 1e-2),
        |x, _| {
            let q = x.reshape(&[1, 2, 3]);
            q.attention(q.sin(), q * q, None)
        },
    ]
}

fn linear_algebra<'t, S: Scalar>() -> Vec<OnGrid<'t, S>> {
    vec![
        |x, _| spread(x).cholesky(),
        |x, _| spread(x).solve(x.t()) + spread(x).solve_transposed(x.t()),
        |x, _| spread(x).cholesky().solve_lower(x.t()),
        |x, _| spread(x).inverse(),
        |x, _| spread(x).log_abs_det() + spread(x).cholesky().log_det_cholesky(),
        |x, _| spread(x).eigenvalues_symmetric(),
        |x, _| {
            let (values, vectors) = spread(x).eigh();
            // Whatever the signs of the vectors.
            values
                + vectors.powi(2).sum_axis(1)
                + (vectors * values).matmul(vectors.t()).select(0, 1)
        },
    ]
}

/// A symmetric, positive definite matrix whose eigenvalues are apart.
fn spread<'t, S: Scalar>(x: Tensor<'t, S>) -> Tensor<'t, S> {
    let one = |i: usize| c(1.0 + 2.0 * i as f64) * Var::from_value(S::one());
    let diagonal: Vec<_> = (0..3).map(one).collect();
    x.t().matmul(x) + Tensor::from_vars(x.tape(), &diagonal).diag(0)
}
