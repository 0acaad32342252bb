//! dualtape on networks: one recorded function of all parameters, as one vector.

use dualtape_autodiff::{Array, Error, Function, Linearization, Real, Record, Tensor, Var, c};

use super::Tasks;
use super::dualtape::NAME;
use crate::measure::Task;
use crate::workload::Operation;
use crate::workload::network::{Block, Layers, Network};

fn rounded<S: Real>(data: &[f64]) -> Vec<S> {
    data.iter().map(|&x| S::constant(x)).collect()
}

fn array<S: Real>(block: &Block) -> Result<Array<S>, Error> {
    Array::new(&block.shape, rounded(&block.data))
}

/// Records the loss.
pub fn record<S: Real>(network: &Network) -> Result<Function<'_, S>, Error> {
    let (inputs, targets) = (array(&network.inputs)?, array(&network.targets)?);
    let point = rounded(&network.point());
    Record::at(&point).data(&[&inputs, &targets]).function(|theta, data| loss(network, theta, data))
}

fn loss<'t, S: Real>(
    network: &Network,
    theta: Tensor<'t, S>,
    data: &[Tensor<'t, S>],
) -> Var<'t, S> {
    let mut offset = 0;
    let parameters: Vec<Tensor<'t, S>> = network
        .parameters
        .iter()
        .map(|block| {
            let parameter = theta.view(offset, &block.shape);
            offset += block.data.len();
            parameter
        })
        .collect();
    network.loss(&parameters, &data[0], &data[1]).to_var()
}

/// Everything that dualtape does with a loss.
pub fn network<'a, S: Real>(
    network: &'a Network,
    function: &'a Function<'a, S>,
) -> Result<Tasks<'a>, Error> {
    let point = rounded::<S>(&network.point());
    let v = rounded::<S>(&network.directions[0]);
    let zeros = || vec![S::zero(); network.dim()];
    let mut tasks = Tasks::new();

    let x = point.clone();
    let value = move |_: &mut ()| function.value(&x).expect("the value");
    tasks.push((Operation::Value, Task::new(NAME, (), value, |(), y: S| vec![y.as_f64()])));

    let x = point.clone();
    let gradient =
        move |g: &mut Vec<S>| function.value_and_gradient_into(&x, g).expect("the gradient");
    tasks.push((Operation::Gradient, Task::new(NAME, zeros(), gradient, |g, _| widened(g))));

    let (x, direction) = (point.clone(), v.clone());
    let product =
        move |hv: &mut Vec<S>| function.hvp_into(&x, &direction, hv).expect("the product");
    tasks.push((Operation::Hvp, Task::new(NAME, zeros(), product, |hv, ()| widened(hv))));

    let next = move |(at, hv): &mut (Linearization<'a, S>, Vec<S>)| {
        at.hvp_into(&v, hv).expect("the product");
    };
    let state = (function.linearize(&point)?, zeros());
    tasks.push((Operation::NextHvp, Task::new(NAME, state, next, |(_, hv), ()| widened(hv))));

    let (x, directions) = (point.clone(), rounded::<S>(&network.directions.concat()));
    let sixteen = move |products: &mut Vec<S>| {
        let at = function.linearize(&x).expect("the linearisation");
        at.hvps_into(&directions, products).expect("the products");
    };
    let products = vec![S::zero(); 16 * network.dim()];
    let task = Task::new(NAME, products, sixteen, |products, ()| widened(products));
    tasks.push((Operation::SixteenHvps, task));

    if network.has_hessian() {
        let x = point.clone();
        let hessian = move |_: &mut ()| function.hessian(&x).expect("the Hessian");
        let task = Task::new(NAME, (), hessian, |(), h| widened(h.as_slice()));
        tasks.push((Operation::Hessian, task));
    }
    tasks.push((Operation::FirstHvp, first_hvp(network, point)));
    Ok(tasks)
}

fn first_hvp<S: Real>(network: &Network, x: Vec<S>) -> Task<'_> {
    let v = rounded::<S>(&network.directions[0]);
    let call = move |hv: &mut Vec<S>| {
        record(network).and_then(|f: Function<'_, S>| f.hvp_into(&x, &v, hv)).expect("the product");
    };
    Task::new(NAME, vec![S::zero(); network.dim()], call, |hv, ()| widened(hv))
}

