//! nalgebra's decompositions on dual numbers, and conversions.
#![cfg(feature = "nalgebra")]

use dualtape_autodiff::{Array, Dual, Matrix, Scalar, c, hessian};
use nalgebra::{DMatrix, DVector, Matrix3, RealField, Vector3};
use num_traits::{FloatConst, Signed};

type First = Dual<f64, 1>;
type Second = Dual<First, 1>;

const A: [[f64; 3]; 3] = [[4.0, 1.0, -0.5], [0.7, 3.0, 0.2], [-1.1, 0.4, 5.0]];
const B: [[f64; 3]; 3] = [[0.3, -0.8, 0.1], [0.5, 0.9, -0.4], [0.2, 0.6, -0.7]];

/// `A + t·B`.
fn pencil<S: Scalar + RealField>(t: S) -> Matrix3<S> {
    Matrix3::from_fn(|i, j| c(B[i][j]) * t + c(A[i][j]))
}

fn plain(m: [[f64; 3]; 3]) -> Matrix3<f64> {
    Matrix3::from_fn(|i, j| m[i][j])
}

fn close(got: f64, expected: f64) {
    assert!(
        (got - expected).abs() <= 64.0 * f64::EPSILON * (1.0 + expected.abs()),
        "{got:e} is not {expected:e}"
    );
}

/// Jacobi's formula: `d/dt ln det = tr(A⁻¹B)`, and its derivative `−tr(A⁻¹BA⁻¹B)`.
#[test]
fn of_a_determinant() {
    let t = Second::variable(First::variable(0.0, 0), 0);
    let y = Scalar::primal(t);
    assert_eq!(y, 0.0);
    let log_det = num_traits::Float::ln(pencil(t).lu().determinant());
    let quotient = plain(A).try_inverse().unwrap() * plain(B);
    close(log_det.re.re, plain(A).determinant().ln());
    close(log_det.eps[0].re, quotient.trace());
    close(log_det.eps[0].eps[0], -(quotient * quotient).trace());
}

/// `d/dt A⁻¹b = −A⁻¹BA⁻¹b`, through LU, QR and Cholesky.
#[test]
fn of_a_solution() {
    let b = Vector3::new(1.0, -2.0, 0.5);
    let t = First::variable(0.0, 0);
    let check = |x: Vector3<First>, a: Matrix3<f64>, a_dot: Matrix3<f64>| {
        let inverse = a.try_inverse().unwrap();
        let (solution, slope) = (inverse * b, -inverse * a_dot * inverse * b);
        for i in 0..3 {
            close(x[i].re, solution[i]);
            close(x[i].eps[0], slope[i]);
        }
    };
    let (a, rhs) = (pencil(t), b.map(First::constant));
    check(a.lu().solve(&rhs).unwrap(), plain(A), plain(B));
    check(a.qr().solve(&rhs).unwrap(), plain(A), plain(B));
    let [p, q] = [plain(A), plain(B)];
    check(
        (a * a.transpose()).cholesky().unwrap().solve(&rhs),
        p * p.transpose(),
        q * p.transpose() + p * q.transpose(),
    );
}

/// `exp [A B; 0 A] = [exp A, d/dt exp(A + tB); 0, exp A]`.
#[test]
fn of_a_matrix_exponential() {
    let blocks = DMatrix::from_fn(6, 6, |i, j| match (i / 3, j / 3) {
        (0, 1) => B[i][j - 3],
        (1, 0) => 0.0,
        _ => A[i % 3][j % 3],
    });
    let expected = blocks.exp();
    let scale = expected.norm();
    let t = Second::variable(First::variable(0.0, 0), 0);
    let got = pencil(t).exp();
    for (i, j) in (0..3).flat_map(|i| (0..3).map(move |j| (i, j))) {
        assert!((got[(i, j)].re.re - expected[(i, j)]).abs() < 1e-14 * scale);
        assert!((got[(i, j)].eps[0].re - expected[(i, j + 3)]).abs() < 1e-14 * scale);
    }
    let h = 1e-3;
    let [above, at, below] = [h, 0.0, -h].map(|t| pencil(t).exp());
    let curvature = (above - at * 2.0 + below) / (h * h);
    let got = got.map(|x| x.eps[0].eps[0]);
    assert!((got - curvature).norm() < 1e-6 * curvature.norm());
}

