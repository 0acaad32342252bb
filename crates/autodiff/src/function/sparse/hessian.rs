//! Sparse Hessians of recorded functions.

use std::fmt;

use super::colouring::{Colouring, star};
use super::compressed::{Compression, Place};
use super::matrix::SparseMatrix;
use super::pattern::SparsityPattern;
use super::plan::{Compressed, Plan, transposed_pattern};
use crate::compiled::{Kind, ProductKind, Stage};
use crate::error::Error;
use crate::function::record::record;
use crate::function::scalar::Function;
use crate::number::Real;
use crate::tape::Var;

/// The sparse Hessian of a [`Function`], planned once and evaluated at many points.
///
/// The pattern is found from the recorded program: entry `(i, j)` is left out only if no instruction ever combines
/// inputs `i` and `j` nonlinearly, so the pattern holds at every point on the recorded branch. The columns are then
/// coloured ([star colouring](https://doi.org/10.1137/050639879)), and as many Hessian-vector products as there are
/// colours, four or eight at a time through a scalar program, contain every entry unchanged.
///
/// Where the function takes another branch, it is recorded and planned again, and the pattern may be another one.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::record;
///
/// let x = [1.0; 1000];
/// let f = record(&x).function(|x| x.windows(2).map(|x| (x[1] - x[0] * x[0]).powi(2)).sum())?;
/// let mut plan = f.plan_sparse_hessian(&x)?;
/// assert_eq!((plan.pattern().nnz(), plan.products()), (2998, 3));
/// let h = plan.evaluate(&[2.0; 1000])?;
/// assert_eq!((h.get(7, 7), h.get(7, 8), h.get(7, 9)), (12.0 * 4.0 - 4.0 * 2.0 + 2.0, -8.0, 0.0));
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
pub struct SparseHessian<'a, S: Real = f64> {
    plan: Plan<'a, S>,
}

impl<'a, S: Real> SparseHessian<'a, S> {
    fn new(
        function: &'a Function<'a, S>,
        x: &[S],
        given: Option<SparsityPattern>,
    ) -> Result<Self, Error> {
        Ok(Self { plan: Plan::new(&function.recorded, Kind::Hvp, compressed, given, x)? })
    }

    /// Where the Hessian has entries: both triangles.
    pub fn pattern(&self) -> &SparsityPattern {
        self.plan.pattern()
    }

    /// The number of Hessian-vector products that an evaluation takes, that of the check of a given pattern included.
    pub fn products(&self) -> usize {
        self.plan.products()
    }

    /// The Hessian at `x`, exactly symmetric. Allocates nothing after the first time, unless the pattern was given.
    ///
    /// Complexity: a gradient and [`products`](Self::products) Hessian-vector products.
    ///
    /// # Errors
    ///
    /// [`Error::Length`]; [`Error::PatternMisses`] if the pattern was given and does not fit; and what was refused if the
    /// function had to be recorded again.
    pub fn evaluate(&mut self, x: &[S]) -> Result<&SparseMatrix<S>, Error> {
        self.plan.evaluate(x)
    }
}

/// The structure of the Hessian. It is symmetric, so an entry found on one side of the diagonal alone is none.
fn pattern_of<S: Real>(stage: &Stage<S>) -> SparsityPattern {
    let transposed = transposed_pattern(stage, ProductKind::Hessian);
    transposed.intersection(&transposed.transposed())
}

fn compressed<S: Real>(
    stage: &Stage<S>,
    given: Option<&SparsityPattern>,
    threads: usize,
) -> Result<Compressed, Error> {
    let pattern = given.cloned().unwrap_or_else(|| pattern_of(stage));
    let compression = compression(threads, &pattern, given.is_some());
    Ok(Compressed { kind: ProductKind::Hessian, transposed: false, pattern, compression })
}

/// Reads each entry from the product in which it, or its mirror image, is alone.
fn compression(threads: usize, pattern: &SparsityPattern, probed: bool) -> Compression {
    let colouring = star(pattern);
    let Colouring { colours, count } = colouring.clone();
    // How often each colour is met in a row, in the order of the entries: rows are columns.
    let mut last = vec![(usize::MAX, 0_u32); count];
    let mut alone = vec![false; pattern.nnz()];
    for row in 0..pattern.cols() {
        for &j in pattern.column(row) {
            let (of, times) = &mut last[colours[j] as usize];
            *times = if *of == row { *times + 1 } else { 1 };
            *of = row;
        }
        let start = pattern.col_ptr()[row];
        for (k, &j) in pattern.column(row).iter().enumerate() {
            alone[start + k] = last[colours[j] as usize].1 == 1;
        }
    }
    let place = |i: usize, j: usize| {
        // Both mirror images are read from the same place.
        let (i, j) = (i.min(j), i.max(j));
        match pattern.position(j, i) {
            Some(position) if alone[position] => Place { colour: colours[j], component: i },
            _ => Place { colour: colours[i], component: j },
        }
    };
    Compression::new(threads, pattern, colouring, probed, place)
}

