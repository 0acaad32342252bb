//! What losses have in common, whatever the numbers.

use dualtape_autodiff::{Array, Tape, Tensor};
use dualtape_layers::{
    AbsoluteError, BinaryCrossEntropy, CrossEntropy, Hinge, Huber, KlDivergence, MulticlassHinge,
    SquaredError, cosine_distance, one_hot, triplet_margin,
};
use proptest::prelude::*;

const EPS: f64 = f64::EPSILON;

fn numbers(n: usize, bound: f64) -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(-bound..bound, n)
}

fn array<'t>(tape: &'t Tape, shape: &[usize], data: &[f64]) -> Tensor<'t> {
    tape.constant(&Array::new(shape, data.to_vec()).unwrap())
}

fn near(a: f64, b: f64, tolerance: f64) -> bool {
    (a - b).abs() <= tolerance * (1.0 + a.abs().max(b.abs()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn losses_are_not_negative(z in numbers(12, 30.0), y in numbers(12, 30.0), label in 0..3_usize) {
        let tape = Tape::new();
        let (z, y) = (array(&tape, &[4, 3], &z), array(&tape, &[4, 3], &y));
        let labels = array(&tape, &[4], &[label as f64, 0.0, 1.0, 2.0]);
        let (p, signs) = (y.softmax(1), y.ge(0.0) * 2.0 - 1.0);
        let terms = [
            SquaredError.terms(z, y),
            AbsoluteError.terms(z, y),
            Huber::new(0.7).terms(z, y),
            Hinge::new().terms(z, signs),
            MulticlassHinge::new().terms(z, labels),
            CrossEntropy::new().terms(z, labels),
            CrossEntropy::new().label_smoothing(0.3).terms(z, p),
            BinaryCrossEntropy::new().terms(z, y.sigmoid()),
        ];
        for terms in terms {
            prop_assert!(terms.each().data().iter().all(|&term| term >= 0.0), "{terms:?}");
        }
        // a divergence is a difference, so it may be negative by rounding
        let divergence = KlDivergence::new().terms(z.log_softmax(1), p).each().sum_axis(1);
        prop_assert!(divergence.data().iter().all(|&d| d >= -256.0 * EPS), "{divergence:?}");
        prop_assert!((0.0..=2.0 + 8.0 * EPS).contains(&(cosine_distance(z, y).value())));
        prop_assert!(triplet_margin(z, y, p).value() >= 0.0);
    }

    #[test]
    fn cross_entropy_does_not_see_a_shift(z in numbers(6, 20.0), shift in -1e3..1e3_f64) {
        let tape = Tape::new();
        let moved: Vec<f64> = z.iter().map(|z| z + shift).collect();
        let labels = array(&tape, &[2], &[2.0, 0.0]);
        let loss = CrossEntropy::new().label_smoothing(0.1).class_weights(&[1.0, 2.0, 3.0]);
        let value = |z: &[f64]| loss.terms(array(&tape, &[2, 3], z), labels).mean().value();
        prop_assert!(near(value(&z), value(&moved), 1e3 * 16.0 * EPS));
    }

    #[test]
    fn labels_and_their_one_hot_rows_agree(z in numbers(6, 20.0), labels in prop::array::uniform2(0..3_usize)) {
        let tape = Tape::new();
        let z = array(&tape, &[2, 3], &z);
        let integers = array(&tape, &[2], &labels.map(|label| label as f64));
        let rows = tape.constant(&one_hot(&labels, 3).unwrap());
        let loss = CrossEntropy::new().label_smoothing(0.2);
        let (a, b) = (loss.terms(z, integers).mean(), loss.terms(z, rows).mean());
        prop_assert!(near(a.value(), b.value(), 16.0 * EPS));
    }

    #[test]
    fn the_size_of_class_weights_does_not_matter_to_the_mean(z in numbers(6, 20.0), scale in 0.1..10.0_f64) {
        let tape = Tape::new();
        let (z, labels) = (array(&tape, &[2, 3], &z), array(&tape, &[2], &[2.0, 0.0]));
        let mean = |weights: [f64; 3]| {
            CrossEntropy::new().class_weights(&weights).terms(z, labels).mean().value()
        };
        let weights = [1.0, 0.2, 3.0];
        prop_assert!(near(mean(weights), mean(weights.map(|w| scale * w)), 16.0 * EPS));
    }

    #[test]
    fn what_is_ignored_might_not_be_there(z in numbers(9, 20.0)) {
        let tape = Tape::new();
        let loss = CrossEntropy::new().ignore_index(5).class_weights(&[1.0, 0.2, 3.0]);
        let all = loss.terms(array(&tape, &[3, 3], &z), array(&tape, &[3], &[2.0, 5.0, 1.0]));
        let rest = [&z[..3], &z[6..]].concat();
        let rest = loss.terms(array(&tape, &[2, 3], &rest), array(&tape, &[2], &[2.0, 1.0]));
        prop_assert!(near(all.mean().value(), rest.mean().value(), 8.0 * EPS));
        prop_assert_eq!(all.each().data()[1], 0.0);
        // and so with a mask of weights
        let mask = array(&tape, &[3], &[1.0, 0.0, 1.0]);
        let labels = array(&tape, &[3], &[2.0, 0.0, 1.0]);
        let masked = loss.terms(array(&tape, &[3, 3], &z), labels).weighted(mask);
        prop_assert!(near(masked.mean().value(), rest.mean().value(), 8.0 * EPS));
    }

    #[test]
    fn huber_lies_between_its_limits(z in numbers(6, 5.0), y in numbers(6, 5.0)) {
        let tape = Tape::new();
        let (z, y) = (array(&tape, &[6], &z), array(&tape, &[6], &y));
        let squared = SquaredError.terms(z, y).sum().value();
        let absolute = AbsoluteError.terms(z, y).sum().value();
        let large = Huber::new(11.0).terms(z, y).sum().value();
        prop_assert!(near(large, 0.5 * squared, 8.0 * EPS));
        let small = Huber::new(1e-9).terms(z, y).sum().value() / 1e-9;
        prop_assert!((small - absolute).abs() <= 6.0 * 1e-9 + 8.0 * EPS * absolute);
    }

    #[test]
    fn hinge_is_the_margin_that_is_missing(z in numbers(6, 5.0), margin in 0.1..3.0_f64) {
        let tape = Tape::new();
        let (scores, ones) = (array(&tape, &[6], &z), array(&tape, &[6], &[1.0; 6]));
        let terms = Hinge::new().margin(margin).terms(scores, ones).each();
        let expected: Vec<f64> = z.iter().map(|z| (margin - z).max(0.0)).collect();
        prop_assert_eq!(terms.data(), &expected[..]);
        // with two classes, the hinge of several is half of it, by the difference of their scores
        let pairs: Vec<f64> = z.iter().flat_map(|&z| [0.0, z]).collect();
        let pairs = array(&tape, &[6, 2], &pairs);
        let several = MulticlassHinge::new().margin(margin).terms(pairs, ones).each();
        for (a, b) in several.data().iter().zip(&expected) {
            prop_assert!(near(2.0 * a, *b, 8.0 * EPS));
        }
    }
}
