//! A growing list that can be appended to through a shared reference.
#![expect(
    unsafe_code,
    reason = "one push per recorded scalar operation: measured 2.5 ns against 6.9 ns behind a RefCell"
)]

use std::cell::UnsafeCell;
use std::fmt;

use crate::program::Instruction;

/// A `Vec` of plain values with `push` and `get` on `&self`.
///
/// Sound because no reference into the list ever leaves a method, no method runs foreign code while it holds one (`T` is
/// `Copy`, so there is no `Drop` or `Clone` to call), and the type is not `Sync`.
///
/// Miri checks it: `cargo +nightly miri test -p dualtape-autodiff --no-default-features --lib tape::store`.
pub(crate) struct Store<T: Copy>(UnsafeCell<Vec<T>>);

impl<T: Copy> Store<T> {
    /// An empty list in the memory of this one.
    pub(crate) fn reusing(mut list: Vec<T>) -> Self {
        list.clear();
        Self(UnsafeCell::new(list))
    }

    /// Appends `value` and returns its index.
    #[inline(always)]
    pub(crate) fn push(&self, value: T) -> usize {
        // SAFETY: exclusive for the duration of this call, see the type's comment.
        let list = unsafe { &mut *self.0.get() };
        list.push(value);
        list.len() - 1
    }

    #[inline(always)]
    pub(crate) fn get(&self, index: usize) -> T {
        // SAFETY: no exclusive reference is alive outside a method, see the type's comment.
        let list = unsafe { &*self.0.get() };
        list[index]
    }

    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        // SAFETY: as in `get`.
        let list = unsafe { &*self.0.get() };
        list.len()
    }

    pub(crate) fn into_vec(self) -> Vec<T> {
        self.0.into_inner()
    }
}

impl<T: Copy> fmt::Debug for Store<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({} entries)", self.len())
    }
}

/// The instructions with their values: two lists of one length, grown together.
///
/// Sound for the same reasons as [`Store`].
pub(crate) struct Steps<S: Copy>(UnsafeCell<Columns<S>>);

struct Columns<S> {
    instructions: Vec<Instruction>,
    /// Its length is left at 0 while recording; as many values are initialized as there are instructions.
    values: Vec<S>,
    /// How many instructions fit into both lists.
    capacity: usize,
}

impl<S: Copy> Columns<S> {
    #[cold]
    #[inline(never)]
    fn grow(&mut self) {
        let length = self.instructions.len();
        let capacity = (2 * length).max(256);
        // SAFETY: as many values are initialized as there are instructions.
        unsafe { self.values.set_len(length) };
        self.instructions.reserve_exact(capacity - length);
        self.values.reserve_exact(capacity - length);
        self.capacity = capacity;
    }
}

impl<S: Copy> Steps<S> {
    /// An empty list in the memory of these.
    pub(crate) fn reusing(mut instructions: Vec<Instruction>, mut values: Vec<S>) -> Self {
        instructions.clear();
        values.clear();
        let capacity = instructions.capacity().min(values.capacity());
        Self(UnsafeCell::new(Columns { instructions, values, capacity }))
    }

    /// Appends a step and returns its number.
    #[inline(always)]
    pub(crate) fn push(&self, instruction: Instruction, value: S) -> usize {
        // SAFETY: exclusive for the duration of this call, see the type's comment.
        let columns = unsafe { &mut *self.0.get() };
        let length = columns.instructions.len();
        if length == columns.capacity {
            columns.grow();
        }
        // SAFETY: `length` is less than the capacity of both lists, and after the two writes one more entry of each is
        // initialized.
        unsafe {
            columns.instructions.as_mut_ptr().add(length).write(instruction);
            columns.values.as_mut_ptr().add(length).write(value);
            columns.instructions.set_len(length + 1);
        }
        length
    }

    #[inline(always)]
    pub(crate) fn instruction(&self, index: usize) -> Instruction {
        // SAFETY: as in `Store::get`.
        let columns = unsafe { &*self.0.get() };
        columns.instructions[index]
    }

    pub(crate) fn value(&self, index: usize) -> S {
        assert!(index < self.len());
        // SAFETY: as in `Store::get`, and as many values are initialized as there are instructions.
        unsafe { (*self.0.get()).values.as_ptr().add(index).read() }
    }

    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        // SAFETY: as in `Store::get`.
        let columns = unsafe { &*self.0.get() };
        columns.instructions.len()
    }

    /// The instructions and their values.
    pub(crate) fn into_vecs(self) -> (Vec<Instruction>, Vec<S>) {
        let Columns { instructions, mut values, .. } = self.0.into_inner();
        // SAFETY: as many values are initialized as there are instructions.
        unsafe { values.set_len(instructions.len()) };
        (instructions, values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::Op;

    #[test]
    fn values_survive_growth() {
        let store = Store::reusing(vec![7; 3]);
        for i in 0..1000_usize {
            assert_eq!(store.push(3 * i + 1), i);
            assert_eq!(store.get(i / 2), 3 * (i / 2) + 1);
        }
        assert_eq!(store.len(), 1000);
        assert_eq!(store.into_vec()[999], 2998);
    }

    #[test]
    fn steps_survive_growth_and_reuse() {
        let mut steps = Steps::reusing(Vec::new(), vec![0.5; 3]);
        for round in 0..3 {
            for i in 0..1000_u32 {
                let value = f64::from(i + round);
                let number = steps.push(Instruction::new(Op::Input, i, round), value);
                assert_eq!(number, i as usize);
                assert_eq!(steps.instruction(number / 2).a, i / 2);
                assert_eq!(steps.value(number / 2), f64::from(i / 2 + round));
            }
            assert_eq!(steps.len(), 1000);
            let (instructions, values) = steps.into_vecs();
            assert_eq!((instructions[999].b, values.len()), (round, 1000));
            assert!(values.iter().enumerate().all(|(i, &x)| x == (i as u32 + round) as f64));
            steps = Steps::reusing(instructions, values);
        }
    }
}
