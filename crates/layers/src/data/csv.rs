//! Data from text files with comma-separated values.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use csv::{ErrorKind, Position, ReaderBuilder, StringRecord, Trim};
use dualtape_autodiff::{Array, Real};

use super::Dataset;
use super::file_error::{DataFault, DataFileError};
use super::limit::{default_limit, size};
use crate::errors::Error;

/// How a text file of comma-separated values is written, and its reader.
///
/// Fields may be quoted; spaces around them, empty lines and a byte-order mark are skipped.
///
/// # Example
///
/// ```
/// use dualtape_layers::Csv;
///
/// let text = "length,width,species\n5.1,3.5,setosa\n7.0,3.2,versicolor\n4.9,3.0,setosa\n";
/// let table = Csv::new().read_from("iris.csv", text.as_bytes())?;
/// let (data, classes) = table.classification::<f64>("species")?;
/// assert_eq!(data.inputs().shape(), [3, 2]);
/// assert_eq!(data.labels()?, [0, 1, 0]);
/// assert_eq!(classes, ["setosa", "versicolor"]);
///
/// let data = table.without(&["species"])?.regression::<f32>(&["width"])?;
/// assert_eq!(data.targets().data(), [3.5, 3.2, 3.0]);
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Csv {
    header: bool,
    delimiter: u8,
    max_bytes: Option<u64>,
}

impl Default for Csv {
    fn default() -> Self {
        Self { header: true, delimiter: b',', max_bytes: None }
    }
}

impl Csv {
    /// With commas, and names of the columns in the first line.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same, with data from the first line on: columns have numbers alone.
    pub fn without_header(self) -> Self {
        Self { header: false, ..self }
    }

    /// The same, with fields separated by this byte, such as `b';'` or `b'\t'`.
    pub fn delimiter(self, delimiter: u8) -> Self {
        Self { delimiter, ..self }
    }

    /// The same, for text of so many bytes at most. Without it a file may have any size, and text from elsewhere, as from a
    /// program that unpacks it, 1 GiB. A table takes about as much memory as its text, and 8 bytes more for each entry.
    pub fn max_bytes(self, bytes: u64) -> Self {
        Self { max_bytes: Some(bytes), ..self }
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`Error::DataFile`] with the line of what is wrong: a file that cannot be read, is no UTF-8, or has no rows; a row with too
    /// few or too many entries; two columns of one name; [`DataFault::TooLarge`].
    pub fn read(&self, path: impl AsRef<Path>) -> Result<CsvTable, Error> {
        let name = path.as_ref().display().to_string();
        let file = File::open(path).map_err(|error| DataFileError::io(&name, &error))?;
        let known = size(&file);
        self.table(&name, file, known)
    }

    /// Reads from anything that can be read, under a name for error messages; otherwise as [`read`](Self::read).
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn read_from(&self, name: &str, reader: impl Read) -> Result<CsvTable, Error> {
        self.table(name, reader, 0)
    }

    fn table(&self, name: &str, reader: impl Read, known: u64) -> Result<CsvTable, Error> {
        let limit = self.max_bytes.unwrap_or_else(|| default_limit(known, 1));
        let mut text = Vec::new();
        let length = reader.take(limit.saturating_add(1)).read_to_end(&mut text);
        let length = length.map_err(|error| DataFileError::io(name, &error))?;
        if length as u64 > limit {
            return Err(DataFileError::new(name, DataFault::TooLarge { limit }).into());
        }
        let mut options = ReaderBuilder::new();
        options.has_headers(self.header).delimiter(self.delimiter).trim(Trim::All);
        let mut reader = options.from_reader(text.as_slice());
        let refused = |error: csv::Error| refused(name, &error, &text);
        let mut content = Content::new(name);
        if self.header {
            content.set_names(reader.headers().map_err(refused)?)?;
        }
        let mut row = StringRecord::new();
        while reader.read_record(&mut row).map_err(refused)? {
            content.push(&row, row.position().map(|start| line(start, &text)));
        }
        if content.lines.is_empty() {
            return Err(DataFileError::new(name, DataFault::Empty).into());
        }
        let kept = vec![true; content.columns];
        Ok(CsvTable { content: Arc::new(content), kept })
    }
}

/// The line of a row, whose position is that where the row before ended: empty lines between them do not belong to it.
fn line(start: &Position, text: &[u8]) -> u64 {
    let rest = usize::try_from(start.byte()).ok().and_then(|byte| text.get(byte..));
    let breaks = rest.unwrap_or_default().iter().take_while(|byte| matches!(byte, b'\n' | b'\r'));
    start.line() + breaks.filter(|&&byte| byte == b'\n').count() as u64
}

