//! Conditions of optimality, which need no other solver to compare with.

use dualtape_autodiff::Real;
use proptest::prelude::*;

use super::*;
use crate::error::Error;
use crate::linalg::dense::{Eigen, ShiftedCholesky};
use crate::linalg::operator::LinearOperator;
use crate::linalg::vector::{distance, dot, norm};

struct Dense(usize, Vec<f64>);

impl LinearOperator<f64> for Dense {
    fn dim(&self) -> usize {
        self.0
    }

    fn apply(&self, v: &[f64], out: &mut [f64]) -> Result<(), Error> {
        for (out, row) in out.iter_mut().zip(self.1.chunks_exact(self.0)) {
            *out = dot(row, v);
        }
        Ok(())
    }
}

impl Dense {
    fn times(&self, v: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; self.0];
        self.apply(v, &mut out).unwrap();
        out
    }

    /// `U diag(λ) Uᵀ` with eigenvectors as random as the entries.
    fn with_eigenvalues(values: &[f64], entries: &[f64]) -> (Dense, Vec<Vec<f64>>) {
        let n = values.len();
        let mut random = entries[..n * n].to_vec();
        crate::linalg::symmetrize(n, &mut random);
        let eigen = Eigen::new(n, &random).unwrap().unwrap();
        let vectors: Vec<Vec<f64>> = (0..n).map(|k| eigen.vector(k)).collect();
        let entry = |i: usize, j: usize| -> f64 {
            (0..n).map(|k| values[k] * vectors[k][i] * vectors[k][j]).sum()
        };
        (Dense(n, (0..n * n).map(|e| entry(e / n, e % n)).collect()), vectors)
    }

    fn least_eigenvalue(&self) -> f64 {
        Eigen::new(self.0, &self.1).unwrap().unwrap().values[0]
    }
}

/// `(A + λI) p = −g`, `λ ≥ 0`, `A + λI ⪰ 0`, and what the bound asks for.
fn assert_optimal(a: &Dense, g: &[f64], bound: Bound, p: &[f64], shift: f64, decrease: f64) {
    let ap = a.times(p);
    let scale = norm(&a.1) + shift;
    let (length, size) = (norm(p), norm(g));
    let what = format!("{bound:?} λ {shift:e} ‖p‖ {length:e} g {g:?} p {p:?} A {:?}", a.1);
    let residual: Vec<f64> = (0..a.0).map(|i| ap[i] + shift * p[i] + g[i]).collect();
    assert!(norm(&residual) <= 1e-6 * (size + scale * length), "{:e} {what}", norm(&residual));
    assert!(shift >= 0.0 && a.least_eigenvalue() + shift >= -1e-9 * scale, "{what}");
    match bound {
        Bound::Radius(radius) => {
            assert!(length <= radius * (1.0 + 1e-9), "{what}");
            assert!(shift * (radius - length) <= 1e-6 * (size + scale * radius), "{what}");
        }
        Bound::Cubic(sigma) => {
            assert!((shift - sigma * length).abs() <= 1e-6 * (shift + sigma * length), "{what}");
        }
    }
    let model = -dot(g, p) - 0.5 * dot(p, &ap);
    assert!((decrease - model).abs() <= 1e-9 * (model.abs() + size * length), "{what}");
}

fn assert_solved_with_factors(a: &Dense, g: &[f64], bound: Bound) {
    let mut cholesky = ShiftedCholesky::new(a.0, &a.1).unwrap();
    let short = minimize(&mut cholesky, g, bound, Accuracy::FULL, 0.0).unwrap();
    assert_optimal(a, g, bound, &short.step, short.shift, short.decrease);
}

fn assert_solved_with_products(a: &Dense, g: &[f64], bound: Bound) {
    let space = Space {
        operator: a,
        gradient: g,
        tolerance: 1e-10 * norm(g),
        max_products: a.0,
        interrupted: &|| false,
    };
    let (krylov, short) = Krylov::build(&space, bound).unwrap().unwrap();
    assert_optimal(a, g, bound, &krylov.combine(&short), short.shift, short.decrease);
}

