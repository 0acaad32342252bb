//! What scalar instructions compute: their one forward rule and their one derivative rule, and whole scalar programs over any
//! number, without recording.

use num_traits::Float;

use super::Program;
use super::embed::Embed;
use super::instruction::{Id, Instruction, Op, specialised};
#[cfg(feature = "planted-faults")]
use super::planted;
use crate::number::{Elementary, Real, Scalar, power_int_derivative, power_real_derivative};

/// What scalar instructions compute with: numbers, or arrays with one number for each lane.
pub(crate) trait Lanewise: Elementary {
    fn sum_of(terms: impl Iterator<Item = Self>) -> Self;

    fn sum_of_products(pairs: impl Iterator<Item = (Self, Self)>) -> Self;

    /// The products are those of the chain rule.
    fn sum_of_chained(pairs: impl Iterator<Item = (Self, Self)>) -> Self;

    /// `self·a + b` with one rounding.
    fn mul_add(self, a: Self, b: Self) -> Self;
}

impl<T: Scalar> Lanewise for T {
    #[inline(always)]
    fn sum_of(terms: impl Iterator<Item = T>) -> T {
        Scalar::sum_of(terms)
    }

    #[inline(always)]
    fn sum_of_products(pairs: impl Iterator<Item = (T, T)>) -> T {
        Scalar::sum_of_products(pairs)
    }

    #[inline(always)]
    fn sum_of_chained(pairs: impl Iterator<Item = (T, T)>) -> T {
        Scalar::sum_of_chained(pairs)
    }

    #[inline(always)]
    fn mul_add(self, a: T, b: T) -> T {
        Float::mul_add(self, a, b)
    }
}

impl<S: Scalar> Program<S> {
    /// The value of a scalar instruction over any number: its forward rule.
    ///
    /// `get` gives the value of an operand, `lift` embeds a constant of the program in the number, and `other` gives the value
    /// of an instruction that has it from elsewhere: an input, or something of an array.
    #[inline(always)]
    pub(crate) fn scalar_value<T: Lanewise>(
        &self,
        instruction: Instruction,
        get: impl Fn(Id) -> T,
        lift: impl Fn(S) -> T,
        other: impl FnOnce() -> T,
    ) -> T {
        // Stated by the fields themselves and not by what they are: the loops of replays are as fast as this is short.
        let Instruction { op, a, b, .. } = instruction;
        let constant = |number: u32| self.constants[number as usize];
        match op {
            Op::Constant => lift(constant(a)),
            Op::Map(f) => get(a).map(f),
            Op::PowerInt => get(a).power_int(b as i32),
            Op::PowerReal => get(a).power_real(exponent(constant(b))),
            Op::Zip(f) => get(a).zip(f, get(b)),
            Op::ZipConstant(f) => get(a).zip(f, lift(constant(b))),
            Op::ConstantZip(f) => lift(constant(a)).zip(f, get(b)),
            Op::Sum => T::sum_of(self.listed(instruction).iter().map(|&x| get(x))),
            Op::Dot => T::sum_of_products(
                self.listed(instruction).as_chunks::<2>().0.iter().map(|&[u, v]| (get(u), get(v))),
            ),
            Op::ChainDot => T::sum_of_chained(
                self.listed(instruction).as_chunks::<2>().0.iter().map(|&[u, v]| (get(u), get(v))),
            ),
            Op::MulAdd => {
                let x = self.listed(instruction);
                get(x[0]).mul_add(get(x[1]), get(x[2]))
            }
            Op::Input | Op::Element | Op::Array => other(),
        }
    }

