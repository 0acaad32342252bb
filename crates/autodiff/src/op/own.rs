//! Operations whose derivatives are programs, recorded when they are asked for: those of users, and calls of programs.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use smallvec::SmallVec;

use super::operation::{Around, Batched, Operation, Pattern};
use crate::array::{Shape, View};
use crate::number::{Irregularity, Real};

/// A family of operations that one object computes, and differentiates over plain numbers; `rule` says how.
#[derive(Clone)]
pub(crate) struct OwnOperation {
    facts: Arc<dyn Facts>,
    /// Its type involves the precision that it was made for, which the operation does not name.
    object: Arc<dyn Any + Send + Sync>,
    /// Which member of the family.
    pub member: Member,
}

/// A member of a family: none for what was asked for, then which derivative of it.
pub(crate) type Member = SmallVec<[u8; 4]>;

/// What holds of an operation in whatever precision.
pub(crate) trait Facts: Send + Sync {
    /// The name in messages and listings.
    fn name(&self) -> &'static str;

    /// The result's shape, or what the operation needs of the operands' shapes.
    fn shape(&self, member: &[u8], x: &[&[usize]]) -> Result<Shape, String>;

    /// Whether each element of the result depends on the corresponding ones of operands of its shape alone.
    fn is_elementwise(&self) -> bool {
        false
    }

    /// Whether derivatives are recorded by user code, which may look at values.
    fn derives_from_values(&self) -> bool;

    /// How the operation fails to be smooth within `margin` of these operands, if it does and can be seen through.
    fn irregularity(&self, x: &[Vec<f64>], margin: f64) -> Option<Irregularity> {
        let _ = (x, margin);
        None
    }

    /// Numbers that are in memory while it is computed, beside its operands and its result.
    fn memory(&self) -> usize {
        0
    }
}

impl OwnOperation {
    /// `object` computes and differentiates what the facts are of.
    pub(crate) fn new(facts: Arc<dyn Facts>, object: Arc<dyn Any + Send + Sync>) -> Self {
        Self { facts, object, member: Member::new() }
    }

    /// Another member of the family.
    pub(crate) fn member(&self, member: Member) -> Self {
        Self { member, ..self.clone() }
    }

    pub(crate) fn is_of_the_family(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.object, &other.object)
    }

    /// The object, of the type it was made with.
    pub(crate) fn get<T: Any>(&self) -> &T {
        self.object.downcast_ref().expect("an operation is used in the precision it was made for")
    }

    pub(crate) fn derives_from_values(&self) -> bool {
        self.facts.derives_from_values()
    }

    pub(crate) fn memory(&self) -> usize {
        self.facts.memory()
    }
}

impl Operation for OwnOperation {
    const NAME: &'static str = "own operation";
    /// Their names are their makers'.
    const NAMES: &'static [&'static str] = &[];

    fn name(&self) -> &'static str {
        self.facts.name()
    }

    fn shape(&self, x: &[&[usize]]) -> Result<Shape, String> {
        self.facts.shape(&self.member, x)
    }

    fn pattern(&self) -> Pattern {
        if self.facts.is_elementwise() { Pattern::Elementwise } else { Pattern::All }
    }

    fn batched(&self, _lanes: usize, _x: &[&[usize]], _shape: &[usize]) -> Batched<Self> {
        match self.facts.is_elementwise() {
            true => Batched::Repeated(self.clone()),
            false => Batched::LaneByLane,
        }
    }

    /// Of what cannot be seen through, nothing is said.
    fn irregularity<R: Real>(&self, at: &Around<'_, R>) -> Option<Irregularity> {
        let numbers = |x: &View<'_, R>| x.data.iter().map(|x| x.as_f64()).collect();
        let x: Vec<Vec<f64>> = at.x.iter().map(numbers).collect();
        self.facts.irregularity(&x, at.margin)
    }
}

/// The same member of the family of the same object, not of an equal one.
impl PartialEq for OwnOperation {
    fn eq(&self, other: &Self) -> bool {
        self.is_of_the_family(other) && self.member == other.member
    }
}

impl fmt::Debug for OwnOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.member.iter().try_for_each(|i| write!(f, "∂{i} "))?;
        f.write_str(self.name())
    }
}
