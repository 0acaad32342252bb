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
pub(crate) fn list<'s>(state: &'s SavedState, name: &'static str) -> Result<&'s [f64], Error> {
    state.get(name).map(Vec::as_slice).ok_or(Error::SavedState { missing: name })
}

/// The numbers of a list as they were before [`numbers`].
pub(crate) fn restored<S: Real>(list: &[f64]) -> Vec<S> {
    list.iter().map(|&x| S::constant(x)).collect()
}

/// The one whole number of this name, small enough to be counted on from.
pub(crate) fn count(state: &SavedState, name: &'static str) -> Result<u64, Error> {
    const LARGEST: f64 = 9_007_199_254_740_992.0; // 2⁵³
    match *list(state, name)? {
        [count] if (0.0..=LARGEST).contains(&count) && count.fract() == 0.0 => Ok(count as u64),
        _ => Err(Error::SavedState { missing: name }),
    }
}