/// Where the reader found what is wrong.
fn refused(file: &str, error: &csv::Error, text: &[u8]) -> DataFileError {
    let line = error.position().map(|start| line(start, text));
    let fault = match error.kind() {
        ErrorKind::Io(error) => return DataFileError::io(file, error),
        &ErrorKind::UnequalLengths { expected_len, len, .. } => {
            DataFault::Ragged { got: len, expected: expected_len }
        }
        ErrorKind::Utf8 { .. } => DataFault::Malformed { what: "is not UTF-8 text".to_owned() },
        _ => DataFault::Malformed { what: error.to_string() },
    };
    DataFileError { line, ..DataFileError::new(file, fault) }
}

/// A column of a table: by its name, or by its number, counted from 1 as in error messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Column {
    /// The column of this name in the header.
    Name(String),
    /// The column of this number in the file, counted from 1.
    Number(usize),
}

impl From<&str> for Column {
    fn from(name: &str) -> Self {
        Self::Name(name.to_owned())
    }
}

impl From<usize> for Column {
    fn from(number: usize) -> Self {
        Self::Number(number)
    }
}

/// The text of a file of comma-separated values, to be taken as numbers and labels. Cloning shares it.
#[derive(Clone, Debug)]
pub struct CsvTable {
    content: Arc<Content>,
    /// Whether each column is not left out.
    kept: Vec<bool>,
}

/// All that is in a file.
#[derive(Debug)]
struct Content {
    file: String,
    /// Names of the columns, if the file has a header.
    names: Vec<String>,
    /// The columns by their names.
    numbers: HashMap<String, usize>,
    columns: usize,
    /// All entries, row by row, without anything between them.
    text: String,
    /// Where each entry ends.
    ends: Vec<usize>,
    /// The line of each row.
    lines: Vec<Option<u64>>,
}

impl Content {
    fn new(file: &str) -> Self {
        Self {
            file: file.to_owned(),
            names: Vec::new(),
            numbers: HashMap::new(),
            columns: 0,
            text: String::new(),
            ends: Vec::new(),
            lines: Vec::new(),
        }
    }

    fn set_names(&mut self, names: &StringRecord) -> Result<(), Error> {
        for (column, name) in names.iter().enumerate() {
            if self.numbers.insert(name.to_owned(), column).is_some() {
                let error = DataFileError::new(&self.file, DataFault::DuplicateColumn);
                let (line, column) = (Some(1), Some(column + 1));
                let name = Some(name.to_owned());
                return Err(DataFileError { line, column, name, ..error }.into());
            }
            self.names.push(name.to_owned());
        }
        Ok(())
    }

    /// Adds a row, which the reader has compared with the others.
    fn push(&mut self, row: &StringRecord, line: Option<u64>) {
        self.columns = row.len();
        for entry in row {
            self.text.push_str(entry);
            self.ends.push(self.text.len());
        }
        self.lines.push(line);
    }

    fn entry(&self, row: usize, column: usize) -> &str {
        let place = row * self.columns + column;
        let start = if place == 0 { 0 } else { self.ends[place - 1] };
        &self.text[start..self.ends[place]]
    }
}

impl CsvTable {
    /// Number of rows, at least 1.
    #[expect(clippy::len_without_is_empty, reason = "a table is never empty")]
    pub fn len(&self) -> usize {
        self.content.lines.len()
    }

    /// The names of the columns that are not left out; none without a header.
    pub fn names(&self) -> Vec<&str> {
        let names = self.content.names.iter().zip(&self.kept);
        names.filter(|&(_, kept)| *kept).map(|(name, _)| name.as_str()).collect()
    }

    /// The same table without these columns.
    ///
    /// # Errors
    ///
    /// [`Error::DataFile`] for a column that is not there.
    pub fn without<C: Into<Column> + Clone>(&self, columns: &[C]) -> Result<Self, Error> {
        let mut rest = self.clone();
        for column in self.find_all(columns)? {
            rest.kept[column] = false;
        }
        Ok(rest)
    }

    /// The numbers in these columns, `[rows, columns]`.
    ///
    /// # Errors
    ///
    /// [`Error::DataFile`] with line and column of the first entry that is missing, no number, or not finite; for a column that is
    /// not there.
    pub fn numbers<S: Real>(
        &self,
        columns: &[impl Into<Column> + Clone],
    ) -> Result<Array<S>, Error> {
        self.array(&self.find_all(columns)?)
    }