impl<'f, S: Real> Function<'f, S> {
    /// The structure of the Hessian: which entries are not zero at every point on the branch taken at `x`.
    ///
    /// Found from the recorded program alone. Scalar instructions, elementwise operations, layouts, sums and matrix products
    /// of arrays are followed element by element; any other array operation counts as combining all that it reads.
    ///
    /// # Errors
    ///
    /// As [`value`](Self::value).
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::record;
    ///
    /// let f = record(&[1.0; 3]).function(|x| x[0] * x[1] + x[2].exp())?;
    /// let pattern = f.hessian_pattern(&[1.0; 3])?;
    /// assert_eq!(pattern.entries().collect::<Vec<_>>(), [(1, 0), (0, 1), (2, 2)]);
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    pub fn hessian_pattern(&self, x: &[S]) -> Result<SparsityPattern, Error> {
        self.recorded.read(x, Kind::Hvp, |run| pattern_of(&run.stage))
    }

    /// Plans the sparse Hessian: pattern, colouring and structure are made once, values at as many points as one likes.
    ///
    /// # Errors
    ///
    /// As [`value`](Self::value).
    ///
    /// # Example
    ///
    /// See [`SparseHessian`].
    pub fn plan_sparse_hessian(&self, x: &[S]) -> Result<SparseHessian<'_, S>, Error> {
        SparseHessian::new(self, x, None)
    }

    /// Plans the sparse Hessian with a pattern that is known: one triangle of it, or both.
    ///
    /// Every evaluation checks the pattern by one product with a random direction.
    ///
    /// # Errors
    ///
    /// As [`value`](Self::value); [`Error::Length`] if the pattern is not that of an n × n matrix.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{Error, record, sparse::SparsityPattern};
    ///
    /// let f = record(&[1.0; 3]).function(|x| x[0] * x[1] + x[2].exp())?;
    /// let known = SparsityPattern::from_entries(3, 3, [(1, 0), (2, 2)])?;
    /// let mut plan = f.plan_sparse_hessian_with(&[1.0; 3], &known)?;
    /// assert_eq!(plan.evaluate(&[2.0, 3.0, 0.0])?.values(), [1.0, 1.0, 1.0]);
    ///
    /// let wrong = SparsityPattern::from_entries(3, 3, [(0, 0), (2, 2)])?;
    /// let refused = f.plan_sparse_hessian_with(&[1.0; 3], &wrong)?.evaluate(&[2.0, 3.0, 0.0]).unwrap_err();
    /// assert_eq!(refused, Error::PatternMisses { line: "row", index: 0 });
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    pub fn plan_sparse_hessian_with(
        &self,
        x: &[S],
        pattern: &SparsityPattern,
    ) -> Result<SparseHessian<'_, S>, Error> {
        pattern.check_size(self.dim(), self.dim())?;
        SparseHessian::new(self, x, Some(pattern.union_with_transposed()))
    }

    /// The sparse Hessian `∇²f(x)`, both triangles, exactly symmetric.
    ///
    /// Pattern and colouring are made anew; for several points, see
    /// [`plan_sparse_hessian`](Self::plan_sparse_hessian).
    ///
    /// # Errors
    ///
    /// As [`value`](Self::value).
    #[track_caller]
    pub fn sparse_hessian(&self, x: &[S]) -> Result<SparseMatrix<S>, Error> {
        let mut plan = self.plan_sparse_hessian(x)?;
        plan.evaluate(x)?;
        Ok(plan.plan.into_matrix())
    }
}

/// The sparse Hessian `∇²f(x)` of a function of scalars, both triangles, exactly symmetric.
///
/// Complexity: linear in the size of the program if each instruction depends on a bounded number of inputs nonlinearly.
///
/// # Errors
///
/// As [`gradient`](crate::gradient()).
///
/// # Example
///
/// ```
/// use dualtape_autodiff::sparse;
///
/// let h = sparse::hessian(|x| x[0] * x[1].powi(2) + x[2].sin(), &[1.0, 2.0, 0.0])?;
/// assert_eq!(h.col_ptr(), [0, 1, 3, 4]);
/// assert_eq!(h.values(), [4.0, 4.0, 2.0, 0.0]);
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
#[track_caller]
pub fn sparse_hessian<F>(f: F, x: &[f64]) -> Result<SparseMatrix, Error>
where
    F: for<'t> Fn(&[Var<'t>]) -> Var<'t> + Send + Sync,
{
    record(x).function(f)?.sparse_hessian(x)
}

impl<S: Real> fmt::Debug for SparseHessian<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SparseHessian({:?}, {} products)", self.pattern(), self.products())
    }
}