    /// The partial derivatives of a scalar instruction with value `y`: the one rule behind its tangent and its adjoint.
    ///
    /// Calls `give(operand, ∂y/∂operand)`; an operand used twice is given twice.
    #[inline(always)]
    pub(crate) fn scalar_partials<T: Elementary>(
        &self,
        instruction: Instruction,
        get: impl Fn(Id) -> T,
        lift: impl Fn(S) -> T,
        y: T,
        mut give: impl FnMut(Id, T),
    ) {
        let Instruction { op, a, b, .. } = instruction;
        let constant = |number: u32| self.constants[number as usize];
        #[cfg(feature = "planted-faults")]
        let mut give = planted::giving(op, &mut give);
        match op {
            Op::Input | Op::Constant | Op::Element | Op::Array => {}
            Op::Map(f) => give(a, f.derivative(get(a), y)),
            Op::PowerInt => give(a, power_int_derivative(get(a), b as i32)),
            Op::PowerReal => give(a, power_real_derivative(get(a), exponent(constant(b)))),
            Op::Zip(f) => {
                give(a, f.partial_a(get(a), get(b), y));
                give(b, f.partial_b(get(a), get(b), y));
            }
            Op::ZipConstant(f) => give(a, f.partial_a(get(a), lift(constant(b)), y)),
            Op::ConstantZip(f) => give(b, f.partial_b(lift(constant(a)), get(b), y)),
            Op::Sum => {
                for &x in self.listed(instruction) {
                    give(x, y.lift(1.0));
                }
            }
            Op::Dot | Op::ChainDot => {
                for &[u, v] in self.listed(instruction).as_chunks::<2>().0 {
                    give(u, get(v));
                    give(v, get(u));
                }
            }
            Op::MulAdd => {
                let x = self.listed(instruction);
                give(x[0], get(x[1]));
                give(x[1], get(x[0]));
                give(x[2], y.lift(1.0));
            }
        }
    }
}

/// A constant exponent as a plain number.
#[inline(always)]
fn exponent<S: Scalar>(constant: S) -> f64 {
    constant.known_constant().unwrap_or(f64::NAN)
}

/// The values of all instructions of a scalar program, over the number `T`.
pub(crate) fn evaluate_scalars<S: Real, T: Embed<S>>(program: &Program<S>, inputs: &[T]) -> Vec<T> {
    let mut values: Vec<T> = Vec::with_capacity(program.len());
    for &instruction in &program.instructions {
        let value = specialised!(instruction => program.scalar_value(
                instruction,
                |x| values[x as usize],
                T::embed,
                || inputs[instruction.a as usize],
            ),
            otherwise rarer_value(program, instruction, &values, inputs)
        );
        values.push(value);
    }
    values
}

#[inline(never)]
fn rarer_value<S: Real, T: Embed<S>>(
    program: &Program<S>,
    instruction: Instruction,
    values: &[T],
    inputs: &[T],
) -> T {
    let get = |x: Id| values[x as usize];
    program.scalar_value(instruction, get, T::embed, || inputs[instruction.a as usize])
}

/// The reverse sweep of a scalar program over the number `T`: the cotangents of all instructions, which it leaves in
/// `cotangents`.
///
/// `seeds` are the cotangents of some instructions, the outputs. With `T` a dual number this is forward over reverse: the
/// tangent of a cotangent is a row of the Hessian times the tangent of the inputs.
///
/// `chain` is the product of a cotangent with a partial derivative. Cotangents that `contribute` nothing, whatever the partial
/// derivatives, are passed over.
pub(crate) fn reverse_scalars<S: Real, T: Embed<S>>(
    program: &Program<S>,
    values: &[T],
    seeds: &[(Id, T)],
    cotangents: &mut Vec<T>,
    contributes: impl Fn(T) -> bool,
    chain: impl Fn(T, T) -> T + Copy,
) {
    cotangents.clear();
    cotangents.resize(program.len(), T::zero());
    for &(id, seed) in seeds {
        cotangents[id as usize] += seed;
    }
    // A slice of its own, which stays in registers from one instruction to the next.
    let (slots, values) = (&mut cotangents[..], &values[..program.len()]);
    for (id, &instruction) in program.instructions.iter().enumerate().rev() {
        let y_bar = slots[id];
        if !contributes(y_bar) {
            continue;
        }
        specialised!(instruction => program.scalar_partials(
                instruction,
                |x| values[x as usize],
                T::embed,
                values[id],
                |x, partial| slots[x as usize] += chain(y_bar, partial),
            ),
            otherwise rarer_contributions(program, instruction, values, id, slots, chain)
        );
    }
}

#[inline(never)]
fn rarer_contributions<S: Real, T: Embed<S>>(
    program: &Program<S>,
    instruction: Instruction,
    values: &[T],
    id: usize,
    slots: &mut [T],
    chain: impl Fn(T, T) -> T,
) {
    let y_bar = slots[id];
    let give = |x: Id, partial| slots[x as usize] += chain(y_bar, partial);
    program.scalar_partials(instruction, |x| values[x as usize], T::embed, values[id], give);
}
