//! The networks in plain Rust: loops over slices, as one would write them by hand.

use num_traits::Float;

use crate::workload::network::{Block, Layers};

/// A dense row-major array.
#[derive(Clone, Debug)]
pub struct Plain<S> {
    shape: Vec<usize>,
    data: Vec<S>,
}

impl<S: Float> Plain<S> {
    /// Rounds a block of the definition.
    pub fn new(block: &Block) -> Self {
        let data = block.data.iter().map(|&x| number(x)).collect();
        Self { shape: block.shape.clone(), data }
    }

    /// The only element.
    pub fn item(&self) -> S {
        self.data[0]
    }

    fn last(&self) -> usize {
        self.shape[self.shape.len() - 1]
    }

    fn map(&self, f: impl Fn(S) -> S) -> Self {
        Self { shape: self.shape.clone(), data: self.data.iter().map(|&x| f(x)).collect() }
    }

    fn zip(&self, other: &Self, f: impl Fn(S, S) -> S) -> Self {
        let data = self.data.iter().zip(&other.data).map(|(&x, &y)| f(x, y)).collect();
        Self { shape: self.shape.clone(), data }
    }

    fn scalar(x: S) -> Self {
        Self { shape: Vec::new(), data: vec![x] }
    }
}

fn number<S: Float>(x: f64) -> S {
    S::from(x).expect("every f64 rounds to a float")
}

fn sum<S: Float>(x: &[S]) -> S {
    x.iter().fold(S::zero(), |sum, &x| sum + x)
}

fn dot<S: Float>(x: &[S], y: &[S]) -> S {
    x.iter().zip(y).fold(S::zero(), |sum, (&x, &y)| sum + x * y)
}

/// `out += a·row`
fn add_scaled<S: Float>(out: &mut [S], a: S, row: &[S]) {
    for (out, &x) in out.iter_mut().zip(row) {
        *out = *out + a * x;
    }
}

/// `x − ln Σ exp x`
fn log_softmax<S: Float>(row: &[S]) -> impl Iterator<Item = S> {
    let largest = row.iter().copied().fold(S::neg_infinity(), S::max);
    let total = row.iter().fold(S::zero(), |sum, &x| sum + (x - largest).exp()).ln();
    row.iter().map(move |&x| x - largest - total)
}

/// Adds to `out` the products of `a [m, k]` and `b [k, n]`.
fn product<S: Float>(a: &[S], b: &[S], n: usize, out: &mut [S]) {
    let k = b.len() / n;
    for (a, out) in a.chunks_exact(k).zip(out.chunks_exact_mut(n)) {
        for (&a, b) in a.iter().zip(b.chunks_exact(n)) {
            add_scaled(out, a, b);
        }
    }
}

impl<S: Float> Layers for Plain<S> {
    fn matmul(&self, weights: &Self) -> Self {
        let n = weights.last();
        let mut shape = self.shape.clone();
        *shape.last_mut().expect("a product of matrices") = n;
        let mut data = vec![S::zero(); self.data.len() / self.last() * n];
        product(&self.data, &weights.data, n, &mut data);
        Self { shape, data }
    }

    fn add_row(&self, row: &Self) -> Self {
        let mut sum = self.clone();
        for out in sum.data.chunks_exact_mut(row.data.len()) {
            add_scaled(out, S::one(), &row.data);
        }
        sum
    }

    fn add(&self, other: &Self) -> Self {
        self.zip(other, |x, y| x + y)
    }

    fn mul(&self, other: &Self) -> Self {
        self.zip(other, |x, y| x * y)
    }

    fn tanh(&self) -> Self {
        self.map(S::tanh)
    }

    fn sigmoid(&self) -> Self {
        self.map(|x: S| S::one() / (S::one() + (-x).exp()))
    }

    fn relu(&self) -> Self {
        self.map(|x| x.max(S::zero()))
    }

    fn gelu(&self) -> Self {
        let (half, cubic): (S, S) = (number(0.5), number(0.044_715));
        let root: S = number((2.0 / std::f64::consts::PI).sqrt());
        self.map(|x: S| half * x * (S::one() + (root * (x + cubic * x * x * x)).tanh()))
    }

    fn convolution(&self, kernel: &Self, bias: &Self) -> Self {
        let [batch, channels, height, width] = self.shape[..] else { panic!("a batch of images") };
        let (filters, size) = (kernel.shape[0], height * width);
        let mut data = Vec::with_capacity(batch * filters * size);
        for image in self.data.chunks_exact(channels * size) {
            for (kernel, &bias) in kernel.data.chunks_exact(channels * 9).zip(&bias.data) {
                let start = data.len();
                data.resize(start + size, bias);
                for (plane, kernel) in image.chunks_exact(size).zip(kernel.chunks_exact(9)) {
                    convolve(plane, width, kernel, &mut data[start..]);
                }
            }
        }
        Self { shape: vec![batch, filters, height, width], data }
    }

