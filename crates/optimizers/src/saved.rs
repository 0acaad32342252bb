//! What a method keeps from step to step, on its way to a file and back.

use std::collections::BTreeMap;

use crate::{Error, Real};

/// What a method keeps from step to step, as named lists of numbers.
///
/// Numbers of either precision, and counts up to 2⁵³, come back to the bit.
pub type SavedState = BTreeMap<String, Vec<f64>>;

pub(crate) fn save<const N: usize>(lists: [(&str, Vec<f64>); N]) -> SavedState {
    lists.into_iter().map(|(name, list)| (name.to_owned(), list)).collect()
}

pub(crate) fn numbers<S: Real>(list: &[S]) -> Vec<f64> {
    list.iter().map(|x| x.as_f64()).collect()
}

/// The list of this name.
pub(crate) fn list<S: Real>(state: &SavedState, name: &'static str) -> Result<Vec<S>, Error> {
    let list = state.get(name).ok_or(Error::SavedState { missing: name })?;
    Ok(list.iter().map(|&x| S::constant(x)).collect())
}

/// The one whole number of this name.
pub(crate) fn count(state: &SavedState, name: &'static str) -> Result<u64, Error> {
    match state.get(name).map(Vec::as_slice) {
        Some(&[count]) if count >= 0.0 => Ok(count as u64),
        _ => Err(Error::SavedState { missing: name }),
    }
}
