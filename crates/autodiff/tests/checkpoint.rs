//! Regions that are computed again instead of kept: the same values, derivatives, guards and errors.

use dualtape_autodiff::{Array, Error, Tensor, checkpoint, checkpoint_scalars, hvp, record};

const AT: [f64; 6] = [0.3, -0.8, 1.1, 0.4, -0.2, 0.9];
const V: [f64; 6] = [1.0, -0.5, 0.25, 0.8, -0.3, 0.6];

/// Three layers, each with its own part of the weights.
fn network<'t>(w: Tensor<'t>, checkpointed: bool) -> Tensor<'t> {
    let start = w.constant(&Array::new(&[1, 1], vec![0.7]).expect("one element"));
    (0..3).fold(start, |x, layer| {
        let w = w.view(2 * layer, &[1, 2]);
        if checkpointed { checkpoint(&[x, w], |x| layer_of(x[0], x[1])) } else { layer_of(x, w) }
    })
}

fn layer_of<'t>(x: Tensor<'t>, w: Tensor<'t>) -> Tensor<'t> {
    x.matmul(w).tanh().matmul(w.t().exp())
}

#[test]
fn values_and_derivatives_have_the_same_bits() -> Result<(), Error> {
    let record = |checkpointed| {
        record(&[0.1; 6]).array().function(move |w| network(w, checkpointed).powi(2).sum())
    };
    let (plain, checked) = (record(false)?, record(true)?);
    assert_eq!(checked.value(&AT)?.to_bits(), plain.value(&AT)?.to_bits());
    assert_eq!(checked.gradient(&AT)?, plain.gradient(&AT)?);
    let mut products = [[0.0; 6]; 2];
    plain.hvp_into(&AT, &V, &mut products[0])?;
    checked.hvp_into(&AT, &V, &mut products[1])?;
    for (a, b) in products[0].iter().zip(&products[1]) {
        assert!((a - b).abs() <= 4.0 * f64::EPSILON * (1.0 + a.abs()), "{a} is not {b}");
    }
    assert!(checked.to_string().contains("checkpoint"), "{checked}");
    Ok(())
}

#[test]
fn regions_nest() -> Result<(), Error> {
    let nested = record(&AT).array().function(|x| {
        let y = checkpoint(&[x], |x| {
            let once = checkpoint(x, |x| (x[0] * 1.3).sin());
            checkpoint(&[once, x[0]], |x| (x[0] * 1.3).sin() * x[1])
        });
        y.sum()
    })?;
    let plain = record(&AT).array().function(|x| {
        let y = (x * 1.3).sin();
        ((y * 1.3).sin() * x).sum()
    })?;
    let (g, expected) = (nested.gradient(&AT)?, plain.gradient(&AT)?);
    for (a, b) in g.iter().zip(&expected) {
        assert!((a - b).abs() <= 4.0 * f64::EPSILON, "{a} is not {b}");
    }
    let (h, expected) = (nested.hessian(&AT)?, plain.hessian(&AT)?);
    for (a, b) in h.as_slice().iter().zip(expected.as_slice()) {
        assert!((a - b).abs() <= 16.0 * f64::EPSILON, "{a} is not {b}");
    }
    Ok(())
}

#[test]
fn branches_within_a_region_are_guarded() -> Result<(), Error> {
    let f = record(&[1.0, 2.0]).function(|x| {
        checkpoint_scalars(x, |x| if x[0] > 0.0 { x[0] * x[1] } else { x[1].powi(3) }) * x[1]
    })?;
    assert_eq!(f.gradient(&[2.0, 3.0])?, [9.0, 12.0]);
    assert_eq!(f.gradient(&[-2.0, 3.0])?, [0.0, 4.0 * 27.0]);
    assert_eq!(f.hessian(&[2.0, 3.0])?.as_slice(), [0.0, 6.0, 6.0, 4.0]);
    Ok(())
}

#[test]
fn over_duals_a_region_has_its_tangents() -> Result<(), Error> {
    let product =
        hvp(|x| checkpoint_scalars(x, |x| (x[0] * x[1]).sin() * x[2]).exp(), &AT[..3], &V[..3])?;
    let expected = hvp(|x| ((x[0] * x[1]).sin() * x[2]).exp(), &AT[..3], &V[..3])?;
    for (a, b) in product.iter().zip(&expected) {
        assert!((a - b).abs() <= 16.0 * f64::EPSILON, "{a} is not {b}");
    }
    Ok(())
}

#[test]
fn errors_within_a_region_are_those_of_the_recording() {
    let refused = record(&AT).array().function(|x| {
        checkpoint(&[x], |x| x[0].reshape(&[2, 3]).matmul(x[0].reshape(&[2, 3]))).sum()
    });
    assert!(refused.unwrap_err().to_string().contains("do not fit matmul"));
}

#[cfg(feature = "linear-algebra")]
#[test]
fn faults_within_a_region_are_those_of_the_replay() {
    let singular = [1.0, 2.0, 2.0, 4.0, 1.0, 1.0];
    let f = record(&AT)
        .array()
        .function(|x| checkpoint(&[x], |x| x[0].view(0, &[2, 2]).solve(x[0].view(4, &[2]))).sum());
    let refused = f.expect("regular").gradient(&singular);
    assert!(
        matches!(
            refused,
            Err(Error::Failed {
                operation: "lu",
                fault: dualtape_autodiff::custom::Fault::Singular { pivot: 1 },
                ..
            })
        ),
        "{refused:?}"
    );
}
