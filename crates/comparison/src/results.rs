//! Results of programs in other languages: a JSON object a line, as the scripts of the workloads write them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::measure::Nanoseconds;
use crate::workload::{Operation, Precision};

/// One timed operation.
#[derive(Clone, Debug)]
pub struct Imported {
    /// Who did it.
    pub contender: String,
    /// On what.
    pub workload: String,
    /// In which precision.
    pub precision: Precision,
    /// What.
    pub operation: Operation,
    /// How long one result took.
    pub time: Nanoseconds,
    /// See [`Operation::check_value`].
    pub check: Option<f64>,
}

#[derive(Deserialize)]
struct Line {
    peer: String,
    wl: String,
    op: String,
    dtype: String,
    threads: usize,
    ns: f64,
    min: f64,
    check: Option<f64>,
}

/// Reads every `*.jsonl` file of a directory and of its subdirectory `results`; keeps what ran on so many threads.
pub fn read(directory: &Path, threads: usize) -> io::Result<Vec<Imported>> {
    let mut imported = Vec::new();
    for file in files(directory)? {
        let text = fs::read_to_string(&file)?;
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let parsed = parse(line, threads).map_err(|error| {
                let place = format!("{}:{}: {error}", file.display(), number + 1);
                io::Error::new(io::ErrorKind::InvalidData, place)
            })?;
            imported.extend(parsed);
        }
    }
    Ok(imported)
}

fn files(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let results = directory.join("results");
    for folder in [directory, results.as_path()].into_iter().filter(|folder| folder.is_dir()) {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "jsonl") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// `None` for an operation that is not compared here, another number of threads, or another program's line.
fn parse(line: &str, threads: usize) -> Result<Option<Imported>, serde_json::Error> {
    // Python writes a number that is none as NaN, which JSON does not have.
    let line: Line = serde_json::from_str(&line.replace("NaN", "null"))?;
    let operation = match line.op.as_str() {
        "eval" | "loss" => Operation::Value,
        "grad" => Operation::Gradient,
        "hvp" => Operation::Hvp,
        "hess" => Operation::Hessian,
        op if op.starts_with("hvp16") => Operation::SixteenHvps,
        _ => return Ok(None),
    };
    let precision = if line.dtype == "f32" { Precision::Single } else { Precision::Double };
    let per_result = operation.results_in_a_call();
    let time = Nanoseconds { median: line.ns / per_result, best: line.min / per_result };
    // There may be several ways of many products: `hvp16_vmap`, `hvp16_loop`.
    let way = line.op.split_once('_').map_or_else(String::new, |(_, way)| format!(", {way}"));
    let (contender, workload, check) = (line.peer + &way, line.wl, line.check);
    let imported = Imported { contender, workload, precision, operation, time, check };
    Ok((line.threads == threads).then_some(imported))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"peer": "JAX jit", "wl": "iris_b150", "op": "hvp16_vmap", "dtype": "f32", "threads": 1,
        "ns": 1600.0, "min": 800.0, "max": 2000.0, "check": NaN}"#;

    #[test]
    fn a_line_becomes_the_time_of_one_result() {
        let imported = parse(LINE, 1).unwrap().unwrap();
        assert_eq!((imported.time.median, imported.time.best), (100.0, 50.0));
        assert_eq!(imported.operation, Operation::SixteenHvps);
        assert_eq!(imported.contender, "JAX jit, vmap");
        assert_eq!(imported.check, None);
    }

    #[test]
    fn another_number_of_threads_is_left_out() {
        assert!(parse(LINE, 2).unwrap().is_none());
    }

    #[test]
    fn a_broken_line_is_an_error() {
        assert!(parse("{\"peer\": 1", 1).is_err());
    }
}
