//! The tangent part of a scalar program as what it is at a fixed point: a sparse linear map.

use std::ops::Range;

use super::Program;
use super::instruction::{Id, Instruction, Op};
use crate::number::Real;

/// Instructions from number `frozen` on of a scalar program, each a linear combination of earlier tangents whose
/// coefficients depend on the frozen instructions only.
///
/// Applying it reads the coefficients in order, once: no operation is looked up, no primal recomputed.
#[derive(Clone, Debug)]
pub(crate) struct LinearPart {
    frozen: usize,
    /// Whether a zero absorbs an infinite coefficient.
    absorbing: bool,
    /// The instructions, one a row.
    parts: Vec<Range<usize>>,
    rows: Vec<Row>,
    /// For each term, in row order, the tangent it multiplies.
    terms: Vec<u32>,
    outputs: Vec<Output>,
}

/// What the tangents are multiplied with, at one point.
#[derive(Clone, Debug, Default)]
pub(crate) struct Coefficients<S> {
    factors: Vec<S>,
    finite: bool,
}

#[derive(Clone, Copy, Debug)]
enum Row {
    /// Component of the direction.
    Direction(u32),
    /// A combination of this many terms.
    Combination(u32),
}

#[derive(Clone, Copy, Debug)]
enum Output {
    Tangent(u32),
    Frozen(Id),
}

impl LinearPart {
    /// The map from the inputs from number `first_input` on to `outputs`, computed by the instructions of `parts`; `None` if
    /// the program has arrays.
    pub(crate) fn new<S: Real>(
        program: &Program<S>,
        frozen: usize,
        first_input: usize,
        outputs: Range<usize>,
        parts: &[Range<usize>],
        absorbing: bool,
    ) -> Option<Self> {
        if !program.is_scalar() {
            return None;
        }
        let mut row_of = vec![u32::MAX; program.len() - frozen];
        for (row, id) in parts.iter().cloned().flatten().enumerate() {
            row_of[id - frozen] = row as u32;
        }
        let index = |id: Id| (id as usize).checked_sub(frozen).map(|i| row_of[i]);
        let mut terms = Vec::new();
        let rows = instructions(program, parts)
            .map(|instruction| {
                if instruction.op == Op::Input {
                    return Row::Direction(instruction.a - first_input as u32);
                }
                let start = terms.len();
                let nothing = S::zero();
                program.scalar_partials(
                    instruction,
                    |_| nothing,
                    |c| c,
                    nothing,
                    |x, _| {
                        terms.extend(index(x));
                    },
                );
                Row::Combination((terms.len() - start) as u32)
            })
            .collect();
        let outputs = program.outputs[outputs]
            .iter()
            .map(|&id| index(id).map_or(Output::Frozen(id), Output::Tangent))
            .collect();
        Some(Self { frozen, absorbing, parts: parts.to_vec(), rows, terms, outputs })
    }

    /// Number of tangents.
    pub(crate) fn rows(&self) -> usize {
        self.rows.len()
    }

    /// Number of coefficients.
    pub(crate) fn terms(&self) -> usize {
        self.terms.len()
    }

    /// Collects the coefficients at the point where the frozen instructions have these values.
    pub(crate) fn freeze<S: Real>(
        &self,
        program: &Program<S>,
        values: &[S],
        coefficients: &mut Coefficients<S>,
    ) {
        let Coefficients { factors, finite } = coefficients;
        factors.clear();
        factors.reserve(self.terms.len());
        for instruction in instructions(program, &self.parts) {
            // An instruction is linear in its tangents, so its partials there do not depend on their values.
            program.scalar_partials(
                instruction,
                |x| if (x as usize) < self.frozen { values[x as usize] } else { S::zero() },
                |c| c,
                S::zero(),
                |x, partial| {
                    if x as usize >= self.frozen {
                        factors.push(partial);
                    }
                },
            );
        }
        *finite = factors.iter().all(|c| c.is_finite());
    }

    /// Applies the map to `K` directions at once, `directions(i)` being component `i` of each.
    ///
    /// Every lane goes through the same operations in the same order, so a lane has the bits of a single application.
    pub(crate) fn apply<S: Real, const K: usize>(
        &self,
        coefficients: &Coefficients<S>,
        values: &[S],
        tangents: &mut Vec<[S; K]>,
        directions: impl Fn(usize) -> [S; K],
        mut result: impl FnMut(usize, [S; K]),
    ) {
        tangents.resize(self.rows.len(), [S::zero(); K]);
        if self.absorbing && !coefficients.finite {
            self.combine_absorbing(&coefficients.factors, tangents, directions);
        } else {
            self.combine(&coefficients.factors, tangents, directions, |c, x| c * x);
        }
        for (i, &output) in self.outputs.iter().enumerate() {
            result(
                i,
                match output {
                    Output::Tangent(tangent) => tangents[tangent as usize],
                    Output::Frozen(id) => [values[id as usize]; K],
                },
            );
        }
    }

    /// All tangents in order, where a coefficient is infinite or NaN and zero absorbs.
    #[cold]
    #[inline(never)]
    fn combine_absorbing<S: Real, const K: usize>(
        &self,
        coefficients: &[S],
        slots: &mut [[S; K]],
        directions: impl Fn(usize) -> [S; K],
    ) {
        self.combine(coefficients, slots, directions, |c, x| c.mul_no_nan(x));
    }

    /// All tangents in order.
    #[inline(always)]
    fn combine<S: Real, const K: usize>(
        &self,
        mut coefficients: &[S],
        slots: &mut [[S; K]],
        directions: impl Fn(usize) -> [S; K],
        product: impl Fn(S, S) -> S,
    ) {
        let mut terms = &self.terms[..];
        for (i, &row) in self.rows.iter().enumerate() {
            slots[i] = match row {
                Row::Direction(component) => directions(component as usize),
                Row::Combination(length) => {
                    let (these, later) = terms.split_at(length as usize);
                    let (factors, after) = coefficients.split_at(length as usize);
                    (terms, coefficients) = (later, after);
                    let mut sum = [S::zero(); K];
                    for (&term, &factor) in these.iter().zip(factors) {
                        let x = slots[term as usize];
                        for lane in 0..K {
                            sum[lane] += product(factor, x[lane]);
                        }
                    }
                    sum
                }
            };
        }
    }
}

fn instructions<'a, S>(
    program: &'a Program<S>,
    parts: &'a [Range<usize>],
) -> impl Iterator<Item = Instruction> + 'a {
    parts.iter().flat_map(|part| program.instructions[part.clone()].iter().copied())
}
