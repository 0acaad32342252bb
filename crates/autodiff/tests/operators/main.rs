//! Derivative operators, held against nested dual numbers, closed forms and each other.

mod composite;
mod linearization;
mod nested;
mod support;
mod taylor;
mod tree;
mod vector_function;
