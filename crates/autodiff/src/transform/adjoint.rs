//! Reverse mode as a transformation: the adjoint of a program, recorded after it.

use smallvec::SmallVec;

use crate::number::{Elementary, Scalar};
use crate::op::{Assemble, StridedAdd};
use crate::program::{Embed, Embedding, Id, Op, Plain, Program};
use crate::rule::Contribution;
use crate::strided::Lattice;
use crate::tape::{Tape, Tensor, Value, Var};

/// What has been contributed so far to the cotangents of all instructions.
///
/// Contributions are chained in lists through one vector, so that an instruction costs four bytes until something is
/// contributed to it.
struct Cotangents<'t, T: Scalar> {
    tape: &'t Tape<T>,
    last: Vec<u32>,
    entries: Vec<Entry<'t, T>>,
}

struct Entry<'t, T: Scalar> {
    previous: u32,
    part: Part<'t, T>,
}

enum Part<'t, T: Scalar> {
    /// `y_bar·partial` for a scalar.
    Product(Var<'t, T>, Var<'t, T>),
    Contribution(Contribution<'t, T>),
}

const NONE: u32 = u32::MAX;

impl<'t, T: Scalar> Cotangents<'t, T> {
    fn new(tape: &'t Tape<T>, instructions: usize) -> Self {
        Self { tape, last: vec![NONE; instructions], entries: Vec::new() }
    }

    fn add(&mut self, id: Id, part: Part<'t, T>) {
        let previous = self.last[id as usize];
        self.last[id as usize] = self.entries.len() as u32;
        self.entries.push(Entry { previous, part });
    }

    /// A factor that is known to be zero contributes nothing.
    fn add_product(&mut self, id: Id, y_bar: Var<'t, T>, partial: Var<'t, T>) {
        if partial.known_constant() != Some(0.0) && y_bar.known_constant() != Some(0.0) {
            self.add(id, Part::Product(y_bar, partial));
        }
    }

    /// Adds a cotangent of the given shape, scalar or array.
    fn add_value(&mut self, id: Id, value: Value<'t, T>) {
        match value {
            Value::Scalar(x) => self.add_product(id, x, Var::from_value(T::one())),
            Value::Array(x) => self.add(id, Part::Contribution(Contribution::Whole(x))),
        }
    }

    /// The parts contributed to one instruction, in the order they came.
    fn parts(&self, id: Id) -> SmallVec<[&Part<'t, T>; 4]> {
        let mut parts = SmallVec::new();
        let mut next = self.last[id as usize];
        while let Some(entry) = self.entries.get(next as usize) {
            parts.push(&entry.part);
            next = entry.previous;
        }
        parts.reverse();
        parts
    }

