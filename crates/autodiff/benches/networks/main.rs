//! Losses of networks: gradients and Hessian–vector products, and what they cost beside the loss.
//!
//! `cargo bench -p dualtape-autodiff --bench networks -- [mlp|cnn|lstm|attention]`

mod attention;
mod cnn;
mod lstm;
mod mlp;
#[path = "../timing/mod.rs"]
mod timing;
#[path = "../workload/mod.rs"]
mod workload;

use dualtape_autodiff::Error;

/// Measures one kind of network.
type Bench = fn() -> Result<(), Error>;

const BENCHES: [(&str, Bench); 4] =
    [("mlp", mlp::run), ("cnn", cnn::run), ("lstm", lstm::run), ("attention", attention::run)];

fn main() -> Result<(), Error> {
    // Cargo passes options of its own.
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    for (name, run) in BENCHES {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            run()?;
        }
    }
    Ok(())
}
