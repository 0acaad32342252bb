//! The crate through its public interface.

mod faults;
mod registry;
mod right;
mod wrong;
