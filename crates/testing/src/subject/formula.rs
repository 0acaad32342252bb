//! Functions written generic over the number.

use dualtape_autodiff::{Dual, Scalar, Var, generic};

use super::record::{Record, weighted};
use super::recorded::Recorded;
use super::{Answer, At, Subject};

/// A scalar function written once for every number: it can be checked without a tape, and in single precision too.
///
/// [`generic!`](crate::generic) makes one of a generic function.
pub trait Formula: Send + Sync {
    /// The value.
    fn eval<S: Scalar>(&self, x: &[S]) -> S;
}

/// A [`Formula`] as a subject: the only one for which all laws can be checked.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::Scalar;
/// use dualtape_testing::{Formula, check, formula};
///
/// /// `Σ (xᵢ − aᵢ)⁴`
/// struct Quartic(Vec<f64>);
///
/// impl Formula for Quartic {
///     fn eval<S: Scalar>(&self, x: &[S]) -> S {
///         x.iter().zip(&self.0).map(|(&x, &a)| (x - S::constant(a)).powi(4)).sum()
///     }
/// }
///
/// let summary = check(formula(Quartic(vec![0.3, -1.2]))).inputs(2).order(3).assert();
/// assert!(summary.skipped().is_empty());
/// ```
pub fn formula<'f>(f: impl Formula + 'f) -> impl Subject {
    Recorded::new(Generic(f))
}

struct Generic<F>(F);

impl<F: Formula> Record for Generic<F> {
    fn inputs(&self) -> Option<usize> {
        None
    }

    fn record<'t>(&self, x: &[Var<'t>]) -> Vec<Var<'t>> {
        vec![self.0.eval(x)]
    }

    fn values(&self, x: &[f64]) -> Answer<Vec<f64>> {
        Ok(vec![self.0.eval(x)])
    }

    /// On duals three deep, without a tape.
    fn derivatives_along(&self, at: At<'_>, v: &[f64], order: usize) -> Option<Vec<f64>> {
        let x: Vec<_> =
            at.x.iter().zip(v).map(|(&x, &v)| moving(moving(moving(x, v), v), v)).collect();
        let y = self.0.eval(&x);
        let all = [y.re.re.re, y.eps[0].re.re, y.eps[0].eps[0].re, y.eps[0].eps[0].eps[0]];
        let all = all.get(..=order)?;
        Some(all.iter().map(|y| y * at.w[0]).collect())
    }

    fn single(&self, x: &[f32], w: &[f64]) -> Answer<(Vec<f32>, Vec<f32>)> {
        let (_, gradient) = generic::value_and_gradient(|x| weighted(&[self.0.eval(x)], w), x)?;
        Ok((vec![self.0.eval(x)], gradient))
    }
}

/// `re + v ε`
fn moving<S: Scalar>(re: S, v: f64) -> Dual<S, 1> {
    Dual { re, eps: [S::constant(v)] }
}

/// The [`Formula`](crate::Formula) of a generic function `fn f<S: Scalar>(x: &[S]) -> S`, as a subject.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Scalar, c};
/// use dualtape_testing::{check, generic};
///
/// fn rosenbrock<S: Scalar>(x: &[S]) -> S {
///     (c(1.0) - x[0]).powi(2) + c(100.0) * (x[1] - x[0] * x[0]).powi(2)
/// }
///
/// check(generic!(rosenbrock)).inputs(2).order(3).assert();
/// ```
#[macro_export]
macro_rules! generic {
    ($f:path) => {{
        struct Named;
        impl $crate::Formula for Named {
            fn eval<S: $crate::autodiff::Scalar>(&self, x: &[S]) -> S {
                $f(x)
            }
        }
        $crate::formula(Named)
    }};
}
