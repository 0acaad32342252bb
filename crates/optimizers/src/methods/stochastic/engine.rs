//! A rule at work: its settings, groups, clipping and memory.

use std::collections::BTreeSet;
use std::ops::Range;

use dualtape_autodiff::{Real, parts::Parts};
use dualtape_schedules::Plateau;

use super::progress::{self, Part, Progress};
use super::rule::{Decay, Memory, Rule, Update};
use super::schedule::Schedule;
use super::source::{Point, Source};
use super::which::Which;
use crate::check::require;
use crate::engine::{SavedState, Setting, check_settings, count, list, restored, setting_lists};
use crate::error::Error;
use crate::linalg::{check_finite, first_non_finite, norm};
use crate::problem::{Linearized, Objective};

/// Settings of the parameters of a group.
#[derive(Debug, Clone)]
pub(super) struct Settings<S, R> {
    /// Relative to the first learning rate of the parameters in no group.
    pub(super) relative_rate: S,
    pub(super) weight_decay: S,
    pub(super) decoupled: bool,
    pub(super) rule: R,
}

/// How gradients that are too long are shortened.
#[derive(Debug, Clone, Copy)]
pub(super) enum Clip<S> {
    Norm(S),
    Value(S),
}

#[derive(Debug)]
pub(super) struct Engine<'c, S, R, C> {
    pub(super) learning_rate: S,
    /// What the groups' learning rates are relative to.
    pub(super) base_rate: S,
    /// The first for the parameters in no group.
    pub(super) settings: Vec<Settings<S, R>>,
    /// The parameters of the settings after the first.
    pub(super) groups: Vec<Which>,
    /// What the parameters are called, if they have names.
    names: Option<Parts>,
    /// Whether the rules know where the parameters are that they mean.
    pub(super) located: bool,
    pub(super) source: C,
    pub(super) clip: Option<Clip<S>>,
    pub(super) schedule: Option<Schedule<'c>>,
    pub(super) plateau: Option<Plateau>,
    progress: Progress<S>,
}

impl<'c, S: Real, R: Rule<S>, C: Source<S>> Engine<'c, S, R, C> {
    pub(super) fn new(learning_rate: S, rule: R, source: C) -> Self {
        let settings =
            Settings { relative_rate: S::one(), weight_decay: S::zero(), decoupled: false, rule };
        Engine {
            learning_rate,
            base_rate: learning_rate,
            settings: vec![settings],
            groups: Vec::new(),
            names: None,
            located: false,
            source,
            clip: None,
            schedule: None,
            plateau: None,
            progress: Progress::new(),
        }
    }

