//! Columns with mean 0 and standard deviation 1.

use dualtape_autodiff::{Array, Real};

use super::Dataset;
use super::arrays::{check_rows, row_length, to_f64};
use crate::errors::Error;

/// The map `x ↦ (x − mean)/scale` for each column, with mean and standard deviation of the data it was fitted on.
///
/// Fit on the training inputs alone and apply to all parts: statistics of validation or test data must not leak into
/// training. A column is one entry of a row, whatever the row's shape.
///
/// # Example
///
/// ```
/// use dualtape_layers::{Standardize, table};
///
/// let train = table(&[[1.0, 7.0], [3.0, 7.0]])?;
/// let scale = Standardize::fit(&train)?;
/// assert_eq!(scale.array(&train)?.data(), [-1.0, 0.0, 1.0, 0.0]);
/// assert_eq!(scale.array(&table(&[[4.0, 9.0]])?)?.data(), [2.0, 2.0]);
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Standardize {
    mean: Vec<f64>,
    scale: Vec<f64>,
}

impl Standardize {
    /// Mean and standard deviation (divisor `n`) of each column of `[n, …]`. A constant column has scale 1.
    ///
    /// # Errors
    ///
    /// [`Error::Empty`], [`Error::NotFinite`].
    pub fn fit<S: Real>(inputs: &Array<S>) -> Result<Self, Error> {
        let rows = check_rows("the inputs", inputs)? as f64;
        let columns = row_length(inputs);
        // Deviations from the first row: those of a constant column are exactly 0, however large it is.
        let origin: Vec<f64> = inputs.data()[..columns].iter().copied().map(to_f64).collect();
        let mut mean = origin.clone();
        for row in inputs.data().chunks_exact(columns) {
            for (mean, (&x, &origin)) in mean.iter_mut().zip(row.iter().zip(&origin)) {
                *mean += (to_f64(x) - origin) / rows;
            }
        }
        // Adding under the root cannot overflow where the squares would.
        let mut deviation = vec![0.0_f64; columns];
        for row in inputs.data().chunks_exact(columns) {
            for (deviation, (&x, &mean)) in deviation.iter_mut().zip(row.iter().zip(&mean)) {
                *deviation = deviation.hypot(to_f64(x) - mean);
            }
        }
        let scale =
            deviation.iter().map(|&d| if d == 0.0 { 1.0 } else { d / rows.sqrt() }).collect();
        Ok(Self { mean, scale })
    }

    /// Mean of each column.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// What each column is divided by: its standard deviation, or 1.
    pub fn scale(&self) -> &[f64] {
        &self.scale
    }

    /// `(x − mean)/scale` for each row of `[n, …]`.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if a row does not have one entry for each column fitted; [`Error::Empty`],
    /// [`Error::NotFinite`].
    pub fn array<S: Real>(&self, inputs: &Array<S>) -> Result<Array<S>, Error> {
        self.map(inputs, |x, mean, scale| (x - mean) / scale)
    }

    /// `x·scale + mean` for each row of `[n, …]`: takes back [`array`](Self::array), so that predictions of standardised
    /// targets come in the targets' own unit.
    ///
    /// # Errors
    ///
    /// As [`Standardize::array`].
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_layers::{Dataset, Standardize, table};
    ///
    /// let data = Dataset::new(table(&[[1.0], [2.0]])?, table(&[[300.0], [500.0]])?)?;
    /// let scale = Standardize::fit(data.targets())?;
    /// let data = scale.dataset_targets(&data)?;
    /// assert_eq!(data.targets().data(), [-1.0, 1.0]);
    /// assert_eq!(scale.inverse(data.targets())?.data(), [300.0, 500.0]);
    /// # Ok::<(), dualtape_layers::Error>(())
    /// ```
    pub fn inverse<S: Real>(&self, standardized: &Array<S>) -> Result<Array<S>, Error> {
        self.map(standardized, |x, mean, scale| x * scale + mean)
    }

    fn map<S: Real>(
        &self,
        rows: &Array<S>,
        f: impl Fn(f64, f64, f64) -> f64,
    ) -> Result<Array<S>, Error> {
        check_rows("the rows", rows)?;
        if row_length(rows) != self.mean.len() {
            return Err(Error::Shape {
                what: "the rows",
                got: rows.shape().to_vec(),
                needed: format!("[rows, …] with {} entries to a row", self.mean.len()),
            });
        }
        let columns = self.mean.iter().zip(&self.scale).cycle();
        let entries = rows.data().iter().zip(columns);
        let mapped = entries.map(|(&x, (&mean, &scale))| S::constant(f(to_f64(x), mean, scale)));
        Ok(Array::new(rows.shape(), mapped.collect())?)
    }

    /// The data set with its inputs mapped and its targets as they are.
    ///
    /// # Errors
    ///
    /// As [`Standardize::array`].
    pub fn dataset<S: Real>(&self, data: &Dataset<S>) -> Result<Dataset<S>, Error> {
        data.with_inputs(self.array(data.inputs())?)
    }

    /// The data set with its targets mapped, by what was fitted on targets, and its inputs as they are.
    ///
    /// # Errors
    ///
    /// As [`Standardize::array`].
    pub fn dataset_targets<S: Real>(&self, data: &Dataset<S>) -> Result<Dataset<S>, Error> {
        data.with_targets(self.array(data.targets())?)
    }
}
