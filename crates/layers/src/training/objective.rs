//! From model, data and loss to functions that any optimizer takes.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use dualtape_autodiff::{
    Array, Composite, Function, IndeterminatePolicy, Likelihood, PerExample, Real, Record, Tape,
    Tensor, Var,
};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

use crate::data::Dataset;
use crate::errors::Error;
use crate::losses::l2_penalty;
use crate::module::{Demand, Layout, Mode, Module, Scope, Source, Trace, generator};

use super::network::Network;
use super::slots::{Arrays, Slots};

/// A loss of outputs and targets.
pub(super) type Loss<'f, S> =
    dyn for<'t> Fn(Tensor<'t, S>, Tensor<'t, S>) -> Var<'t, S> + Send + Sync + 'f;

/// A penalty on parameters.
pub(super) type Penalty<'f, S> = dyn for<'t> Fn(&Scope<'t, S>) -> Var<'t, S> + Send + Sync + 'f;

/// A model and a loss, to be recorded with data as `θ ↦ loss(model(θ, inputs), targets) + penalty(θ)`: a function of the
/// parameters that are not frozen, with exact derivatives of any order.
///
/// The model is in training mode unless told otherwise. Random numbers, as of dropout, are those of a seed: a recorded
/// function is one function, with the same numbers at every point.
///
/// # Example
///
/// ```
/// use dualtape_layers::{Activation, Dataset, Supervised, cross_entropy, l1_penalty, mlp, table};
///
/// let data = Dataset::classification(table(&[[1.0], [2.0], [4.0]])?, &[0, 1, 1], 2)?;
/// let model = mlp(&[1, 3, 2], Activation::Tanh);
/// // a penalty on the weights, not on the biases
/// let objective = Supervised::new(&model, cross_entropy)?
///     .penalty(|scope| scope.penalty("weight", |w| l1_penalty(w, 0.1)))
///     .function(&data)?;
/// let theta = vec![0.5; objective.dim()];
/// assert!(objective.hessian(&theta)?.rows() == 14);
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
pub struct Supervised<'f, S: Real> {
    parts: Arc<Parts<'f, S>>,
    layout: Layout,
    /// The frozen parameters and the buffers.
    frozen: Array<S>,
    buffers: Array<S>,
    mode: Mode,
    /// Whether the penalty counts.
    penalized: bool,
    seed: u64,
    policy: IndeterminatePolicy,
}

/// What is run on a tape.
struct Parts<'f, S: Real> {
    module: Arc<dyn Module<S> + 'f>,
    loss: Box<Loss<'f, S>>,
    penalty: Option<Box<Penalty<'f, S>>>,
}

impl<'f, S: Real> Supervised<'f, S> {
    /// A model with its initial buffers, and a loss of outputs and targets. Lend the model (`&model`) or give it away.
    ///
    /// # Errors
    ///
    /// [`Error::Empty`] for a model without parameters; what [`Module::layout`] refuses.
    pub fn new(
        model: impl Module<S> + 'f,
        loss: impl for<'t> Fn(Tensor<'t, S>, Tensor<'t, S>) -> Var<'t, S> + Send + Sync + 'f,
    ) -> Result<Self, Error> {
        let layout = model.layout()?;
        let buffers = layout.initial_buffers();
        Self::build(Arc::new(model), layout, Vec::new(), buffers, Box::new(loss))
    }

    /// A network as it is, with its frozen parameters and its buffers, and a loss.
    ///
    /// # Errors
    ///
    /// [`Error::Empty`] if there is no parameter that is not frozen.
    pub fn of(
        network: &Network<S>,
        loss: impl for<'t> Fn(Tensor<'t, S>, Tensor<'t, S>) -> Var<'t, S> + Send + Sync + 'f,
    ) -> Result<Self, Error>
    where
        S: 'f,
    {
        let layout = network.layout().clone();
        let (frozen, buffers) = (layout.frozen(network.parameters())?, network.buffers().to_vec());
        Self::build(network.shared_module(), layout, frozen, buffers, Box::new(loss))
    }

