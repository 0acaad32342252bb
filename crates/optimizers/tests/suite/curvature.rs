//! Eigenvalues, traces and densities from products, against matrices whose spectrum is known.

use dualtape_optimizers::{
    CurvatureInspection, Error, Estimate, ExtremeEigenpairs, HutchPlusPlus, Hutchinson,
    StochasticLanczos, XTrace, prelude::*,
};
use proptest::prelude::*;

/// A dense symmetric matrix.
struct Dense {
    n: usize,
    entries: Vec<f64>,
}

impl LinearOperator<f64> for Dense {
    fn dim(&self) -> usize {
        self.n
    }

    fn apply(&self, v: &[f64], out: &mut [f64]) -> Result<(), Error> {
        for (out, row) in out.iter_mut().zip(self.entries.chunks_exact(self.n)) {
            *out = row.iter().zip(v).map(|(a, v)| a * v).sum();
        }
        Ok(())
    }
}

impl Dense {
    /// `Q diag(λ) Qᵀ`, `Q` a product of Householder reflections with irregular vectors.
    fn with_spectrum(spectrum: &[f64]) -> Dense {
        let n = spectrum.len();
        let mut entries = vec![0.0; n * n];
        for (i, value) in spectrum.iter().enumerate() {
            entries[i * n + i] = *value;
        }
        for k in 0..3 {
            let mut u: Vec<f64> =
                (0..n).map(|i| ((i * i + 3 * k * i + k) as f64 * 0.7 + 0.3).sin()).collect();
            let length = u.iter().map(|u| u * u).sum::<f64>().sqrt();
            u.iter_mut().for_each(|u| *u /= length);
            reflect(n, &mut entries, &u, |i, j| i * n + j);
            reflect(n, &mut entries, &u, |i, j| j * n + i);
        }
        Dense { n, entries }
    }

    fn symmetric(n: usize, numbers: &[f64]) -> Dense {
        let mut entries = vec![0.0; n * n];
        for i in 0..n {
            for j in 0..=i {
                let entry = numbers[i * (i + 1) / 2 + j];
                (entries[i * n + j], entries[j * n + i]) = (entry, entry);
            }
        }
        Dense { n, entries }
    }

    /// Eigenvalues in ascending order, by Jacobi's rotations (Golub & Van Loan, §8.5).
    fn eigenvalues(&self) -> Vec<f64> {
        let (n, mut a) = (self.n, self.entries.clone());
        for _ in 0..30 {
            for p in 0..n {
                for q in p + 1..n {
                    let apq = a[p * n + q];
                    if apq == 0.0 {
                        continue;
                    }
                    let tau = (a[q * n + q] - a[p * n + p]) / (2.0 * apq);
                    let t = tau.signum() / (tau.abs() + tau.hypot(1.0));
                    let c = 1.0 / t.hypot(1.0);
                    let s = t * c;
                    for k in 0..n {
                        let (x, y) = (a[k * n + p], a[k * n + q]);
                        (a[k * n + p], a[k * n + q]) = (c * x - s * y, s * x + c * y);
                    }
                    for k in 0..n {
                        let (x, y) = (a[p * n + k], a[q * n + k]);
                        (a[p * n + k], a[q * n + k]) = (c * x - s * y, s * x + c * y);
                    }
                }
            }
        }
        let mut values: Vec<f64> = (0..n).map(|i| a[i * n + i]).collect();
        values.sort_by(f64::total_cmp);
        values
    }

    fn trace(&self) -> f64 {
        (0..self.n).map(|i| self.entries[i * self.n + i]).sum()
    }
}

/// `A ← (I − 2uuᵀ) A`, the entries where `at` says.
fn reflect(n: usize, a: &mut [f64], u: &[f64], at: impl Fn(usize, usize) -> usize) {
    for j in 0..n {
        let along: f64 = (0..n).map(|i| u[i] * a[at(i, j)]).sum();
        for i in 0..n {
            a[at(i, j)] -= 2.0 * along * u[i];
        }
    }
}

