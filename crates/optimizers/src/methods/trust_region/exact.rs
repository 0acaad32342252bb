//! The global minimiser, with the dense matrix.

use dualtape_autodiff::Real;

use crate::engine::{Model, Proposal};
use crate::error::Error;
use crate::linalg::{Accuracy, Bound, ShiftedCholesky, minimize};

pub(super) struct Exact {
    matrix: ShiftedCholesky,
    gradient: Vec<f64>,
    shift: f64,
}

impl Exact {
    pub(super) fn new<S: Real>(matrix: &[S], gradient: &[S]) -> Option<Self> {
        let matrix = ShiftedCholesky::new(gradient.len(), matrix)?;
        Some(Exact { matrix, gradient: gradient.iter().map(|g| g.as_f64()).collect(), shift: 0.0 })
    }
}

impl<S: Real> Model<S> for Exact {
    fn propose(&mut self, radius: S) -> Result<Option<Proposal<S>>, Error> {
        let bound = Bound::Radius(radius.as_f64());
        let (accuracy, guess) = (Accuracy::SUFFICIENT, self.shift);
        let found = minimize(&mut self.matrix, &self.gradient, bound, accuracy, guess);
        Ok(found.map(|short| {
            self.shift = short.shift;
            let step = short.step.iter().map(|&p| S::constant(p)).collect();
            Proposal::new(&short, step)
        }))
    }
}
