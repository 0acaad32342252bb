//! Strategies give what they say.

use dualtape_autodiff::{Error, Tape, Tensor, record};
use dualtape_testing::strategies::{
    apart, array, away_from, between, broadcasting, direction, positive, programs, reals, shape,
    simplex, symmetric_positive_definite, unit_interval,
};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn points_lie_in_their_domain(
        real in reals(5), above in positive(4), unit in unit_interval(3), other in between(-3.0, -1.0, 4),
        p in simplex(5), away in away_from(reals(6), &[0.0, 1.0], 0.1), spread in apart(reals(6), 0.05),
    ) {
        prop_assert!(real.iter().all(|x| x.abs() <= 2.0));
        prop_assert!(above.iter().all(|&x| (0.05..=4.0).contains(&x)));
        prop_assert!(unit.iter().all(|&x| (0.02..=0.98).contains(&x)));
        prop_assert!(other.iter().all(|&x| (-3.0..=-1.0).contains(&x)));
        prop_assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-14 && p.iter().all(|&p| p > 0.0));
        prop_assert!(away.iter().all(|x| x.abs() >= 0.0999 && (x - 1.0).abs() >= 0.0999));
        for i in 0..6 {
            prop_assert!((0..i).all(|j| (spread[i] - spread[j]).abs() >= 0.0499), "{:?}", spread);
        }
    }

    #[test]
    fn matrices_are_definite(a in symmetric_positive_definite(4)) {
        let symmetric = (0..16).all(|k| a[k] == a[k % 4 * 4 + k / 4]);
        let factored = record(&a).array().function(|a| a.reshape(&[4, 4]).cholesky().sum());
        prop_assert!(symmetric && factored.is_ok());
    }

    #[test]
    fn shapes_broadcast_as_they_say(pair in broadcasting(4)) {
        let tape = Tape::<f64>::new();
        let arrays = pair.operands.clone().map(|shape| tape.constant(&dualtape_autodiff::Array::zeros(&shape)));
        let sum: Tensor<'_> = arrays[0] + arrays[1];
        prop_assert_eq!(tape.error(), None::<Error>);
        prop_assert_eq!(sum.shape(), &pair.result[..]);
    }

    #[test]
    fn arrays_have_their_shape((shape, array) in shape(3).prop_flat_map(|s| (Just(s.clone()), array(&s)))) {
        prop_assert_eq!(array.shape(), &shape[..]);
    }

    #[test]
    fn directions_are_uneven(v in direction(8)) {
        prop_assert!(v.iter().all(|v| (0.25..=1.0).contains(&v.abs())));
        prop_assert!((0..8).all(|i| (0..i).all(|j| v[i] != v[j])));
    }

    #[test]
    fn programs_run(program in programs(12), x in reals(3)) {
        let f = record(&x).function(|x| program.run(x));
        prop_assert!(f.and_then(|f| f.value(&x)).is_ok_and(f64::is_finite));
    }
}