fn bounds(length: f64) -> [Bound; 2] {
    [Bound::Radius(length), Bound::Cubic(1.0 / length)]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn solutions_are_optimal(
        n in 1_usize..8,
        values in prop::collection::vec(-2.0..2.0_f64, 8),
        entries in prop::collection::vec(-1.0..1.0_f64, 64),
        g in prop::collection::vec(-1.0..1.0_f64, 8),
        length in -3.0..3.0_f64,
    ) {
        prop_assume!(norm(&g[..n]) > 1e-3);
        let (a, _) = Dense::with_eigenvalues(&values[..n], &entries);
        for bound in bounds(10_f64.powf(length)) {
            assert_solved_with_factors(&a, &g[..n], bound);
            assert_solved_with_products(&a, &g[..n], bound);
        }
    }

    #[test]
    fn solutions_are_optimal_in_the_hard_case(
        n in 2_usize..8,
        values in prop::collection::vec(-1.0..2.0_f64, 8),
        entries in prop::collection::vec(-1.0..1.0_f64, 64),
        g in prop::collection::vec(-1.0..1.0_f64, 8),
        length in -1.0..3.0_f64,
        faint in prop::sample::select(vec![0.0, 1e-14, 1e-9]),
    ) {
        let mut values = values[..n].to_vec();
        values[0] = -1.5;
        let (a, vectors) = Dense::with_eigenvalues(&values, &entries);
        // The gradient has (next to) no component along the eigenvector of the least eigenvalue.
        let along = dot(&g[..n], &vectors[0]);
        let g: Vec<f64> =
            (0..n).map(|i| g[i] - (1.0 - faint) * along * vectors[0][i]).collect();
        prop_assume!(norm(&g) > 1e-3);
        for bound in bounds(10_f64.powf(length)) {
            assert_solved_with_factors(&a, &g, bound);
            // A faint component is within the tolerance.
            if faint == 0.0 {
                assert_solved_with_products(&a, &g, bound);
            }
        }
    }
}

#[test]
fn a_flat_valley_is_no_reason_to_go_far() {
    let a = Dense(2, vec![1.0, 0.0, 0.0, 0.0]);
    let mut cholesky = ShiftedCholesky::new(2, &a.1).unwrap();
    let bound = Bound::Radius(1e3);
    let short = minimize(&mut cholesky, &[2.0, 0.0], bound, Accuracy::SUFFICIENT, 0.0).unwrap();
    assert!(norm(&short.step) < 3.0 && short.decrease > 1.6, "{short:?}");
}

#[test]
fn sufficient_accuracy_takes_few_factorizations() {
    /// Counts.
    struct Counting(ShiftedCholesky, usize);
    impl Shiftable for Counting {
        fn dim(&self) -> usize {
            self.0.dim()
        }
        fn least_diagonal(&self) -> f64 {
            self.0.least_diagonal()
        }
        fn norm_bound(&self) -> f64 {
            self.0.norm_bound()
        }
        fn precision(&self) -> f64 {
            self.0.precision()
        }
        fn factor(&mut self, shift: f64) -> bool {
            self.1 += 1;
            self.0.factor(shift)
        }
        fn solve_in_place(&self, x: &mut [f64]) {
            self.0.solve_in_place(x);
        }
    }
    let n = 30;
    let a: Vec<f64> =
        (0..n * n)
            .map(|e| {
                if e / n == e % n { (e / n) as f64 - 4.5 } else { 0.3 / (1 + e / n + e % n) as f64 }
            })
            .collect();
    let g: Vec<f64> = (0..n).map(|i| (0.7 * i as f64).sin()).collect();
    for radius in [1e-3, 0.1, 1.0, 10.0, 1e3] {
        let mut counting = Counting(ShiftedCholesky::new(n, &a).unwrap(), 0);
        let bound = Bound::Radius(radius);
        let short = minimize(&mut counting, &g, bound, Accuracy::SUFFICIENT, 0.0).unwrap();
        assert!((norm(&short.step) / radius - 1.0).abs() <= 0.1, "{short:?}");
        assert!(counting.1 <= 8, "radius {radius}: {} factorizations", counting.1);
    }
}

