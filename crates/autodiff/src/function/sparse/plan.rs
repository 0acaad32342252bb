//! What sparse Jacobians and Hessians have in common: a compressed evaluation of the products of a stage.

use std::sync::Arc;

use super::compressed::{Compression, Scratch};
use super::matrix::SparseMatrix;
use super::pattern::SparsityPattern;
use crate::compiled::{Kind, ProductKind, Recorded, Stage};
use crate::error::Error;
use crate::number::{Real, compiled_here};
use crate::transform::dependencies;

/// How the products of a program are compressed: for a pattern that is known, or for the program's own.
pub(crate) type Compressing<S> =
    fn(&Stage<S>, Option<&SparsityPattern>, usize) -> Result<Compressed, Error>;

/// A pattern, and the products that its entries are read from.
#[derive(Debug)]
pub(crate) struct Compressed {
    pub kind: ProductKind,
    /// Whether the products are with rows, so that they are columns of the transposed matrix.
    pub transposed: bool,
    pub pattern: SparsityPattern,
    pub compression: Compression,
}

/// A sparse matrix of derivatives of a recorded function, planned for one recording, and for another where that changes.
pub(crate) struct Plan<'a, S: Real> {
    recorded: &'a Recorded<'a, S>,
    kind: Kind,
    compressing: Compressing<S>,
    given: Option<SparsityPattern>,
    current: Current<S>,
}

/// The plan for one recording.
struct Current<S: Real> {
    stage: Arc<Stage<S>>,
    product: ProductKind,
    transposed: bool,
    compression: Compression,
    scratch: Scratch<S>,
    matrix: SparseMatrix<S>,
}

impl<'a, S: Real> Plan<'a, S> {
    pub(crate) fn new(
        recorded: &'a Recorded<'a, S>,
        kind: Kind,
        compressing: Compressing<S>,
        given: Option<SparsityPattern>,
        x: &[S],
    ) -> Result<Self, Error> {
        let threads = recorded.settings.threads;
        let current = recorded.read(x, kind, |run| {
            let compressed = compressing(&run.stage, given.as_ref(), threads)?;
            Ok::<_, Error>(Current::new(Arc::clone(&run.stage), compressed))
        })??;
        Ok(Self { recorded, kind, compressing, given, current })
    }

    pub(crate) fn pattern(&self) -> &SparsityPattern {
        self.current.matrix.pattern()
    }

    pub(crate) fn products(&self) -> usize {
        self.current.compression.products()
    }

    pub(crate) fn into_matrix(self) -> SparseMatrix<S> {
        self.current.matrix
    }

    /// The matrix at `x`.
    pub(crate) fn evaluate(&mut self, x: &[S]) -> Result<&SparseMatrix<S>, Error> {
        compiled_here!(|plan, x| plan.fill(x), fn(&mut Plan<'_, S>, &[S]) -> Result<(), Error>)(
            self, x,
        )?;
        Ok(&self.current.matrix)
    }

    fn fill(&mut self, x: &[S]) -> Result<(), Error> {
        let at = self.recorded.freeze(x, self.kind)?;
        if !Arc::ptr_eq(&self.current.stage, at.stage()) {
            let stage = Arc::clone(at.stage());
            let compressed =
                (self.compressing)(&stage, self.given.as_ref(), self.recorded.settings.threads)?;
            self.current = Current::new(stage, compressed);
        }
        let Current { product, compression, scratch, matrix, .. } = &mut self.current;
        compression.evaluate(&at, *product, scratch, matrix.values_mut())?;
        self.current.check_given_pattern()
    }
}

impl<S: Real> Current<S> {
    fn new(stage: Arc<Stage<S>>, compressed: Compressed) -> Self {
        let Compressed { kind: product, transposed, pattern, compression } = compressed;
        let (scratch, matrix) = (Scratch::default(), SparseMatrix::zeros(pattern));
        Self { stage, product, transposed, compression, scratch, matrix }
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
