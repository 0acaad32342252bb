//! Parameters that are matrices, and what is kept of the gradients on either side of each.

use std::ops::Range;

use dualtape_autodiff::{Real, parts::Parts};

use crate::check::require;
use crate::engine::Setting;
use crate::error::Error;
use crate::linalg::{Eigen, axpy, dot, first_non_finite};
use crate::methods::stochastic::rule::Memory;
use crate::methods::stochastic::which::Which;

/// Which of the parameters are matrices.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Matrices {
    stated: Vec<Stated>,
    /// Where they are.
    all: Vec<Matrix>,
}

/// What is said to be a matrix.
#[derive(Debug, Clone, PartialEq)]
enum Stated {
    /// These parameters, with so many rows and columns.
    Shaped(Which, usize, usize),
    /// Each of these parameters that has a shape of more than one axis: a row for each entry of the first.
    ByShape(String),
}

/// A matrix among the parameters, row by row.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Matrix {
    pub(super) range: Range<usize>,
    pub(super) rows: usize,
    pub(super) columns: usize,
}

/// A matrix, and where its own numbers are among what is kept of all.
pub(super) struct Placed {
    /// Within the part of the parameters.
    pub(super) entries: Range<usize>,
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// The square matrices of the rows, and of the columns, if these are so treated.
    pub(super) left: Option<Range<usize>>,
    pub(super) right: Option<Range<usize>>,
}

impl Placed {
    /// The number of sides that are treated.
    pub(super) fn order(&self) -> usize {
        usize::from(self.left.is_some()) + usize::from(self.right.is_some())
    }

    /// `L ← old L + new G Gᵀ` and `R ← old R + new Gᵀ G`, where `G` is this matrix within the gradient.
    pub(super) fn gather<S: Real>(
        &self,
        gradient: &[S],
        [left, right]: [&mut [S]; 2],
        [old, new]: [S; 2],
    ) {
        let g = &gradient[self.entries.clone()];
        if let Some(side) = self.left.clone() {
            gather_rows(&mut left[side], g, self.columns, old, new);
        }
        if let Some(side) = self.right.clone() {
            gather_rows(&mut right[side], &transposed(g, self.columns), self.rows, old, new);
        }
    }

    /// `A ← L A R`, with either factor transposed if that is asked for.
    pub(super) fn multiply<S: Real>(
        &self,
        a: &mut [S],
        [left, right]: [&[S]; 2],
        transpose: [bool; 2],
    ) {
        if let Some(side) = self.left.clone() {
            let changed = match transpose[0] {
                true => product(&transposed(&left[side], self.rows), a, self.rows),
                false => product(&left[side], a, self.rows),
            };
            a.copy_from_slice(&changed);
        }
        if let Some(side) = self.right.clone() {
            let changed = match transpose[1] {
                true => product(a, &transposed(&right[side], self.columns), self.columns),
                false => product(a, &right[side], self.columns),
            };
            a.copy_from_slice(&changed);
        }
    }
}

impl Matrices {
    pub(super) fn push(&mut self, which: Which, rows: usize, columns: usize) {
        self.stated.push(Stated::Shaped(which, rows, columns));
    }

    pub(super) fn settings(&self) -> impl Iterator<Item = Setting> {
        let numbers = |stated: &Stated| match stated {
            Stated::Shaped(which, rows, columns) => {
                [which.numbers(), vec![*rows as f64, *columns as f64]].concat()
            }
            Stated::ByShape(name) => Which::Named(name.clone()).numbers(),
        };
        self.stated.iter().flat_map(numbers).map(|number| ("matrix", number))
    }

    pub(super) fn push_named(&mut self, name: String) {
        self.stated.push(Stated::ByShape(name));
    }

    pub(super) fn means_places(&self) -> bool {
        self.stated.iter().any(|s| matches!(s, Stated::Shaped(which, ..) if which.is_by_place()))
    }

    /// Looks up where the matrices are, of those that are trained.
    pub(super) fn locate(&mut self, parts: Option<&Parts>) -> Result<(), Error> {
        let mut all = Vec::new();
        for stated in &self.stated {
            match stated {
                Stated::Shaped(which, rows, columns) => {
                    let ranges = which.ranges(parts)?.into_iter();
                    all.extend(ranges.map(|range| Matrix {
                        range,
                        rows: *rows,
                        columns: *columns,
                    }));
                }
                Stated::ByShape(name) => {
                    let parts = parts.ok_or_else(|| Error::NoNames { name: name.clone() })?;
                    let arrays = parts.named(name)?.into_iter().filter(|p| p.shape().len() > 1);
                    all.extend(arrays.filter(|part| !part.is_empty()).map(|part| Matrix {
                        range: part.range(),
                        rows: part.shape()[0],
                        columns: part.len() / part.shape()[0],
                    }));
                }
            }
        }
        check(&all)?;
        self.all = all;
        Ok(())
    }

