//! Writes the seeds that are files of dualtape's own: run it when a format changes.
//!
//! ```sh
//! cargo run --manifest-path crates/fuzz/Cargo.toml --example seeds -- crates/fuzz/corpus
//! ```

use std::fs;
use std::path::{Path, PathBuf};

use dualtape_fuzz::{data, network, optimizer, state_beside, trainer};

type Anything<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Anything<()> {
    let corpus = PathBuf::from(std::env::args().nth(1).ok_or("name the folder of the corpus")?);
    fs::create_dir_all(corpus.join("weights"))?;
    fs::create_dir_all(corpus.join("training"))?;
    let scratch = dualtape_fuzz::scratch("seed");
    network(3).save(&scratch)?;
    seed(&scratch, &corpus.join("weights"), "network")?;
    for epochs in 1..=2 {
        let mut network = network(3);
        let trainer = trainer().epochs(epochs).checkpoint(&scratch);
        trainer.fit(&mut network, &mut optimizer(), &data())?;
        let state = state_beside(&scratch);
        seed(&state, &corpus.join("training"), &format!("after-{epochs}"))?;
        fs::remove_file(state)?;
    }
    Ok(fs::remove_file(scratch)?)
}

/// A file as it is, and with its header as a line of text.
fn seed(file: &Path, corpus: &Path, name: &str) -> Anything<()> {
    let bytes = fs::read(file)?;
    let (length, rest) = bytes.split_first_chunk().ok_or("a file without a header")?;
    let (header, entries) = rest.split_at(usize::try_from(u64::from_le_bytes(*length))?);
    fs::write(corpus.join(name), &bytes)?;
    Ok(fs::write(
        corpus.join(format!("{name}-text")),
        [header.trim_ascii_end(), b"\n", entries].concat(),
    )?)
}
