//! Recurrent networks on two kinds of sequence: images of digits read row by row, and the carbon dioxide in the air of Mauna
//! Loa month by month.
//!
//! ```text
//! cargo run --release --example rnn -- --help
//! ```

mod co2;
#[path = "../digits/data.rs"]
mod data;
mod digits;

use std::process::ExitCode;

use clap::{Parser, ValueEnum};

/// Train recurrent networks on sequences.
#[derive(Clone, Debug, Parser)]
#[command(name = "rnn", version)]
struct Cli {
    /// Train on this alone (default: both)
    #[arg(long, value_enum)]
    task: Option<Task>,

    /// Seed of the initial weights and of the minibatches
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Task {
    /// 8×8 images of digits, a row at a time
    Digits,
    /// Monthly means of carbon dioxide, a year ahead
    Co2,
}

fn main() -> ExitCode {
    let Cli { task, seed } = Cli::parse();
    for (this, run) in [(Task::Digits, digits::run as fn(u64) -> _), (Task::Co2, co2::run)] {
        if task.is_some_and(|task| task != this) {
            continue;
        }
        match run(seed) {
            Ok(true) => println!(),
            Ok(false) => {
                eprintln!("error: that is not the quality which was stated");
                return ExitCode::FAILURE;
            }
            Err(error) => {
                eprintln!("error: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}