    fn build(
        module: Arc<dyn Module<S> + 'f>,
        layout: Layout,
        frozen: Vec<S>,
        buffers: Vec<S>,
        loss: Box<Loss<'f, S>>,
    ) -> Result<Self, Error> {
        if layout.trainable_len() == 0 {
            return Err(Error::Empty { what: "the set of parameters to train" });
        }
        Ok(Self {
            parts: Arc::new(Parts { module, loss, penalty: None }),
            layout,
            frozen: Array::vector(frozen),
            buffers: Array::vector(buffers),
            mode: Mode::Train,
            penalized: true,
            seed: 0,
            policy: IndeterminatePolicy::default(),
        })
    }

    /// With `½λ‖θ‖²` over all parameters that are not frozen, biases included, in place of any penalty before.
    ///
    /// # Errors
    ///
    /// [`Error::WeightDecay`] if λ is negative or not finite.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_layers::{
    ///     Activation, Dataset, Supervised, mean_squared_error, perceptron, table,
    /// };
    ///
    /// let data = Dataset::new(table(&[[1.0], [2.0]])?, table(&[[3.0], [5.0]])?)?;
    /// let line = perceptron(1, 1, Activation::Identity);
    /// let objective = Supervised::new(line, mean_squared_error)?.weight_decay(0.5)?.function(&data)?;
    /// assert_eq!(objective.gradient(&[1.0, 1.0])?, [-4.5, -2.5]);
    /// # Ok::<(), dualtape_layers::Error>(())
    /// ```
    pub fn weight_decay(self, lambda: f64) -> Result<Self, Error> {
        if !lambda.is_finite() || lambda < 0.0 {
            return Err(Error::WeightDecay { value: lambda });
        }
        Ok(self.penalty(move |scope| l2_penalty(scope.trainable(), lambda)))
    }

