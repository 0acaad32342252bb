//! What a method keeps from step to step, on its way to a file and back.

use std::collections::BTreeMap;

use dualtape_autodiff::Real;

use crate::error::Error;

/// What a method keeps from step to step, and the settings that it was learnt with, as named lists of numbers.
///
/// Numbers of either precision, and counts up to 2⁵³, come back to the bit.
pub type SavedState = BTreeMap<String, Vec<f64>>;

/// The name of a setting, as that of its setter, and its number: 1 for yes, 0 for no.
pub type Setting = (&'static str, f64);

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

/// The settings as lists of a state, each with all numbers of its name.
pub(crate) fn setting_lists(settings: &[Setting]) -> SavedState {
    let mut lists = SavedState::new();
    for (name, value) in settings {
        lists.entry(setting_key(name)).or_default().push(*value);
    }
    lists
}

/// Refuses a state of other settings.
pub(crate) fn check_settings(state: &SavedState, settings: &[Setting]) -> Result<(), Error> {
    let mut places = BTreeMap::new();
    for &(name, here) in settings {
        let saved = list_of(state, name)?;
        let place = places.entry(name).or_insert(0);
        match saved.get(*place) {
            Some(&saved) if saved == here => *place += 1,
            Some(&saved) => return Err(Error::SavedSetting { name, saved, here }),
            None => return Err(Error::SavedState { missing: name }),
        }
    }
    for (missing, count) in places {
        if list_of(state, missing)?.len() > count {
            return Err(Error::SavedState { missing });
        }
    }
    Ok(())
}

/// The saved numbers of a setting.
fn list_of<'s>(state: &'s SavedState, setting: &'static str) -> Result<&'s [f64], Error> {
    let list = state.get(&setting_key(setting)).map(Vec::as_slice);
    list.ok_or(Error::SavedState { missing: setting })
}

/// Apart from the names of what is learnt.
fn setting_key(name: &str) -> String {
    format!("settings/{name}")
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
