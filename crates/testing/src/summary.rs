//! What was checked, and what was not.

use std::fmt;

use crate::law::Law;
use crate::subject::Refusal;

/// Reasons for passing over a point that are told apart; errors may name numbers, and be others at every point.
const REASONS: usize = 8;

/// What was checked, and what was not: of each law of the orders asked for where it held, and why nothing is said of it elsewhere.
#[derive(Clone, Debug)]
pub struct Summary {
    name: String,
    order: usize,
    /// Whether all cases are at one point, in different directions.
    one_point: bool,
    counts: Vec<usize>,
    /// Laws about what the subject does not offer or refuses, and how often.
    unanswered: Vec<(Law, Skip, usize)>,
    skipped: Vec<(Law, Skip)>,
    rejected: Vec<(String, usize)>,
}

/// Why a law was not checked.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Skip {
    /// The subject does not offer what it is about.
    NotOffered,
    /// The subject refused, as it must where it has no rule: with this error, and not with a zero.
    Refused(String),
    /// The law says nothing at these points: there is no limit, no value, or a kink whose derivative is a convention.
    Passed(String),
}

impl From<&Refusal> for Skip {
    fn from(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::NotOffered => Self::NotOffered,
            Refusal::Failed(error) => Self::Refused(error.to_string()),
        }
    }
}

impl Summary {
    pub(crate) fn new(name: String, order: usize, one_point: bool) -> Self {
        let counts = vec![0; Law::ALL.len()];
        let (unanswered, skipped, rejected) = (Vec::new(), Vec::new(), Vec::new());
        Self { name, order, one_point, counts, unanswered, skipped, rejected }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn is_of_one_point(&self) -> bool {
        self.one_point
    }

    pub(crate) fn count(&mut self, law: Law) {
        self.counts[law as usize] += 1;
    }

    /// Of several refusals of one law the first is shown.
    pub(crate) fn skip(&mut self, law: Law, skip: Skip) {
        let others = self.unanswered.iter().filter(|(other, ..)| *other == law).count();
        let alike = |known: &Skip| match (known, &skip) {
            (Skip::Refused(_), Skip::Refused(_)) => true,
            (Skip::Passed(_), Skip::Passed(_)) if others >= REASONS => true,
            (known, skip) => known == skip,
        };
        match self.unanswered.iter_mut().find(|(other, known, _)| *other == law && alike(known)) {
            Some((.., count)) => *count += 1,
            None => self.unanswered.push((law, skip, 1)),
        }
    }

    /// How often a law was not checked since the subject refused what it is about.
    pub fn refused(&self, law: Law) -> usize {
        self.unanswered_by(law, |skip| matches!(skip, Skip::Refused(_)))
    }

    /// How often a law had nothing to say of a point.
    pub fn passed(&self, law: Law) -> usize {
        self.unanswered_by(law, |skip| matches!(skip, Skip::Passed(_)))
    }

    fn unanswered_by(&self, law: Law, by: impl Fn(&Skip) -> bool) -> usize {
        let counts = self.unanswered.iter().filter(|(other, skip, _)| *other == law && by(skip));
        counts.map(|(.., count)| count).sum()
    }

    pub(crate) fn reject(&mut self, reason: &str) {
        let known = self.rejected.iter().any(|(known, _)| known == reason);
        let reason =
            if known || self.rejected.len() < REASONS { reason } else { "for other reasons" };
        match self.rejected.iter_mut().find(|(known, _)| known == reason) {
            Some((_, count)) => *count += 1,
            None => self.rejected.push((reason.to_owned(), 1)),
        }
    }

    /// When all is done: a law that was skipped at some points and checked at others counts as checked.
    pub(crate) fn settle(&mut self) {
        for (law, skip, _) in &self.unanswered {
            if self.checked(*law) == 0 && !self.skipped.iter().any(|(known, _)| known == law) {
                self.skipped.push((*law, skip.clone()));
            }
        }
    }

    /// At how many points a law was checked and held.
    pub fn checked(&self, law: Law) -> usize {
        self.counts[law as usize]
    }

    /// The laws that were checked nowhere since the subject does not offer, or refused, what they are about.
    pub fn skipped(&self) -> &[(Law, Skip)] {
        &self.skipped
    }

    /// How many points were passed over, because the function has a kink, an edge or no value there.
    pub fn rejected(&self) -> usize {
        self.rejected.iter().map(|(_, count)| count).sum()
    }

    /// A line for each law, of which one may be broken.
    pub(crate) fn write(&self, f: &mut fmt::Formatter<'_>, broken: Option<Law>) -> fmt::Result {
        writeln!(f, "derivatives of {}, to order {}", self.name, self.order)?;
        let at = if self.one_point { "in" } else { "at" };
        let holds = |law: &Law| self.checked(*law) > 0;
        for &law in Law::ALL.iter().filter(|law| holds(law)) {
            let count = self.checked(law);
            let but = if broken == Some(law) { ", but broken at the last" } else { "" };
            self.row(f, &format!("holds {at}"), Some(count), format_args!("{law}{but}"))?;
        }
        if let Some(law) = broken.filter(|law| !holds(law)) {
            self.row(f, "broken", None, format_args!("{law}"))?;
        }
        for (law, skip, count) in &self.unanswered {
            match skip {
                Skip::NotOffered if holds(law) => {
                    let what = format!("not offered {at}");
                    self.row(f, &what, Some(*count), format_args!("{law}"))?;
                }
                Skip::NotOffered => self.row(f, "not offered", None, format_args!("{law}"))?,
                Skip::Refused(error) => {
                    let what = format!("refused {at}");
                    self.row(f, &what, Some(*count), format_args!("{law}: {error}"))?;
                }
                Skip::Passed(reason) => {
                    let what = format!("silent {at}");
                    self.row(f, &what, Some(*count), format_args!("{law}: {reason}"))?;
                }
            }
        }
        let reached = |law: &Law| {
            holds(law) || broken == Some(*law) || self.unanswered.iter().any(|(l, ..)| l == law)
        };
        for law in Law::ALL.iter().filter(|law| law.order() <= self.order && !reached(law)) {
            self.row(f, "not reached", None, format_args!("{law}"))?;
        }
        for (reason, count) in &self.rejected {
            writeln!(f, "  passed over {count:>4} {}: {reason}", self.unit(*count))?;
        }
        Ok(())
    }

    fn row(
        &self,
        f: &mut fmt::Formatter<'_>,
        what: &str,
        count: Option<usize>,
        law: fmt::Arguments<'_>,
    ) -> fmt::Result {
        let counted =
            count.map_or(String::new(), |count| format!("{count:>4} {}", self.unit(count)));
        let width = if self.one_point { 25 } else { 21 };
        writeln!(f, "  {:<width$}  {law}", format!("{what:<10}{counted}").trim_end())
    }

    /// What is counted.
    fn unit(&self, count: usize) -> &'static str {
        match (self.one_point, count) {
            (false, 1) => "point",
            (false, _) => "points",
            (true, 1) => "direction",
            (true, _) => "directions",
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, None)
    }
}