/// Numbers that fall like `i⁻²`, and a few negative ones.
fn decaying(n: usize) -> Vec<f64> {
    (0..n)
        .map(|i| if i % 17 == 16 { -0.5 / i as f64 } else { 10.0 / (1.0 + i as f64).powi(2) })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn small_matrices_are_seen_whole(
        n in 1_usize..13,
        numbers in prop::collection::vec(-2.0..2.0_f64, 78),
        largest in 0_usize..14,
        smallest in 0_usize..14,
        block in 1_usize..6,
    ) {
        let a = Dense::symmetric(n, &numbers);
        let exact = a.eigenvalues();
        let found = ExtremeEigenpairs::new(largest, smallest).block(block).find(&a).unwrap();
        prop_assert_eq!(found.largest.len(), largest.min(n));
        prop_assert_eq!(found.smallest.len(), smallest.min(n));
        prop_assert!(found.converged());
        if let Some(spectrum) = &found.spectrum {
            prop_assert!(spectrum.iter().zip(&exact).all(|(s, e)| (s - e).abs() < 1e-12));
        }
        for (pair, exact) in found.smallest.iter().zip(&exact).chain(found.largest.iter().zip(exact.iter().rev())) {
            prop_assert!((pair.value - exact).abs() < 1e-10, "{} {}", pair.value, exact);
            let mut image = vec![0.0; n];
            a.apply(&pair.vector, &mut image).unwrap();
            let residual = image.iter().zip(&pair.vector).map(|(i, v)| (i - pair.value * v).powi(2)).sum::<f64>().sqrt();
            prop_assert!((residual - pair.residual).abs() < 1e-13, "{residual} {}", pair.residual);
        }
    }

    #[test]
    fn as_many_probes_as_parameters_are_exact(n in 1_usize..9, numbers in prop::collection::vec(-2.0..2.0_f64, 45)) {
        let a = Dense::symmetric(n, &numbers);
        let hutchinson = Hutchinson::new(n);
        let trace = hutchinson.trace(&a).unwrap();
        prop_assert!(trace.is_exact() && (trace.value - a.trace()).abs() < 1e-13);
        let norm = hutchinson.frobenius_norm(&a).unwrap();
        prop_assert!((norm.value - a.entries.iter().copied().fold(0.0, f64::hypot)).abs() < 1e-13);
        for (i, entry) in hutchinson.diagonal(&a).unwrap().iter().enumerate() {
            prop_assert!(entry.is_exact() && (entry.value - a.entries[i * n + i]).abs() < 1e-13);
        }
        let density = StochasticLanczos::default().probes(n).density(&a).unwrap();
        for power in 0..4 {
            let sum: f64 = a.eigenvalues().iter().map(|l| l.powi(power)).sum();
            let moment = density.trace_of(|l| l.powi(power));
            prop_assert!(moment.is_exact() && (moment.value - sum).abs() < 1e-10, "{power}: {moment} {sum}");
        }
    }
}

#[test]
fn both_ends_of_a_large_spectrum_with_residuals_that_bound_the_error() {
    let spectrum: Vec<f64> = decaying(300);
    let mut exact = spectrum.clone();
    exact.sort_by(f64::total_cmp);
    let a = Dense::with_spectrum(&spectrum);
    let found = ExtremeEigenpairs::new(6, 4).seed(5).find(&a).unwrap();
    assert!(found.converged() && found.spectrum.is_none(), "{} products", found.products);
    assert!(found.products < 200, "{}", found.products);
    let ends = found.smallest.iter().zip(&exact);
    for (pair, exact) in ends.chain(found.largest.iter().zip(exact.iter().rev())) {
        assert!((pair.value - exact).abs() < 1e-12, "{} {exact}", pair.value);
        assert!(pair.residual <= 1.5e-8 * 10.0);
    }
    // With few products, what is not there yet is not said to be; every value is within its residual of an eigenvalue.
    let hasty = ExtremeEigenpairs::new(6, 4).max_products(16).find(&a).unwrap();
    assert!(!hasty.converged() && hasty.products == 16);
    for pair in hasty.largest.iter().chain(&hasty.smallest) {
        let distance = exact.iter().map(|e| (e - pair.value).abs()).fold(f64::MAX, f64::min);
        assert!(distance <= pair.residual + 1e-13, "{distance} {}", pair.residual);
    }
}

