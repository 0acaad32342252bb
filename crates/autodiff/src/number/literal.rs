//! Operands that are not yet numbers of the type they stand beside.

/// What may stand beside a number of type `T` in its methods, as in `x.max(0.0)`: another such number or a reference to one,
/// a plain number, a literal ([`c`](crate::c)).
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{IntoScalar, Var, gradient};
///
/// /// `(max(x, low))²`
/// fn above<'t>(x: Var<'t>, low: impl IntoScalar<Var<'t>>) -> Var<'t> {
///     x.max(low).powi(2)
/// }
/// let g = gradient(|x| above(x[0], 1.0) + above(x[0], x[1]), &[3.0, 5.0])?;
/// assert_eq!(g, [6.0, 10.0]);
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot stand beside `{T}`",
    label = "neither such a number, nor a plain one of its precision, nor a literal",
    note = "an integer is written with a point, `2.0`; in code generic over the number, literals are `c(2.0)`"
)]
pub trait IntoScalar<T> {
    /// The operand, as a number of type `T`.
    fn into_scalar(self) -> T;
}
