//! candle: variables, a loss, `backward`. It has no second derivatives.

use candle_core::{D, DType, Device, Result, Tensor, Var};

use super::Tasks;
use crate::measure::Task;
use crate::workload::network::{Block, Layers, Network};
use crate::workload::{Operation, Precision};

/// The name under which it is listed.
const NAME: &str = "candle";

fn tensor(block: &Block, precision: Precision) -> Tensor {
    let kind = match precision {
        Precision::Single => DType::F32,
        Precision::Double => DType::F64,
    };
    let tensor = Tensor::from_vec(block.data.clone(), block.shape.as_slice(), &Device::Cpu);
    done(tensor.and_then(|tensor| tensor.to_dtype(kind)))
}

/// The numbers of a tensor, in order.
fn numbers(tensor: &Tensor) -> Vec<f64> {
    let flat = tensor.flatten_all().and_then(|flat| flat.to_dtype(DType::F64));
    done(flat.and_then(|flat| flat.to_vec1()))
}

/// The shapes are those of the definition, so no operation is refused.
fn done<T>(result: Result<T>) -> T {
    result.expect("candle accepts the shapes of the workloads")
}

/// Value and gradient of a loss.
pub fn network(network: &Network, precision: Precision) -> Tasks<'_> {
    let variable = |block| done(Var::from_tensor(&tensor(block, precision)));
    let variables: Vec<Var> = network.parameters.iter().map(variable).collect();
    let tracked: Vec<Array> = variables.iter().map(|v| Array(v.as_tensor().clone())).collect();
    let plain: Vec<Array> = tracked.iter().map(|array| Array(array.0.detach())).collect();
    let inputs = Array(tensor(&network.inputs, precision));
    let targets = Array(tensor(&network.targets, precision));
    let (x, y) = (inputs.clone(), targets.clone());
    let value = move |_: &mut ()| network.loss(&plain, &x, &y).0;
    let gradient = move |_: &mut ()| {
        let mut store = done(network.loss(&tracked, &inputs, &targets).0.backward());
        let part = |variable: &Var| store.remove(variable.as_tensor()).expect("a gradient");
        variables.iter().map(part).collect::<Vec<Tensor>>()
    };
    vec![
        (Operation::Value, Task::new(NAME, (), value, |(), y| numbers(&y))),
        (
            Operation::Gradient,
            Task::new(NAME, (), gradient, |(), parts| parts.iter().flat_map(numbers).collect()),
        ),
    ]
}

/// A tensor of the workloads.
#[derive(Clone)]
struct Array(Tensor);

impl Array {
    fn from(result: Result<Tensor>) -> Self {
        Self(done(result))
    }
}

impl Layers for Array {
    fn matmul(&self, weights: &Self) -> Self {
        let mut shape = self.0.dims().to_vec();
        let last = shape.pop().expect("a matrix");
        shape.push(done(weights.0.dim(1)));
        let flat = self.0.reshape(((), last)).and_then(|flat| flat.matmul(&weights.0));
        Self::from(flat.and_then(|product| product.reshape(shape)))
    }

    fn add_row(&self, row: &Self) -> Self {
        Self::from(self.0.broadcast_add(&row.0))
    }

    fn add(&self, other: &Self) -> Self {
        Self::from(&self.0 + &other.0)
    }

    fn mul(&self, other: &Self) -> Self {
        Self::from(&self.0 * &other.0)
    }

    fn tanh(&self) -> Self {
        Self::from(self.0.tanh())
    }

    /// Of elementary operations: its own sigmoid is in another crate, and is the same.
    fn sigmoid(&self) -> Self {
        Self::from(self.0.neg().and_then(|x| x.exp()).and_then(|x| x + 1.0).and_then(|x| x.recip()))
    }

    fn relu(&self) -> Self {
        Self::from(self.0.relu())
    }

    fn gelu(&self) -> Self {
        Self::from(self.0.gelu())
    }

    fn convolution(&self, kernel: &Self, bias: &Self) -> Self {
        let bias = bias.0.reshape((1, (), 1, 1));
        let product = self.0.conv2d(&kernel.0, 1, 1, 1, 1);
        Self::from(product.and_then(|product| product.broadcast_add(&bias?)))
    }

    fn max_pool(&self) -> Self {
        Self::from(self.0.max_pool2d(2))
    }

    fn flatten(&self, _features: usize) -> Self {
        Self::from(self.0.flatten_from(1))
    }

    fn step(&self, t: usize) -> Self {
        Self::from(self.0.narrow(1, t, 1).and_then(|x| x.squeeze(1)))
    }

    fn columns(&self, from: usize, count: usize) -> Self {
        Self::from(self.0.narrow(1, from, count))
    }

    fn scores(&self, keys: &Self, divisor: f64) -> Self {
        let product = keys.0.transpose(1, 2).and_then(|keys| self.0.matmul(&keys));
        Self::from(product.and_then(|product| product / divisor))
    }

    fn mix(&self, values: &Self) -> Self {
        Self::from(self.0.matmul(&values.0))
    }

    fn softmax(&self) -> Self {
        let softmax = || {
            let largest = self.0.max_keepdim(D::Minus1)?.detach();
            let exponentials = self.0.broadcast_sub(&largest)?.exp()?;
            exponentials.broadcast_div(&exponentials.sum_keepdim(D::Minus1)?)
        };
        Self::from(softmax())
    }

    fn layer_norm(&self, gain: &Self, shift: &Self) -> Self {
        let norm = || {
            let centred = self.0.broadcast_sub(&self.0.mean_keepdim(D::Minus1)?)?;
            let deviation = (centred.sqr()?.mean_keepdim(D::Minus1)? + 1e-5)?.sqrt()?;
            centred.broadcast_div(&deviation)?.broadcast_mul(&gain.0)?.broadcast_add(&shift.0)
        };
        Self::from(norm())
    }

    fn cross_entropy(&self, one_hot: &Self) -> Self {
        let entropy = || {
            let shifted = self.0.broadcast_sub(&self.0.max_keepdim(1)?.detach())?;
            let total = shifted.exp()?.sum_keepdim(1)?.log()?;
            let batch = self.0.dim(0)? as f64;
            (shifted.broadcast_sub(&total)? * &one_hot.0)?.sum_all()?.affine(-1.0 / batch, 0.0)
        };
        Self::from(entropy())
    }

    fn mean_squared_error(&self, target: &Self) -> Self {
        let error = || (&self.0 - &target.0)?.sqr()?.mean_all();
        Self::from(error())
    }
}
