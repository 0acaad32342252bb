//! Carbon dioxide in the air, month by month: what the next month brings.

use std::error::Error;

use dualtape::autodiff::Array;
use dualtape::layers::{
    Csv, Dataset, Linear, Network, Recurrent, Sequential, Standardize, Trainer, cosine,
    mean_squared_error, windows,
};
use dualtape::optimizers::Adam;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

/// Months that the network sees.
const MONTHS_SEEN: usize = 24;
/// Months at the end of the record that training does not see.
const MONTHS_HELD_OUT: usize = 96;
/// The largest root mean square of the errors, in parts per million, that is to be reached.
const STATED_ERROR: f64 = 0.40;

/// Trains a long short-term memory on the changes from month to month; whether it reaches what is stated.
pub fn run(seed: u64) -> Result<bool, Box<dyn Error>> {
    let [error, naive] = train(seed, 120)?;
    println!(
        "a month ahead, over the last {} years: wrong by {error:.3} ppm in root mean square (stated: {STATED_ERROR} ppm); \
         the change of the same month a year before is wrong by {naive:.3} ppm",
        MONTHS_HELD_OUT / 12
    );
    Ok(error <= STATED_ERROR && error < naive)
}

/// The errors on the months held out, in parts per million: the network's, and those of last year's change.
fn train(seed: u64, epochs: usize) -> Result<[f64; 2], Box<dyn Error>> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/co2_monthly.csv");
    let ppm: Array<f32> = Csv::new().read(file)?.numbers(&["ppm"])?;
    let changes: Vec<f32> = ppm.data().windows(2).map(|pair| pair[1] - pair[0]).collect();
    let (past, _) = changes.split_at(changes.len() - MONTHS_HELD_OUT);
    let scale = Standardize::fit(&Array::new(&[past.len(), 1], past.to_vec())?)?;
    let standard = |changes: &[f32]| -> Result<Array<f32>, dualtape::layers::Error> {
        scale.array(&Array::new(&[changes.len(), 1], changes.to_vec())?)
    };
    // The first months held out are predicted from the last ones of the past.
    let recent = &changes[changes.len() - MONTHS_HELD_OUT - MONTHS_SEEN..];
    let [train, test] = [past, recent].map(|changes| next_change(&standard(changes)?));
    let (train, test) = (train?, test?);

    let model = Sequential::new().then(Recurrent::lstm(1, 24).last()).then(Linear::new(24, 1));
    let mut network = Network::new(model, &mut ChaCha8Rng::seed_from_u64(seed))?;
    println!("Carbon dioxide, month by month\n\n{}", network.summary(&[1, MONTHS_SEEN, 1])?);
    let history = Trainer::new(mean_squared_error)
        .epochs(epochs)
        .batch_size(32)
        .seed(seed)
        .schedule(cosine(0.01))
        .progress(true)
        .fit(&mut network, &mut Adam::new(1e-2), &train)?;
    if let Some(last) = history.last() {
        println!("{last}");
    }

    let predicted = scale.inverse(&network.predict(test.inputs())?)?;
    let held_out = &changes[changes.len() - MONTHS_HELD_OUT..];
    let year_before = &changes[changes.len() - MONTHS_HELD_OUT - 12..];
    Ok([rms(predicted.data(), held_out), rms(year_before, held_out)])
}

/// Windows with the one change that follows each.
fn next_change(changes: &Array<f32>) -> Result<Dataset<f32>, dualtape::layers::Error> {
    let data = windows(changes, MONTHS_SEEN, 1)?;
    let targets = Array::new(&[data.len(), 1], data.targets().data().to_vec())?;
    Dataset::new(data.inputs().clone(), targets)
}

/// Root mean square of differences, over the shorter of two.
fn rms(predicted: &[f32], seen: &[f32]) -> f64 {
    let squares = predicted.iter().zip(seen).map(|(p, s)| f64::from(p - s).powi(2));
    (squares.sum::<f64>() / seen.len() as f64).sqrt()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_short_training_beats_last_year() {
        let [error, naive] = super::train(2, 25).unwrap();
        assert!(error < naive, "{error} against {naive}");
    }
}
