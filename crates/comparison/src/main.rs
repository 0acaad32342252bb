//! The same workloads through dualtape, plain Rust and its peers, timed in one run. See the README.

mod measure;
mod number;
mod options;
mod peers;
mod results;
mod run;
mod table;
mod workload;

use std::error::Error;
use std::fs::File;
use std::io::BufWriter;
use std::process::ExitCode;
use std::thread;

use clap::Parser;
use options::Options;

/// num-dual keeps a Hessian of a hundred inputs in each number, on the stack.
const STACK: usize = 1 << 28;

fn main() -> ExitCode {
    let options = Options::parse();
    limit_threads(options.threads);
    let work = thread::Builder::new().stack_size(STACK).spawn(move || compare(&options));
    let result = work.map(|thread| thread.join().expect("no contender panics"));
    match result.map_err(Into::into).and_then(|outcome| outcome) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The libraries take their number of threads from the environment, and say so.
fn limit_threads(threads: u16) {
    for variable in ["RAYON_NUM_THREADS", "MATMUL_NUM_THREADS"] {
        #[expect(unsafe_code, reason = "no other way to set what the libraries read")]
        // SAFETY: this is the start of `main`, so no other thread reads or writes the environment.
        unsafe {
            std::env::set_var(variable, threads.to_string());
        }
    }
}

/// Whether dualtape agrees with the check values.
fn compare(options: &Options) -> Result<bool, Box<dyn Error + Send + Sync>> {
    let imported = match &options.peers {
        Some(directory) => results::read(directory, options.threads.into())?,
        None => {
            eprintln!(
                "No results of JAX, PyTorch, CasADi or ADOL-C: run their scripts and pass --peers DIR (see README.md)."
            );
            Vec::new()
        }
    };
    table::heading();
    let mut rows = Vec::new();
    for workload in workload::selected(&options.workloads) {
        run::workload(&workload, &imported, options, &mut rows)?;
    }
    if let Some(path) = &options.csv {
        table::write_csv(BufWriter::new(File::create(path)?), &rows)?;
    }
    let disagreeing: Vec<_> = rows.iter().filter(|row| !row.agrees()).collect();
    for row in &disagreeing {
        let table::Row { workload, precision, operation, contender, .. } = row;
        println!("{contender} disagrees on {workload} {precision}, {operation}");
    }
    Ok(disagreeing.iter().all(|row| row.contender != peers::dualtape::NAME))
}
