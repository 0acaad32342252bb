//! Networks written with tensor operations, against references made outside this project and against laws.

mod attention;
mod laws;
mod models;
mod references;
mod support;
