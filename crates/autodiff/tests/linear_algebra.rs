//! Linear algebra with derivatives: a Gaussian process, identities of matrix calculus, and what is refused.

use dualtape_autodiff::{
    Array, Error, Scalar, Tensor, Var, c, custom::Fault, generic, gradient, hessian, record,
    record_f32,
};
use proptest::prelude::*;

const X: [f64; 6] = [0.0, 0.7, 1.1, 2.4, 3.0, 4.5];
const Y: [f64; 6] = [0.3, -0.2, 0.9, 1.4, 0.1, -1.1];

/// Negative log marginal likelihood of a Gaussian process with a squared-exponential kernel, at the logarithms of
/// amplitude, length scale and noise.
fn gaussian_process<'t>(theta: Tensor<'t>, general: bool) -> Var<'t> {
    let distances = X.iter().flat_map(|a| X.map(|b| (a - b) * (a - b))).collect();
    let distances = theta.constant(&Array::new(&[6, 6], distances).expect("36 elements"));
    let identity = (0..36).map(|k| if k / 6 == k % 6 { 1.0 } else { 0.0 }).collect();
    let identity = theta.constant(&Array::new(&[6, 6], identity).expect("36 elements"));
    let [amplitude, length, noise] = [0, 1, 2].map(|i| (2.0 * theta.get(i)).exp());
    let k = (distances * (-0.5 / length)).exp() * amplitude + identity * noise;
    let y = theta.constant(&Array::vector(Y.to_vec()));
    let (fit, log_det) = if general {
        (y.dot(k.solve(y)), k.log_abs_det().to_var())
    } else {
        let l = k.cholesky();
        (y.dot(l.solve_cholesky(y)), l.log_det_cholesky().to_var())
    };
    0.5 * (fit + log_det + 6.0 * (2.0 * std::f64::consts::PI).ln())
}

const THETA: [f64; 3] = [0.2, -0.1, -1.3];

/// Reference values computed with mpmath in 60 digits.
const VALUE: f64 = 8.214_879_949_104_06;
const GRADIENT: [f64; 3] =
    [0.906_183_259_567_263_2, 0.759_082_665_467_230_8, -1.174_282_349_472_914_2];
const HESSIAN: [f64; 9] = [
    5.170_124_998_068_389,
    -2.254_846_412_804_171,
    2.709_930_577_829_36,
    -2.254_846_412_804_171,
    6.472_798_087_184_595,
    -4.498_629_269_223_112,
    2.709_930_577_829_36,
    -4.498_629_269_223_112,
    1.946_212_026_084_193,
];

fn assert_close(got: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(got.len(), expected.len());
    for (i, (g, e)) in got.iter().zip(expected).enumerate() {
        let scale = expected.iter().fold(1e-300_f64, |m, x| m.max(x.abs()));
        assert!((g - e).abs() <= tolerance * scale, "entry {i}: {g} is not {e}");
    }
}

#[test]
fn a_gaussian_process_has_the_reference_derivatives() -> Result<(), Error> {
    for general in [false, true] {
        // Recorded elsewhere, so that what is tested is a replay.
        let f = record(&[0.0; 3]).array().function(|x| gaussian_process(x, general))?;
        assert_close(&[f.value(&THETA)?], &[VALUE], 1e-14);
        assert_close(&f.gradient(&THETA)?, &GRADIENT, 1e-13);
        assert_close(f.hessian(&THETA)?.as_slice(), &HESSIAN, 1e-12);
    }
    Ok(())
}

#[test]
fn duals_and_recordings_agree() -> Result<(), Error> {
    fn stacked<'t>(x: &[Var<'t>]) -> Tensor<'t> {
        Tensor::from_vars(x[0].tape().expect("an input"), x)
    }
    for general in [false, true] {
        let h = hessian(|x| gaussian_process(stacked(x), general), &THETA)?;
        assert_close(h.as_slice(), &HESSIAN, 1e-12);
        assert_close(
            &gradient(|x| gaussian_process(stacked(x), general), &THETA)?,
            &GRADIENT,
            1e-13,
        );
    }
    Ok(())
}