#[test]
fn a_slow_spectrum_takes_restarts() {
    // Equidistant: the ends converge slowly, and one basis is not enough.
    let spectrum: Vec<f64> = (0..400).map(|i| f64::from(i) / 400.0 - 0.25).collect();
    let a = Dense::with_spectrum(&spectrum);
    let found = ExtremeEigenpairs::new(2, 2).find(&a).unwrap();
    assert!(found.converged(), "{} products", found.products);
    let values = [&found.smallest[0], &found.smallest[1], &found.largest[1], &found.largest[0]];
    for (pair, exact) in values.iter().zip([-0.25, -0.2475, 0.745, 0.7475]) {
        assert!((pair.value - exact).abs() < 1e-11, "{} {exact}", pair.value);
    }
    assert!(found.products > 60 && found.products < 1200, "{}", found.products);
}

#[test]
fn blocks_see_multiplicities_up_to_their_width() {
    // The rest falls fast, so that few products do, and rounding has no time to bring in copies.
    let mut spectrum: Vec<f64> = (0..200).map(|i| 0.5_f64.powi(i)).collect();
    spectrum[20..23].fill(5.0);
    let a = Dense::with_spectrum(&spectrum);
    let values = |block: usize, count: usize| -> Vec<f64> {
        let found = ExtremeEigenpairs::new(count, 0).block(block).find(&a).unwrap();
        assert!(found.converged());
        found.largest.iter().map(|pair| pair.value).collect()
    };
    for (found, exact) in values(3, 5).iter().zip([5.0, 5.0, 5.0, 1.0, 0.5]) {
        assert!((found - exact).abs() < 1e-10, "{:?}", values(3, 5));
    }
    // One vector sees one: as documented.
    for (found, exact) in values(1, 2).iter().zip([5.0, 1.0]) {
        assert!((found - exact).abs() < 1e-10, "{:?}", values(1, 2));
    }
}

#[test]
fn few_different_eigenvalues_are_seen_with_their_multiplicities() {
    let spectrum = [vec![-1.0; 30], vec![2.0; 40], vec![7.0; 3]].concat();
    let a = Dense::with_spectrum(&spectrum);
    for block in [1, 4] {
        let found = ExtremeEigenpairs::new(5, 2).block(block).find(&a).unwrap();
        let values: Vec<f64> = found.largest.iter().map(|pair| pair.value).collect();
        for (value, exact) in values.iter().zip([7.0, 7.0, 7.0, 2.0, 2.0]) {
            assert!((value - exact).abs() < 1e-12, "{block}: {values:?}");
        }
        assert!(found.converged());
    }
}

#[test]
fn degenerate_operators() {
    let zero = Dense { n: 60, entries: vec![0.0; 3600] };
    let found = ExtremeEigenpairs::new(2, 1).find(&zero).unwrap();
    assert!(
        found.converged() && found.largest[1].value == 0.0 && found.smallest[0].residual == 0.0
    );
    let report = CurvatureInspection::new("zero").block("all", 0..60).inspect(&zero).unwrap();
    assert_eq!((report.trace.value, report.frobenius_norm.value), (0.0, 0.0));
    assert!(report.condition.value.is_infinite() && report.signs.vanishing.value == 1.0);
    assert_eq!((report.blocks[0].trace_share, report.blocks[0].norm_share), (0.0, 0.0));
    assert!((integral(&report.density.grid, &report.density.density) - 1.0).abs() < 1e-5);

    let single = Dense { n: 1, entries: vec![-3.0] };
    let report = CurvatureInspection::new("single").inspect(&single).unwrap();
    assert_eq!(report.extremes.spectrum, Some(vec![-3.0]));
    assert_eq!((report.condition.value, report.condition.known), (1.0, true));
    for trace in [HutchPlusPlus::new(9).trace(&single), XTrace::new(8).trace(&single)] {
        assert!((trace.unwrap().value + 3.0).abs() < 1e-14);
    }

    let empty = Dense { n: 0, entries: vec![] };
    assert_eq!(Hutchinson::new(3).trace(&empty), Err(Error::Empty));
    assert_eq!(ExtremeEigenpairs::new(1, 1).find(&empty), Err(Error::Empty));
}