#[test]
fn the_same_space_serves_smaller_radii() {
    let values: Vec<f64> = (0..20).map(|i| 0.3 * f64::from(i) - 1.0).collect();
    let entries: Vec<f64> = (0..400).map(|i| (1.7 * f64::from(i)).sin()).collect();
    let (a, _) = Dense::with_eigenvalues(&values, &entries);
    let g: Vec<f64> = (0..20).map(|i| (0.9 * f64::from(i)).cos()).collect();
    let space = Space {
        operator: &a,
        gradient: &g,
        tolerance: 1e-12,
        max_products: 20,
        interrupted: &|| false,
    };
    let (krylov, _) = Krylov::build(&space, Bound::Radius(3.0)).unwrap().unwrap();
    let short = krylov.solve(Bound::Radius(0.5), 1.0).unwrap();
    let step = krylov.combine(&short);
    let mut dense = ShiftedCholesky::new(20, &a.1).unwrap();
    let exact = minimize(&mut dense, &g, Bound::Radius(0.5), Accuracy::FULL, 0.0).unwrap();
    assert!(distance(&step, &exact.step) < 1e-9, "{step:?} {:?}", exact.step);
}

/// Quadratics whose smaller eigenvalues are lost in rounding: which shift gives the length sought, digits do not tell.
#[test]
fn ill_conditioned_models_are_solved_as_well_as_rounding_permits() {
    let n = 12;
    let entries: Vec<f64> = (0..n * n).map(|i| (1.7 * (i * i % 101) as f64).sin()).collect();
    let mut solved = 0;
    for decades in [10.0, 14.0, 15.0, 16.0, 18.0, 25.0] {
        let values: Vec<f64> =
            (0..n).map(|k| 10_f64.powf(-decades * k as f64 / (n - 1) as f64)).collect();
        let (a, _) = Dense::with_eigenvalues(&values, &entries);
        let g = a.times(&(0..n).map(|i| (0.9 * i as f64).cos()).collect::<Vec<f64>>());
        for radius in [1e-6, 1e-2, 0.3, 1.0, 3.0, 1e2, 1e6, 1e12] {
            for bound in bounds(radius) {
                for scale in [1.0, 1e-12, 1e12] {
                    let matrix: Vec<f64> = a.1.iter().map(|a| scale * a).collect();
                    let g: Vec<f64> = g.iter().map(|g| scale * g).collect();
                    let matrix = Dense(n, matrix);
                    let mut cholesky = ShiftedCholesky::new(n, &matrix.1).unwrap();
                    let dense = minimize(&mut cholesky, &g, bound, Accuracy::FULL, 0.0).unwrap();
                    let space = Space {
                        operator: &matrix,
                        gradient: &g,
                        tolerance: 1e-12 * norm(&g),
                        max_products: n,
                        interrupted: &|| false,
                    };
                    let (krylov, short) = Krylov::build(&space, bound).unwrap().unwrap();
                    for (step, short) in
                        [(dense.step.clone(), &dense), (krylov.combine(&short), &short)]
                    {
                        let what = format!("10^{decades} {bound:?} {scale:e}: {short:?}");
                        let model = -dot(&g, &step) - 0.5 * dot(&step, &matrix.times(&step));
                        let size = norm(&matrix.1) * norm(&step) + norm(&g);
                        assert!(
                            (short.decrease - model).abs() <= 1e-12 * size * norm(&step),
                            "{what}"
                        );
                        // No worse than the step along the gradient.
                        let along = dot(&g, &matrix.times(&g)) / dot(&g, &g);
                        let cauchy = match bound {
                            Bound::Radius(radius) => (norm(&g) / along).min(radius),
                            Bound::Cubic(sigma) => {
                                let root = (along * along + 4.0 * sigma * norm(&g)).sqrt();
                                2.0 * norm(&g) / (along + root)
                            }
                        };
                        let least = 0.5 * cauchy * norm(&g);
                        assert!(short.decrease >= 0.99 * least, "{what}: {least:e}");
                        if let Bound::Radius(radius) = bound {
                            assert!(norm(&step) <= radius * (1.0 + 1e-9), "{what}");
                        }
                        solved += 1;
                    }
                }
            }
        }
    }
    assert_eq!(solved, 6 * 8 * 2 * 3 * 2);
}

