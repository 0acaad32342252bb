//! Numbers with the uncertainty of having been sampled.

use std::fmt;

use crate::quantile::student_t;

/// A number estimated as the mean of independent samples, or known exactly.
///
/// # Example
///
/// ```
/// use dualtape_optimizers::Estimate;
///
/// let estimate = Estimate::from_samples(&[2.0, 3.0, 7.0, 4.0]);
/// assert_eq!(estimate.value, 4.0);
/// let (low, high) = estimate.interval(0.95);
/// // Student's t with 3 degrees of freedom: 3.182 standard errors
/// assert!((high - low - 2.0 * 3.182446 * estimate.standard_error).abs() < 1e-5);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The mean.
    pub value: f64,
    /// Standard error of the mean, `s/√N`; zero if the number is exact, infinite if a single sample was drawn.
    pub standard_error: f64,
    /// The samples drawn, `N`; zero if the number is exact.
    pub samples: usize,
}

impl Estimate {
    /// A number that was not sampled.
    pub fn exact(value: f64) -> Self {
        Estimate { value, standard_error: 0.0, samples: 0 }
    }

    /// The mean of independent samples, with its standard error; NaN of none.
    pub fn from_samples(samples: &[f64]) -> Self {
        let n = samples.len();
        let value = samples.iter().sum::<f64>() / n as f64;
        let squares: f64 = samples.iter().map(|s| (s - value).powi(2)).sum();
        let standard_error = match n {
            0 | 1 => f64::INFINITY,
            n => (squares / ((n - 1) as f64 * n as f64)).sqrt(),
        };
        Estimate { value, standard_error, samples: n }
    }

    /// The interval that covers the true number with probability `confidence`, for samples from a normal distribution, by
    /// Student's t; approximately for others.
    pub fn interval(&self, confidence: f64) -> (f64, f64) {
        let half = match self.samples {
            0 => 0.0,
            1 => f64::INFINITY,
            n => student_t(confidence, (n - 1) as f64) * self.standard_error,
        };
        (self.value - half, self.value + half)
    }

    /// Whether the number is known, not sampled.
    pub fn is_exact(&self) -> bool {
        self.samples == 0
    }

    /// `c` times the number.
    pub(crate) fn scaled(self, c: f64) -> Self {
        Estimate { value: c * self.value, standard_error: c.abs() * self.standard_error, ..self }
    }

    /// `√` of the number, to first order in its uncertainty.
    pub(crate) fn sqrt(self) -> Self {
        let value = self.value.max(0.0).sqrt();
        let slope = if value > 0.0 { 0.5 / value } else { 0.0 };
        Estimate { value, standard_error: slope * self.standard_error, ..self }
    }
}

/// `1.2345e2 ± 1.2e0`; width and precision are those of the value.
impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (digits, width) = (f.precision().unwrap_or(4), f.width().unwrap_or(0));
        write!(f, "{:>width$.digits$e}", self.value)?;
        if self.is_exact() { Ok(()) } else { write!(f, " ± {:.1e}", self.standard_error) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_sample_tells_nothing_of_its_error() {
        let estimate = Estimate::from_samples(&[5.0]);
        assert_eq!(estimate.interval(0.9), (f64::NEG_INFINITY, f64::INFINITY));
        assert_eq!(Estimate::exact(5.0).interval(0.9), (5.0, 5.0));
        assert_eq!(format!("{:.1} {}", Estimate::exact(5.0), estimate), "5.0e0 5.0000e0 ± inf");
    }
}
