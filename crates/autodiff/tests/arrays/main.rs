//! Operations on arrays, each against its definition spelled out element by element, and against its own transpose.

mod contraction;
mod indexing;
mod layout;
mod replay;
mod support;
mod transposes;
