//! topos: the derivative is recorded on its tape and compiled together with the loss into one plan.

use topos::{
    Adjoints, Element, Network as Spec, Numerics, Parameters, Plan, Symbol, Tape, Tensor, Value,
    conv2d, cross_entropy, max_pool,
};

use super::Tasks;
use crate::measure::Task;
use crate::workload::Operation;
use crate::workload::network::{Block, Layers, Network};

/// The name under which it is listed.
const NAME: &str = "topos";

/// Its two elements of plain floating point.
pub trait Plain: Element + Copy + Into<f64> {
    /// Rounds.
    fn rounded(x: f64) -> Self;
}

impl Plain for f32 {
    fn rounded(x: f64) -> Self {
        x as f32
    }
}

impl Plain for f64 {
    fn rounded(x: f64) -> Self {
        x
    }
}

fn tensor<E: Plain>(block: &Block) -> Tensor<E> {
    Tensor::new(block.shape.clone(), block.data.iter().map(|&x| E::rounded(x)).collect::<Vec<E>>())
}

/// A plan with what it needs at each run and the symbols it answers.
struct Compiled<E: Element> {
    plan: Plan<E>,
    parameters: Parameters<E>,
    answers: Vec<Symbol>,
}

impl<E: Plain> Compiled<E> {
    fn run(&self) -> Vec<Tensor<E>> {
        let run = self.plan.forward(&self.parameters, []);
        self.answers.iter().map(|&answer| run.of(answer).clone()).collect()
    }
}

/// What is compiled.
#[derive(Clone, Copy)]
enum Order {
    Value,
    Gradient,
    /// The derivative of the gradient along these numbers of the definition's directions.
    Products(usize),
}

fn compile<E: Plain>(network: &Network, order: Order) -> Compiled<E> {
    let tape = Tape::<E>::new();
    let parameters: Vec<Value<'_, E>> =
        network.parameters.iter().map(|block| tape.parameter(tensor::<E>(block))).collect();
    let (x, y) = (tape.leaf(tensor::<E>(&network.inputs)), tape.leaf(tensor(&network.targets)));
    let inputs: Vec<Layer<'_, E>> = parameters.iter().map(|&p| Layer(p)).collect();
    let loss = network.loss(&inputs, &Layer(x), &Layer(y)).0.symbol();
    let symbols: Vec<Symbol> = parameters.iter().map(Value::symbol).collect();
    let answers = match order {
        Order::Value => vec![loss],
        Order::Gradient => {
            let adjoints: Adjoints = tape.differentiate(loss, symbols.iter().copied());
            symbols.iter().map(|&p| adjoints.of(p)).collect()
        }
        Order::Products(count) => {
            let adjoints = tape.differentiate(loss, symbols.iter().copied());
            let gradient = |&p: &Symbol| tape.resolve(adjoints.of(p));
            let gradients: Vec<Value<'_, E>> = symbols.iter().map(gradient).collect();
            let product = |v: &Vec<f64>| hessian_product(&tape, network, &symbols, &gradients, v);
            network.directions[..count].iter().flat_map(product).collect()
        }
    };
    let spec: Spec<E> = tape.into_network();
    let plan = spec.entry(answers.iter().copied()).numerics(Numerics::Fast).lower();
    Compiled { plan, parameters: spec.parameters(), answers }
}

/// `∇(∇f·v)`, reverse over reverse.
fn hessian_product<'t, E: Plain>(
    tape: &'t Tape<E>,
    network: &Network,
    symbols: &[Symbol],
    gradients: &[Value<'t, E>],
    v: &[f64],
) -> Vec<Symbol> {
    let mut offset = 0;
    let mut slope: Option<Value<'t, E>> = None;
    for (&gradient, block) in gradients.iter().zip(&network.parameters) {
        let part = v[offset..offset + block.data.len()].to_vec();
        offset += block.data.len();
        let direction = tape.leaf(tensor::<E>(&Block { shape: block.shape.clone(), data: part }));
        let term = (gradient * direction).sum();
        slope = Some(slope.map_or(term, |sum| sum + term));
    }
    let slope = slope.expect("a parameter").symbol();
    let adjoints = tape.differentiate(slope, symbols.iter().copied());
    symbols.iter().map(|&p| adjoints.of(p)).collect()
}

