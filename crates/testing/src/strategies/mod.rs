//! Strategies of proptest: points at which derivatives can be checked, arrays, directions, and whole programs.

mod arrays;
mod points;
mod programs;

pub use arrays::{Broadcasting, array, broadcasting, direction, shape};
pub use points::{
    Domain, apart, away_from, between, positive, reals, simplex, special,
    symmetric_positive_definite, unit_interval,
};
pub use programs::{Program, programs, programs_with_stopped_gradients};
