//! Which outputs of a linear program depend on which components of its direction, found from its instructions.

use std::ops::Range;

use crate::array::{View, size};
use crate::number::Real;
use crate::op::{Pattern, TensorOp};
use crate::program::{Id, Node, Op, Program};
use crate::tape::{Tape, Var};

/// For each element of the outputs in `outputs`, the components of the direction that it depends on, in increasing order.
///
/// The instructions in `parts` are linear in the direction, which is what the inputs after the first `primal_inputs` have
/// in the flat range `direction`; what they read of other instructions are coefficients, of which nothing is assumed. So
/// whatever the point, an output does not depend on a component that is not listed.
///
/// Complexity: the sum over the instructions of the number of components that their operands depend on.
pub(crate) fn dependencies<S: Real>(
    program: &Program<S>,
    parts: &[Range<usize>],
    primal_inputs: usize,
    direction: Range<usize>,
    outputs: Range<usize>,
) -> Vec<Vec<u32>> {
    let mut tracer = Tracer::new(program, primal_inputs, direction.start);
    for id in parts.iter().cloned().flatten() {
        let first = tracer.visit(id as Id);
        tracer.first[id] = first;
    }
    let mut rows = Vec::new();
    for &id in &program.outputs[outputs] {
        for element in 0..size(program.shape(id)) {
            rows.push(tracer.sets.components(tracer.of(id, element)));
        }
    }
    rows
}

/// A set of components, as a run of spans in [`Sets`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Set {
    first: usize,
    length: usize,
}

/// Components `start..end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Span {
    start: u32,
    end: u32,
}

/// Sets of components, each as increasing spans that do not touch: a block of parameters is one span.
#[derive(Default)]
struct Sets {
    spans: Vec<Span>,
    scratch: Vec<Span>,
}

impl Sets {
    fn spans(&self, set: Set) -> &[Span] {
        &self.spans[set.first..set.first + set.length]
    }

    fn components(&self, set: Set) -> Vec<u32> {
        self.spans(set).iter().flat_map(|span| span.start..span.end).collect()
    }

    fn single(&mut self, component: u32) -> Set {
        self.spans.push(Span { start: component, end: component + 1 });
        Set { first: self.spans.len() - 1, length: 1 }
    }

    /// Nothing is stored for a union that is one of its members.
    fn union(&mut self, members: impl Iterator<Item = Set>) -> Set {
        self.scratch.clear();
        let (mut largest, mut distinct) = (Set::default(), 0);
        for set in members.filter(|set| set.length > 0) {
            if set == largest {
                continue;
            }
            distinct += 1;
            self.scratch.extend_from_slice(&self.spans[set.first..set.first + set.length]);
            let covers =
                |set: Set| self.spans(set).iter().map(|span| span.end - span.start).sum::<u32>();
            if distinct == 1 || covers(set) > covers(largest) {
                largest = set;
            }
        }
        if distinct <= 1 {
            return largest;
        }
        self.scratch.sort_unstable();
        let mut joined = 0;
        for i in 1..self.scratch.len() {
            let span = self.scratch[i];
            if span.start <= self.scratch[joined].end {
                self.scratch[joined].end = self.scratch[joined].end.max(span.end);
            } else {
                joined += 1;
                self.scratch[joined] = span;
            }
        }
        self.scratch.truncate(joined + 1);
        if self.scratch == self.spans(largest) {
            return largest;
        }
        let first = self.spans.len();
        self.spans.extend_from_slice(&self.scratch);
        Set { first, length: self.scratch.len() }
    }
}

/// Number of an instruction's first element among all elements, if it depends on the direction.
type First = Option<usize>;

struct Tracer<'a, S> {
    program: &'a Program<S>,
    /// For each input of the direction, where it starts.
    directions: Vec<Option<u32>>,
    first: Vec<First>,
    elements: Vec<Set>,
    sets: Sets,
}

impl<'a, S: Real> Tracer<'a, S> {
    fn new(program: &'a Program<S>, primal_inputs: usize, direction: usize) -> Self {
        let mut start = 0;
        let directions = program.inputs.iter().enumerate().map(|(number, &id)| {
            if number < primal_inputs {
                return None;
            }
            start += size(program.shape(id));
            (start - size(program.shape(id))).checked_sub(direction).map(|start| start as u32)
        });
        Self {
            directions: directions.collect(),
            first: vec![None; program.len()],
            elements: Vec::new(),
            sets: Sets::default(),
            program,
        }
    }

