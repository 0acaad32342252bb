//! What every demonstration does alike: reads the command line, checks what it claims, and leaves a chart behind.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory, FromArgMatches, Parser};

pub type Outcome<T> = Result<T, Box<dyn Error>>;

/// `Err` with the claim if it does not hold.
pub fn ensure(holds: bool, claim: &str) -> Outcome<()> {
    if holds { Ok(()) } else { Err(format!("this was to be shown, and is not so: {claim}").into()) }
}

#[derive(Debug, Parser)]
#[command(name = env!("CARGO_BIN_NAME"), version)]
struct Cli<Options: Args> {
    #[command(flatten)]
    options: Options,

    /// Draw into this file
    #[arg(long, default_value = concat!("target/", env!("CARGO_BIN_NAME"), ".svg"), value_name = "FILE.svg")]
    out: PathBuf,
}

/// Runs `show` with the options of the command line and writes the SVG that it returns; fails if it fails.
pub fn demonstrate<Options: Args>(
    about: &'static str,
    show: impl FnOnce(Options) -> Outcome<String>,
) -> ExitCode {
    let matches = Cli::<Options>::command().about(about).get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    match show(cli.options).and_then(|svg| write(&cli.out, &svg)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write(out: &PathBuf, svg: &str) -> Outcome<()> {
    let written = match out.parent() {
        Some(folder) => std::fs::create_dir_all(folder).and_then(|()| std::fs::write(out, svg)),
        None => std::fs::write(out, svg),
    };
    written.map_err(|error| format!("cannot write {}: {error}", out.display()))?;
    println!("chart written to {}", out.display());
    Ok(())
}
