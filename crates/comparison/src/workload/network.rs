//! Losses of networks: multilayer perceptrons, a convolutional network, a long short-term memory, an attention block.

use super::inputs::{signed, unsigned};

/// What the networks are written with. A library implements each with what it recommends for that.
pub trait Layers: Clone {
    /// `[…, i]·[i, o]`
    fn matmul(&self, weights: &Self) -> Self;

    /// Adds a vector over the last axis.
    fn add_row(&self, row: &Self) -> Self;

    /// Elementwise sum of arrays of one shape.
    fn add(&self, other: &Self) -> Self;

    /// Elementwise product of arrays of one shape.
    fn mul(&self, other: &Self) -> Self;

    /// Hyperbolic tangent.
    fn tanh(&self) -> Self;

    /// Logistic function.
    fn sigmoid(&self) -> Self;

    /// `max(x, 0)`
    fn relu(&self) -> Self;

    /// `½x(1 + tanh(√(2/π)(x + 0.044715 x³)))`
    fn gelu(&self) -> Self;

    /// Convolution of `[batch, in, h, w]` with `[out, in, 3, 3]`, padded by one, and a bias of length `out`.
    fn convolution(&self, kernel: &Self, bias: &Self) -> Self;

    /// Maxima of 2 × 2 squares.
    fn max_pool(&self) -> Self;

    /// `[batch, …]` to `[batch, features]`.
    fn flatten(&self, features: usize) -> Self;

    /// `x[:, t, :]` of a rank-3 array.
    fn step(&self, t: usize) -> Self;

    /// Columns `from..from + count` of a matrix.
    fn columns(&self, from: usize, count: usize) -> Self;

    /// `[b, i, d]·[b, j, d]ᵀ`, divided by `divisor`.
    fn scores(&self, keys: &Self, divisor: f64) -> Self;

    /// `[b, i, j]·[b, j, d]`
    fn mix(&self, values: &Self) -> Self;

    /// Softmax over the last axis.
    fn softmax(&self) -> Self;

    /// `(x − mean)/√(variance + 10⁻⁵)·gain + shift` over the last axis, with the biased variance.
    fn layer_norm(&self, gain: &Self, shift: &Self) -> Self;

    /// Mean cross entropy of the softmax of `[batch, classes]` with one-hot targets.
    fn cross_entropy(&self, one_hot: &Self) -> Self;

    /// Mean of the squared differences.
    fn mean_squared_error(&self, target: &Self) -> Self;
}

/// The two gates' and two activations' width of the memory.
const HIDDEN: usize = 64;

/// A dense array of the definition.
#[derive(Clone, Debug)]
pub struct Block {
    /// Lengths of the axes.
    pub shape: Vec<usize>,
    /// Row-major.
    pub data: Vec<f64>,
}

impl Block {
    fn new(shape: &[usize], data: Vec<f64>) -> Self {
        Self { shape: shape.to_vec(), data }
    }
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Mlp,
    Iris,
    Cnn,
    Lstm,
    Transformer,
}

/// How a parameter starts.
#[derive(Clone, Copy, Debug)]
enum Start {
    FanIn(usize),
    Bias,
    Gain,
}

/// A network with its data: the loss is a function of the parameters.
#[derive(Debug)]
pub struct Network {
    /// The workload's name.
    pub name: String,
    /// In the order in which the loss takes them.
    pub parameters: Vec<Block>,
    /// Directions of Hessian-vector products, parameters one after the other. The first is the one of single products.
    pub directions: Vec<Vec<f64>>,
    /// What the network sees.
    pub inputs: Block,
    /// One-hot classes, or numbers.
    pub targets: Block,
    kind: Kind,
}

