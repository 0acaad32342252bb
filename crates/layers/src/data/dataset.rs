//! Inputs, targets and what goes with them, row by row.

use dualtape_autodiff::{Array, Real};
use rand::Rng;
use rand::seq::SliceRandom;

use super::arrays::{check_labels, check_row_counts, check_rows, gather_rows, one_hot, to_labels};
use super::split::deal;
use crate::errors::Error;

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
    side: Vec<(String, Array<S>)>,
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
        Ok(Self { inputs, targets, side: Vec::new() })
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

    /// Inputs `[n, …]` and one class label for each row; the targets are the labels themselves, `[n]`, as the integer form of
    /// [`cross_entropy`](crate::cross_entropy) takes them.
    ///
    /// # Errors
    ///
    /// As [`Dataset::new`] and [`one_hot`].
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_layers::{Dataset, table};
    ///
    /// let data = Dataset::labelled(table(&[[0.5], [0.1], [0.7]])?, &[2, 0, 1], 3)?;
    /// assert_eq!(data.targets().data(), [2.0, 0.0, 1.0]);
    /// assert_eq!(data.labels()?, [2, 0, 1]);
    /// # Ok::<(), dualtape_layers::Error>(())
    /// ```
    pub fn labelled(inputs: Array<S>, labels: &[usize], classes: usize) -> Result<Self, Error> {
        check_labels(labels, classes)?;
        let targets = labels.iter().map(|&label| S::constant(label as f64)).collect();
        Self::new(inputs, Array::vector(targets))
    }

    /// The same examples, with an array `[n, …]` that goes with them under a name: lengths, masks, weights. An array of the
    /// same name is replaced.
    ///
    /// Whatever picks examples picks the array's rows too. A model reads the array by
    /// [`Scope::side_input`](crate::Scope::side_input).
    ///
    /// # Errors
    ///
    /// [`Error::Empty`], [`Error::RowCount`], [`Error::NotFinite`].
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::Array;
    /// use dualtape_layers::{Dataset, table};
    ///
    /// let data = Dataset::new(table(&[[1.0, 2.0], [3.0, 0.0]])?, table(&[[0.0], [1.0]])?)?;
    /// let data = data.with_side("lengths", Array::vector(vec![2.0, 1.0]))?;
    /// let second = data.gather(&[1])?;
    /// let (name, lengths) = &second.side()[0];
    /// assert_eq!((name.as_str(), lengths.data()), ("lengths", &[1.0][..]));
    /// # Ok::<(), dualtape_layers::Error>(())
    /// ```
    pub fn with_side(mut self, name: &str, array: Array<S>) -> Result<Self, Error> {
        let rows = check_rows("the side array", &array)?;
        check_row_counts("the inputs", self.len(), "the side array", rows)?;
        self.side.retain(|(other, _)| other != name);
        self.side.push((name.to_owned(), array));
        Ok(self)
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

    /// The arrays that go with the examples, by name, in the order in which they were added.
    pub fn side(&self) -> &[(String, Array<S>)] {
        &self.side
    }

    /// The class labels, of a [`labelled`](Self::labelled) data set.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] unless there is one target for each row, [`Error::NotALabel`] at the first target that is no whole
    /// number from 0.
    pub fn labels(&self) -> Result<Vec<usize>, Error> {
        to_labels(&self.targets)
    }

    /// The examples with these numbers, in this order; repetitions are allowed.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchRow`], [`Error::Empty`].
    pub fn gather(&self, rows: &[usize]) -> Result<Self, Error> {
        let side = self.side.iter();
        let side = side.map(|(name, array)| Ok((name.clone(), gather_rows(array, rows)?)));
        Ok(Self {
            inputs: gather_rows(&self.inputs, rows)?,
            targets: gather_rows(&self.targets, rows)?,
            side: side.collect::<Result<_, Error>>()?,
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
        let mut parts: [Vec<usize>; PARTS] = [const { Vec::new() }; PARTS];
        for (row, part) in by_stratum(strata, rng).into_iter().zip(deal(self.len(), &fractions)?) {
            parts[part].push(row);
        }
        let mut split = std::array::from_fn(|_| self.clone());
        for (part, rows) in split.iter_mut().zip(&mut parts) {
            rows.sort_unstable();
            *part = self.gather(rows)?;
        }
        Ok(split)
    }

    /// The numbers of the examples to train on and of those to validate on, for each of `folds` runs of a cross-validation:
    /// each example is validated on once. [`gather`](Self::gather) makes data sets of them.
    ///
    /// # Errors
    ///
    /// [`Error::Folds`] unless `2 ≤ folds ≤ n`.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_layers::{Dataset, table};
    /// use rand::{SeedableRng, rngs::ChaCha8Rng};
    ///
    /// let data = Dataset::labelled(table(&[[0.0], [1.0], [2.0], [3.0], [4.0]])?, &[0, 1, 0, 1, 0], 2)?;
    /// let mut rng = ChaCha8Rng::seed_from_u64(3);
    /// for [train, validation] in data.k_fold(2, &mut rng)? {
    ///     let (train, validation) = (data.gather(&train)?, data.gather(&validation)?);
    ///     assert_eq!(train.len() + validation.len(), 5);
    /// }
    /// # Ok::<(), dualtape_layers::Error>(())
    /// ```
    pub fn k_fold(&self, folds: usize, rng: &mut dyn Rng) -> Result<Vec<[Vec<usize>; 2]>, Error> {
        self.k_fold_stratified(folds, &vec![0; self.len()], rng)
    }

    /// As [`k_fold`](Self::k_fold), with the examples of each stratum shared out evenly, up to about one example. `strata` has
    /// one number for each example, usually its class label.
    ///
    /// # Errors
    ///
    /// As [`k_fold`](Self::k_fold); [`Error::RowCount`] if `strata` does not have one entry for each example.
    pub fn k_fold_stratified(
        &self,
        folds: usize,
        strata: &[usize],
        rng: &mut dyn Rng,
    ) -> Result<Vec<[Vec<usize>; 2]>, Error> {
        check_row_counts("the inputs", self.len(), "the strata", strata.len())?;
        if folds < 2 || folds > self.len() {
            return Err(Error::Folds { folds, rows: self.len() });
        }
        // Rows in turn, stratum by stratum, go to folds in turn.
        let mut fold_of = vec![0; self.len()];
        for (place, row) in by_stratum(strata, rng).into_iter().enumerate() {
            fold_of[row] = place % folds;
        }
        let rows_where = |keep: &dyn Fn(usize) -> bool| {
            (0..self.len()).filter(|&row| keep(fold_of[row])).collect::<Vec<_>>()
        };
        let runs = (0..folds).map(|fold| [rows_where(&|f| f != fold), rows_where(&|f| f == fold)]);
        Ok(runs.collect())
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
        let side = self.side.clone();
        Ok(Self { side, ..Self::new(inputs, self.targets.clone())? })
    }

    /// The same examples with other targets, checked.
    pub(crate) fn with_targets(&self, targets: Array<S>) -> Result<Self, Error> {
        let side = self.side.clone();
        Ok(Self { side, ..Self::new(self.inputs.clone(), targets)? })
    }
}

/// All rows, stratum by stratum, shuffled within each.
fn by_stratum(strata: &[usize], rng: &mut dyn Rng) -> Vec<usize> {
    let mut order: Vec<usize> = (0..strata.len()).collect();
    order.shuffle(rng);
    order.sort_by_key(|&row| strata[row]);
    order
}
