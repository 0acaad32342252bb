//! What a layer is, and how layers make a model.

mod declaration;
mod init;
mod layout;
mod noise;
mod scope;

use std::fmt::Debug;
use std::sync::Arc;

use dualtape_autodiff::{Array, Real, Tape, Tensor};
use rand::Rng;

pub use declaration::Declaration;
pub(crate) use declaration::size;
pub use init::{Fan, Init, Spread};
pub use layout::{Layout, View};
pub use noise::Noise;
pub(crate) use noise::{Demand, generator};
pub(crate) use scope::{Given, Source, Trace};
pub use scope::{Mode, Scope};

use crate::data::reserve;
use crate::errors::Error;
use declaration::Row;

/// A function of an array with parameters: a layer, or a model made of layers.
///
/// A module declares its parameters and buffers and composes tape operations; it holds no values and knows no derivatives.
/// Those come, to any order, from the tape.
///
/// Written for both precisions, `S: Real`, a layer's plain numbers stand right of its arrays, `x * 2.0`, `x.max(0.0)`; on the left
/// they are literals, `c(1.0) - x` (see [`c`](dualtape_autodiff::c)).
///
/// # Example
///
/// A layer `y = g ⊙ x` with one factor for each feature:
///
/// ```
/// use dualtape_autodiff::{Array, Real, Tensor};
/// use dualtape_layers::{Declaration, Init, Linear, Module, Scope, Sequential, predict};
///
/// #[derive(Debug)]
/// struct Scale(usize);
///
/// impl<S: Real> Module<S> for Scale {
///     fn declare(&self, declaration: &mut Declaration) {
///         declaration.parameter("factor", &[self.0], Init::Constant(1.0));
///     }
///
///     fn forward<'t>(&self, scope: &Scope<'t, S>, x: Tensor<'t, S>) -> Tensor<'t, S> {
///         x * scope.parameter("factor")
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

    /// The module's output for the input `x`, whose first axis counts examples unless the module says otherwise.
    ///
    /// The `scope` is the module's own: what [`declare`](Self::declare) named `weight` is `scope.parameter("weight")`, and a
    /// module inside runs by `scope.apply(name, &module, x)`.
    fn forward<'t>(&self, scope: &Scope<'t, S>, x: Tensor<'t, S>) -> Tensor<'t, S>;

    /// A few words for the summary; by default the `Debug` form.
    fn describe(&self) -> String {
        format!("{self:?}")
    }

    /// Names and shapes of the views of the flat parameter vector, and of the buffers.
    ///
    /// # Errors
    ///
    /// [`Error::DuplicateParameter`] if two parameters or buffers were declared under one name; [`Error::UnknownParameter`]
    /// or [`Error::TiedShapes`] for parameters that cannot be tied.
    fn layout(&self) -> Result<Layout, Error> {
        Declaration::of(self).layout()
    }

    /// An initial parameter vector, drawn in the order of declaration: the same seed gives the same vector. Empty if
    /// [`layout`](Self::layout) is refused.
    fn init(&self, rng: &mut dyn Rng) -> Vec<S> {
        self.layout().map(|layout| layout.sample(rng)).unwrap_or_default()
    }

    /// A table of the layers, with the shape of each one's output for an input of this shape, examples included, and the
    /// number of its parameters.
    ///
    /// # Errors
    ///
    /// As [`layout`](Self::layout); [`Error::Autodiff`] if an input of this shape does not fit the model; [`Error::TooLarge`] if
    /// memory has no room for one;
    /// [`Error::NoSideInput`] if the model asks for arrays beside its inputs: see [`summary_with`](Self::summary_with).
    fn summary(&self, input_shape: &[usize]) -> Result<String, Error> {
        self.summary_with(input_shape, &[])
    }

    /// As [`summary`](Self::summary), of a model that asks for arrays beside its inputs: by names and shapes.
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_layers::{Error, Module, Recurrent};
    ///
    /// let model = Recurrent::gru(3, 4).last().lengths_from("lengths");
    /// let summary = Module::<f64>::summary_with(&model, &[5, 20, 3], &[("lengths", &[5])])?;
    /// assert!(summary.contains("[5, 4]"));
    /// let refused = Module::<f64>::summary(&model, &[5, 20, 3]).unwrap_err();
    /// assert!(matches!(refused, Error::NoSideInput { names, .. } if names == "lengths"));
    /// # Ok::<(), Error>(())
    /// ```
    fn summary_with(
        &self,
        input_shape: &[usize],
        side_shapes: &[(&str, &[usize])],
    ) -> Result<String, Error> {
        let declaration = Declaration::of(self);
        let layout = declaration.layout()?;
        for shape in
            side_shapes.iter().map(|&(_, shape)| shape).chain([input_shape, &[layout.len()]])
        {
            let rows = shape.first().copied().unwrap_or(1);
            reserve::<S>(
                "an array of the summary",
                rows,
                size(shape.get(1..).unwrap_or_default()),
            )?;
        }
        let tape = Tape::<S>::new();
        let zeros = |shape: &[usize]| tape.constant(&Array::zeros(shape));
        let mut scope = layout.bind_in(zeros(&[layout.len()]), Mode::Eval);
        for &(name, shape) in side_shapes {
            scope = scope.with_side_input(name, zeros(shape));
        }
        let output = self.forward(&scope, zeros(input_shape));
        let mut shapes = scope.finished()?.shapes;
        shapes.push((String::new(), output.shape().to_vec()));
        Ok(summary_table(declaration.rows(), &shapes, layout.len()))
    }
}

