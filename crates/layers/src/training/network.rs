//! A model with its parameters and buffers.

use std::fmt;
use std::sync::Arc;

use dualtape_autodiff::{Array, Real, Tape};
use rand::Rng;

use crate::data::{Dataset, reserve};
use crate::errors::Error;
use crate::module::{Given, Layout, Mode, Module, Scope, Source, generator};

/// A model together with its parameters and buffers: what is trained, used for prediction, saved and loaded.
///
/// The parameters are one flat vector; its [`Layout`] names the pieces.
///
/// # Example
///
/// ```
/// use dualtape_layers::{Activation, Network, mlp, table};
/// use rand::{SeedableRng, rngs::ChaCha8Rng};
///
/// let mut network = Network::new(mlp::<f64>(&[2, 3, 1], Activation::Tanh), &mut ChaCha8Rng::seed_from_u64(1))?;
/// network.parameter_mut("2.bias")?[0] = 0.25;
/// let y = network.predict(&table(&[[0.0, 0.0], [1.0, -1.0]])?)?;
/// assert_eq!(y.data()[0], 0.25);
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
#[derive(Clone)]
pub struct Network<S: Real> {
    module: Arc<dyn Module<S>>,
    layout: Layout,
    parameters: Vec<S>,
    buffers: Vec<S>,
}

impl<S: Real> Network<S> {
    /// The model with initial parameters and buffers.
    ///
    /// # Errors
    ///
    /// What [`Module::layout`] refuses; [`Error::TooLarge`] if memory has no room for the parameters.
    pub fn new(model: impl Module<S> + 'static, rng: &mut dyn Rng) -> Result<Self, Error> {
        let layout = model.layout()?;
        for (what, entries) in
            [("the parameters", layout.len()), ("the buffers", layout.buffers_len())]
        {
            reserve::<S>(what, 1, entries)?;
        }
        let (parameters, buffers) = (layout.sample(rng), layout.initial_buffers());
        Ok(Self { module: Arc::new(model), layout, parameters, buffers })
    }

    /// The model.
    pub fn module(&self) -> &dyn Module<S> {
        &*self.module
    }

    pub(super) fn shared_module(&self) -> Arc<dyn Module<S>> {
        Arc::clone(&self.module)
    }

    /// Names, shapes and places of parameters and buffers, and which parameters are frozen.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// All parameters, the frozen ones included.
    pub fn parameters(&self) -> &[S] {
        &self.parameters
    }

    /// All parameters, to write.
    pub fn parameters_mut(&mut self) -> &mut [S] {
        &mut self.parameters
    }

    /// The entries of one parameter.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownParameter`].
    pub fn parameter(&self, name: &str) -> Result<&[S], Error> {
        self.layout.view(&self.parameters, name)
    }

    /// The entries of one parameter, to write.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownParameter`].
    pub fn parameter_mut(&mut self, name: &str) -> Result<&mut [S], Error> {
        self.layout.view_mut(&mut self.parameters, name)
    }

    /// All buffers.
    pub fn buffers(&self) -> &[S] {
        &self.buffers
    }

    /// The entries of one buffer.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownParameter`].
    pub fn buffer(&self, name: &str) -> Result<&[S], Error> {
        Ok(&self.buffers[self.layout.find_buffer(name)?.range()])
    }

    /// The entries of one buffer, to write.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownParameter`].
    pub fn buffer_mut(&mut self, name: &str) -> Result<&mut [S], Error> {
        let range = self.layout.find_buffer(name)?.range();
        Ok(&mut self.buffers[range])
    }

    /// All buffers, to write.
    pub fn buffers_mut(&mut self) -> &mut [S] {
        &mut self.buffers
    }

    /// Freezes the parameters of this module, or the one parameter of this name: training leaves them as they are.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownParameter`] if there is nothing of this name.
    pub fn freeze(&mut self, name: &str) -> Result<(), Error> {
        self.layout = self.layout.freeze(name)?;
        Ok(())
    }

    /// Lets the parameters of this module, or the one parameter of this name, be trained again.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownParameter`] if there is nothing of this name.
    pub fn unfreeze(&mut self, name: &str) -> Result<(), Error> {
        self.layout = self.layout.unfreeze(name)?;
        Ok(())
    }

    /// Lets all parameters be trained again.
    pub fn unfreeze_all(&mut self) {
        self.layout = self.layout.unfrozen();
    }

    /// The outputs for these inputs, in evaluation mode, computed without derivatives.
    ///
    /// # Errors
    ///
    /// [`Error::Autodiff`] with both shapes if the inputs do not fit the model; [`Error::NoSideInput`] if it asks for arrays
    /// beside them, which [`outputs`](Self::outputs) takes.
    pub fn predict(&self, inputs: &Array<S>) -> Result<Array<S>, Error> {
        run(&*self.module, &self.layout, [&self.parameters, &self.buffers], inputs, &[])
    }

    /// The outputs for the inputs of a data set, and what comes along with them, in evaluation mode.
    ///
    /// # Errors
    ///
    /// As [`predict`](Self::predict).
    pub fn outputs(&self, data: &Dataset<S>) -> Result<Array<S>, Error> {
        let state = [self.parameters.as_slice(), &self.buffers];
        run(&*self.module, &self.layout, state, data.inputs(), data.side())
    }

    /// A table of the layers with the shapes of their outputs and the numbers of their parameters. See
    /// [`Module::summary`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn summary(&self, input_shape: &[usize]) -> Result<String, Error> {
        self.module.summary(input_shape)
    }

    /// As [`summary`](Self::summary), of a model that asks for arrays beside its inputs: by names and shapes. See
    /// [`Module::summary_with`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn summary_with(
        &self,
        input_shape: &[usize],
        side_shapes: &[(&str, &[usize])],
    ) -> Result<String, Error> {
        self.module.summary_with(input_shape, side_shapes)
    }
}

impl<S: Real> fmt::Debug for Network<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Network({}, {} parameters)", self.module.describe(), self.layout.len())
    }
}

/// The model's output for these inputs in evaluation mode, with its initial buffers, computed without derivatives.
///
/// # Errors
///
/// [`Error::ParameterLength`]; what [`Module::layout`] refuses; [`Error::Autodiff`] with both shapes if the inputs do not fit
/// the model.
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
    run(model, &layout, [theta, &layout.initial_buffers()], inputs, &[])
}

fn run<S: Real>(
    model: &dyn Module<S>,
    layout: &Layout,
    [theta, buffers]: [&[S]; 2],
    inputs: &Array<S>,
    sides: &[(String, Array<S>)],
) -> Result<Array<S>, Error> {
    layout.check_length(theta)?;
    let tape = Tape::new();
    let vector = |entries: &[S]| tape.constant(&Array::vector(entries.to_vec()));
    let given = Given {
        trainable: vector(theta),
        frozen: None,
        buffers: Some(vector(buffers)),
        side: sides.iter().map(|(name, array)| (name.clone(), tape.constant(array))).collect(),
    };
    let source = Source::Generator(Box::new(generator(0, 0)));
    let scope = Scope::new(&layout.unfrozen(), given, Mode::Eval, source);
    let output = model.forward(&scope, tape.constant(inputs));
    scope.finished()?;
    Ok(Array::new(output.shape(), output.data().to_vec())?)
}
