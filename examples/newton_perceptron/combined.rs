//! Newton directions fed to momentum, RMSprop and Adam, as is sometimes proposed, beside plain gradients and plain Newton.
//!
//! Every combination trains the perceptron twice: as it is, and with its second weight counted in hundredths. That is the
//! same perceptron, from the same start, and a Newton step is the same in any units. What is made of it may not be.

use dualtape::optimizers::RmsProp;
use dualtape::optimizers::stochastic::{Rule, Source, Stepper, sources};
use dualtape::prelude::*;

use crate::NEAR;
use crate::demonstration::{Outcome, ensure};
use crate::models::perceptron;

/// The learning rates from which each combination has the best.
const RATES: [f64; 7] = [10.0, 3.0, 1.0, 0.3, 0.1, 0.03, 0.01];
const ITERATIONS: usize = 500;
/// How near to the least loss, ½, a training is to come.
const EXCESS: f64 = 1e-10;

/// The perceptron in some units of its weights.
struct Task {
    loss: Function<'static>,
    start: [f64; 2],
}

impl Task {
    /// With the second weight counted in units of this size.
    fn new(unit: f64) -> Outcome<Self> {
        let start = [NEAR[0], NEAR[1] / unit];
        let loss = record(&start).function(move |z| perceptron(&[z[0], z[1] * c(unit)]))?;
        Ok(Task { loss, start })
    }
}

/// How far one training came.
struct Course {
    /// To the loss asked for, if it was reached.
    iterations: Option<usize>,
    /// Of the last loss over the least one.
    excess: f64,
}

impl Course {
    fn of<R: Rule<f64>, C: Source<f64>>(
        mut method: Stepper<'_, f64, R, C>,
        task: &Task,
    ) -> Outcome<Self> {
        let (mut x, mut excess) = (task.start, f64::NAN);
        for iteration in 0..=ITERATIONS {
            excess = method.step_on(&mut x, &task.loss)? - 0.5;
            if excess <= EXCESS {
                return Ok(Course { iterations: Some(iteration), excess });
            }
        }
        Ok(Course { iterations: None, excess })
    }

    fn reached(&self) -> bool {
        self.iterations.is_some()
    }

    /// The iterations taken, and more than any where the loss was not reached.
    fn taken(&self) -> usize {
        self.iterations.unwrap_or(usize::MAX)
    }

    fn told(&self) -> String {
        match self.iterations {
            Some(iterations) => iterations.to_string(),
            None => format!("½ + {:.0e}", self.excess),
        }
    }
}

/// What one combination of a direction and a rule does.
struct Combination {
    rate: f64,
    /// Divided by the learning rate.
    first_step: [f64; 2],
    as_it_is: Course,
    in_hundredths: Course,
}

/// Tries the learning rates on the perceptron as it is, and goes on with the best.
fn combination<R: Rule<f64>, C: Source<f64>>(
    tasks: &[Task; 2],
    method: impl Fn(f64) -> Stepper<'static, f64, R, C>,
) -> Outcome<Combination> {
    let [task, hundredths] = tasks;
    let tried = RATES.map(|rate| Ok((rate, Course::of(method(rate), task)?)));
    let tried = tried.into_iter().collect::<Outcome<Vec<_>>>()?;
    let best = tried.into_iter().min_by_key(|(_, course)| course.taken());
    let (rate, as_it_is) = best.ok_or("no learning rate to try")?;
    let mut x = task.start;
    method(rate).step_on(&mut x, &task.loss)?;
    let first_step = [0, 1].map(|k| (x[k] - task.start[k]) / rate);
    let in_hundredths = Course::of(method(rate), hundredths)?;
    Ok(Combination { rate, first_step, as_it_is, in_hundredths })
}

