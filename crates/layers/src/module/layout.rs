//! All parameters of a model are one flat vector; names and shapes are views of it.

use std::collections::HashMap;
use std::ops::{Deref, Range};
use std::sync::Arc;

use dualtape_autodiff::{Real, parts::Parts};
use rand::rngs::ChaCha8Rng;
use rand::{Rng, SeedableRng};

use super::declaration::size;
use super::init::Init;
use crate::errors::Error;

/// One parameter or buffer: a name, a shape, and the contiguous piece of the flat vector that holds it in row-major order.
///
/// Its entries are those that [`Layout::view`] takes from the whole vector. Where it lies in the vector of those that are not
/// frozen, which an objective is a function of, is said by [`Layout::parts`].
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
    pub(crate) offset: usize,
    pub(crate) init: Init,
    /// The number of the view whose entries these are: its own, unless it is tied to another.
    pub(crate) home: usize,
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

    /// Number of entries.
    pub fn len(&self) -> usize {
        size(&self.shape)
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where it lies in the whole flat vector. Tied parameters lie in one place.
    pub(crate) fn range(&self) -> Range<usize> {
        self.offset..self.offset + self.len()
    }

    /// How it starts.
    pub fn init(&self) -> Init {
        self.init
    }
}

/// The named, shaped views of a model's flat parameter vector, and of its buffers. Cloning shares them.
///
/// Parameters can be frozen by name: they keep their places in the vector, but are constants to an objective, which is then
/// a function of the others alone.
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
///
/// // transfer learning: the last layer alone is trained
/// let frozen = layout.freeze("0")?;
/// assert_eq!((frozen.len(), frozen.trainable_len()), (32, 12));
/// assert_eq!(frozen.trainable(&theta)?, theta[20..]);
/// assert_eq!(frozen.parts().get("2.bias")?.range(), 10..12);
/// assert_eq!(frozen.unfreeze("0")?, layout);
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    parameters: Views,
    buffers: Views,
    length: usize,
    /// Pieces of the flat vector that are frozen, ordered and apart.
    frozen: Arc<[Range<usize>]>,
}

/// Views in the order of their declaration, each found by its name.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Views {
    all: Arc<[View]>,
    numbers: Arc<HashMap<String, usize>>,
}

impl Views {
    fn new(all: Vec<View>) -> Self {
        let numbers = all.iter().map(|view| view.name.clone()).zip(0..).collect();
        Self { all: all.into(), numbers: Arc::new(numbers) }
    }

    /// The view of this full name, with its number.
    pub(crate) fn named(&self, name: &str) -> Option<(usize, &View)> {
        self.numbers.get(name).map(|&number| (number, &self.all[number]))
    }

    fn find(&self, name: &str) -> Result<&View, Error> {
        self.named(name).map(|(_, view)| view).ok_or_else(|| self.unknown(name))
    }

    fn unknown(&self, name: &str) -> Error {
        let known: Vec<&str> = self.iter().map(View::name).collect();
        Error::UnknownParameter { name: name.to_owned(), known: known.join(", ") }
    }
}

impl Deref for Views {
    type Target = [View];

    fn deref(&self) -> &[View] {
        &self.all
    }
}

/// Where a parameter of an objective comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The vector that is differentiated, from this entry on.
    Trainable(usize),
    /// The frozen entries, from this one on.
    Frozen(usize),
}

impl Layout {
    pub(crate) fn new(parameters: Vec<View>, buffers: Vec<View>) -> Self {
        let length = parameters.iter().map(|view| view.range().end).max().unwrap_or(0);
        let [parameters, buffers] = [parameters, buffers].map(Views::new);
        Self { parameters, buffers, length, frozen: Arc::new([]) }
    }

