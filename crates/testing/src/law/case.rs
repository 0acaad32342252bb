//! One point, with its directions, and what the subject says there.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use dualtape_autodiff::{
    Function,
    inspect::{Irregular, Irregularity},
};

use super::{How, Stop, Violation};
use crate::check::Policy;
use crate::curve::{Curve, Sample};
use crate::directions::Uneven;
use crate::noise::noise;
use crate::subject::{Answer, At, Refusal, Route, Subject};

/// How far a point is moved to see rounding: far more than the spacing of numbers, far less than a function bends.
const SPACING: f64 = 1.0 / 65536.0;

/// A point at which laws are checked.
pub(crate) struct Case<'a> {
    pub subject: &'a dyn Subject,
    pub policy: &'a Policy,
    pub x: Vec<f64>,
    /// Another point of the same domain.
    pub other: Vec<f64>,
    pub w: Vec<f64>,
    /// A natural length of each component.
    pub scales: Vec<f64>,
    /// Three directions in units of these.
    pub directions: [Vec<f64>; 3],
    pub values: Vec<f64>,
    pub seed: u64,
    // What several laws ask for.
    gradient: OnceCell<Vec<f64>>,
    products: [OnceCell<Vec<f64>>; 3],
    thirds: [[OnceCell<Vec<f64>>; 3]; 3],
    curve: OnceCell<Option<Curve>>,
    gradients: Line,
    products_on_line: Line,
    gradient_noise: OnceCell<Vec<f64>>,
    value_noise: OnceCell<f64>,
    product_noise: OnceCell<Vec<f64>>,
    third_noise: OnceCell<Vec<f64>>,
}

/// A derivative at points `x + t·v`, by the bits of `t`; nothing where there is none.
type Line = RefCell<BTreeMap<u64, Option<Rc<[f64]>>>>;

impl<'a> Case<'a> {
    /// The case of a point, unless the function has no finite value there.
    pub(crate) fn new(
        subject: &'a dyn Subject,
        policy: &'a Policy,
        x: &[f64],
        other: &[f64],
        seed: u64,
    ) -> Result<Self, Stop> {
        let values = match subject.values(x) {
            Ok(values) => values,
            Err(refusal) if refusal.wrong_adjoint().is_some() => return Err(refusal.into()),
            Err(refusal) => return Err(Stop::Rejected(format!("no value: {refusal}"))),
        };
        if values.iter().any(|y| !y.is_finite()) {
            return Err(Stop::Rejected("the value is not finite".into()));
        }
        let mut uneven = Uneven::new(seed);
        let w = match values.len() {
            1 => vec![1.0],
            m => uneven.direction(&vec![1.0; m]),
        };
        let scales = scales(x);
        let directions = std::array::from_fn(|_| uneven.direction(&scales));
        let other = if other.len() == x.len() { other.to_vec() } else { x.to_vec() };
        Ok(Self {
            subject,
            policy,
            x: x.to_vec(),
            other,
            w,
            scales,
            directions,
            values,
            seed,
            gradient: OnceCell::new(),
            products: Default::default(),
            thirds: Default::default(),
            curve: OnceCell::new(),
            gradients: Line::default(),
            products_on_line: Line::default(),
            gradient_noise: OnceCell::new(),
            value_noise: OnceCell::new(),
            product_noise: OnceCell::new(),
            third_noise: OnceCell::new(),
        })
    }

