//! Collecting like terms, so that repeated derivatives along one direction stay few.

use std::collections::HashMap;

use super::adjoint::sum_of_products;
use crate::number::{Binary, Scalar, Unary};
use crate::program::{Id, Op};
use crate::tape::Var;

/// `Σ aᵢ·bᵢ`, with equal products, also such as differ by a constant factor, counted instead of repeated.
///
/// By Leibniz' rule the n-th derivative of a product has n + 1 terms; without this it would have 2ⁿ.
pub(crate) fn collected_sum<'t, T: Scalar>(products: &[(Var<'t, T>, Var<'t, T>)]) -> Var<'t, T> {
    let mut terms: Vec<Term<'t, T>> = Vec::with_capacity(products.len());
    let mut known: HashMap<[Id; 2], usize> = HashMap::with_capacity(products.len());
    for &(a, b) in products {
        let ((p, a), (q, b)) = (without_factor(a), without_factor(b));
        let term = Term { factor: p * q, a, b };
        // Only what is on the tape is known to be equal by its number.
        let index = match a.tape.and(b.tape) {
            Some(_) => *known.entry([a.id.min(b.id), a.id.max(b.id)]).or_insert(terms.len()),
            None => terms.len(),
        };
        match terms.get_mut(index) {
            Some(like) => like.factor += term.factor,
            None => terms.push(term),
        }
    }
    if terms.len() == products.len() {
        return sum_of_products(products);
    }
    let scaled =
        |Term { factor, a, b }| (a, Var::zip_constant(b, Binary::Mul, T::constant(factor)));
    let collected: Vec<_> = terms.into_iter().map(scaled).collect();
    sum_of_products(&collected)
}

/// `factor·a·b`
struct Term<'t, T: Scalar> {
    factor: f64,
    a: Var<'t, T>,
    b: Var<'t, T>,
}

/// `x` as a constant times something that is not one.
fn without_factor<T: Scalar>(mut x: Var<'_, T>) -> (f64, Var<'_, T>) {
    let mut factor = 1.0;
    while let Some(tape) = x.tape {
        let instruction = tape.instruction(x.id);
        let constant = |number: u32| tape.constant_number(number).known_constant();
        let (by, of) = match instruction.op {
            Op::Map(Unary::Neg) => (Some(-1.0), instruction.a),
            Op::ZipConstant(Binary::Mul) => (constant(instruction.b), instruction.a),
            Op::ConstantZip(Binary::Mul) => (constant(instruction.a), instruction.b),
            _ => (None, 0),
        };
        let Some(by) = by else { break };
        factor *= by;
        x = tape.handle(of).scalar();
    }
    (factor, x)
}
