//! Handwritten digits: one network trained by Adam and by Newton-CG, softmax regression by Newton's method, compared in a
//! table and in a chart.
//!
//! ```text
//! cargo run --release --example digits -- --help
//! ```

mod chart;
mod cli;
#[path = "../common/chart.rs"]
mod curves;
mod data;
mod progress;
mod run;
mod table;
mod train;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use dualtape::autodiff::Array;
use dualtape::layers::{Activation, Dataset, Module, mlp};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

use crate::cli::{Cli, Method};
use crate::data::{CLASSES, Digits, PIXELS};
use crate::run::Run;
use crate::train::Task;

/// What clap exits with on a wrong option; wrong data are no different.
const WRONG_INPUT: u8 = 2;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let [train, held_out] = match images(&cli) {
        Ok(images) => images,
        Err(error) => return failure(&*error, WRONG_INPUT),
    };
    println!(
        "{} images to train on, {} held out, seed {}\n",
        train.len(),
        held_out.len(),
        cli.seed
    );
    match train_all(&cli, &train, &held_out).and_then(|runs| show(&runs, &cli.out)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure(&*error, 1),
    }
}

fn failure(error: &dyn Error, code: u8) -> ExitCode {
    eprintln!("error: {error}");
    ExitCode::from(code)
}

/// Two thirds of the images to train on and one third held out, of every digit alike.
fn images(cli: &Cli) -> Result<[Dataset<f64>; 2], Box<dyn Error>> {
    let Digits { pixels, labels } = Digits::read(&cli.data)?;
    let pixels = Array::new(&[labels.len(), PIXELS], pixels)?;
    let images = Dataset::classification(pixels, &labels, CLASSES)?;
    let mut rng = ChaCha8Rng::seed_from_u64(cli.seed);
    let [train, held_out] = images.split_stratified([2.0 / 3.0, 1.0 / 3.0], &labels, &mut rng)?;
    if cli.batch > train.len() {
        return Err(format!(
            "--batch {}: there are only {} training images",
            cli.batch,
            train.len()
        )
        .into());
    }
    Ok([train, held_out])
}

fn train_all(
    cli: &Cli,
    train: &Dataset<f64>,
    held_out: &Dataset<f64>,
) -> Result<Vec<Run>, Box<dyn Error>> {
    let widths = [&[PIXELS], cli.hidden.as_slice(), &[CLASSES]].concat();
    let model = mlp(&widths, Activation::Tanh);
    let sizes: Vec<String> = widths.iter().map(usize::to_string).collect();
    let network = Task {
        name: format!("network {}", sizes.join("-")),
        start: model.init(&mut ChaCha8Rng::seed_from_u64(cli.seed)),
        model,
        l2: cli.l2,
        train,
        held_out,
    };
    // No hidden layer: the loss is convex, and any start will do.
    let model = mlp(&[PIXELS, CLASSES], Activation::Identity);
    let start = vec![0.0; model.layout()?.len()];
    let regression = Task { name: "softmax regression".into(), model, start, ..network };

    let trained = cli.methods().into_iter().map(|method| match method {
        Method::Adam => network.adam(cli.epochs, cli.batch, cli.seed),
        Method::NewtonCg => network.newton_cg(),
        Method::Newton => regression.newton(),
    });
    trained.collect()
}

fn show(runs: &[Run], out: &Path) -> Result<(), Box<dyn Error>> {
    println!("{}", table::render(runs));
    for run in runs {
        println!("{}: {}", run.name, run.verdict);
    }
    chart::draw(runs, out)?;
    println!("\nTraining curves: {}", out.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_learns_to_read_digits() {
        let cli = Cli::try_parse_from(["digits", "--epochs", "60", "--seed", "3"]).unwrap();
        let [train, held_out] = images(&cli).unwrap();
        assert_eq!((train.len(), held_out.len()), (1198, 599));
        let runs = train_all(&cli, &train, &held_out).unwrap();
        let [adam, newton_cg, newton] = &runs[..] else { panic!("{} runs", runs.len()) };

        assert!(adam.held_out_accuracy >= 0.96, "{adam:?}");
        assert!(newton_cg.held_out_accuracy >= 0.96, "{newton_cg:?}");
        assert!(newton_cg.end.loss < adam.end.loss);
        assert!(newton_cg.verdict.contains("strict local minimum"), "{}", newton_cg.verdict);
        assert!(
            newton.end.gradient_norm <= 1e-10 && newton.end.iteration <= 15,
            "{:?}",
            newton.end
        );
        assert!(newton.held_out_accuracy >= 0.95, "{newton:?}");
        for run in &runs {
            assert!(run.train_accuracy > run.held_out_accuracy);
            let worked: Vec<f64> =
                run.curve.iter().map(|state| state.work.gradient_equivalents()).collect();
            assert!(worked.is_sorted(), "{worked:?}");
        }
    }

    #[test]
    fn a_batch_larger_than_the_data_is_refused() {
        let cli = Cli::try_parse_from(["digits", "--batch", "1199"]).unwrap();
        let error = images(&cli).unwrap_err();
        assert_eq!(error.to_string(), "--batch 1199: there are only 1198 training images");
    }
}
