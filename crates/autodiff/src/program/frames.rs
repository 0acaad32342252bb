//! The memory that calls of programs run in.

use std::sync::{Arc, Mutex, PoisonError};

use super::evaluate::Workspace;
use crate::number::Real;

/// The memory of one running call.
pub(crate) struct Frame<R> {
    pub(crate) point: Vec<R>,
    pub(crate) workspace: Workspace<R>,
}

/// Memory that calls share.
pub(crate) struct Frames<R>(Arc<Mutex<Vec<Frame<R>>>>);

impl<R> Clone for Frames<R> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<R> Default for Frames<R> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<R: Real> Frames<R> {
    pub(crate) fn take(&self) -> Frame<R> {
        let free = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        free.unwrap_or_else(|| Frame { point: Vec::new(), workspace: Workspace::default() })
    }

    pub(crate) fn give_back(&self, frame: Frame<R>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(frame);
    }
}
