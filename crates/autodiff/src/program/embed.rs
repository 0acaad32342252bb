//! The constants of a program over another number.

use crate::array::Array;
use crate::number::{Real, Scalar};

/// Numbers in which the constants of a program over `S` can be expressed.
pub(crate) trait Embed<S>: Scalar {
    fn embed(constant: S) -> Self;

    fn embed_array(constant: &Array<S>) -> Array<Self>;
}

impl<S: Real, T: Scalar<Real = S>> Embed<S> for T {
    #[inline(always)]
    fn embed(constant: S) -> T {
        T::constant(constant.as_f64())
    }

    fn embed_array(constant: &Array<S>) -> Array<T> {
        T::constants(constant)
    }
}

/// How the constants of a program over `S` are expressed over `T`.
pub(crate) trait Embedding<S, T> {
    fn embed(constant: S) -> T;

    fn embed_array(constant: &Array<S>) -> Array<T>;
}

/// Plain constants, in whatever number [`Embed`]s them.
pub(crate) struct Plain;

impl<S, T: Embed<S>> Embedding<S, T> for Plain {
    #[inline(always)]
    fn embed(constant: S) -> T {
        T::embed(constant)
    }

    fn embed_array(constant: &Array<S>) -> Array<T> {
        T::embed_array(constant)
    }
}

/// The constants of a recording in progress, which are over its own number already.
pub(crate) struct Unchanged;

impl<S: Scalar> Embedding<S, S> for Unchanged {
    #[inline(always)]
    fn embed(constant: S) -> S {
        constant
    }

    fn embed_array(constant: &Array<S>) -> Array<S> {
        constant.clone()
    }
}
