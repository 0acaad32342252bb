//! Arrays from NumPy's NPZ archives.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;

use dualtape_autodiff::{Array, Real};
use zip::ZipArchive;

use super::file_error::{DataFault, DataFileError};
use super::npy;
use crate::errors::Error;

/// An NPZ archive of arrays, as `numpy.savez` and `numpy.savez_compressed` write it.
///
/// An array is read when it is asked for.
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
    pub fn new(name: &str, reader: R) -> Result<Self, Error> {
        match ZipArchive::new(reader) {
            Ok(archive) => Ok(Self { file: name.to_owned(), archive }),
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

    /// The array of this name; otherwise as [`read_npy`](crate::read_npy).
    ///
    /// # Errors
    ///
    /// [`Error::DataFile`] if it is not there, and as [`read_npy`](crate::read_npy).
    pub fn array<S: Real>(&mut self, name: &str) -> Result<Array<S>, Error> {
        let known = self.names().join(", ");
        let read = match self.archive.by_name(&format!("{name}.npy")) {
            Ok(entry) => npy::read(entry),
            Err(zip::result::ZipError::FileNotFound) => Err(DataFault::NotThere { known }),
            Err(error) => Err(DataFault::Malformed { what: error.to_string() }),
        };
        read.map_err(|fault| {
            let name = Some(name.to_owned());
            DataFileError { name, ..DataFileError::new(&self.file, fault) }.into()
        })
    }
}
