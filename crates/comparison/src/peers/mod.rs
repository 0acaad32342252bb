//! The contenders: a module for each, which says how it does each operation.

#[cfg(feature = "ad_trait")]
mod ad_trait;
#[cfg(feature = "burn")]
mod burn;
#[cfg(feature = "candle")]
mod candle;
pub mod dualtape;
mod dualtape_forward;
pub mod dualtape_network;
#[cfg(feature = "echidna")]
mod echidna;
#[cfg(feature = "num-dual")]
mod num_dual;
pub mod plain;
mod plain_network;
#[cfg(feature = "topos")]
mod topos;
#[cfg(feature = "xad-rs")]
mod xad;

use crate::measure::Task;
use crate::workload::network::Network;
use crate::workload::scalar::Problem;
use crate::workload::{Operation, Precision};

/// What a contender can do with a workload.
pub type Tasks<'a> = Vec<(Operation, Task<'a>)>;

/// All contenders but dualtape, on a function of scalars.
pub fn problem(problem: &Problem) -> Tasks<'_> {
    let contenders: &[fn(&Problem) -> Tasks<'_>] = &[
        plain::problem,
        #[cfg(feature = "echidna")]
        echidna::problem,
        #[cfg(feature = "xad-rs")]
        xad::problem,
        #[cfg(feature = "num-dual")]
        num_dual::problem,
        #[cfg(feature = "ad_trait")]
        ad_trait::problem,
    ];
    contenders.iter().flat_map(|tasks| tasks(problem)).collect()
}

/// All contenders but dualtape, on a network.
pub fn network(network: &Network, precision: Precision) -> Tasks<'_> {
    let contenders: &[fn(&Network, Precision) -> Tasks<'_>] = &[
        |network, precision| match precision {
            Precision::Single => plain::network::<f32>(network),
            Precision::Double => plain::network::<f64>(network),
        },
        #[cfg(feature = "topos")]
        |network, precision| match precision {
            Precision::Single => topos::network::<f32>(network),
            Precision::Double => topos::network::<f64>(network),
        },
        #[cfg(feature = "burn")]
        burn::network,
        #[cfg(feature = "candle")]
        candle::network,
    ];
    contenders.iter().flat_map(|tasks| tasks(network, precision)).collect()
}

/// A symmetric matrix given by the entries of one triangle or of both, as a vector: its lower triangle by rows, with what
/// is off the diagonal times √2, so that the norms are the same.
fn lower_triangle(entries: impl Iterator<Item = ((usize, usize), f64)>) -> Vec<f64> {
    let mut lower: Vec<_> = entries
        .map(|((i, j), x)| (i.max(j), i.min(j), if i == j { x } else { x * 2.0_f64.sqrt() }))
        .collect();
    lower.sort_by_key(|&(i, j, _)| (i, j));
    lower.dedup_by_key(|&mut (i, j, _)| (i, j));
    lower.into_iter().map(|(_, _, x)| x).collect()
}
