//! Data: inputs and targets row by row, where they come from, and how they are shared out and scaled.

mod arrays;
#[cfg(feature = "csv")]
mod csv;
mod dataset;
mod file_error;
mod limit;
mod npy;
#[cfg(feature = "npz")]
mod npz;
mod series;
mod split;
mod standardize;

pub(crate) use arrays::{
    check_labels, check_row_counts, check_rows, not_finite, reserve, row_length, to_f64,
};
pub use arrays::{one_hot, table};
#[cfg(feature = "csv")]
pub use csv::{Column, Csv, CsvTable};
pub use dataset::Dataset;
pub use file_error::{DataFault, DataFileError};
pub use npy::{Npy, read_npy, read_npy_from};
#[cfg(feature = "npz")]
pub use npz::Npz;
pub use series::windows;
pub use standardize::Standardize;
