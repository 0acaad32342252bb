//! All parameters of a model are one flat vector; names and shapes are views of it.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use dualtape_autodiff::{Real, Tensor};
use rand::Rng;

use crate::errors::Error;
use crate::init::Init;
use crate::module::Module;

/// One parameter: a name, a shape, and the contiguous piece of the flat vector that holds it in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    name: String,
    shape: Vec<usize>,
    offset: usize,
    init: Init,
}

impl View {
    /// Full name, as `encoder.0.weight`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Lengths of the axes.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Where the parameter lies in the flat vector.
    pub fn range(&self) -> Range<usize> {
        self.offset..self.offset + self.shape.iter().product::<usize>()
    }

    /// How the parameter starts.
    pub fn init(&self) -> Init {
        self.init
    }
}

/// What a [`Module`] declares: its parameters in order, and the modules inside it.
///
/// Parameters follow each other in the flat vector in the order of declaration. Names nest: a parameter `weight` of a
/// module `0` of a module `encoder` is `encoder.0.weight`.
#[derive(Debug)]
pub struct Declaration {
    views: Vec<View>,
    length: usize,
    prefix: String,
    rows: Vec<SummaryRow>,
    current_row: usize,
}

/// One line of a model's summary: a module and the parameters of its own.
#[derive(Debug)]
pub(crate) struct SummaryRow {
    pub path: String,
    pub description: String,
    pub parameters: usize,
    pub has_children: bool,
}

impl Declaration {
    /// Everything that `module` declares.
    pub(crate) fn of<S: Real, M: Module<S> + ?Sized>(module: &M) -> Self {
        let mut declaration = Self {
            views: Vec::new(),
            length: 0,
            prefix: String::new(),
            rows: vec![SummaryRow::new(String::new(), module.describe())],
            current_row: 0,
        };
        module.declare(&mut declaration);
        declaration
    }

    /// Declares a parameter of the module at hand.
    pub fn parameter(&mut self, name: &str, shape: &[usize], init: Init) {
        let view = View {
            name: format!("{}{name}", self.prefix),
            shape: shape.to_vec(),
            offset: self.length,
            init,
        };
        let length = view.range().len();
        self.length += length;
        self.rows[self.current_row].parameters += length;
        self.views.push(view);
    }

    /// Declares a module inside the module at hand.
    pub fn module<S: Real>(&mut self, name: &str, module: &dyn Module<S>) {
        let (outer_prefix, outer_row) = (self.prefix.len(), self.current_row);
        self.prefix.push_str(name);
        self.rows[outer_row].has_children = true;
        self.current_row = self.rows.len();
        self.rows.push(SummaryRow::new(self.prefix.clone(), module.describe()));
        self.prefix.push('.');
        module.declare(self);
        self.prefix.truncate(outer_prefix);
        self.current_row = outer_row;
    }

    /// The initial parameter vector.
    pub(crate) fn sample<S: Real>(&self, rng: &mut dyn Rng) -> Vec<S> {
        let mut theta = vec![S::zero(); self.length];
        for view in &self.views {
            view.init.fill(&view.shape, &mut theta[view.range()], rng);
        }
        theta
    }

    pub(crate) fn rows(&self) -> &[SummaryRow] {
        &self.rows
    }

    pub(crate) fn into_layout(self) -> Result<Layout, Error> {
        let mut names = HashSet::new();
        if let Some(view) = self.views.iter().find(|view| !names.insert(view.name.as_str())) {
            return Err(Error::DuplicateParameter { name: view.name.clone() });
        }
        Ok(Layout { views: self.views.into(), length: self.length })
    }
}

impl SummaryRow {
    fn new(path: String, description: String) -> Self {
        Self { path, description, parameters: 0, has_children: false }
    }
}

/// The named, shaped views of a model's flat parameter vector. Cloning shares them.
///
/// # Example
///
/// ```
/// use dualtape_layers::{Activation, Module, mlp};
/// use rand::{SeedableRng, rngs::ChaCha8Rng};
///
/// let model = mlp::<f64>(&[3, 5, 2], Activation::Tanh);
/// let layout = model.layout()?;
/// let mut theta = model.init(&mut ChaCha8Rng::seed_from_u64(1));
///
/// let names: Vec<&str> = layout.iter().map(|view| view.name()).collect();
/// assert_eq!(names, ["0.weight", "0.bias", "2.weight", "2.bias"]);
/// assert_eq!(layout.find("2.weight")?.shape(), [2, 5]);
///
/// layout.view_mut(&mut theta, "2.bias")?.copy_from_slice(&[0.5, -0.5]);
/// assert_eq!(theta[30..], [0.5, -0.5]);
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    views: Arc<[View]>,
    length: usize,
}

