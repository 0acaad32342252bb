//! What a module says of itself before it runs: parameters, buffers, and the modules inside.

use std::collections::HashSet;
use std::ops::Range;

use dualtape_autodiff::Real;

use super::Module;
use super::init::Init;
use super::layout::{Layout, View};
use crate::errors::Error;

/// What a [`Module`] declares: its parameters and buffers in order, and the modules inside it.
///
/// Parameters follow each other in the flat vector in the order of declaration, and so do buffers in theirs. Names nest: a
/// parameter `weight` of a module `0` of a module `encoder` is `encoder.0.weight`.
#[derive(Debug)]
pub struct Declaration {
    parameters: Vec<Declared>,
    buffers: Vec<Declared>,
    ties: Vec<Tie>,
    prefix: String,
    rows: Vec<Row>,
    current_row: usize,
    /// Why there is no such model.
    refused: Option<Error>,
}

/// An array that was declared.
#[derive(Debug)]
struct Declared {
    name: String,
    shape: Vec<usize>,
    init: Init,
}

/// Two parameters that are one.
#[derive(Debug)]
struct Tie {
    name: String,
    to: String,
}

/// A module as the summary shows it: its path and the parameters of its own.
#[derive(Debug)]
pub(crate) struct Row {
    pub path: String,
    pub description: String,
    pub parameters: usize,
    pub has_children: bool,
}

impl Declaration {
    /// Everything that `module` declares.
    pub(crate) fn of<S: Real, M: Module<S> + ?Sized>(module: &M) -> Self {
        let mut declaration = Self {
            parameters: Vec::new(),
            buffers: Vec::new(),
            ties: Vec::new(),
            prefix: String::new(),
            rows: vec![Row::new(String::new(), module.describe())],
            current_row: 0,
            refused: None,
        };
        module.declare(&mut declaration);
        declaration
    }

    /// Declares a parameter of the module at hand: an array that training changes.
    pub fn parameter(&mut self, name: &str, shape: &[usize], init: Init) {
        let row = &mut self.rows[self.current_row];
        row.parameters = row.parameters.saturating_add(size(shape));
        let declared = self.declared(name, shape, init);
        self.parameters.push(declared);
    }

    /// Declares a buffer of the module at hand: an array that belongs to the module's state but is not differentiated, such
    /// as running statistics.
    pub fn buffer(&mut self, name: &str, shape: &[usize], init: Init) {
        let declared = self.declared(name, shape, init);
        self.buffers.push(declared);
    }

    /// Declares a module inside the module at hand.
    pub fn module<S: Real>(&mut self, name: &str, module: &dyn Module<S>) {
        let (outer_prefix, outer_row) = (self.prefix.len(), self.current_row);
        self.prefix.push_str(name);
        self.rows[outer_row].has_children = true;
        self.current_row = self.rows.len();
        self.rows.push(Row::new(self.prefix.clone(), module.describe()));
        self.prefix.push('.');
        module.declare(self);
        self.prefix.truncate(outer_prefix);
        self.current_row = outer_row;
    }

    /// Of a module of so many layers, those that can be declared; more than [`MOST_LAYERS`] make the model refused.
    pub(crate) fn layers(&mut self, layers: usize) -> Range<usize> {
        if layers > MOST_LAYERS {
            let name = self.prefix.trim_end_matches('.').to_owned();
            self.refused.get_or_insert(Error::TooManyLayers { name, layers, most: MOST_LAYERS });
            return 0..0;
        }
        0..layers
    }

    /// Makes one parameter inside the module at hand the same as another, both declared already and of one shape: they
    /// share their entries, start as `to` does, and get the sum of both derivatives.
    ///
    /// Names are relative to the module at hand, as `decoder.weight`.
    pub fn tie(&mut self, name: &str, to: &str) {
        let full = |name: &str| format!("{}{name}", self.prefix);
        let tie = Tie { name: full(name), to: full(to) };
        self.ties.push(tie);
    }

    fn declared(&self, name: &str, shape: &[usize], init: Init) -> Declared {
        Declared { name: format!("{}{name}", self.prefix), shape: shape.to_vec(), init }
    }

    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The layout of the flat vectors, and how each of their views starts.
    pub(crate) fn layout(&self) -> Result<Layout, Error> {
        if let Some(error) = &self.refused {
            return Err(error.clone());
        }
        let (mut names, mut entries) = (HashSet::new(), 0_usize);
        for array in self.parameters.iter().chain(&self.buffers) {
            let Declared { name, shape, .. } = array;
            if !names.insert(name.as_str()) {
                return Err(Error::DuplicateParameter { name: name.clone() });
            }
            entries = entries.saturating_add(size(shape));
            if entries > MOST {
                return Err(Error::TooManyParameters { name: name.clone(), shape: shape.clone() });
            }
        }
        let mut parameters = views(&self.parameters);
        for tie in &self.ties {
            self.apply(tie, &mut parameters)?;
        }
        close_gaps(&mut parameters);
        Ok(Layout::new(parameters, views(&self.buffers)))
    }

    fn apply(&self, tie: &Tie, views: &mut [View]) -> Result<(), Error> {
        let find = |name: &str| {
            let known = || views.iter().map(|view| view.name().to_owned()).collect::<Vec<_>>();
            views.iter().position(|view| view.name() == name).ok_or_else(|| {
                Error::UnknownParameter { name: name.to_owned(), known: known().join(", ") }
            })
        };
        let (from, to) = (find(&tie.name)?, find(&tie.to)?);
        if views[from].shape() != views[to].shape() {
            let shape = |index: usize| views[index].shape().to_vec();
            return Err(Error::TiedShapes {
                name: tie.name.clone(),
                shape: shape(from),
                to: tie.to.clone(),
                to_shape: shape(to),
            });
        }
        // What is tied already, directly or over others, stays tied.
        let (from, to) = (views[from].home, views[to].home);
        for view in views.iter_mut().filter(|view| view.home == from) {
            view.home = to;
        }
        Ok(())
    }
}

/// The most layers that a module can be asked to make: more than anything runs, few enough to be listed at once.
const MOST_LAYERS: usize = 1 << 12;

/// More entries than any memory can hold.
const MOST: usize = isize::MAX as usize / size_of::<f64>();

/// Number of entries of an array of this shape; `usize::MAX` if there are more than that.
pub(crate) fn size(shape: &[usize]) -> usize {
    shape.iter().fold(1, |size: usize, &length| size.saturating_mul(length))
}

/// Each array by itself; where it lies comes later.
fn views(declared: &[Declared]) -> Vec<View> {
    let mut offset = 0;
    let views = declared.iter().enumerate().map(|(home, array)| {
        let length = size(&array.shape);
        let view = View {
            name: array.name.clone(),
            shape: array.shape.clone(),
            offset,
            init: array.init,
            home,
        };
        offset += length;
        view
    });
    views.collect()
}

/// Gives the views that stand for themselves their places, one after the other, and the tied ones those of their homes.
fn close_gaps(views: &mut [View]) {
    let mut offset = 0;
    for (index, view) in views.iter_mut().enumerate() {
        if view.home == index {
            view.offset = offset;
            offset += view.len();
        }
    }
    for index in 0..views.len() {
        let home = views[index].home;
        (views[index].offset, views[index].init) = (views[home].offset, views[home].init);
    }
}

impl Row {
    fn new(path: String, description: String) -> Self {
        Self { path, description, parameters: 0, has_children: false }
    }
}
