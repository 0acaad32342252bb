//! Derivatives recorded on a live tape, among the values that they are derivatives of.

use std::panic::Location;

use super::{Id, Tape, Tensor};
use crate::error::Error;
use crate::scalar::Scalar;

impl<S: Scalar> Tape<S> {
    /// The instruction of the array `x`.
    #[track_caller]
    pub(crate) fn id_of_array(&self, x: Tensor<'_, S>) -> Id {
        if !x.tape.owns(self) {
            self.fail(Error::MixedTapes { at: Location::caller() });
        }
        x.id
    }
}