/// One rule fed with the gradient, with Newton-CG's direction, and with Newton's.
fn rule<R: Rule<f64>>(
    tasks: &[Task; 2],
    name: &str,
    rule: impl Fn(f64) -> Stepper<'static, f64, R>,
) -> Outcome<[Combination; 3]> {
    let combinations = [
        combination(tasks, &rule)?,
        combination(tasks, |rate| rule(rate).with_source(sources::NewtonCg::default()))?,
        combination(tasks, |rate| rule(rate).with_source(sources::Newton::default()))?,
    ];
    for (direction, made) in ["gradient", "Newton-CG", "Newton"].iter().zip(&combinations) {
        let Combination { rate, first_step: [first, second], as_it_is, in_hundredths } = made;
        println!(
            "  {name:9} {direction:10}{rate:>6} {first:>12.3} {second:>7.3} {:>13} {:>16}",
            as_it_is.told(),
            in_hundredths.told()
        );
    }
    Ok(combinations)
}

/// Prints the combinations, and what is to be learnt from them.
pub fn compare() -> Outcome<()> {
    println!(
        "Second-order directions combined with momentum, RMSprop and Adam, from {NEAR:?} to a loss of ½ + {EXCESS:e}"
    );
    println!("  rule      direction      α     first step / α    iterations  w₂ in hundredths");
    let tasks = [Task::new(1.0)?, Task::new(0.01)?];
    let plain = rule(&tasks, "plain", Sgd::new)?;
    let momentum = rule(&tasks, "momentum", |rate| Sgd::new(rate).momentum(0.9))?;
    let rms_prop = rule(&tasks, "RMSprop", RmsProp::new)?;
    let adam = rule(&tasks, "Adam", Adam::new)?;
    println!(
        "Each has the best of seven learning rates α, and keeps it where w₂ is counted in hundredths; where {ITERATIONS}"
    );
    println!("iterations are not enough, the loss after them is shown. What the numbers say:");
    println!(
        "- No rule improves on the plain Newton step; averages are for noise, and there is none."
    );
    println!(
        "- Newton's step, also averaged by momentum, is the same in any units; a gradient is not."
    );
    println!(
        "- RMSprop and Adam keep little of a direction but its signs: their first step is one and the"
    );
    println!(
        "  same from all three. What Newton's method knows about scales is lost, and units matter again."
    );
    println!("- Newton-CG's damping is a curvature, and so has units as well.\n");

    check(&plain, &momentum, &[rms_prop, adam])
}

/// Holds what was said to the numbers.
fn check(
    plain: &[Combination; 3],
    momentum: &[Combination; 3],
    scaled: &[[Combination; 3]; 2],
) -> Outcome<()> {
    let newton = &plain[2];
    let others = plain[..2].iter().chain(momentum).chain(scaled.as_flattened());
    let mut taken = others.map(|other| other.as_it_is.taken());
    ensure(
        newton.as_it_is.reached() && taken.all(|taken| taken >= newton.as_it_is.taken()),
        "no combination takes fewer iterations than the plain Newton step",
    )?;
    let indifferent = |made: &Combination| made.in_hundredths.taken() == made.as_it_is.taken();
    ensure(
        indifferent(newton) && indifferent(&momentum[2]),
        "units do not matter to Newton's step, nor to momentum of it",
    )?;
    for gradient in [&plain[0], &momentum[0]] {
        ensure(!gradient.in_hundredths.reached(), "units matter to a gradient")?;
    }
    for from in scaled {
        let [gradient, second_order @ ..] = from.each_ref().map(|made| made.first_step);
        let alike = |step: [f64; 2]| (0..2).all(|k| (step[k] / gradient[k] - 1.0).abs() < 1e-4);
        ensure(
            second_order.into_iter().all(alike),
            "the first step of RMSprop, and of Adam, is one and the same from every direction",
        )?;
        ensure(
            from.iter().all(|made| !made.in_hundredths.reached()),
            "units matter to RMSprop and Adam, whatever the direction",
        )?;
    }
    Ok(())
}