impl Network {
    /// `784-128-64-10`, tanh.
    pub fn mlp(batch: usize) -> Self {
        use Start::{Bias, FanIn};
        let shapes: [(&[usize], Start); 6] = [
            (&[784, 128], FanIn(784)),
            (&[128], Bias),
            (&[128, 64], FanIn(128)),
            (&[64], Bias),
            (&[64, 10], FanIn(64)),
            (&[10], Bias),
        ];
        let inputs = Block::new(&[batch, 784], unsigned(190, batch * 784));
        Self::new(format!("mlp_b{batch}"), Kind::Mlp, 1, &shapes, inputs, one_hot(batch, 10))
    }

    /// `4-16-3`, tanh, on 150 examples.
    pub fn iris() -> Self {
        use Start::{Bias, FanIn};
        let shapes: [(&[usize], Start); 4] =
            [(&[4, 16], FanIn(4)), (&[16], Bias), (&[16, 3], FanIn(16)), (&[3], Bias)];
        let inputs = Block::new(&[150, 4], unsigned(290, 150 * 4));
        Self::new("iris_b150".into(), Kind::Iris, 2, &shapes, inputs, one_hot(150, 3))
    }

    /// Two convolutions with rectifiers and pooling, then a linear layer, on 32 images.
    pub fn cnn() -> Self {
        use Start::{Bias, FanIn};
        let shapes: [(&[usize], Start); 6] = [
            (&[8, 1, 3, 3], FanIn(9)),
            (&[8], Bias),
            (&[16, 8, 3, 3], FanIn(72)),
            (&[16], Bias),
            (&[784, 10], FanIn(784)),
            (&[10], Bias),
        ];
        let inputs = Block::new(&[32, 1, 28, 28], unsigned(390, 32 * 784));
        Self::new("cnn_b32".into(), Kind::Cnn, 3, &shapes, inputs, one_hot(32, 10))
    }

    /// 50 steps of 16 numbers, 64 hidden units, 16 sequences.
    pub fn lstm() -> Self {
        use Start::{Bias, FanIn};
        let shapes: [(&[usize], Start); 5] = [
            (&[16, 256], FanIn(64)),
            (&[64, 256], FanIn(64)),
            (&[256], Bias),
            (&[64, 1], FanIn(64)),
            (&[1], Bias),
        ];
        let inputs = Block::new(&[16, 50, 16], signed(490, 16 * 50 * 16));
        let targets = Block::new(&[16, 1], signed(491, 16));
        Self::new("lstm_b16".into(), Kind::Lstm, 4, &shapes, inputs, targets)
    }

    /// One block of attention (one head) and a perceptron, each behind a layer norm, on 8 sequences of 32 vectors.
    pub fn transformer() -> Self {
        use Start::{Bias, FanIn, Gain};
        let square: (&[usize], Start) = (&[64, 64], FanIn(64));
        let shapes: [(&[usize], Start); 12] = [
            (&[64], Gain),
            (&[64], Bias),
            square,
            square,
            square,
            square,
            (&[64], Gain),
            (&[64], Bias),
            (&[64, 256], FanIn(64)),
            (&[256], Bias),
            (&[256, 64], FanIn(256)),
            (&[64], Bias),
        ];
        let inputs = Block::new(&[8, 32, 64], signed(590, 8 * 32 * 64));
        let targets = Block::new(&[8, 32, 64], signed(591, 8 * 32 * 64));
        Self::new("xfmr_b8".into(), Kind::Transformer, 5, &shapes, inputs, targets)
    }

    fn new(
        name: String,
        kind: Kind,
        model: u64,
        shapes: &[(&[usize], Start)],
        inputs: Block,
        targets: Block,
    ) -> Self {
        let sizes: Vec<usize> = shapes.iter().map(|(shape, _)| shape.iter().product()).collect();
        let parameters = shapes
            .iter()
            .zip(&sizes)
            .zip(100 * model..)
            .map(|((&(shape, start), &size), stream)| {
                let mut data = signed(stream, size);
                for x in &mut data {
                    *x = match start {
                        Start::FanIn(n) => *x / (n as f64).sqrt(),
                        Start::Bias => 0.1 * *x,
                        Start::Gain => 1.0 + 0.1 * *x,
                    };
                }
                Block::new(shape, data)
            })
            .collect();
        let direction = |q: u64| {
            let streams = 100_000 * q + 100 * model + 50..;
            sizes.iter().zip(streams).flat_map(|(&size, stream)| signed(stream, size)).collect()
        };
        let directions = (0..16).map(direction).collect();
        Self { name, parameters, directions, inputs, targets, kind }
    }