    /// The labels in a column, as numbers of classes, and the names of the classes: sorted as numbers if all are, else as text.
    /// `O(n log n)` for `n` rows.
    ///
    /// # Errors
    ///
    /// [`Error::DataFile`] with the line of the first label that is missing; for a column that is not there.
    pub fn labels(&self, column: impl Into<Column>) -> Result<(Vec<usize>, Vec<String>), Error> {
        let column = self.find(column.into())?;
        let texts = (0..self.len()).map(|row| match self.content.entry(row, column) {
            "" => Err(Error::from(self.at(row, column, DataFault::Missing))),
            text => Ok(text),
        });
        let texts = texts.collect::<Result<Vec<_>, _>>()?;
        let mut classes: Vec<&str> =
            texts.iter().copied().collect::<HashSet<_>>().into_iter().collect();
        classes.sort_unstable();
        let number = |text: &&str| text.parse::<f64>().ok().filter(|x| x.is_finite());
        if let Some(numbers) = classes.iter().map(number).collect::<Option<Vec<_>>>() {
            let mut numbered: Vec<_> = numbers.into_iter().zip(classes).collect();
            numbered.sort_by(|a, b| a.0.partial_cmp(&b.0).expect("finite numbers"));
            classes = numbered.into_iter().map(|(_, text)| text).collect();
        }
        let number_of: HashMap<&str, usize> = classes.iter().copied().zip(0..).collect();
        let labels = texts.iter().map(|text| number_of[text]).collect();
        Ok((labels, classes.into_iter().map(str::to_owned).collect()))
    }

    /// A data set with these columns as targets, and all others that are not left out as inputs.
    ///
    /// # Errors
    ///
    /// As [`numbers`](Self::numbers); [`Error::Empty`] if no column remains for either.
    pub fn regression<S: Real>(
        &self,
        targets: &[impl Into<Column> + Clone],
    ) -> Result<Dataset<S>, Error> {
        let targets = self.find_all(targets)?;
        Dataset::new(self.array(&self.others(&targets))?, self.array(&targets)?)
    }

    /// A data set with the labels in this column, as [`Dataset::labelled`], all other columns that are not left out as inputs;
    /// and the names of the classes.
    ///
    /// # Errors
    ///
    /// As [`numbers`](Self::numbers) and [`labels`](Self::labels).
    pub fn classification<S: Real>(
        &self,
        label: impl Into<Column>,
    ) -> Result<(Dataset<S>, Vec<String>), Error> {
        let column = self.find(label.into())?;
        let (labels, classes) = self.labels(column + 1)?;
        let inputs = self.array(&self.others(&[column]))?;
        Ok((Dataset::labelled(inputs, &labels, classes.len())?, classes))
    }

    fn array<S: Real>(&self, columns: &[usize]) -> Result<Array<S>, Error> {
        let entries = (0..self.len()).flat_map(|row| columns.iter().map(move |&c| (row, c)));
        let numbers = entries.map(|(row, column)| self.number(row, column));
        Ok(Array::new(&[self.len(), columns.len()], numbers.collect::<Result<_, _>>()?)?)
    }

    fn number<S: Real>(&self, row: usize, column: usize) -> Result<S, Error> {
        let text = self.content.entry(row, column);
        let owned = || text.to_owned();
        let fault = match text.parse().map(S::constant) {
            Ok(x) if x.is_finite() => return Ok(x),
            Ok(_) => DataFault::NotFinite { text: owned() },
            Err(_) if text.is_empty() => DataFault::Missing,
            Err(_) => DataFault::NotANumber { text: owned() },
        };
        Err(self.at(row, column, fault).into())
    }

    fn at(&self, row: usize, column: usize, fault: DataFault) -> DataFileError {
        DataFileError {
            line: self.content.lines[row],
            column: Some(column + 1),
            name: self.content.names.get(column).cloned(),
            ..DataFileError::new(&self.content.file, fault)
        }
    }

    /// The columns that are neither left out nor among these.
    fn others(&self, columns: &[usize]) -> Vec<usize> {
        let mut kept = self.kept.clone();
        for &column in columns {
            kept[column] = false;
        }
        (0..kept.len()).filter(|&column| kept[column]).collect()
    }

    fn find_all(&self, columns: &[impl Into<Column> + Clone]) -> Result<Vec<usize>, Error> {
        columns.iter().map(|column| self.find(column.clone().into())).collect()
    }

    /// The number, from 0, of a column that is not left out.
    fn find(&self, column: Column) -> Result<usize, Error> {
        let found = match &column {
            Column::Name(name) => self.content.numbers.get(name).copied(),
            Column::Number(number) => number.checked_sub(1),
        };
        if let Some(found) = found.filter(|&found| self.kept.get(found) == Some(&true)) {
            return Ok(found);
        }
        let known = match self.content.names.as_slice() {
            [] => format!("columns 1 to {}", self.content.columns),
            _ => self.names().join(", "),
        };
        let error = DataFileError::new(&self.content.file, DataFault::NotThere { known });
        Err(match column {
            Column::Name(name) => DataFileError { name: Some(name), ..error }.into(),
            Column::Number(number) => DataFileError { column: Some(number), ..error }.into(),
        })
    }
}
