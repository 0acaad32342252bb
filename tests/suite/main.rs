//! The crates together: one program, so that what the tests share is compiled once. Allocations are counted in another, which
//! replaces the allocator.

mod derivatives;
mod digits_softmax;
mod readme;
mod training;
