//! NPZ archives: read or refused in memory that a limit accounts for, and the same when written and read again.

#![no_main]

use std::io::{Cursor, Write as _};

use dualtape_autodiff::Array;
use dualtape_fuzz::{bits, bounded, npy, npy_of};
use dualtape_layers::Npz;
use libfuzzer_sys::fuzz_target;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

const LIMIT: u64 = 1 << 20;

fuzz_target!(|bytes: &[u8]| {
    let file = match bytes {
        [b'P', b'K', ..] => bytes.to_vec(),
        // One array of a file that holds nothing else, since mutations of packed bytes rarely pass their checksum.
        [packed, array @ ..] => archive(&[("a.npy", &npy(array))], packed % 2 == 1),
        [] => return,
    };
    let budget = 64 * file.len() + 8 * LIMIT as usize;
    let arrays = bounded(budget, || read(&file));
    let entries: Vec<_> =
        arrays.iter().map(|(name, array)| (format!("{name}.npy"), npy_of(array, false))).collect();
    let entries: Vec<_> = entries.iter().map(|(name, file)| (&name[..], &file[..])).collect();
    let again = read(&archive(&entries, true));
    assert_eq!(again.len(), arrays.len());
    for ((name, array), (again_name, again)) in arrays.iter().zip(&again) {
        assert_eq!((again_name, again.shape()), (name, array.shape()));
        assert_eq!(bits(again.data()), bits(array.data()));
    }
});

/// The arrays that can be read, each name once.
fn read(file: &[u8]) -> Vec<(String, Array<f64>)> {
    let Ok(archive) = Npz::new("a", Cursor::new(file)) else { return Vec::new() };
    let mut archive = archive.max_bytes(LIMIT);
    let mut names = archive.names();
    names.sort_unstable();
    names.dedup();
    names.into_iter().filter_map(|name| Some((name.clone(), archive.array(&name).ok()?))).collect()
}

fn archive(entries: &[(&str, &[u8])], packed: bool) -> Vec<u8> {
    let method = if packed { CompressionMethod::Deflated } else { CompressionMethod::Stored };
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, file) in entries {
        let options = SimpleFileOptions::default().compression_method(method);
        archive.start_file(*name, options).expect("a name that can be read can be written");
        archive.write_all(file).expect("memory can be written");
    }
    archive.finish().expect("memory can be written").into_inner()
}
