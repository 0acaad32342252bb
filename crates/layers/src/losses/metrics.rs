//! How well a classifier does.

use std::fmt;

use dualtape_autodiff::{Array, Real};

use crate::data::{check_labels, check_row_counts, not_finite};
use crate::errors::Error;

/// The column of the largest entry of each row of `[n, classes]`, the first at a tie: the predicted labels.
///
/// # Errors
///
/// [`Error::Shape`] unless the rank is 2 with at least one row and one class, [`Error::NotFinite`] at the first NaN.
///
/// # Example
///
/// ```
/// use dualtape_layers::{predicted_labels, table};
///
/// assert_eq!(predicted_labels(&table(&[[0.1, 3.0, 0.2], [5.0, 5.0, 1.0]])?)?, [1, 0]);
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
pub fn predicted_labels<S: Real>(logits: &Array<S>) -> Result<Vec<usize>, Error> {
    let classes = match *logits.shape() {
        [rows, classes] if rows * classes > 0 => classes,
        _ => {
            return Err(Error::Shape {
                what: "the logits",
                got: logits.shape().to_vec(),
                needed: "[rows, classes]".to_owned(),
            });
        }
    };
    if let Some(index) = logits.data().iter().position(|x| x.is_nan()) {
        return Err(not_finite("the logits", logits, index));
    }
    Ok(logits.data().chunks_exact(classes).map(arg_max).collect())
}

fn arg_max<S: Real>(row: &[S]) -> usize {
    (1..row.len()).fold(0, |best, column| if row[column] > row[best] { column } else { best })
}

/// The share of rows whose largest logit is that of the label, in `[0, 1]`.
///
/// # Errors
///
/// As [`ConfusionMatrix::new`].
///
/// # Example
///
/// ```
/// use dualtape_layers::{accuracy, table};
///
/// let logits = table(&[[2.0, 1.0], [0.0, 3.0], [1.0, 0.0], [0.0, 1.0]])?;
/// assert_eq!(accuracy(&logits, &[0, 1, 1, 1])?, 0.75);
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
pub fn accuracy<S: Real>(logits: &Array<S>, labels: &[usize]) -> Result<f64, Error> {
    Ok(ConfusionMatrix::new(logits, labels)?.accuracy())
}

/// How often each class was taken for each other.
///
/// # Example
///
/// ```
/// use dualtape_layers::{ConfusionMatrix, table};
///
/// let logits = table(&[[2.0, 1.0], [0.0, 3.0], [1.0, 0.0], [0.0, 1.0]])?;
/// let confusion = ConfusionMatrix::new(&logits, &[0, 1, 1, 1])?;
/// assert_eq!(confusion.count(1, 0), 1);
/// assert_eq!(confusion.recall(1), Some(2.0 / 3.0));
/// assert_eq!(confusion.precision(1), Some(1.0));
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfusionMatrix {
    classes: usize,
    counts: Vec<usize>,
}

impl ConfusionMatrix {
    /// Compares the largest logit of each row of `[n, classes]` with the row's label.
    ///
    /// # Errors
    ///
    /// As [`predicted_labels`]; [`Error::RowCount`] if there is not one label for each row,
    /// [`Error::LabelOutOfRange`].
    pub fn new<S: Real>(logits: &Array<S>, labels: &[usize]) -> Result<Self, Error> {
        let predicted = predicted_labels(logits)?;
        let classes = logits.shape()[1];
        check_row_counts("the logits", predicted.len(), "the labels", labels.len())?;
        check_labels(labels, classes)?;
        let mut counts = vec![0; classes * classes];
        for (actual, predicted) in labels.iter().zip(predicted) {
            counts[actual * classes + predicted] += 1;
        }
        Ok(Self { classes, counts })
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// How many rows of class `actual` were predicted to be of class `predicted`; 0 for classes that do not exist.
    pub fn count(&self, actual: usize, predicted: usize) -> usize {
        let exists = actual < self.classes && predicted < self.classes;
        if exists { self.counts[actual * self.classes + predicted] } else { 0 }
    }

    /// The share of rows on the diagonal.
    pub fn accuracy(&self) -> f64 {
        let right: usize = (0..self.classes).map(|class| self.count(class, class)).sum();
        right as f64 / self.counts.iter().sum::<usize>() as f64
    }

    /// The share of the rows of this class that were recognised; `None` if there are no such rows.
    pub fn recall(&self, class: usize) -> Option<f64> {
        let rows = (0..self.classes).map(|predicted| self.count(class, predicted)).sum();
        ratio(self.count(class, class), rows)
    }

    /// The share of the rows predicted to be of this class that are; `None` if there are no such rows.
    pub fn precision(&self, class: usize) -> Option<f64> {
        let rows = (0..self.classes).map(|actual| self.count(actual, class)).sum();
        ratio(self.count(class, class), rows)
    }
}

fn ratio(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// One line for each actual class, one column for each predicted class.
impl fmt::Display for ConfusionMatrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.counts.iter().max().map_or(1, |count| count.to_string().len());
        for row in self.counts.chunks_exact(self.classes) {
            let line: Vec<String> = row.iter().map(|count| format!("{count:>width$}")).collect();
            writeln!(f, "{}", line.join(" "))?;
        }
        Ok(())
    }
}
