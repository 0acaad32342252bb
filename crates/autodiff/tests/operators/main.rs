//! Derivative operators, held against nested dual numbers, closed forms and each other.

mod linearization;
mod support;
mod vector_function;
