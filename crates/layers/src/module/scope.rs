//! What a module sees while it runs.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use dualtape_autodiff::{Array, Real, Tape, Tensor, Var};
use rand::rngs::ChaCha8Rng;

use super::Module;
use super::layout::{Layout, Place, View, Views};
use super::noise::{Demand, Noise, generator};
use crate::errors::Error;

/// Whether a model is being trained or used.
///
/// Dropout drops and batch normalisation looks at the batch in training alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Training.
    Train,
    /// Evaluation.
    #[default]
    Eval,
}

/// One module's view of a model that runs on a tape: its parameters and buffers by the names that it declared, the mode,
/// random numbers, and what came along with the batch.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Array, Tape};
/// use dualtape_layers::{Linear, Module};
///
/// let layout = Module::<f64>::layout(&Linear::new(2, 1))?;
/// let tape = Tape::new();
/// let scope = layout.bind(tape.constant(&Array::vector(vec![3.0, 4.0, 0.5])));
/// assert_eq!(scope.parameter("weight").shape(), [1, 2]);
/// assert_eq!(scope.parameter("bias").data(), [0.5]);
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Scope<'t, S: Real> {
    run: Rc<Run<'t, S>>,
    prefix: String,
    /// What comes along with the inputs, by name; the latest of a name counts.
    side: Rc<[(String, Tensor<'t, S>)]>,
}

/// All of a model on a tape, once.
#[derive(Debug)]
struct Run<'t, S: Real> {
    layout: Layout,
    given: Given<'t, S>,
    mode: Mode,
    noise: RefCell<Source<'t, S>>,
    demands: RefCell<Vec<Demand>>,
    updates: RefCell<Vec<(usize, Tensor<'t, S>)>>,
    shapes: RefCell<Vec<(String, Vec<usize>)>>,
    missing: RefCell<BTreeSet<String>>,
}

/// The tensors that a model runs on.
#[derive(Clone, Debug)]
pub(crate) struct Given<'t, S: Real> {
    /// The parameters that are not frozen.
    pub trainable: Tensor<'t, S>,
    pub frozen: Option<Tensor<'t, S>>,
    pub buffers: Option<Tensor<'t, S>>,
    /// What comes along with the inputs, by name.
    pub side: Vec<(String, Tensor<'t, S>)>,
}

/// Where random numbers come from.
#[derive(Debug)]
pub(crate) enum Source<'t, S: Real> {
    /// A generator: the arrays are constants of the tape.
    Generator(Box<ChaCha8Rng>),
    /// Arrays drawn before, in the order of the demands.
    Drawn(std::vec::IntoIter<Tensor<'t, S>>),
}

/// What a run leaves behind.
#[derive(Debug)]
pub(crate) struct Trace<'t, S: Real> {
    /// The random numbers it asked for.
    pub demands: Vec<Demand>,
    /// Numbers of buffers, with their new values.
    pub updates: Vec<(usize, Tensor<'t, S>)>,
    /// Paths of modules with the shapes of their outputs.
    pub shapes: Vec<(String, Vec<usize>)>,
    /// Names by which it asked for side inputs in vain.
    pub missing: BTreeSet<String>,
}

impl<'t, S: Real> Scope<'t, S> {
    pub(crate) fn new(
        layout: &Layout,
        mut given: Given<'t, S>,
        mode: Mode,
        noise: Source<'t, S>,
    ) -> Self {
        let side = std::mem::take(&mut given.side).into();
        let run = Run {
            layout: layout.clone(),
            given,
            mode,
            noise: RefCell::new(noise),
            demands: RefCell::default(),
            updates: RefCell::default(),
            shapes: RefCell::default(),
            missing: RefCell::default(),
        };
        Self { run: Rc::new(run), prefix: String::new(), side }
    }

    /// The same scope, in which this array comes along with the inputs under this name, for the modules inside too.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{Array, Tape};
    /// use dualtape_layers::{Module, Recurrent};
    ///
    /// let model = Recurrent::gru(1, 2).last().lengths_from("lengths");
    /// let layout = Module::<f64>::layout(&model)?;
    /// let tape = Tape::new();
    /// let theta = tape.constant(&Array::vector(vec![0.3; layout.len()]));
    /// let last = |x: [f64; 3], length| {
    ///     let lengths = tape.constant(&Array::vector(vec![length]));
    ///     let scope = layout.bind(theta).with_side_input("lengths", lengths);
    ///     model.forward(&scope, tape.constant(&Array::new(&[1, 3, 1], x.to_vec()).unwrap())).data()
    /// };
    /// assert_eq!(last([1.0, 2.0, 3.0], 2.0), last([1.0, 2.0, -9.0], 2.0));
    /// assert_ne!(last([1.0, 2.0, 3.0], 3.0), last([1.0, 2.0, -9.0], 3.0));
    /// # Ok::<(), dualtape_layers::Error>(())
    /// ```
    pub fn with_side_input(self, name: &str, array: Tensor<'t, S>) -> Self {
        let side = self.side.iter().cloned().chain([(name.to_owned(), array)]).collect();
        Self { side, ..self }
    }

    /// The parameter that the module declared under this name, in its declared shape.
    ///
    /// A name that was not declared is an error that the tape keeps, with the caller's source line.
    #[track_caller]
    pub fn parameter(&self, name: &str) -> Tensor<'t, S> {
        let Run { layout, given, .. } = &*self.run;
        let Some((_, view)) = self.find(layout.parameters(), name) else {
            self.refuse("a parameter", layout.parameters(), name);
            return given.trainable;
        };
        match (layout.place(view), given.frozen) {
            (Place::Frozen(offset), Some(frozen)) => frozen.view(offset, view.shape()),
            (Place::Frozen(offset) | Place::Trainable(offset), _) => {
                given.trainable.view(offset, view.shape())
            }
        }
    }

    /// The buffer that the module declared under this name, as it is before this run. A constant.
    ///
    /// A name that was not declared, and a model that runs without its buffers, is an error that the tape keeps.
    #[track_caller]
    pub fn buffer(&self, name: &str) -> Tensor<'t, S> {
        let Run { layout, given, .. } = &*self.run;
        match (self.find(layout.buffer_views(), name), given.buffers) {
            (Some((_, view)), Some(buffers)) => buffers.view(view.offset, view.shape()),
            (Some(_), None) => {
                self.tape().refuse("a buffer", &[], "a `Network`, which keeps the model's buffers");
                given.trainable
            }
            (None, _) => {
                self.refuse("a buffer", layout.buffer_views(), name);
                given.trainable
            }
        }
    }

    /// States what the buffer of this name is to be after this run. Nothing is differentiated through it.
    ///
    /// A name that was not declared, or another shape than declared, is an error that the tape keeps.
    #[track_caller]
    pub fn update(&self, name: &str, value: Tensor<'t, S>) {
        let buffers = self.run.layout.buffer_views();
        match self.find(buffers, name) {
            Some((index, view)) if view.shape() == value.shape() => {
                self.run.updates.borrow_mut().push((index, value.stop_gradient()));
            }
            Some((_, view)) => {
                let needs = format!("the shape {:?} that the module declared", view.shape());
                self.tape().refuse("a buffer's update", &[value.shape()], &needs);
            }
            None => self.refuse("a buffer's update", buffers, name),
        }
    }

    /// Whether the model is being trained.
    pub fn mode(&self) -> Mode {
        self.run.mode
    }

    /// An array of random numbers. A constant to this run; another run draws others.
    ///
    /// Which numbers it gets is decided by the seed, the step, and the order in which modules ask. An objective records a
    /// model once and draws anew for each step, so what a module asks for must not depend on values.
    #[track_caller]
    pub fn noise(&self, noise: Noise, shape: &[usize]) -> Tensor<'t, S> {
        let demand = Demand { noise, shape: shape.to_vec() };
        let drawn = match &mut *self.run.noise.borrow_mut() {
            Source::Generator(rng) => Some(self.tape().constant(&demand.draw(rng))),
            Source::Drawn(arrays) => arrays.next().filter(|array| array.shape() == shape),
        };
        self.run.demands.borrow_mut().push(demand);
        drawn.unwrap_or_else(|| {
            let needs = "as many arrays of random numbers, of the same shapes, at each run";
            self.tape().refuse("random numbers", &[shape], needs);
            self.tape().constant(&Array::zeros(shape))
        })
    }

    /// The array that came along with the inputs under this name, if there is one: a mask, or lengths.
    pub fn side_input(&self, name: &str) -> Option<Tensor<'t, S>> {
        let found = self.side.iter().rev().find(|(other, _)| other == name);
        if found.is_none() {
            self.run.missing.borrow_mut().insert(name.to_owned());
        }
        found.map(|&(_, array)| array)
    }

    /// All parameters that are not frozen, as the flat vector.
    pub fn trainable(&self) -> Tensor<'t, S> {
        self.run.given.trainable
    }

    /// The scope of the module that was declared under this name.
    pub fn child(&self, name: &str) -> Self {
        Self { prefix: format!("{}{name}.", self.prefix), ..self.clone() }
    }

    /// The output of a module that was declared under this name.
    #[track_caller]
    pub fn apply(&self, name: &str, module: &dyn Module<S>, x: Tensor<'t, S>) -> Tensor<'t, S> {
        let child = self.child(name);
        let y = module.forward(&child, x);
        let path = child.prefix.trim_end_matches('.').to_owned();
        self.run.shapes.borrow_mut().push((path, y.shape().to_vec()));
        y
    }

    /// The tape that the model runs on.
    pub fn tape(&self) -> &'t Tape<S> {
        self.run.given.trainable.tape()
    }

    /// A penalty on the parameters of this scope whose names end so: the sum of `penalty` over them.
    ///
    /// For regularisers that look at single parameters, as decay of the weights but not of the biases. Tied parameters count
    /// once, frozen ones not at all.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{Array, Tape};
    /// use dualtape_layers::{Activation, Module, l2_penalty, mlp};
    ///
    /// let layout = mlp::<f64>(&[1, 1, 1], Activation::Tanh).layout()?;
    /// let tape = Tape::new();
    /// let scope = layout.bind(tape.input_array(&Array::vector(vec![3.0, 100.0, 4.0, 200.0])));
    /// let decay = scope.penalty("weight", |w| l2_penalty(w, 0.1));
    /// assert_eq!(decay.value(), 0.5 * 0.1 * (9.0 + 16.0));
    /// # Ok::<(), dualtape_layers::Error>(())
    /// ```
    pub fn penalty(
        &self,
        ending: &str,
        penalty: impl Fn(Tensor<'t, S>) -> Var<'t, S>,
    ) -> Var<'t, S> {
        let Run { layout, given, .. } = &*self.run;
        let mine = |view: &View| view.name.starts_with(&self.prefix) && view.name.ends_with(ending);
        let terms = layout
            .trained()
            .filter(|(view, _)| mine(view))
            .map(|(view, range)| given.trainable.view(range.start, view.shape()));
        terms.map(penalty).sum()
    }

    /// What the run has left behind so far.
    pub(crate) fn trace(&self) -> Trace<'t, S> {
        Trace {
            demands: self.run.demands.take(),
            updates: self.run.updates.take(),
            shapes: self.run.shapes.take(),
            missing: self.run.missing.take(),
        }
    }

    /// What the run has left behind, if the tape keeps no error.
    pub(crate) fn finished(&self) -> Result<Trace<'t, S>, Error> {
        let trace = self.trace();
        match self.tape().error() {
            None => Ok(trace),
            Some(source) if trace.missing.is_empty() => Err(source.into()),
            Some(source) => {
                let names: Vec<String> = trace.missing.into_iter().collect();
                Err(Error::NoSideInput { names: names.join("`, `"), source })
            }
        }
    }

    fn find<'v>(&self, views: &'v Views, name: &str) -> Option<(usize, &'v View)> {
        views.named(&format!("{}{name}", self.prefix))
    }

    #[track_caller]
    fn refuse(&self, what: &'static str, views: &[View], name: &str) {
        let names: Vec<&str> =
            views.iter().filter_map(|view| view.name.strip_prefix(self.prefix.as_str())).collect();
        let needs = format!("one of the names {names:?} that the module declared, not {name:?}");
        self.tape().refuse(what, &[], &needs);
    }
}

impl Layout {
    /// The model's parameters on a tape, to hand to [`Module::forward`]: for evaluation, without random numbers to be
    /// replayed, buffers or side inputs.
    ///
    /// `theta` is the whole flat vector of rank 1, frozen entries included; another length is an error that the tape keeps.
    #[track_caller]
    pub fn bind<'t, S: Real>(&self, theta: Tensor<'t, S>) -> Scope<'t, S> {
        self.bind_in(theta, Mode::Eval)
    }

    /// As [`bind`](Self::bind), in this mode. Buffers have their initial values, and random numbers those of seed 0.
    #[track_caller]
    pub fn bind_in<'t, S: Real>(&self, theta: Tensor<'t, S>, mode: Mode) -> Scope<'t, S> {
        let tape = theta.tape();
        let buffers = Array::vector(self.initial_buffers());
        let given = Given {
            trainable: theta.reshape(&[self.len()]),
            frozen: None,
            buffers: (!buffers.is_empty()).then(|| tape.constant(&buffers)),
            side: Vec::new(),
        };
        Scope::new(&self.unfrozen(), given, mode, Source::Generator(Box::new(generator(0, 0))))
    }
}