/// Norms, singular and eigenvalues with their slopes: `uᵀBv` and, of a symmetric matrix, `vᵀBv`.
#[test]
fn of_norms_and_spectra() {
    let m = pencil(First::variable(0.0, 0));
    let (a, b) = (plain(A), plain(B));
    let norm = m.norm();
    close(norm.re, a.norm());
    close(norm.eps[0], a.dot(&b) / a.norm());
    close(m.lp_norm(1).eps[0], a.zip_map(&b, |a, b| a.signum() * b).sum());
    close(m.normalize().norm().eps[0], 0.0);

    let (svd, plain_svd) = (m.svd(true, true), a.svd(true, true));
    let (u, v_t) = (plain_svd.u.unwrap(), plain_svd.v_t.unwrap());
    for k in 0..3 {
        close(svd.singular_values[k].re, plain_svd.singular_values[k]);
        close(svd.singular_values[k].eps[0], (u.transpose() * b * v_t.transpose())[(k, k)]);
    }
    let (eigen, plain_eigen) = ((m + m.transpose()).symmetric_eigen(), (a + a.transpose()));
    let plain_eigen = plain_eigen.symmetric_eigen();
    let vectors = plain_eigen.eigenvectors;
    for k in 0..3 {
        close(eigen.eigenvalues[k].re, plain_eigen.eigenvalues[k]);
        let slope = (vectors.transpose() * (b + b.transpose()) * vectors)[(k, k)];
        close(eigen.eigenvalues[k].eps[0], slope);
    }
    let mut sum = 0.0;
    for value in m.eigenvalues().unwrap().iter() {
        sum += value.eps[0];
    }
    close(sum, b.trace());
    close(m.pow(3).trace().eps[0], 3.0 * (a * a * b).trace());
    close(m.try_inverse().unwrap().trace().eps[0], -{
        let inverse = a.try_inverse().unwrap();
        (inverse * b * inverse).trace()
    });
}

#[test]
fn of_dynamic_matrices() {
    let t = First::variable(0.5, 0);
    let m = DMatrix::from_fn(3, 3, |i, j| c(B[i][j]) * t + c(A[i][j]));
    let x = m.clone().lu().solve(&DVector::from_element(3, First::constant(1.0))).unwrap();
    let residual = m * x - DVector::from_element(3, First::constant(1.0));
    assert!(residual.iter().all(|r| r.re.abs() < 1e-15 && r.eps[0].abs() < 1e-15));
}

#[test]
fn of_generic_numeric_code() {
    assert_eq!(First::PI().re, std::f64::consts::PI);
    assert_eq!(Signed::abs(&First::variable(-2.0, 0)).eps, [-1.0]);
    assert_eq!(format!("{:.1}", Dual::<f64, 2>::variable(1.5, 1)), "1.5 + [0.0, 1.0]ε");
    assert_eq!((First::default().re, First::from(2.0).re), (0.0, 2.0));
}

#[test]
fn of_matrices_and_arrays() {
    let h = hessian(|x| x[0] * x[0] * x[1], &[3.0, 5.0]).unwrap();
    let m = DMatrix::from(h.clone());
    assert_eq!((m[(0, 0)], m[(0, 1)], m[(1, 1)]), (10.0, 6.0, 0.0));
    assert_eq!(Matrix::from(&m), h);
    let wide = DMatrix::from_row_slice(2, 3, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let array = Array::from(&wide);
    assert_eq!((array.shape(), array.data()), (&[2, 3][..], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0][..]));
    assert_eq!(DMatrix::try_from(&array).unwrap(), wide);
    let refused = DVector::try_from(&array).unwrap_err().to_string();
    assert!(refused.contains("shape"), "{refused}");
}
