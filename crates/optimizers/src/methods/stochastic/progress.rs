//! What a rule keeps from step to step, of which parameters, and its way to a saved state and back.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use dualtape_autodiff::Real;

use super::rule::Memory;
use crate::engine::{SavedState, count, list, numbers, restored, save};
use crate::error::Error;

/// What is kept from step to step.
#[derive(Debug, Clone)]
pub(super) struct Progress<S> {
    pub(super) steps: u64,
    /// In the order of the parameters, and covering all; none before the first step.
    pub(super) parts: Vec<Part<S>>,
    /// Of parameters that are not trained at present, by their names.
    pub(super) resting: BTreeMap<String, Kept<S>>,
}

/// Neighbouring parameters with the same settings; if all have names, those of one name.
#[derive(Debug, Clone)]
pub(super) struct Part<S> {
    pub(super) name: Option<String>,
    pub(super) range: Range<usize>,
    pub(super) settings: usize,
    /// Steps in which they were trained.
    pub(super) steps: u64,
    pub(super) memory: Vec<Vec<S>>,
}

/// What is kept of a named parameter.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Kept<S> {
    steps: u64,
    /// By the names of the rule.
    lists: BTreeMap<String, Vec<S>>,
}

impl<S> Progress<S> {
    pub(super) fn new() -> Self {
        Progress { steps: 0, parts: Vec::new(), resting: BTreeMap::new() }
    }

    /// The number of parameters at the last step.
    pub(super) fn len(&self) -> usize {
        self.parts.last().map_or(0, |part| part.range.end)
    }

    /// Refuses to go on without the names of what is kept.
    pub(super) fn without_names(&self) -> Error {
        let name = self.resting.keys().next().cloned().unwrap_or_default();
        Error::NoNames { name }
    }

    /// Whether something is kept that no names tell of what.
    pub(super) fn is_unnamed(&self) -> bool {
        self.parts.iter().any(|part| part.name.is_none())
    }
}

impl<S: Real> Progress<S> {
    /// Lays aside what is kept of parameters with names, for `declared` to say what each part keeps.
    pub(super) fn rest(&mut self, declared: impl Fn(&Part<S>) -> Vec<Memory<S>>) {
        for mut part in std::mem::take(&mut self.parts) {
            let names = declared(&part).into_iter().map(|list| list.name.to_owned());
            let lists = names.zip(std::mem::take(&mut part.memory)).collect();
            if let Some(name) = part.name {
                self.resting.insert(name, Kept { steps: part.steps, lists });
            }
        }
    }

    /// Steps and lists of the parameter of this name, as they were laid aside, or as before its first step.
    pub(super) fn waken(
        &self,
        name: &str,
        declared: &[Memory<S>],
    ) -> Result<(u64, Vec<Vec<S>>), Error> {
        let Some(kept) = self.resting.get(name) else {
            return Ok((0, declared.iter().map(|list| vec![list.initial; list.len]).collect()));
        };
        let list = |declared: &Memory<S>| {
            let kept = kept.lists.get(declared.name).filter(|kept| kept.len() == declared.len);
            kept.cloned().ok_or(Error::SavedState { missing: declared.name })
        };
        Ok((kept.steps, declared.iter().map(list).collect::<Result<_, _>>()?))
    }

    /// Each list, those of parts without names one after the other, those of named parameters each under its own name.
    pub(super) fn state(
        &self,
        names: impl Iterator<Item = &'static str>,
        declared: impl Fn(&Part<S>) -> Vec<Memory<S>>,
    ) -> SavedState {
        let unnamed = if self.is_unnamed() { self.len() } else { 0 };
        let mut state =
            save([("steps", vec![self.steps as f64]), ("parameters", vec![unnamed as f64])]);
        // Also before the first step the names tell one method from another.
        state.extend(names.map(|name| (name.to_owned(), Vec::new())));
        let mut named = self.clone();
        for part in &self.parts {
            let lists = declared(part).into_iter().zip(&part.memory);
            for (declared, list) in lists.filter(|_| part.name.is_none()) {
                state.entry(declared.name.to_owned()).or_default().extend(numbers(list));
            }
        }
        named.rest(declared);
        for (name, kept) in &named.resting {
            state.insert(format!("steps/{name}"), vec![kept.steps as f64]);
            for (list, entries) in &kept.lists {
                state.insert(format!("{list}/{name}"), numbers(entries));
            }
        }
        state
    }
}

/// The list and the parameter that a key of a state means, if it is one of a named parameter.
pub(super) fn of_named(key: &str) -> Option<(&str, &str)> {
    // Settings, too, are lists with a name.
    key.split_once('/').filter(|(list, _)| *list != "settings")
}

/// What a state says of named parameters, for a rule that keeps these lists. Memory is made of the saved lists alone.
pub(super) fn named<S: Real>(
    state: &SavedState,
    names: &BTreeSet<&'static str>,
) -> Result<BTreeMap<String, Kept<S>>, Error> {
    let mut resting: BTreeMap<String, Kept<S>> = BTreeMap::new();
    for key in state.keys() {
        if let Some(("steps", name)) = of_named(key) {
            let steps = count(&save([("steps", state[key].clone())]), "steps")?;
            let list = |&list: &&'static str| {
                let saved = state.get(&format!("{list}/{name}"));
                let saved = saved.ok_or(Error::SavedState { missing: list })?;
                Ok((list.to_owned(), restored(saved)))
            };
            let lists = names.iter().map(list).collect::<Result<_, Error>>()?;
            resting.insert(name.to_owned(), Kept { steps, lists });
        }
    }
    for key in state.keys() {
        if let Some((list, name)) = of_named(key) {
            if !resting.contains_key(name) {
                return Err(Error::SavedState { missing: "steps" });
            }
            if list != "steps" && !names.contains(list) {
                return Err(Error::ForeignState { list: key.clone() });
            }
        }
    }
    // Nothing is kept of parameters without names beside them.
    match names.iter().find(|name| !resting.is_empty() && !state[**name].is_empty()) {
        Some(&missing) => Err(Error::SavedState { missing }),
        None => Ok(resting),
    }
}

/// The lists of parts without names, to be taken from the front.
pub(super) fn unnamed<'s>(
    state: &'s SavedState,
    names: &BTreeSet<&'static str>,
) -> Result<BTreeMap<&'static str, &'s [f64]>, Error> {
    names.iter().map(|&name| Ok((name, list(state, name)?))).collect()
}
