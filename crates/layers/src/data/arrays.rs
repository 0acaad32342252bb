//! Checked arrays of rows: tables, one-hot labels, and what both ask of their input.

use dualtape_autodiff::{Array, Real};

use crate::errors::Error;

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
/// below `classes`, [`Error::TooLarge`].
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
    let mut data = reserve("the one-hot labels", labels.len(), classes)?;
    data.resize(labels.len() * classes, S::zero());
    for (row, &label) in data.chunks_exact_mut(classes).zip(labels) {
        row[label] = S::one();
    }
    Ok(Array::new(&[labels.len(), classes], data)?)
}

/// An empty list with room for so many rows.
pub(crate) fn reserve<S>(what: &'static str, rows: usize, columns: usize) -> Result<Vec<S>, Error> {
    let mut data = Vec::new();
    let reserved = rows.checked_mul(columns).map(|entries| data.try_reserve_exact(entries));
    match reserved {
        Some(Ok(())) => Ok(data),
        _ => Err(Error::TooLarge { what, rows, columns }),
    }
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

/// The labels that the entries of `[n]` are.
pub(crate) fn to_labels<S: Real>(targets: &Array<S>) -> Result<Vec<usize>, Error> {
    if targets.shape().len() != 1 {
        let needed = "one label for each row, [rows],".to_owned();
        return Err(Error::Shape { what: "the targets", got: targets.shape().to_vec(), needed });
    }
    let label = |(row, &target): (usize, &S)| {
        let whole = target.to_usize().filter(|&label| S::constant(label as f64) == target);
        whole.ok_or(Error::NotALabel { row, value: to_f64(target) })
    };
    targets.data().iter().enumerate().map(label).collect()
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

pub(crate) fn gather_rows<S: Real>(array: &Array<S>, rows: &[usize]) -> Result<Array<S>, Error> {
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
