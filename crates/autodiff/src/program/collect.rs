//! Collecting like terms, so that repeated derivatives along one direction stay few.

use super::sum_of_products;
use crate::rules::{Binary, Unary};
use crate::scalar::Scalar;
use crate::tape::{Id, Op, Var};

/// `Σ aᵢ·bᵢ`, with equal products, also such as differ by a constant factor, counted instead of repeated.
///
/// By Leibniz' rule the n-th derivative of a product has n + 1 terms; without this it would have 2ⁿ.
pub(crate) fn collected_sum<'t, T: Scalar>(products: &[(Var<'t, T>, Var<'t, T>)]) -> Var<'t, T> {
    let mut terms: Vec<([Option<Id>; 2], f64, [Var<'t, T>; 2])> = Vec::new();
    for &(a, b) in products {
        let ((p, a), (q, b)) = (without_factor(a), without_factor(b));
        let id = |x: Var<'t, T>| x.tape.map(|_| x.id);
        let mut key = [id(a), id(b)];
        key.sort_unstable();
        // Only what is on the tape is known to be equal by its number.
        let known = key[0].is_some();
        match terms.iter_mut().find(|term| known && term.0 == key) {
            Some(term) => term.1 += p * q,
            None => terms.push((key, p * q, [a, b])),
        }
    }
    if terms.len() == products.len() {
        return sum_of_products(products);
    }
    let collected: Vec<_> = terms
        .into_iter()
        .map(|(_, factor, [a, b])| (a, b.zip_constant(Binary::Mul, T::constant(factor))))
        .collect();
    sum_of_products(&collected)
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