    /// The matrices within a part of the parameters. A side of 1, or of more than `largest`, is not treated.
    pub(super) fn within(&self, part: &Range<usize>, largest: usize) -> Result<Vec<Placed>, Error> {
        let (mut left, mut right) = (0, 0);
        let mut placed = Vec::new();
        for Matrix { range, rows, columns } in &self.all {
            let apart = range.end <= part.start || range.start >= part.end;
            let inside = part.start <= range.start && range.end <= part.end;
            refuse_unless(apart || inside, range, "within one parameter group")?;
            if apart {
                continue;
            }
            let place = |size: usize, end: &mut usize| {
                (2..=largest).contains(&size).then(|| {
                    let start = *end;
                    *end += size * size;
                    start..*end
                })
            };
            placed.push(Placed {
                entries: range.start - part.start..range.end - part.start,
                rows: *rows,
                columns: *columns,
                left: place(*rows, &mut left),
                right: place(*columns, &mut right),
            });
        }
        Ok(placed)
    }

    /// Zeros for the square matrices of the rows and of the columns.
    pub(super) fn memory<S: Real>(
        &self,
        part: &Range<usize>,
        largest: usize,
        names: [&'static str; 2],
    ) -> [Memory<S>; 2] {
        // What is not within the part is refused by the update.
        let placed = self.within(part, largest).unwrap_or_default();
        let end = |side: Option<&Range<usize>>| side.map_or(0, |range| range.end);
        let left = end(placed.iter().filter_map(|m| m.left.as_ref()).next_back());
        let right = end(placed.iter().filter_map(|m| m.right.as_ref()).next_back());
        [Memory::zeros(names[0], left), Memory::zeros(names[1], right)]
    }
}

/// Refuses matrices that overlap, or have not as many entries as they should.
fn check(all: &[Matrix]) -> Result<(), Error> {
    let mut ranges: Vec<&Range<usize>> = all.iter().map(|m| &m.range).collect();
    ranges.sort_by_key(|range| range.start);
    for pair in ranges.windows(2) {
        refuse_unless(pair[0].end <= pair[1].start, pair[1], "apart from all other matrices")?;
    }
    all.iter().try_for_each(|m| {
        let fits = !m.range.is_empty() && m.rows.checked_mul(m.columns) == Some(m.range.len());
        refuse_unless(fits, &m.range, "a range of as many parameters as rows × columns")
    })
}

fn refuse_unless(met: bool, range: &Range<usize>, requirement: &'static str) -> Result<(), Error> {
    require("matrix", range.start as f64, requirement, |_| met)
}

/// Eigenvalues and eigenvectors of a symmetric matrix of this many rows.
pub(super) fn eigen<S: Real>(rows: usize, a: &[S]) -> Result<Eigen, Error> {
    let row = || first_non_finite(a).map_or(0, |entry| entry / rows);
    Eigen::new(rows, a)?.ok_or_else(|| Error::NonFiniteMatrix { row: row() })
}

/// `K ← old K + new G Gᵀ`.
fn gather_rows<S: Real>(kept: &mut [S], g: &[S], columns: usize, old: S, new: S) {
    let rows: Vec<&[S]> = g.chunks_exact(columns).collect();
    for (kept, a) in kept.chunks_exact_mut(rows.len()).zip(&rows) {
        for (kept, b) in kept.iter_mut().zip(&rows) {
            *kept = old * *kept + new * dot(a, b);
        }
    }
}

/// The transpose of a matrix of so many columns.
pub(super) fn transposed<S: Real>(a: &[S], columns: usize) -> Vec<S> {
    let rows = a.len() / columns;
    (0..a.len()).map(|e| a[e % rows * columns + e / rows]).collect()
}

/// `A B`, where `A` has `inner` columns and `B` as many rows.
pub(super) fn product<S: Real>(a: &[S], b: &[S], inner: usize) -> Vec<S> {
    let (rows, columns) = (a.len() / inner, b.len() / inner);
    let mut out = vec![S::zero(); rows * columns];
    for (out, a) in out.chunks_exact_mut(columns).zip(a.chunks_exact(inner)) {
        for (&a, b) in a.iter().zip(b.chunks_exact(columns)) {
            axpy(a, b, out);
        }
    }
    out
}
