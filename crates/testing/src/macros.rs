//! The checks as assertions: thin over the functions.

/// Asserts, in a plain test, that the derivatives of a closure over scalars are right.
///
/// At one point, `at`, or at generated points, `in`; options are methods of [`Check`](crate::Check).
///
/// # Example
///
/// ```
/// use dualtape_testing::{assert_derivatives, strategies::positive};
///
/// assert_derivatives!(|x| x[0] * x[1].exp(), at &[1.0, 0.5]);
/// assert_derivatives!(|x| x[0].ln() / x[1], in positive(2), order = 3, cases = 32);
/// ```
#[macro_export]
macro_rules! assert_derivatives {
    ($f:expr, at $x:expr $(, $option:ident = $value:expr)* $(,)?) => {
        $crate::check_derivatives($f).cases(8).at_point($x)$(.$option($value))*.assert()
    };
    ($f:expr, in $points:expr $(, $option:ident = $value:expr)* $(,)?) => {
        $crate::check_derivatives($f).at($points)$(.$option($value))*.assert()
    };
}

/// Asserts, inside `proptest!`, that the derivatives of a closure over scalars are right at a generated point, which shrinks.
///
/// A point at which there is no derivative is rejected, as by `prop_assume!`.
///
/// # Example
///
/// ```
/// use dualtape_testing::{prop_assert_derivatives, strategies::reals};
/// use proptest::prelude::*;
///
/// proptest!(ProptestConfig::with_cases(16), |(x in reals(2), data in reals(3))| {
///     prop_assert_derivatives!(
///         |p| data.iter().map(|&t| (p[0] * (p[1] * t).exp() - t).powi(2)).sum(),
///         &x,
///         order = 3,
///     );
/// });
/// ```
#[macro_export]
macro_rules! prop_assert_derivatives {
    ($f:expr, $x:expr $(, $option:ident = $value:expr)* $(,)?) => {
        $crate::check_derivatives($f)
            .cases(2)
            .at_point($x)
            $(.$option($value))*
            .check()
            .map_err(|failure| failure.into_test_case_error())?
    };
}
