//! Sparse Hessians and Jacobians: held against dense ones entry by entry, and against reference values computed independently.

use std::fs;

use dualtape_autodiff::{
    Array, Error, Function, Scalar, Tensor, Var, c, hessian, jacobian, record, sparse,
    sparse::{SparseMatrix, SparsityPattern},
};
use proptest::prelude::*;

fn rosenbrock<S: Scalar>(x: &[S]) -> S {
    let mut total = S::zero();
    for i in 0..x.len() - 1 {
        total += c(100.0) * (x[i + 1] - x[i] * x[i]).powi(2) + (c(1.0) - x[i]).powi(2);
    }
    total
}

/// The matrix is `dense` where it has entries, and `dense` is zero elsewhere.
fn assert_equal(sparse: &SparseMatrix, dense: &[f64]) {
    let scale = dense.iter().fold(1.0_f64, |m, x| m.max(x.abs()));
    assert_eq!(sparse.rows() * sparse.cols(), dense.len());
    for i in 0..sparse.rows() {
        for j in 0..sparse.cols() {
            let (got, expected) = (sparse.get(i, j), dense[i * sparse.cols() + j]);
            if !sparse.pattern().contains(i, j) {
                assert!(expected == 0.0, "({i}, {j}) is missing: {expected}");
            }
            let close = (got - expected).abs() <= 64.0 * f64::EPSILON * scale;
            assert!(close || got.is_nan() && expected.is_nan(), "({i}, {j}): {got}, {expected}");
        }
    }
}

fn assert_is(hessian: &SparseMatrix, dense: &[f64], n: usize) {
    assert_eq!((hessian.rows(), hessian.cols()), (n, n));
    assert_equal(hessian, dense);
    for (i, j, value) in hessian.triplets() {
        assert_eq!(value.to_bits(), hessian.get(j, i).to_bits(), "({i}, {j}) is not symmetric");
    }
}

/// Reference values computed in plain double precision from the formula, checked by double backward in PyTorch.
#[test]
fn chained_rosenbrock_has_the_reference_values() -> Result<(), Box<dyn std::error::Error>> {
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/sparse.json"))?;
    let data: serde_json::Value = serde_json::from_str(&text)?;
    let problems = data["problems"].as_array().ok_or("problems")?;
    assert!(!problems.is_empty());
    for problem in problems {
        assert_eq!(problem["name"], "chained_rosenbrock_1000");
        let number = |name: &str| problem[name].as_f64().ok_or(format!("no {name}"));
        let n = number("n")? as usize;
        let x: Vec<f64> = (0..n).map(|i| if i % 2 == 0 { -1.2 } else { 1.0 }).collect();
        let f = record(&x).function(|x| rosenbrock(x))?;
        let mut plan = f.plan_sparse_hessian(&x)?;
        let colouring = &problem["colouring"];
        let greedy = colouring["greedy"]["star_natural"].as_u64().ok_or("greedy")?;
        assert!(plan.products() as u64 <= greedy, "{} colours", plan.products());
        let h = plan.evaluate(&x)?;
        let near = |got: f64, name: &str| -> Result<(), String> {
            let expected = number(name)?;
            assert!((got - expected).abs() <= 1e-12 * expected.abs(), "{name}: {got}, {expected}");
            Ok(())
        };
        assert_eq!(h.nnz() as f64, number("pattern_nnz_full")?);
        assert_eq!(h.lower().nnz() as f64, number("pattern_nnz_lower_incl_diag")?);
        near((0..n).map(|i| h.get(i, i)).sum(), "hess_trace")?;
        near(h.values().iter().sum(), "hess_sum_all")?;
        near(h.values().iter().map(|x| x.abs()).sum(), "hess_sum_abs")?;
        near(h.values().iter().map(|x| x * x).sum(), "hess_frobenius_sq")?;
        let weighted = h.triplets().map(|(i, j, x)| x * ((i + 2 * j) as f64).cos()).sum();
        near(weighted, "hess_weighted_sum_cos_i_plus_2j")?;
        for entry in problem["entries"].as_array().ok_or("entries")? {
            let index = |name: &str| entry[name].as_u64().map(|i| i as usize);
            let (i, j) = (index("i").ok_or("i")?, index("j").ok_or("j")?);
            assert_eq!(Some(h.get(i, j)), entry["h"].as_f64(), "({i}, {j})");
        }
        let v: Vec<f64> =
            (0..n).map(|i| if i % 2 == 0 { 1.0 } else { -1.0 } / (i + 1) as f64).collect();
        let product = h.times(&v);
        near(product.iter().map(|x| x * x).sum::<f64>().sqrt(), "hvp_norm2")?;
        for (part, name) in [(&product[..5], "hvp_first5"), (&product[n - 5..], "hvp_last5")] {
            for (got, expected) in part.iter().zip(problem[name].as_array().ok_or(name)?) {
                let expected = expected.as_f64().ok_or(name)?;
                assert!((got - expected).abs() <= 1e-12 * expected.abs(), "{got}, {expected}");
            }
        }
    }
    Ok(())
}

