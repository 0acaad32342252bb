//! Maxima along an axis.

use super::sum::LANES;
use crate::array::View;
use crate::number::{Loop, MulAdd, Scalar};

/// `y = max x` along `axis`; NaN if an element is NaN, −∞ if the axis is empty. At a tie of several elements the tangents
/// are averaged.
pub(crate) fn max<S: Scalar>(x: View<S>, axis: usize, y: &mut [S]) {
    let (n, inner) = split(x.shape, axis);
    y.fill(S::neg_infinity());
    if x.data.is_empty() {
        return;
    }
    S::run(Max { x: x.data, n, inner, y });
    if S::HAS_TANGENTS {
        for (x, y) in x.data.chunks_exact(n * inner).zip(y.chunks_exact_mut(inner)) {
            for (j, y) in y.iter_mut().enumerate() {
                *y = mean_of_ties(x[j..].iter().step_by(inner), *y);
            }
        }
    }
}

/// The largest of `x`, which has the value of `m`, and the mean of the tangents of all elements with that value.
fn mean_of_ties<'a, S: Scalar + 'a>(x: impl Iterator<Item = &'a S>, m: S) -> S {
    if !m.is_finite() {
        return m;
    }
    let ties = x.filter(|&&x| x == m);
    let (sum, count) = ties.fold((S::zero(), 0.0), |(sum, count), &x| (sum + (x - m), count + 1.0));
    m + sum / S::constant(count)
}

/// The maximum of `x`, of shape `[.., n, inner]`, along its second last axis; at a tie, one of the elements.
struct Max<'a, S> {
    x: &'a [S],
    n: usize,
    inner: usize,
    y: &'a mut [S],
}

impl<S: Scalar> Loop for Max<'_, S> {
    type Output = ();

    #[inline(always)]
    fn run<M: MulAdd>(self) {
        if self.inner == 1 {
            for (x, y) in self.x.chunks_exact(self.n).zip(self.y) {
                *y = max_slice(x);
            }
            return;
        }
        let blocks = self.x.chunks_exact(self.n * self.inner);
        for (x, y) in blocks.zip(self.y.chunks_exact_mut(self.inner)) {
            for x in x.chunks_exact(self.inner) {
                for (y, &x) in y.iter_mut().zip(x) {
                    *y = larger(*y, x);
                }
            }
        }
    }
}

#[inline(always)]
fn max_slice<S: Scalar>(x: &[S]) -> S {
    let (chunks, rest) = x.as_chunks::<LANES>();
    let mut chunks = chunks.iter().copied();
    let bulk = chunks.next().map(|mut largest| {
        for x in chunks {
            for i in 0..LANES {
                largest[i] = larger(largest[i], x[i]);
            }
        }
        largest.into_iter().fold(largest[0], larger)
    });
    bulk.into_iter().chain(rest.iter().copied()).reduce(larger).unwrap_or(S::neg_infinity())
}

/// The larger, or NaN if there is one. Both alternatives are computed: a choice between the two numbers would become a
/// choice whether to store, which does not vectorise.
#[inline(always)]
fn larger<S: Scalar>(a: S, b: S) -> S {
    let (nan, larger) = (a + b, a.max(b));
    if a.is_nan() | b.is_nan() { nan } else { larger }
}

/// Which elements are the largest along `axis`: 1, or 1/k at a tie of k.
pub(crate) fn max_share<S: Scalar>(x: View<S>, axis: usize, y: &mut [S]) {
    let (n, inner) = split(x.shape, axis);
    if !x.data.is_empty() {
        S::run(Share { x: x.data, n, inner, y });
    }
}

struct Share<'a, S> {
    x: &'a [S],
    n: usize,
    inner: usize,
    y: &'a mut [S],
}

impl<S: Scalar> Loop for Share<'_, S> {
    type Output = ();

    #[inline(always)]
    fn run<M: MulAdd>(self) {
        let Self { x, n, inner, y } = self;
        if inner == 1 {
            for (x, y) in x.chunks_exact(n).zip(y.chunks_exact_mut(n)) {
                let largest = x.iter().fold(x[0], |m, &x| m.max(x));
                let ties = x.iter().filter(|&&x| x == largest).count();
                share(x, &|_| largest, &|_| S::constant(1.0 / ties as f64), y);
            }
            return;
        }
        /// Columns at a time.
        const WIDTH: usize = 64;
        for (x, y) in x.chunks_exact(n * inner).zip(y.chunks_exact_mut(n * inner)) {
            for j in (0..inner).step_by(WIDTH) {
                let columns = j..inner.min(j + WIDTH);
                let (mut largest, mut ties) = ([S::zero(); WIDTH], [S::zero(); WIDTH]);
                let (largest, ties) = (&mut largest[..columns.len()], &mut ties[..columns.len()]);
                largest.copy_from_slice(&x[columns.clone()]);
                for x in x.chunks_exact(inner) {
                    for (m, &x) in largest.iter_mut().zip(&x[columns.clone()]) {
                        *m = m.max(x);
                    }
                }
                for x in x.chunks_exact(inner) {
                    for ((ties, &m), &x) in ties.iter_mut().zip(&*largest).zip(&x[columns.clone()])
                    {
                        *ties += if x == m { S::one() } else { S::zero() };
                    }
                }
                for (x, y) in x.chunks_exact(inner).zip(y.chunks_exact_mut(inner)) {
                    let (x, y) = (&x[columns.clone()], &mut y[columns.clone()]);
                    share(x, &|i| largest[i], &|i| S::one() / ties[i], y);
                }
            }
        }
    }
}

/// `y[i]` is `part(i)` where `x[i]` is `largest(i)`, else 0.
#[inline(always)]
fn share<S: Scalar>(
    x: &[S],
    largest: &impl Fn(usize) -> S,
    part: &impl Fn(usize) -> S,
    y: &mut [S],
) {
    for (i, (y, &x)) in y.iter_mut().zip(x).enumerate() {
        let part = part(i);
        *y = if x == largest(i) { part } else { S::zero() };
    }
}

/// The length of `axis`, and the number of elements inside it.
pub(super) fn split(shape: &[usize], axis: usize) -> (usize, usize) {
    (shape[axis], shape[axis + 1..].iter().product())
}