    /// With a penalty on the parameters, in place of any before.
    #[must_use]
    pub fn penalty(
        self,
        penalty: impl for<'t> Fn(&Scope<'t, S>) -> Var<'t, S> + Send + Sync + 'f,
    ) -> Self {
        let parts = Arc::into_inner(self.parts).expect("nothing has been recorded yet");
        let parts = Arc::new(Parts { penalty: Some(Box::new(penalty)), ..parts });
        Self { parts, ..self }
    }

    /// With the model in this mode.
    #[must_use]
    pub fn mode(self, mode: Mode) -> Self {
        Self { mode, ..self }
    }

    /// With the random numbers of this seed, by default 0.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// With this policy where a derivative is a computed zero times an infinity, as of the norm of an activation that is 0;
    /// by default that is an error.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{Error::Indeterminate, IndeterminatePolicy};
    /// use dualtape_layers::{Activation, Dataset, Error, Supervised, perceptron, table};
    ///
    /// // the norm of the errors of a line, ½‖·‖², written with its root
    /// let data = Dataset::new(table(&[[1.0], [2.0]])?, table(&[[3.0], [5.0]])?)?;
    /// let line = || perceptron(1, 1, Activation::Identity);
    /// let loss = || Supervised::new(line(), |z, t| ((z - t).powi(2).sum().sqrt().powi(2) * 0.5));
    ///
    /// let fits = [2.0, 1.0];
    /// let refused = loss()?.function(&data)?.gradient(&fits);
    /// assert!(matches!(refused, Err(Indeterminate { .. })));
    /// let absorbing = loss()?.indeterminate_policy(IndeterminatePolicy::Absorb).function(&data)?;
    /// assert_eq!(absorbing.gradient(&fits)?, [0.0, 0.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn indeterminate_policy(self, policy: IndeterminatePolicy) -> Self {
        Self { policy, ..self }
    }

    /// The objective on these data, as a recorded function of the parameters that are not frozen.
    ///
    /// Its data are inputs that are not differentiated: number 0 the inputs, number 1 the targets. To go on with another
    /// batch of the same shape, swap them by [`set_data`](dualtape_autodiff::Recorded::set_data); nothing is recorded again.
    /// Auxiliary arrays come along with a value: first the outputs of the model, then the buffers that it updates.
    ///
    /// # Errors
    ///
    /// [`Error::Autodiff`] with both shapes and the source line if data, model and loss do not fit each other;
    /// [`Error::NoSideInput`] if the model asks for arrays that the data do not have beside the inputs.
    pub fn function(&self, data: &Dataset<S>) -> Result<Function<'f, S>, Error> {
        Ok(self.record(data)?.function)
    }

    /// The objective in two parts, model and loss: it has Gauss–Newton products beside the Hessian's, and Fisher products
    /// if the likelihood that the loss is of is stated. The exact Hessian of a penalty, as of weight decay, is part of each.
    ///
    /// # Errors
    ///
    /// As [`function`](Self::function).
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::Likelihood;
    /// use dualtape_layers::{Activation, Dataset, Supervised, cross_entropy, mlp, table};
    ///
    /// let data = Dataset::classification(table(&[[1.0], [2.0], [4.0]])?, &[0, 1, 1], 2)?;
    /// let model = mlp(&[1, 3, 2], Activation::Tanh);
    /// let loss = Supervised::new(model, cross_entropy)?;
    /// let loss = loss.composite(&data, Some(Likelihood::Categorical))?;
    /// let at = loss.linearize(&[0.3; 14])?;
    /// let v: Vec<f64> = (0..14).map(|i| 1.0 / (1.0 + i as f64)).collect();
    /// // for cross-entropy of logits the two agree
    /// for (g, f) in at.gauss_newton(&v)?.iter().zip(at.fisher(&v)?) {
    ///     assert!((g - f).abs() < 1e-15);
    /// }
    /// # Ok::<(), dualtape_layers::Error>(())
    /// ```
    pub fn composite(
        &self,
        data: &Dataset<S>,
        likelihood: Option<Likelihood>,
    ) -> Result<Composite<'f, S>, Error> {
        let Prepared { theta, arrays, slots, .. } = self.prepared(data)?;
        let arrays = arrays.laid_out();
        let arrays: Vec<&Array<S>> = arrays.iter().collect();
        let parts = self.layout.parts();
        let record = Record::at(&theta).data(&arrays).likelihood(likelihood);
        let record = record.indeterminate(self.policy).parts(&parts);
        let [model, loss, of_penalty] = std::array::from_fn(|_| Arc::clone(&self.parts));
        let [of_loss, of_parameters] = [slots.clone(), slots.clone()];
        if self.parts.penalty.is_none() || !self.penalized {
            return Ok(record.composite(
                move |theta, data| model.run(&slots, theta, &slots.read(data)).0,
                move |z, data| (loss.loss)(z, of_loss.read(data).targets),
            )?);
        }
        Ok(record.composite_with_penalty(
            move |theta, data| model.run(&slots, theta, &slots.read(data)).0,
            move |z, data| (loss.loss)(z, of_loss.read(data).targets),
            move |theta, data| {
                let penalty = of_penalty.penalty.as_ref().expect("it was seen to be there");
                penalty(&of_parameters.scope(theta, &of_parameters.read(data)))
            },
        )?)
    }

    /// The loss of each example by itself, with its gradient: for the covariance of gradients, or for clipping each.
    ///
    /// The model is run on batches of one, so it must not look from one example to another; batch normalisation in training
    /// refuses. Random numbers are the same for each example. A penalty counts in every one.
    ///
    /// # Errors
    ///
    /// As [`function`](Self::function).
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_layers::{Activation, Dataset, Supervised, mean_squared_error, perceptron, table};
    ///
    /// let data = Dataset::new(table(&[[1.0], [2.0]])?, table(&[[3.0], [5.0]])?)?;
    /// let line = perceptron(1, 1, Activation::Identity);
    /// let errors = Supervised::new(line, mean_squared_error)?.per_example(&data)?;
    /// let (losses, gradients) = errors.values_and_gradients(&[1.0, 1.0])?;
    /// assert_eq!(losses, [1.0, 4.0]);
    /// assert_eq!(gradients.as_slice(), [-2.0, -2.0, -8.0, -4.0]);
    /// # Ok::<(), dualtape_layers::Error>(())
    /// ```
    pub fn per_example(&self, data: &Dataset<S>) -> Result<PerExample<'f, S>, Error> {
        let Prepared { theta, arrays: first, slots, .. } = self.prepared(&data.gather(&[0])?)?;
        let sides = data.side().iter().map(|(_, array)| array);
        let examples: Vec<&Array<S>> =
            [data.inputs(), data.targets()].into_iter().chain(sides).collect();
        let (parts, penalized) = (Arc::clone(&self.parts), self.penalized);
        let losses = Record::at(&theta).data(&examples).indeterminate(self.policy).per_example(
            move |theta, example| {
                // Batches of one; what is of no example is the same for all.
                let mut batch = example.iter().map(|x| x.reshape(&[&[1], x.shape()].concat()));
                let mut next = || batch.next().expect("one row of each array");
                let [inputs, targets] = [next(), next()];
                let arrays = Arrays {
                    inputs,
                    targets,
                    side: batch.collect(),
                    frozen: theta.constant(&first.frozen),
                    buffers: theta.constant(&first.buffers),
                    noise: first.noise.iter().map(|array| theta.constant(array)).collect(),
                };
                parts.objective(&slots, penalized, theta, &arrays).0
            },
        )?;
        Ok(losses)
    }

    /// Records the objective with everything that a training loop needs.
    pub(super) fn record(&self, data: &Dataset<S>) -> Result<Recording<'f, S>, Error> {
        let Prepared { theta, arrays, slots, outputs, updated } = self.prepared(data)?;
        let arrays = arrays.laid_out();
        let arrays: Vec<&Array<S>> = arrays.iter().collect();
        let (parts, demands) = (Arc::clone(&self.parts), slots.demands.clone());
        let penalized = self.penalized;
        let names = self.layout.parts();
        let record = Record::at(&theta).data(&arrays).parts(&names).indeterminate(self.policy);
        let function = record.auxiliary().function(move |theta, data| {
            let arrays = slots.read(data);
            let (objective, z, scope) = parts.objective(&slots, penalized, theta, &arrays);
            let updates = scope.trace().updates.into_iter().map(|(_, value)| value);
            (objective, std::iter::once(z).chain(updates).collect())
        })?;
        Ok(Recording { function, demands, outputs, updated })
    }

    /// All that is needed to record. Random numbers are those of step 0.
    fn prepared(&self, data: &Dataset<S>) -> Result<Prepared<S>, Error> {
        // Any generic point will do to record at: the function is the same.
        let theta: Vec<S> = self.layout.sample(&mut ChaCha8Rng::seed_from_u64(0));
        let theta = self.layout.trainable(&theta)?;
        let side = data.side().iter().map(|(name, _)| name.clone()).collect();
        let (layout, mode) = (self.layout.clone(), self.mode);
        let mut slots = Slots { layout, mode, side, demands: Vec::new() };
        let mut arrays = self.arrays(data, &self.buffers);

        // One run tells what the model asks for and what it updates.
        let tape = Tape::new();
        let tensors = arrays.clone().map(|array| tape.constant(&array));
        let source = Source::Generator(Box::new(generator(self.seed, 0)));
        let scope =
            slots.scope_with(tape.constant(&Array::vector(theta.clone())), &tensors, source);
        let outputs = self.parts.module.forward(&scope, tensors.inputs).shape().to_vec();
        let Trace { demands, updates, .. } = scope.finished()?;
        let buffers = self.layout.buffer_views();
        let updated = updates.iter().map(|&(index, _)| buffers[index].range()).collect();
        arrays.noise = self.noise(&demands, 0);
        slots.demands = demands;
        Ok(Prepared { theta, arrays, slots, outputs, updated })
    }

    /// The data of a recorded function, without the random numbers.
    pub(super) fn arrays(&self, data: &Dataset<S>, buffers: &Array<S>) -> Arrays<Array<S>> {
        Arrays {
            inputs: data.inputs().clone(),
            targets: data.targets().clone(),
            side: data.side().iter().map(|(_, array)| array.clone()).collect(),
            frozen: self.frozen.clone(),
            buffers: buffers.clone(),
            noise: Vec::new(),
        }
    }

    /// The random numbers of one step, drawn in order from the stream of this step.
    pub(super) fn noise(&self, demands: &[Demand], step: u64) -> Vec<Array<S>> {
        let mut rng = generator(self.seed, step);
        demands.iter().map(|demand| demand.draw(&mut rng)).collect()
    }

    /// The same loss of the same model in evaluation, without the penalty.
    pub(super) fn evaluating(&self) -> Self {
        Self {
            parts: Arc::clone(&self.parts),
            layout: self.layout.clone(),
            frozen: self.frozen.clone(),
            buffers: self.buffers.clone(),
            mode: Mode::Eval,
            penalized: false,
            seed: self.seed,
            policy: self.policy,
        }
    }
}

