//! What may be said on the command line.

use std::path::{Path, PathBuf};

use clap::builder::RangedU64ValueParser;
use clap::{Parser, ValueEnum};

/// Train a handwritten-digit classifier by three methods and compare them.
///
/// A small network is trained by Adam and by Newton-CG, and softmax regression by Newton's method with the exact
/// Hessian. A table with losses, work and accuracies is printed; the training curves are drawn into an SVG file.
#[derive(Clone, Debug, Parser)]
#[command(name = "digits", version)]
pub struct Cli {
    /// Train by this method only (may be repeated; default: all three)
    #[arg(long = "method", value_enum, value_name = "METHOD")]
    methods: Vec<Method>,

    /// Sizes of the network's hidden layers, separated by commas
    #[arg(long, value_delimiter = ',', default_value = "32", value_name = "SIZES", value_parser = size(1024))]
    pub hidden: Vec<usize>,

    /// Passes of Adam over the training images
    #[arg(long, default_value = "300", value_name = "N", value_parser = size(100_000))]
    pub epochs: usize,

    /// Images in a minibatch of Adam
    #[arg(long, default_value = "32", value_name = "N", value_parser = size(100_000))]
    pub batch: usize,

    /// Weight λ of the penalty ½λ‖θ‖² in every loss
    #[arg(long, default_value = "3e-4", value_name = "LAMBDA", value_parser = positive)]
    pub l2: f64,

    /// Seed of the split, of the initial weights and of the minibatches
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub seed: u64,

    /// Read the images from this file instead of the ones shipped with the example
    #[arg(long, value_name = "FILE", default_value_os_t = shipped_data(), hide_default_value = true)]
    pub data: PathBuf,

    /// Draw the training curves into this file
    #[arg(long, value_name = "FILE.svg", default_value = "digits.svg", value_parser = svg_file)]
    pub out: PathBuf,
}

/// A way to train a model.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Method {
    /// The network, by Adam on minibatches
    Adam,
    /// The network, by Newton-CG on all training images at once
    NewtonCg,
    /// Softmax regression, by Newton's method with the exact Hessian
    Newton,
}

impl Cli {
    /// The methods asked for, each once, in the order of the table.
    pub fn methods(&self) -> Vec<Method> {
        let wanted = |method: &Method| self.methods.is_empty() || self.methods.contains(method);
        Method::value_variants().iter().copied().filter(wanted).collect()
    }
}

/// The images that come with the example, wherever it is run from.
fn shipped_data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data/optdigits.txt")
}

fn size(max: u64) -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..=max)
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value > 0.0 && value.is_finite() => Ok(value),
        _ => Err("a positive number is needed, such as 3e-4".into()),
    }
}

/// The chart's file, refused before the training when it could not be written after it.
fn svg_file(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if path.extension().is_none_or(|extension| !extension.eq_ignore_ascii_case("svg")) {
        return Err("the chart is an SVG file: its name must end in .svg".into());
    }
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() && !dir.is_dir() => {
            Err(format!("there is no directory {}: create it first", dir.display()))
        }
        _ => Ok(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(std::iter::once("digits").chain(args.iter().copied()))
    }

    #[test]
    fn defaults_run_everything_on_the_shipped_data() {
        let cli = parse(&[]).unwrap();
        assert_eq!(cli.methods(), [Method::Adam, Method::NewtonCg, Method::Newton]);
        assert_eq!(cli.hidden, [32]);
        assert!(cli.data.is_absolute() && cli.data.is_file(), "{}", cli.data.display());
    }

    #[test]
    fn methods_keep_the_order_of_the_table_and_appear_once() {
        let cli = parse(&["--method", "newton", "--method", "adam", "--method", "newton"]).unwrap();
        assert_eq!(cli.methods(), [Method::Adam, Method::Newton]);
    }

    #[test]
    fn hidden_sizes_are_a_list() {
        assert_eq!(parse(&["--hidden", "64,16"]).unwrap().hidden, [64, 16]);
    }

    #[test]
    fn wrong_options_exit_with_2_and_name_the_option() {
        let wrong: [&[&str]; 9] = [
            &["--hidden", "0"],
            &["--hidden", "8,,8"],
            &["--epochs", "0"],
            &["--batch", "0.5"],
            &["--l2", "nan"],
            &["--seed", "x"],
            &["--method", "sgd"],
            &["--out", "chart.png"],
            &["--out", "no/such/directory/chart.svg"],
        ];
        for args in wrong {
            let error = parse(args).expect_err(args[1]);
            assert_eq!(error.exit_code(), 2, "{args:?}");
            assert!(error.to_string().contains(args[0]), "{args:?}: {error}");
        }
    }

    #[test]
    fn the_command_is_well_formed() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}
