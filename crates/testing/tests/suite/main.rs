//! The crate through its public interface.

mod each_law;
mod limits;
mod modes;
mod operations;
mod registry;
mod right;
mod strategies;
mod wrong;
