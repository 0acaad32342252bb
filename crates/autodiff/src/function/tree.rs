//! Structured inputs: numbers in tuples, arrays, vectors and maps, and arrays of numbers.

use std::collections::BTreeMap;

use crate::array::Array;
use crate::number::Real;
use crate::tape::{Tape, Tensor, Var};

/// A structure of numbers of type `S`, such as `(f64, [f64; 2])`: what a function may take as its input, and its gradient be.
///
/// Numbers, [`Array`]s, [`Fixed`] values, and tuples, arrays, vectors and ordered maps (named parameters) of such. For a
/// structure of one's own, implement the three functions by those of its fields, in one order.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a structure of `{S}` numbers",
    note = "numbers, `Array`s, `Fixed` values, and tuples (of up to 6), arrays, `Vec`s and `BTreeMap`s of such are; others implement `Tree`"
)]
pub trait Tree<S: Real>: Sized {
    /// The same structure of handles: a number becomes a [`Var`], an [`Array`] a [`Tensor`].
    type Handles<'t>;

    /// Appends all numbers, in order.
    fn flatten(&self, numbers: &mut Vec<S>);

    /// Inputs on `tape` for all numbers, in order.
    fn record<'t>(&self, tape: &'t Tape<S>) -> Self::Handles<'t>;

    /// The same structure with other numbers.
    fn rebuild(&self, numbers: &mut impl Iterator<Item = S>) -> Self;
}

/// A part of a structured input that is not differentiated; its gradient has the part as it is.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::tree::{Fixed, gradient_of};
///
/// let (a_bar, _) = gradient_of(|_, (a, n)| a.powi(n), &(2.0, Fixed(3)))?;
/// assert_eq!(a_bar, 12.0);
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fixed<T>(pub T);

impl<S: Real, T: Clone> Tree<S> for Fixed<T> {
    type Handles<'t> = T;

    fn flatten(&self, _: &mut Vec<S>) {}

    fn record(&self, _: &Tape<S>) -> T {
        self.0.clone()
    }

    fn rebuild(&self, _: &mut impl Iterator<Item = S>) -> Self {
        self.clone()
    }
}

impl<S: Real> Tree<S> for S {
    type Handles<'t> = Var<'t, S>;

    fn flatten(&self, numbers: &mut Vec<S>) {
        numbers.push(*self);
    }

    fn record<'t>(&self, tape: &'t Tape<S>) -> Var<'t, S> {
        tape.input(*self)
    }

    fn rebuild(&self, numbers: &mut impl Iterator<Item = S>) -> S {
        numbers.next().unwrap_or_else(S::nan)
    }
}

impl<S: Real> Tree<S> for Array<S> {
    type Handles<'t> = Tensor<'t, S>;

    fn flatten(&self, numbers: &mut Vec<S>) {
        numbers.extend_from_slice(self.data());
    }

    fn record<'t>(&self, tape: &'t Tape<S>) -> Tensor<'t, S> {
        tape.input_array(self)
    }

    fn rebuild(&self, numbers: &mut impl Iterator<Item = S>) -> Self {
        let data: Vec<S> = numbers.by_ref().take(self.len()).collect();
        Array::from_shared(self.shape(), data.into())
    }
}

impl<S: Real, T: Tree<S>, const N: usize> Tree<S> for [T; N] {
    type Handles<'t> = [T::Handles<'t>; N];

    fn flatten(&self, numbers: &mut Vec<S>) {
        self.iter().for_each(|x| x.flatten(numbers));
    }

    fn record<'t>(&self, tape: &'t Tape<S>) -> Self::Handles<'t> {
        std::array::from_fn(|i| self[i].record(tape))
    }

    fn rebuild(&self, numbers: &mut impl Iterator<Item = S>) -> Self {
        std::array::from_fn(|i| self[i].rebuild(numbers))
    }
}

impl<S: Real, T: Tree<S>> Tree<S> for Vec<T> {
    type Handles<'t> = Vec<T::Handles<'t>>;

    fn flatten(&self, numbers: &mut Vec<S>) {
        self.iter().for_each(|x| x.flatten(numbers));
    }

    fn record<'t>(&self, tape: &'t Tape<S>) -> Self::Handles<'t> {
        self.iter().map(|x| x.record(tape)).collect()
    }

    fn rebuild(&self, numbers: &mut impl Iterator<Item = S>) -> Self {
        self.iter().map(|x| x.rebuild(numbers)).collect()
    }
}

/// Named parameters.
impl<S: Real, K: Ord + Clone, T: Tree<S>> Tree<S> for BTreeMap<K, T> {
    type Handles<'t> = BTreeMap<K, T::Handles<'t>>;

    fn flatten(&self, numbers: &mut Vec<S>) {
        self.values().for_each(|x| x.flatten(numbers));
    }

    fn record<'t>(&self, tape: &'t Tape<S>) -> Self::Handles<'t> {
        self.iter().map(|(name, x)| (name.clone(), x.record(tape))).collect()
    }

    fn rebuild(&self, numbers: &mut impl Iterator<Item = S>) -> Self {
        self.iter().map(|(name, x)| (name.clone(), x.rebuild(numbers))).collect()
    }
}

/// A tuple is a structure if its fields are: `tuple!(A a, B b);` for pairs.
macro_rules! tuple {
    ($($T:ident $x:ident),*) => {
        impl<S: Real, $($T: Tree<S>),*> Tree<S> for ($($T,)*) {
            type Handles<'t> = ($($T::Handles<'t>,)*);

            fn flatten(&self, numbers: &mut Vec<S>) {
                let ($($x,)*) = self;
                $($x.flatten(numbers);)*
            }

            fn record<'t>(&self, tape: &'t Tape<S>) -> Self::Handles<'t> {
                let ($($x,)*) = self;
                ($($x.record(tape),)*)
            }

            fn rebuild(&self, numbers: &mut impl Iterator<Item = S>) -> Self {
                let ($($x,)*) = self;
                ($($x.rebuild(numbers),)*)
            }
        }
    };
}

tuple!(A a);
tuple!(A a, B b);
tuple!(A a, B b, C c);
tuple!(A a, B b, C c, D d);
tuple!(A a, B b, C c, D d, E e);
tuple!(A a, B b, C c, D d, E e, F f);
