//! From model, data and loss to a function that any optimizer takes.

use dualtape_autodiff::{Array, Function, Real, Tape, Tensor, Var};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

use crate::data::Dataset;
use crate::errors::Error;
use crate::losses::l2_penalty;
use crate::module::Module;

/// `θ ↦ loss(model(θ, inputs), targets)`: the training objective as a recorded function of the flat parameter vector,
/// with exact derivatives of any order.
///
/// The data are inputs that are not differentiated: number 0 the inputs, number 1 the targets. To go on with another
/// minibatch of the same shape, swap them by [`Function::set_data`]; nothing is recorded again.
///
/// The function keeps `model` and `loss`, to record afresh where a loss with branches takes another one. Lend the model
/// (`&model`), or give it away (`model.clone()`, cheap for a [`Sequential`](crate::Sequential)) for a function that
/// borrows nothing.
///
/// # Errors
///
/// [`Error::Empty`] for a model without parameters, [`Error::DuplicateParameter`]; [`Error::Autodiff`] with both shapes
/// and the source line if data, model and loss do not fit each other.
///
/// # Example
///
/// ```
/// use dualtape_layers::{Activation, Dataset, mean_squared_error, perceptron, supervised, table};
///
/// let data = Dataset::new(table(&[[1.0], [2.0]])?, table(&[[3.0], [5.0]])?)?;
/// let line = perceptron(1, 1, Activation::Identity);
/// let objective = supervised(line, &data, mean_squared_error)?;
///
/// // ½·[(w + b − 3)² + (2w + b − 5)²] with slope w and intercept b
/// assert_eq!(objective.value(&[2.0, 1.0])?, 0.0);
/// assert_eq!(objective.gradient(&[1.0, 1.0])?, [-5.0, -3.0]);
/// assert_eq!(objective.hessian(&[1.0, 1.0])?.as_slice(), [5.0, 3.0, 3.0, 2.0]);
///
/// objective.set_data(1, &table(&[[1.0], [1.0]])?)?;
/// assert_eq!(objective.value(&[0.0, 1.0])?, 0.0);
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
pub fn supervised<'f, S: Real>(
    model: impl Module<S> + 'f,
    data: &Dataset<S>,
    loss: impl for<'t> Fn(Tensor<'t, S>, Tensor<'t, S>) -> Var<'t, S> + Send + Sync + 'f,
) -> Result<Function<'f, S>, Error> {
    record(model, data, loss, None)
}

/// `θ ↦ loss(model(θ, inputs), targets) + ½·weight_decay·‖θ‖²`, over all parameters, biases included; otherwise as
/// [`supervised`].
///
/// # Errors
///
/// As [`supervised`]; [`Error::WeightDecay`] if the decay is negative or not finite.
///
/// # Example
///
/// ```
/// use dualtape_layers::{
///     Activation, Dataset, mean_squared_error, perceptron, supervised_with_decay, table,
/// };
///
/// let data = Dataset::new(table(&[[1.0], [2.0]])?, table(&[[3.0], [5.0]])?)?;
/// let line = perceptron(1, 1, Activation::Identity);
/// let objective = supervised_with_decay(line, &data, mean_squared_error, 0.5)?;
/// assert_eq!(objective.gradient(&[1.0, 1.0])?, [-4.5, -2.5]);
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
pub fn supervised_with_decay<'f, S: Real>(
    model: impl Module<S> + 'f,
    data: &Dataset<S>,
    loss: impl for<'t> Fn(Tensor<'t, S>, Tensor<'t, S>) -> Var<'t, S> + Send + Sync + 'f,
    weight_decay: f64,
) -> Result<Function<'f, S>, Error> {
    if !weight_decay.is_finite() || weight_decay < 0.0 {
        return Err(Error::WeightDecay { value: weight_decay });
    }
    record(model, data, loss, Some(weight_decay))
}

fn record<'f, S: Real>(
    model: impl Module<S> + 'f,
    data: &Dataset<S>,
    loss: impl for<'t> Fn(Tensor<'t, S>, Tensor<'t, S>) -> Var<'t, S> + Send + Sync + 'f,
    weight_decay: Option<f64>,
) -> Result<Function<'f, S>, Error> {
    let layout = model.layout()?;
    if layout.is_empty() {
        return Err(Error::Empty { what: "the parameters of the model" });
    }
    // Any generic point will do to record at: the function is the same.
    let theta: Vec<S> = model.init(&mut ChaCha8Rng::seed_from_u64(0));
    let function =
        Function::record_tensor(&theta, &[data.inputs(), data.targets()], move |theta, data| {
            let prediction = model.forward(&layout.bind(theta), data[0]);
            let mean_loss = loss(prediction, data[1]);
            match weight_decay {
                Some(weight_decay) => mean_loss + l2_penalty(theta, weight_decay),
                None => mean_loss,
            }
        })?;
    Ok(function)
}

/// The model's output for these inputs, computed without derivatives.
///
/// # Errors
///
/// [`Error::ParameterLength`], [`Error::DuplicateParameter`]; [`Error::Autodiff`] with both shapes if the inputs do not
/// fit the model.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::Array;
/// use dualtape_layers::{Activation, perceptron, predict};
///
/// let line = perceptron(1, 1, Activation::Identity);
/// let y = predict(&line, &[2.0, 1.0], &Array::new(&[3, 1], vec![0.0, 1.0, 2.0])?)?;
/// assert_eq!(y.data(), [1.0, 3.0, 5.0]);
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
pub fn predict<S: Real>(
    model: &dyn Module<S>,
    theta: &[S],
    inputs: &Array<S>,
) -> Result<Array<S>, Error> {
    let layout = model.layout()?;
    layout.check_length(theta)?;
    let tape = Tape::new();
    let theta = tape.constant(&Array::vector(theta.to_vec()));
    let output = model.forward(&layout.bind(theta), tape.constant(inputs));
    if let Some(error) = tape.error() {
        return Err(error.into());
    }
    Ok(Array::new(output.shape(), output.data().to_vec())?)
}
