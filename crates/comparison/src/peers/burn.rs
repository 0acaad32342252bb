//! burn on its flex backend, which replaces the ndarray one. It has no second derivatives.

use burn::tensor::activation::{gelu_approximate, log_softmax, relu, sigmoid, softmax};
use burn::tensor::module::{conv2d, layer_norm, max_pool2d};
use burn::tensor::ops::{ConvOptions, MaxPoolOptions};
use burn::tensor::{DType, Device, Tensor, TensorData};

use super::Tasks;
use crate::measure::Task;
use crate::workload::network::{Block, Layers, Network};
use crate::workload::{Operation, Precision};

/// The name under which it is listed.
const NAME: &str = "burn-flex";

/// A tensor, whose rank is part of its type there.
#[derive(Clone)]
enum Ranked {
    One(Tensor<1>),
    Two(Tensor<2>),
    Three(Tensor<3>),
    Four(Tensor<4>),
}

use Ranked::{Four, One, Three, Two};

/// The same expression for a tensor of any rank.
macro_rules! any_rank {
    ($ranked:expr, $x:ident => $y:expr) => {
        match $ranked {
            One($x) => One($y),
            Two($x) => Two($y),
            Three($x) => Three($y),
            Four($x) => Four($y),
        }
    };
}

impl Ranked {
    fn new(block: &Block, precision: Precision, device: &Device) -> Self {
        let kind = match precision {
            Precision::Single => DType::F32,
            Precision::Double => DType::F64,
        };
        let data = TensorData::new(block.data.clone(), block.shape.clone());
        match block.shape.len() {
            1 => One(Tensor::from_data(data, (device, kind))),
            2 => Two(Tensor::from_data(data, (device, kind))),
            3 => Three(Tensor::from_data(data, (device, kind))),
            _ => Four(Tensor::from_data(data, (device, kind))),
        }
    }

    fn tracked(self) -> Self {
        any_rank!(self, x => x.require_grad())
    }

    fn numbers(self) -> Vec<f64> {
        let data = match self {
            One(x) => x.into_data(),
            Two(x) => x.into_data(),
            Three(x) => x.into_data(),
            Four(x) => x.into_data(),
        };
        data.iter::<f64>().collect()
    }

    fn one(&self) -> Tensor<1> {
        match self {
            One(x) => x.clone(),
            _ => panic!("a vector"),
        }
    }

    fn two(&self) -> Tensor<2> {
        match self {
            Two(x) => x.clone(),
            _ => panic!("a matrix"),
        }
    }

    fn three(&self) -> Tensor<3> {
        match self {
            Three(x) => x.clone(),
            _ => panic!("an array of rank 3"),
        }
    }

    fn four(&self) -> Tensor<4> {
        match self {
            Four(x) => x.clone(),
            _ => panic!("an array of rank 4"),
        }
    }
}

/// Value and gradient of a loss.
pub fn network(network: &Network, precision: Precision) -> Tasks<'_> {
    let plain = Device::flex();
    let block = |device: &Device| {
        let parts = network.parameters.iter();
        parts.map(|block| Ranked::new(block, precision, device)).collect::<Vec<Ranked>>()
    };
    let data = |device: &Device| {
        [&network.inputs, &network.targets].map(|block| Ranked::new(block, precision, device))
    };
    let (parameters, [x, y]) = (block(&plain), data(&plain));
    let value = move |_: &mut ()| network.loss(&parameters, &x, &y);
    let device = plain.clone().autodiff();
    let tracked: Vec<Ranked> = block(&device).into_iter().map(Ranked::tracked).collect();
    let [inputs, targets] = data(&device);
    let gradient = move |_: &mut ()| {
        let mut store = network.loss(&tracked, &inputs, &targets).one().backward();
        let part = |parameter: &Ranked| any_rank!(parameter, x => x.grad_remove(&mut store).expect("a gradient"));
        tracked.iter().map(part).collect::<Vec<Ranked>>()
    };
    vec![
        (Operation::Value, Task::new(NAME, (), value, |(), y| y.numbers())),
        (
            Operation::Gradient,
            Task::new(NAME, (), gradient, |(), parts| {
                parts.into_iter().flat_map(Ranked::numbers).collect()
            }),
        ),
    ]
}

impl Layers for Ranked {
    fn matmul(&self, weights: &Self) -> Self {
        match self {
            Three(x) => {
                let [batch, rows, last] = x.dims();
                let flat = x.clone().reshape([batch * rows, last]).matmul(weights.two());
                let [_, columns] = flat.dims();
                Three(flat.reshape([batch, rows, columns]))
            }
            _ => Two(self.two().matmul(weights.two())),
        }
    }

    fn add_row(&self, row: &Self) -> Self {
        any_rank!(self, x => x.clone() + row.one().unsqueeze())
    }

    fn add(&self, other: &Self) -> Self {
        match self {
            Three(x) => Three(x.clone() + other.three()),
            _ => Two(self.two() + other.two()),
        }
    }

    fn mul(&self, other: &Self) -> Self {
        Two(self.two() * other.two())
    }

    fn tanh(&self) -> Self {
        any_rank!(self, x => x.clone().tanh())
    }

    fn sigmoid(&self) -> Self {
        any_rank!(self, x => sigmoid(x.clone()))
    }

    fn relu(&self) -> Self {
        any_rank!(self, x => relu(x.clone()))
    }

    fn gelu(&self) -> Self {
        any_rank!(self, x => gelu_approximate(x.clone()))
    }

    fn convolution(&self, kernel: &Self, bias: &Self) -> Self {
        let options = ConvOptions::new([1, 1], [1, 1], [1, 1], 1);
        Four(conv2d(self.four(), kernel.four(), Some(bias.one()), options))
    }

    fn max_pool(&self) -> Self {
        Four(max_pool2d(self.four(), MaxPoolOptions::new([2, 2])))
    }

    fn flatten(&self, features: usize) -> Self {
        let [batch, ..] = self.four().dims();
        Two(self.four().reshape([batch, features]))
    }

    fn step(&self, t: usize) -> Self {
        let [batch, _, width] = self.three().dims();
        Two(self.three().narrow(1, t, 1).reshape([batch, width]))
    }

    fn columns(&self, from: usize, count: usize) -> Self {
        Two(self.two().narrow(1, from, count))
    }

    fn scores(&self, keys: &Self, divisor: f64) -> Self {
        Three(self.three().matmul(keys.three().swap_dims(1, 2)) / divisor)
    }

    fn mix(&self, values: &Self) -> Self {
        Three(self.three().matmul(values.three()))
    }

    fn softmax(&self) -> Self {
        Three(softmax(self.three(), 2))
    }

    fn layer_norm(&self, gain: &Self, shift: &Self) -> Self {
        Three(layer_norm(self.three(), gain.one(), Some(shift.one()), 1e-5))
    }

    fn cross_entropy(&self, one_hot: &Self) -> Self {
        let [batch, _] = self.two().dims();
        One((log_softmax(self.two(), 1) * one_hot.two()).sum() / -(batch as f64))
    }

    fn mean_squared_error(&self, target: &Self) -> Self {
        let mean = match self {
            Three(x) => (x.clone() - target.three()).square().mean(),
            _ => (self.two() - target.two()).square().mean(),
        };
        One(mean)
    }
}
