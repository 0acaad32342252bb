//! Points where the objective cannot be computed: outside its domain.

use crate::methods::{ANY, SQUARES};
use dualtape_autodiff::{Array, Error as AutodiffError, Function, Tensor, custom::Fault, record};
use dualtape_optimizers::prelude::*;
use dualtape_optimizers::{
    Adam, Error, LossCurve, LossSurface, Newton, Residuals, Sgd, StopReason, stochastic::sources,
};

fn identity_and_exchange() -> [Array<f64>; 2] {
    [[1.0, 0.0, 0.0, 1.0], [0.0, 1.0, 1.0, 0.0]]
        .map(|entries| Array::new(&[2, 2], entries.to_vec()).unwrap())
}

/// `ln det [[1, x], [x, 1]]` by a Cholesky factor, which there is none of where `|x| ≥ 1`.
fn log_determinant<'t>(x: Tensor<'t>, data: &[Tensor<'t>]) -> Tensor<'t> {
    (data[0] + data[1] * x.get(0)).cholesky().log_det_cholesky()
}

/// `−ln det [[1, x], [x, 1]] − 5x`, which is least where `5x² + 2x = 5`.
fn barrier(at: f64) -> Result<Function<'static>, AutodiffError> {
    let [identity, exchange] = identity_and_exchange();
    record(&[at])
        .data(&[&identity, &exchange])
        .function(|x, data| -log_determinant(x, data).to_var() - x.get(0) * 5.0)
}

#[test]
fn a_failed_factorization_is_stepped_back_from() {
    let f = barrier(0.0).unwrap();
    let minimum = (104_f64.sqrt() - 2.0) / 10.0;
    for (method, minimize) in ANY {
        let mut x = [0.0];
        let report = minimize(&f, &mut x).unwrap_or_else(|error| panic!("{method}: {error}"));
        assert!(report.converged() && report.certified(), "{method}: {report}");
        assert!((x[0] - minimum).abs() < 1e-7, "{method}: {x:?}\n{report}");
    }
}

#[test]
fn residuals_may_have_a_domain_too() {
    let [identity, exchange] = identity_and_exchange();
    let f = Residuals::record_tensor(&[0.1], &[&identity, &exchange], |x, data| {
        (log_determinant(x, data) - 0.36_f64.ln()).reshape(&[1])
    })
    .unwrap();
    for (method, minimize) in SQUARES {
        let mut x = [0.1];
        let report = minimize(&f, &mut x).unwrap_or_else(|error| panic!("{method}: {error}"));
        assert!(report.converged() && (x[0] - 0.8).abs() < 1e-7, "{method}: {x:?}\n{report}");
    }
}

/// A rule that cannot step back ends there, with the best point and what it met.
#[test]
fn a_step_out_of_the_domain_is_no_error() {
    let f = barrier(0.0).unwrap();
    let reports = [
        Sgd::new(1.0).minimize(&f, &mut [0.0]),
        Adam::new(3.0).minimize(&f, &mut [0.0]),
        Sgd::new(1.0).with_source(sources::Newton::default()).minimize(&f, &mut [0.0]),
        Newton::default().fixed_step(1.0).minimize(&f, &mut [0.0]),
    ];
    for report in reports {
        let report = report.unwrap();
        assert_eq!((report.stop, report.value), (StopReason::NonFinite, 0.0), "{report}");
        let [obstacle] = &report.obstacles[..] else { panic!("{report}") };
        assert!(obstacle.contains("not positive definite"), "{report}");
        assert!(report.to_string().contains("not positive definite"), "{report}");
    }
}

#[test]
fn a_start_outside_is_refused_with_its_cause() {
    let f = barrier(0.0).unwrap();
    for (method, minimize) in ANY {
        let mut x = [1.5];
        let error = minimize(&f, &mut x).unwrap_err();
        let Error::Autodiff(AutodiffError::Failed { fault, .. }) = &error else {
            panic!("{method}: {error}")
        };
        assert!(matches!(fault, Fault::NotPositiveDefinite { .. }), "{method}: {error}");
        assert_eq!(x, [1.5]);
    }
}

#[test]
fn pictures_have_gaps_outside() {
    let f = barrier(0.0).unwrap();
    let curve = LossCurve::along("x", &f, &[0.0], &[1.0], 2.0, 5).unwrap();
    let inside: Vec<bool> = curve.losses.iter().map(|loss| loss.is_finite()).collect();
    assert_eq!(inside, [false, false, true, false, false]);
    let surface = LossSurface::around(&f, &[0.0], [&[1.0], &[0.25]], 1.0, 3).unwrap();
    assert!(surface.loss(1, 2).is_finite() && surface.loss(2, 2).is_nan());
}
