//! Elementwise operations, and repetition along axes.

use super::layout::{Axis, Walk};
use crate::array::View;
use crate::number::{Binary, Kernels, Loop, MulAdd, Scalar, Side, Unary};

/// `y[i] = f(x[i])`.
pub(crate) fn map<S: Scalar>(f: Unary, x: &[S], y: &mut [S]) {
    debug_assert_eq!(x.len(), y.len());
    S::run(Map { f, x, y });
}

struct Map<'a, S> {
    f: Unary,
    x: &'a [S],
    y: &'a mut [S],
}

impl<S: Kernels> Loop for Map<'_, S> {
    type Output = ();

    #[inline(always)]
    fn run<M: MulAdd>(self) {
        S::map_slice::<M>(self.f, self.x, self.y);
    }
}

/// `y[i] = x[i]ⁿ`.
pub(crate) fn power_int<S: Scalar>(n: i32, x: &[S], y: &mut [S]) {
    debug_assert_eq!(x.len(), y.len());
    S::run(PowerInt { n, x, y });
}

struct PowerInt<'a, S> {
    n: i32,
    x: &'a [S],
    y: &'a mut [S],
}

impl<S: Kernels> Loop for PowerInt<'_, S> {
    type Output = ();

    #[inline(always)]
    fn run<M: MulAdd>(self) {
        S::power_int_slice(self.n, self.x, self.y);
    }
}

/// `y[i] = x[i]ᵖ`.
pub(crate) fn power_real<S: Scalar>(p: f64, x: &[S], y: &mut [S]) {
    debug_assert_eq!(x.len(), y.len());
    for (y, &x) in y.iter_mut().zip(x) {
        *y = x.power_real(p);
    }
}

/// `y = f(a, b)`, with `a` and `b` broadcast to `y_shape`.
pub(crate) fn zip<S: Scalar>(f: Binary, a: View<S>, b: View<S>, y: &mut [S], y_shape: &[usize]) {
    debug_assert_eq!(y.len(), y_shape.iter().product::<usize>());
    if y.is_empty() {
        return;
    }
    let mut walk = Walk::broadcast(y_shape, [a.shape, b.shape]);
    let (columns, rows) = (walk.take_inner(), walk.take_inner());
    let mut blocks = y.chunks_exact_mut(rows.len * columns.len);
    walk.for_each(|at| {
        let y = blocks.next().expect("one block of y for each position");
        let [a, b] = [(0, a), (1, b)].map(|(i, x)| Rows::new(&x.data[at[i]..], i, rows, columns));
        S::run(ZipRows { f, a, b, y, width: columns.len });
    });
}

/// The rows of a matrix of which rows, or elements within rows, may be repeated.
#[derive(Clone, Copy)]
struct Rows<'a, S> {
    data: &'a [S],
    row_stride: usize,
    repeats: bool,
}

impl<'a, S: Copy> Rows<'a, S> {
    /// The rows of array `i` of the walk.
    fn new(data: &'a [S], i: usize, rows: Axis<2>, columns: Axis<2>) -> Self {
        Self { data, row_stride: rows.strides[i], repeats: columns.strides[i] == 0 }
    }

    #[inline(always)]
    fn row(&self, row: usize, width: usize) -> Side<'a, S> {
        let data = &self.data[row * self.row_stride..];
        if self.repeats { Side::All(data[0]) } else { Side::Each(&data[..width]) }
    }

    /// As many elements of the rows from `first` on as `copy` has: where they lie, or if there are repetitions, copied.
    #[inline(always)]
    fn rows<'b>(&self, first: usize, width: usize, copy: &'b mut [S]) -> &'b [S]
    where
        'a: 'b,
    {
        if !self.repeats && self.row_stride == width {
            return &self.data[first * width..][..copy.len()];
        }
        // The same row for all is the same in every block.
        if self.row_stride > 0 || first == 0 {
            for (i, copy) in copy.chunks_exact_mut(width).enumerate() {
                match self.row(first + i, width) {
                    Side::Each(x) => copy.copy_from_slice(x),
                    Side::All(x) => copy.fill(x),
                }
            }
        }
        copy
    }
}

struct ZipRows<'a, S> {
    f: Binary,
    a: Rows<'a, S>,
    b: Rows<'a, S>,
    y: &'a mut [S],
    width: usize,
}

/// Rows shorter than this are taken several at a time: which function it is, is asked once for each run of elements.
const SHORT: usize = 64;

/// Number of elements taken at a time where rows are short.
const BLOCK: usize = 256;

impl<S: Scalar> Loop for ZipRows<'_, S> {
    type Output = ();

    #[inline(always)]
    fn run<M: MulAdd>(self) {
        let Self { f, a, b, y, width } = self;
        if width >= SHORT || y.len() < 4 * width {
            for (i, y) in y.chunks_exact_mut(width).enumerate() {
                S::zip_slice(f, a.row(i, width), b.row(i, width), y);
            }
            return;
        }
        let rows = BLOCK / width;
        let (mut a_rows, mut b_rows) = ([S::zero(); BLOCK], [S::zero(); BLOCK]);
        for (block, y) in y.chunks_mut(rows * width).enumerate() {
            let a = a.rows(block * rows, width, &mut a_rows[..y.len()]);
            let b = b.rows(block * rows, width, &mut b_rows[..y.len()]);
            S::zip_slice(f, Side::Each(a), Side::Each(b), y);
        }
    }
}

/// `y = x`, repeated along the axes of `y_shape` which `x` lacks or has with length 1.
pub(crate) fn broadcast<S: Scalar>(x: View<S>, y: &mut [S], y_shape: &[usize]) {
    debug_assert_eq!(y.len(), y_shape.iter().product::<usize>());
    if y.is_empty() {
        return;
    }
    let mut walk = Walk::broadcast(y_shape, [x.shape]);
    let run = walk.take_inner();
    let mut runs = y.chunks_exact_mut(run.len);
    walk.for_each(|[at]| {
        let y = runs.next().expect("one run of y for each position");
        match run.strides {
            [0] => y.fill(x.data[at]),
            _ => y.copy_from_slice(&x.data[at..at + run.len]),
        }
    });
}
