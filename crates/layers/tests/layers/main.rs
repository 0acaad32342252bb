//! Tests of the layers crate through its public interface.

mod checkpoints;
mod data;
mod files;
mod init;
mod layers;
mod losses;
mod metrics;
mod modules;
mod oracles;
mod pytorch;
mod second_order;
mod state;
mod support;
mod training;
