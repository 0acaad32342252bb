//! Rules of updating: from a gradient, and what is remembered of those before, to a step.

use std::array::from_fn;
use std::ops::Range;

use dualtape_autodiff::{Real, numbers::vectorized, parts::Parts};

use crate::engine::Setting;
use crate::error::Error;

/// How one step follows from a gradient and from what was kept of the steps before.
///
/// A rule is its settings alone. The lists of numbers that it keeps are declared by [`memory`](Rule::memory) and held by the
/// [`Stepper`](super::Stepper) that runs the rule, which gives all rules alike their learning rate, weight decay, parameter
/// groups, clipping, schedule, and saving.
///
/// # Example
///
/// Descent with the signs of the derivatives, which needs no memory:
///
/// ```
/// use dualtape_optimizers::Error;
/// use dualtape_optimizers::stochastic::{Memory, Rule, Stepper, Update};
///
/// #[derive(Debug, Clone)]
/// struct Signs;
///
/// impl Rule<f64> for Signs {
///     fn memory(&self, _: std::ops::Range<usize>) -> Vec<Memory<f64>> {
///         Vec::new()
///     }
///     fn update(&self, update: Update<'_, f64>) -> Result<(), Error> {
///         let rate = update.learning_rate;
///         update.each(move |gradient, []| rate * gradient.signum());
///         Ok(())
///     }
/// }
///
/// let mut signs = Stepper::with_rule(0.25, Signs);
/// let mut x = [1.0, -3.0];
/// signs.step(&mut x, &[4.0, -0.1])?;
/// assert_eq!(x, [0.75, -2.75]);
/// # Ok::<(), Error>(())
/// ```
pub trait Rule<S: Real> {
    /// Refuses unusable settings. As provided: none are.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`].
    fn check(&self) -> Result<(), Error> {
        Ok(())
    }

    /// The settings on which the meaning of what is kept depends: a saved state with others is refused. A name may come more
    /// than once. As provided: none.
    fn settings(&self) -> Vec<Setting> {
        Vec::new()
    }

    /// Whether the settings mean some parameters by their places in the vector. As provided: none.
    fn means_places(&self) -> bool {
        false
    }

    /// Looks up where the parameters are that the settings mean: before the first step, and again when others are trained.
    /// `parts` are the names, if they have any. As provided: none are meant.
    ///
    /// # Errors
    ///
    /// Parameters that cannot be meant.
    fn locate(&mut self, parts: Option<&Parts>) -> Result<(), Error> {
        let _ = parts;
        Ok(())
    }

    /// What is kept from step to step for the parameters in `range`: all of them, those of a group, or the entries of one
    /// parameter. The names must not depend on it.
    fn memory(&self, range: Range<usize>) -> Vec<Memory<S>>;

    /// Changes the parameters and the memory by one step.
    ///
    /// # Errors
    ///
    /// Whatever keeps the step from being computed.
    fn update(&self, update: Update<'_, S>) -> Result<(), Error>;
}

/// A list of numbers that a rule keeps from step to step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Memory<S> {
    /// Under which it is saved.
    pub name: &'static str,
    /// How many numbers.
    pub len: usize,
    /// What they are before the first step.
    pub initial: S,
}

impl<S: Real> Memory<S> {
    /// Zeros at first.
    pub fn zeros(name: &'static str, len: usize) -> Self {
        Memory { name, len, initial: S::zero() }
    }
}

/// One step, to be taken for some of the parameters.
#[derive(Debug)]
pub struct Update<'a, S> {
    /// Number of the step, from 1: of those in which these parameters were trained.
    pub step: u64,
    /// The learning rate `α`, scheduled.
    pub learning_rate: S,
    /// Which parameters these are.
    pub range: Range<usize>,
    /// The parameters.
    pub x: &'a mut [S],
    /// Their derivatives, or the direction that takes the place of these; without weight decay.
    pub gradient: &'a [S],
    /// An estimate of the diagonal of a curvature matrix, at the steps that have one.
    pub estimate: Option<&'a [S]>,
    /// The lists that the rule asked for, in its order.
    pub memory: &'a mut [Vec<S>],
    pub(super) decay: Decay<S>,
}

