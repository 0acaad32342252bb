//! Convolutions and their transposes.

use dualtape_autodiff::{Real, Tensor, windows::Convolution};

use super::lengths;
use crate::module::{Declaration, Init, Module, Scope, size};

/// Convolution over `N` spatial axes (cross-correlation, as networks have it): `y[b, o, p] = bias[o] + Σ weight[o, c, k]·x[b,
/// c, p·stride + k·dilation − padding]`, summed over the channels `c` of the group of `o` and the window `k`; or its
/// transpose, [`ConvTranspose`].
///
/// # Shape
///
/// `x` is `[batch, inputs, ..]` with `N` axes at the end, the result `[batch, outputs, ..]`, each axis of length
/// `⌊(n + 2·padding − dilation·(window − 1) − 1)/stride⌋ + 1`. Parameters are `weight` `[outputs, inputs/groups, window..]`
/// and `bias` `[outputs]`. Groups that do not divide the channels, a stride or dilation of 0, a window that is larger than
/// the padded input, and an `x` of another shape are errors that the tape keeps.
///
/// By default both parameters start as [PyTorch's](Init::pytorch), uniform on `±1/√(inputs/groups·Πwindow)`.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::Array;
/// use dualtape_layers::{Conv1d, Conv2d, predict};
///
/// let x = Array::new(&[1, 1, 4], vec![1.0, 2.0, 3.0, 4.0])?;
/// let y = predict(&Conv1d::new(1, 1, [2]), &[1.0, 10.0, /* bias */ 0.5], &x)?;
/// assert_eq!(y.data(), [21.5, 32.5, 43.5]);
///
/// let same = Conv2d::new(3, 8, [3, 3]).padding([1, 1]);
/// let y = predict(&same, &[0.0; 8 * 3 * 9 + 8], &Array::zeros(&[5, 3, 28, 28]))?;
/// assert_eq!(y.shape(), [5, 8, 28, 28]);
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Conv<const N: usize, D = Forward> {
    inputs: usize,
    outputs: usize,
    window: [usize; N],
    how: Convolution<N>,
    weight: Option<Init>,
    bias: Bias,
    direction: D,
}

/// The direction of a convolution: from an image to its windows' products with the weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forward;

/// The direction of a transposed convolution: each element is spread over a window of the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transposed<const N: usize> {
    output_padding: [usize; N],
}

/// Convolution of sequences `[batch, channels, length]`.
pub type Conv1d = Conv<1>;

/// Convolution of images `[batch, channels, height, width]`.
pub type Conv2d = Conv<2>;

/// The transpose of a convolution over `N` spatial axes: each element of `x` is spread over a window of the result,
/// `y[b, o, p·stride + k·dilation − padding] += weight[c, o, k]·x[b, c, p]`, and `bias[o]` is added.
///
/// # Shape
///
/// `x` is `[batch, inputs, ..]` with `N` axes at the end, the result `[batch, outputs, ..]`, each axis of length
/// `(n − 1)·stride − 2·padding + dilation·(window − 1) + 1 + output_padding`. Parameters are `weight` `[inputs,
/// outputs/groups, window..]` and `bias` `[outputs]`. Groups that do not divide the channels, a stride or dilation of 0, an
/// output padding that is less than neither stride nor dilation, a result without room, and an `x` of another shape are
/// errors that the tape keeps.
///
/// By default both parameters start as PyTorch's, uniform on `±1/√(outputs/groups·Πwindow)`.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::Array;
/// use dualtape_layers::{ConvTranspose1d, predict};
///
/// let layer = ConvTranspose1d::new(1, 1, [3]).stride([2]).without_bias();
/// let x = Array::new(&[1, 1, 2], vec![1.0, 2.0])?;
/// let y = predict(&layer, &[1.0, 10.0, 100.0], &x)?;
/// assert_eq!(y.data(), [1.0, 10.0, 102.0, 20.0, 200.0]);
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
pub type ConvTranspose<const N: usize> = Conv<N, Transposed<N>>;

/// Transposed convolution of sequences `[batch, channels, length]`.
pub type ConvTranspose1d = ConvTranspose<1>;

/// Transposed convolution of images `[batch, channels, height, width]`.
pub type ConvTranspose2d = ConvTranspose<2>;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Bias {
    None,
    /// As PyTorch's.
    Usual,
    Init(Init),
}

impl<const N: usize> Conv<N> {
    /// A layer with a bias, from so many channels to so many, with windows of these lengths: next to each other, without
    /// padding, dilation or groups.
    pub fn new(inputs: usize, outputs: usize, window: [usize; N]) -> Self {
        Self::directed(inputs, outputs, window, Forward)
    }
}

impl<const N: usize> ConvTranspose<N> {
    /// A layer with a bias, from so many channels to so many, with windows of these lengths: next to each other, without
    /// padding, dilation or groups.
    pub fn new(inputs: usize, outputs: usize, window: [usize; N]) -> Self {
        Self::directed(inputs, outputs, window, Transposed { output_padding: [0; N] })
    }

    /// The same layer, whose result is so much longer at the end of each axis. A convolution with stride maps several
    /// lengths to one; this says which of them is meant.
    pub fn output_padding(self, output_padding: [usize; N]) -> Self {
        Self { direction: Transposed { output_padding }, ..self }
    }
}

impl<const N: usize, D> Conv<N, D> {
    fn directed(inputs: usize, outputs: usize, window: [usize; N], direction: D) -> Self {
        let how = Convolution::default();
        Self { inputs, outputs, window, how, weight: None, bias: Bias::Usual, direction }
    }

