//! Every law can fail: a subject that obeys them all, with one answer spoilt at a time.

use dualtape_autodiff::{Scalar, c};
use dualtape_testing::{Answer, At, Failure, Law, Replayed, Route, Subject, check, generic};

/// `x² sin y + e^(xy)`
fn smooth<S: Scalar>(x: &[S]) -> S {
    x[0] * x[0] * x[1].sin() + (x[0] * x[1] * c(0.5)).exp()
}

/// What is spoilt.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Spoilt {
    Nothing,
    Length,
    Slope,
    Jvp,
    Vjp,
    Gradient,
    /// One component of every product is 0.
    Silent,
    /// Adds a constant to every product.
    Affine,
    /// Adds an antisymmetric matrix.
    Antisymmetric,
    Linearized,
    ReverseOverReverse,
    Along,
    Hessian,
    Asymmetric,
    ThirdRoute,
    Third,
    Replay,
    /// What is recorded has another value.
    Recorded,
    Lane,
    Single,
    /// The gradient where a component of the point is 0.
    Special,
}

struct Spoiling<T>(T, Spoilt);

impl<T> Spoiling<T> {
    fn is(&self, spoilt: Spoilt) -> bool {
        self.1 == spoilt
    }
}

fn scaled(x: Vec<f64>, factor: f64) -> Vec<f64> {
    x.into_iter().map(|x| x * factor).collect()
}

impl<T: Subject> Subject for Spoiling<T> {
    fn values(&self, x: &[f64]) -> Answer<Vec<f64>> {
        self.0.values(x)
    }

    fn gradient(&self, at: At<'_>) -> Answer<Vec<f64>> {
        let mut gradient = self.0.gradient(at)?;
        if self.is(Spoilt::Length) {
            gradient.pop();
        }
        if self.is(Spoilt::Special) && at.x.contains(&0.0) {
            gradient[1] += 0.1;
        }
        Ok(if self.is(Spoilt::Gradient) { scaled(gradient, 1.0 + 1e-6) } else { gradient })
    }

    fn slope(&self, at: At<'_>, v: &[f64]) -> Answer<f64> {
        let wrong = self.is(Spoilt::Slope) || self.is(Spoilt::Gradient);
        Ok(self.0.slope(at, v)? * if wrong { 1.0 + 1e-6 } else { 1.0 })
    }

    fn jvp(&self, x: &[f64], v: &[f64]) -> Answer<Vec<f64>> {
        let wrong = self.is(Spoilt::Jvp) || self.is(Spoilt::Gradient);
        Ok(scaled(self.0.jvp(x, v)?, if wrong { 1.0 + 1e-6 } else { 1.0 }))
    }

    fn vjp(&self, at: At<'_>) -> Answer<Vec<f64>> {
        let wrong = self.is(Spoilt::Vjp) || self.is(Spoilt::Gradient);
        Ok(scaled(self.0.vjp(at)?, if wrong { 1.0 + 1e-6 } else { 1.0 }))
    }

    fn hvp(&self, at: At<'_>, v: &[f64], route: Route) -> Answer<Vec<f64>> {
        let mut product = self.0.hvp(at, v, route)?;
        match self.1 {
            Spoilt::Silent => product[0] = 0.0,
            Spoilt::Affine => product[0] += 1e-6,
            Spoilt::Antisymmetric => {
                product[0] += 1e-6 * v[1];
                product[1] -= 1e-6 * v[0];
            }
            Spoilt::Linearized if route == Route::Linearized => product[1] *= 1.0 + 1e-9,
            Spoilt::ReverseOverReverse if route == Route::ReverseOverReverse => {
                product[0] *= 1.0 + 1e-9
            }
            Spoilt::Hessian => product[0] += 1e-3 * v[0],
            _ => {}
        }
        Ok(product)
    }

