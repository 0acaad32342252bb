//! Arrays from NumPy's NPZ archives.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use dualtape_autodiff::{Array, Real};
use zip::ZipArchive;

use super::file_error::{DataFault, DataFileError};
use super::limit::default_limit;
use super::npy;
use crate::errors::Error;

/// How many times its packed size an array may have, where that is more than 1 GiB: zeros can be packed 1000 times smaller,
/// numbers that mean something hardly 10 times. (Apache POI refuses office documents at the same ratio.)
const RATIO: u64 = 100;

/// An NPZ archive of arrays, as `numpy.savez` and `numpy.savez_compressed` write it.
///
/// An array is read when it is asked for. How much memory it may take is [limited](Npz::max_bytes), since a small archive can
/// unpack to more than there is.
///
/// # Example
///
/// ```no_run
/// use dualtape_layers::{Dataset, Npz};
///
/// let mut archive = Npz::open("digits.npz")?;
/// let data = Dataset::<f32>::new(archive.array("inputs")?, archive.array("targets")?)?;
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
#[derive(Debug)]
pub struct Npz<R: Read + Seek = File> {
    file: String,
    archive: ZipArchive<R>,
    /// Of the archive, in bytes.
    length: u64,
    max_bytes: Option<u64>,
}

impl Npz<File> {
    /// Opens a file.
    ///
    /// # Errors
    ///
    /// [`Error::DataFile`] for a file that cannot be read or is no archive.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let name = path.as_ref().display().to_string();
        let file = File::open(path).map_err(|error| DataFileError::io(&name, &error))?;
        Self::new(&name, file)
    }
}

impl<R: Read + Seek> Npz<R> {
    /// An archive in anything that can be read, under a name for error messages.
    ///
    /// # Errors
    ///
    /// As [`open`](Npz::open).
    pub fn new(name: &str, mut reader: R) -> Result<Self, Error> {
        let length =
            reader.seek(SeekFrom::End(0)).map_err(|error| DataFileError::io(name, &error))?;
        match ZipArchive::new(reader) {
            Ok(archive) => Ok(Self { file: name.to_owned(), archive, length, max_bytes: None }),
            Err(error) => {
                let what = format!("is no archive of arrays: {error}");
                Err(DataFileError::new(name, DataFault::Malformed { what }).into())
            }
        }
    }

    /// The names of the arrays.
    pub fn names(&self) -> Vec<String> {
        let names = self.archive.file_names().filter_map(Result::ok);
        names.filter_map(|name| name.strip_suffix(".npy").map(str::to_owned)).collect()
    }

    /// The same, with arrays that take so many bytes in memory at most. Without it an array may take 1 GiB, or 100 times its
    /// packed size where that is more.
    ///
    /// # Example
    ///
    /// ```no_run
    /// use dualtape_autodiff::Array;
    /// use dualtape_layers::Npz;
    ///
    /// let mut archive = Npz::open("uploaded.npz")?.max_bytes(1 << 26);
    /// let images: Array<f32> = archive.array("images")?;
    /// # Ok::<(), dualtape_layers::Error>(())
    /// ```
    #[must_use]
    pub fn max_bytes(self, bytes: u64) -> Self {
        Self { max_bytes: Some(bytes), ..self }
    }

    /// The array of this name; otherwise as [`read_npy`](crate::read_npy).
    ///
    /// # Errors
    ///
    /// [`Error::DataFile`] if it is not there or is [too large](DataFault::TooLarge), and as [`read_npy`](crate::read_npy).
    pub fn array<S: Real>(&mut self, name: &str) -> Result<Array<S>, Error> {
        let read = match self.archive.index_for_name(&format!("{name}.npy")) {
            Some(entry) => self.entry(entry),
            None => Err(DataFault::NotThere { known: self.names().join(", ") }),
        };
        read.map_err(|fault| {
            let name = Some(name.to_owned());
            DataFileError { name, ..DataFileError::new(&self.file, fault) }.into()
        })
    }

    fn entry<S: Real>(&mut self, number: usize) -> Result<Array<S>, DataFault> {
        let entry = self.archive.by_index(number);
        let entry = entry.map_err(|error| DataFault::Malformed { what: error.to_string() })?;
        // What an archive says of sizes are claims.
        let packed = entry.compressed_size().min(self.length);
        npy::read(entry, self.max_bytes.unwrap_or_else(|| default_limit(packed, RATIO)))
    }
}
