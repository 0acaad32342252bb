//! Arrays from NumPy's NPY files.
//!
//! Format: NumPy Enhancement Proposal 1 and `numpy.lib.format`, versions 1.0 to 3.0.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use dualtape_autodiff::{Array, Real};

use super::file_error::{DataFault, DataFileError};
use super::limit::{default_limit, size};
use crate::errors::Error;

/// The longest header that is read; NumPy's own are 128 bytes or little more.
const LONGEST_HEADER: usize = 1 << 14;

/// The most bytes that an element has, in a file or in memory.
const LARGEST_ELEMENT: usize = 8;

/// The most axes that NumPy's arrays can have.
const MOST_AXES: usize = 64;

/// How many bytes of elements are converted at once, a multiple of every element's size.
const AT_ONCE: usize = 1 << 14;

/// Reader of NPY files, which takes a limit: [`read_npy`] and [`read_npy_from`] with settings.
///
/// # Example
///
/// A file unpacked on the way, of which nobody knows how large it will be:
///
/// ```
/// use dualtape_layers::{DataFault, Error, Npy};
///
/// let header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (4000000000000,), }\n";
/// let mut file = b"\x93NUMPY\x01\x00".to_vec();
/// file.extend((header.len() as u16).to_le_bytes());
/// file.extend(header);
/// let endless = std::io::Read::chain(file.as_slice(), std::io::repeat(7));
/// let refused = Npy::new().max_bytes(1 << 26).read_from::<f32>("large.npy.gz", endless);
/// let Err(Error::DataFile(error)) = refused else { panic!() };
/// assert_eq!(error.fault, DataFault::TooLarge { limit: 1 << 26 });
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Npy {
    max_bytes: Option<u64>,
}

impl Npy {
    /// With the limits that [`max_bytes`](Self::max_bytes) tells.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same, with arrays that take so many bytes in memory at most.
    ///
    /// Without it an array from a file may take 1 GiB, or what it takes without a limit if its elements are all in the file;
    /// one from elsewhere, 1 GiB.
    pub fn max_bytes(self, bytes: u64) -> Self {
        Self { max_bytes: Some(bytes) }
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// As [`read_npy`], and [`DataFault::TooLarge`](crate::DataFault::TooLarge).
    pub fn read<S: Real>(&self, path: impl AsRef<Path>) -> Result<Array<S>, Error> {
        let name = path.as_ref().display().to_string();
        let file = File::open(path).map_err(|error| DataFileError::io(&name, &error))?;
        let limit =
            self.max_bytes.unwrap_or_else(|| default_limit(size(&file), size_of::<S>() as u64));
        Ok(read(file, limit).map_err(|fault| DataFileError::new(&name, fault))?)
    }

    /// Reads from anything that can be read, under a name for error messages.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn read_from<S: Real>(&self, name: &str, reader: impl Read) -> Result<Array<S>, Error> {
        let limit = self.max_bytes.unwrap_or_else(|| default_limit(0, 0));
        Ok(read(reader, limit).map_err(|fault| DataFileError::new(name, fault))?)
    }
}

/// The array in an NPY file: of floating-point numbers, integers or booleans, in either byte order and either order of axes.
///
/// The data must be as long as the header says; no memory is set aside before they are there.
///
/// # Errors
///
/// [`Error::DataFile`]: a file that cannot be read, is no NPY file, is cut off, holds another type of element, or a number that
/// the number type has not, as NaN, an infinity, or an integer beyond its exact range; that comes with its row, in a matrix
/// its column too, and its index.
///
/// # Example
///
/// ```no_run
/// use dualtape_layers::{Dataset, read_npy};
///
/// let data = Dataset::<f64>::new(read_npy("inputs.npy")?, read_npy("targets.npy")?)?;
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
pub fn read_npy<S: Real>(path: impl AsRef<Path>) -> Result<Array<S>, Error> {
    Npy::new().read(path)
}

/// As [`read_npy`], from anything that can be read, under a name for error messages. An array of more than 1 GiB is refused;
/// [`Npy`] takes another limit.
///
/// # Errors
///
/// As [`read_npy`], and [`DataFault::TooLarge`](crate::DataFault::TooLarge).
///
/// # Example
///
/// ```
/// use dualtape_layers::read_npy_from;
///
/// let header = b"{'descr': '<i2', 'fortran_order': True, 'shape': (2, 2), }\n";
/// let mut file = b"\x93NUMPY\x01\x00".to_vec();
/// file.extend((header.len() as u16).to_le_bytes());
/// file.extend(header);
/// file.extend([1_i16, 2, 3, 4].map(i16::to_le_bytes).concat());
/// let array = read_npy_from::<f64>("small.npy", file.as_slice())?;
/// assert_eq!((array.shape(), array.data()), (&[2, 2][..], &[1.0, 3.0, 2.0, 4.0][..]));
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
pub fn read_npy_from<S: Real>(name: &str, reader: impl Read) -> Result<Array<S>, Error> {
    Npy::new().read_from(name, reader)
}