    /// Length of the flat vector.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether there are no parameters.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// All parameters, in the order of declaration; tied ones under each of their names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &View> {
        self.parameters.iter()
    }

    /// All buffers, in the order of their flat vector.
    pub fn buffers(&self) -> impl ExactSizeIterator<Item = &View> {
        self.buffers.iter()
    }

    /// Length of the flat vector of buffers.
    pub fn buffers_len(&self) -> usize {
        self.buffers.last().map_or(0, |view| view.range().end)
    }

    /// The parameter of this full name.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownParameter`], listing the names there are.
    pub fn find(&self, name: &str) -> Result<&View, Error> {
        self.parameters.find(name)
    }

    /// The buffer of this full name.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownParameter`], listing the names there are.
    pub fn find_buffer(&self, name: &str) -> Result<&View, Error> {
        self.buffers.find(name)
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

    /// The same layout with the parameters of this module, or the one parameter of this full name, frozen, and all that are
    /// tied to them.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownParameter`] if there is nothing of this name.
    pub fn freeze(&self, name: &str) -> Result<Self, Error> {
        let mut frozen = [&self.frozen, self.named(name)?.as_slice()].concat();
        frozen.sort_by_key(|range| (range.start, range.end));
        frozen.dedup();
        Ok(Self { frozen: frozen.into(), ..self.clone() })
    }

    /// The same layout with the parameters of this module, or the one parameter of this full name, not frozen, and all that are
    /// tied to them. What was not frozen stays so.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownParameter`] if there is nothing of this name.
    pub fn unfreeze(&self, name: &str) -> Result<Self, Error> {
        let chosen = self.named(name)?;
        let frozen = self.frozen.iter().filter(|range| !chosen.contains(range));
        Ok(Self { frozen: frozen.cloned().collect(), ..self.clone() })
    }

    /// Where the parameters of this module, or the one of this full name, lie.
    fn named(&self, name: &str) -> Result<Vec<Range<usize>>, Error> {
        let named = |view: &View| {
            let rest = view.name.strip_prefix(name);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let chosen: Vec<Range<usize>> =
            self.iter().filter(|view| named(view)).map(View::range).collect();
        match chosen.is_empty() {
            true => Err(self.parameters.unknown(name)),
            false => Ok(chosen),
        }
    }

    /// The same layout with nothing frozen.
    pub fn unfrozen(&self) -> Self {
        Self { frozen: Arc::new([]), ..self.clone() }
    }

    /// Number of parameters that are not frozen.
    pub fn trainable_len(&self) -> usize {
        self.length - self.frozen_len()
    }

    pub(crate) fn frozen_len(&self) -> usize {
        self.frozen.iter().map(Range::len).sum()
    }

    /// Whether the parameter lies among the frozen ones.
    pub fn is_frozen(&self, view: &View) -> bool {
        matches!(self.place(view), Place::Frozen(_))
    }

    /// The entries that are not frozen, in their order.
    ///
    /// # Errors
    ///
    /// [`Error::ParameterLength`].
    pub fn trainable<S: Copy>(&self, theta: &[S]) -> Result<Vec<S>, Error> {
        self.check_length(theta)?;
        let mut trainable = Vec::with_capacity(self.trainable_len());
        self.gaps().for_each(|range| trainable.extend_from_slice(&theta[range]));
        Ok(trainable)
    }

    /// The frozen entries, in their order.
    pub(crate) fn frozen<S: Copy>(&self, theta: &[S]) -> Result<Vec<S>, Error> {
        self.check_length(theta)?;
        Ok(self.frozen.iter().flat_map(|range| theta[range.clone()].iter().copied()).collect())
    }

    /// Writes entries that are not frozen to their places in the flat vector.
    ///
    /// # Errors
    ///
    /// [`Error::ParameterLength`].
    pub fn set_trainable<S: Copy>(&self, trainable: &[S], theta: &mut [S]) -> Result<(), Error> {
        self.check_length(theta)?;
        let expected = self.trainable_len();
        if trainable.len() != expected {
            return Err(Error::ParameterLength { got: trainable.len(), expected });
        }
        let mut rest = trainable;
        for range in self.gaps() {
            let (piece, after) = rest.split_at(range.len());
            theta[range].copy_from_slice(piece);
            rest = after;
        }
        Ok(())
    }

    /// The parts of the vector of those that are not frozen: of what an objective is a function of, and an optimizer sees.
    /// Frozen ones are absent; tied ones are one, under each of their names.
    ///
    /// So parameters are named to whom knows a vector alone: a group of an optimizer, a block of a Hessian.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::Error;
    /// use dualtape_layers::{Activation, Dataset, Network, Supervised, mean_squared_error, mlp, table};
    /// use rand::{SeedableRng, rngs::ChaCha8Rng};
    ///
    /// let data = Dataset::new(table(&[[0.0], [1.0], [2.0]])?, table(&[[1.0], [3.0], [5.0]])?)?;
    /// let mut network = Network::new(mlp::<f64>(&[1, 3, 1], Activation::Tanh), &mut ChaCha8Rng::seed_from_u64(1))?;
    /// let before = network.layout().parts();
    /// network.freeze("0")?;
    /// let objective = Supervised::of(&network, mean_squared_error)?.function(&data)?;
    /// let at = objective.linearize(&vec![0.5; objective.dim()])?;
    /// let block = at.hessian_block(network.layout().parts().get("2.weight")?)?;
    /// assert_eq!((block.rows(), block), (3, at.hessian_block(0..3)?));
    /// // a part of another vector is refused
    /// let error = at.hessian_block(before.get("2.weight")?).unwrap_err();
    /// assert!(matches!(error, Error::ForeignPart { dim: 10, got: 4, .. }));
    /// # Ok::<(), dualtape_layers::Error>(())
    /// ```
    pub fn parts(&self) -> Parts {
        let own = |view: &View| view.name.clone();
        let trained = self.trained().map(|(view, _)| (view.name.clone(), view.shape.clone()));
        let (frozen, tied): (Vec<&View>, Vec<&View>) = {
            let others = self
                .parameters
                .iter()
                .enumerate()
                .filter(|&(index, view)| self.is_frozen(view) || view.home != index);
            others.map(|(_, view)| view).partition(|view| self.is_frozen(view))
        };
        let aliases = tied.into_iter().map(|view| (own(view), own(&self.parameters[view.home])));
        Parts::new(trained)
            .with_aliases(aliases)
            .expect("what is tied to a parameter that is trained has that for its home")
            .with_absent(frozen.into_iter().map(own))
    }

    /// The parts of the whole vector, frozen ones included.
    pub fn whole(&self) -> Parts {
        self.unfrozen().parts()
    }

    /// The pieces of the flat vector between the frozen ones.
    fn gaps(&self) -> impl Iterator<Item = Range<usize>> {
        let starts = std::iter::once(0).chain(self.frozen.iter().map(|range| range.end));
        let ends = self.frozen.iter().map(|range| range.start).chain([self.length]);
        starts.zip(ends).map(|(start, end)| start..end)
    }

    /// The parameters that are trained, tied ones once, with their pieces of the vector of those that are not frozen.
    pub(crate) fn trained(&self) -> impl Iterator<Item = (&View, Range<usize>)> {
        let own = self.parameters.iter().enumerate().filter(|(index, view)| view.home == *index);
        own.filter_map(|(_, view)| match self.place(view) {
            Place::Trainable(offset) => Some((view, offset..offset + view.len())),
            Place::Frozen(_) => None,
        })
    }

    pub(crate) fn place(&self, view: &View) -> Place {
        let before: usize =
            self.frozen.iter().take_while(|range| range.start < view.offset).map(Range::len).sum();
        let holds =
            |range: &Range<usize>| range.start <= view.offset && view.range().end <= range.end;
        if !view.is_empty() && self.frozen.iter().any(holds) {
            Place::Frozen(before)
        } else {
            Place::Trainable(view.offset - before)
        }
    }

    /// A flat parameter vector, drawn in the order of declaration: the same seed gives the same vector.
    pub fn sample<S: Real>(&self, rng: &mut dyn Rng) -> Vec<S> {
        sample(&self.parameters, rng)
    }

    /// The flat vector of buffers that a model starts with.
    pub fn initial_buffers<S: Real>(&self) -> Vec<S> {
        // Buffers are constants in the beginning; whoever declares a random one gets seed 0.
        sample(&self.buffers, &mut ChaCha8Rng::seed_from_u64(0))
    }

    pub(crate) fn parameters(&self) -> &Views {
        &self.parameters
    }

    pub(crate) fn buffer_views(&self) -> &Views {
        &self.buffers
    }

    pub(crate) fn check_length<S>(&self, theta: &[S]) -> Result<(), Error> {
        if theta.len() == self.length {
            Ok(())
        } else {
            Err(Error::ParameterLength { got: theta.len(), expected: self.length })
        }
    }
}

/// The initial entries of these views, drawn in their order.
fn sample<S: Real>(views: &[View], rng: &mut dyn Rng) -> Vec<S> {
    let mut entries = vec![S::zero(); views.iter().map(|view| view.range().end).max().unwrap_or(0)];
    for view in views.iter().enumerate().filter(|(i, view)| view.home == *i).map(|(_, view)| view) {
        view.init.fill(&view.shape, &mut entries[view.range()], rng);
    }
    entries
}
