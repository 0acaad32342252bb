//! The three trainings.

use std::error::Error;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use dualtape::autodiff::Function;
use dualtape::layers::{
    Dataset, Sequential, Supervised, accuracy, cross_entropy, predict, predicted_labels,
};
use dualtape::optimizers::prelude::*;
use dualtape::optimizers::{Adam, Newton, NewtonCg};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

use crate::progress::Progress;
use crate::run::{Run, State, Work};

/// Adam's step size in the beginning; it falls to 0 in equal steps from epoch to epoch.
const LEARNING_RATE: f64 = 5e-3;

/// A model, the images to train it on, and those to judge it by.
#[derive(Debug)]
pub struct Task<'a> {
    /// As shown in table and legend.
    pub name: String,
    pub model: Sequential<f64>,
    pub start: Vec<f64>,
    /// Weight λ of the penalty ½λ‖θ‖².
    pub l2: f64,
    pub train: &'a Dataset<f64>,
    pub held_out: &'a Dataset<f64>,
}

impl Task<'_> {
    /// Adam on minibatches, `epochs` times over the training images.
    pub fn adam(&self, epochs: usize, batch: usize, seed: u64) -> Result<Run, Box<dyn Error>> {
        let name = format!("{}, Adam", self.name);
        let progress = Progress::new(&name, Some(epochs));
        let whole = self.loss(self.train)?;
        let minibatch = self.loss(&self.train.gather(&(0..batch).collect::<Vec<_>>())?)?;
        let (mut theta, mut gradient) = (self.start.clone(), vec![0.0; self.start.len()]);
        let (mut adam, mut rng) = (Adam::new(LEARNING_RATE), ChaCha8Rng::seed_from_u64(seed));

        // The loss on all images is looked at for the curve alone: neither its time nor its work is Adam's.
        let look = |theta: &[f64], epoch: usize, steps: usize, elapsed: Duration| {
            let mut gradient = vec![0.0; theta.len()];
            let loss = whole.value_and_gradient_into(theta, &mut gradient)?;
            let gradient_norm = gradient.iter().fold(0.0_f64, |norm, g| norm.max(g.abs()));
            progress.show(epoch, loss, gradient_norm);
            let gradients = (steps * batch) as f64 / self.train.len() as f64;
            let work = Work { gradients, ..Work::default() };
            Ok::<_, Box<dyn Error>>(State {
                iteration: steps,
                seconds: elapsed.as_secs_f64(),
                work,
                loss,
                gradient_norm,
            })
        };

        let (mut steps, mut elapsed) = (0, Duration::ZERO);
        let mut end = look(&theta, 0, steps, elapsed)?;
        let mut curve = vec![end];
        for epoch in 0..epochs {
            let started = Instant::now();
            adam.set_learning_rate(LEARNING_RATE * (1.0 - epoch as f64 / epochs as f64));
            // The images left over at the end of an epoch have another chance in the next, under another shuffle.
            for rows in
                self.train.batches(batch, &mut rng)?.iter().filter(|rows| rows.len() == batch)
            {
                let images = self.train.gather(rows)?;
                minibatch.set_data(0, images.inputs())?;
                minibatch.set_data(1, images.targets())?;
                minibatch.value_and_gradient_into(&theta, &mut gradient)?;
                adam.step(&mut theta, &gradient)?;
                steps += 1;
            }
            elapsed += started.elapsed();
            end = look(&theta, epoch + 1, steps, elapsed)?;
            curve.push(end);
        }
        progress.finish();
        self.judge(name, &theta, curve, end, "all epochs done".into())
    }

    /// Newton-CG on all training images at once.
    pub fn newton_cg(&self) -> Result<Run, Box<dyn Error>> {
        let method = NewtonCg::default().gradient_tolerance(1e-6).max_iterations(300);
        // Enough of them to tell a minimum from a saddle point among thousands of weights.
        self.second_order("Newton-CG", method.max_lanczos_steps(1000))
    }

    /// Newton's method with the exact dense Hessian.
    pub fn newton(&self) -> Result<Run, Box<dyn Error>> {
        self.second_order("Newton", Newton::default().gradient_tolerance(1e-10).max_iterations(50))
    }

    fn second_order<'c>(
        &self,
        method: &str,
        minimizer: impl Minimizer<'c, f64>,
    ) -> Result<Run, Box<dyn Error>> {
        let name = format!("{}, {method}", self.name);
        let progress = Progress::new(&name, None);
        let shown = progress.clone();
        let mut minimizer = minimizer.on_iteration(move |it| {
            shown.show(it.record.iteration, it.record.value, it.record.gradient_norm);
            ControlFlow::Continue(())
        });
        let mut theta = self.start.clone();
        let report = minimizer.minimize(&self.loss(self.train)?, &mut theta)?;
        progress.finish();

        let state = |iteration, elapsed: Duration, counts, loss, gradient_norm| State {
            iteration,
            seconds: elapsed.as_secs_f64(),
            work: Work::of(counts, theta.len()),
            loss,
            gradient_norm,
        };
        let curve = report.history.iter();
        let curve = curve
            .map(|r| state(r.iteration, r.elapsed, &r.counts, r.value, r.gradient_norm))
            .collect();
        let end = state(
            report.iterations,
            report.elapsed,
            &report.counts,
            report.value,
            report.gradient_norm,
        );
        self.judge(name, &theta, curve, end, format!("{}; {}", report.stop, report.second_order))
    }

    /// Mean cross entropy on these images, and the penalty.
    fn loss(&self, images: &Dataset<f64>) -> Result<Function<'_>, dualtape::layers::Error> {
        Supervised::new(&self.model, cross_entropy)?.weight_decay(self.l2)?.function(images)
    }

    fn judge(
        &self,
        name: String,
        theta: &[f64],
        curve: Vec<State>,
        end: State,
        verdict: String,
    ) -> Result<Run, Box<dyn Error>> {
        let recognised = |images: &Dataset<f64>| {
            let labels = predicted_labels(images.targets())?;
            accuracy(&predict(&self.model, theta, images.inputs())?, &labels)
        };
        let (train_accuracy, held_out_accuracy) =
            (recognised(self.train)?, recognised(self.held_out)?);
        Ok(Run { name, curve, end, train_accuracy, held_out_accuracy, verdict })
    }
}
