//! The crate through its public interface.

mod each_law;
mod faults;
mod registry;
mod right;
mod strategies;
mod wrong;