    fn max_pool(&self) -> Self {
        let [batch, channels, height, width] = self.shape[..] else { panic!("a batch of images") };
        let pairs = self.data.chunks_exact(2 * width).map(|rows| rows.split_at(width));
        let data = pairs
            .flat_map(|(upper, lower)| {
                let squares = upper.chunks_exact(2).zip(lower.chunks_exact(2));
                squares.map(|(a, b)| a[0].max(a[1]).max(b[0]).max(b[1]))
            })
            .collect();
        Self { shape: vec![batch, channels, height / 2, width / 2], data }
    }

    fn flatten(&self, features: usize) -> Self {
        Self { shape: vec![self.shape[0], features], data: self.data.clone() }
    }

    fn step(&self, t: usize) -> Self {
        let (steps, width) = (self.shape[1], self.shape[2]);
        let rows = self.data.chunks_exact(steps * width);
        let data = rows.flat_map(|row| row[t * width..][..width].iter().copied()).collect();
        Self { shape: vec![self.shape[0], width], data }
    }

    fn columns(&self, from: usize, count: usize) -> Self {
        let rows = self.data.chunks_exact(self.last());
        let data = rows.flat_map(|row| row[from..from + count].iter().copied()).collect();
        Self { shape: vec![self.shape[0], count], data }
    }

    fn scores(&self, keys: &Self, divisor: f64) -> Self {
        let [batch, rows, width] = self.shape[..] else { panic!("a batch of matrices") };
        let (size, factor) = (rows * width, number::<S>(1.0 / divisor));
        let pairs = self.data.chunks_exact(size).zip(keys.data.chunks_exact(size));
        let data = pairs
            .flat_map(|(queries, keys)| {
                queries.chunks_exact(width).flat_map(move |query| {
                    keys.chunks_exact(width).map(move |key| dot(query, key) * factor)
                })
            })
            .collect();
        Self { shape: vec![batch, rows, rows], data }
    }

    fn mix(&self, values: &Self) -> Self {
        let [_, rows, width] = values.shape[..] else { panic!("a batch of matrices") };
        let mut data = vec![S::zero(); values.data.len()];
        let weights = self.data.chunks_exact(rows * rows);
        let values_of = values.data.chunks_exact(rows * width);
        for ((weights, values), out) in
            weights.zip(values_of).zip(data.chunks_exact_mut(rows * width))
        {
            product(weights, values, width, out);
        }
        Self { shape: values.shape.clone(), data }
    }

    fn softmax(&self) -> Self {
        let rows = self.data.chunks_exact(self.last());
        let data = rows.flat_map(|row| log_softmax(row).map(S::exp)).collect();
        Self { shape: self.shape.clone(), data }
    }

    fn layer_norm(&self, gain: &Self, shift: &Self) -> Self {
        let mut normed = self.clone();
        let n = number(self.last() as f64);
        for row in normed.data.chunks_exact_mut(self.last()) {
            let mean = sum(row) / n;
            row.iter_mut().for_each(|x| *x = *x - mean);
            let factor = (dot(row, row) / n + number(1e-5)).sqrt().recip();
            for ((x, &gain), &shift) in row.iter_mut().zip(&gain.data).zip(&shift.data) {
                *x = *x * factor * gain + shift;
            }
        }
        normed
    }

    fn cross_entropy(&self, one_hot: &Self) -> Self {
        let width = self.last();
        let mut total = S::zero();
        for (row, target) in self.data.chunks_exact(width).zip(one_hot.data.chunks_exact(width)) {
            total = log_softmax(row).zip(target).fold(total, |sum, (x, &y)| sum - x * y);
        }
        Self::scalar(total / number(self.shape[0] as f64))
    }

    fn mean_squared_error(&self, target: &Self) -> Self {
        let squares = self.zip(target, |x, y| (x - y) * (x - y));
        Self::scalar(sum(&squares.data) / number(squares.data.len() as f64))
    }
}

/// Adds to `out` the 3 × 3 convolution of one plane, with zeros around it, row by row.
fn convolve<S: Float>(plane: &[S], width: usize, kernel: &[S], out: &mut [S]) {
    let height = plane.len() / width;
    for (i, out) in out.chunks_exact_mut(width).enumerate() {
        for (k, taps) in kernel.chunks_exact(3).enumerate() {
            if i + k == 0 || i + k > height {
                continue;
            }
            let row = &plane[(i + k - 1) * width..][..width];
            add_scaled(&mut out[1..], taps[0], row);
            add_scaled(out, taps[1], row);
            add_scaled(out, taps[2], &row[1..]);
        }
    }
}