/// The same in two variables, where the length of the step is that of the digits left of the smaller eigenvalue.
#[test]
fn no_model_is_given_up_for_want_of_digits() {
    for (decades, angle, length) in (0..16_000).map(|k| (k % 20, k / 20 % 40, k / 800)) {
        let small = 10_f64.powf(-8.0 - 0.41 * f64::from(decades));
        let (sine, cosine) = (0.004 + 0.0385 * f64::from(angle)).sin_cos();
        let beside = cosine * sine * (1.0 - small);
        let (first, last) =
            (cosine * cosine + small * sine * sine, sine * sine + small * cosine * cosine);
        let a = Dense(2, vec![first, beside, beside, last]);
        let radius = 10_f64.powf(-1.0 + 0.8 * f64::from(length));
        let space = Space {
            operator: &a,
            gradient: &[1.0, 0.0],
            tolerance: 1e-12,
            max_products: 2,
            interrupted: &|| false,
        };
        for bound in bounds(radius) {
            let what = format!("10^{decades}, {angle}, {bound:?}");
            let (_, short) = Krylov::build(&space, bound).unwrap().expect(&what);
            assert!(short.decrease > 0.0, "{what}: {short:?}");
            let too_long = norm(&short.step) > radius * (1.0 + 1e-9);
            assert!(!(too_long && bound == Bound::Radius(radius)), "{what}: {short:?}");
        }
    }
}

/// Where the space of the gradient ends, the search for other curvature goes on whatever the size of the matrix.
#[test]
fn the_space_is_left_whatever_the_size_of_the_matrix() {
    fn assert_seen<S: Real>(sizes: &[f64]) {
        for &size in sizes {
            let [large, size] = [size, -1.0].map(S::constant);
            let a = crate::Diagonal::new(vec![large, size]);
            let space = Space {
                operator: &a,
                gradient: &[large, S::zero()],
                tolerance: 1e-10 * large.as_f64(),
                max_products: 2,
                interrupted: &|| false,
            };
            let (krylov, short) = Krylov::build(&space, Bound::Radius(2.0)).unwrap().unwrap();
            let step = krylov.combine(&short);
            assert!((norm(&step).as_f64() - 2.0).abs() < 1e-6, "{large:?}: {step:?}");
        }
    }
    assert_seen::<f64>(&[1.0, 1e6]);
    assert_seen::<f32>(&[1.0, 1e3]);
    // Beyond, curvature of −1 is within rounding of none.
    for size in [1e15, 1e20] {
        let a = crate::Diagonal::new(vec![size, 1.0]);
        let space = Space {
            operator: &a,
            gradient: &[size, 0.0],
            tolerance: 1e-10 * size,
            max_products: 2,
            interrupted: &|| false,
        };
        let (krylov, short) = Krylov::build(&space, Bound::Radius(2.0)).unwrap().unwrap();
        assert_eq!((short.step.len(), short.shift), (2, 0.0));
        assert!((krylov.combine(&short)[0] + 1.0).abs() < 1e-15);
    }
    for size in [1e6, 1e10] {
        let a = crate::Diagonal::new(vec![size as f32, 1.0]);
        let space = Space {
            operator: &a,
            gradient: &[size as f32, 0.0],
            tolerance: 1e-4 * size,
            max_products: 2,
            interrupted: &|| false,
        };
        let (_, short) = Krylov::build(&space, Bound::Radius(2.0)).unwrap().unwrap();
        assert_eq!(short.step.len(), 2);
    }
}

/// A gradient without a length spans no space.
#[test]
fn a_gradient_that_overflows_is_not_finite() {
    let a = crate::Diagonal::new(vec![1.0, 1.0]);
    for gradient in [[f64::MAX, f64::MAX], [f64::NAN, 1.0]] {
        let space = Space {
            operator: &a,
            gradient: &gradient,
            tolerance: 1.0,
            max_products: 2,
            interrupted: &|| false,
        };
        assert!(Krylov::build(&space, Bound::Radius(1.0)).unwrap().is_none());
    }
}
