//! What sparse Jacobians and Hessians have in common: a compressed evaluation of the products of a stage.

use std::sync::Arc;

use super::compressed::{Compression, Scratch};
use super::matrix::SparseMatrix;
use super::pattern::SparsityPattern;
use crate::compiled::{Evaluated, IndeterminatePolicy, ProductKind, Source, Stage};
use crate::error::Error;
use crate::number::Real;
use crate::transform::dependencies;

/// A sparse matrix and how it is evaluated, for one recording.
pub(crate) struct Plan<S: Real> {
    stage: Arc<Stage<S>>,
    product: ProductKind,
    /// Whether the products are with rows, so that they are columns of the transposed matrix.
    transposed: bool,
    compression: Compression,
    scratch: Scratch<S>,
    pub matrix: SparseMatrix<S>,
}

impl<S: Real> Plan<S> {
    pub(crate) fn new(
        stage: Arc<Stage<S>>,
        product: ProductKind,
        transposed: bool,
        pattern: SparsityPattern,
        compression: Compression,
    ) -> Self {
        let (scratch, matrix) = (Scratch::default(), SparseMatrix::zeros(pattern));
        Self { stage, product, transposed, compression, scratch, matrix }
    }

    /// Whether the plan is for this stage, and not for that of another recording.
    pub(crate) fn is_for(&self, stage: &Arc<Stage<S>>) -> bool {
        Arc::ptr_eq(&self.stage, stage)
    }

    pub(crate) fn products(&self) -> usize {
        self.compression.products()
    }

    /// Fills the matrix at the point where the stage is frozen.
    ///
    /// `source` can record the function again, to name what is indeterminate.
    pub(crate) fn evaluate(
        &mut self,
        run: &mut Evaluated<S>,
        x: &[S],
        source: &dyn Source<S>,
    ) -> Result<(), Error> {
        let values = self.matrix.values_mut();
        self.compression.evaluate(run, self.product, x, &mut self.scratch, values)?;
        let mut all = values.iter().chain(&self.scratch.probe);
        if run.policy != IndeterminatePolicy::Absorb && all.any(|x| x.is_nan()) {
            let at = run.careful(x, source);
            self.compression.evaluate_carefully(&at, self.product, &mut self.scratch, values)?;
        }
        self.check_given_pattern()
    }

    /// Compares the product of a random direction with what the entries make of it: an entry that the given pattern lacks
    /// makes a difference, unless it is below the square root of the rounding unit beside the others of its row.
    fn check_given_pattern(&self) -> Result<(), Error> {
        let Some(direction) = self.compression.probe() else { return Ok(()) };
        let mut sums = vec![(0.0, 0.0); self.scratch.probe.len()];
        for (i, j, value) in self.matrix.triplets() {
            let (row, component) = if self.transposed { (j, i) } else { (i, j) };
            let term = value.as_f64() * direction[component];
            sums[row].0 += term;
            sums[row].1 += term.abs();
        }
        let tolerance = S::epsilon().as_f64().sqrt();
        for (line, (&expected, (sum, magnitude))) in self.scratch.probe.iter().zip(sums).enumerate()
        {
            let expected = expected.as_f64();
            if (sum - expected).abs() > tolerance * (magnitude + expected.abs()) {
                return Err(match self.transposed {
                    false => Error::PatternMisses { line: "row", index: line },
                    true => Error::PatternMisses { line: "column", index: line },
                });
            }
        }
        Ok(())
    }
}

/// The structure of a product's matrix, transposed: a column for each entry of the product.
pub(crate) fn transposed_pattern<S: Real>(
    stage: &Stage<S>,
    product: ProductKind,
) -> SparsityPattern {
    let product = stage.product(product);
    let (direction, outputs) = (product.direction.clone(), product.outputs.clone());
    let rows = direction.len();
    let columns =
        dependencies(&stage.program, &product.parts, stage.primal_inputs, direction, outputs);
    SparsityPattern::from_columns(rows, &columns)
}