#[test]
fn bad_products_and_settings_are_refused() {
    let mut nan = Dense::with_spectrum(&decaying(50));
    nan.entries[7 * 50 + 3] = f64::NAN;
    let refusal = |error: Error| {
        assert!(
            matches!(error, Error::NonFiniteProduct { component: 7, value } if value.is_nan()),
            "{error:?}"
        );
    };
    refusal(ExtremeEigenpairs::new(1, 1).find(&nan).unwrap_err());
    refusal(Hutchinson::new(4).trace(&nan).unwrap_err());
    refusal(HutchPlusPlus::new(9).trace(&nan).unwrap_err());
    refusal(XTrace::new(8).trace(&nan).unwrap_err());
    refusal(StochasticLanczos::default().density(&nan).unwrap_err());
    refusal(CurvatureInspection::new("").inspect(&nan).unwrap_err());

    let a = Dense::with_spectrum(&decaying(20));
    let setting = |error: Error, expected: &str| {
        assert!(matches!(error, Error::Setting { name, .. } if name == expected), "{error:?}");
    };
    setting(Hutchinson::new(0).trace(&a).unwrap_err(), "probes");
    setting(HutchPlusPlus::new(2).trace(&a).unwrap_err(), "products");
    setting(XTrace::new(3).trace(&a).unwrap_err(), "products");
    setting(ExtremeEigenpairs::new(1, 1).block(0).find(&a).unwrap_err(), "block");
    setting(ExtremeEigenpairs::new(1, 1).tolerance(0.0).find(&a).unwrap_err(), "tolerance");
    setting(StochasticLanczos::default().steps(0).density(&a).unwrap_err(), "steps");
    setting(StochasticLanczos::default().confidence(1.0).density(&a).unwrap_err(), "confidence");
    setting(StochasticLanczos::default().broadening(-1.0).density(&a).unwrap_err(), "broadening");
    let error = CurvatureInspection::new("").block("tail", 15..21).inspect(&a).unwrap_err();
    assert_eq!(error, Error::Block { name: "tail".into(), end: 21, parameters: 20 });
}

/// Trapezoidal rule.
fn integral(grid: &[f64], density: &[f64]) -> f64 {
    let intervals = grid.windows(2).zip(density.windows(2));
    intervals.map(|(t, d)| 0.5 * (t[1] - t[0]) * (d[0] + d[1])).sum()
}

#[test]
fn the_density_is_one_and_has_the_moments_of_the_spectrum() {
    let spectrum: Vec<f64> = (0..150)
        .map(|i| if i < 5 { 4.0 + f64::from(i) } else { (f64::from(i) * 0.37).sin() })
        .collect();
    let a = Dense::with_spectrum(&spectrum);
    let density = StochasticLanczos::default().seed(2).density(&a).unwrap();
    assert!((integral(&density.grid, &density.density) - 1.0).abs() < 1e-5);
    assert_eq!(density.quadratures.len(), 10);
    for power in 1..6 {
        let exact: f64 = spectrum.iter().map(|l| l.powi(power)).sum();
        let moment = density.trace_of(|l| l.powi(power));
        let (low, high) = moment.interval(0.999);
        assert!(low < exact && exact < high, "{power}: {moment} {exact}");
    }
    let above = density.share(2.0..20.0);
    let (low, high) = above.interval(0.999);
    assert!(low < 5.0 / 150.0 && 5.0 / 150.0 < high, "{above}");
    assert!(density.lower.iter().zip(&density.upper).all(|(l, u)| 0.0 <= *l && l <= u));
}

