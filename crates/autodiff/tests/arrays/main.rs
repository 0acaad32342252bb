//! Operations on arrays, each against its definition spelled out element by element, and against its own transpose.

mod contraction;
mod conv;
mod einsum;
mod empty;
mod indexing;
mod layout;
mod networks;
mod reductions;
mod replay;
mod support;
mod transposes;
