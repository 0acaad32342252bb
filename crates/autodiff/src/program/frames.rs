//! The memory that calls of programs run in.

use std::sync::Arc;

use super::evaluate::Workspace;
use crate::pool::Pool;

/// The memory of one running call.
#[derive(Default)]
pub(crate) struct Frame<R> {
    pub(crate) point: Vec<R>,
    pub(crate) workspace: Workspace<R>,
}

/// Memory that calls share.
pub(crate) type Frames<R> = Arc<Pool<Frame<R>>>;
