//! What a recorded objective is given beside its parameters: which array is which of its data.

use dualtape_autodiff::{Array, Real, Tensor};

use crate::module::{Demand, Given, Layout, Mode, Scope, Source};

/// How a model is run, and what it asks for.
#[derive(Clone, Debug)]
pub(super) struct Slots {
    pub layout: Layout,
    pub mode: Mode,
    /// The names of the side arrays.
    pub side: Vec<String>,
    /// The random numbers, if it is known by now which the model asks for.
    pub demands: Vec<Demand>,
}

/// The data of one evaluation, by what they are; `A` is an array, or a tensor made of it.
#[derive(Clone, Debug)]
pub(super) struct Arrays<A> {
    pub inputs: A,
    pub targets: A,
    pub side: Vec<A>,
    /// The frozen parameters.
    pub frozen: A,
    pub buffers: A,
    /// Random numbers.
    pub noise: Vec<A>,
}

impl<A> Arrays<A> {
    /// In the order of a recorded function's data.
    pub(super) fn laid_out(self) -> Vec<A> {
        let Self { inputs, targets, side, frozen, buffers, noise } = self;
        let examples = [inputs, targets].into_iter().chain(side);
        examples.chain([frozen, buffers]).chain(noise).collect()
    }

    /// As they were laid out, with so many side arrays.
    fn read(data: impl IntoIterator<Item = A>, side: usize) -> Self {
        let mut data = data.into_iter();
        let mut next = || data.next().expect("as many arrays as were laid out");
        let [inputs, targets] = [next(), next()];
        let side = (0..side).map(|_| next()).collect();
        let [frozen, buffers] = [next(), next()];
        Self { inputs, targets, side, frozen, buffers, noise: data.collect() }
    }

    pub(super) fn map<B>(self, mut f: impl FnMut(A) -> B) -> Arrays<B> {
        let side = self.side.len();
        Arrays::read(self.laid_out().into_iter().map(&mut f).collect::<Vec<_>>(), side)
    }
}

impl Slots {
    /// The data of a recorded function, by what they are.
    pub(super) fn read<'t, S: Real>(&self, data: &[Tensor<'t, S>]) -> Arrays<Tensor<'t, S>> {
        Arrays::read(data.iter().copied(), self.side.len())
    }

    /// What a module finds its parameters in, with the random numbers that are among the data.
    pub(super) fn scope<'t, S: Real>(
        &self,
        theta: Tensor<'t, S>,
        arrays: &Arrays<Tensor<'t, S>>,
    ) -> Scope<'t, S> {
        self.scope_with(theta, arrays, Source::Drawn(arrays.noise.clone().into_iter()))
    }

    /// The same, with random numbers from elsewhere.
    pub(super) fn scope_with<'t, S: Real>(
        &self,
        theta: Tensor<'t, S>,
        arrays: &Arrays<Tensor<'t, S>>,
        noise: Source<'t, S>,
    ) -> Scope<'t, S> {
        let given = Given {
            trainable: theta,
            frozen: Some(arrays.frozen),
            buffers: Some(arrays.buffers),
            side: self.side.iter().cloned().zip(arrays.side.iter().copied()).collect(),
        };
        Scope::new(&self.layout, given, self.mode, noise)
    }
}

impl<S: Real> Arrays<Array<S>> {
    /// The lengths of all axes: what a recording holds for.
    pub(super) fn shapes(&self) -> Vec<Vec<usize>> {
        self.clone().laid_out().iter().map(|array| array.shape().to_vec()).collect()
    }
}
