//! The crate through its public interface.

mod right;
mod wrong;
