//! Ready-made networks.

use dualtape_autodiff::Real;

use super::activation::Activation;
use super::conv::Conv2d;
use super::flatten::Flatten;
use super::linear::Linear;
use super::pool::MaxPool2d;
use crate::module::{Init, Sequential, size};

/// The multilayer perceptron with layers of these widths, input first, and `activation` between them; the output is
/// linear.
///
/// Weights start as suits the activation that follows ([`Activation::weight_init`]), biases at 0. With fewer than two widths there
/// is no layer, and the network is the identity.
///
/// # Example
///
/// ```
/// use dualtape_layers::{Activation, Module, mlp};
///
/// let model = mlp::<f32>(&[64, 32, 10], Activation::Tanh);
/// assert_eq!(model.layout()?.len(), (64 * 32 + 32) + (32 * 10 + 10));
/// let summary = model.summary(&[5, 64])?;
/// assert_eq!(summary.lines().nth(3).unwrap(), "2      Linear(32 → 10)  [5, 10]         330");
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
pub fn mlp<S: Real>(widths: &[usize], activation: Activation) -> Sequential<S> {
    let last = widths.len().saturating_sub(2);
    widths.windows(2).enumerate().fold(Sequential::new(), |network, (layer, pair)| {
        if layer == last {
            network.then(before(Activation::Identity, pair[0], pair[1]))
        } else {
            network.then(before(activation, pair[0], pair[1])).then(activation)
        }
    })
}

/// A layer that starts as suits the activation that follows it.
fn before(activation: Activation, inputs: usize, outputs: usize) -> Linear {
    Linear::new(inputs, outputs).weight_init(activation.weight_init()).bias_init(Init::Zeros)
}

/// The perceptron `φ(x·Wᵀ + b)`: one layer and its activation `φ`.
///
/// With [`Activation::Identity`] and [`cross_entropy`](crate::cross_entropy) this is softmax regression, with
/// [`mean_squared_error`](crate::mean_squared_error) linear regression.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::Array;
/// use dualtape_layers::{Activation, perceptron, predict};
///
/// let model = perceptron(2, 1, Activation::Relu);
/// let y = predict(&model, &[1.0, -1.0, 0.5], &Array::new(&[2, 2], vec![2.0, 1.0, 1.0, 2.0])?)?;
/// assert_eq!(y.data(), [1.5, 0.0]);
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
pub fn perceptron<S: Real>(inputs: usize, outputs: usize, activation: Activation) -> Sequential<S> {
    Sequential::new().then(before(activation, inputs, outputs)).then(activation)
}

/// The convolutional network for images `[channels, height, width]`: for each entry of `filters` a convolution with so many
/// outputs and windows of 3×3 that keeps the lengths, the activation, and max pooling of 2×2 that halves them; then a
/// multilayer perceptron ([`mlp`]) named `head` with layers of the widths in `head`, the last of which is that of the output.
///
/// Weights start as suits the activation that follows ([`Activation::weight_init`]), biases at 0. The network takes
/// `[batch, channels, height, width]`. An image that is too small to be halved so often is refused when the network runs.
///
/// Source: LeCun, Bottou, Bengio & Haffner, "Gradient-based learning applied to document recognition" (1998).
///
/// # Example
///
/// ```
/// use dualtape_layers::{Activation, Module, cnn};
///
/// let model = cnn::<f32>([1, 28, 28], &[8, 16], &[64, 10], Activation::Relu);
/// println!("{}", model.summary(&[1, 1, 28, 28])?);
/// let layout = model.layout()?;
/// assert_eq!(layout.find("3.weight")?.shape(), [16, 8, 3, 3]);
/// assert_eq!(layout.find("head.0.weight")?.shape(), [64, 16 * 7 * 7]);
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
pub fn cnn<S: Real>(
    image: [usize; 3],
    filters: &[usize],
    head: &[usize],
    activation: Activation,
) -> Sequential<S> {
    let [mut channels, mut height, mut width] = image;
    let mut network = Sequential::new();
    for &outputs in filters {
        let conv = Conv2d::new(channels, outputs, [3, 3]).padding([1, 1]);
        let conv = conv.weight_init(activation.weight_init()).bias_init(Init::Zeros);
        network = network.then(conv).then(activation).then(MaxPool2d::new([2, 2]));
        (channels, height, width) = (outputs, height / 2, width / 2);
    }
    let widths = [&[size(&[channels, height, width])], head].concat();
    network.then(Flatten::new()).named("head", mlp(&widths, activation))
}
