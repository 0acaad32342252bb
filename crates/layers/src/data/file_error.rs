//! What can be wrong with a file of data, and where.

use std::fmt;
use std::io;

/// Why a file of data was refused, with the place.
///
/// # Example
///
/// ```
/// # #[cfg(feature = "csv")] {
/// use dualtape_layers::{Csv, Error, DataFault};
///
/// let table = Csv::new().read_from("plants", "width,height\n1.5,2\n0.5,tall\n".as_bytes()).unwrap();
/// let refused = table.numbers::<f64>(&["height"]).unwrap_err();
/// assert_eq!(refused.to_string(), "plants, line 3, column 2 (`height`): `tall` is not a number");
/// let Error::DataFile(error) = refused else { panic!() };
/// assert_eq!((error.line, error.column), (Some(3), Some(2)));
/// assert_eq!(error.fault, DataFault::NotANumber { text: "tall".to_owned() });
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DataFileError {
    /// The file's path, or what it was called.
    pub file: String,
    /// The line, counted from 1, where there are lines.
    pub line: Option<u64>,
    /// The row, counted from 1, where there are rows but no lines: an entry along the first axis of an array.
    pub row: Option<usize>,
    /// The column, counted from 1.
    pub column: Option<usize>,
    /// The column's name, or that of an array in an archive.
    pub name: Option<String>,
    /// What is wrong.
    pub fault: DataFault,
}

/// What is wrong with a file of data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DataFault {
    /// It cannot be read.
    #[error("cannot be read: {message}")]
    Io {
        /// The kind of failure.
        kind: io::ErrorKind,
        /// What the system says.
        message: String,
    },
    /// There are no rows.
    #[error("holds no data")]
    Empty,
    /// It is not what its format asks for.
    #[error("{what}")]
    Malformed {
        /// What is wrong.
        what: String,
    },
    /// It takes more memory than it may.
    #[error(
        "is too large: it takes more than the limit of {limit} bytes; if it is to be trusted, raise that by `max_bytes`"
    )]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// A row has too few or too many entries.
    #[error("has {got} entries, where the lines before have {expected}")]
    Ragged {
        /// Entries there are.
        got: u64,
        /// Entries there should be.
        expected: u64,
    },
    /// A value is missing.
    #[error("the value is missing; remove or impute such rows first")]
    Missing,
    /// A number is needed.
    #[error("`{text}` is not a number")]
    NotANumber {
        /// What is there.
        text: String,
    },
    /// A number in text is NaN or infinite, or too large for the number type.
    #[error("{text} is not a finite number; remove or impute such rows first")]
    NotFinite {
        /// What is there.
        text: String,
    },
    /// An element of an array is NaN or infinite, too large for the number type, or a whole number that it does not have.
    #[error("{text} at index {index:?} is no number of the type; remove or impute such rows first")]
    NotANumberOfTheType {
        /// The element.
        text: String,
        /// Its index.
        index: Vec<usize>,
    },
    /// There is no such column, or no such array in an archive.
    #[error("there is no such entry; there are: {known}")]
    NotThere {
        /// All names.
        known: String,
    },
    /// Two columns have one name.
    #[error("another column has the same name")]
    DuplicateColumn,
}

impl DataFileError {
    pub(super) fn new(file: &str, fault: DataFault) -> Self {
        let index: &[usize] = match &fault {
            DataFault::NotANumberOfTheType { index, .. } => index,
            _ => &[],
        };
        let row = index.first().map(|row| row + 1);
        let column = if let &[_, column] = index { Some(column + 1) } else { None };
        Self { file: file.to_owned(), line: None, row, column, name: None, fault }
    }

    pub(super) fn io(file: &str, error: &io::Error) -> Self {
        Self::new(file, DataFault::Io { kind: error.kind(), message: error.to_string() })
    }
}

impl fmt::Display for DataFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        // A name is that of a column in a table, and that of a whole array in an archive.
        match (self.row, self.column, &self.name) {
            (None, Some(column), Some(name)) => write!(f, ", column {column} (`{name}`)")?,
            (row, column, name) => {
                name.iter().try_for_each(|name| write!(f, ", `{name}`"))?;
                row.iter().try_for_each(|row| write!(f, ", row {row}"))?;
                column.iter().try_for_each(|column| write!(f, ", column {column}"))?;
            }
        }
        write!(f, ": {}", self.fault)
    }
}

impl std::error::Error for DataFileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.fault)
    }
}
