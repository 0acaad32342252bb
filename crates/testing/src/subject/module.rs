//! Layers and models.

use dualtape_autodiff::{Tape, Tensor};
use dualtape_layers::{Error, Layout, Module};

use super::recorded::Recorded;
use super::tensors::{Map, Tensors};
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
pub fn module<'m, M: Module<f64> + 'm>(
    module: M,
    input_shape: &[usize],
) -> Result<impl Subject + use<'m, M>, Error> {
    let layout = module.layout()?;
    let parameters = [layout.len()];
    Ok(Recorded(Tensors::new(&[&parameters, input_shape], OfModule { module, layout })))
}

struct OfModule<M> {
    module: M,
    layout: Layout,
}

impl<M: Module<f64>> Map for OfModule<M> {
    fn name(&self) -> String {
        self.module.describe()
    }

    fn apply<'t>(&self, _: &'t Tape, x: &[Tensor<'t>]) -> Tensor<'t> {
        self.module.forward(&self.layout.bind(x[0]), x[1])
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::failed(error)
    }
}