fn widened<S: Real>(x: &[S]) -> Vec<f64> {
    x.iter().map(|x| x.as_f64()).collect()
}

impl<S: Real> Layers for Tensor<'_, S> {
    fn matmul(&self, weights: &Self) -> Self {
        let [leading @ .., width] = self.shape() else { return *self };
        let rows = leading.iter().product();
        let mut shape = leading.to_vec();
        shape.push(weights.shape()[1]);
        Tensor::matmul(self.reshape(&[rows, *width]), *weights).reshape(&shape)
    }

    fn add_row(&self, row: &Self) -> Self {
        *self + *row
    }

    fn add(&self, other: &Self) -> Self {
        *self + *other
    }

    fn mul(&self, other: &Self) -> Self {
        *self * *other
    }

    fn tanh(&self) -> Self {
        Tensor::tanh(*self)
    }

    fn sigmoid(&self) -> Self {
        Tensor::sigmoid(*self)
    }

    fn relu(&self) -> Self {
        Tensor::relu(*self)
    }

    fn gelu(&self) -> Self {
        let x = *self;
        let root = (2.0 / std::f64::consts::PI).sqrt();
        let inner = c(root) * (x + c(0.044_715) * x.powi(3));
        c(0.5) * x * (c(1.0) + Tensor::tanh(inner))
    }

    /// As a product of the kernel with the nine shifted images.
    fn convolution(&self, kernel: &Self, bias: &Self) -> Self {
        let [batch, channels, height, width] = *self.shape() else { return *self };
        let filters = kernel.shape()[0];
        let padded = self.pad(2, 1, 1).pad(3, 1, 1);
        let shifted =
            |k: usize| padded.slice(2, k / 3..k / 3 + height).slice(3, k % 3..k % 3 + width);
        let shifted: Vec<Self> = (0..9).map(shifted).collect();
        let patches = Self::stack(&shifted, 2).reshape(&[batch, channels * 9, height * width]);
        let kernel = kernel.reshape(&[filters, channels * 9]);
        let image = Tensor::matmul(kernel, patches) + bias.reshape(&[filters, 1]);
        image.reshape(&[batch, filters, height, width])
    }

    fn max_pool(&self) -> Self {
        let halves = |x: Self, axis: usize| {
            let half = |start| x.slice_step(axis, start..x.shape()[axis], 2);
            half(0).maximum(half(1))
        };
        halves(halves(*self, 2), 3)
    }

    fn flatten(&self, features: usize) -> Self {
        self.reshape(&[self.shape()[0], features])
    }

    fn step(&self, t: usize) -> Self {
        self.select(1, t)
    }

    fn columns(&self, from: usize, count: usize) -> Self {
        self.slice(1, from..from + count)
    }

    fn scores(&self, keys: &Self, divisor: f64) -> Self {
        Tensor::matmul(*self, keys.permute(&[0, 2, 1])) / c(divisor)
    }

    fn mix(&self, values: &Self) -> Self {
        Tensor::matmul(*self, *values)
    }

    fn softmax(&self) -> Self {
        Tensor::softmax(*self, self.rank() - 1)
    }

    fn layer_norm(&self, gain: &Self, shift: &Self) -> Self {
        let axis = self.rank() - 1;
        let centred = *self - self.mean_axis(axis).keep_axis(axis);
        let variance = centred.powi(2).mean_axis(axis).keep_axis(axis);
        centred / (variance + c(1e-5)).sqrt() * *gain + *shift
    }

    fn cross_entropy(&self, one_hot: &Self) -> Self {
        let total = self.log_softmax(1).dot(*one_hot);
        (-total / c(self.shape()[0] as f64)).to_tensor(self.tape())
    }

    fn mean_squared_error(&self, target: &Self) -> Self {
        let residual = *self - *target;
        (residual.dot(residual) / c(residual.len() as f64)).to_tensor(self.tape())
    }
}