    pub(super) fn with_source<D>(self, source: D) -> Engine<'c, S, R, D> {
        Engine {
            learning_rate: self.learning_rate,
            base_rate: self.base_rate,
            settings: self.settings,
            groups: self.groups,
            names: self.names,
            located: self.located,
            source,
            clip: self.clip,
            schedule: self.schedule,
            plateau: self.plateau,
            progress: self.progress,
        }
    }

    pub(super) fn steps(&self) -> u64 {
        self.progress.steps
    }

    pub(super) fn reset(&mut self) {
        self.progress = Progress::new();
        self.source.reset();
        if let Some(plateau) = &mut self.plateau {
            plateau.reset();
        }
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        require("learning_rate", self.learning_rate, "zero or positive", |a| a >= 0.0)?;
        let relative = "zero or positive, where that of the parameters in no group is positive";
        for settings in &self.settings {
            require("learning_rate", settings.relative_rate, relative, |a| a >= 0.0)?;
            require("weight_decay", settings.weight_decay, "zero or positive", |w| w >= 0.0)?;
            settings.rule.check()?;
        }
        match self.clip {
            Some(Clip::Norm(bound)) => require("clip_norm", bound, "positive", |b| b > 0.0)?,
            Some(Clip::Value(bound)) => require("clip_value", bound, "positive", |b| b > 0.0)?,
            None => {}
        }
        self.source.check()
    }

    /// Says what the parameters are called. If they are others than before, what is kept of those is carried along by their
    /// names; what the source keeps, which is of all together, is forgotten.
    pub(super) fn name(&mut self, names: &Parts) -> Result<(), Error> {
        if self.names.as_ref() == Some(names) {
            return Ok(());
        }
        if self.means_places() && !names.is_whole() {
            return Err(Error::RangeOfFrozen);
        }
        if self.progress.is_unnamed() {
            if names.dim() != self.progress.len() || self.names.is_some() {
                return Err(Error::UnnamedState);
            }
        } else if !self.progress.parts.is_empty() {
            let settings = &self.settings;
            self.progress.rest(|part| settings[part.settings].rule.memory(part.range.clone()));
            self.source.reset();
        }
        self.names = Some(names.clone());
        self.located = false;
        Ok(())
    }

    /// Whether groups or settings of a rule mean parameters by their places.
    fn means_places(&self) -> bool {
        self.groups.iter().any(Which::is_by_place)
            || self.settings.iter().any(|settings| settings.rule.means_places())
    }

    fn locate(&mut self) -> Result<(), Error> {
        for settings in &mut self.settings {
            settings.rule.locate(self.names.as_ref())?;
        }
        self.located = true;
        Ok(())
    }

    /// A step where the gradient is known; `known` if the objective is linearised there already.
    pub(super) fn step_from(
        &mut self,
        x: &mut [S],
        gradient: &[S],
        objective: &dyn Objective<S>,
        known: Option<&dyn Linearized<S>>,
    ) -> Result<(), Error> {
        if let (Some(names), Some(parts)) = (&self.names, objective.parts())
            && !names.same_vector(parts)
        {
            return Err(Error::ForeignNames);
        }
        self.prepare(x, gradient)?;
        let point = Point::new(self.progress.steps, x, gradient, objective, known);
        let feed = self.source.feed(&point)?;
        drop(point);
        let direction = feed.direction.as_deref();
        if let Some(direction) = direction {
            Error::check_length("the direction", direction.len(), x.len())?;
            check_finite(direction, x.len())?;
        }
        self.advance(x, direction.unwrap_or(gradient), feed.estimate.as_deref())
    }

    /// A step with what the rule is to see given.
    pub(super) fn step_along(
        &mut self,
        x: &mut [S],
        gradient: &[S],
        estimate: Option<&[S]>,
    ) -> Result<(), Error> {
        self.prepare(x, gradient)?;
        self.advance(x, gradient, estimate)
    }

    /// Refuses what no step can be taken with, before anything is learnt from it, and makes the memory of the first step.
    fn prepare(&mut self, x: &[S], gradient: &[S]) -> Result<(), Error> {
        self.check()?;
        Error::check_length("the gradient", gradient.len(), x.len())?;
        if let Some(component) = first_non_finite(gradient) {
            let value = gradient[component].as_f64();
            return Err(Error::NonFiniteGradient { component, value });
        }
        if !self.located {
            self.locate()?;
        }
        if self.progress.parts.is_empty() {
            self.progress.parts = match self.names.clone().filter(|_| !self.means_places()) {
                Some(names) => self.named_parts(x.len(), &names)?,
                None if self.progress.resting.is_empty() => {
                    self.parts(x.len(), |list| Ok(vec![list.initial; list.len]))?
                }
                None => return Err(self.progress.without_names()),
            };
        }
        Error::check_length("x", x.len(), self.progress.len())
    }

    /// A step with a gradient that was checked.
    fn advance(
        &mut self,
        x: &mut [S],
        gradient: &[S],
        estimate: Option<&[S]>,
    ) -> Result<(), Error> {
        if let Some(estimate) = estimate {
            Error::check_length("the estimate of curvature", estimate.len(), x.len())?;
            check_finite(estimate, x.len())?;
        }
        let clipped = self.clip.and_then(|clip| clip.apply(gradient));
        let gradient = clipped.as_deref().unwrap_or(gradient);
        let rate = self.learning_rate * S::constant(self.rate_factor()?);
        for part in &mut self.progress.parts {
            let settings = &self.settings[part.settings];
            let learning_rate = rate * settings.relative_rate;
            let (decay, range) = (settings.weight_decay, part.range.clone());
            let decay = match settings.decoupled {
                true => Decay { coupled: S::zero(), kept: S::one() - learning_rate * decay },
                false => Decay { coupled: decay, kept: S::one() },
            };
            settings.rule.update(Update {
                step: part.steps + 1,
                learning_rate,
                range: range.clone(),
                x: &mut x[range.clone()],
                gradient: &gradient[range.clone()],
                estimate: estimate.map(|estimate| &estimate[range]),
                memory: &mut part.memory,
                decay,
            })?;
        }
        self.progress.parts.iter_mut().for_each(|part| part.steps += 1);
        self.progress.steps += 1;
        Ok(())
    }

    /// What all learning rates are multiplied by at this step.
    fn rate_factor(&self) -> Result<f64, Error> {
        let scheduled = self.schedule.as_ref().map_or(1.0, |s| s.factor(self.progress.steps));
        let plateau = self.plateau.map_or(1.0, |plateau| plateau.factor());
        require("schedule", scheduled, "a factor that is zero or positive", |f| f >= 0.0)?;
        require("on_plateau", plateau, "a factor that is zero or positive", |f| f >= 0.0)?;
        Ok(scheduled * plateau)
    }

    /// Takes note of the value before a step.
    pub(super) fn observe(&mut self, value: S) {
        if let Some(plateau) = &mut self.plateau {
            plateau.observe(value.as_f64());
        }
    }

    /// Which of `n` parameters have which settings, in the order of the parameters.
    fn layout(&self, n: usize) -> Result<Vec<(Range<usize>, usize)>, Error> {
        let mut groups = Vec::new();
        for (group, settings) in self.groups.iter().zip(1..) {
            let ranges = group.ranges(self.names.as_ref())?.into_iter();
            groups.extend(ranges.map(|range| (range, settings)));
        }
        groups.sort_by_key(|(range, _)| range.start);
        groups.push((n..n, 0));
        let (mut ranges, mut end) = (Vec::new(), 0);
        for (range, settings) in groups {
            require(
                "group",
                S::constant(range.end as f64),
                "the end of a range within the parameters and apart from all other groups",
                |_| end <= range.start && range.start <= range.end && range.end <= n,
            )?;
            ranges.push((end..range.start, 0));
            end = range.end;
            ranges.push((range, settings));
        }
        ranges.retain(|(range, _)| !range.is_empty());
        Ok(ranges)
    }

    /// The parts of `n` parameters without names, with the numbers that `fill` has for each list in memory.
    fn parts(
        &self,
        n: usize,
        mut fill: impl FnMut(Memory<S>) -> Result<Vec<S>, Error>,
    ) -> Result<Vec<Part<S>>, Error> {
        let part = |(range, settings): (Range<usize>, usize)| {
            let declared = self.settings[settings].rule.memory(range.clone());
            let memory = declared.into_iter().map(&mut fill).collect::<Result<_, _>>()?;
            Ok(Part { name: None, range, settings, steps: self.progress.steps, memory })
        };
        self.layout(n)?.into_iter().map(part).collect()
    }

    /// A part for each named parameter of `n`, with what was kept of it.
    fn named_parts(&mut self, n: usize, names: &Parts) -> Result<Vec<Part<S>>, Error> {
        Error::check_length("x", n, names.dim())?;
        let layout = self.layout(n)?;
        let settings = |range: &Range<usize>| {
            let within = layout.iter().find(|(group, _)| group.contains(&range.start));
            within.map_or(0, |&(_, settings)| settings)
        };
        let part = |part: &dualtape_autodiff::parts::Part| {
            let (range, settings) = (part.range(), settings(&part.range()));
            let declared = self.settings[settings].rule.memory(range.clone());
            let (steps, memory) = self.progress.waken(part.name(), &declared)?;
            Ok(Part { name: Some(part.name().to_owned()), range, settings, steps, memory })
        };
        let parts = names.iter().filter(|part| !part.is_empty()).map(part);
        let parts: Vec<Part<S>> = parts.collect::<Result<_, Error>>()?;
        for part in &parts {
            part.name.as_ref().map(|name| self.progress.resting.remove(name));
        }
        Ok(parts)
    }

    /// The names of the lists in memory, which do not depend on the parameters.
    fn memory_names(&self) -> BTreeSet<&'static str> {
        let declared = self.settings.iter().flat_map(|settings| settings.rule.memory(0..0));
        declared.map(|list| list.name).collect()
    }

    /// All that changes what the numbers of a state mean, or what is made of them. The learning rate is not among it: it may
    /// be [changed](super::Stepper::set_learning_rate) between steps and is part of the state; nor are schedules, which are
    /// functions.
    fn settings(&self) -> Vec<Setting> {
        let (norm, value) = match self.clip {
            Some(Clip::Norm(bound)) => (bound.as_f64(), f64::INFINITY),
            Some(Clip::Value(bound)) => (f64::INFINITY, bound.as_f64()),
            None => (f64::INFINITY, f64::INFINITY),
        };
        let mut all = vec![("clip_norm", norm), ("clip_value", value)];
        for group in &self.groups {
            all.extend(group.numbers().into_iter().map(|number| ("group", number)));
        }
        for settings in &self.settings {
            all.extend([
                ("relative_rate", settings.relative_rate.as_f64()),
                ("weight_decay", settings.weight_decay.as_f64()),
                ("decoupled_weight_decay", f64::from(settings.decoupled)),
            ]);
            all.extend(settings.rule.settings());
        }
        if let Some(plateau) = &self.plateau {
            all.extend([("patience", plateau.patience() as f64), ("decay", plateau.decay())]);
        }
        all.extend(self.source.settings());
        all
    }

    pub(super) fn state(&self) -> SavedState {
        let mut state = self.progress.state(self.memory_names().into_iter(), |part| {
            self.settings[part.settings].rule.memory(part.range.clone())
        });
        state.insert("learning_rate".to_owned(), vec![self.learning_rate.as_f64()]);
        if let Some(plateau) = &self.plateau {
            state.insert("plateau".to_owned(), plateau.state().to_vec());
        }
        state.extend(self.source.state());
        state.extend(setting_lists(&self.settings()));
        state
    }

    /// Memory is made of the saved lists alone, so that it never is larger than these, whatever number of parameters the
    /// state says it has.
    pub(super) fn restore(&mut self, state: &SavedState) -> Result<(), Error> {
        let (steps, n) = (count(state, "steps")?, count(state, "parameters")?);
        let &[learning_rate] = list(state, "learning_rate")? else {
            return Err(Error::SavedState { missing: "learning_rate" });
        };
        let names = self.memory_names();
        let mut unread = progress::unnamed(state, &names)?;
        let resting = progress::named(state, &names)?;
        self.check_foreign(state)?;
        check_settings(state, &self.settings())?;
        let mut parts = Vec::new();
        if resting.is_empty() {
            if !self.located {
                self.locate()?;
            }
            parts = self.parts(n as usize, |Memory { name, len, .. }| {
                let next = unread.get_mut(name).and_then(|list| list.split_off(..len));
                next.map(restored).ok_or(Error::SavedState { missing: name })
            })?;
            parts.iter_mut().for_each(|part| part.steps = steps);
        }
        if let Some((missing, _)) = unread.into_iter().find(|(_, rest)| !rest.is_empty()) {
            return Err(Error::SavedState { missing });
        }
        let plateau = state.get("plateau").and_then(|list| list.as_slice().try_into().ok());
        if self.plateau.is_some() && plateau.is_none() {
            return Err(Error::SavedState { missing: "plateau" });
        }
        self.source.restore(state)?;
        self.learning_rate = S::constant(learning_rate);
        if let (Some(kept), Some(saved)) = (&mut self.plateau, plateau) {
            kept.restore(saved);
        }
        self.progress = Progress { steps, parts, resting };
        Ok(())
    }

    /// Refuses a state with lists that are not kept here.
    fn check_foreign(&self, state: &SavedState) -> Result<(), Error> {
        let mut others = self.source.state();
        others.extend(setting_lists(&self.settings()));
        // Those of named parameters have been read.
        let own = |name: &str| {
            ["steps", "parameters", "learning_rate"].contains(&name)
                || (name == "plateau" && self.plateau.is_some())
                || others.contains_key(name)
                || progress::of_named(name).is_some()
                || self.memory_names().contains(name)
        };
        match state.keys().find(|name| !own(name)) {
            Some(list) => Err(Error::ForeignState { list: list.clone() }),
            None => Ok(()),
        }
    }
}

impl<S: Real> Clip<S> {
    /// The clipped gradient, where it differs.
    fn apply(self, gradient: &[S]) -> Option<Vec<S>> {
        match self {
            Clip::Norm(bound) => {
                let norm = norm(gradient);
                (norm > bound).then(|| gradient.iter().map(|&g| g * (bound / norm)).collect())
            }
            Clip::Value(bound) => gradient
                .iter()
                .any(|g| g.abs() > bound)
                .then(|| gradient.iter().map(|&g| g.clamp(-bound, bound)).collect()),
        }
    }
}
