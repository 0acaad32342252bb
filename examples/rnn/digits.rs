//! Images of digits as sequences of their eight rows.

use std::error::Error;

use dualtape::autodiff::Array;
use dualtape::layers::{
    Clip, Dataset, Linear, Network, Recurrent, Sequential, Trainer, accuracy, cosine,
    cross_entropy, predicted_labels,
};
use dualtape::optimizers::Adam;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

use crate::data::{CLASSES, Digits};

/// What must be reached on images held out.
const STATED_ACCURACY: f64 = 0.96;

/// Trains a gated recurrent unit; whether it reaches what is stated.
pub fn run(seed: u64) -> Result<bool, Box<dyn Error>> {
    let reached = train(seed, 40)?;
    println!(
        "{:.2} % of the images held out are recognised (stated: {:.0} %)",
        100.0 * reached,
        100.0 * STATED_ACCURACY
    );
    Ok(reached >= STATED_ACCURACY)
}

fn train(seed: u64, epochs: usize) -> Result<f64, Box<dyn Error>> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/optdigits.txt");
    let Digits { pixels, labels } = Digits::read(file.as_ref())?;
    let pixels = pixels.iter().map(|&pixel| pixel as f32).collect();
    let rows = Array::new(&[labels.len(), 8, 8], pixels)?;
    let images = Dataset::classification(rows, &labels, CLASSES)?;
    let [train, test] = images.split_stratified([2.0 / 3.0, 1.0 / 3.0], &labels, &mut rng)?;

    let model = Sequential::new().then(Recurrent::gru(8, 64).last()).then(Linear::new(64, CLASSES));
    let mut network = Network::new(model, &mut rng)?;
    println!("Digits, row by row\n\n{}", network.summary(&[1, 8, 8])?);
    let history = Trainer::new(cross_entropy)
        .epochs(epochs)
        .batch_size(32)
        .seed(seed)
        .clip(Clip::Norm(1.0))
        .schedule(cosine(0.01))
        .metric(|outputs, targets| accuracy(outputs, &predicted_labels(targets)?))
        .progress(true)
        .fit(&mut network, &mut Adam::new(5e-3), &train)?;
    if let Some(last) = history.last() {
        println!("{last}");
    }
    for flow in history.gradient_flow() {
        println!("gradient of {flow}");
    }
    Ok(accuracy(&network.predict(test.inputs())?, &predicted_labels(test.targets())?)?)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_short_training_reads_digits() {
        let reached = super::train(2, 8).unwrap();
        assert!(reached > 0.85, "{reached}");
    }
}