/// Weight decay, both ways.
#[derive(Debug, Clone, Copy)]
pub(super) struct Decay<S> {
    /// What is added to the gradient, times `x`.
    pub(super) coupled: S,
    /// What `x` is multiplied by.
    pub(super) kept: S,
}

impl<S: Real> Update<'_, S> {
    /// `1 − βᵗ`: what an average of `t` terms, started from 0, is to be divided by.
    pub fn bias(&self, beta: S) -> S {
        bias(beta, self.step as f64)
    }

    /// Steps entry by entry: `x ← x − rule(g, memory)`, where `g` is the gradient and `memory` has the entries of the first
    /// `N` lists kept; with weight decay of either kind.
    ///
    /// Let the closure own what it uses (`move`): numbers behind references keep the loop from vector instructions.
    ///
    /// # Panics
    ///
    /// If `N > 3`, fewer than `N` lists are kept, or they do not have an entry for each parameter.
    pub fn each<const N: usize>(self, rule: impl Fn(S, &mut [S; N]) -> S) {
        assert!(self.memory.len() >= N, "the rule asked for too few lists to be kept");
        let Update { x, gradient, memory, decay, .. } = self;
        let mut lists = memory.iter_mut();
        let mut memory: [&mut [S]; N] =
            from_fn(|_| lists.next().map_or(&mut [][..], Vec::as_mut_slice));
        assert!(memory.iter().all(|list| list.len() == x.len()), "lists as long as the parameters");
        let step = move |x: &mut S, gradient: S, kept: &mut [S; N]| {
            let step = rule(gradient + decay.coupled * *x, kept);
            *x = decay.kept * *x - step;
        };
        // A loop for each number of lists, over slices known by name: such loops the compiler turns into vector instructions.
        vectorized(move || {
            let entries = x.iter_mut().zip(gradient);
            match &mut memory[..] {
                [] => entries.for_each(|(x, &g)| step(x, g, &mut [S::zero(); N])),
                [a] => {
                    for ((x, &g), a) in entries.zip(a.iter_mut()) {
                        let mut kept = from_fn(|_| *a);
                        step(x, g, &mut kept);
                        *a = kept[0];
                    }
                }
                [a, b] => {
                    for (((x, &g), a), b) in entries.zip(a.iter_mut()).zip(b.iter_mut()) {
                        let mut kept = from_fn(|k| [*a, *b][k]);
                        step(x, g, &mut kept);
                        (*a, *b) = (kept[0], kept[1]);
                    }
                }
                [a, b, c] => {
                    let entries = entries.zip(a.iter_mut()).zip(b.iter_mut()).zip(c.iter_mut());
                    for ((((x, &g), a), b), c) in entries {
                        let mut kept = from_fn(|k| [*a, *b, *c][k]);
                        step(x, g, &mut kept);
                        (*a, *b, *c) = (kept[0], kept[1], kept[2]);
                    }
                }
                _ => panic!("an entry has at most three numbers in memory"),
            }
        });
    }

    /// `x ← x − α d` with a direction `d` for all these parameters together, and the weight decay that is apart from the
    /// gradient.
    pub(super) fn move_along(self, direction: &[S]) {
        let Update { x, learning_rate, decay, .. } = self;
        for (x, &d) in x.iter_mut().zip(direction) {
            *x = decay.kept * *x - learning_rate * d;
        }
    }

    /// The gradient, with the weight decay that is a part of it.
    pub(super) fn decayed_gradient(&self) -> Vec<S> {
        self.gradient.iter().zip(&*self.x).map(|(&g, &x)| g + self.decay.coupled * x).collect()
    }
}

/// `1 − βᵗ`, in double precision: at first a small difference of numbers that are nearly the same.
pub(super) fn bias<S: Real>(beta: S, terms: f64) -> S {
    S::constant(1.0 - beta.as_f64().powf(terms))
}
