//! The operations that are made of recordings, and so stand above: a user's operation with its adjoint, a user's elementwise
//! function, the call of a program. An instruction holds them by their names.

pub(crate) use crate::transform::{Call, Custom, Pointwise};