/// Reads an array that takes no more than `limit` bytes. Memory grows with what is there, not with what is claimed.
pub(super) fn read<S: Real>(mut reader: impl Read, limit: u64) -> Result<Array<S>, DataFault> {
    let header = Header::parse(&read_header(&mut reader)?)?;
    let (size, bytes) = (header.kind.size(), header.bytes()?);
    let count = bytes / size;
    if (count as u64).saturating_mul(size_of::<S>() as u64) > limit {
        return Err(DataFault::TooLarge { limit });
    }
    let wrong_length = |relation: &str| {
        malformed(&format!("holds {relation} than the {bytes} bytes that its shape asks for"))
    };
    let mut elements = Vec::new();
    let mut part = Vec::with_capacity(AT_ONCE.min(bytes));
    while elements.len() < count {
        part.clear();
        let wanted = AT_ONCE.min(bytes - size * elements.len());
        let read = reader.by_ref().take(wanted as u64).read_to_end(&mut part);
        if read.map_err(|error| io_fault(&error))? < wanted {
            return Err(wrong_length("fewer"));
        }
        for bytes in part.chunks_exact(size) {
            let element = header.element(bytes).map_err(|text| {
                let index = header.index(elements.len());
                DataFault::NotANumberOfTheType { text, index }
            })?;
            elements.push(element);
        }
    }
    // At the end an archive compares its checksum.
    part.clear();
    if reader.take(1).read_to_end(&mut part).map_err(|error| io_fault(&error))? > 0 {
        return Err(wrong_length("more"));
    }
    let elements = if header.fortran { transposed(&header.shape, &elements) } else { elements };
    Array::new(&header.shape, elements).map_err(|error| malformed(&error.to_string()))
}

/// The text of the header.
fn read_header(reader: &mut impl Read) -> Result<String, DataFault> {
    let mut start = [0; 8];
    fill(reader, &mut start)?;
    let [magic @ .., major, _] = start;
    if &magic != b"\x93NUMPY" {
        return Err(malformed("is not an NPY file"));
    }
    let length = match major {
        1 => {
            let mut length = [0; 2];
            fill(reader, &mut length)?;
            usize::from(u16::from_le_bytes(length))
        }
        2 | 3 => {
            let mut length = [0; 4];
            fill(reader, &mut length)?;
            usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX)
        }
        _ => return Err(malformed(&format!("has the unknown format version {major}"))),
    };
    if length > LONGEST_HEADER {
        return Err(malformed(&format!("claims a header of {length} bytes")));
    }
    let mut text = vec![0; length];
    fill(reader, &mut text)?;
    String::from_utf8(text).map_err(|_| malformed("has a header that is not text"))
}

fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> Result<(), DataFault> {
    reader.read_exact(buffer).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => malformed("is cut off in its header"),
        _ => io_fault(&error),
    })
}

fn io_fault(error: &std::io::Error) -> DataFault {
    DataFault::Io { kind: error.kind(), message: error.to_string() }
}

fn malformed(what: &str) -> DataFault {
    DataFault::Malformed { what: what.to_owned() }
}

/// A type of element.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Float(usize),
    Signed(usize),
    Unsigned(usize),
    Bool,
}

impl Kind {
    fn size(self) -> usize {
        match self {
            Self::Float(size) | Self::Signed(size) | Self::Unsigned(size) => size,
            Self::Bool => 1,
        }
    }
}

#[derive(Debug)]
struct Header {
    kind: Kind,
    big_endian: bool,
    fortran: bool,
    shape: Vec<usize>,
}

impl Header {
    /// Of `{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }`, a literal of Python with these entries in any order.
    fn parse(text: &str) -> Result<Self, DataFault> {
        let broken =
            || malformed(&format!("has a header that is not understood: {:?}", text.trim()));
        let entry = |key: &str| {
            let quoted = [format!("'{key}'"), format!("\"{key}\"")];
            let found = quoted.iter().find_map(|key| Some(text.split_once(key.as_str())?.1));
            let rest = found.and_then(|rest| rest.trim_start().strip_prefix(':'));
            rest.map(str::trim_start).ok_or_else(broken)
        };
        let descr = entry("descr")?;
        let descr = match descr.chars().next() {
            Some(quote @ ('\'' | '"')) => descr[1..].split(quote).next().unwrap_or_default(),
            _ => return Err(malformed("holds records, not numbers")),
        };
        let (kind, big_endian) = kind(descr)?;
        let fortran = match entry("fortran_order")? {
            order if order.starts_with("True") => true,
            order if order.starts_with("False") => false,
            _ => return Err(broken()),
        };
        let shape = entry("shape")?.strip_prefix('(').and_then(|rest| rest.split_once(')'));
        let axes = shape.ok_or_else(broken)?.0.split(',').map(str::trim);
        let axes = axes.filter(|axis| !axis.is_empty()).map(|axis| axis.parse::<usize>());
        let shape = axes.collect::<Result<Vec<_>, _>>().map_err(|_| broken())?;
        if shape.len() > MOST_AXES {
            let count = shape.len();
            return Err(malformed(&format!(
                "has {count} axes, where NumPy has {MOST_AXES} at most"
            )));
        }
        Ok(Self { kind, big_endian, fortran, shape })
    }