/// Everything that makes a pattern: products, powers, functions, sums, branches, what is locally constant or cancels.
fn assorted<S: Scalar>(x: &[S]) -> S {
    let chain: S = x.windows(2).map(|x| (x[0] * x[1]).sin()).sum();
    let skip = x[0].hypot(x[5]) + x[1].atan2(x[6]) + x[2].max(x[7]) * x[3];
    let branch = if x[4] > x[5] { x[4] * x[8].exp() } else { x[4].powi(3) };
    let linear: S = x.iter().map(|&x| x * c(3.0)).sum();
    chain + skip + branch + linear + x[8].abs() * x[1].floor() + x[9] / x[0]
}

#[test]
fn sparse_is_dense_without_its_zeros() -> Result<(), Error> {
    let x: Vec<f64> = (0..12).map(|i| 0.9 + (1.7 * i as f64).sin() * 0.6).collect();
    let dense = hessian(|x| assorted(x), &x)?;
    let sparse = sparse::hessian(|x| assorted(x), &x)?;
    assert_is(&sparse, dense.as_slice(), 12);
    assert_eq!(sparse.to_dense().as_slice().len(), 144);
    // The larger of two is locally one of them, and a floor is constant.
    assert!(!sparse.pattern().contains(1, 1) || sparse.pattern().contains(1, 6));
    assert!(!sparse.pattern().contains(8, 1) && !sparse.pattern().contains(2, 7));
    assert!(!sparse.pattern().contains(10, 8));
    Ok(())
}

#[test]
fn another_branch_is_planned_again() -> Result<(), Error> {
    let f = record(&[1.0, 2.0, 3.0])
        .function(|x| if x[0] > 0.0 { x[0] * x[1] * x[2] } else { x[0].powi(2) + x[1].exp() })?;
    let mut plan = f.plan_sparse_hessian(&[1.0, 2.0, 3.0])?;
    assert_eq!(plan.evaluate(&[2.0, 3.0, 5.0])?.values(), [5.0, 3.0, 5.0, 2.0, 3.0, 2.0]);
    assert_eq!(plan.evaluate(&[-2.0, 0.0, 5.0])?.values(), [2.0, 1.0]);
    assert_eq!(plan.evaluate(&[2.0, 3.0, 5.0])?.nnz(), 6);
    assert_eq!(f.hessian_pattern(&[-1.0, 0.0, 0.0])?.nnz(), 2);
    Ok(())
}