    fn third_derivative(&self, at: At<'_>, u: &[f64], v: &[f64], route: Route) -> Answer<Vec<f64>> {
        let mut third = self.0.third_derivative(at, u, v, route)?;
        match self.1 {
            Spoilt::Asymmetric => third[0] += 0.1 * u[0] * v[1],
            Spoilt::ThirdRoute if route == Route::Linearized => third[0] *= 1.0 + 1e-9,
            Spoilt::Third => third[0] += 0.1 * u[0] * v[0],
            _ => {}
        }
        Ok(third)
    }

    fn derivatives_along(&self, at: At<'_>, v: &[f64], order: usize) -> Answer<Vec<f64>> {
        let mut derivatives = self.0.derivatives_along(at, v, order)?;
        match self.1 {
            Spoilt::Along => derivatives[2] *= 1.0 + 1e-9,
            Spoilt::Hessian => derivatives[2] += 1e-3 * v[0] * v[0],
            Spoilt::Third if order == 3 => derivatives[3] += 0.1 * v[0] * v[0] * v[0],
            _ => {}
        }
        Ok(derivatives)
    }

    fn replayed(
        &self,
        recorded_at: &[f64],
        at: At<'_>,
        v: &[f64],
        order: usize,
    ) -> Answer<Replayed> {
        let mut replayed = self.0.replayed(recorded_at, at, v, order)?;
        if self.is(Spoilt::Replay) && recorded_at != at.x {
            replayed.gradient[1] = replayed.gradient[1].next_up();
        }
        if self.is(Spoilt::Recorded) {
            replayed.value *= 1.0 + 1e-9;
        }
        Ok(replayed)
    }

    fn lanes(&self, at: At<'_>, vs: &[Vec<f64>]) -> Answer<[Vec<Vec<f64>>; 2]> {
        let mut lanes = self.0.lanes(at, vs)?;
        if self.is(Spoilt::Lane) {
            lanes[0][3][1] = lanes[0][3][1].next_up();
        }
        Ok(lanes)
    }

    fn single(&self, x: &[f32], w: &[f64]) -> Answer<(Vec<f32>, Vec<f32>)> {
        let (values, mut gradient) = self.0.single(x, w)?;
        if self.is(Spoilt::Single) {
            gradient[0] *= 1.01;
        }
        Ok((values, gradient))
    }
}

fn failure(spoilt: Spoilt) -> Option<Failure> {
    check(Spoiling(generic!(smooth), spoilt)).inputs(2).order(3).check().err()
}

#[test]
fn every_law_finds_what_breaks_it() {
    assert!(failure(Spoilt::Nothing).is_none());
    for (spoilt, law) in [
        (Spoilt::Length, Law::Lengths),
        (Spoilt::Silent, Law::NoSilentZero),
        (Spoilt::Slope, Law::ForwardIsReverse),
        (Spoilt::Jvp, Law::Adjoint),
        (Spoilt::Vjp, Law::Adjoint),
        (Spoilt::Gradient, Law::FirstOrder),
        (Spoilt::Affine, Law::Linearity),
        (Spoilt::Antisymmetric, Law::Symmetry),
        (Spoilt::Linearized, Law::SecondOrderModes),
        (Spoilt::ReverseOverReverse, Law::SecondOrderModes),
        (Spoilt::Along, Law::SecondOrderModes),
        (Spoilt::Hessian, Law::SecondOrder),
        (Spoilt::Asymmetric, Law::ThirdOrderSymmetry),
        (Spoilt::ThirdRoute, Law::ThirdOrderModes),
        (Spoilt::Third, Law::ThirdOrder),
        (Spoilt::Replay, Law::Replay),
        (Spoilt::Recorded, Law::Replay),
        (Spoilt::Lane, Law::Lanes),
        (Spoilt::Single, Law::SinglePrecision),
        (Spoilt::Special, Law::Limit),
    ] {
        match failure(spoilt) {
            Some(failure) => assert_eq!(failure.law(), Some(law), "{spoilt:?}: {failure}"),
            None => panic!("{spoilt:?} was not found"),
        }
    }
    for spoilt in [Spoilt::Hessian, Spoilt::Third] {
        let component = failure(spoilt).and_then(|failure| failure.component());
        assert_eq!(component, Some(0), "{spoilt:?}");
    }
}
