//! How many standard errors contain an estimate with a given probability: the only file that names the statistics library.

use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

/// The `t` with `P(|T| ≤ t) = level` for Student's distribution with so many degrees of freedom; NaN for none, or for a level
/// outside `[0, 1]`.
pub(crate) fn student_t(level: f64, freedom: f64) -> f64 {
    StudentsT::new(0.0, 1.0, freedom).map_or(f64::NAN, |student| two_sided(&student, level))
}

/// The same for the normal distribution.
pub(crate) fn normal(level: f64) -> f64 {
    two_sided(&Normal::standard(), level)
}

fn two_sided(symmetric: &impl ContinuousCDF<f64, f64>, level: f64) -> f64 {
    if (0.0..=1.0).contains(&level) { symmetric.inverse_cdf(0.5 + 0.5 * level) } else { f64::NAN }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_the_tables() {
        // Two-sided, from the usual tables.
        let table = [
            (0.95, 1.0, 12.706205),
            (0.95, 2.0, 4.302653),
            (0.95, 3.0, 3.182446),
            (0.90, 4.0, 2.131847),
            (0.99, 5.0, 4.032143),
            (0.95, 9.0, 2.262157),
            (0.95, 30.0, 2.042272),
            (0.95, 1001.0, 1.962_338),
        ];
        for (confidence, freedom, t) in table {
            let found = student_t(confidence, freedom);
            assert!((found - t).abs() < 2e-6, "{confidence} {freedom}: {found}");
        }
    }

    #[test]
    fn what_is_no_probability_has_no_quantile() {
        assert!((normal(0.95) - 1.959_964).abs() < 1e-6);
        assert!(
            student_t(0.95, 0.0).is_nan() && student_t(1.5, 3.0).is_nan() && normal(-0.1).is_nan()
        );
    }
}