/// A borrowed module is one too, so that a model can be lent or given away where one is taken.
impl<S: Real, M: Module<S> + ?Sized> Module<S> for &M {
    fn declare(&self, declaration: &mut Declaration) {
        (**self).declare(declaration);
    }

    fn forward<'t>(&self, scope: &Scope<'t, S>, x: Tensor<'t, S>) -> Tensor<'t, S> {
        (**self).forward(scope, x)
    }

    fn describe(&self) -> String {
        (**self).describe()
    }
}

/// A shared module, so that one can be chosen at run time.
impl<S: Real, M: Module<S> + ?Sized> Module<S> for Arc<M> {
    fn declare(&self, declaration: &mut Declaration) {
        (**self).declare(declaration);
    }

    fn forward<'t>(&self, scope: &Scope<'t, S>, x: Tensor<'t, S>) -> Tensor<'t, S> {
        (**self).forward(scope, x)
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
/// println!("{}", model.summary(&[1, 8])?);
/// assert_eq!(model.layout()?.parts().get("encoder.0.bias")?.range(), 24..27);
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Sequential<S: Real> {
    children: Vec<(String, Arc<dyn Module<S>>)>,
    ties: Vec<(String, String)>,
}

impl<S: Real> Default for Sequential<S> {
    fn default() -> Self {
        Self { children: Vec::new(), ties: Vec::new() }
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

    /// Makes the parameter `name` the same as the parameter `to`, both named from this module on, as `2.weight`. See
    /// [`Declaration::tie`].
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_layers::{Linear, Module, Sequential};
    ///
    /// let twice = Sequential::<f64>::new().then(Linear::new(3, 3)).then(Linear::new(3, 3));
    /// let twice = twice.tie("1.weight", "0.weight");
    /// assert_eq!(twice.layout()?.len(), 9 + 3 + 3);
    /// # Ok::<(), dualtape_layers::Error>(())
    /// ```
    pub fn tie(mut self, name: &str, to: &str) -> Self {
        self.ties.push((name.to_owned(), to.to_owned()));
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
        for (name, to) in &self.ties {
            declaration.tie(name, to);
        }
    }

    fn forward<'t>(&self, scope: &Scope<'t, S>, x: Tensor<'t, S>) -> Tensor<'t, S> {
        self.children.iter().fold(x, |x, (name, child)| scope.apply(name, child.as_ref(), x))
    }

    fn describe(&self) -> String {
        format!("Sequential of {}", self.len())
    }
}

/// One line for each module that has parameters of its own or nothing inside, then the total, tied parameters once.
fn summary_table(rows: &[Row], shapes: &[(String, Vec<usize>)], total: usize) -> String {
    let mut lines = vec![["layer", "module", "output", "parameters"].map(str::to_owned)];
    for row in rows.iter().filter(|row| row.parameters > 0 || !row.has_children) {
        let path = if row.path.is_empty() { "(model)" } else { &row.path };
        let shape = shapes.iter().find(|(path, _)| *path == row.path);
        let shape = shape.map(|(_, shape)| format!("{shape:?}")).unwrap_or_default();
        lines.push([path.to_owned(), row.description.clone(), shape, row.parameters.to_string()]);
    }
    lines.push(["total".to_owned(), String::new(), String::new(), total.to_string()]);

    let [w0, w1, w2, w3] = [0, 1, 2, 3].map(|column| {
        lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default()
    });
    let line = |[a, b, c, d]: &[String; 4]| format!("{a:<w0$}  {b:<w1$}  {c:<w2$}  {d:>w3$}\n");
    lines.iter().map(line).collect()
}