    pub(crate) fn at(&self) -> At<'_> {
        At { x: &self.x, w: &self.w }
    }

    /// `x + t·v`
    pub(crate) fn moved(&self, t: f64, v: &[f64]) -> Vec<f64> {
        self.x.iter().zip(v).map(|(x, v)| x + t * v).collect()
    }

    /// `φ(x + t·v)`, where that is finite.
    pub(crate) fn sample(&self, t: f64, v: &[f64]) -> Option<Sample> {
        let values = self.subject.values(&self.moved(t, v)).ok()?;
        if values.len() != self.w.len() {
            return None;
        }
        let terms = values.iter().zip(&self.w).map(|(y, w)| y * w);
        let sample = Sample { value: terms.clone().sum(), magnitude: terms.map(f64::abs).sum() };
        (sample.value.is_finite() && sample.magnitude.is_finite()).then_some(sample)
    }

    /// `Σ|wᵢ yᵢ|`
    pub(crate) fn magnitude(&self) -> f64 {
        self.values.iter().zip(&self.w).map(|(y, w)| (y * w).abs()).sum()
    }

    /// `∇φ(x)`, which may not be finite.
    pub(crate) fn any_gradient(&self) -> Answer<&[f64]> {
        kept(&self.gradient, || self.subject.gradient(self.at()))
    }

    /// `∇²φ(x)·v` with direction number `v`, which may not be finite.
    pub(crate) fn any_product(&self, v: usize) -> Answer<&[f64]> {
        kept(&self.products[v], || self.hvp_at(self.at(), &self.directions[v]))
    }

    /// `∇³φ(x)[u, v]` with directions of these numbers, which may not be finite.
    pub(crate) fn any_third(&self, u: usize, v: usize) -> Answer<&[f64]> {
        let [of_u, of_v] = [u, v].map(|i| &self.directions[i][..]);
        kept(&self.thirds[u][v], || {
            first_offered(|route| self.subject.third_derivative(self.at(), of_u, of_v, route))
        })
    }

    /// `∇φ(x)`; a point where it is not finite is rejected.
    pub(crate) fn gradient(&self) -> Result<&[f64], Stop> {
        finite(self.any_gradient()?, "the gradient")
    }

    /// `∇²φ(x)·v` with direction number `v`.
    pub(crate) fn product(&self, v: usize) -> Result<&[f64], Stop> {
        finite(self.any_product(v)?, "the Hessian-vector product")
    }

    /// `∇³φ(x)[u, v]` with directions of these numbers.
    pub(crate) fn third(&self, u: usize, v: usize) -> Result<&[f64], Stop> {
        finite(self.any_third(u, v)?, "the third derivative")
    }

    /// `∇²φ·v` at a point, by the first route that there is.
    pub(crate) fn hvp_at(&self, at: At<'_>, v: &[f64]) -> Answer<Vec<f64>> {
        first_offered(|route| self.subject.hvp(at, v, route))
    }

    /// The values along the first direction, until what the gradient leaves of them is rounding; nothing if there is none.
    pub(crate) fn curve(&self) -> Option<&Curve> {
        let [v, ..] = &self.directions;
        let slope = || self.any_gradient().map_or(0.0, |gradient| dot(gradient, v));
        let curve = || Curve::sample(|t| self.sample(t, v), slope(), 0.0);
        self.curve.get_or_init(curve).as_ref()
    }

    /// `∇φ` at a distance `t` along the first direction.
    pub(crate) fn gradient_on_line(&self, t: f64) -> Option<Rc<[f64]>> {
        self.on_line(&self.gradients, t, |at, _| self.subject.gradient(at))
    }

    /// `∇²φ·v` at a distance `t` along the first direction `v`.
    pub(crate) fn product_on_line(&self, t: f64) -> Option<Rc<[f64]>> {
        self.on_line(&self.products_on_line, t, |at, v| self.hvp_at(at, v))
    }

    fn on_line(
        &self,
        line: &Line,
        t: f64,
        derivative: impl FnOnce(At<'_>, &[f64]) -> Answer<Vec<f64>>,
    ) -> Option<Rc<[f64]>> {
        let [v, ..] = &self.directions;
        let compute = || {
            let x = self.moved(t, v);
            derivative(At { x: &x, w: &self.w }, v).ok().map(Rc::from)
        };
        line.borrow_mut().entry(t.to_bits()).or_insert_with(compute).clone()
    }

    /// What `φ` rounds by.
    pub(crate) fn value_noise(&self) -> f64 {
        *self.value_noise.get_or_init(|| {
            let along = |spacing| {
                let f = |t| Some(vec![self.sample(t, &self.directions[0])?.value]);
                noise(f, spacing).first().copied().unwrap_or(0.0)
            };
            along(SPACING).max(along(SPACING * SPACING * 16.0))
        })
    }

    /// What `∇φ`, component by component in units of its scale, rounds by.
    pub(crate) fn gradient_noise(&self) -> &[f64] {
        self.gradient_noise.get_or_init(|| {
            let [v, ..] = &self.directions;
            let gradient = |t| {
                let x = self.moved(t, v);
                Some(self.scaled(&self.subject.gradient(At { x: &x, w: &self.w }).ok()?))
            };
            noise(gradient, SPACING)
        })
    }

    /// What `∇²φ·v`, in the units of the gradient, rounds by.
    pub(crate) fn product_noise(&self) -> &[f64] {
        self.product_noise.get_or_init(|| {
            let [u, v, _] = &self.directions;
            let product = |t| {
                let x = self.moved(t, u);
                Some(self.scaled(&self.hvp_at(At { x: &x, w: &self.w }, v).ok()?))
            };
            noise(product, SPACING)
        })
    }

    /// What `∇³φ[u, v]`, in the units of the gradient, rounds by: by the worst of its routes, and no less than what second
    /// derivatives make it.
    pub(crate) fn third_noise(&self) -> &[f64] {
        self.third_noise.get_or_init(|| {
            let [u, v, _] = &self.directions;
            let mut worst: Vec<f64> =
                self.product_noise().iter().map(|second| 4.0 * second).collect();
            worst.resize(self.x.len(), 0.0);
            for route in ROUTES {
                let third = |t| {
                    let x = self.moved(t, u);
                    let at = At { x: &x, w: &self.w };
                    Some(self.scaled(&self.subject.third_derivative(at, u, v, route).ok()?))
                };
                for (worst, seen) in worst.iter_mut().zip(noise(third, SPACING)) {
                    *worst = worst.max(seen);
                }
            }
            worst
        })
    }

    /// Each component times its scale: in units of the value.
    pub(crate) fn scaled(&self, gradient: &[f64]) -> Vec<f64> {
        gradient.iter().zip(&self.scales).map(|(g, s)| g * s).collect()
    }

    /// How much rounding may make of numbers of this size.
    pub(crate) fn tolerance(&self, size: f64) -> f64 {
        let growth = 4.0 + ((self.x.len() + self.values.len()) as f64).sqrt();
        self.policy.tolerance.factor * f64::EPSILON * growth * size + UNDERFLOW
    }

    /// Why a derivative need not be what differences say: there is a kink on the way to the value, at which it is a documented
    /// one.
    pub(crate) fn excuse(&self) -> Option<String> {
        let mut excuse = None;
        let mut look = |f: &Function<'_>| {
            let smoothness = f.smoothness(&self.x).unwrap_or_default();
            let is_kink = |found: &&Irregular| found.irregularity == Irregularity::Kink;
            let kink = smoothness.irregular().iter().find(is_kink);
            excuse = kink.map(|kink| format!("a documented derivative at {kink}"));
        };
        self.subject.with_function(self.at(), &mut look).ok()?;
        excuse
    }

    /// Compares two numbers, if need be with the rounding of one of them: `noise` is not asked for unless they differ.
    pub(crate) fn agree(
        &self,
        [given, expected]: [f64; 2],
        size: f64,
        noise: impl FnOnce() -> f64,
        violation: impl FnOnce(How) -> Violation,
    ) -> Result<(), Stop> {
        let difference = (given - expected).abs();
        let mut tolerance = self.tolerance(size.max(given.abs()).max(expected.abs()));
        if difference <= tolerance || (given.is_nan() && expected.is_nan()) {
            return Ok(());
        }
        tolerance += self.policy.tolerance.noise * noise();
        if difference <= tolerance {
            return Ok(());
        }
        Err(Stop::Violated(Box::new(violation(How::Compared { tolerance }))))
    }
}

