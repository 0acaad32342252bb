//! Checks of settings.

use dualtape_autodiff::Real;

use super::error::Error;

/// `Err` with the setter's name unless `value` is finite and `allowed`.
pub(crate) fn require<S: Real>(
    name: &'static str,
    value: S,
    requirement: &'static str,
    allowed: impl FnOnce(f64) -> bool,
) -> Result<(), Error> {
    let value = value.as_f64();
    if value.is_finite() && allowed(value) {
        Ok(())
    } else {
        Err(Error::Setting { name, value, requirement })
    }
}

/// `Err` with the setter's name unless `count` is at least 1.
pub(crate) fn require_count(name: &'static str, count: usize) -> Result<(), Error> {
    require(name, count as f64, "at least 1", |count| count >= 1.0)
}
