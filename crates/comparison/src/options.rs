//! The command line.

use std::path::PathBuf;

use clap::Parser;
use clap::builder::PossibleValuesParser;

use crate::workload;

/// Times the same workloads through dualtape, plain Rust and its peers, in one run, and checks that all agree.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Options {
    /// Workloads, separated by commas; by default all but those that take minutes.
    #[arg(long, value_delimiter = ',', value_parser = PossibleValuesParser::new(workload::names()))]
    pub workloads: Vec<String>,

    /// Contenders whose names start with one of these, separated by commas (`dualtape,burn,JAX`); by default all. The plain
    /// function is always timed.
    #[arg(long, value_delimiter = ',')]
    pub contenders: Vec<String>,

    /// Directory with results of programs in other languages (`*.jsonl`, also in its subdirectory `results`).
    #[arg(long, value_name = "DIR")]
    pub peers: Option<PathBuf>,

    /// Samples of each contender; they are taken in turn.
    #[arg(long, default_value_t = 11, value_parser = clap::value_parser!(u16).range(1..))]
    pub samples: u16,

    /// Threads that each library may use. With one, processor time is measured, with more elapsed time.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: u16,

    /// Writes the table to this file too, as comma-separated values with times in nanoseconds.
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
}

impl Options {
    /// Whether a contender is asked for.
    pub fn wants(&self, contender: &str) -> bool {
        self.contenders.is_empty() || self.contenders.iter().any(|name| contender.starts_with(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Options::command().debug_assert();
    }

    #[test]
    fn contenders_are_chosen_by_how_their_names_begin() {
        let options = Options::parse_from(["comparison", "--contenders", "dualtape,ad"]);
        assert!(options.wants("ad_trait") && !options.wants("topos"));
    }
}
