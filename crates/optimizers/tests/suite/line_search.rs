//! The conditions that line searches promise, on random smooth functions.

use dualtape_optimizers::{
    Accepted, Armijo, Condition, Error, HagerZhang, Line, LineSearchFailure, MoreThuente, Origin,
};
use proptest::prelude::*;

/// `φ(a) = s ((a − c)²/4 + Σ wᵢ sin(fᵢ a + pᵢ))`, bounded below; NaN beyond `edge`.
#[derive(Debug, Clone)]
struct Wavy {
    scale: f64,
    centre: f64,
    waves: Vec<(f64, f64, f64)>,
    edge: f64,
}

impl Wavy {
    fn at(&self, a: f64) -> (f64, f64) {
        if a > self.edge {
            return (f64::NAN, f64::NAN);
        }
        let e = a - self.centre;
        let start = (0.25 * e * e, 0.5 * e);
        let (value, slope) = self.waves.iter().fold(start, |(value, slope), &(w, f, p)| {
            (value + w * (f * a + p).sin(), slope + w * f * (f * a + p).cos())
        });
        (self.scale * value, self.scale * slope)
    }
}

impl Line<f64> for Wavy {
    fn value(&mut self, a: f64) -> Result<f64, Error> {
        Ok(self.at(a).0)
    }
    fn value_and_slope(&mut self, a: f64) -> Result<(f64, f64), Error> {
        Ok(self.at(a))
    }
}

fn wavy() -> impl Strategy<Value = Wavy> {
    let wave = (-0.5..0.5_f64, 0.2..4.0_f64, 0.0..6.0_f64);
    (-8.0..8.0_f64, -3.0..6.0_f64, prop::collection::vec(wave, 0..4)).prop_map(
        |(magnitude, centre, waves)| Wavy {
            scale: 10_f64.powf(magnitude),
            centre,
            waves,
            edge: f64::INFINITY,
        },
    )
}