/// Over many seeds, a band of 90 % covers what infinitely many vectors would give in about 90 % of them.
#[test]
fn bands_cover_as_often_as_they_say() {
    let spectrum: Vec<f64> = (0..24).map(|i| (f64::from(i) * 0.61).sin() * 2.0).collect();
    let a = Dense::with_spectrum(&spectrum);
    let sigma = 0.3;
    let exact = |t: f64| {
        let terms = spectrum.iter().map(|l| (-0.5 * ((t - l) / sigma).powi(2)).exp());
        terms.sum::<f64>() / (24.0 * sigma * std::f64::consts::TAU.sqrt())
    };
    let (mut covered, mut asked, mut traces) = (0.0, 0.0, 0.0);
    for seed in 0..80 {
        let slq =
            StochasticLanczos::default().broadening(sigma).confidence(0.9).steps(24).seed(seed);
        let density = slq.density(&a).unwrap();
        let inner = density.grid.iter().enumerate().filter(|(_, t)| t.abs() < 2.0).step_by(40);
        for (k, &t) in inner {
            asked += 1.0;
            covered +=
                f64::from(u8::from((density.lower[k]..=density.upper[k]).contains(&exact(t))));
        }
        let (low, high) = Hutchinson::new(12).seed(seed).trace(&a).unwrap().interval(0.9);
        traces += f64::from(u8::from(low <= a.trace() && a.trace() <= high));
    }
    let coverage = covered / asked;
    assert!((0.84..0.95).contains(&coverage), "{coverage} of {asked}");
    assert!((64.0..79.0).contains(&traces), "{traces} of 80");
}

#[test]
fn sketches_beat_plain_sampling_on_a_decaying_spectrum() {
    let spectrum: Vec<f64> = (0..120).map(|i| 1.0 / (1.0 + f64::from(i)).powi(2)).collect();
    let a = Dense::with_spectrum(&spectrum);
    let exact: f64 = spectrum.iter().sum();
    let root_mean_square = |estimate: &dyn Fn(u64) -> Estimate| -> f64 {
        let squares = (0..30).map(|seed| (estimate(seed).value - exact).powi(2));
        (squares.sum::<f64>() / 30.0).sqrt()
    };
    let plain = root_mean_square(&|seed| Hutchinson::new(36).seed(seed).trace(&a).unwrap());
    let plus = root_mean_square(&|seed| HutchPlusPlus::new(36).seed(seed).trace(&a).unwrap());
    let cross = root_mean_square(&|seed| XTrace::new(36).seed(seed).trace(&a).unwrap());
    assert!(plus < 0.3 * plain && cross < plus, "{plain:e} {plus:e} {cross:e}");

    // The errors stated are of the size of the errors made.
    let stated = |estimate: &dyn Fn(u64) -> Estimate| -> f64 {
        ((0..30).map(|seed| estimate(seed).standard_error.powi(2)).sum::<f64>() / 30.0).sqrt()
    };
    let plus_stated = stated(&|seed| HutchPlusPlus::new(36).seed(seed).trace(&a).unwrap());
    let cross_stated = stated(&|seed| XTrace::new(36).seed(seed).trace(&a).unwrap());
    assert!((0.6..1.6).contains(&(plus_stated / plus)), "{plus_stated:e} {plus:e}");
    assert!((0.4..2.5).contains(&(cross_stated / cross)), "{cross_stated:e} {cross:e}");
}

#[test]
fn the_diagonal_is_estimated_with_honest_errors() {
    let a = Dense::with_spectrum(&decaying(60));
    let diagonal = Hutchinson::new(40).seed(3).diagonal(&a).unwrap();
    let inside = diagonal.iter().enumerate().filter(|(i, entry)| {
        let (low, high) = entry.interval(0.95);
        low <= a.entries[i * 60 + i] && a.entries[i * 60 + i] <= high
    });
    let inside = inside.count();
    assert!((50..=60).contains(&inside), "{inside} of 60");
}

