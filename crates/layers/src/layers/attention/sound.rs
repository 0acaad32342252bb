//! What is not seen does not count, whatever it holds.
//!
//! Where not all see all, products with keys and values that are NaN or infinite would be `0·NaN`, in values and in
//! derivatives, also at those that do not see them. So everything is computed with zeros in place of such steps, and in the end
//! the outputs of those that hold one or see one become NaN.

use dualtape_autodiff::{Array, Real, Tensor};

use super::{MultiHeadAttention, Seen, Steps};
use crate::module::Scope;

/// Which steps hold what is no number: not 0 for them, `[batch, steps, 1]`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Marks<'t, S: Real> {
    pub queries: Tensor<'t, S>,
    /// Of keys and of values.
    pub keys: Tensor<'t, S>,
}

impl<'t, S: Real> Marks<'t, S> {
    /// Queries, keys and values as heads `[batch, heads, steps, d]`, with numbers alone, and the marks of these too.
    pub fn of_heads(self, heads: [Tensor<'t, S>; 3]) -> ([Tensor<'t, S>; 3], Self) {
        let [(queries, from), (keys, at), (values, of)] = heads.map(|part| part.sound_rows());
        let queries_marks = self.queries + from.sum_axis(1);
        let keys_marks = self.keys + (at + of).sum_axis(1);
        ([queries, keys, values], Marks { queries: queries_marks, keys: keys_marks })
    }

    /// 1 for a query, but NaN for one that is marked or sees a key that is: `[batch, queries, 1]`.
    pub fn factor(self, seen: &Seen<'t, S>) -> Tensor<'t, S> {
        let see = seen.own.rows_that_see(self.keys.keep_axis(1));
        (self.queries + see.sum_axis(1)).unless_marked()
    }
}

impl MultiHeadAttention {
    /// Whether there may be queries that do not see all keys.
    pub(super) fn is_masked(&self) -> bool {
        self.causal || self.keys != Steps::All || self.additive.is_some()
    }

    /// Keys or values `[batch, keys, features]`, with 0 in place of those that no query sees by the lengths or the mask.
    pub(super) fn counted<'t, S: Real>(
        &self,
        scope: &Scope<'t, S>,
        x: Tensor<'t, S>,
    ) -> Tensor<'t, S> {
        let &[batch, keys, _] = x.shape() else { return x };
        match self.keys.counted(scope, batch, keys) {
            Some(counted) => counted.keep_axis(2).where_cond(x, S::zero()),
            None => x,
        }
    }

    /// Steps with numbers alone, and marks of the others, where that makes a difference.
    pub(super) fn sound<'t, S: Real>(
        &self,
        x: Tensor<'t, S>,
    ) -> (Tensor<'t, S>, Option<Tensor<'t, S>>) {
        if !self.is_masked() {
            return (x, None);
        }
        let (steps, marks) = x.sound_rows();
        (steps, Some(marks))
    }

    /// What `part` makes of sequences `memory`, at which sequences `x`, or these themselves, look as by this attention: `part`
    /// is given numbers alone, and what it makes of the others becomes NaN.
    pub(super) fn guarded<'t, S: Real>(
        &self,
        scope: &Scope<'t, S>,
        x: Option<Tensor<'t, S>>,
        memory: Tensor<'t, S>,
        part: impl FnOnce(Tensor<'t, S>) -> Tensor<'t, S>,
    ) -> Tensor<'t, S> {
        let queries = x.unwrap_or(memory);
        if self.lacks([queries, memory, memory]).is_some() {
            return part(memory);
        }
        let (sound, marks) = self.sound(memory);
        let y = part(sound);
        let shape = [memory.shape()[0], self.heads, queries.shape()[1], memory.shape()[1]];
        match marks.zip(self.looks(scope, &shape).1) {
            Some((keys, seen)) => {
                // Queries that are not of the memory are the caller's to guard.
                let unmarked = || scope.tape().constant(&Array::zeros(&[]));
                let queries = if x.is_none() { keys } else { unmarked() };
                y * Marks { queries, keys }.factor(&seen)
            }
            None => y,
        }
    }
}
