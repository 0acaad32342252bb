//! Wrong derivative rules, planted one at a time, to see whether tests of derivatives notice them.
//!
//! There is nothing of it without the feature `planted-faults`, which only `crates/testing/faults` asks for, a package outside of
//! the workspace: so the workspace tests what users build. A fault holds for one thread and for the duration of one call, and
//! changes derivatives only: what is computed stays right.

use std::cell::Cell;

use crate::rules::tensor::Contribution;
use crate::rules::{Binary, Unary};
use crate::scalar::{Elementary, Scalar};
use crate::tape::{Id, Op, Tensor};

thread_local! {
    static PLANTED: Cell<Option<Fault>> = const { Cell::new(None) };
}

/// One wrong rule.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fault {
    /// The rule.
    pub site: Site,
    /// What is wrong with it.
    pub wrong: Wrong,
}

/// A rule of differentiation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Site {
    /// The derivative of a function of one argument.
    Unary(Unary),
    /// A partial derivative of a function of two: 0 for that in the first.
    Binary(Binary, usize),
    /// A partial derivative of a scalar instruction with several operands: the `n`-th that the rule gives.
    Scalar(Instruction, usize),
    /// The tangent of an array operation, by the name that listings of programs have for it.
    Tangent(&'static str),
    /// What an array operation contributes to the cotangent of this operand.
    Adjoint(&'static str, usize),
    /// The comparisons that a replay checks.
    Guards,
}

/// A scalar instruction whose rule is not that of a function of one or two arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instruction {
    /// `xⁿ`
    PowerInt,
    /// `xᵖ`
    PowerReal,
    /// `Σ xᵢ`
    Sum,
    /// `Σ xᵢ·yᵢ`
    Dot,
    /// `x·y + z`
    MulAdd,
}

/// What is wrong with a derivative.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wrong {
    /// The opposite sign.
    Sign,
    /// A factor too much.
    Factor(f64),
    /// A constant term too much.
    Offset(f64),
    /// It is 0; for comparisons: they are not looked at.
    Missing,
    /// The last two axes exchanged, where they have the same length.
    Transposed,
    /// The mean over what was broadcast in place of the sum.
    Averaged,
}

impl Fault {
    /// Calls `run` with this fault in place; what it records keeps the fault.
    pub fn during<R>(self, run: impl FnOnce() -> R) -> R {
        let _restored = Restored(PLANTED.replace(Some(self)));
        run()
    }
}

/// Puts back what was planted before, also after a panic.
struct Restored(Option<Fault>);

impl Drop for Restored {
    fn drop(&mut self) {
        PLANTED.set(self.0);
    }
}

/// What is wrong with the rule at this place, if anything is.
fn wrong(at: impl FnOnce(Site) -> bool) -> Option<Wrong> {
    PLANTED.get().filter(|fault| at(fault.site)).map(|fault| fault.wrong)
}

/// A derivative as the rule at this place gives it. Not inlined: rules are, everywhere, and tests are to build quickly.
#[inline(never)]
pub(crate) fn derivative<T: Elementary>(site: Site, right: T) -> T {
    wrong(|at| at == site).map_or(right, |wrong| wrong.of(right))
}

/// `give`, called with the partial derivatives of a scalar instruction as its rule gives them.
pub(crate) fn giving<T: Elementary>(op: Op, mut give: impl FnMut(Id, T)) -> impl FnMut(Id, T) {
    let instruction = match op {
        Op::PowerInt => Some(Instruction::PowerInt),
        Op::PowerReal => Some(Instruction::PowerReal),
        Op::Sum => Some(Instruction::Sum),
        Op::Dot => Some(Instruction::Dot),
        Op::MulAdd => Some(Instruction::MulAdd),
        _ => None,
    };
    let mut number = 0;
    move |x, right| {
        let site = instruction.map(|instruction| Site::Scalar(instruction, number));
        number += 1;
        give(x, site.map_or(right, |site| derivative(site, right)));
    }
}

/// The tangent of an array operation.
pub(crate) fn tangent<'t, S: Scalar>(
    operation: &str,
    right: Option<Tensor<'t, S>>,
) -> Option<Tensor<'t, S>> {
    match wrong(|at| matches!(at, Site::Tangent(name) if name == operation)) {
        Some(Wrong::Missing) => None,
        Some(wrong) => right.map(|right| wrong.of_array(right, 1.0)),
        None => right,
    }
}

/// What an array operation contributes to the cotangents of its operands.
pub(crate) fn adjoints<'t, S: Scalar>(
    operation: &str,
    y_bar: Tensor<'t, S>,
    mut right: Vec<(usize, Contribution<'t, S>)>,
) -> Vec<(usize, Contribution<'t, S>)> {
    let place = |site| match site {
        Site::Adjoint(name, operand) if name == operation => Some(operand),
        _ => None,
    };
    let Some(wrong) = wrong(|at| place(at).is_some()) else { return right };
    let operand = PLANTED.get().and_then(|fault| place(fault.site));
    right.retain(|&(i, _)| Some(i) != operand || wrong != Wrong::Missing);
    for (i, contribution) in &mut right {
        if Some(*i) == operand {
            let (Contribution::Whole(x_bar)
            | Contribution::Piece { cotangent: x_bar, .. }
            | Contribution::Strided { cotangent: x_bar, .. }) = contribution;
            *x_bar = wrong.of_array(*x_bar, x_bar.len() as f64 / y_bar.len() as f64);
        }
    }
    right
}

/// Whether a replay looks at its comparisons.
pub(crate) fn guards_hold() -> bool {
    wrong(|at| at == Site::Guards).is_none()
}

impl Wrong {
    fn of<T: Elementary>(self, right: T) -> T {
        match self {
            Wrong::Sign => -right,
            Wrong::Factor(factor) => right * right.lift(factor),
            Wrong::Offset(term) => right + right.lift(term),
            Wrong::Missing => right.lift(0.0),
            Wrong::Transposed | Wrong::Averaged => right,
        }
    }

    /// Also given how many elements there are for each of the result's.
    fn of_array<S: Scalar>(self, right: Tensor<'_, S>, share: f64) -> Tensor<'_, S> {
        match (self, right.shape()) {
            (Wrong::Transposed, [.., n, m]) if n == m => {
                right.swap_axes(right.rank() - 2, right.rank() - 1)
            }
            (Wrong::Averaged, _) => right * right.lift(share),
            _ => self.of(right),
        }
    }
}
