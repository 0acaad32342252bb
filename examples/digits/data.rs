//! The images: the reader of the data file.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Pixels of an image: 8 rows of 8.
pub const PIXELS: usize = 64;
/// The digits 0 to 9.
pub const CLASSES: usize = 10;
/// The brightest grey value.
const WHITE: u8 = 16;

/// Images with their labels.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Digits {
    /// Grey values in `[0, 1]`, one image of [`PIXELS`] after the other.
    pub pixels: Vec<f64>,
    /// The digit each image shows.
    pub labels: Vec<usize>,
}

impl Digits {
    /// Reads a file in the format described in `examples/data/README.md`.
    pub fn read(path: &Path) -> Result<Self, DataError> {
        let at = |problem| DataError { path: path.to_owned(), problem };
        let bytes = std::fs::read(path).map_err(|error| at(Problem::Unreadable(error)))?;
        Self::parse(&bytes).map_err(at)
    }

    fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        let mut digits = Self::default();
        for (index, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            digits.push_line(line).map_err(|(column, expected, found)| Problem::Syntax {
                line: index + 1,
                column: column + 1,
                expected,
                found,
            })?;
        }
        if digits.labels.is_empty() { Err(Problem::NoImages) } else { Ok(digits) }
    }

    /// Appends the image of one line, or says in which column (from 0) what was expected and what stood there.
    fn push_line(&mut self, line: &[u8]) -> Result<(), (usize, &'static str, Option<u8>)> {
        let unexpected = |column, expected| (column, expected, line.get(column).copied());
        for column in 0..PIXELS {
            let grey = match line.get(column) {
                Some(&digit @ b'0'..=b'9') => digit - b'0',
                Some(&letter @ b'a'..=b'g') => letter - b'a' + 10,
                _ => return Err(unexpected(column, "a grey value 0..9 or a..g")),
            };
            self.pixels.push(f64::from(grey) / f64::from(WHITE));
        }
        if line.get(PIXELS) != Some(&b' ') {
            return Err(unexpected(PIXELS, "a space after the 64 grey values"));
        }
        match line.get(PIXELS + 1) {
            Some(&digit @ b'0'..=b'9') => self.labels.push(usize::from(digit - b'0')),
            _ => return Err(unexpected(PIXELS + 1, "the digit shown, 0..9")),
        }
        match line.len() {
            66 => Ok(()),
            _ => Err(unexpected(PIXELS + 2, "the end of the line")),
        }
    }
}

/// Why a data file was refused.
#[derive(Debug)]
pub struct DataError {
    path: PathBuf,
    problem: Problem,
}

#[derive(Debug)]
enum Problem {
    Unreadable(io::Error),
    NoImages,
    /// `found` is `None` at the end of the line.
    Syntax {
        line: usize,
        column: usize,
        expected: &'static str,
        found: Option<u8>,
    },
}

impl fmt::Display for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.problem {
            Problem::Unreadable(error) => write!(f, "cannot read the images in {path}: {error}"),
            Problem::NoImages => write!(f, "{path}: there is not a single image in this file"),
            Problem::Syntax { line, column, expected, found } => {
                write!(f, "{path}:{line}:{column}: expected {expected}, found ")?;
                match found {
                    Some(byte) => write!(f, "`{}`", byte.escape_ascii()),
                    None => write!(f, "the end of the line"),
                }
            }
        }
    }
}

impl std::error::Error for DataError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.problem {
            Problem::Unreadable(error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipped() -> Digits {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data/optdigits.txt");
        Digits::read(&path).unwrap()
    }

    /// The message for a file of two good lines, a comment and `line`.
    fn refusal(line: &str) -> String {
        let good = format!("{} 3\n", "0g".repeat(32));
        let text = format!("# comment\n{good}{good}{line}\n");
        let problem = Digits::parse(text.as_bytes()).unwrap_err();
        DataError { path: "digits.txt".into(), problem }.to_string()
    }

    #[test]
    fn shipped_images_are_complete() {
        let digits = shipped();
        assert_eq!((digits.labels.len(), digits.pixels.len()), (1797, 1797 * PIXELS));
        assert_eq!(digits.labels[..10], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        // Second row of the first image, a zero: 00dfaf50.
        assert_eq!(
            digits.pixels[8..16].iter().map(|p| p * 16.0).sum::<f64>(),
            13.0 + 15.0 + 10.0 + 15.0 + 5.0
        );
        let counts: Vec<usize> =
            (0..CLASSES).map(|d| digits.labels.iter().filter(|&&l| l == d).count()).collect();
        assert_eq!(counts, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
    }

    #[test]
    fn windows_line_ends_and_blank_lines_are_fine() {
        let text = format!("#\r\n{} 7\r\n\r\n", "1".repeat(PIXELS));
        assert_eq!(Digits::parse(text.as_bytes()).unwrap().labels, [7]);
    }

    #[test]
    fn errors_name_file_line_and_column() {
        let pixels = "0".repeat(PIXELS);
        assert_eq!(
            refusal(&format!("00h{} 1", &pixels[3..])),
            "digits.txt:4:3: expected a grey value 0..9 or a..g, found `h`"
        );
        assert_eq!(
            refusal("0a"),
            "digits.txt:4:3: expected a grey value 0..9 or a..g, found the end of the line"
        );
        assert_eq!(
            refusal(&format!("{pixels}0 1")),
            "digits.txt:4:65: expected a space after the 64 grey values, found `0`"
        );
        assert_eq!(
            refusal(&format!("{pixels} x")),
            "digits.txt:4:66: expected the digit shown, 0..9, found `x`"
        );
        assert_eq!(
            refusal(&format!("{pixels} 12")),
            "digits.txt:4:67: expected the end of the line, found `2`"
        );
        assert!(refusal("\u{e9}").contains(r"found `\xc3`"));
    }

    #[test]
    fn missing_and_empty_files_are_named() {
        let error = Digits::read(Path::new("no/such/file.txt")).unwrap_err();
        assert!(error.to_string().starts_with("cannot read the images in no/such/file.txt: "));
        assert!(std::error::Error::source(&error).is_some());
        assert!(matches!(Digits::parse(b"# nothing\n"), Err(Problem::NoImages)));
    }
}
