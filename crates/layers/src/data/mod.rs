//! Supervised data: inputs and targets, row by row.

mod split;
mod standardize;

use dualtape_autodiff::{Array, Real};
use rand::Rng;
use rand::seq::SliceRandom;

pub use standardize::Standardize;

use crate::errors::Error;
use split::deal;

/// Inputs and targets of `n` examples. Cloning shares them.
///
/// # Example
///
/// ```
/// use dualtape_layers::{Dataset, Standardize, table};
/// use rand::{SeedableRng, rngs::ChaCha8Rng};
///
/// let rows: Vec<[f64; 2]> = (0..20).map(|i| [i as f64, (i * i) as f64]).collect();
/// let labels: Vec<usize> = (0..20).map(|i| i % 2).collect();
/// let data = Dataset::classification(table(&rows)?, &labels, 2)?;
///
/// let mut rng = ChaCha8Rng::seed_from_u64(3);
/// let [train, test] = data.split_stratified([0.8, 0.2], &labels, &mut rng)?;
/// let scale = Standardize::fit(train.inputs())?; // on the training part only
/// let (train, test) = (scale.dataset(&train)?, scale.dataset(&test)?);
/// assert_eq!((train.len(), test.len()), (16, 4));
///
/// for batch in train.batches(8, &mut rng)? {
///     assert_eq!(train.gather(&batch)?.inputs().shape(), [8, 2]);
/// }
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset<S> {
    inputs: Array<S>,
    targets: Array<S>,
}

impl<S: Real> Dataset<S> {
    /// Inputs `[n, …]` and targets `[n, …]`, checked.
    ///
    /// # Errors
    ///
    /// [`Error::Empty`] without rows or without entries to a row, [`Error::RowCount`] if the numbers of rows differ,
    /// [`Error::NotFinite`] with row and column of the first NaN or infinity.
    pub fn new(inputs: Array<S>, targets: Array<S>) -> Result<Self, Error> {
        let input_rows = check_rows("the inputs", &inputs)?;
        let target_rows = check_rows("the targets", &targets)?;
        check_row_counts("the inputs", input_rows, "the targets", target_rows)?;
        Ok(Self { inputs, targets })
    }

    /// Inputs `[n, …]` and one class label for each row; the targets are the [one-hot](one_hot) rows of the labels.
    ///
    /// # Errors
    ///
    /// As [`Dataset::new`] and [`one_hot`].
    pub fn classification(
        inputs: Array<S>,
        labels: &[usize],
        classes: usize,
    ) -> Result<Self, Error> {
        Self::new(inputs, one_hot(labels, classes)?)
    }

    /// Number of examples, at least 1.
    #[expect(clippy::len_without_is_empty, reason = "a data set is never empty")]
    pub fn len(&self) -> usize {
        self.inputs.shape()[0]
    }

    /// The inputs, `[n, …]`.
    pub fn inputs(&self) -> &Array<S> {
        &self.inputs
    }

    /// The targets, `[n, …]`.
    pub fn targets(&self) -> &Array<S> {
        &self.targets
    }

    /// The examples with these numbers, in this order; repetitions are allowed.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchRow`], [`Error::Empty`].
    pub fn gather(&self, rows: &[usize]) -> Result<Self, Error> {
        Ok(Self {
            inputs: gather_rows(&self.inputs, rows)?,
            targets: gather_rows(&self.targets, rows)?,
        })
    }

    /// Random disjoint parts with these fractions of the examples, which together are all of them; within a part the
    /// examples keep their order.
    ///
    /// # Errors
    ///
    /// [`Error::Fractions`] unless the fractions are positive and sum to 1, [`Error::EmptyPart`].
    pub fn split<const PARTS: usize>(
        &self,
        fractions: [f64; PARTS],
        rng: &mut dyn Rng,
    ) -> Result<[Self; PARTS], Error> {
        self.split_stratified(fractions, &vec![0; self.len()], rng)
    }

    /// As [`split`](Self::split), with the examples of each stratum shared out in proportion, up to about one example.
    /// `strata` has one number for each example, usually its class label.
    ///
    /// # Errors
    ///
    /// As [`split`](Self::split); [`Error::RowCount`] if `strata` does not have one entry for each example.
    pub fn split_stratified<const PARTS: usize>(
        &self,
        fractions: [f64; PARTS],
        strata: &[usize],
        rng: &mut dyn Rng,
    ) -> Result<[Self; PARTS], Error> {
        check_row_counts("the inputs", self.len(), "the strata", strata.len())?;
        let mut order: Vec<usize> = (0..self.len()).collect();
        order.shuffle(rng);
        order.sort_by_key(|&row| strata[row]);

        let mut parts: [Vec<usize>; PARTS] = [const { Vec::new() }; PARTS];
        for (row, part) in order.into_iter().zip(deal(self.len(), &fractions)?) {
            parts[part].push(row);
        }
        let mut split = std::array::from_fn(|_| self.clone());
        for (part, rows) in split.iter_mut().zip(&mut parts) {
            rows.sort_unstable();
            *part = self.gather(rows)?;
        }
        Ok(split)
    }