/// `½·bᵀA⁻¹b` by elimination over any number: the slow, obvious reference.
fn by_elimination<S: Scalar>(x: &[S]) -> S {
    let n = 3;
    let mut a: Vec<Vec<S>> =
        (0..n).map(|i| (0..n).map(|j| x[n * i + j]).chain([x[n * n + i]]).collect()).collect();
    for p in 0..n {
        let pivot = a[p].clone();
        for row in &mut a[p + 1..] {
            let factor = row[p] / pivot[p];
            row.iter_mut().zip(&pivot).for_each(|(x, &y)| *x -= factor * y);
        }
    }
    let mut solved = vec![S::zero(); n];
    for i in (0..n).rev() {
        let known = (i + 1..n).map(|j| a[i][j] * solved[j]).sum::<S>();
        solved[i] = (a[i][n] - known) / a[i][i];
    }
    solved.iter().enumerate().map(|(i, &s)| c(0.5) * s * x[n * n + i]).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn solves_have_the_derivatives_of_elimination(
        entries in prop::collection::vec(-1.0..1.0_f64, 12),
        transposed in any::<bool>(),
    ) {
        let mut at = entries;
        for i in 0..3 {
            at[4 * i] += 3.0;
        }
        let f = record(&[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0]).array().function(|x| {
            let (a, b) = (x.view(0, &[3, 3]), x.view(9, &[3]));
            let solved = if transposed { a.t().solve_transposed(b) } else { a.solve(b) };
            0.5 * b.dot(solved)
        })?;
        let expected = hessian(|x| by_elimination(x), &at)?;
        assert_close(&f.gradient(&at)?, &gradient(|x| by_elimination(x), &at)?, 1e-13);
        assert_close(f.hessian(&at)?.as_slice(), expected.as_slice(), 1e-12);
    }

    /// `∂ ln|det A|/∂A = A⁻ᵀ`, and the Hessian applied to `E` is `−A⁻ᵀEᵀA⁻ᵀ`.
    #[test]
    fn the_log_determinant_has_the_inverse_as_its_gradient(
        entries in prop::collection::vec(-1.0..1.0_f64, 9),
        direction in prop::collection::vec(-1.0..1.0_f64, 9),
    ) {
        let mut at = entries;
        at[0] -= 2.5;
        at[4] += 2.5;
        at[8] += 3.0;
        let f = record(&at).array().function(|a| a.reshape(&[3, 3]).log_abs_det().to_var())?;
        let inverse = |k: usize| record(&at).array().function(move |a| {
            a.reshape(&[3, 3]).inverse().get(k)
        });
        let b: Vec<f64> = (0..9).map(|k| inverse(k)?.value(&at)).collect::<Result<_, _>>()?;
        let transposed = |m: &[f64]| -> Vec<f64> { (0..9).map(|k| m[k % 3 * 3 + k / 3]).collect() };
        let product = |a: &[f64], b: &[f64]| -> Vec<f64> {
            (0..9).map(|k| (0..3).map(|p| a[k / 3 * 3 + p] * b[p * 3 + k % 3]).sum()).collect()
        };
        let bt = transposed(&b);
        assert_close(&f.gradient(&at)?, &bt, 1e-13);
        let mut hvp = vec![0.0; 9];
        f.hvp_into(&at, &direction, &mut hvp)?;
        let expected = product(&product(&bt, &transposed(&direction)), &bt);
        assert_close(&hvp, &expected.iter().map(|x| -x).collect::<Vec<_>>(), 1e-12);
    }
}

/// The eigenvalues of `[[a, b], [b, d]]` in closed form.
fn larger_eigenvalue<S: Scalar>(x: &[S]) -> S {
    let [a, b, d] = [x[0], (x[1] + x[2]) * c(0.5), x[3]];
    let half = (a - d) * c(0.5);
    (a + d) * c(0.5) + (half * half + b * b).sqrt()
}

#[test]
fn eigenvalues_have_the_derivatives_of_the_closed_form() -> Result<(), Error> {
    let at = [1.0, 0.4, 0.6, -0.3];
    let f = record(&[0.0, 1.0, 0.5, 2.0])
        .array()
        .function(|a| a.reshape(&[2, 2]).eigenvalues_symmetric().get(1))?;
    assert_close(&f.gradient(&at)?, &gradient(|x| larger_eigenvalue(x), &at)?, 1e-14);
    let expected = hessian(|x| larger_eigenvalue(x), &at)?;
    assert_close(f.hessian(&at)?.as_slice(), expected.as_slice(), 1e-13);
    Ok(())
}

#[test]
fn at_repeated_eigenvalues_sums_have_gradients_and_vectors_are_refused() -> Result<(), Error> {
    let at = [2.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 5.0];
    // Σ ln λ = ln det A
    let f =
        record(&at).array().function(|a| a.reshape(&[3, 3]).eigenvalues_symmetric().ln().sum())?;
    assert_close(&f.gradient(&at)?, &[0.5, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0, 0.2], 1e-15);
    let refused = f.hvp_into(&at, &[1.0; 9], &mut [0.0; 9]).unwrap_err();
    assert!(
        matches!(refused, Error::Failed { fault: Fault::RepeatedEigenvalue { first: 0, .. }, .. }),
        "{refused}"
    );
    // Apart again, the same function has second derivatives.
    let apart = [2.0, 0.0, 0.0, 0.0, 3.0, 0.0, 0.0, 0.0, 5.0];
    assert!(f.hvp_into(&apart, &[1.0; 9], &mut [0.0; 9]).is_ok());
    Ok(())
}