#[test]
fn given_patterns_are_checked() -> Result<(), Error> {
    let x: Vec<f64> = (0..30).map(|i| (0.4 * i as f64).cos()).collect();
    let f = record(&x).function(|x| rosenbrock(x))?;
    let lower = f.hessian_pattern(&x)?.lower();
    let found = f.sparse_hessian(&x)?;
    let mut plan = f.plan_sparse_hessian_with(&x, &lower)?;
    assert_eq!(plan.evaluate(&x)?.values(), found.values());
    assert_eq!(plan.products(), 4);
    for left_out in lower.entries().collect::<Vec<_>>() {
        let fewer = lower.entries().filter(|&entry| entry != left_out);
        let wrong = SparsityPattern::from_entries(30, 30, fewer)?;
        let refused = f.plan_sparse_hessian_with(&x, &wrong)?.evaluate(&x).map(|_| ());
        assert!(matches!(refused, Err(Error::PatternMisses { .. })), "{left_out:?}: {refused:?}");
    }
    let more = lower.entries().chain([(29, 0), (7, 3)]);
    let generous = SparsityPattern::from_entries(30, 30, more)?;
    let mut plan = f.plan_sparse_hessian_with(&x, &generous)?;
    assert_is(plan.evaluate(&x)?, found.to_dense().as_slice(), 30);
    let small = SparsityPattern::from_entries(29, 29, [])?;
    assert!(matches!(f.plan_sparse_hessian_with(&x, &small), Err(Error::Length { .. })));
    assert!(matches!(
        SparsityPattern::from_entries(2, 3, [(2, 0)]),
        Err(Error::EntryOutside { row: 2, col: 0, rows: 2, cols: 3 })
    ));
    Ok(())
}

