//! One workload after the other: who takes part, in turns, and whether the results agree.

use std::error::Error;

use dualtape_autodiff::Real;

use crate::measure::{Clock, Task, measure};
use crate::options::Options;
use crate::peers::{self, Tasks, dualtape, dualtape_network, plain};
use crate::results::Imported;
use crate::table::{self, Row};
use crate::workload::network::Network;
use crate::workload::{Operation, Precision, Workload, reference};

type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

/// Times a workload, prints its part of the table and appends it to `rows`.
pub fn workload(
    workload: &Workload,
    imported: &[Imported],
    options: &Options,
    rows: &mut Vec<Row>,
) -> Outcome {
    for &precision in workload.precisions() {
        let mut run = Run { workload, precision, imported, options, rows };
        match (workload, precision) {
            (Workload::Scalar(problem), _) => {
                let function = dualtape::record(problem)?;
                let mut tasks = dualtape::problem(problem, &function)?;
                tasks.extend(peers::problem(problem));
                run.operations(tasks);
            }
            (Workload::Network(network), Precision::Single) => run.network::<f32>(network)?,
            (Workload::Network(network), Precision::Double) => run.network::<f64>(network)?,
        }
    }
    Ok(())
}

/// A workload in one precision.
struct Run<'a> {
    workload: &'a Workload,
    precision: Precision,
    imported: &'a [Imported],
    options: &'a Options,
    rows: &'a mut Vec<Row>,
}

impl Run<'_> {
    fn network<S: Real>(&mut self, network: &Network) -> Outcome {
        let function = dualtape_network::record::<S>(network);
        let mut tasks = peers::network(network, self.precision);
        match &function {
            Ok(function) => tasks.extend(dualtape_network::network(network, function)?),
            Err(error) => eprintln!("{} without dualtape: {error}", network.name),
        }
        self.operations(tasks);
        Ok(())
    }

    fn operations(&mut self, mut tasks: Tasks<'_>) {
        tasks.retain(|(_, task)| {
            task.contender == plain::NAME || self.options.wants(task.contender)
        });
        let plain = tasks.iter().position(|(_, task)| task.contender == plain::NAME);
        let (_, mut plain) = tasks.remove(plain.expect("the plain function is always there"));
        for operation in Operation::ALL {
            let chosen = tasks.extract_if(.., |(asked, _)| *asked == operation);
            let mut contenders: Vec<Task<'_>> = chosen.map(|(_, task)| task).collect();
            let imported = self.imported_for(operation);
            if !contenders.is_empty() || !imported.is_empty() {
                self.operation(operation, &mut plain, &mut contenders, &imported);
            }
        }
    }

    fn imported_for(&self, operation: Operation) -> Vec<Imported> {
        let here = |result: &&Imported| {
            result.workload == self.workload.name()
                && result.precision == self.precision
                && result.operation == operation
                && self.options.wants(&result.contender)
        };
        self.imported.iter().filter(here).cloned().collect()
    }

    fn operation<'t>(
        &mut self,
        operation: Operation,
        plain: &mut Task<'t>,
        contenders: &mut [Task<'t>],
        imported: &[Imported],
    ) {
        let clock = if self.options.threads == 1 { Clock::Processor } else { Clock::Wall };
        let mut answers: Vec<Vec<f64>> = contenders.iter_mut().map(Task::answer).collect();
        let plain_answer = plain.answer();
        let mut turns = vec![plain];
        turns.extend(contenders.iter_mut());
        let mut times = measure(&mut turns, self.options.samples.into(), clock);
        let mut names: Vec<&str> = turns.iter().map(|task| task.contender).collect();
        let plain_best = times[0].best;
        for time in &mut times {
            time.median /= operation.results_in_a_call();
            time.best /= operation.results_in_a_call();
        }
        if operation == Operation::Value {
            answers.insert(0, plain_answer);
        } else {
            names.remove(0);
            times.remove(0);
        }
        let ours = names.iter().position(|&name| name == dualtape::NAME);
        let dualtape = ours.map(|ours| times[ours].best);
        let ours = ours.or((!answers.is_empty()).then_some(0)).map(|ours| answers[ours].clone());
        let row = |contender: &str, time, difference| Row {
            workload: self.workload.name().into(),
            precision: self.precision,
            operation,
            contender: contender.into(),
            time,
            plain: plain_best,
            dualtape,
            difference,
        };
        let mut rows: Vec<Row> = Vec::new();
        for ((name, time), answer) in names.iter().zip(times).zip(&answers) {
            let check = operation.check_value(answer, self.workload.direction());
            let from_check = self.difference_from_reference(operation, check);
            let from_ours = ours.as_ref().map(|ours| vector_difference(answer, ours));
            rows.push(row(name, time, larger(from_check, from_ours)));
        }
        for result in imported {
            let ours = ours.as_ref().map(|x| operation.check_value(x, self.workload.direction()));
            let difference = result.check.and_then(|check| {
                larger(
                    self.difference_from_reference(operation, check),
                    ours.map(|x| relative(check, x)),
                )
            });
            rows.push(row(&result.contender, result.time, difference));
        }
        rows.sort_by(|a, b| a.time.best.total_cmp(&b.time.best));
        rows.iter().for_each(table::print);
        self.rows.extend(rows);
    }

    fn difference_from_reference(&self, operation: Operation, check: f64) -> Option<f64> {
        reference::check_value(self.workload.name(), operation).map(|x| relative(check, x))
    }
}

/// The larger of two differences, of which a NaN is the largest.
fn larger(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    a.into_iter().chain(b).max_by(f64::total_cmp)
}

fn relative(x: f64, expected: f64) -> f64 {
    let difference = ((x - expected) / expected).abs();
    if difference.is_nan() { f64::INFINITY } else { difference }
}

/// `‖x − y‖/‖y‖`, infinite where the lengths differ or something is not a number.
fn vector_difference(x: &[f64], y: &[f64]) -> f64 {
    if x.len() != y.len() {
        return f64::INFINITY;
    }
    let norm = |x: &mut dyn Iterator<Item = f64>| x.map(|x| x * x).sum::<f64>().sqrt();
    let difference = norm(&mut x.iter().zip(y).map(|(x, y)| x - y)) / norm(&mut y.iter().copied());
    if difference.is_nan() { f64::INFINITY } else { difference }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_number_agrees_with_nothing() {
        assert_eq!(vector_difference(&[f64::NAN], &[1.0]), f64::INFINITY);
        assert_eq!(relative(f64::NAN, 1.0), f64::INFINITY);
    }

    #[test]
    fn differences_are_relative_to_the_whole_vector() {
        assert_eq!(vector_difference(&[3.0, 4.5], &[3.0, 4.0]), 0.1);
    }
}
