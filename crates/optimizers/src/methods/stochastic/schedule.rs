//! The learning rate as a function of the step.

use std::fmt;

use dualtape_schedules::Moment;

/// What the learning rate is multiplied by.
pub(super) struct Schedule<'c> {
    pub(super) steps: u64,
    pub(super) factor: Box<dyn Fn(&Moment<'_>) -> f64 + 'c>,
}

impl Schedule<'_> {
    pub(super) fn factor(&self, step: u64) -> f64 {
        (self.factor)(&Moment::at(step, self.steps))
    }
}

impl fmt::Debug for Schedule<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schedule").field("steps", &self.steps).finish_non_exhaustive()
    }
}