/// A number on the way that is smaller than the smallest normal one has lost digits, and a factor on the rest of the way may
/// bring it back among the normal ones: differences of this size prove nothing.
const UNDERFLOW: f64 = f64::MIN_POSITIVE / f64::EPSILON;

const ROUTES: [Route; 3] =
    [Route::ForwardOverReverse, Route::Linearized, Route::ReverseOverReverse];

/// The answer by the first route that the subject has.
fn first_offered<T>(answer: impl Fn(Route) -> Answer<T>) -> Answer<T> {
    let mut answers = ROUTES.into_iter().map(answer);
    let offered = answers.find(|answer| !matches!(answer, Err(Refusal::NotOffered)));
    offered.unwrap_or(Err(Refusal::NotOffered))
}

/// What is in the cell, or is computed now; a refusal is not kept.
fn kept(cell: &OnceCell<Vec<f64>>, compute: impl FnOnce() -> Answer<Vec<f64>>) -> Answer<&[f64]> {
    if let Some(derivative) = cell.get() {
        return Ok(derivative);
    }
    let derivative = compute()?;
    Ok(cell.get_or_init(|| derivative))
}

/// A derivative, if it is finite.
pub(super) fn finite<T: AsRef<[f64]>>(derivative: T, what: &str) -> Result<T, Stop> {
    match derivative.as_ref().iter().all(|x| x.is_finite()) {
        true => Ok(derivative),
        false => Err(Stop::Rejected(format!("{what} is not finite"))),
    }
}

/// The magnitude of each component, but nothing far below that of the largest.
fn scales(x: &[f64]) -> Vec<f64> {
    let largest = x.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
    let least = if largest > 0.0 { largest / 64.0 } else { 1.0 };
    x.iter().map(|x| x.abs().max(least)).collect()
}

pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// `Σ|aᵢ bᵢ|`
pub(super) fn size_of_dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a * b).abs()).sum()
}

pub(super) fn largest(x: &[f64]) -> f64 {
    x.iter().fold(0.0, |m, x| m.max(x.abs()))
}
