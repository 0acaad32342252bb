//! Tests of the layers crate through its public interface.

mod attention;
mod checkpoints;
mod curvature;
mod data;
mod data_files;
mod edges;
mod files;
mod init;
mod layers;
mod loss_properties;
mod losses;
mod metrics;
mod modules;
mod oracles;
mod penalties;
mod pytorch;
mod recurrent;
mod second_order;
mod sequences;
mod sizes;
mod state;
mod support;
mod torch_losses;
mod training;