/// What a function is recorded from.
struct Prepared<S: Real> {
    theta: Vec<S>,
    arrays: Arrays<Array<S>>,
    slots: Slots,
    outputs: Vec<usize>,
    updated: Vec<Range<usize>>,
}

/// A recorded objective, with what must be given to it and what it gives back.
#[derive(Debug)]
pub(super) struct Recording<'f, S: Real> {
    pub function: Function<'f, S>,
    /// The random numbers that it is given.
    pub demands: Vec<Demand>,
    /// The shape of the model's outputs, the first auxiliary array.
    pub outputs: Vec<usize>,
    /// The pieces of the buffers that the other auxiliary arrays are for.
    pub updated: Vec<Range<usize>>,
}

impl<S: Real> Parts<'_, S> {
    /// The model's outputs, and the scope in which it ran.
    fn run<'t>(
        &self,
        slots: &Slots,
        theta: Tensor<'t, S>,
        arrays: &Arrays<Tensor<'t, S>>,
    ) -> (Tensor<'t, S>, Scope<'t, S>) {
        let scope = slots.scope(theta, arrays);
        (self.module.forward(&scope, arrays.inputs), scope)
    }

    /// The objective, the model's outputs, and the scope in which it ran.
    fn objective<'t>(
        &self,
        slots: &Slots,
        penalized: bool,
        theta: Tensor<'t, S>,
        arrays: &Arrays<Tensor<'t, S>>,
    ) -> (Var<'t, S>, Tensor<'t, S>, Scope<'t, S>) {
        let (z, scope) = self.run(slots, theta, arrays);
        let mut objective = (self.loss)(z, arrays.targets);
        if let Some(penalty) = self.penalty.as_ref().filter(|_| penalized) {
            objective += penalty(&scope);
        }
        (objective, z, scope)
    }
}

impl<S: Real> fmt::Debug for Supervised<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Supervised({}, {:?})", self.parts.module.describe(), self.mode)
    }
}

/// `θ ↦ loss(model(θ, inputs), targets)`, with the model in training mode: short for [`Supervised`] without options.
///
/// # Errors
///
/// As [`Supervised::new`] and [`Supervised::function`].
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
    Supervised::new(model, loss)?.function(data)
}
