//! A loss with a derivative written by hand, a mistake in it, the report that finds it, and the mending.
//!
//! ```sh
//! cargo run --example verify_loss
//! ```
//!
//! The focal loss (Lin et al., 2017) of a logit z and a label s = ±1 is `−(1−p)^γ ln p` with `p = σ(s z)`: it weights down what is
//! classified well already. Its slope, `s (1−p)^γ (γ p ln p + p − 1)`, is soon written with a wrong sign in it.

use dualtape::autodiff::{
    Array, Real, Tensor,
    custom::{Adjoint, Fault, Operation, View},
};
use dualtape_testing::{Cause, Failure, Law, check, operation};

/// The mean focal loss of logits.
#[derive(Clone)]
struct FocalLoss {
    labels: Vec<f64>,
    gamma: f64,
    /// What the last term of the slope is multiplied with: 1 if it is right.
    sign: f64,
}

impl FocalLoss {
    fn labels<R: Real>(&self) -> Vec<R> {
        self.labels.iter().map(|&s| R::constant(s)).collect()
    }
}

impl<R: Real> Operation<R> for FocalLoss {
    fn name(&self) -> &'static str {
        "focal loss"
    }

    fn shape(&self, x: &[&[usize]]) -> Result<Vec<usize>, String> {
        match x {
            [[n]] if *n == self.labels.len() => Ok(vec![]),
            _ => Err(format!("{} logits, one for each label", self.labels.len())),
        }
    }

    fn forward(&self, x: &[View<'_, R>], y: &mut [R]) -> Result<(), Fault> {
        let gamma = R::constant(self.gamma);
        let losses = x[0].data.iter().zip(self.labels::<R>()).map(|(&z, s)| {
            let p = (z * s).sigmoid();
            -(R::one() - p).powf(gamma) * p.ln()
        });
        y[0] = losses.sum::<R>() / R::constant(self.labels.len() as f64);
        Ok(())
    }
}

impl<R: Real> Adjoint<R> for FocalLoss {
    fn adjoint<'t>(
        &self,
        x: &[Tensor<'t, R>],
        _: Tensor<'t, R>,
        y_bar: Tensor<'t, R>,
    ) -> Vec<Option<Tensor<'t, R>>> {
        let labels = x[0].constant(&Array::vector(self.labels()));
        let (gamma, n) = (R::constant(self.gamma), R::constant(self.labels.len() as f64));
        let p = (x[0] * labels).sigmoid();
        let rest = p - R::one();
        let bracket = p * p.ln() * gamma + rest * R::constant(self.sign);
        vec![Some(labels * (-rest).powf(self.gamma) * bracket * y_bar / n)]
    }
}

fn main() -> Result<(), Failure> {
    let labels = vec![1.0, -1.0, -1.0, 1.0];
    let slipped = FocalLoss { labels, gamma: 2.0, sign: -1.0 };

    // One line, in a test `.assert()`: all laws to the third order, at generated logits.
    let failure = check(operation(slipped.clone(), &[&[4]])).order(3).seed(1).check().unwrap_err();
    println!("{failure}");
    assert_eq!(failure.law(), Some(Law::FirstOrder));
    assert_eq!(failure.operation(), Some("focal loss"));
    assert_eq!(failure.cause(), Cause::MissingTerm);

    println!("With the sign mended:\n");
    let mended = FocalLoss { sign: 1.0, ..slipped };
    let summary = check(operation(mended, &[&[4]])).order(3).seed(1).check()?;
    println!("{summary}");
    assert!(summary.checked(Law::ThirdOrder) > 0);
    Ok(())
}