type Found = Result<Accepted<f64>, LineSearchFailure>;

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2000,
        max_global_rejects: 100_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn more_thuente_finds_a_strong_wolfe_step(mut phi in wavy(), first in -4.0..4.0_f64, tight in any::<bool>()) {
        let (value, slope) = phi.at(0.0);
        prop_assume!(slope < -1e-3 * phi.scale);
        let curvature_condition = if tight { 0.1 } else { 0.9 };
        let search = MoreThuente { curvature_condition, ..MoreThuente::default() };
        let found: Found =
            search.search(&mut phi, Origin::descent(value, slope), 10_f64.powf(first)).unwrap();
        let accepted = found.unwrap();
        let (v, s) = phi.at(accepted.step);
        prop_assert_eq!(v, accepted.value);
        prop_assert_eq!(accepted.condition, Condition::StrongWolfe);
        prop_assert!(v <= value + 1e-4 * accepted.step * slope);
        prop_assert!(s.abs() <= curvature_condition * slope.abs());
    }

    #[test]
    fn more_thuente_stays_inside_the_domain(mut phi in wavy(), first in -2.0..6.0_f64, edge in 0.01..2.0_f64) {
        phi.edge = edge;
        let (value, slope) = phi.at(0.0);
        prop_assume!(slope < -1e-3 * phi.scale);
        let found: Found = MoreThuente::default()
            .search(&mut phi, Origin::descent(value, slope), 10_f64.powf(first))
            .unwrap();
        let accepted = found.unwrap();
        prop_assert!(accepted.step <= edge && accepted.value <= value + 1e-4 * accepted.step * slope);
    }

    #[test]
    fn hager_zhang_finds_a_wolfe_step(mut phi in wavy(), first in -4.0..4.0_f64, tight in any::<bool>()) {
        let (value, slope) = phi.at(0.0);
        prop_assume!(slope < -1e-3 * phi.scale);
        let curvature_condition = if tight { 0.1 } else { 0.9 };
        let search = HagerZhang { curvature_condition, ..HagerZhang::default() };
        let found: Found =
            search.search(&mut phi, Origin::descent(value, slope), 10_f64.powf(first)).unwrap();
        let accepted = found.unwrap();
        let (v, s) = phi.at(accepted.step);
        prop_assert_eq!(v, accepted.value);
        prop_assert!(s >= curvature_condition * slope);
        match accepted.condition {
            Condition::Wolfe => prop_assert!(v <= value + 0.1 * accepted.step * slope),
            Condition::ApproximateWolfe => {
                let error = 1e-6 * value.abs().max(10_f64.powf(first) * slope.abs());
                prop_assert!(v <= value + error && s <= -0.8 * slope)
            }
            other => prop_assert!(false, "{:?}", other),
        }
    }

    #[test]
    fn hager_zhang_stays_inside_the_domain(mut phi in wavy(), first in -2.0..6.0_f64, edge in 0.01..2.0_f64) {
        phi.edge = edge;
        let (value, slope) = phi.at(0.0);
        prop_assume!(slope < -1e-3 * phi.scale);
        let found: Found = HagerZhang::default()
            .search(&mut phi, Origin::descent(value, slope), 10_f64.powf(first))
            .unwrap();
        let accepted = found.unwrap();
        let error = 1e-6 * value.abs().max(10_f64.powf(first) * slope.abs());
        prop_assert!(accepted.step <= edge && accepted.value <= value + error);
    }

    #[test]
    fn armijo_decreases_sufficiently(mut phi in wavy(), first in -2.0..6.0_f64, edge in 0.01..9.0_f64) {
        phi.edge = edge;
        let (value, slope) = phi.at(0.0);
        prop_assume!(slope < -1e-3 * phi.scale);
        let found: Found = Armijo::default()
            .search(&mut phi, Origin::descent(value, slope), 10_f64.powf(first))
            .unwrap();
        let accepted = found.unwrap();
        prop_assert_eq!(accepted.value, phi.at(accepted.step).0);
        prop_assert!(accepted.value <= value + 1e-4 * accepted.step * slope);
        prop_assert!(accepted.value < value);
    }

    /// `φ(a) = −½ c a² + q a⁴` from its maximum, with any first step.
    #[test]
    fn armijo_leaves_a_maximum(c in 1e-3..1e3_f64, q in 1e-3..1e3_f64, first in -3.0..6.0_f64) {
        struct Hill(f64, f64);
        impl Line<f64> for Hill {
            fn value(&mut self, a: f64) -> Result<f64, Error> {
                Ok(-0.5 * self.0 * a * a + self.1 * a.powi(4))
            }
            fn value_and_slope(&mut self, a: f64) -> Result<(f64, f64), Error> {
                Ok((self.value(a)?, -self.0 * a + 4.0 * self.1 * a.powi(3)))
            }
        }
        let origin = Origin { value: 0.0, slope: 0.0, curvature: -c };
        let found: Found = Armijo::default().search(&mut Hill(c, q), origin, 10_f64.powf(first)).unwrap();
        let accepted = found.unwrap();
        // The least value, at a² = c/(4q), is −c²/(16q).
        prop_assert!(accepted.value < -0.6 * c * c / (16.0 * q), "{:?}", accepted);
    }
}

/// Near a minimum of height 1 values differ by rounding only: slopes must decide.
#[test]
fn slopes_decide_at_the_level_of_rounding() {
    struct High;
    impl Line<f64> for High {
        fn value(&mut self, a: f64) -> Result<f64, Error> {
            // 1 + 10⁻¹⁸ (a − 1)², evaluated with an error of one unit in the last place
            Ok(if a > 0.0 { 1.0 + f64::EPSILON } else { 1.0 })
        }
        fn value_and_slope(&mut self, a: f64) -> Result<(f64, f64), Error> {
            Ok((self.value(a)?, 2e-18 * (a - 1.0)))
        }
    }
    let origin = Origin::descent(1.0, -2e-18);
    for accepted in [
        Armijo::default().search(&mut High, origin, 1.0).unwrap().unwrap(),
        MoreThuente::default().search(&mut High, origin, 1.0).unwrap().unwrap(),
        HagerZhang::default().search(&mut High, origin, 1.0).unwrap().unwrap(),
    ] {
        assert_eq!((accepted.step, accepted.condition), (1.0, Condition::ApproximateWolfe));
    }
}

#[test]
fn unusable_constants_are_refused() {
    let mut phi = Wavy { scale: 1.0, centre: 1.0, waves: vec![], edge: 9.0 };
    let search = MoreThuente { sufficient_decrease: 0.7, ..MoreThuente::default() };
    let error = search.search(&mut phi, Origin::descent(1.0, -2.0), 1.0).unwrap_err();
    assert_eq!(error.to_string(), "sufficient_decrease = 0.7 is not usable: it must be in (0, ½)");
}
