//! Tests of the layers crate through its public interface.

mod attention;
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
mod recurrent;
mod second_order;
mod sequences;
mod state;
mod support;
mod training;
