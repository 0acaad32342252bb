//! The nonlinear regressions of NIST, from both of their starts.

use dualtape_autodiff::Var;
use dualtape_optimizers::Error;

use super::Problem;
use regressions::{Regression, STARTS};

#[path = "../../tests/suite/regressions.rs"]
mod regressions;

/// All of them.
pub fn all() -> Result<Vec<Problem>, Error> {
    let pairs = Regression::all().into_iter().flat_map(|r| STARTS.map(|start| (r.clone(), start)));
    pairs
        .map(|(regression, start)| {
            let (name, x) = (format!("{} from {start}", regression.name), regression.start(start));
            Problem::new(name, x, move |b| {
                regression.residuals(b).into_iter().map(|r| r.powi(2)).sum::<Var<'_>>()
            })
        })
        .collect()
}
