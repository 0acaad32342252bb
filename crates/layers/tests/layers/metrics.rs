//! Accuracy and confusion.

use dualtape_autodiff::Array;
use dualtape_layers::{ConfusionMatrix, Error, accuracy, predicted_labels, table};

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
