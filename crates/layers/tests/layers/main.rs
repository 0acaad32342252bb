//! Tests of the layers crate through its public interface.

mod data;
mod init;
mod losses;
mod metrics;
mod modules;
mod oracles;
mod second_order;
mod state;
mod support;
