//! Array kernels: every loop over the elements of an array, generic over the number.
//!
//! All functions read dense row-major arrays and overwrite a buffer `y` of the caller. Nothing is allocated (up to rank 6),
//! except by the matrix product of `f32` and `f64`, which packs its factors, and by factorizations. Shapes were checked when
//! the operation was recorded, so here they are only debug-asserted.
//!
//! # Rounding and order
//!
//! * `+ − × ÷` round exactly as scalar code does: a product and a sum are never contracted.
//! * Sums and dot products have a fixed order, which depends on the shape alone, not on the processor or the number type
//!   (`sum.rs` states it).
//! * The elementary functions of `f32` and `f64` arrays (`vmath`) and the matrix product use fused multiply-add where the
//!   processor has it. So their last bits may differ between processors, and from those of scalar code; on one machine,
//!   equal input gives equal output.
//!
//! This folder imports the ground and `number`.
//!
//! | file | |
//! |---|---|
//! | `elementwise.rs` | functions of each element, with broadcasting |
//! | `sum.rs`, `max.rs`, `log_sum_exp.rs`, `scan.rs` | along axes |
//! | `product.rs`, `gemm.rs` | products of matrices, over any number and over plain ones |
//! | `linear_algebra.rs` | factorizations of plain matrices |
//! | `permute.rs`, `strided.rs`, `index.rs` | moving elements |
//! | `nan.rs` | looking for NaN and infinities |
//! | `layout.rs` | walking several arrays in step |
//! | `real.rs`, `vmath/` | the fast loops of plain numbers, and their elementary functions |

mod elementwise;
mod gemm;
mod index;
mod layout;
#[cfg(feature = "linear-algebra")]
mod linear_algebra;
mod log_sum_exp;
mod max;
mod nan;
mod permute;
mod product;
mod real;
mod scan;
mod strided;
mod sum;
#[cfg(test)]
mod tests;
mod vmath;

pub(crate) use elementwise::{broadcast, map, power_int, power_real, zip};
pub(crate) use index::{Indexed, gather, scatter_add, select};
#[cfg(feature = "linear-algebra")]
pub(crate) use linear_algebra::{
    Field, Triangular, cholesky, eigenvectors, log_determinant, lu, solve_lu, solve_triangular,
};
pub(crate) use log_sum_exp::log_sum_exp;
pub(crate) use max::{max, max_share};
pub(crate) use nan::{all_finite, has_nan, product_has_nan};
pub(crate) use permute::permute;
pub(crate) use product::matmul;
pub(crate) use scan::{argmax, scan};
pub(crate) use strided::{read_lattice, write_lattice};
pub(crate) use sum::{sum, sum_to};