    /// The numbers of all examples, shuffled, in minibatches of `batch_size`; the last one holds what is left and
    /// may be shorter.
    ///
    /// # Errors
    ///
    /// [`Error::BatchSize`] if `batch_size` is 0.
    pub fn batches(&self, batch_size: usize, rng: &mut dyn Rng) -> Result<Vec<Vec<usize>>, Error> {
        if batch_size == 0 {
            return Err(Error::BatchSize);
        }
        let mut order: Vec<usize> = (0..self.len()).collect();
        order.shuffle(rng);
        Ok(order.chunks(batch_size).map(<[usize]>::to_vec).collect())
    }

    /// The same examples with other inputs, checked.
    pub(crate) fn with_inputs(&self, inputs: Array<S>) -> Result<Self, Error> {
        Self::new(inputs, self.targets.clone())
    }
}

/// The array `[rows, columns]` of these rows.
///
/// # Errors
///
/// [`Error::Empty`] without rows, [`Error::RaggedRows`] at the first row whose length is not that of row 0.
///
/// # Example
///
/// ```
/// use dualtape_layers::table;
///
/// assert_eq!(table(&[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])?.shape(), [3, 2]);
/// let ragged = table(&[vec![1.0, 2.0], vec![3.0]]).unwrap_err();
/// assert_eq!(
///     ragged.to_string(),
///     "row 1 has 1 entries, but row 0 has 2; a table needs rows of one length"
/// );
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
pub fn table<S: Real, R: AsRef<[S]>>(rows: &[R]) -> Result<Array<S>, Error> {
    let Some(first) = rows.first() else {
        return Err(Error::Empty { what: "the rows of a table" });
    };
    let columns = first.as_ref().len();
    let mut data = Vec::with_capacity(rows.len() * columns);
    for (row, entries) in rows.iter().map(AsRef::as_ref).enumerate() {
        if entries.len() != columns {
            return Err(Error::RaggedRows { row, got: entries.len(), expected: columns });
        }
        data.extend_from_slice(entries);
    }
    Ok(Array::new(&[rows.len(), columns], data)?)
}

/// The array `[n, classes]` with a 1 in column `labels[i]` of row `i`, and 0 elsewhere.
///
/// # Errors
///
/// [`Error::Empty`] without labels or classes, [`Error::LabelOutOfRange`] with the row of the first label that is not
/// below `classes`.
///
/// # Example
///
/// ```
/// use dualtape_layers::one_hot;
///
/// assert_eq!(one_hot::<f64>(&[2, 0], 3)?.data(), [0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
pub fn one_hot<S: Real>(labels: &[usize], classes: usize) -> Result<Array<S>, Error> {
    check_labels(labels, classes)?;
    let mut data = vec![S::zero(); labels.len() * classes];
    for (row, &label) in data.chunks_exact_mut(classes).zip(labels) {
        row[label] = S::one();
    }
    Ok(Array::new(&[labels.len(), classes], data)?)
}

/// Refuses empty labels and labels out of range.
pub(crate) fn check_labels(labels: &[usize], classes: usize) -> Result<(), Error> {
    if labels.is_empty() || classes == 0 {
        return Err(Error::Empty {
            what: if classes == 0 { "the set of classes" } else { "the labels" },
        });
    }
    match labels.iter().position(|&label| label >= classes) {
        Some(row) => Err(Error::LabelOutOfRange { row, label: labels[row], classes }),
        None => Ok(()),
    }
}

/// Refuses different numbers of rows.
pub(crate) fn check_row_counts(
    left: &'static str,
    left_rows: usize,
    right: &'static str,
    right_rows: usize,
) -> Result<(), Error> {
    if left_rows == right_rows {
        Ok(())
    } else {
        Err(Error::RowCount { left, left_rows, right, right_rows })
    }
}

/// Refuses arrays without entries and entries that are not finite; returns the number of rows.
pub(crate) fn check_rows<S: Real>(what: &'static str, array: &Array<S>) -> Result<usize, Error> {
    let Some(&rows) = array.shape().first() else {
        return Err(Error::Shape { what, got: Vec::new(), needed: "[rows, …]".to_owned() });
    };
    if array.is_empty() {
        return Err(Error::Empty { what });
    }
    match array.data().iter().position(|x| !x.is_finite()) {
        Some(index) => Err(not_finite(what, array, index)),
        None => Ok(rows),
    }
}

/// The error for the entry number `index` of a non-empty array.
pub(crate) fn not_finite<S: Real>(what: &'static str, array: &Array<S>, index: usize) -> Error {
    let columns = row_length(array);
    let value = to_f64(array.data()[index]);
    Error::NotFinite { what, row: index / columns, column: index % columns, value }
}

/// Entries to a row of a non-empty array.
pub(crate) fn row_length<S: Real>(array: &Array<S>) -> usize {
    array.len() / array.shape()[0]
}

pub(crate) fn to_f64<S: Real>(x: S) -> f64 {
    x.to_f64().unwrap_or(f64::NAN)
}

fn gather_rows<S: Real>(array: &Array<S>, rows: &[usize]) -> Result<Array<S>, Error> {
    let count = array.shape()[0];
    if rows.is_empty() {
        return Err(Error::Empty { what: "the set of rows" });
    }
    if let Some(&index) = rows.iter().find(|&&row| row >= count) {
        return Err(Error::NoSuchRow { index, rows: count });
    }
    let length = row_length(array);
    let data = rows.iter().flat_map(|&row| &array.data()[row * length..][..length]).copied();
    let mut shape = array.shape().to_vec();
    shape[0] = rows.len();
    Ok(Array::new(&shape, data.collect())?)
}
