//! Polynomials.

use super::format::Format;
use crate::number::MulAdd;

/// `Σ c[i]·xⁱ` by Horner's rule.
#[inline(always)]
pub(crate) fn polynomial<R: Format, M: MulAdd>(c: &[R], x: R) -> R {
    c.iter().rev().copied().reduce(|sum, c| M::mul_add(sum, x, c)).unwrap_or(R::zero())
}