/// A little of every array operation, on 12 inputs of which many never meet.
fn arrays<'t>(x: Tensor<'t>, data: &[Tensor<'t>]) -> Var<'t> {
    let grid = x.view(0, &[3, 4]);
    let rows = grid.view(0, &[2, 4]).exp().sum_axis(1);
    let columns = (grid * grid.view(4, &[4])).sum_axis(0).view(1, &[2]);
    let product = grid.view(0, &[1, 2]).matmul(data[0]).tanh();
    let turned = grid.t().view(3, &[2, 2]).powi(3);
    rows.dot(columns)
        + product.sum()
        + turned.sum()
        + x.get(11) * x.get(0)
        + x.view(8, &[3]).log_sum_exp(0).sum()
}

#[test]
fn array_programs_are_followed_element_by_element() -> Result<(), Error> {
    let x: Vec<f64> = (0..12).map(|i| (0.7 * i as f64 + 0.2).sin()).collect();
    let weights = Array::new(&[2, 3], (0..6).map(|i| (i as f64).cos()).collect())?;
    let f = record(&x).data(&[&weights]).function(arrays)?;
    let sparse = f.sparse_hessian(&x)?;
    let dense = f.hessian(&x)?;
    assert_is(&sparse, dense.as_slice(), 12);
    let zeros = dense.as_slice().iter().filter(|&&x| x == 0.0).count();
    // Eight entries are multiplied by zeros that a padding puts among the coefficients, of which nothing is assumed.
    assert_eq!((144 - sparse.nnz(), zeros), (73, 81), "{:?}", sparse.pattern());
    let second: Vec<f64> = x.iter().map(|x| 1.0 - x).collect();
    let mut plan = f.plan_sparse_hessian(&x)?;
    assert_is(plan.evaluate(&second)?, f.hessian(&second)?.as_slice(), 12);
    Ok(())
}

/// What is read where depends on values here: the pattern holds whatever they are.
/// More products than fit into one group, of scalars and of arrays; several groups at once on threads.
#[test]
fn threads_change_no_bit() -> Result<(), Error> {
    let n = 30;
    let x: Vec<f64> = (0..n).map(|i| 0.3 + 0.05 * f64::from(i)).collect();
    let scalars = |threads| {
        record(&x).threads(threads).function(|x| {
            x.windows(12).map(|w| w.iter().map(|&x| x.sin()).product::<Var<'_>>()).sum()
        })
    };
    let arrays = |threads| {
        record(&x)
            .array()
            .threads(threads)
            .function(|x| x.reshape(&[3, 10]).tanh().matmul(x.reshape(&[10, 3])).exp().sum())
    };
    type OnThreads<'a> = &'a dyn Fn(usize) -> Result<Function<'static>, Error>;
    for on in [&scalars as OnThreads<'_>, &arrays] {
        let alone = on(1)?;
        let mut plan = alone.plan_sparse_hessian(&x)?;
        assert!(plan.products() > 8, "{plan:?}");
        let alone = plan.evaluate(&x)?;
        let h = on(1)?.hessian(&x)?;
        assert_is(alone, h.as_slice(), x.len());
        for threads in [2, 3, 7] {
            let f = on(threads)?;
            assert_eq!(f.plan_sparse_hessian(&x)?.evaluate(&x)?, alone, "{threads} threads");
        }
    }
    Ok(())
}

#[test]
fn patterns_hold_for_other_indices_and_conditions() -> Result<(), Error> {
    let x: Vec<f64> = (0..12).map(|i| (0.9 * i as f64 + 0.4).sin()).collect();
    let indices = Array::vector(vec![7.0, 2.0]);
    let mut f = record(&x).data(&[&indices]).function(|x, data| {
        let picked = x.index_select(0, &[3, 1, 3]).powi(3).sum();
        let either = x.view(0, &[4]).gt(0.1);
        let either = either.where_cond(x.view(4, &[4]).powi(2), x.view(8, &[4]).exp()).sum();
        let chosen = x.take(0, data[0]);
        picked + either + chosen.get(0) * chosen.get(1) * 0.0_f64.exp()
    })?;
    for constant_indices in [false, true] {
        if constant_indices {
            f = record(&x).array().function(|x| {
                let pairs = x.index_select(0, &[3, 1, 3, 5]).reshape(&[2, 2]);
                (pairs.sum_axis(0) * pairs.sum_axis(0)).sum() + pairs.cumsum(0).powi(3).sum()
            })?;
        }
        let mut plan = f.plan_sparse_hessian(&x)?;
        assert_is(plan.evaluate(&x)?, f.hessian(&x)?.as_slice(), 12);
        let mirrored: Vec<f64> = x.iter().map(|x| -x).collect();
        assert_is(plan.evaluate(&mirrored)?, f.hessian(&mirrored)?.as_slice(), 12);
        if constant_indices {
            assert!(
                plan.pattern().nnz() <= 5,
                "{:?}",
                plan.pattern().entries().collect::<Vec<_>>()
            );
        } else {
            f.set_data(0, &Array::vector(vec![10.0, 4.0]))?;
            let mut plan = f.plan_sparse_hessian(&x)?;
            f.set_data(0, &Array::vector(vec![0.0, 11.0]))?;
            let h = plan.evaluate(&x)?;
            assert_eq!(h.get(0, 11), 1.0);
            assert_is(h, f.hessian(&x)?.as_slice(), 12);
        }
    }
    Ok(())
}

fn wide<S: Scalar>(x: &[S]) -> Vec<S> {
    let mut values: Vec<S> = x.windows(3).map(|x| x[0] * x[1] - x[2].exp()).collect();
    values.push(x[0].powi(3));
    values.push(S::constant(4.0));
    values
}

#[test]
fn jacobians_by_columns_and_by_rows() -> Result<(), Error> {
    let x: Vec<f64> = (0..15).map(|i| (0.8 * i as f64 + 0.3).sin()).collect();
    let dense = jacobian(|x| wide(x), &x)?;
    let sparse = sparse::jacobian(|x| wide(x), &x)?;
    assert_equal(&sparse, dense.as_slice());
    assert_eq!(sparse.nnz(), 3 * 13 + 1);
    // A row that has all columns: one product with rows is cheaper than fifteen with columns.
    let f = record(&x).vector(arrow_of)?;
    let mut plan = f.plan_sparse_jacobian(&x)?;
    assert_eq!((plan.products(), plan.pattern().nnz()), (3, 18));
    assert_equal(plan.evaluate(&x)?, jacobian(arrow_of, &x)?.as_slice());
    // The check of a given pattern, in either direction of products.
    for function in [record(&x).vector(|x| wide(x))?, f] {
        let known = function.jacobian_pattern(&x)?;
        let mut plan = function.plan_sparse_jacobian_with(&x, &known)?;
        assert_eq!(plan.evaluate(&x)?.values(), function.sparse_jacobian(&x)?.values());
        for left_out in known.entries().collect::<Vec<_>>() {
            let fewer = known.entries().filter(|&entry| entry != left_out);
            let wrong = SparsityPattern::from_entries(known.rows(), known.cols(), fewer)?;
            let refused = function.plan_sparse_jacobian_with(&x, &wrong)?.evaluate(&x).map(|_| ());
            assert!(matches!(refused, Err(Error::PatternMisses { .. })), "{left_out:?}");
        }
        let turned = known.transposed();
        let refused = function.plan_sparse_jacobian_with(&x, &turned);
        assert!(known.rows() == known.cols() || matches!(refused, Err(Error::Length { .. })));
    }
    Ok(())
}

fn arrow_of<'t>(x: &[Var<'t>]) -> Vec<Var<'t>> {
    let total: Var<'_> = x.iter().map(|x| x.powi(2)).sum();
    vec![total, x[0].sin(), x[14] * x[0]]
}

