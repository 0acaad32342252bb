//! What a replay at other data does with indices and conditions.

use dualtape_autodiff::{Array, Error, Function, custom::Fault, record};

/// `−Σ ln softmax(W)[label]`, with the labels as data.
fn cross_entropy(labels: &[f64]) -> Result<Function<'static>, Error> {
    let labels = Array::new(&[labels.len(), 1], labels.to_vec())?;
    record(&[0.0; 6])
        .data(&[&labels])
        .function(|x, data| -x.reshape(&[2, 3]).log_softmax(1).gather(1, data[0]).sum())
}

#[test]
fn labels_are_data() -> Result<(), Error> {
    let x = [0.3, -0.2, 0.9, 1.1, 0.4, -0.7];
    let v = [1.0, 0.5, -1.0, 0.25, 2.0, -0.5];
    let replayed = cross_entropy(&[0.0, 1.0])?;
    let mut products = [[0.0; 6]; 2];
    replayed.hvp_into(&x, &v, &mut products[0])?;
    replayed.set_data(0, &Array::new(&[2, 1], vec![2.0, 0.0])?)?;
    let fresh = cross_entropy(&[2.0, 0.0])?;
    assert_eq!(replayed.gradient(&x)?, fresh.gradient(&x)?);
    replayed.hvp_into(&x, &v, &mut products[0])?;
    fresh.hvp_into(&x, &v, &mut products[1])?;
    assert_eq!(products[0], products[1]);
    Ok(())
}

#[test]
fn a_label_that_is_none_is_an_error_at_replay_and_does_not_stay() -> Result<(), Error> {
    let f = cross_entropy(&[0.0, 1.0])?;
    let expected = f.gradient(&[0.5; 6])?;
    for wrong in [3.0, 1.5, -1.0, f64::NAN] {
        f.set_data(0, &Array::new(&[2, 1], vec![0.0, wrong])?)?;
        for refused in [f.value(&[0.5; 6]).err(), f.gradient(&[0.5; 6]).err()] {
            let Some(Error::Failed { fault: Fault::Index { length: 3, .. }, at, .. }) = refused
            else {
                panic!("{wrong} gives {refused:?}")
            };
            assert!(at.file().ends_with("replay.rs"));
        }
    }
    f.set_data(0, &Array::new(&[2, 1], vec![0.0, 1.0])?)?;
    assert_eq!(f.gradient(&[0.5; 6])?, expected);
    Ok(())
}

/// Conditions and places of maxima are computed anew at each point, without recording again.
#[test]
fn conditions_and_argmax_follow_the_point() -> Result<(), Error> {
    let f = record(&[1.0, -1.0, 2.0]).array().function(|x| {
        let picked = x.powi(2).gather(0, x.argmax(0).keep_axis(0)).sum();
        x.gt(0.0).where_cond(x.powi(2), x * -3.0).sum() + picked
    })?;
    assert_eq!(f.gradient(&[1.0, -1.0, 2.0])?, [2.0, -3.0, 8.0]);
    assert_eq!(f.gradient(&[-1.0, 3.0, 2.0])?, [-3.0, 12.0, 4.0]);
    Ok(())
}

/// Reading where the largest element is lets the program branch on it, so a replay where it moved records afresh.
#[test]
fn an_argmax_read_as_numbers_is_guarded() -> Result<(), Error> {
    let f =
        record(&[1.0, 2.0]).array().function(|x| x.get(x.argmax(0).data()[0] as usize).powi(2))?;
    assert_eq!(f.gradient(&[1.0, 2.0])?, [0.0, 4.0]);
    assert_eq!(f.gradient(&[5.0, 2.0])?, [10.0, 0.0]);
    Ok(())
}
