//! Data: inputs and targets row by row, where they come from, and how they are shared out and scaled.

mod arrays;
mod dataset;
mod series;
mod split;
mod standardize;

pub(crate) use arrays::{
    check_labels, check_row_counts, check_rows, not_finite, row_length, to_f64,
};
pub use arrays::{one_hot, table};
pub use dataset::Dataset;
pub use series::windows;
pub use standardize::Standardize;
