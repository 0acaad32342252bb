//! The crate's tests through its public interface: one program, so that what they share is compiled once.

mod adbench;
#[path = "arrays/main.rs"]
mod arrays;
mod batching;
mod checkpoint;
mod custom_operations;
#[path = "dual/main.rs"]
mod dual;
mod forward;
#[cfg(feature = "linear-algebra")]
mod implicit;
mod indeterminate;
#[cfg(feature = "linear-algebra")]
mod linear_algebra;
mod lines;
mod literals;
#[path = "mgh/main.rs"]
mod mgh;
mod modes_agree;
mod nalgebra;
#[path = "networks/main.rs"]
mod networks;
#[path = "operators/main.rs"]
mod operators;
mod range;
mod safety;
mod scalar_oracle;
mod sizes;
mod sparse;
mod zero_absorbs;
