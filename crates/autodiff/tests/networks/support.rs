//! The cases of the reference files.

use dualtape_autodiff::{Array, Composite, Error, Function, Likelihood, Real, Record, Tensor};
use serde_json::Value;

use super::models::{loss, outputs};

/// A network at a point, with what is known of it there.
pub struct Case {
    pub name: String,
    pub shapes: Vec<Vec<usize>>,
    pub theta: Vec<f64>,
    /// Inputs first, targets last.
    pub data: Vec<(Vec<usize>, Vec<f64>)>,
    /// The targets are classes, not numbers.
    pub classes: bool,
    pub values: Value,
}

pub fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(values) => values.iter().flat_map(numbers).collect(),
        value => vec![value.as_f64().expect("a number")],
    }
}

fn shape(spec: &Value) -> Vec<usize> {
    numbers(&spec["shape"]).iter().map(|&n| n as usize).collect()
}

/// The elements of a tensor given by its values, or by its shape and a formula `a*sin(b*k+c)` or `a*sin(b*k+c)+d`.
fn elements(spec: &Value) -> Vec<f64> {
    let Some(formula) = spec["formula"].as_str() else { return numbers(&spec["values"]) };
    let parts = formula.split(['*', '(', '+', ')']);
    let constants: Vec<f64> = parts.filter_map(|part| part.parse().ok()).collect();
    let (a, b, c, d) = match constants[..] {
        [a, b, c] => (a, b, c, 0.0),
        [a, b, c, d] => (a, b, c, d),
        _ => panic!("not a*sin(b*k+c)+d: {formula}"),
    };
    let size: usize = shape(spec).iter().product();
    (0..size).map(|k| a * (b * k as f64 + c).sin() + d).collect()
}

impl Case {
    fn new(values: Value) -> Self {
        let parameters = values["params"].as_array().expect("parameters");
        let order = ["x", "keys", "labels", "y"].map(|name| &values["data"][name]);
        let data = order.iter().filter(|spec| spec.is_object());
        Self {
            name: values["name"].as_str().expect("a name").to_owned(),
            shapes: parameters.iter().map(shape).collect(),
            theta: parameters.iter().flat_map(elements).collect(),
            data: data.map(|spec| (shape(spec), elements(spec))).collect(),
            classes: values["data"]["labels"].is_object(),
            values,
        }
    }

    pub fn theta<S: Real>(&self) -> Vec<S> {
        cast(&self.theta)
    }

    pub fn data<S: Real>(&self) -> Vec<Array<S>> {
        let array = |(shape, data): &(Vec<usize>, Vec<f64>)| Array::new(shape, cast(data));
        self.data.iter().map(|data| array(data).expect("its own size")).collect()
    }

    /// The parameters within the flat vector.
    pub fn parameters<'t, S: Real>(&self, theta: Tensor<'t, S>) -> Vec<Tensor<'t, S>> {
        let mut offset = 0;
        let mut next = |shape: &Vec<usize>| {
            let part = theta.view(offset, shape);
            offset += part.len();
            part
        };
        self.shapes.iter().map(&mut next).collect()
    }

    pub fn outputs<'t, S: Real>(
        &self,
        theta: Tensor<'t, S>,
        data: &[Tensor<'t, S>],
    ) -> Tensor<'t, S> {
        outputs(&self.name, &self.parameters(theta), data)
    }

    pub fn loss<'t, S: Real>(
        &self,
        theta: Tensor<'t, S>,
        data: &[Tensor<'t, S>],
    ) -> dualtape_autodiff::Var<'t, S> {
        loss(self.classes, self.outputs(theta, data), data)
    }

    /// The loss, recorded at a point.
    pub fn record<S: Real>(&self, theta: &[S]) -> Result<Function<'_, S>, Error> {
        let data = self.data();
        let data: Vec<&Array<S>> = data.iter().collect();
        Record::at(theta).data(&data).function(|theta, data| self.loss(theta, data))
    }

    /// The loss in two parts, recorded at the point.
    pub fn compose(&self) -> Result<Composite<'_>, Error> {
        let data = self.data();
        let data: Vec<&Array<f64>> = data.iter().collect();
        let likelihood = if self.classes {
            Likelihood::Categorical
        } else {
            Likelihood::Gaussian { variance: 0.5 }
        };
        Record::at(&self.theta).data(&data).likelihood(likelihood).composite(
            |theta, data| self.outputs(theta, data),
            |z, data| loss(self.classes, z, data),
        )
    }
}

/// All cases of all files.
pub fn cases() -> Vec<Case> {
    let files = [
        include_str!("../data/nn_rnn.json"),
        include_str!("../data/nn_attention.json"),
        include_str!("../data/nn_norm_act.json"),
        include_str!("../data/nn_more.json"),
    ];
    let read = |file: &str| serde_json::from_str::<Value>(file).expect("a file of cases");
    let cases = files.iter().flat_map(|file| match read(file)["cases"].take() {
        Value::Array(cases) => cases,
        _ => panic!("no cases"),
    });
    cases.map(Case::new).collect()
}

/// The case of this name.
pub fn case(name: &str) -> Case {
    cases().into_iter().find(|case| case.name == name).expect("a case")
}

pub fn cast<S: Real>(values: &[f64]) -> Vec<S> {
    values.iter().map(|&x| S::constant(x)).collect()
}

/// The direction of the references, `vᵢ = (−1)ⁱ/(i + 1)`.
pub fn direction(n: usize) -> Vec<f64> {
    (0..n).map(|i| if i % 2 == 0 { 1.0 } else { -1.0 } / (i + 1) as f64).collect()
}

/// Smooth numbers that no symmetry of a network maps onto each other.
pub fn wave(n: usize, frequency: f64) -> Vec<f64> {
    (0..n).map(|k| (frequency * k as f64 + 0.3).sin()).collect()
}

pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Asserts that the largest difference is at most `tolerance` times the largest expected number.
#[track_caller]
pub fn assert_close<S: Real>(what: &str, got: &[S], expected: &[f64], tolerance: f64) {
    assert_eq!(got.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(f64::MIN_POSITIVE, |m, x| m.max(x.abs()));
    for (i, (got, expected)) in got.iter().zip(expected).enumerate() {
        let error = (got.as_f64() - expected).abs() / scale;
        assert!(error <= tolerance, "{what}[{i}]: {got} is not {expected}, error {error:e}");
    }
}