    fn of(&self, id: Id, element: usize) -> Set {
        self.first[id as usize].map_or(Set::default(), |first| self.elements[first + element])
    }

    fn push(&mut self, sets: impl IntoIterator<Item = Set>) -> First {
        let first = self.elements.len();
        self.elements.extend(sets);
        Some(first)
    }

    fn visit(&mut self, id: Id) -> First {
        let program = self.program;
        let instruction = program.instructions[id as usize];
        match instruction.op {
            Op::Input => self.visit_input(instruction.a as usize, 1),
            Op::Element => {
                let set = self.of(instruction.a, instruction.b as usize);
                self.push([set])
            }
            Op::Array => self.visit_node(&program.nodes[instruction.a as usize]),
            _ => {
                let first = &self.first;
                let mut operands: smallvec::SmallVec<[Set; 8]> = smallvec::SmallVec::new();
                program.operands(id, |x| {
                    operands.extend(first[x as usize].map(|first| self.elements[first]));
                });
                if operands.is_empty() {
                    return None;
                }
                let set = self.sets.union(operands.into_iter());
                self.push([set])
            }
        }
    }

    fn visit_input(&mut self, number: usize, length: usize) -> First {
        let start = self.directions[number]?;
        let singles: Vec<Set> =
            (start..start + length as u32).map(|i| self.sets.single(i)).collect();
        self.push(singles)
    }

    fn visit_node(&mut self, node: &Node<S>) -> First {
        if let TensorOp::Input(number) = node.op {
            return self.visit_input(number, size(&node.shape));
        }
        if node.operands.iter().all(|&x| self.first[x as usize].is_none()) {
            return None;
        }
        match node.op.pattern() {
            Pattern::Contiguous { offset } => {
                self.first[node.operands[0] as usize].map(|first| first + offset)
            }
            // What may be other elements at the next evaluation decides nothing.
            Pattern::Traced { by: Some(i) } if self.constant(node.operands[i]).is_none() => {
                self.conservative(node)
            }
            Pattern::Traced { .. } => self.traced(node),
            Pattern::Product { transpose_a, transpose_b } => {
                self.product(node, transpose_a, transpose_b)
            }
            Pattern::Elementwise => self.elementwise(node),
            Pattern::All => self.conservative(node),
        }
    }

