//! Where a sparse matrix has entries.

use std::fmt;

use crate::array::has_room;
use crate::error::Error;

/// The positions of a sparse matrix's entries, in compressed sparse column form.
///
/// The rows of column `j` are `row_idx()[col_ptr()[j]..col_ptr()[j + 1]]`, in increasing order.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::sparse::SparsityPattern;
///
/// let pattern = SparsityPattern::from_entries(2, 3, [(1, 2), (0, 0), (1, 0)])?;
/// assert_eq!(pattern.col_ptr(), [0, 2, 2, 3]);
/// assert_eq!(pattern.row_idx(), [0, 1, 1]);
/// assert!(pattern.contains(1, 2) && !pattern.contains(0, 2));
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SparsityPattern {
    rows: usize,
    col_ptr: Vec<usize>,
    row_idx: Vec<usize>,
}

impl SparsityPattern {
    /// The pattern with these entries `(row, column)`, in any order; repeated ones count once.
    ///
    /// # Errors
    ///
    /// [`Error::EntryOutside`] if one is outside of a matrix of `rows` rows and `cols` columns; [`Error::PatternTooLarge`] if
    /// rows or columns are more than 2³² or than memory can hold.
    pub fn from_entries(
        rows: usize,
        cols: usize,
        entries: impl IntoIterator<Item = (usize, usize)>,
    ) -> Result<Self, Error> {
        // A column's rows are listed as 32 bits, and the transposed pattern has as many columns as this one has rows.
        let largest = rows.max(cols);
        if largest > u32::MAX as usize || !has_room::<Vec<u32>>(&[largest]) {
            return Err(Error::PatternTooLarge { rows, cols });
        }
        let mut lists: Vec<Vec<u32>> = vec![Vec::new(); cols];
        for (row, col) in entries {
            if row >= rows || col >= cols {
                return Err(Error::EntryOutside { row, col, rows, cols });
            }
            lists[col].push(row as u32);
        }
        for list in &mut lists {
            list.sort_unstable();
            list.dedup();
        }
        Ok(Self::from_columns(rows, &lists))
    }

    /// From the increasing row numbers of each column.
    pub(crate) fn from_columns(rows: usize, columns: &[Vec<u32>]) -> Self {
        let mut col_ptr = Vec::with_capacity(columns.len() + 1);
        let mut row_idx = Vec::with_capacity(columns.iter().map(Vec::len).sum());
        col_ptr.push(0);
        for column in columns {
            row_idx.extend(column.iter().map(|&row| row as usize));
            col_ptr.push(row_idx.len());
        }
        Self { rows, col_ptr, row_idx }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn cols(&self) -> usize {
        self.col_ptr.len() - 1
    }

    /// Number of entries.
    pub fn nnz(&self) -> usize {
        self.row_idx.len()
    }

    /// Where each column starts among the entries, and where the last one ends.
    pub fn col_ptr(&self) -> &[usize] {
        &self.col_ptr
    }

    /// The row of every entry, column by column.
    pub fn row_idx(&self) -> &[usize] {
        &self.row_idx
    }

    /// The rows of column `j`, in increasing order.
    ///
    /// # Panics
    ///
    /// If there is no such column.
    pub fn column(&self, j: usize) -> &[usize] {
        &self.row_idx[self.col_ptr[j]..self.col_ptr[j + 1]]
    }

    /// The number of entry `(i, j)` among all entries, if it is one.
    ///
    /// Complexity: logarithmic in the length of the column.
    pub fn position(&self, i: usize, j: usize) -> Option<usize> {
        let start = *self.col_ptr[..self.cols()].get(j)?;
        self.column(j).binary_search(&i).ok().map(|within| start + within)
    }

    /// Whether `(i, j)` is an entry.
    pub fn contains(&self, i: usize, j: usize) -> bool {
        self.position(i, j).is_some()
    }

    /// The entries `(row, column)`, column by column.
    pub fn entries(&self) -> impl Iterator<Item = (usize, usize)> {
        (0..self.cols()).flat_map(|j| self.column(j).iter().map(move |&i| (i, j)))
    }

    /// The pattern of the transposed matrix.
    pub fn transposed(&self) -> Self {
        let mut col_ptr = vec![0; self.rows + 1];
        for &i in &self.row_idx {
            col_ptr[i + 1] += 1;
        }
        for i in 0..self.rows {
            col_ptr[i + 1] += col_ptr[i];
        }
        let (mut next, mut row_idx) = (col_ptr.clone(), vec![0; self.nnz()]);
        for (i, j) in self.entries() {
            row_idx[next[i]] = j;
            next[i] += 1;
        }
        Self { rows: self.cols(), col_ptr, row_idx }
    }

    /// The entries on and below the diagonal.
    pub fn lower(&self) -> Self {
        let columns: Vec<Vec<u32>> = (0..self.cols())
            .map(|j| self.column(j).iter().filter(|&&i| i >= j).map(|&i| i as u32).collect())
            .collect();
        Self::from_columns(self.rows, &columns)
    }

    /// Refuses a pattern that is not of this size.
    pub(crate) fn check_size(&self, rows: usize, cols: usize) -> Result<(), Error> {
        let sides = [
            ("a column of the pattern", self.rows, rows),
            ("a row of the pattern", self.cols(), cols),
        ];
        match sides.into_iter().find(|(_, got, expected)| got != expected) {
            Some((what, got, expected)) => Err(Error::Length { what, got, expected }),
            None => Ok(()),
        }
    }

    /// The entries of a square matrix, and their mirror images.
    pub(crate) fn union_with_transposed(&self) -> Self {
        let mirrored = self.entries().map(|(i, j)| (j, i));
        Self::from_entries(self.rows, self.cols(), self.entries().chain(mirrored))
            .unwrap_or_else(|_| unreachable!("a square matrix's mirror image has its size"))
    }

    /// The entries that are in both of two patterns of the same size.
    pub(crate) fn intersection(&self, other: &Self) -> Self {
        let columns: Vec<Vec<u32>> = (0..self.cols())
            .map(|j| {
                let mut others = other.column(j).iter().peekable();
                let shared = |&&i: &&usize| {
                    while others.next_if(|&&k| k < i).is_some() {}
                    others.peek() == Some(&&i)
                };
                self.column(j).iter().filter(shared).map(|&i| i as u32).collect()
            })
            .collect();
        Self::from_columns(self.rows, &columns)
    }
}

impl fmt::Debug for SparsityPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rows, cols, nnz) = (self.rows(), self.cols(), self.nnz());
        write!(f, "SparsityPattern({rows}×{cols}, {nnz} entries)")
    }
}