#[test]
fn failures_name_the_pivot_and_the_users_line_in_recordings_and_replays() -> Result<(), Error> {
    let cholesky =
        |at: &[f64]| record(at).array().function(|a| a.reshape(&[2, 2]).cholesky().sum());
    let indefinite = [1.0, 2.0, 2.0, 1.0];
    let message = cholesky(&indefinite).unwrap_err().to_string();
    assert!(message.contains("linear_algebra.rs"), "{message}");
    assert!(
        message.contains("cholesky: the matrix is not positive definite: pivot 1 is -3e0"),
        "{message}"
    );
    let f = cholesky(&[1.0, 0.0, 0.0, 1.0])?;
    for failed in [f.value(&indefinite).err(), f.gradient(&indefinite).err()] {
        let fault = Fault::NotPositiveDefinite { pivot: 1, value: -3.0 };
        assert!(
            matches!(&failed, Some(Error::Failed { fault: f, .. }) if *f == fault),
            "{failed:?}"
        );
    }
    assert_eq!(f.value(&[4.0, 0.0, 0.0, 9.0])?, 5.0);
    let solve = record(&[1.0, 0.0, 0.0, 1.0])
        .array()
        .function(|a| a.reshape(&[2, 2]).solve(a.view(0, &[2])).sum())?;
    let failed = solve.gradient(&[1.0, 2.0, 2.0, 4.0]);
    assert!(matches!(failed, Err(Error::Failed { fault: Fault::Singular { pivot: 1 }, .. })));
    let refused = record(&[1.0; 6]).array().function(|a| a.reshape(&[2, 3]).inverse().sum());
    assert!(
        refused
            .unwrap_err()
            .to_string()
            .contains("shapes [[2, 3]] do not fit inverse: a square matrix")
    );
    Ok(())
}

