//! What a layer is, and how layers make a model.

use std::fmt::Debug;
use std::sync::Arc;

use dualtape_autodiff::{Real, Tensor};
use rand::Rng;

use crate::errors::Error;
use crate::parameters::{Declaration, Layout, Parameters, SummaryRow};

/// A function of an array with parameters: a layer, or a model made of layers.
///
/// A module declares its parameters and composes tape operations; it holds no values and knows no derivatives. Those
/// come, to any order, from the tape.
///
/// # Example
///
/// A layer `y = g ⊙ x` with one factor for each feature:
///
/// ```
/// use dualtape_autodiff::{Array, Real, Tensor};
/// use dualtape_layers::{Declaration, Init, Linear, Module, Parameters, Sequential, predict};
///
/// #[derive(Debug)]
/// struct Scale(usize);
///
/// impl<S: Real> Module<S> for Scale {
///     fn declare(&self, declaration: &mut Declaration) {
///         declaration.parameter("factor", &[self.0], Init::Constant(1.0));
///     }
///
///     fn forward<'t>(&self, parameters: &Parameters<'t, S>, x: Tensor<'t, S>) -> Tensor<'t, S> {
///         x * parameters.get("factor")
///     }
/// }
///
/// let model = Sequential::new().then(Scale(2)).then(Linear::new(2, 1).without_bias());
/// let theta = [10.0, 100.0, 1.0, 2.0]; // 0.factor, 1.weight
/// let y = predict(&model, &theta, &Array::new(&[1, 2], vec![3.0, 4.0])?)?;
/// assert_eq!(y.data(), [30.0 + 800.0]);
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
pub trait Module<S: Real>: Debug + Send + Sync {
    /// Declares the module's parameters and the modules inside it. The default has none.
    fn declare(&self, declaration: &mut Declaration) {
        let _ = declaration;
    }

    /// The module's output for the input `x`, whose first axis counts examples.
    ///
    /// `parameters` are the module's own: what [`declare`](Self::declare) named `weight` is
    /// `parameters.get("weight")`, and a module inside gets `parameters.scope(name)`.
    fn forward<'t>(&self, parameters: &Parameters<'t, S>, x: Tensor<'t, S>) -> Tensor<'t, S>;

    /// A few words for the summary; by default the `Debug` form.
    fn describe(&self) -> String {
        format!("{self:?}")
    }

    /// Names and shapes of the views of the flat parameter vector.
    ///
    /// # Errors
    ///
    /// [`Error::DuplicateParameter`] if two parameters were declared under one name.
    fn layout(&self) -> Result<Layout, Error> {
        Declaration::of(self).into_layout()
    }

    /// An initial parameter vector, drawn in the order of declaration: the same seed gives the same vector.
    fn init(&self, rng: &mut dyn Rng) -> Vec<S> {
        Declaration::of(self).sample(rng)
    }

    /// A table of the layers with the number of parameters of each.
    fn summary(&self) -> String {
        summary_table(Declaration::of(self).rows())
    }
}

/// A borrowed module is one too, so that a model can be lent or given away where one is taken.
impl<S: Real, M: Module<S> + ?Sized> Module<S> for &M {
    fn declare(&self, declaration: &mut Declaration) {
        (**self).declare(declaration);
    }

    fn forward<'t>(&self, parameters: &Parameters<'t, S>, x: Tensor<'t, S>) -> Tensor<'t, S> {
        (**self).forward(parameters, x)
    }

    fn describe(&self) -> String {
        (**self).describe()
    }
}

/// Modules one after the other, each on the output of the one before.
///
/// Children are named by position, `0`, `1`, …, unless given a name. Cloning shares them.
///
/// # Example
///
/// ```
/// use dualtape_layers::{Activation, Linear, Module, Sequential};
///
/// let encoder = Sequential::new().then(Linear::new(8, 3)).then(Activation::Tanh);
/// let model = Sequential::<f64>::new().named("encoder", encoder).then(Linear::new(3, 2));
/// println!("{}", model.summary());
/// assert_eq!(model.layout()?.find("encoder.0.bias")?.range(), 24..27);
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Sequential<S: Real> {
    children: Vec<(String, Arc<dyn Module<S>>)>,
}

impl<S: Real> Default for Sequential<S> {
    fn default() -> Self {
        Self { children: Vec::new() }
    }
}

impl<S: Real> Sequential<S> {
    /// The identity, to be extended.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a module, named by its position.
    pub fn then(self, module: impl Module<S> + 'static) -> Self {
        let position = self.children.len().to_string();
        self.named(&position, module)
    }

    /// Appends a module under a name.
    pub fn named(mut self, name: &str, module: impl Module<S> + 'static) -> Self {
        self.children.push((name.to_owned(), Arc::new(module)));
        self
    }

    /// Number of modules directly inside.
    pub fn len(&self) -> usize {
        self.children.len()
    }

    /// Whether this is the identity.
    pub fn is_empty(&self) -> bool {
        self.children.is_empty()
    }
}

impl<S: Real> Module<S> for Sequential<S> {
    fn declare(&self, declaration: &mut Declaration) {
        for (name, child) in &self.children {
            declaration.module(name, child.as_ref());
        }
    }

    fn forward<'t>(&self, parameters: &Parameters<'t, S>, x: Tensor<'t, S>) -> Tensor<'t, S> {
        self.children.iter().fold(x, |x, (name, child)| child.forward(&parameters.scope(name), x))
    }

    fn describe(&self) -> String {
        format!("Sequential of {}", self.len())
    }
}

/// One line for each module that has parameters of its own or nothing inside, then the total.
fn summary_table(rows: &[SummaryRow]) -> String {
    let mut lines = vec![["layer", "module", "parameters"].map(str::to_owned)];
    for row in rows.iter().filter(|row| row.parameters > 0 || !row.has_children) {
        let path = if row.path.is_empty() { "(model)" } else { &row.path };
        lines.push([path.to_owned(), row.description.clone(), row.parameters.to_string()]);
    }
    let total: usize = rows.iter().map(|row| row.parameters).sum();
    lines.push(["total".to_owned(), String::new(), total.to_string()]);

    let widths = [0, 1, 2].map(|column| {
        lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default()
    });
    let [w0, w1, w2] = widths;
    lines.iter().map(|[a, b, c]| format!("{a:<w0$}  {b:<w1$}  {c:>w2$}\n")).collect()
}