    /// The parameters, one after the other.
    pub fn point(&self) -> Vec<f64> {
        self.parameters.iter().flat_map(|p| p.data.iter().copied()).collect()
    }

    /// Number of parameters.
    pub fn dim(&self) -> usize {
        self.directions[0].len()
    }

    /// Whether the whole Hessian is small enough to be asked for.
    pub fn has_hessian(&self) -> bool {
        self.dim() <= 200
    }

    /// The loss, an array of one element.
    pub fn loss<T: Layers>(&self, p: &[T], x: &T, target: &T) -> T {
        match self.kind {
            Kind::Mlp => {
                let h = x.matmul(&p[0]).add_row(&p[1]).tanh();
                let h = h.matmul(&p[2]).add_row(&p[3]).tanh();
                h.matmul(&p[4]).add_row(&p[5]).cross_entropy(target)
            }
            Kind::Iris => {
                let h = x.matmul(&p[0]).add_row(&p[1]).tanh();
                h.matmul(&p[2]).add_row(&p[3]).cross_entropy(target)
            }
            Kind::Cnn => {
                let h = x.convolution(&p[0], &p[1]).relu().max_pool();
                let h = h.convolution(&p[2], &p[3]).relu().max_pool();
                h.flatten(784).matmul(&p[4]).add_row(&p[5]).cross_entropy(target)
            }
            Kind::Lstm => lstm(p, x, self.inputs.shape[1]).mean_squared_error(target),
            Kind::Transformer => transformer(p, x).mean_squared_error(target),
        }
    }
}

/// Gates input, forget, cell, output; the states start at zero.
fn lstm<T: Layers>(p: &[T], x: &T, steps: usize) -> T {
    let from_inputs = x.matmul(&p[0]).add_row(&p[2]);
    let mut state: Option<(T, T)> = None;
    for t in 0..steps {
        let z = from_inputs.step(t);
        let z = state.as_ref().map_or_else(|| z.clone(), |(h, _)| z.add(&h.matmul(&p[1])));
        let gate = |k: usize| z.columns(k * HIDDEN, HIDDEN);
        let written = gate(0).sigmoid().mul(&gate(2).tanh());
        let cell = match &state {
            None => written,
            Some((_, cell)) => gate(1).sigmoid().mul(cell).add(&written),
        };
        state = Some((gate(3).sigmoid().mul(&cell.tanh()), cell));
    }
    let (h, _) = state.expect("there is a step");
    h.matmul(&p[3]).add_row(&p[4])
}

fn transformer<T: Layers>(p: &[T], x: &T) -> T {
    let a = x.layer_norm(&p[0], &p[1]);
    let (q, k, v) = (a.matmul(&p[2]), a.matmul(&p[3]), a.matmul(&p[4]));
    let h = x.add(&q.scores(&k, 8.0).softmax().mix(&v).matmul(&p[5]));
    let wide = h.layer_norm(&p[6], &p[7]).matmul(&p[8]).add_row(&p[9]).gelu();
    h.add(&wide.matmul(&p[10]).add_row(&p[11]))
}

/// Class `b mod classes` for example `b`.
fn one_hot(batch: usize, classes: usize) -> Block {
    let mut data = vec![0.0; batch * classes];
    for b in 0..batch {
        data[b * classes + b % classes] = 1.0;
    }
    Block::new(&[batch, classes], data)
}
