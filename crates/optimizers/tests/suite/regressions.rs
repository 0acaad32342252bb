//! The nonlinear regressions of the NIST Statistical Reference Datasets, with nothing derived by hand.

use std::f64::consts::PI;

use dualtape_autodiff::Var;
use serde_json::Value;

/// A data set with its model.
#[derive(Debug, Clone)]
pub struct Regression {
    pub name: String,
    /// Starts and certified values.
    pub data: Value,
    /// Of one or two entries each.
    rows: Vec<Vec<f64>>,
    y: Vec<f64>,
}

/// The names of the starts.
pub const STARTS: [&str; 2] = ["start1", "start2"];

pub fn numbers(value: &Value) -> Vec<f64> {
    let numbers = value.as_array().into_iter().flatten();
    numbers.map(|number| number.as_f64().expect("a number")).collect()
}

impl Regression {
    /// Those for which there are refined values.
    pub fn refined() -> Vec<Self> {
        Self::of(include_str!("../data/nist_strd.json"))
    }

    pub fn all() -> Vec<Self> {
        let mut all = Self::refined();
        all.extend(Self::of(include_str!("../data/nist_strd_more.json")));
        assert_eq!(all.len(), 21);
        all
    }

    fn of(text: &str) -> Vec<Self> {
        let file: Value = serde_json::from_str(text).expect("a file of data sets");
        file["datasets"].as_array().expect("a list").iter().map(Self::new).collect()
    }

    fn new(data: &Value) -> Self {
        let name = data["name"].as_str().expect("a name").to_string();
        let mut y = numbers(&data["y"]);
        if name == "Nelson" {
            y.iter_mut().for_each(|y| *y = y.ln());
        }
        let columns: Vec<Vec<f64>> = ["x", "x1", "x2"]
            .iter()
            .filter(|key| data[**key].is_array())
            .map(|key| numbers(&data[*key]))
            .collect();
        let rows = (0..y.len()).map(|i| columns.iter().map(|c| c[i]).collect()).collect();
        Regression { name, data: data.clone(), rows, y }
    }

    pub fn start(&self, which: &str) -> Vec<f64> {
        numbers(&self.data[which])
    }

    /// `y − model(x)` of each row.
    pub fn residuals<'t>(&self, b: &[Var<'t>]) -> Vec<Var<'t>> {
        self.rows.iter().zip(&self.y).map(|(x, &y)| y - model(&self.name, b, x)).collect()
    }
}

/// The models in the notation of NIST.
fn model<'t>(name: &str, b: &[Var<'t>], x: &[f64]) -> Var<'t> {
    let (t, b) = (x[0], |i: usize| b[i - 1]);
    match name {
        "Misra1a" => b(1) * (1.0 - (-b(2) * t).exp()),
        "Misra1b" => b(1) * (1.0 - (1.0 + b(2) * t / 2.0).powi(-2)),
        "Misra1c" => b(1) * (1.0 - 1.0 / (1.0 + 2.0 * b(2) * t).sqrt()),
        "Chwirut1" | "Chwirut2" => (-b(1) * t).exp() / (b(2) + b(3) * t),
        "DanWood" => b(1) * (b(2) * t.ln()).exp(),
        "Lanczos1" | "Lanczos2" | "Lanczos3" => {
            b(1) * (-b(2) * t).exp() + b(3) * (-b(4) * t).exp() + b(5) * (-b(6) * t).exp()
        }
        "Gauss1" | "Gauss2" => {
            let peak = |height: Var<'t>, at: Var<'t>, width: Var<'t>| {
                height * (-((t - at) / width).powi(2)).exp()
            };
            b(1) * (-b(2) * t).exp() + peak(b(3), b(4), b(5)) + peak(b(6), b(7), b(8))
        }
        "Kirby2" => (b(1) + b(2) * t + b(3) * t * t) / (1.0 + b(4) * t + b(5) * t * t),
        "MGH09" => b(1) * (t * t + t * b(2)) / (t * t + t * b(3) + b(4)),
        "Rat42" => b(1) / (1.0 + (b(2) - b(3) * t).exp()),
        "ENSO" => {
            let wave = |c: Var<'t>, s: Var<'t>, period: Var<'t>| {
                let angle = 2.0 * PI * t / period;
                c * angle.cos() + s * angle.sin()
            };
            let year = 2.0 * PI * t / 12.0;
            b(1) + b(2) * year.cos()
                + b(3) * year.sin()
                + wave(b(5), b(6), b(4))
                + wave(b(8), b(9), b(7))
        }
        "Nelson" => b(1) - b(2) * t * (-b(3) * x[1]).exp(),
        "Roszman1" => b(1) - b(2) * t - (b(3) / (t - b(4))).atan() / PI,
        "Thurber" => {
            (b(1) + b(2) * t + b(3) * t.powi(2) + b(4) * t.powi(3))
                / (1.0 + b(5) * t + b(6) * t.powi(2) + b(7) * t.powi(3))
        }
        "MGH10" => b(1) * (b(2) / (t + b(3))).exp(),
        "Eckerle4" => (b(1) / b(2)) * (-0.5 * ((t - b(3)) / b(2)).powi(2)).exp(),
        "BoxBOD" => b(1) * (1.0 - (-b(2) * t).exp()),
        other => panic!("no model {other}"),
    }
}
