//! How well a model does: classes recognised, numbers hit.

use std::fmt;

use dualtape_autodiff::{Array, Real};

use crate::data::{
    check_labels, check_row_counts, check_rows, not_finite, reserve, row_length, to_f64,
};
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
/// assert_eq!(confusion.f1(1), Some(0.8));
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
        check_row_counts("the logits", predicted.len(), "the labels", labels.len())?;
        Self::of_labels(&predicted, labels, logits.shape()[1])
    }

    /// Compares labels that were predicted, in whatever way, with the right ones.
    ///
    /// # Errors
    ///
    /// [`Error::RowCount`] unless there are as many of one as of the other, [`Error::Empty`], [`Error::LabelOutOfRange`].
    pub fn of_labels(predicted: &[usize], labels: &[usize], classes: usize) -> Result<Self, Error> {
        check_row_counts("the predicted labels", predicted.len(), "the labels", labels.len())?;
        check_labels(labels, classes)?;
        check_labels(predicted, classes)?;
        let mut counts = reserve("the confusion matrix", classes, classes)?;
        counts.resize(classes * classes, 0);
        for (&actual, &predicted) in labels.iter().zip(predicted) {
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
        ratio(self.count(class, class), self.actual(class))
    }

    /// The share of the rows predicted to be of this class that are; `None` if there are no such rows.
    pub fn precision(&self, class: usize) -> Option<f64> {
        ratio(self.count(class, class), self.predicted(class))
    }

    /// `F₁ = 2·TP/(2·TP + FP + FN)`, the harmonic mean of precision and recall of a class; `None` if no row is of the class or
    /// was predicted to be.
    pub fn f1(&self, class: usize) -> Option<f64> {
        ratio(2 * self.count(class, class), self.actual(class) + self.predicted(class))
    }

    /// The mean of [`f1`](Self::f1) over the classes that have one: each class counts the same.
    pub fn macro_f1(&self) -> f64 {
        self.mean_f1(|_| 1)
    }

    /// The mean of [`f1`](Self::f1) over the classes, each weighted by the number of its rows.
    pub fn weighted_f1(&self) -> f64 {
        self.mean_f1(|class| self.actual(class))
    }

    /// `F₁` of all classes' counts together. Where each row has one label, this is the [`accuracy`](Self::accuracy).
    pub fn micro_f1(&self) -> f64 {
        self.accuracy()
    }

    fn mean_f1(&self, weight: impl Fn(usize) -> usize) -> f64 {
        let scores = (0..self.classes).filter_map(|class| Some((self.f1(class)?, weight(class))));
        let (sum, total) = scores.fold((0.0, 0), |(sum, total), (f1, weight)| {
            (sum + f1 * weight as f64, total + weight)
        });
        sum / total as f64
    }

    /// Rows of this class.
    fn actual(&self, class: usize) -> usize {
        (0..self.classes).map(|predicted| self.count(class, predicted)).sum()
    }

    /// Rows predicted to be of this class.
    fn predicted(&self, class: usize) -> usize {
        (0..self.classes).map(|actual| self.count(actual, class)).sum()
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

/// How well numbers were predicted.
///
/// # Example
///
/// ```
/// use dualtape_layers::{RegressionScores, table};
///
/// let predictions = table(&[[1.0], [2.0], [6.0]])?;
/// let targets = table(&[[1.0], [3.0], [5.0]])?;
/// let scores = RegressionScores::new(&predictions, &targets)?;
/// assert_eq!(scores.r_squared(), Some(1.0 - 2.0 / 8.0));
/// assert_eq!(scores.mean_absolute_error(), 2.0 / 3.0);
/// assert_eq!(scores.root_mean_squared_error(), (2.0_f64 / 3.0).sqrt());
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RegressionScores {
    absolute: f64,
    squared: f64,
    variance: f64,
}

impl RegressionScores {
    /// Compares predictions with targets, entry by entry, in `f64`.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] unless both are of one shape, even where they have as many entries; [`Error::Empty`],
    /// [`Error::NotFinite`].
    pub fn new<S: Real>(predictions: &Array<S>, targets: &Array<S>) -> Result<Self, Error> {
        check_rows("the predictions", predictions)?;
        check_rows("the targets", targets)?;
        if predictions.shape() != targets.shape() {
            let needed = format!("the shape of the targets, {:?},", targets.shape());
            let got = predictions.shape().to_vec();
            return Err(Error::Shape { what: "the predictions", got, needed });
        }
        let columns = row_length(targets);
        let mean_of = |f: &dyn Fn(usize) -> f64| {
            (0..targets.len()).map(f).sum::<f64>() / targets.len() as f64
        };
        let target = |i: usize| to_f64(targets.data()[i]);
        let residual = |i: usize| to_f64(predictions.data()[i]) - target(i);
        let rows = targets.shape()[0];
        let means: Vec<f64> = (0..columns)
            .map(|column| {
                let entries = (0..rows).map(|row| target(row * columns + column));
                // Deviations from the first entry: those of constant targets are exactly 0.
                let first = target(column);
                first + entries.map(|y| y - first).sum::<f64>() / rows as f64
            })
            .collect();
        Ok(Self {
            absolute: mean_of(&|i| residual(i).abs()),
            squared: mean_of(&|i| residual(i).powi(2)),
            variance: mean_of(&|i| (target(i) - means[i % columns]).powi(2)),
        })
    }

    /// The coefficient of determination, `R² = 1 − Σ(ŷ − y)²/Σ(y − ȳ)²` with the mean `ȳ` of each column: 1 for a perfect
    /// prediction, 0 for that of the mean, negative for worse. `None` if the targets do not vary.
    pub fn r_squared(&self) -> Option<f64> {
        (self.variance > 0.0).then(|| 1.0 - self.squared / self.variance)
    }

    /// `Σ |ŷ − y| / n`
    pub fn mean_absolute_error(&self) -> f64 {
        self.absolute
    }

    /// `Σ (ŷ − y)² / n`
    pub fn mean_squared_error(&self) -> f64 {
        self.squared
    }

    /// `√(Σ (ŷ − y)² / n)`, in the unit of the targets.
    pub fn root_mean_squared_error(&self) -> f64 {
        self.squared.sqrt()
    }
}
