//! A recurrent network through time.

use dualtape_autodiff::{Array, Real, Tensor};

use super::Recurrent;
use super::cell::{Cell, State, Weights};
use crate::layers::dropout::Dropout;
use crate::module::{Module, Scope};

/// The states of all layers of a [`Recurrent`] network.
#[derive(Clone, Copy, Debug)]
pub struct RecurrentState<'t, S: Real = f64> {
    /// `h`, `[layers·directions, batch, hidden]` (or `projection` in place of `hidden`): layer 0 forward, layer 0 reverse,
    /// layer 1 forward, ….
    pub hidden: Tensor<'t, S>,
    /// `c`, `[layers·directions, batch, hidden]`, of long short-term memory; none of others.
    pub cell: Option<Tensor<'t, S>>,
}

/// What a [`Recurrent`] network makes of sequences.
#[derive(Clone, Copy, Debug)]
pub struct RecurrentOutput<'t, S: Real = f64> {
    /// The states of the last layer after each step, `[batch, steps, features]`, or `[steps, batch, features]` if time is
    /// first.
    pub sequence: Tensor<'t, S>,
    /// The states of the last layer after the last step of each direction, `[batch, features]`.
    pub last: Tensor<'t, S>,
    /// The states of all layers after the last step of each direction.
    pub state: RecurrentState<'t, S>,
}

/// One direction of one layer, run over all steps.
struct Pass<'t, S: Real> {
    /// `[state, steps, batch]`
    sequence: Tensor<'t, S>,
    end: State<'t, S>,
}