#[test]
fn single_precision_is_its_own() -> Result<(), Error> {
    let at = [2.0_f32, 0.5, 0.5, 1.0];
    let f = record_f32(&at).array().function(|a| {
        let l = a.reshape(&[2, 2]).cholesky();
        l.log_det_cholesky().to_var()
    })?;
    let expected = generic::gradient(
        |x: &[Var<'_, f32>]| (x[0] * x[3] - (x[1] + x[2]).powi(2) * 0.25_f32).ln(),
        &at,
    )?;
    for (g, e) in f.gradient(&at)?.iter().zip(&expected) {
        assert!((g - e).abs() <= 8.0 * f32::EPSILON, "{g} is not {e}");
    }
    Ok(())
}

#[test]
fn a_branch_without_the_factorization_is_not_refused_for_it() -> Result<(), Error> {
    let f = record(&[4.0]).array().function(|x| {
        let x = x.get(0);
        if x > 0.0 {
            x.to_tensor(x.tape().expect("an input")).reshape(&[1, 1]).cholesky().get(0)
        } else {
            x * x
        }
    })?;
    // The first derivatives asked for are at a point of the other branch.
    assert_eq!(f.gradient(&[-3.0])?, [-6.0]);
    assert_eq!(f.gradient(&[4.0])?, [0.25]);
    Ok(())
}

#[test]
fn a_batch_is_each_of_its_matrices() -> Result<(), Error> {
    fn of<'t>(a: Tensor<'t>, b: Tensor<'t>) -> Var<'t> {
        let l = (a.exp() + a.exp().swap_axes(a.rank() - 2, a.rank() - 1)).cholesky();
        let solved = l.solve_cholesky(b) * a.solve(b);
        solved.powi(2).sum()
            + l.log_det_cholesky().sum()
            + (a.log_abs_det() * 0.3).sum()
            + a.exp().eigenvalues_symmetric().sin().sum()
    }
    let at = [1.0, 0.3, -0.4, 0.8, 0.9, -0.2, 0.5, 1.2, 0.4, 0.6, -0.7, 0.1];
    let batched = record(&[1.0, 0.0, 0.1, 0.9, 1.1, 0.0, 0.1, 0.7, 1.0, 1.0, 1.0, 1.0])
        .array()
        .function(|x| of(x.view(0, &[2, 2, 2]), x.view(8, &[2, 2, 1])))?;
    let each = record(&at).array().function(|x| {
        (0..2).map(|i| of(x.view(4 * i, &[2, 2]), x.view(8 + 2 * i, &[2, 1]))).sum()
    })?;
    assert_close(&[batched.value(&at)?], &[each.value(&at)?], 1e-14);
    assert_close(&batched.gradient(&at)?, &each.gradient(&at)?, 1e-13);
    assert_close(batched.hessian(&at)?.as_slice(), each.hessian(&at)?.as_slice(), 1e-12);
    Ok(())
}

/// `‖x‖²` and other functions of it, as eigenvalues of `x·xᵀ`, of which all but one are repeated.
#[test]
fn an_eigenvalue_beside_repeated_ones_has_its_derivatives() -> Result<(), Error> {
    const N: usize = 4;
    let at = [1.0, -2.0, 0.5, 0.3];
    let (u, v) = ([0.4, 1.0, -0.2, 0.7], [1.0, 0.0, 2.0, -0.3]);
    fn values<'t>(x: Tensor<'t>) -> Tensor<'t> {
        x.outer(x).eigenvalues_symmetric()
    }
    type Loss = for<'t> fn(Tensor<'t>, &[Tensor<'t>]) -> Var<'t>;
    // By its place, as the maximum, by weights that are data, as the whole trace.
    let losses: [(Loss, Loss); 6] = [
        (|x, _| values(x).get(N - 1), |x, _| x.dot(x)),
        (|x, _| values(x).slice(0, N - 1..N).sum(), |x, _| x.dot(x)),
        (|x, _| values(x).max_axis(0).to_var(), |x, _| x.dot(x)),
        (|x, data| (values(x) * data[0]).sum(), |x, _| x.dot(x) * 3.0),
        (|x, _| values(x).sum(), |x, _| x.dot(x)),
        (|x, _| values(x).get(N - 1).powi(2).sin(), |x, _| x.dot(x).powi(2).sin()),
    ];
    let weights = Array::vector(vec![0.0, 0.0, 0.0, 3.0]);
    // Recorded at a point where no eigenvalue is repeated but by construction.
    let start = [0.3, 0.1, 1.0, -1.0];
    for (loss, closed) in losses {
        let f = record(&start).data(&[&weights]).function(loss)?;
        let expected = record(&at).data(&[&weights]).function(closed)?;
        assert_close(&f.gradient(&at)?, &expected.gradient(&at)?, 1e-14);
        assert_close(f.hessian(&at)?.as_slice(), expected.hessian(&at)?.as_slice(), 1e-13);
        let third = f.third_derivative(&at, &u, &v)?;
        let scale = expected.hessian(&at)?.as_slice().iter().fold(0.0_f64, |m, x| m.max(x.abs()));
        for (g, e) in third.iter().zip(expected.third_derivative(&at, &u, &v)?) {
            assert!((g - e).abs() < 1e-13 * (1.0 + scale + e.abs()), "{g} is not {e}");
        }
    }
    // Over duals, and by reverse mode twice.
    let one_shot =
        hessian(|x| values(Tensor::from_vars(x[0].tape().expect("an input"), x)).get(N - 1), &at)?;
    let twice =
        record(&at).array().function(|x| values(x).get(N - 1).gradient_of(x).powi(2).sum())?;
    for (i, row) in (0..N).map(|i| (i, one_shot.row(i))) {
        let expected: Vec<f64> = (0..N).map(|j| if i == j { 2.0 } else { 0.0 }).collect();
        assert_close(row, &expected, 1e-14);
        assert!((twice.gradient(&at)?[i] - 8.0 * at[i]).abs() < 1e-13);
    }
    Ok(())
}

/// The eigenvector of `x·xᵀ` is `x/‖x‖`.
#[test]
fn an_eigenvector_beside_repeated_eigenvalues_has_its_derivatives() -> Result<(), Error> {
    let at = [1.0, 2.0, -0.5, 0.3];
    let f = record(&[0.3, 1.2, 0.1, 0.0])
        .array()
        .function(|x| x.outer(x).eigh().1.select(1, 3).get(0).exp())?;
    let expected = record(&at).array().function(|x| (x / x.dot(x).sqrt()).get(0).exp())?;
    assert_close(&f.gradient(&at)?, &expected.gradient(&at)?, 1e-13);
    assert_close(f.hessian(&at)?.as_slice(), expected.hessian(&at)?.as_slice(), 1e-13);
    let (u, v) = ([0.4, 1.0, -0.2, 0.7], [1.0, 0.0, 2.0, -0.3]);
    let third = expected.third_derivative(&at, &u, &v)?;
    assert_close(&f.third_derivative(&at, &u, &v)?, &third, 1e-12);
    Ok(())
}