#[test]
fn jacobians_of_array_programs() -> Result<(), Error> {
    let x: Vec<f64> = (0..12).map(|i| (0.7 * i as f64 + 0.2).sin()).collect();
    let f = record(&x).array().vector(|x| {
        let grid = x.reshape(&[3, 4]);
        (grid.view(1, &[10]).tanh() * grid.view(0, &[10])).reshape(&[5, 2]).sum_axis(1)
    })?;
    let sparse = f.sparse_jacobian(&x)?;
    assert_equal(&sparse, f.jacobian(&x)?.as_slice());
    assert_eq!(sparse.nnz(), 15);
    Ok(())
}

#[derive(Clone, Debug)]
enum Step {
    Product(usize, usize),
    Sine(usize),
    Quotient(usize, usize),
    Sum(usize, usize, usize),
    Largest(usize, usize),
}

/// The value of every step.
fn run_all<S: Scalar>(steps: &[Step], x: &[S]) -> Vec<S> {
    let mut values = x.to_vec();
    for step in steps {
        let at = |i: usize| values[i % values.len()];
        let value = match *step {
            Step::Product(a, b) => at(a) * at(b),
            Step::Sine(a) => at(a).sin(),
            Step::Quotient(a, b) => at(a) / (at(b).powi(2) + c(1.0)),
            Step::Sum(a, b, d) => at(a) + at(b) - at(d) * c(0.5),
            Step::Largest(a, b) => at(a).max(at(b)),
        };
        values.push(value);
    }
    values.split_off(x.len())
}

fn run<S: Scalar>(steps: &[Step], x: &[S]) -> S {
    run_all(steps, x).iter().map(|&x| x * c(0.7)).sum()
}

fn step() -> impl Strategy<Value = Step> {
    let i = || 0..64_usize;
    prop_oneof![
        (i(), i()).prop_map(|(a, b)| Step::Product(a, b)),
        i().prop_map(Step::Sine),
        (i(), i()).prop_map(|(a, b)| Step::Quotient(a, b)),
        (i(), i(), i()).prop_map(|(a, b, d)| Step::Sum(a, b, d)),
        (i(), i()).prop_map(|(a, b)| Step::Largest(a, b)),
    ]
}

proptest! {
    #[test]
    fn random_programs(
        n in 2..12_usize,
        steps in prop::collection::vec(step(), 0..14),
        shift in 0.0..6.0_f64,
    ) {
        let x: Vec<f64> = (0..n).map(|i| (1.3 * i as f64 + shift).sin()).collect();
        let steps = &steps;
        let dense = hessian(|x| run(steps, x), &x).expect("recorded");
        let sparse = sparse::hessian(|x| run(steps, x), &x).expect("recorded");
        assert_is(&sparse, dense.as_slice(), n);
        let dense = jacobian(|x| run_all(steps, x), &x).expect("recorded");
        let sparse = sparse::jacobian(|x| run_all(steps, x), &x).expect("recorded");
        assert_equal(&sparse, dense.as_slice());
    }
}
