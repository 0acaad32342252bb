//! Layers and models.

use dualtape_autodiff::{Real, Tape, Tensor};
use dualtape_layers::{Error, Layout, Module};

use super::recorded::Recorded;
use super::tensors::{InBoth, Map, Tensors};
use super::{Refusal, Subject};

/// A [`Module`], differentiated with respect to its parameters and, behind them, to its input of this shape.
///
/// # Errors
///
/// [`Error::DuplicateParameter`].
///
/// # Example
///
/// ```
/// use dualtape_layers::{Activation, mlp};
/// use dualtape_testing::{check, module};
///
/// let model = mlp::<f64>(&[2, 3, 1], Activation::Tanh);
/// check(module(&model, &[4, 2])?).assert();
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
#[track_caller]
pub fn module<'m, M: Module<f64> + 'm>(
    module: M,
    input_shape: &[usize],
) -> Result<impl Subject + use<'m, M>, Error> {
    let module = OfModule::new(module)?;
    let parameters = [module.layout.len()];
    Ok(Recorded::new(Tensors::new(&[&parameters, input_shape], module)))
}

/// A [`module`] and the same over the other number, in both precisions.
///
/// # Errors
///
/// [`Error::DuplicateParameter`].
///
/// # Example
///
/// ```
/// use dualtape_layers::{Activation, mlp};
/// use dualtape_testing::{Law, check, module_in_both};
///
/// let in_double = || mlp::<f64>(&[2, 3, 1], Activation::Tanh);
/// let right = mlp::<f32>(&[2, 3, 1], Activation::Tanh);
/// let summary = check(module_in_both(in_double(), right, &[4, 2])?).assert();
/// assert_eq!(summary.checked(Law::SinglePrecision), 64);
///
/// let wrong = mlp::<f32>(&[2, 3, 1], Activation::Sigmoid);
/// let failure = check(module_in_both(in_double(), wrong, &[4, 2])?).check().unwrap_err();
/// assert_eq!(failure.law(), Some(Law::SinglePrecision));
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
#[track_caller]
pub fn module_in_both<'m, D, S>(
    double: D,
    single: S,
    input_shape: &[usize],
) -> Result<impl Subject + use<'m, D, S>, Error>
where
    D: Module<f64> + 'm,
    S: Module<f32> + 'm,
{
    let both = InBoth { double: OfModule::new(double)?, single: OfModule::new(single)? };
    let parameters = [both.double.layout.len()];
    Ok(Recorded::new(Tensors::new(&[&parameters, input_shape], both)))
}

struct OfModule<M> {
    module: M,
    layout: Layout,
}

impl<M> OfModule<M> {
    fn new<S: Real>(module: M) -> Result<Self, Error>
    where
        M: Module<S>,
    {
        Ok(Self { layout: module.layout()?, module })
    }
}

impl<S: Real, M: Module<S>> Map<S> for OfModule<M> {
    fn name(&self) -> String {
        self.module.describe()
    }

    fn apply<'t>(&self, _: &'t Tape<S>, x: &[Tensor<'t, S>]) -> Tensor<'t, S> {
        self.module.forward(&self.layout.bind(x[0]), x[1])
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::failed(error)
    }
}