/// Two clusters, none of which is 0: a projector onto one, and the sum of its eigenvalues.
#[test]
fn sums_over_a_cluster_have_higher_derivatives() -> Result<(), Error> {
    // A matrix with the eigenvalues 1, 1, 4, 4 in a basis that is not the axes'.
    let q = [0.5, 0.5, 0.5, 0.5, 0.5, -0.5, 0.5, -0.5, 0.5, 0.5, -0.5, -0.5, 0.5, -0.5, -0.5, 0.5];
    let at: Vec<f64> = (0..16)
        .map(|k| {
            (0..4).map(|p| q[k / 4 * 4 + p] * [1.0, 1.0, 4.0, 4.0][p] * q[k % 4 * 4 + p]).sum()
        })
        .collect();
    let f = record(&at)
        .array()
        .function(|a| a.reshape(&[4, 4]).eigenvalues_symmetric().slice(0, 2..4).sum())?;
    // By second-order perturbation: Σ 2·Eᵢⱼ²/(λᵢ − λⱼ) over pairs between the clusters.
    let direction: Vec<f64> =
        (0..16).map(|k| (0.3 * ((k / 4) * (k % 4)) as f64 + 0.2).cos()).collect();
    let e = |i: usize, j: usize| -> f64 {
        (0..16).map(|k| q[k / 4 * 4 + i] * direction[k] * q[k % 4 * 4 + j]).sum()
    };
    let expected: f64 = (2..4)
        .flat_map(|i| (0..2).map(move |j| (i, j)))
        .map(|(i, j)| 2.0 * e(i, j).powi(2) / 3.0)
        .sum();
    let mut product = vec![0.0; 16];
    f.hvp_into(&at, &direction, &mut product)?;
    let got: f64 = product.iter().zip(&direction).map(|(h, d)| h * d).sum();
    assert!((got - expected).abs() < 1e-13, "{got} is not {expected}");
    // The third derivative, against differences of the second.
    let third = f.third_derivative_along(&at, &direction, &direction, &direction)?;
    let curvature = |t: f64| -> Result<f64, Error> {
        let moved: Vec<f64> = at.iter().zip(&direction).map(|(a, d)| a + t * d).collect();
        let mut product = vec![0.0; 16];
        f.hvp_into(&moved, &direction, &mut product)?;
        Ok(product.iter().zip(&direction).map(|(h, d)| h * d).sum())
    };
    let h = 1e-3;
    let difference = (8.0 * (curvature(h)? - curvature(-h)?)
        - (curvature(2.0 * h)? - curvature(-2.0 * h)?))
        / (12.0 * h);
    assert!((third - difference).abs() < 1e-8 * (1.0 + third.abs()), "{third} is not {difference}");
    // One of a cluster by itself has no second derivative.
    let single =
        record(&at).array().function(|a| a.reshape(&[4, 4]).eigenvalues_symmetric().get(2))?;
    let refused = single.hvp_into(&at, &direction, &mut product).unwrap_err();
    let Error::Failed { fault: Fault::RepeatedEigenvalue { first: 2, value, gap }, .. } = refused
    else {
        panic!("{refused}")
    };
    assert!((value - 4.0).abs() < 1e-13 && (0.0..1e-13).contains(&gap));
    Ok(())
}

/// What is curved in repeated eigenvalues is smooth, but this is not its formula: no number is right by chance only.
#[test]
fn curved_functions_of_repeated_eigenvalues_are_refused() -> Result<(), Error> {
    let at = [1.0, -2.0, 0.5, 0.3];
    let losses: [for<'t> fn(Tensor<'t>) -> Var<'t>; 3] = [
        |x| x.powi(2).sum(),
        |x| x.get(0) * x.get(1) + x.get(3),
        |x| (x.exp() * x.lift_by_place()).sum(),
    ];
    for loss in losses {
        let f = record(&at).array().function(|x| loss(x.outer(x).eigenvalues_symmetric()))?;
        let refused = f.hessian(&at).unwrap_err();
        let Error::Failed { fault: Fault::RepeatedEigenvalue { first: 0, gap, .. }, .. } = refused
        else {
            panic!("{refused}")
        };
        assert!(gap >= 0.0);
    }
    Ok(())
}

trait ByPlace {
    fn lift_by_place(self) -> Self;
}

impl ByPlace for Tensor<'_> {
    /// 1, 2, 3, …
    fn lift_by_place(self) -> Self {
        let places = (0..self.len()).map(|i| i as f64 + 1.0).collect();
        self.constant(&Array::vector(places))
    }
}