/// Everything that topos does with a network.
pub fn network<E: Plain + 'static>(network: &Network) -> Tasks<'_> {
    let call = |compiled: &mut Compiled<E>| compiled.run();
    let answer = |_: &Compiled<E>, parts: Vec<Tensor<E>>| {
        parts.iter().flat_map(|part| part.iter().map(Into::into).collect::<Vec<f64>>()).collect()
    };
    let task = |order| Task::new(NAME, compile::<E>(network, order), call, answer);
    let first = move |_: &mut ()| compile::<E>(network, Order::Products(1)).run();
    let mut tasks = vec![
        (Operation::Value, task(Order::Value)),
        (Operation::Gradient, task(Order::Gradient)),
        (Operation::Hvp, task(Order::Products(1))),
        (Operation::SixteenHvps, task(Order::Products(16))),
    ];
    tasks.push((
        Operation::FirstHvp,
        Task::new(NAME, (), first, |(), parts: Vec<Tensor<E>>| {
            parts.iter().flat_map(|p| p.iter().map(Into::into).collect::<Vec<f64>>()).collect()
        }),
    ));
    tasks
}

/// A value of its tape.
struct Layer<'t, E: Element>(Value<'t, E>);

impl<E: Element> Clone for Layer<'_, E> {
    fn clone(&self) -> Self {
        Self(self.0)
    }
}

impl<'t, E: Plain> Layer<'t, E> {
    fn axes(&self) -> Vec<usize> {
        self.0.shape().axes().to_vec()
    }

    /// Repeats a vector to this shape.
    fn row(&self, row: &Self) -> Value<'t, E> {
        let axes = self.axes();
        axes[..axes.len() - 1].iter().rev().fold(row.0, |row, &n| row.broadcast_along(0, n))
    }

    fn constant(x: f64) -> Tensor<E> {
        Tensor::from(E::rounded(x))
    }

    fn scale(&self, c: f64) -> Self {
        Self(self.0 * Tensor::filled(self.0.shape(), E::rounded(c)))
    }

    fn shift(&self, c: f64) -> Self {
        Self(self.0 + Tensor::filled(self.0.shape(), E::rounded(c)))
    }
}

impl<E: Plain> Layers for Layer<'_, E> {
    fn matmul(&self, weights: &Self) -> Self {
        let mut axes = self.axes();
        let last = axes.pop().expect("a matrix");
        let rows: usize = axes.iter().product();
        axes.push(weights.axes()[1]);
        Self(self.0.reshape([rows, last]).matmul(weights.0).reshape(axes))
    }

    fn add_row(&self, row: &Self) -> Self {
        Self(self.0 + self.row(row))
    }

    fn add(&self, other: &Self) -> Self {
        Self(self.0 + other.0)
    }

    fn mul(&self, other: &Self) -> Self {
        Self(self.0 * other.0)
    }

    fn tanh(&self) -> Self {
        Self(self.0.tanh())
    }

    fn sigmoid(&self) -> Self {
        self.scale(0.5).tanh().scale(0.5).shift(0.5)
    }

    fn relu(&self) -> Self {
        Self(self.0.relu())
    }

    fn gelu(&self) -> Self {
        let cube = self.mul(self).mul(self).scale(0.044_715);
        let inner = self.add(&cube).scale((2.0 / std::f64::consts::PI).sqrt());
        self.mul(&inner.tanh().shift(1.0)).scale(0.5)
    }

    fn convolution(&self, kernel: &Self, bias: &Self) -> Self {
        Self(conv2d(self.0, kernel.0, bias.0, 1, 1))
    }

    fn max_pool(&self) -> Self {
        Self(max_pool(self.0, 2, 2))
    }

    fn flatten(&self, features: usize) -> Self {
        Self(self.0.reshape([self.axes()[0], features]))
    }

    fn step(&self, t: usize) -> Self {
        Self(self.0.narrow(1, t, 1).squeeze(1))
    }

    fn columns(&self, from: usize, count: usize) -> Self {
        Self(self.0.narrow(1, from, count))
    }

    fn scores(&self, keys: &Self, divisor: f64) -> Self {
        Self(self.0.matmul(keys.0.permute([0, 2, 1]))).scale(1.0 / divisor)
    }

    fn mix(&self, values: &Self) -> Self {
        Self(self.0.matmul(values.0))
    }

    fn softmax(&self) -> Self {
        Self(self.0.softmax(self.axes().len() - 1))
    }

    fn layer_norm(&self, gain: &Self, shift: &Self) -> Self {
        let axis = self.axes().len() - 1;
        let mean = self.0.mean_along(axis).broadcast_along_like(axis, self.0);
        let centred = self.0 - mean;
        let variance = Self((centred * centred).mean_along(axis)).shift(1e-5);
        let deviation = variance.0.sqrt().broadcast_along_like(axis, self.0);
        Self(centred / deviation * self.row(gain) + self.row(shift))
    }

    fn cross_entropy(&self, one_hot: &Self) -> Self {
        Self(cross_entropy(self.0, one_hot.0))
    }

    fn mean_squared_error(&self, target: &Self) -> Self {
        let residual = self.0 - target.0;
        let count: usize = self.axes().iter().product();
        Self((residual * residual).sum() / Self::constant(count as f64))
    }
}
