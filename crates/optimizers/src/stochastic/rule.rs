//! Rules of updating: from a gradient, and what is remembered of those before, to a step.

use std::array::from_fn;
use std::ops::Range;

use dualtape_autodiff::vectorized;

use crate::{Error, Real};

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
///         update.each(|gradient, []| rate * gradient.signum());
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

    /// What is kept from step to step for the parameters in `range`.
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
    /// Number of the step, from 1.
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

/// Entries that are updated together: enough to fill the vector registers of a processor.
const LANES: usize = 16;

impl<S: Real> Update<'_, S> {
    /// `1 − βᵗ`: what an average of `t` terms, started from 0, is to be divided by.
    pub fn bias(&self, beta: S) -> S {
        S::one() - beta.powi(i32::try_from(self.step).unwrap_or(i32::MAX))
    }

    /// Steps entry by entry: `x ← x − rule(g, memory)`, where `g` is the gradient and `memory` has the entries of the first
    /// `N` lists kept; with weight decay of either kind.
    ///
    /// # Panics
    ///
    /// If fewer than `N` lists are kept, or they do not have an entry for each parameter.
    pub fn each<const N: usize>(self, rule: impl Fn(S, &mut [S; N]) -> S) {
        assert!(self.memory.len() >= N, "the rule asked for too few lists to be kept");
        let Update { x, gradient, memory, decay, .. } = self;
        let mut lists = memory.iter_mut();
        let memory: [&mut [S]; N] =
            from_fn(|_| lists.next().map_or(&mut [][..], Vec::as_mut_slice));
        assert!(memory.iter().all(|list| list.len() == x.len()), "lists as long as the parameters");
        vectorized(|| {
            let (x, x_rest) = x.as_chunks_mut::<LANES>();
            let (gradient, gradient_rest) = gradient.as_chunks::<LANES>();
            let mut memory = memory.map(|list| list.as_chunks_mut::<LANES>());
            for (i, (x, gradient)) in x.iter_mut().zip(gradient).enumerate() {
                let mut kept = from_fn(|k| memory[k].0[i]);
                block(x, gradient, &mut kept, decay, &rule);
                for (list, kept) in memory.iter_mut().zip(kept) {
                    list.0[i] = kept;
                }
            }
            // The last few in a block of their own; what is computed beyond them is dropped.
            let rest = x_rest.len();
            let mut x = padded(x_rest);
            let mut kept = from_fn(|k| padded(memory[k].1));
            block(&mut x, &padded(gradient_rest), &mut kept, decay, &rule);
            x_rest.copy_from_slice(&x[..rest]);
            for (list, kept) in memory.iter_mut().zip(kept) {
                list.1.copy_from_slice(&kept[..rest]);
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

/// A block of entries, all read before any is written, which lets the compiler turn it into vector instructions.
#[inline(always)]
fn block<S: Real, const N: usize>(
    x: &mut [S; LANES],
    gradient: &[S; LANES],
    memory: &mut [[S; LANES]; N],
    decay: Decay<S>,
    rule: &impl Fn(S, &mut [S; N]) -> S,
) {
    let mut moved = *x;
    let mut kept = *memory;
    for i in 0..LANES {
        let mut entry = from_fn(|k| kept[k][i]);
        let step = rule(gradient[i] + decay.coupled * moved[i], &mut entry);
        moved[i] = decay.kept * moved[i] - step;
        for (list, entry) in kept.iter_mut().zip(entry) {
            list[i] = entry;
        }
    }
    (*x, *memory) = (moved, kept);
}

#[inline(always)]
fn padded<S: Real>(rest: &[S]) -> [S; LANES] {
    let mut block = [S::zero(); LANES];
    block[..rest.len()].copy_from_slice(rest);
    block
}
