//! What is compiled with the crate that states it, and not again in each crate that uses it.

use std::any::Any;

/// A function generic over the [`Real`](crate::Real) number `S`, compiled in the crate in which this stands, for both precisions.
///
/// A generic function is compiled anew in each crate that calls it, with all that it calls. So where others enter a long way
/// of generic code, they do it through a pointer to a function that is there already.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Real, compiled_here};
///
/// pub fn mean<S: Real>(x: &[S]) -> S {
///     compiled_here!(mean_here, fn(&[S]) -> S)(x)
/// }
///
/// fn mean_here<S: Real>(x: &[S]) -> S {
///     x.iter().copied().sum::<S>() / S::constant(x.len() as f64)
/// }
/// assert_eq!((mean(&[1.0_f32, 2.0]), mean(&[1.0_f64, 4.0])), (1.5, 2.5));
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! compiled_here {
    ($function:expr, $Type:ty) => {{
        type Function<S> = $Type;
        static SINGLE: Function<f32> = $function;
        static DOUBLE: Function<f64> = $function;
        *$crate::by_precision::<Function<S>>(&SINGLE, &DOUBLE)
    }};
}

pub(crate) use compiled_here;

/// Of two values, one for each precision, the one of type `T`.
///
/// # Panics
///
/// If neither is a `T`.
#[inline]
pub fn by_precision<T: Any>(single: &'static dyn Any, double: &'static dyn Any) -> &'static T {
    let table = double.downcast_ref().or_else(|| single.downcast_ref());
    table.expect("one of the two is of the type that is asked for")
}
