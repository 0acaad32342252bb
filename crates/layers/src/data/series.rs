//! Series: inputs and targets cut from one long record.

use dualtape_autodiff::{Array, Real};

use super::Dataset;
use super::arrays::{check_rows, reserve, row_length};
use crate::errors::Error;

/// All windows of a series `[time]` or `[time, …]`, in order: inputs `[n, length, …]` are steps that follow each other,
/// targets `[n, horizon, …]` the steps right after them, with `n = time − length − horizon + 1`.
///
/// A series of rank 1 has one feature: windows are `[n, length, 1]`. Windows overlap: split the series in time before cutting
/// it, or test data are seen in training.
///
/// # Errors
///
/// [`Error::SeriesTooShort`], [`Error::Empty`], [`Error::NotFinite`], [`Error::TooLarge`].
///
/// # Example
///
/// ```
/// use dualtape_autodiff::Array;
/// use dualtape_layers::windows;
///
/// let data = windows(&Array::vector(vec![1.0, 2.0, 3.0, 4.0, 5.0]), 3, 1)?;
/// assert_eq!((data.len(), data.inputs().shape(), data.targets().shape()), (2, &[2, 3, 1][..], &[2, 1, 1][..]));
/// assert_eq!(data.inputs().data(), [1.0, 2.0, 3.0, 2.0, 3.0, 4.0]);
/// assert_eq!(data.targets().data(), [4.0, 5.0]);
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
pub fn windows<S: Real>(
    series: &Array<S>,
    length: usize,
    horizon: usize,
) -> Result<Dataset<S>, Error> {
    let steps = check_rows("the series", series)?;
    if length == 0 || horizon == 0 {
        return Err(Error::Empty { what: "a window and its horizon" });
    }
    let count = length.checked_add(horizon).and_then(|needed| (steps + 1).checked_sub(needed));
    let Some(count @ 1..) = count else {
        return Err(Error::SeriesTooShort { steps, length, horizon });
    };
    let width = row_length(series);
    let cut = |offset: usize, steps: usize| {
        let window = |start: usize| &series.data()[(start + offset) * width..][..steps * width];
        let mut data = reserve("the windows", count, steps * width)?;
        (0..count).for_each(|start| data.extend_from_slice(window(start)));
        let features = if series.shape().len() == 1 { &[1] } else { &series.shape()[1..] };
        Ok::<_, Error>(Array::new(&[&[count, steps], features].concat(), data)?)
    };
    Dataset::new(cut(0, length)?, cut(length, horizon)?)
}
