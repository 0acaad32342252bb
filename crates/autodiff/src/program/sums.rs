//! The sums and products that a loop adds up one by one, as single instructions.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use super::Program;
use super::hash::Fold;
use super::instruction::{Id, Instruction, Op};
use crate::number::{Binary, Real, Unary};

/// A summand.
#[derive(Clone, Copy, Debug)]
enum Term<S> {
    Plain(Id),
    /// `−x`
    Negative(Id),
    /// A product of two results that was an instruction, or part of one.
    Product(Id, Id),
    /// A product with a constant that was an instruction.
    Scaled(Id, S),
    Constant(S),
}

/// The instructions of constants, by the constants' bits.
type Constants = HashMap<u64, Id, BuildHasherDefault<Fold>>;

impl<S: Real> Program<S> {
    /// The same program with every chain `((t₀ + t₁) + t₂) + …` whose partial sums nobody else reads made one `Sum`, or
    /// one `Dot` if some of the terms are products that nobody else reads.
    ///
    /// Terms are still added from the first on, and each is rounded as before (`−x` is `x·(−1)`), so every result keeps its
    /// bits. Only live instructions count. New constants stand at the end: to be moved before those that read them.
    /// Returns whether there are sums now that were not before.
    ///
    /// Complexity: linear in the size of the program.
    pub(super) fn gather_sums(&mut self, live: &[bool]) -> bool {
        let chains = Chains::new(self, live);
        let mut constants = Constants::default();
        let mut terms = Vec::new();
        let mut gathered = false;
        for id in 0..self.len() as Id {
            if !live[id as usize] || chains.absorbed[id as usize] || !chains.is_link(self, id) {
                continue;
            }
            chains.terms(self, id, &mut terms);
            if !terms.is_empty() {
                gathered = true;
                self.replace_by_sum(id, &terms, &mut constants);
            }
        }
        gathered
    }

    fn replace_by_sum(&mut self, id: Id, terms: &[Term<S>], constants: &mut Constants) {
        let start = self.lists.len() as u32;
        let plain = terms.iter().all(|term| matches!(term, Term::Plain(_) | Term::Constant(_)));
        for &term in terms {
            let (x, factor) = match term {
                Term::Plain(x) => (x, None),
                Term::Negative(x) => (x, Some(self.constant(-S::one(), constants))),
                Term::Product(x, y) => (x, Some(y)),
                Term::Scaled(x, c) => (x, Some(self.constant(c, constants))),
                Term::Constant(c) => (self.constant(c, constants), None),
            };
            self.lists.push(x);
            if !plain {
                let factor = factor.unwrap_or_else(|| self.constant(S::one(), constants));
                self.lists.push(factor);
            }
        }
        let op = if plain { Op::Sum } else { Op::Dot };
        self.instructions[id as usize] = Instruction::new(op, start, terms.len() as u32);
    }

    /// The instruction of a constant, appended when first asked for.
    fn constant(&mut self, value: S, known: &mut Constants) -> Id {
        *known.entry(value.as_f64().to_bits()).or_insert_with(|| {
            let number = self.constants.len() as u32;
            self.constants.push(value);
            self.instructions.push(Instruction::new(Op::Constant, number, 0));
            self.instructions.len() as Id - 1
        })
    }
}

/// Which partial sums are read by the next link of their chain alone.
struct Chains {
    /// How often each result is read; once by another instruction only, if it may be absorbed.
    uses: Vec<u32>,
    /// For each link, the operand that is the chain so far.
    before: Vec<Option<Id>>,
    absorbed: Vec<bool>,
}

impl Chains {
    fn new<S: Real>(program: &Program<S>, live: &[bool]) -> Self {
        let n = program.len();
        let living = || (0..n as Id).filter(|&id| live[id as usize]);
        let mut uses = vec![0_u32; n];
        for id in living() {
            program.operands(id, |x| uses[x as usize] += 1);
        }
        let mut keep = |id: Id| uses[id as usize] += 2;
        program.outputs.iter().copied().for_each(&mut keep);
        program.guarded(keep);
        let mut chains = Self { uses, before: vec![None; n], absorbed: vec![false; n] };
        for id in living() {
            let Instruction { op, a, b, .. } = program.instructions[id as usize];
            let candidates = match op {
                // Addition commutes, bit for bit.
                Op::Zip(Binary::Add) => [Some(a), Some(b)],
                Op::Zip(Binary::Sub) | Op::ZipConstant(Binary::Add | Binary::Sub) => {
                    [Some(a), None]
                }
                _ => continue,
            };
            let before = candidates.into_iter().flatten().find(|&x| chains.continues(program, x));
            if let Some(x) = before {
                chains.absorbed[x as usize] = true;
            }
            chains.before[id as usize] = before;
        }
        chains
    }

    fn is_link<S: Real>(&self, program: &Program<S>, id: Id) -> bool {
        let op = program.instructions[id as usize].op;
        matches!(
            op,
            Op::Zip(Binary::Add | Binary::Sub)
                | Op::ZipConstant(Binary::Add | Binary::Sub)
                | Op::ConstantZip(Binary::Sub)
        )
    }

    /// Whether `x` is a sum that only one instruction reads, once.
    fn continues<S: Real>(&self, program: &Program<S>, x: Id) -> bool {
        let op = program.instructions[x as usize].op;
        self.uses[x as usize] == 1 && (self.is_link(program, x) || matches!(op, Op::Sum | Op::Dot))
    }