#[test]
fn a_report_tells_what_is_known_and_what_is_estimated() {
    let spectrum: Vec<f64> = (0..90).map(|i| 0.5 + f64::from(i * i)).collect();
    let a = Dense::with_spectrum(&spectrum);
    let report = CurvatureInspection::new("a ramp")
        .block("first", 0..30)
        .block("rest", 30..90)
        .inspect(&a)
        .unwrap();
    assert!(report.condition.known, "{report}");
    assert!((report.condition.value / ((0.5 + 89.0 * 89.0) / 0.5) - 1.0).abs() < 1e-6, "{report}");
    let shares: f64 = report.blocks.iter().map(|share| share.norm_share).sum();
    let traces: f64 = report.blocks.iter().map(|share| share.trace.value).sum();
    assert!((shares - 1.0).abs() < 1e-12 && (traces - report.trace.value).abs() < 1e-6);
    let (low, high) = report.trace.interval(0.999);
    assert!(low < a.trace() && a.trace() < high, "{report}");
    let text = report.to_string();
    for words in ["a ramp: 90 parameters", "condition number", " ± ", "first", "rest", "7.9215e3"]
    {
        assert!(text.contains(words), "{words} in\n{text}");
    }
    // An indefinite matrix that was not seen whole: only a bound.
    let indefinite: Vec<f64> = spectrum.iter().map(|l| l - 1000.25).collect();
    let report = CurvatureInspection::new("").inspect(&Dense::with_spectrum(&indefinite)).unwrap();
    let true_condition = 6921.25 / indefinite.iter().map(|l| l.abs()).fold(f64::MAX, f64::min);
    assert!(!report.condition.known && report.condition.value < true_condition, "{report}");
    let negative = report.signs.negative;
    let (low, high) = negative.interval(0.999);
    assert!(low < 32.0 / 90.0 && 32.0 / 90.0 < high, "{report}");
}

#[test]
fn single_precision_agrees_with_double() {
    struct Single(Dense);
    impl LinearOperator<f32> for Single {
        fn dim(&self) -> usize {
            self.0.n
        }
        fn apply(&self, v: &[f32], out: &mut [f32]) -> Result<(), Error> {
            for (out, row) in out.iter_mut().zip(self.0.entries.chunks_exact(self.0.n)) {
                *out = row.iter().zip(v).map(|(&a, &v)| a as f32 * v).sum();
            }
            Ok(())
        }
    }
    let single = Single(Dense::with_spectrum(&decaying(100)));
    let (narrow, wide) = (
        CurvatureInspection::new("").inspect(&single).unwrap(),
        CurvatureInspection::new("").inspect(&single.0).unwrap(),
    );
    assert!(narrow.extremes.converged());
    for (f, d) in narrow.extremes.largest.iter().zip(&wide.extremes.largest) {
        assert!((f.value - d.value).abs() < 1e-5, "{} {}", f.value, d.value);
    }
    assert!((narrow.trace.value - wide.trace.value).abs() < 1e-4 * wide.trace.value);
    assert!((XTrace::new(40).trace(&single).unwrap().value - single.0.trace()).abs() < 0.05);
}

#[test]
fn equal_seeds_give_equal_bits() {
    let a = Dense::with_spectrum(&decaying(70));
    let inspect = |seed: u64| {
        let inspection = CurvatureInspection::new("")
            .seed(seed)
            .eigenpairs(ExtremeEigenpairs::new(3, 3).seed(seed))
            .density(StochasticLanczos::default().seed(seed));
        inspection.inspect(&a).unwrap()
    };
    assert_eq!(inspect(1), inspect(1));
    let (one, two) = (inspect(1), inspect(2));
    assert!(one.trace != two.trace && one.density.density != two.density.density);
}