impl Recurrent {
    /// Outputs and final states for a sequence that starts in these states, or in zeros: for models of one's own, such as an
    /// encoder that hands its state to a decoder.
    ///
    /// Shapes are those of [`Recurrent`] and [`RecurrentState`]; others are errors that the tape keeps.
    ///
    /// # Example
    ///
    /// Two halves of a sequence, one after the other:
    ///
    /// ```
    /// use dualtape_autodiff::{Array, Tape};
    /// use dualtape_layers::{Module, Recurrent};
    /// use rand::{SeedableRng, rngs::ChaCha8Rng};
    ///
    /// let model = Recurrent::lstm(1, 3);
    /// let layout = Module::<f64>::layout(&model)?;
    /// let theta: Vec<f64> = model.init(&mut ChaCha8Rng::seed_from_u64(1));
    /// let tape = Tape::new();
    /// let scope = layout.bind(tape.constant(&Array::vector(theta)));
    /// let x = tape.constant(&Array::new(&[1, 4, 1], vec![0.3, -1.2, 0.8, 2.0])?);
    ///
    /// let whole = model.unroll(&scope, x, None);
    /// let first = model.unroll(&scope, x.slice(1, 0..2), None);
    /// let second = model.unroll(&scope, x.slice(1, 2..4), Some(first.state));
    /// assert_eq!(second.last.data(), whole.last.data());
    /// # Ok::<(), dualtape_layers::Error>(())
    /// ```
    #[track_caller]
    pub fn unroll<'t, S: Real>(
        &self,
        scope: &Scope<'t, S>,
        x: Tensor<'t, S>,
        initial: Option<RecurrentState<'t, S>>,
    ) -> RecurrentOutput<'t, S> {
        if let Some(needs) = self.lacks(x.shape()) {
            return self.refused(scope, x, &needs);
        }
        let time = usize::from(!self.time_first);
        let (batch, steps) = (x.shape()[1 - time], x.shape()[time]);
        let initial = match initial {
            Some(given) if !self.fits(given, batch) => {
                let (hidden, cell) = self.state_shapes(batch);
                let needs =
                    format!("initial states of shape {hidden:?}, with a cell state {cell:?}");
                return self.refused(scope, x, &needs);
            }
            Some(given) => given,
            None => self.zeros(scope, batch),
        };
        let counted = self.steps.counted(scope, batch, steps).map(|counted| counted.t());

        let axes = if self.time_first { [2, 0, 1] } else { [2, 1, 0] };
        let mut sequence = x.permute(&axes);
        if let Some(counted) = counted {
            // No product may see what steps that do not count hold.
            sequence = counted.where_cond(sequence, S::zero());
        }
        let mut ends = Vec::new();
        for layer in 0..self.layers {
            if layer > 0 {
                sequence = Dropout::new(self.dropout).forward(scope, sequence);
            }
            let run = |(way, name): (usize, &&str)| {
                let weights = self.weights(scope, &format!("_l{layer}{name}"));
                let start = initial.of(layer * self.directions().len() + way);
                self.pass(&weights, sequence, start, counted, way == 1)
            };
            let passes: Vec<_> = self.directions().iter().enumerate().map(run).collect();
            sequence = join(&passes.iter().map(|pass| pass.sequence).collect::<Vec<_>>());
            ends.extend(passes.iter().map(|pass| pass.end));
        }
        if let Some(counted) = counted {
            sequence = counted.where_cond(sequence, S::zero());
        }
        let top = &ends[ends.len() - self.directions().len()..];
        RecurrentOutput {
            sequence: sequence.permute(&if self.time_first { [1, 2, 0] } else { [2, 1, 0] }),
            last: join(&top.iter().map(|end| end.hidden).collect::<Vec<_>>()).t(),
            state: RecurrentState::of_all(&ends),
        }
    }

    /// One direction over `x`, `[inputs, steps, batch]`; where `counted`, `[steps, batch]`, is 0, the state stays.
    fn pass<'t, S: Real>(
        &self,
        weights: &Weights<'t, S>,
        x: Tensor<'t, S>,
        mut state: State<'t, S>,
        counted: Option<Tensor<'t, S>>,
        reverse: bool,
    ) -> Pass<'t, S> {
        let z = self.cell.prepare(weights, x);
        let (steps, batch) = (z.shape()[0], z.shape()[2]);
        let part = [z.shape()[1], batch];
        let mut states = Vec::with_capacity(steps);
        for i in 0..steps {
            let step = if reverse { steps - 1 - i } else { i };
            let next = self.cell.step(weights, z.view(step * part[0] * batch, &part), state);
            state = match counted.map(|counted| counted.view(step * batch, &[1, batch])) {
                Some(counts) => State {
                    hidden: counts.where_cond(next.hidden, state.hidden),
                    cell: next.cell.zip(state.cell).map(|(new, old)| counts.where_cond(new, old)),
                },
                None => next,
            };
            states.push(state.hidden);
        }
        if reverse {
            states.reverse();
        }
        Pass { sequence: Tensor::stack(&states, 0).swap_axes(0, 1), end: state }
    }

    fn weights<'t, S: Real>(&self, scope: &Scope<'t, S>, ending: &str) -> Weights<'t, S> {
        let parameter = |name: &str| scope.parameter(&format!("{name}{ending}"));
        Weights {
            input: parameter("weight_ih"),
            hidden: parameter("weight_hh"),
            biases: self.bias.then(|| ["bias_ih", "bias_hh"].map(parameter)),
            projection: self.projection.map(|_| parameter("weight_hr")),
        }
    }

    /// The shapes of [`RecurrentState`].
    fn state_shapes(&self, batch: usize) -> ([usize; 3], Option<[usize; 3]>) {
        let runs = self.layers * self.directions().len();
        let cell = (self.cell == Cell::Lstm).then_some([runs, batch, self.hidden]);
        ([runs, batch, self.state()], cell)
    }

    fn fits<S: Real>(&self, state: RecurrentState<'_, S>, batch: usize) -> bool {
        let (hidden, cell) = self.state_shapes(batch);
        state.hidden.shape() == hidden
            && state.cell.map(|array| array.shape()) == cell.as_ref().map(|shape| &shape[..])
    }

    fn zeros<'t, S: Real>(&self, scope: &Scope<'t, S>, batch: usize) -> RecurrentState<'t, S> {
        let zeros = |shape: [usize; 3]| scope.tape().constant(&Array::zeros(&shape));
        let (hidden, cell) = self.state_shapes(batch);
        RecurrentState { hidden: zeros(hidden), cell: cell.map(zeros) }
    }

    /// Has the tape keep an error; what is returned has no meaning.
    #[track_caller]
    fn refused<'t, S: Real>(
        &self,
        scope: &Scope<'t, S>,
        x: Tensor<'t, S>,
        needs: &str,
    ) -> RecurrentOutput<'t, S> {
        scope.tape().refuse("Recurrent", &[x.shape()], needs);
        let state = RecurrentState { hidden: x, cell: None };
        RecurrentOutput { sequence: x, last: x, state }
    }
}

impl<'t, S: Real> RecurrentState<'t, S> {
    /// That of one direction of one layer.
    fn of(self, run: usize) -> State<'t, S> {
        let one = |states: Tensor<'t, S>| states.select(0, run).t();
        State { hidden: one(self.hidden), cell: self.cell.map(one) }
    }

    fn of_all(ends: &[State<'t, S>]) -> Self {
        let all = |states: Vec<Tensor<'t, S>>| Tensor::stack(&states, 0).swap_axes(1, 2);
        let cells: Option<Vec<_>> = ends.iter().map(|end| end.cell).collect();
        Self { hidden: all(ends.iter().map(|end| end.hidden).collect()), cell: cells.map(all) }
    }
}

/// Arrays joined along their first axis.
fn join<'t, S: Real>(arrays: &[Tensor<'t, S>]) -> Tensor<'t, S> {
    if let [one] = arrays { *one } else { Tensor::concat(arrays, 0) }
}
