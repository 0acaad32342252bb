//! Sums along axes.
//!
//! # Order of summation
//!
//! A contiguous run is summed in [`LANES`] interleaved partial sums, which are then added pairwise; what is left beyond a
//! multiple of `LANES` is added from left to right. Rows are added to each other four at a time. The
//! order depends on the shape alone, not on the processor or the number type.

use std::array::from_fn;

use smallvec::SmallVec;

use crate::array::View;
use crate::number::{Loop, MulAdd, Scalar};

/// Number of partial sums: enough for two vector registers of `f32` or four of `f64` to be added at a time.
pub(super) const LANES: usize = 16;

/// `y = Σ x` over `axes`, which are sorted and distinct.
pub(crate) fn sum<S: Scalar>(x: View<S>, axes: &[usize], y: &mut [S]) {
    sum_where(x, |axis| axes.contains(&axis), y);
}

/// The adjoint of broadcasting `y_shape` to the shape of `x`: `x` summed over every axis that was repeated.
pub(crate) fn sum_to<S: Scalar>(x: View<S>, y: &mut [S], y_shape: &[usize]) {
    let missing = x.shape.len() - y_shape.len();
    sum_where(x, |axis| axis < missing || y_shape[axis - missing] == 1, y);
}

/// Adjacent axes of `x` that are treated alike, as one.
#[derive(Clone, Copy)]
enum Group {
    Kept(usize),
    Summed(usize),
}

fn sum_where<S: Scalar>(x: View<S>, summed: impl Fn(usize) -> bool, y: &mut [S]) {
    y.fill(S::zero());
    if x.data.is_empty() {
        return;
    }
    let mut groups = SmallVec::<[Group; 6]>::new();
    for (axis, &len) in x.shape.iter().enumerate() {
        match (groups.last_mut(), summed(axis)) {
            _ if len == 1 => {}
            (Some(Group::Summed(n)), true) | (Some(Group::Kept(n)), false) => *n *= len,
            (_, true) => groups.push(Group::Summed(len)),
            (_, false) => groups.push(Group::Kept(len)),
        }
    }
    add_sums(&groups, x.data, y);
}

/// Adds to `y` the sums of `x`, whose axes are `groups`, of which kept and summed ones alternate.
fn add_sums<S: Scalar>(groups: &[Group], x: &[S], y: &mut [S]) {
    match *groups {
        [] | [Group::Kept(_)] | [Group::Summed(_), Group::Kept(_)] => S::run(AddRows { x, y }),
        [Group::Summed(width)] | [Group::Kept(_), Group::Summed(width)] => {
            S::run(AddRowSums { x, width, y });
        }
        [Group::Kept(n), ref inner @ ..] => {
            let (x, y) = (x.chunks_exact(x.len() / n), y.chunks_exact_mut(y.len() / n));
            for (x, y) in x.zip(y) {
                add_sums(inner, x, y);
            }
        }
        [Group::Summed(n), ref inner @ ..] => {
            for x in x.chunks_exact(x.len() / n) {
                add_sums(inner, x, y);
            }
        }
    }
}

/// `y[j] += Σᵢ x[i, j]`
struct AddRows<'a, S> {
    x: &'a [S],
    y: &'a mut [S],
}

impl<S: Scalar> Loop for AddRows<'_, S> {
    type Output = ();

    #[inline(always)]
    fn run<M: MulAdd>(self) {
        let width = self.y.len();
        let mut fours = self.x.chunks_exact(4 * width);
        for x in &mut fours {
            let (x0, x) = x.split_at(width);
            let (x1, x) = x.split_at(width);
            let (x2, x3) = x.split_at(width);
            let x3 = &x3[..width];
            for (j, y) in self.y.iter_mut().enumerate() {
                *y += (x0[j] + x1[j]) + (x2[j] + x3[j]);
            }
        }
        for x in fours.remainder().chunks_exact(width) {
            for (y, &x) in self.y.iter_mut().zip(x) {
                *y += x;
            }
        }
    }
}

/// `y[i] += Σⱼ x[i, j]`
struct AddRowSums<'a, S> {
    x: &'a [S],
    width: usize,
    y: &'a mut [S],
}

impl<S: Scalar> Loop for AddRowSums<'_, S> {
    type Output = ();

    #[inline(always)]
    fn run<M: MulAdd>(self) {
        for (x, y) in self.x.chunks_exact(self.width).zip(self.y) {
            *y += sum_slice(x);
        }
    }
}

/// `Σ x[i]`
#[inline(always)]
pub(super) fn sum_slice<S: Scalar>(x: &[S]) -> S {
    sum_terms(x, x, |x, _| x)
}

/// `Σ term(a[i], b[i])`
#[inline(always)]
pub(super) fn sum_terms<S: Scalar>(a: &[S], b: &[S], term: impl Fn(S, S) -> S) -> S {
    let (a, a_rest) = a.as_chunks::<LANES>();
    let (b, b_rest) = b.as_chunks::<LANES>();
    let mut chunks = a.iter().zip(b);
    let bulk = chunks.next().map(|(a, b)| {
        let mut sums: [S; LANES] = from_fn(|i| term(a[i], b[i]));
        for (a, b) in chunks {
            for i in 0..LANES {
                sums[i] += term(a[i], b[i]);
            }
        }
        sum_lanes(sums)
    });
    let rest = a_rest.iter().zip(b_rest).map(|(&a, &b)| term(a, b));
    bulk.into_iter().chain(rest).reduce(|sum, x| sum + x).unwrap_or(S::zero())
}

/// The sum of partial sums, pairwise.
#[inline(always)]
fn sum_lanes<S: Scalar>(mut sums: [S; LANES]) -> S {
    let mut width = LANES / 2;
    while width > 0 {
        for i in 0..width {
            let other = sums[i + width];
            sums[i] += other;
        }
        width /= 2;
    }
    sums[0]
}