impl Layout {
    /// Length of the flat vector.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether there are no parameters.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// All parameters, in the order of the flat vector.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &View> {
        self.views.iter()
    }

    /// The parameter of this full name, found in O(number of parameters).
    ///
    /// # Errors
    ///
    /// [`Error::UnknownParameter`], listing the names there are.
    pub fn find(&self, name: &str) -> Result<&View, Error> {
        self.views.iter().find(|view| view.name == name).ok_or_else(|| {
            let known: Vec<&str> = self.iter().map(View::name).collect();
            Error::UnknownParameter { name: name.to_owned(), known: known.join(", ") }
        })
    }

    /// The entries of one parameter, row-major.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownParameter`]; [`Error::ParameterLength`] if `theta` is not a vector of this layout.
    pub fn view<'a, S>(&self, theta: &'a [S], name: &str) -> Result<&'a [S], Error> {
        self.check_length(theta)?;
        Ok(&theta[self.find(name)?.range()])
    }

    /// The entries of one parameter, row-major, to write.
    ///
    /// # Errors
    ///
    /// As [`Layout::view`].
    pub fn view_mut<'a, S>(&self, theta: &'a mut [S], name: &str) -> Result<&'a mut [S], Error> {
        self.check_length(theta)?;
        Ok(&mut theta[self.find(name)?.range()])
    }

    /// The parameters on a tape, to hand to [`Module::forward`].
    ///
    /// `theta` is the flat vector of rank 1; another length is an error that the tape keeps.
    #[track_caller]
    pub fn bind<'t, S: Real>(&self, theta: Tensor<'t, S>) -> Parameters<'t, S> {
        Parameters {
            theta: theta.reshape(&[self.length]),
            views: Arc::clone(&self.views),
            range: 0..self.views.len(),
            prefix: 0,
        }
    }

    pub(crate) fn check_length<S>(&self, theta: &[S]) -> Result<(), Error> {
        if theta.len() == self.length {
            Ok(())
        } else {
            Err(Error::ParameterLength { got: theta.len(), expected: self.length })
        }
    }
}

/// The parameters of one module on a tape: tensors that are views of the flat vector, found by the names the module
/// itself declared.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Array, Tape};
/// use dualtape_layers::{Linear, Module};
///
/// let layout = Module::<f64>::layout(&Linear::new(2, 1))?;
/// let tape = Tape::new();
/// let parameters = layout.bind(tape.constant(&Array::vector(vec![3.0, 4.0, 0.5])));
/// assert_eq!(parameters.get("weight").shape(), [1, 2]);
/// assert_eq!(parameters.get("bias").data(), [0.5]);
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Parameters<'t, S: Real> {
    theta: Tensor<'t, S>,
    views: Arc<[View]>,
    range: Range<usize>,
    prefix: usize,
}

impl<'t, S: Real> Parameters<'t, S> {
    /// The parameter that the module declared under this name, in its declared shape.
    ///
    /// A name that was not declared is an error that the tape keeps, with the caller's source line.
    #[track_caller]
    pub fn get(&self, name: &str) -> Tensor<'t, S> {
        match self.views().iter().find(|view| &view.name[self.prefix..] == name) {
            Some(view) => self.theta.view(view.offset, &view.shape),
            None => {
                let names: Vec<&str> =
                    self.views().iter().map(|view| &view.name[self.prefix..]).collect();
                let needs =
                    format!("one of the names {names:?} that the module declared, not {name:?}");
                self.theta.tape().refuse("a parameter", &[], &needs);
                self.theta
            }
        }
    }

    /// The parameters of the module that was declared under this name; none if it has none.
    pub fn scope(&self, name: &str) -> Self {
        let inside = |view: &View| {
            view.name[self.prefix..].strip_prefix(name).is_some_and(|rest| rest.starts_with('.'))
        };
        let before = self.views().iter().take_while(|view| !inside(view)).count();
        let count = self.views()[before..].iter().take_while(|view| inside(view)).count();
        let start = self.range.start + before;
        Self {
            theta: self.theta,
            views: Arc::clone(&self.views),
            range: start..start + count,
            prefix: self.prefix + name.len() + 1,
        }
    }

    fn views(&self) -> &[View] {
        &self.views[self.range.clone()]
    }
}