    /// Length of the data.
    fn bytes(&self) -> Result<usize, DataFault> {
        // As NumPy has it: without elements too, no axes that an array of any type could not have.
        let axes = self.shape.iter().filter(|&&axis| axis > 0);
        let room = axes.copied().try_fold(LARGEST_ELEMENT, usize::checked_mul);
        if room.is_none_or(|bytes| bytes > isize::MAX as usize) {
            return Err(malformed(&format!("claims the shape {:?}, too large", self.shape)));
        }
        Ok(self.shape.iter().product::<usize>() * self.kind.size())
    }

    /// The index of the element at a place in the file.
    fn index(&self, mut place: usize) -> Vec<usize> {
        let mut index = vec![0; self.shape.len()];
        let mut split = |axis: usize| {
            index[axis] = place % self.shape[axis];
            place /= self.shape[axis];
        };
        if self.fortran {
            (0..self.shape.len()).for_each(&mut split);
        } else {
            (0..self.shape.len()).rev().for_each(&mut split);
        }
        index
    }

    /// An element, or in text the number that is none of the number type.
    fn element<S: Real>(&self, bytes: &[u8]) -> Result<S, String> {
        let mut padded = [0; 8];
        for (i, &byte) in bytes.iter().enumerate() {
            padded[if self.big_endian { bytes.len() - 1 - i } else { i }] = byte;
        }
        let bits = u64::from_le_bytes(padded);
        match self.kind {
            Kind::Float(4) => finite(f64::from(f32::from_bits(bits as u32))),
            Kind::Float(_) => finite(f64::from_bits(bits)),
            Kind::Signed(size) => {
                let unused = 64 - 8 * size as u32;
                whole(((bits as i64) << unused >> unused).into())
            }
            Kind::Unsigned(_) => whole(bits.into()),
            Kind::Bool => Ok(if bits == 0 { S::zero() } else { S::one() }),
        }
    }
}

/// The number, if it is finite and stays so in its type.
fn finite<S: Real>(value: f64) -> Result<S, String> {
    let x = S::constant(value);
    if x.is_finite() { Ok(x) } else { Err(value.to_string()) }
}

/// The whole number, if its type has it.
fn whole<S: Real>(value: i128) -> Result<S, String> {
    let x = S::constant(value as f64);
    if x.to_i128() == Some(value) { Ok(x) } else { Err(value.to_string()) }
}

/// The type of element, and whether its most significant byte comes first.
fn kind(descr: &str) -> Result<(Kind, bool), DataFault> {
    let unknown = || {
        let known = "f4, f8, i1 to i8, u1 to u8 and b1 can be read";
        malformed(&format!("holds elements of type {descr:?}, of which none is known; {known}"))
    };
    let (order, name) = match descr.chars().next() {
        Some(order @ ('<' | '>' | '|' | '=')) => (order, &descr[1..]),
        _ => ('=', descr),
    };
    let kind = match name {
        "f4" => Kind::Float(4),
        "f8" => Kind::Float(8),
        "i1" => Kind::Signed(1),
        "i2" => Kind::Signed(2),
        "i4" => Kind::Signed(4),
        "i8" => Kind::Signed(8),
        "u1" => Kind::Unsigned(1),
        "u2" => Kind::Unsigned(2),
        "u4" => Kind::Unsigned(4),
        "u8" => Kind::Unsigned(8),
        "b1" => Kind::Bool,
        _ => return Err(unknown()),
    };
    let big_endian = order == '>' || (order == '=' && cfg!(target_endian = "big"));
    Ok((kind, big_endian))
}

/// From the order with the first axis fastest to that with the last axis fastest.
fn transposed<S: Real>(shape: &[usize], elements: &[S]) -> Vec<S> {
    if elements.is_empty() {
        return Vec::new();
    }
    // Axes of length 1 change nothing but would be walked over at each element.
    let axes: Vec<usize> = shape.iter().copied().filter(|&axis| axis > 1).collect();
    let strides: Vec<usize> = axes
        .iter()
        .scan(1, |stride, &axis| {
            let own = *stride;
            *stride *= axis;
            Some(own)
        })
        .collect();
    let (mut index, mut place) = (vec![0; axes.len()], 0);
    let mut out = Vec::with_capacity(elements.len());
    for _ in 0..elements.len() {
        out.push(elements[place]);
        for axis in (0..axes.len()).rev() {
            index[axis] += 1;
            place += strides[axis];
            if index[axis] < axes[axis] {
                break;
            }
            place -= axes[axis] * strides[axis];
            index[axis] = 0;
        }
    }
    out
}
