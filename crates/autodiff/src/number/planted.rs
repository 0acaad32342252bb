//! Wrong derivative rules, planted one at a time, to see whether tests of derivatives notice them.
//!
//! There is nothing of it without the feature `planted-faults`, which only `crates/testing/faults` asks for, a package outside of
//! the workspace: so the workspace tests what users build. A fault holds for one thread and for the duration of one call, and
//! changes derivatives only: what is computed stays right.

use std::cell::Cell;

use super::elementary::Elementary;
use super::functions::{Binary, Unary};

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

/// The fault in place, if there is one.
pub(crate) fn planted() -> Option<Fault> {
    PLANTED.get()
}

/// What is wrong with the rule at this place, if anything is.
pub(crate) fn wrong(at: impl FnOnce(Site) -> bool) -> Option<Wrong> {
    planted().filter(|fault| at(fault.site)).map(|fault| fault.wrong)
}

/// A derivative as the rule at this place gives it. Not inlined: rules are, everywhere, and tests are to build quickly.
#[inline(never)]
pub(crate) fn derivative<T: Elementary>(site: Site, right: T) -> T {
    wrong(|at| at == site).map_or(right, |wrong| wrong.of(right))
}

/// Whether a replay looks at its comparisons.
pub(crate) fn guards_hold() -> bool {
    wrong(|at| at == Site::Guards).is_none()
}

impl Wrong {
    pub(crate) fn of<T: Elementary>(self, right: T) -> T {
        match self {
            Wrong::Sign => -right,
            Wrong::Factor(factor) => right * right.lift(factor),
            Wrong::Offset(term) => right + right.lift(term),
            Wrong::Missing => right.lift(0.0),
            Wrong::Transposed | Wrong::Averaged => right,
        }
    }
}
