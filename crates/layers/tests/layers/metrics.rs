//! Accuracy and confusion.

use dualtape_autodiff::Array;
use dualtape_layers::{
    ConfusionMatrix, Error, RegressionScores, accuracy, predicted_labels, table,
};

#[test]
fn confusion_by_hand() {
    let logits = table(&[
        [2.0, 1.0, 0.0],
        [0.0, 1.0, 2.0],
        [0.0, 3.0, 2.0],
        [1.0, 1.0, 1.0],
        [-1.0, -3.0, -2.0],
    ])
    .unwrap();
    assert_eq!(predicted_labels(&logits).unwrap(), [0, 2, 1, 0, 0]);
    let labels = [0, 2, 2, 1, 0];
    let confusion = ConfusionMatrix::new(&logits, &labels).unwrap();
    assert_eq!(confusion.to_string(), "2 0 0\n1 0 0\n0 1 1\n");
    assert_eq!(confusion.count(2, 1), 1);
    assert_eq!(confusion.count(3, 0), 0);
    assert_eq!(accuracy(&logits, &labels).unwrap(), 0.6);
    let recalls = [0, 1, 2, 3].map(|class| confusion.recall(class));
    assert_eq!(recalls, [Some(1.0), Some(0.0), Some(0.5), None]);
    let precisions = [0, 1, 2].map(|class| confusion.precision(class));
    assert_eq!(precisions, [Some(2.0 / 3.0), Some(0.0), Some(1.0)]);
}

#[test]
fn bad_logits_and_labels_are_refused() {
    let logits = table(&[[0.0, 1.0], [1.0, f64::NAN]]).unwrap();
    assert_eq!(
        accuracy(&logits, &[0, 1]).unwrap_err().to_string(),
        "the logits hold NaN in row 1, column 1; remove or impute such rows first"
    );
    let logits = table(&[[0.0, 1.0], [1.0, f64::NEG_INFINITY]]).unwrap();
    assert_eq!(accuracy(&logits, &[1, 0]).unwrap(), 1.0);
    assert_eq!(
        accuracy(&logits, &[0]).unwrap_err().to_string(),
        "the logits have 2 rows, but the labels have 1; each row needs its counterpart"
    );
    assert_eq!(
        accuracy(&logits, &[0, 2]),
        Err(Error::LabelOutOfRange { row: 1, label: 2, classes: 2 })
    );
    for shape in [&[4][..], &[0, 2], &[2, 0], &[1, 2, 2]] {
        let refused = predicted_labels(&Array::<f64>::zeros(shape)).unwrap_err();
        assert!(matches!(refused, Error::Shape { .. }), "{refused:?}");
    }
}

/// Class 3 has no rows and no predictions.
#[test]
fn f1_by_hand() {
    let labels = [0, 0, 0, 1, 1, 2, 2, 2, 2, 2];
    let predicted = [0, 1, 0, 1, 1, 2, 0, 2, 1, 2];
    let confusion = ConfusionMatrix::of_labels(&predicted, &labels, 4).unwrap();
    // (TP, predicted, actual) = (2, 3, 3), (2, 4, 2), (3, 3, 5)
    let f1 = [4.0 / 6.0, 4.0 / 6.0, 6.0 / 8.0];
    assert_eq!(
        [0, 1, 2, 3].map(|c| confusion.f1(c)),
        [Some(f1[0]), Some(f1[1]), Some(f1[2]), None]
    );
    let near = |a: f64, b: f64| assert!((a - b).abs() < 4.0 * f64::EPSILON, "{a} {b}");
    near(confusion.macro_f1(), (f1[0] + f1[1] + f1[2]) / 3.0);
    near(confusion.weighted_f1(), (3.0 * f1[0] + 2.0 * f1[1] + 5.0 * f1[2]) / 10.0);
    assert_eq!(confusion.micro_f1(), 0.7);
    assert_eq!(
        ConfusionMatrix::of_labels(&[0, 4], &[0, 1], 4),
        Err(Error::LabelOutOfRange { row: 1, label: 4, classes: 4 })
    );
    assert!(ConfusionMatrix::of_labels(&[0], &[0, 1], 4).is_err());
}

#[test]
fn regression_scores_by_hand() {
    let targets = table(&[[1.0, 10.0], [2.0, 30.0], [6.0, 20.0]]).unwrap();
    let predictions = table(&[[1.5, 10.0], [2.0, 28.0], [5.0, 22.0]]).unwrap();
    let scores = RegressionScores::new(&predictions, &targets).unwrap();
    let squares = 0.25 + 1.0 + 4.0 + 4.0;
    assert_eq!(scores.mean_squared_error(), squares / 6.0);
    assert_eq!(scores.root_mean_squared_error(), (squares / 6.0_f64).sqrt());
    assert_eq!(scores.mean_absolute_error(), 5.5 / 6.0);
    // Σ(y − ȳ)² = 4 + 1 + 9 and 100 + 100 + 0
    assert!((scores.r_squared().unwrap() - (1.0 - squares / 214.0)).abs() < 1e-15);
    let constant = table(&[[0.1], [0.1], [0.1]]).unwrap();
    assert_eq!(RegressionScores::new(&constant, &constant).unwrap().r_squared(), None);
    let flat = Array::vector(targets.data().to_vec());
    let refused = RegressionScores::new(&flat, &targets).unwrap_err();
    assert!(matches!(refused, Error::Shape { .. }), "{refused}");
}
