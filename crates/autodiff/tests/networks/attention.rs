//! What masks hide.

use dualtape_autodiff::{Array, Error, Tape, Tensor, record};

use super::models::{attention, linear, mask};
use super::support::{case, wave};

/// What a query may not see has no derivative in any order: exactly 0, though its score is −∞.
#[test]
fn what_is_masked_has_derivative_zero() -> Result<(), Error> {
    let case = case("attention");
    let (theta, keys) = (Array::vector(case.theta.clone()), &case.data()[1]);
    let x = wave(2 * 3 * 4, 0.9);
    let f = record(&x).data(&[&theta, keys]).function(|x, data| {
        let parameters = case.parameters(data[0]);
        let x = x.reshape(&[2, 3, 4]);
        let z = attention(&parameters, x, 2, Some(mask(x, data[1])));
        // Of the first sequence the first step, of the second the last: this one may not see its own key.
        (z.select(0, 0).select(0, 0).powi(2) + z.select(0, 1).select(0, 2).sin()).sum()
    })?;
    let at = f.linearize(&x)?;
    let product = at.hvp(&wave(24, 1.7))?;
    let sees = |i: usize| !(4..12).contains(&i);
    for (i, (&first, &second)) in at.gradient().iter().zip(&product).enumerate() {
        assert_eq!((first != 0.0, second != 0.0), (sees(i), sees(i)), "[{i}]: {first}, {second}");
        assert!(first.is_finite() && second.is_finite(), "[{i}]: {first}, {second}");
    }
    Ok(())
}

#[test]
fn attention_refuses_what_is_no_matrix() {
    let tape = Tape::<f64>::new();
    let vector = tape.constant(&Array::vector(vec![1.0, 2.0]));
    vector.attention(vector, vector, None);
    assert!(tape.error().expect("an error").to_string().contains("attention"));
}

/// Without a mask, the order of keys and values does not matter.
#[test]
fn attention_is_a_mean_of_values() -> Result<(), Error> {
    let tape = Tape::<f64>::new();
    let array = |shape: &[usize], frequency: f64| -> Result<Tensor<'_>, Error> {
        let data = wave(shape.iter().product(), frequency);
        Ok(tape.constant(&Array::new(shape, data)?))
    };
    let (q, k, v) = (array(&[2, 3, 4], 0.7)?, array(&[2, 5, 4], 1.1)?, array(&[2, 5, 3], 0.4)?);
    let z = q.attention(k, v, None);
    let order = [3, 0, 4, 2, 1];
    let turned = q.attention(k.index_select(1, &order), v.index_select(1, &order), None);
    for (z, turned) in z.data().iter().zip(turned.data()) {
        assert!((z - turned).abs() <= 8.0 * f64::EPSILON, "{z} is not {turned}");
    }
    // A linear map of the values is that of the mean.
    let (w, b) = (array(&[2, 3], 0.3)?, array(&[2], 0.5)?);
    let (after, before) = (linear(z, w, b), q.attention(k, linear(v, w, b), None));
    for (after, before) in after.data().iter().zip(before.data()) {
        assert!((after - before).abs() <= 8.0 * f64::EPSILON, "{after} is not {before}");
    }
    assert_eq!(tape.error(), None);
    Ok(())
}

/// Keys and values that a query does not see have no influence on its row, whatever they hold: on values, gradients and Hessian
/// products. Who sees them gets NaN.
#[test]
fn what_is_not_seen_does_not_count_whatever_it_holds() {
    let n = 3 * 2;
    let point = |held: f64| {
        let mut x: Vec<f64> = (0..3 * n).map(|k| (1.3 * k as f64 + 0.2).sin()).collect();
        // The last row of queries, keys and values.
        for part in 0..3 {
            x[part * n + 4..(part + 1) * n].fill(held);
        }
        x
    };
    let rows = |from: usize, to: usize| {
        let f = record(&point(0.5)).array().function(move |x| {
            let [q, k, v] = [0, 1, 2].map(|part| x.view(part * n, &[3, 2]));
            let causal = x.constant(&Array::new(&[3, 3], vec![1.0; 9]).unwrap()).tril(0);
            q.attention(k, v, Some(causal)).slice(0, from..to).powi(3).sum()
        });
        move |held: f64| {
            let (f, x) = (f.as_ref().unwrap(), point(held));
            let v: Vec<f64> = (0..3 * n).map(|k| (0.7 * k as f64).cos()).collect();
            let mut hv = vec![0.0; 3 * n];
            f.hvp_into(&x, &v, &mut hv).unwrap();
            [vec![f.value(&x).unwrap()], f.gradient(&x).unwrap(), hv]
        }
    };
    let first = rows(0, 2);
    let expected = first(0.5);
    for held in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 7.0] {
        // What is not finite is looked into on another way, which rounds differently.
        for (got, expected) in first(held).concat().into_iter().zip(expected.concat()) {
            assert!(
                (got - expected).abs() <= 1e-14 * (1.0 + expected.abs()),
                "{held}: {got} {expected}"
            );
        }
    }
    assert!(rows(2, 3)(f64::NAN)[0][0].is_nan());
}