    /// The same layer, with this distance between neighbouring windows.
    pub fn stride(self, stride: [usize; N]) -> Self {
        Self { how: Convolution { stride, ..self.how }, ..self }
    }

    /// The same layer, with so many zeros on either side of each axis of the image.
    pub fn padding(self, padding: [usize; N]) -> Self {
        Self { how: Convolution { padding, ..self.how }, ..self }
    }

    /// The same layer, with this distance between neighbouring elements of a window.
    pub fn dilation(self, dilation: [usize; N]) -> Self {
        Self { how: Convolution { dilation, ..self.how }, ..self }
    }

    /// The same layer, with so many groups of channels that are convolved apart.
    pub fn groups(self, groups: usize) -> Self {
        Self { how: Convolution { groups, ..self.how }, ..self }
    }

    /// The same layer, without a bias.
    pub fn without_bias(self) -> Self {
        Self { bias: Bias::None, ..self }
    }

    /// The same layer, with a weight that starts so.
    pub fn weight_init(self, weight: Init) -> Self {
        Self { weight: Some(weight), ..self }
    }

    /// The same layer, with a bias that starts so.
    pub fn bias_init(self, bias: Init) -> Self {
        Self { bias: Bias::Init(bias), ..self }
    }

    /// Declares a weight `[first, second/groups, window..]` and the bias.
    fn declare_for(&self, declaration: &mut Declaration, first: usize, second: usize) {
        // Groups that do not divide the channels are refused when the layer runs.
        let per_group = second.checked_div(self.how.groups).unwrap_or(0);
        let shape = [&[first, per_group], &self.window[..]].concat();
        let usual = Init::pytorch(size(&shape[1..]));
        declaration.parameter("weight", &shape, self.weight.unwrap_or(usual));
        let bias = match self.bias {
            Bias::None => return,
            Bias::Usual => usual,
            Bias::Init(init) => init,
        };
        declaration.parameter("bias", &[self.outputs], bias);
    }

    /// What the layer needs but does not have.
    fn misfit<S: Real>(&self, x: Tensor<'_, S>) -> Option<String> {
        let &Self { inputs, outputs, how: Convolution { groups, .. }, .. } = self;
        let divides = |channels: usize| groups > 0 && channels.is_multiple_of(groups);
        if !divides(inputs) || !divides(outputs) {
            return Some(format!(
                "groups that divide {inputs} channels in and {outputs} out, not {groups} groups"
            ));
        }
        let fits = x.rank() == N + 2 && x.shape()[1] == inputs;
        (!fits).then(|| format!("[batch, {inputs}, {N} axes]"))
    }

    fn add_bias<'t, S: Real>(&self, scope: &Scope<'t, S>, y: Tensor<'t, S>) -> Tensor<'t, S> {
        if self.bias == Bias::None {
            return y;
        }
        let mut column = vec![1; N + 1];
        column[0] = self.outputs;
        y + scope.parameter("bias").reshape(&column)
    }

    /// The options that are not usual, after the channels and the window.
    fn describe_as(&self, name: &str) -> String {
        let (how, usual) = (self.how, Convolution::<N>::default());
        let options = [
            (how.stride != usual.stride).then(|| format!("stride {}", lengths(how.stride))),
            (how.padding != usual.padding).then(|| format!("padding {}", lengths(how.padding))),
            (how.dilation != usual.dilation).then(|| format!("dilation {}", lengths(how.dilation))),
            (how.groups != usual.groups).then(|| format!("{} groups", how.groups)),
            (self.bias == Bias::None).then(|| "no bias".to_owned()),
        ];
        let options: String =
            options.iter().flatten().map(|option| format!(", {option}")).collect();
        let window = lengths(self.window);
        format!("{name}{N}d({} → {}, {window}{options})", self.inputs, self.outputs)
    }
}

impl<S: Real, const N: usize> Module<S> for Conv<N> {
    fn declare(&self, declaration: &mut Declaration) {
        self.declare_for(declaration, self.outputs, self.inputs);
    }

    fn forward<'t>(&self, scope: &Scope<'t, S>, x: Tensor<'t, S>) -> Tensor<'t, S> {
        if let Some(needs) = self.misfit(x) {
            scope.tape().refuse("Conv", &[x.shape()], &needs);
            return x;
        }
        self.add_bias(scope, x.conv(scope.parameter("weight"), self.how))
    }

    fn describe(&self) -> String {
        self.describe_as("Conv")
    }
}

impl<S: Real, const N: usize> Module<S> for Conv<N, Transposed<N>> {
    fn declare(&self, declaration: &mut Declaration) {
        self.declare_for(declaration, self.inputs, self.outputs);
    }

    fn forward<'t>(&self, scope: &Scope<'t, S>, x: Tensor<'t, S>) -> Tensor<'t, S> {
        let Transposed { output_padding } = self.direction;
        let step = |i: usize| self.how.stride[i].max(self.how.dilation[i]);
        let too_long = (0..N).any(|i| output_padding[i] >= step(i));
        let ambiguous = || "an output padding below the stride or the dilation".to_owned();
        if let Some(needs) = self.misfit(x).or_else(|| too_long.then(ambiguous)) {
            scope.tape().refuse("ConvTranspose", &[x.shape()], &needs);
            return x;
        }
        let weight = scope.parameter("weight");
        self.add_bias(scope, x.conv_transpose(weight, self.how, output_padding))
    }

    fn describe(&self) -> String {
        self.describe_as("ConvTranspose")
    }
}