    /// The elements of a constant.
    fn constant(&self, id: Id) -> Option<&'a [S]> {
        match &self.program.node(id)?.op {
            TensorOp::Constant(array) => Some(array.data()),
            _ => None,
        }
    }

    /// Runs the kernel of an operation over recorded numbers, to see what each result is made of.
    ///
    /// The kernel must take a path through its operands that depends on their shapes and on constants alone.
    fn traced(&mut self, node: &Node<S>) -> First {
        let tape = Tape::<S>::new();
        let operands: Vec<Vec<Var<'_, S>>> = node
            .operands
            .iter()
            .map(|&x| {
                let constant = self.constant(x);
                let recorded = |i: usize| match self.first[x as usize] {
                    Some(_) => tape.input(S::one()),
                    None => Var::from_value(constant.map_or(S::one(), |elements| elements[i])),
                };
                (0..size(self.program.shape(x))).map(recorded).collect()
            })
            .collect();
        let views: Vec<View<'_, Var<'_, S>>> = operands
            .iter()
            .zip(&node.operands)
            .map(|(data, &x)| View { data, shape: self.program.shape(x) })
            .collect();
        let mut results = vec![Var::from_value(S::zero()); size(&node.shape)];
        let op = node.op.over(|_| unreachable!("no constant is linear"));
        if op.forward(&views, &mut results, &node.shape).is_err() {
            return self.conservative(node);
        }
        let results: Vec<Option<Id>> = results.iter().map(|y| y.tape().map(|_| y.id)).collect();
        let outputs = results.iter().flatten().copied().collect();
        let Ok(recording) = tape.finish(outputs) else { return self.conservative(node) };
        let depending = node.operands.iter().filter(|&&x| self.first[x as usize].is_some());
        let mut inputs = depending
            .flat_map(|&x| (0..size(self.program.shape(x))).map(move |i| (x, i)))
            .map(|(x, i)| self.of(x, i))
            .collect::<Vec<Set>>()
            .into_iter();
        let mut sets: Vec<Set> = Vec::with_capacity(recording.program.len());
        for id in 0..recording.program.len() as Id {
            let set = match recording.program.instructions[id as usize].op {
                Op::Input => inputs.next().unwrap_or_default(),
                _ => {
                    let mut operands: smallvec::SmallVec<[Set; 8]> = smallvec::SmallVec::new();
                    recording.program.operands(id, |x| operands.push(sets[x as usize]));
                    self.sets.union(operands.into_iter())
                }
            };
            sets.push(set);
        }
        self.push(results.into_iter().map(|y| y.map_or(Set::default(), |y| sets[y as usize])))
    }

    /// Element `(i, j)` depends on row `i` of the left factor and on column `j` of the right.
    fn product(&mut self, node: &Node<S>, transpose_a: bool, transpose_b: bool) -> First {
        let [m, n] = node.shape[..] else { return self.conservative(node) };
        let (a, b) = (node.operands[0], node.operands[1]);
        let k = size(self.program.shape(a)) / m.max(1);
        let rows: Vec<Set> = (0..m)
            .map(|i| self.line(a, if transpose_a { (i, m) } else { (i * k, 1) }, k))
            .collect();
        let columns: Vec<Set> = (0..n)
            .map(|j| self.line(b, if transpose_b { (j * k, 1) } else { (j, n) }, k))
            .collect();
        let mut all = Vec::with_capacity(m * n);
        for &row in &rows {
            for &column in &columns {
                all.push(self.sets.union([row, column].into_iter()));
            }
        }
        self.push(all)
    }

    /// The union of `length` elements of `x` from `start` on, `stride` apart.
    fn line(&mut self, x: Id, (start, stride): (usize, usize), length: usize) -> Set {
        let Some(first) = self.first[x as usize] else { return Set::default() };
        let elements = &self.elements;
        self.sets.union((0..length).map(|k| elements[first + start + k * stride]))
    }

    /// Each element depends on the corresponding ones of the operands, repeated by NumPy's rules.
    fn elementwise(&mut self, node: &Node<S>) -> First {
        let shape = &node.shape;
        let strides: Vec<Vec<usize>> = node
            .operands
            .iter()
            .map(|&x| broadcast_strides(self.program.shape(x), shape.len()))
            .collect();
        let mut index = vec![0; shape.len()];
        let mut all = Vec::with_capacity(size(shape));
        for _ in 0..size(shape) {
            let at = |strides: &[usize]| strides.iter().zip(&index).map(|(s, i)| s * i).sum();
            let operands: smallvec::SmallVec<[Set; 2]> = node
                .operands
                .iter()
                .zip(&strides)
                .map(|(&x, strides)| self.of(x, at(strides)))
                .collect();
            all.push(self.sets.union(operands.into_iter()));
            for axis in (0..shape.len()).rev() {
                index[axis] += 1;
                if index[axis] < shape[axis] {
                    break;
                }
                index[axis] = 0;
            }
        }
        self.push(all)
    }

    /// Every element depends on all elements of all operands.
    fn conservative(&mut self, node: &Node<S>) -> First {
        let all: Vec<Set> = node
            .operands
            .iter()
            .flat_map(|&x| (0..size(self.program.shape(x))).map(move |i| (x, i)))
            .map(|(x, i)| self.of(x, i))
            .collect();
        let set = self.sets.union(all.into_iter());
        self.push(vec![set; size(&node.shape)])
    }
}

/// The strides of a row-major array of `shape` repeated to a larger rank: 0 along repeated axes.
fn broadcast_strides(shape: &[usize], rank: usize) -> Vec<usize> {
    let mut strides = vec![0; rank];
    let mut stride = 1;
    for (to, &length) in strides.iter_mut().rev().zip(shape.iter().rev()) {
        *to = if length == 1 { 0 } else { stride };
        stride *= length;
    }
    strides
}