    /// The cotangent of an instruction whose result has this shape, all its users having contributed.
    fn total(&self, id: Id, shape: &[usize]) -> Option<Value<'t, T>> {
        let last = self.entries.get(self.last[id as usize] as usize)?;
        // By far the commonest.
        if let Entry { previous: NONE, part: Part::Product(y_bar, partial) } = last
            && shape.is_empty()
        {
            return Some(Value::Scalar(y_bar.chain(*partial)));
        }
        let parts = self.parts(id);
        Some(if shape.is_empty() {
            Value::Scalar(self.total_scalar(&parts))
        } else {
            Value::Array(self.total_array(&parts, shape))
        })
    }

    /// Gives the operands of instruction `id`, whose cotangent is complete, their shares of it.
    fn pass_on<S: Scalar, E: Embedding<S, T>>(
        &mut self,
        program: &Program<S>,
        values: &[Value<'t, T>],
        varies: &[bool],
        id: Id,
        y_bar: Value<'t, T>,
    ) {
        let instruction = program.instructions[id as usize];
        let tape = self.tape;
        match instruction.op {
            Op::Element => {
                let (offset, cotangent) = (instruction.b as usize, y_bar.tensor(tape));
                let piece = Contribution::Piece { offset, cotangent };
                self.add(instruction.a, Part::Contribution(piece));
            }
            Op::Array => {
                let node = &program.nodes[instruction.a as usize];
                let op = node.op.over(E::embed_array);
                let x: SmallVec<[Tensor<'t, T>; 4]> =
                    node.operands.iter().map(|&x| values[x as usize].tensor(tape)).collect();
                let (y, y_bar) = (values[id as usize].tensor(tape), y_bar.tensor(tape));
                let wanted: SmallVec<[bool; 4]> =
                    node.operands.iter().map(|&x| varies[x as usize]).collect();
                let contributions = tape.within(node.at, || op.adjoints(&x, y, y_bar, &wanted));
                for (i, contribution) in contributions {
                    let operand = node.operands[i];
                    match contribution {
                        Contribution::Whole(x_bar) => self.add_value(operand, x_bar.into()),
                        piece => self.add(operand, Part::Contribution(piece)),
                    }
                }
            }
            _ => program.scalar_partials(
                instruction,
                |x| values[x as usize].scalar(),
                |constant| Var::from_value(E::embed(constant)),
                values[id as usize].scalar(),
                |x, partial| {
                    if varies[x as usize] {
                        self.add_product(x, y_bar.scalar(), partial);
                    }
                },
            ),
        }
    }

    /// `Σ y_bar·partial` as one instruction.
    fn total_scalar(&self, parts: &[&Part<'t, T>]) -> Var<'t, T> {
        let products: SmallVec<[(Var<'t, T>, Var<'t, T>); 4]> = parts
            .iter()
            .map(|part| match part {
                Part::Product(y_bar, partial) => (*y_bar, *partial),
                Part::Contribution(contribution) => {
                    let x_bar = match contribution {
                        Contribution::Whole(x) | Contribution::Piece { cotangent: x, .. } => {
                            x.to_var()
                        }
                        // A scalar read several times.
                        Contribution::Strided { cotangent: x, .. } => x.sum(),
                    };
                    (x_bar, Var::from_value(T::one()))
                }
            })
            .collect();
        sum_of_products(&products)
    }

    fn total_array(&self, parts: &[&Part<'t, T>], shape: &[usize]) -> Tensor<'t, T> {
        let mut wholes = Vec::new();
        let (mut pieces, mut offsets) = (Vec::new(), Vec::new());
        let (mut spread, mut lattices) = (Vec::new(), Vec::new());
        for part in parts {
            match part {
                Part::Product(y_bar, partial) => {
                    wholes.push(y_bar.chain(*partial).to_tensor(self.tape))
                }
                Part::Contribution(Contribution::Whole(x)) => wholes.push(*x),
                Part::Contribution(Contribution::Piece { offset, cotangent }) => {
                    pieces.push(*cotangent);
                    offsets.push(*offset);
                }
                Part::Contribution(Contribution::Strided { lattice, cotangent }) => {
                    spread.push(*cotangent);
                    lattices.push(Lattice::clone(lattice));
                }
            }
        }
        if let Some(first) = pieces.first() {
            let op = Assemble { offsets, shape: shape.into() };
            wholes.push(first.record(op, &pieces));
        }
        if let Some(first) = spread.first() {
            wholes.push(first.record(StridedAdd::new(lattices, shape), &spread));
        }
        let total = wholes.into_iter().reduce(|a, b| a + b).expect("at least one part");
        total.broadcast(shape)
    }
}

/// `Σ aᵢ·bᵢ`, products of the chain rule, in as few instructions as it takes.
pub(crate) fn sum_of_products<'t, T: Scalar>(products: &[(Var<'t, T>, Var<'t, T>)]) -> Var<'t, T> {
    match products {
        [(a, b)] => a.chain(*b),
        _ if products.iter().all(|(_, b)| b.known_constant() == Some(1.0)) => {
            products.iter().map(|(a, _)| *a).sum()
        }
        _ => Var::sum_of_chained(products.iter().copied()),
    }
}

/// Records, after an emitted program, the reverse sweep from the given cotangents of its outputs.
///
/// Returns the cotangent of every input, `None` where the outputs do not depend on it.
pub(crate) fn record_adjoint<'t, S: Scalar, T: Embed<S>>(
    program: &Program<S>,
    tape: &'t Tape<T>,
    values: &[Value<'t, T>],
    seeds: &[(Id, Value<'t, T>)],
) -> Vec<Option<Value<'t, T>>> {
    record_adjoint_in::<S, T, Plain>(program, tape, values, seeds)
}

/// [`record_adjoint`], by this embedding of the program's constants.
pub(crate) fn record_adjoint_in<'t, S: Scalar, T: Scalar, E: Embedding<S, T>>(
    program: &Program<S>,
    tape: &'t Tape<T>,
    values: &[Value<'t, T>],
    seeds: &[(Id, Value<'t, T>)],
) -> Vec<Option<Value<'t, T>>> {
    let mut cotangents = Cotangents::new(tape, program.len());
    for &(id, seed) in seeds {
        cotangents.add_value(id, seed);
    }
    let varies = program.varying();
    for id in (0..program.len() as Id).rev().filter(|&id| varies[id as usize]) {
        tape.mark(id);
        if let Some(y_bar) = cotangents.total(id, program.shape(id)) {
            cotangents.pass_on::<S, E>(program, values, &varies, id, y_bar);
        }
    }
    program.inputs.iter().map(|&id| cotangents.total(id, program.shape(id))).collect()
}
