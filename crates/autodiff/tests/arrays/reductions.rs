//! Reductions over sets of axes against their definitions.

use dualtape_autodiff::{Array, Error, IndeterminatePolicy, Scalar, Tensor, hessian, record};
use proptest::prelude::*;

use super::support::{Naive, indices};
use super::transposes::shapes;

/// `reduce` of all elements over the axes of `mask`.
fn reduced(x: &Naive, axes: &[usize], reduce: impl Fn(&[f64]) -> f64) -> Naive {
    let kept: Vec<usize> = (0..x.shape.len()).filter(|axis| !axes.contains(axis)).collect();
    let shape: Vec<usize> = kept.iter().map(|&axis| x.shape[axis]).collect();
    Naive::from_fn(&shape, |outer| {
        let all = indices(&x.shape);
        let here = |i: &&Vec<usize>| kept.iter().zip(outer).all(|(&axis, &k)| i[axis] == k);
        reduce(&all.iter().filter(here).map(|i| x.at(i)).collect::<Vec<f64>>())
    })
}

type Reduction = for<'t> fn(Tensor<'t>, &[usize]) -> Tensor<'t>;
type Definition<'a> = &'a dyn Fn(&[f64]) -> f64;

proptest! {
    #[test]
    fn reductions_match_their_definition(shape in shapes(), mask in 0..16_usize, seed in 0..99_u64) {
        let x = Naive::sample(&shape, seed);
        // In no particular order.
        let axes: Vec<usize> = (0..shape.len()).rev().filter(|axis| mask >> axis & 1 == 1).collect();
        let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
        let cases: [(Reduction, Definition<'_>); 9] = [
            (|x, axes| x.sum_axes(axes), &|x| x.iter().sum()),
            (|x, axes| x.mean_axes(axes), &mean),
            (|x, axes| x.max_axes(axes), &|x| x.iter().copied().fold(f64::NEG_INFINITY, f64::max)),
            (|x, axes| x.min_axes(axes), &|x| x.iter().copied().fold(f64::INFINITY, f64::min)),
            (|x, axes| x.prod_axes(axes), &|x| x.iter().product()),
            (|x, axes| x.norm_axes(axes), &|x| x.iter().map(|x| x * x).sum::<f64>().sqrt()),
            (|x, axes| x.norm_l1_axes(axes), &|x| x.iter().map(|x| x.abs()).sum()),
            (|x, axes| x.log_sum_exp_axes(axes), &|x| x.iter().map(|x| x.exp()).sum::<f64>().ln()),
            (|x, axes| x.var_axes(axes, 0.5), &|x| {
                x.iter().map(|y| (y - mean(x)).powi(2)).sum::<f64>() / (x.len() as f64 - 0.5)
            }),
        ];
        let empty = axes.iter().any(|&axis| shape[axis] == 0);
        for (k, (reduction, definition)) in cases.into_iter().enumerate() {
            // The mean and the variance of nothing are not numbers.
            if !(empty && matches!(k, 1 | 6 | 8 | 5 | 7)) {
                x.check(|x| reduction(x, &axes), &reduced(&x, &axes, definition), 64.0);
            }
        }
        x.check(|x| x.sum_axes(&axes).keep_axes(&axes) + x * 0.0, &{
            let sums = reduced(&x, &axes, |x| x.iter().sum());
            Naive::from_fn(&shape, |i| {
                let kept: Vec<usize> = (0..i.len()).filter(|a| !axes.contains(a)).map(|a| i[a]).collect();
                sums.at(&kept)
            })
        }, 64.0);
    }
}

/// `∂Π/∂xᵢ` is the product of the others, also where some are 0; so is every higher derivative.
#[test]
fn products_with_zeros_have_exact_derivatives() -> Result<(), Error> {
    for n in 1..8 {
        let f = record(&vec![1.0; n]).array().function(|x| x.prod())?;
        for zeros in 0..n.min(3) {
            let x: Vec<f64> =
                (0..n).map(|i| if i < zeros { 0.0 } else { i as f64 - 2.5 }).collect();
            let without = |skip: &[usize]| -> f64 {
                (0..n).filter(|i| !skip.contains(i)).map(|i| x[i]).product()
            };
            let (gradient, hessian) = (f.gradient(&x)?, f.hessian(&x)?);
            for i in 0..n {
                assert!((gradient[i] - without(&[i])).abs() <= 1e-14 * without(&[i]).abs());
                for j in 0..n {
                    let expected = if i == j { 0.0 } else { without(&[i, j]) };
                    assert!((hessian[(i, j)] - expected).abs() <= 1e-14 * expected.abs());
                }
            }
        }
    }
    Ok(())
}

#[test]
fn norms_at_their_kinks_and_beyond_the_range() -> Result<(), Error> {
    let norm = |policy| {
        record(&[1.0; 3]).array().indeterminate(policy).function(|x| x.norm_axes(&[0]).to_var())
    };
    let [refusing, norm] = [norm(IndeterminatePolicy::Refuse)?, norm(IndeterminatePolicy::Nan)?];
    assert_eq!(refusing.value(&[0.0; 3])?, 0.0);
    assert_eq!(refusing.gradient(&[0.0; 3])?, [0.0; 3]);
    assert!(norm.hessian(&[0.0; 3])?.as_slice().iter().all(|h: &f64| h.is_nan()));
    for scale in [1e-200, 1.0, 1e200] {
        let x = [2.0 * scale, -3.0 * scale, 6.0 * scale];
        assert!((norm.value(&x)? / scale - 7.0).abs() <= 1e-14);
        for (g, x) in norm.gradient(&x)?.iter().zip(x) {
            assert!((g - x / (7.0 * scale)).abs() <= 1e-15);
        }
    }
    // Of numbers whose reciprocals overflow.
    let least = f64::from_bits(1);
    for (g, expected) in
        norm.gradient(&[3.0 * least, 0.0, -4.0 * least])?.iter().zip([0.6, 0.0, -0.8])
    {
        assert!((g - expected).abs() <= 1e-15, "{g}");
    }
    // The Hessian of the norm is (I − u uᵀ)/‖x‖.
    let h = norm.hessian(&[2.0, -3.0, 6.0])?;
    let u = [2.0 / 7.0, -3.0 / 7.0, 6.0 / 7.0];
    for i in 0..3 {
        for j in 0..3 {
            let expected = (f64::from(i == j) - u[i] * u[j]) / 7.0;
            assert!((h[(i, j)] - expected).abs() <= 1e-15, "{i} {j}");
        }
    }
    let largest = record(&[1.0; 3]).array().function(|x| x.norm_max_axes(&[0]).to_var())?;
    assert_eq!(largest.gradient(&[1.0, -2.0, 2.0])?, [0.0, -0.5, 0.5]);
    Ok(())
}

/// `Σ wₖ·yₖ²` for the products so far of each line of three, or of two if down the columns.
fn products_so_far<S: Scalar>(x: &[S], w: &[f64], axis: usize) -> S {
    let at = |i: usize, j: usize| x[3 * i + j];
    let mut total = S::constant(0.0);
    for i in 0..2 {
        for j in 0..3 {
            let so_far: S = match axis {
                0 => (0..=i).fold(S::constant(1.0), |product, k| product * at(k, j)),
                _ => (0..=j).fold(S::constant(1.0), |product, k| product * at(i, k)),
            };
            total += S::constant(w[3 * i + j]) * so_far * so_far;
        }
    }
    total
}

proptest! {
    /// However many of the elements are 0.
    #[test]
    fn cumulative_products_have_exact_derivatives(
        x in prop::array::uniform6(prop_oneof![Just(0.0), -2.0..2.0_f64]),
        w in prop::array::uniform6(0.5..2.0_f64),
        v in prop::array::uniform6(-1.0..1.0_f64),
        axis in 0..2_usize,
    ) {
        let weights = Array::new(&[2, 3], w.to_vec())?;
        // Recorded where no element is 0.
        let f = record(&[0.7; 6]).data(&[&weights]).function(|x, w| {
            (x.reshape(&[2, 3]).cumprod(axis).powi(2) * w[0]).sum()
        })?;
        let by_scalars = record(&x).function(|x| products_so_far(x, &w, axis))?;
        let near = |got: &[f64], expected: &[f64]| {
            got.iter().zip(expected).all(|(a, b)| (a - b).abs() <= 1e-12 * (1.0 + b.abs()))
        };
        prop_assert!(near(&f.gradient(&x)?, &by_scalars.gradient(&x)?));
        let h = hessian(|x| products_so_far(x, &w, axis), &x)?;
        prop_assert!(near(f.hessian(&x)?.as_slice(), h.as_slice()));
        prop_assert!(near(&f.taylor(&x, &v, 4)?, &by_scalars.taylor(&x, &v, 4)?));
    }
}

#[test]
fn cumulative_products_keep_the_sign_of_zero_and_refuse_other_axes() -> Result<(), Error> {
    let f =
        |axis: usize| record(&[1.0; 3]).array().function(move |x| (1.0 / x.cumprod(axis)).sum());
    assert_eq!(f(0)?.value(&[2.0, -1.0, 0.0])?, f64::NEG_INFINITY);
    assert!(f(1).is_err_and(|error| error.to_string().contains("cumprod")));
    Ok(())
}
