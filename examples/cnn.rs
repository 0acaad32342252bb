//! Handwritten digits read by a convolutional network, trained by Adam on minibatches.
//!
//! ```text
//! cargo run --release --example cnn -- --help
//! ```

#[path = "digits/data.rs"]
mod data;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use dualtape::autodiff::Array;
use dualtape::layers::{
    Activation, ConfusionMatrix, Dataset, Dropout, Linear, Network, Trainer, accuracy, cnn, cosine,
    cross_entropy, predicted_labels,
};
use dualtape::optimizers::Adam;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

use crate::data::{CLASSES, Digits};

/// What the training must reach on images that it has not seen.
const STATED_ACCURACY: f64 = 0.98;
/// Units between the convolutions and the classes.
const HIDDEN: usize = 64;
/// The part of these units that a step of training does without: it keeps the network from learning 1,200 images by heart.
const DROPPED: f64 = 0.3;

/// Train a convolutional network on 8×8 images of handwritten digits.
#[derive(Clone, Debug, Parser)]
#[command(name = "cnn", version)]
struct Cli {
    /// Passes over the training images
    #[arg(long, default_value_t = 40, value_name = "N")]
    epochs: usize,

    /// Images in a minibatch
    #[arg(long, default_value_t = 32, value_name = "N")]
    batch: usize,

    /// Seed of the split, of the initial weights and of the minibatches
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,

    /// Write the history of the training to this file
    #[arg(long, value_name = "FILE.csv")]
    history: Option<PathBuf>,

    /// Write the weights to this file after each epoch, and the state of training beside it
    #[arg(long, value_name = "FILE.safetensors")]
    checkpoint: Option<PathBuf>,

    /// Go on from the checkpoint if there is one
    #[arg(long, requires = "checkpoint")]
    resume: bool,
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(reached) if reached >= STATED_ACCURACY => ExitCode::SUCCESS,
        Ok(_) => {
            eprintln!("error: {:.1} % were to be reached", 100.0 * STATED_ACCURACY);
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Trains, tells, and returns the accuracy on the images held out.
fn run(cli: &Cli) -> Result<f64, Box<dyn Error>> {
    let mut rng = ChaCha8Rng::seed_from_u64(cli.seed);
    let images = images()?;
    let strata = predicted_labels(images.targets())?;
    let [train, test] = images.split_stratified([2.0 / 3.0, 1.0 / 3.0], &strata, &mut rng)?;

    let features =
        cnn::<f32>([1, 8, 8], &[16, 32], &[HIDDEN], Activation::Relu).then(Activation::Relu);
    let model = features.then(Dropout::new(DROPPED)).then(Linear::new(HIDDEN, CLASSES));
    let mut network = Network::new(model, &mut rng)?;
    println!("{} images to train on, {} held out\n", train.len(), test.len());
    println!("{}", network.summary(&[1, 1, 8, 8])?);

    let mut trainer = Trainer::new(cross_entropy)
        .epochs(cli.epochs)
        .batch_size(cli.batch)
        .seed(cli.seed)
        .schedule(cosine(0.01))
        .metric(|outputs, targets| accuracy(outputs, &predicted_labels(targets)?))
        .progress(true);
    if let Some(file) = &cli.checkpoint {
        trainer = trainer.checkpoint(file);
        if cli.resume && file.exists() {
            trainer = trainer.resume(file);
        }
    }
    let history = trainer.fit(&mut network, &mut Adam::new(3e-3), &train)?;
    if let Some(last) = history.last() {
        println!("{last}");
    }
    if let Some(file) = &cli.history {
        history.write_csv(file)?;
    }

    let labels = predicted_labels(test.targets())?;
    let outputs = network.predict(test.inputs())?;
    println!("\n{}", ConfusionMatrix::new(&outputs, &labels)?);
    let reached = accuracy(&outputs, &labels)?;
    println!("\n{:.2} % of the images held out are recognised", 100.0 * reached);
    Ok(reached)
}

/// The images with one channel of 8×8 pixels.
fn images() -> Result<Dataset<f32>, Box<dyn Error>> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/optdigits.txt");
    let Digits { pixels, labels } = Digits::read(file.as_ref())?;
    let pixels = pixels.iter().map(|&pixel| pixel as f32).collect();
    Ok(Dataset::classification(Array::new(&[labels.len(), 1, 8, 8], pixels)?, &labels, CLASSES)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_training_reads_digits() {
        let cli = Cli::try_parse_from(["cnn", "--epochs", "8", "--seed", "2"]).unwrap();
        let reached = run(&cli).unwrap();
        assert!(reached > 0.95, "{reached}");
    }
}