    /// Puts the terms of the chain that ends with `last` in place of `terms`; none if it has two and neither is a product.
    fn terms<S: Real>(&self, program: &Program<S>, last: Id, terms: &mut Vec<Term<S>>) {
        // From the last term to the first.
        terms.clear();
        let mut next = Some(last);
        while let Some(id) = next {
            let instruction = program.instructions[id as usize];
            let Instruction { op, a, b, .. } = instruction;
            next = self.before[id as usize];
            match op {
                Op::Zip(_) if next == Some(b) => terms.push(self.term(program, a, false)),
                Op::Zip(f) => {
                    terms.push(self.term(program, b, f == Binary::Sub));
                    terms.extend(next.is_none().then(|| self.term(program, a, false)));
                }
                Op::ZipConstant(f) => {
                    let c = program.constants[b as usize];
                    terms.push(Term::Constant(if f == Binary::Sub { -c } else { c }));
                    terms.extend(next.is_none().then(|| self.term(program, a, false)));
                }
                Op::ConstantZip(_) => {
                    terms.push(self.term(program, b, true));
                    terms.push(Term::Constant(program.constants[a as usize]));
                }
                Op::Sum => {
                    terms.extend(program.listed(instruction).iter().rev().map(|&x| Term::Plain(x)));
                }
                _ => {
                    let pairs = program.listed(instruction).as_chunks::<2>().0;
                    terms.extend(pairs.iter().rev().map(|&[x, y]| Term::Product(x, y)));
                }
            }
        }
        let product = |term: &Term<S>| matches!(term, Term::Product(..) | Term::Scaled(..));
        if terms.len() < 3 && !terms.iter().any(product) {
            terms.clear();
        }
        terms.reverse();
    }

    /// `x` as a term, or `−x`: a product that only its sum reads is one of the sum's.
    fn term<S: Real>(&self, program: &Program<S>, x: Id, negated: bool) -> Term<S> {
        let Instruction { op, a, b, .. } = program.instructions[x as usize];
        let constant = |number: u32| program.constants[number as usize];
        let signed = |c: S| if negated { -c } else { c };
        let whole = if negated { Term::Negative(x) } else { Term::Plain(x) };
        if self.uses[x as usize] != 1 {
            return whole;
        }
        match op {
            Op::Zip(Binary::Mul) if !negated => Term::Product(a, b),
            Op::ZipConstant(Binary::Mul) => Term::Scaled(a, signed(constant(b))),
            Op::Map(Unary::Neg) if !negated => Term::Scaled(a, -S::one()),
            _ => whole,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::error::Error;
    use crate::function::{gradient, hessian, record};
    use crate::number::{Scalar, c};
    use crate::program::instruction::Op;
    use crate::tape::record_scalars;

    const X: [f64; 4] = [0.3, -1.7, 1e3, -0.1];

    /// Sums of every kind that is gathered, and of some that are not.
    fn sums<S: Scalar>(x: &[S]) -> S {
        let mut plain = x[0];
        let mut scaled = c(-0.0) + x[1] * c(3.1);
        let mut mixed = c(0.7) - x[2];
        for (i, &x_i) in x.iter().enumerate() {
            plain += x_i;
            scaled = x_i * c(1.3 + i as f64) + scaled;
            mixed = mixed - c(0.1 * i as f64) * x_i + x_i * x_i - (-x_i) + c(1e-3) - x[0];
        }
        let shared = x[0] + x[1] + x[2];
        let branch = if shared + x[3] > S::zero() { shared - x[3] * x[3] } else { shared };
        let product = x[0] * x[1];
        let twice = product + x[2] + product;
        let folded: S = x.iter().map(|&x| x.sin()).sum::<S>() + x[3] + c(2.0);
        plain * scaled + mixed * branch - twice * folded
    }

    #[test]
    fn gathered_sums_keep_their_bits() -> Result<(), Error> {
        let f = record(&X).function(|x| sums(x))?;
        for k in 0..20 {
            let x = X.map(|x| x * 0.83_f64.powi(k) + 0.01 * f64::from(k));
            assert_eq!(f.value(&x)?.to_bits(), sums(&x).to_bits(), "at {x:?}");
        }
        for zero in [0.0, -0.0, f64::INFINITY, f64::NAN] {
            let x = X.map(|_| zero);
            assert!(f.value(&x)?.to_bits() == sums(&x).to_bits() || sums(&x).is_nan());
        }
        let close = |got: &[f64], expected: &[f64]| {
            let scale = expected.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
            assert!(got.iter().zip(expected).all(|(g, e)| (g - e).abs() <= 1e-14 * scale));
        };
        close(&f.gradient(&X)?, &gradient(|x| sums(x), &X)?);
        close(f.hessian(&X)?.as_slice(), hessian(|x| sums(x), &X)?.as_slice());
        Ok(())
    }

    #[test]
    fn a_loop_becomes_one_instruction() -> Result<(), Error> {
        fn dot<S: Scalar>(x: &[S]) -> S {
            let mut total = c(0.5) - x[0];
            for (i, &x) in x.iter().enumerate() {
                total += c(i as f64) * x;
            }
            total
        }
        let program = record_scalars(&X, |x| vec![dot(x)]).map(|r| r.program.simplified())?;
        let computed: Vec<Op> = program
            .instructions
            .iter()
            .map(|step| step.op)
            .filter(|op| !matches!(op, Op::Input | Op::Constant))
            .collect();
        assert_eq!(computed, [Op::Dot]);
        Ok(())
    }
}
