//! The instruction set is closed: every instruction has an adjoint and a tangent made of instructions of the set, to any
//! order, and all compositions of the two give the same numbers.

mod cases;
#[cfg(feature = "linear-algebra")]
mod linear_algebra;

use super::adjoint::record_adjoint;
use super::tangent::record_tangent;
use crate::error::Error;
use crate::function::{gradient, hvp};
use crate::number::Scalar;
use crate::op::{ARRAY_OPERATIONS, Operation, Power, TYPES, TensorOp};
use crate::program::{Embed, Id, Op, Program};
use crate::rule::Derivative;
use crate::tape::{Tape, Value, Var, emit, record_scalars};
use cases::{Loss, cases};

const N: usize = 6;
const X: [f64; N] = [0.31, 0.64, 0.47, 0.22, 0.83, 0.55];
const V: [f64; N] = [1.0, -0.5, 1.0 / 3.0, -0.25, 0.2, -1.0 / 6.0];
const U: [f64; N] = [-0.7, 0.4, 0.9, 1.1, -0.3, 0.6];

/// The kind of an instruction: of an operation on arrays its type, or what is told apart within that.
fn kind(program: &Program<f64>, id: Id) -> &'static str {
    match program.instructions[id as usize].op {
        Op::Input => "input",
        Op::Constant => "constant",
        Op::Map(_) => "map",
        Op::PowerInt => "power by an integer",
        Op::PowerReal => "power by a number",
        Op::Zip(_) => "zip",
        Op::ZipConstant(_) => "zip with a constant",
        Op::ConstantZip(_) => "constant zipped",
        Op::Sum => "sum",
        Op::Dot => "dot",
        Op::ChainDot => "dot of the chain rule",
        Op::MulAdd => "multiply-add",
        Op::Element => "element",
        Op::Array => match &program.node(id).expect("an array").op {
            TensorOp::Input(_) => "array input",
            TensorOp::Data(_) => "array data",
            TensorOp::Constant(_) => "array constant",
            TensorOp::Power(Power::Int(_)) => "array power by an integer",
            TensorOp::Power(Power::Real(_)) => "array power by a number",
            #[cfg(feature = "linear-algebra")]
            TensorOp::LinearAlgebra(op) => linear_algebra::kind(*op),
            TensorOp::OwnOperation(op) => op.name(),
            op => op.type_name().expect("an operation"),
        },
    }
}

/// The kinds that a scalar closure can record, itself or through a derivative, beside the types of array operations.
const KINDS: [&str; 19] = [
    "input",
    "constant",
    "map",
    "power by an integer",
    "power by a number",
    "zip",
    "zip with a constant",
    "constant zipped",
    "sum",
    "dot",
    "dot of the chain rule",
    "multiply-add",
    "element",
    "array constant",
    "array power by an integer",
    "array power by a number",
    "bent",
    "scaled square",
    "checkpoint",
];

/// The types of operation of which [`kind`] tells several apart, or which only operations on matrices record.
const ELSEWHERE: [&str; 4] = ["Power", "OwnOperation", "LinearAlgebra", "Triangle"];

fn inputs<'t, T: Embed<f64>>(tape: &'t Tape<T>, x: &[f64]) -> Vec<Value<'t, T>> {
    x.iter().map(|&x| Value::Scalar(tape.input(T::embed(x)))).collect()
}

/// `x ↦ Σ wᵢ·∂f/∂xᵢ`, by recording the adjoint.
fn slope(f: &Program<f64>, w: &[f64]) -> Result<Program<f64>, Error> {
    let tape = Tape::new();
    let values = emit(f, &tape, &inputs(&tape, &X), &[]);
    let one = Value::Scalar(Var::constant(1.0));
    let gradient = record_adjoint(f, &tape, &values, &[(f.outputs[0], one)]);
    let terms = gradient.into_iter().zip(w).flat_map(|(x_bar, &w)| Some(x_bar?.scalar() * w));
    let output = tape.id_of(terms.sum());
    Ok(tape.finish(vec![output])?.program.simplified())
}

/// `x ↦ ∇f·v`, by recording the tangent.
fn directional(f: &Program<f64>, v: &[f64]) -> Result<Program<f64>, Error> {
    let tape = Tape::new();
    let values = emit(f, &tape, &inputs(&tape, &X), &[]);
    let v: Vec<Value<'_, f64>> = v.iter().map(|&v| Value::Scalar(Var::constant(v))).collect();
    let tangent = record_tangent(f, &tape, &values, &v)[f.outputs[0] as usize];
    let output = tape.id_of(tangent.map_or(Var::constant(0.0), Value::scalar));
    Ok(tape.finish(vec![output])?.program.simplified())
}

fn value_at(f: &Program<f64>, x: &[f64]) -> f64 {
    let tape = Tape::new();
    emit(f, &tape, &inputs(&tape, x), &[])[f.outputs[0] as usize].scalar().value
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[test]
fn every_instruction_is_differentiable_to_third_order() -> Result<(), Error> {
    let types = TYPES.iter().copied().filter(|name| !ELSEWHERE.contains(name));
    differentiable_to_third_order(cases(), &KINDS.into_iter().chain(types).collect::<Vec<_>>())
}

/// Checks every case, and that together they have these kinds of instruction.
pub(crate) fn differentiable_to_third_order(
    cases: Vec<(String, Loss)>,
    kinds: &[&str],
) -> Result<(), Error> {
    let mut met: Vec<&'static str> = Vec::new();
    for (name, loss) in cases {
        let f = record_scalars(&X, |x| vec![loss(x)])?.program.simplified();
        let first = slope(&f, &V)?;
        let second = slope(&first, &U)?;
        let third = slope(&second, &V)?;
        for program in [&f, &first, &second, &third] {
            met.extend((0..program.len() as Id).map(|id| kind(program, id)));
            for node in &program.nodes {
                let name = node.op.name();
                let listed = matches!(node.op.derivative(), Derivative::Constant)
                    || matches!(node.op, TensorOp::OwnOperation(_))
                    || ARRAY_OPERATIONS.contains(&name);
                assert!(listed, "{name:?}");
            }
        }
        let near = |what: &str, got: f64, expected: f64, tolerance: f64| {
            let error = (got - expected).abs();
            assert!(
                error <= tolerance * (1.0 + expected.abs()),
                "{name}, {what}: {got} is not {expected}"
            );
        };
        near("first", value_at(&first, &X), dot(&gradient(&loss, &X)?, &V), 1e-13);
        near("first, forward", value_at(&directional(&f, &V)?, &X), value_at(&first, &X), 1e-13);
        // Forward over reverse: once with dual numbers, once with the recorded tangent; and reverse over reverse.
        let curvature = value_at(&second, &X);
        near("second, dual numbers", dot(&hvp(&loss, &X, &V)?, &U), curvature, 1e-12);
        near(
            "second, forward over reverse",
            value_at(&directional(&first, &U)?, &X),
            curvature,
            1e-12,
        );
        let forward_twice = directional(&directional(&f, &V)?, &U)?;
        near("second, forward over forward", value_at(&forward_twice, &X), curvature, 1e-12);
        // The rules themselves are held against differences of values.
        let along = |program: &Program<f64>, w: &[f64]| {
            let h = 1e-4;
            let shifted = |s: f64| {
                let x: Vec<f64> = X.iter().zip(w).map(|(x, w)| x + s * h * w).collect();
                value_at(program, &x)
            };
            (8.0 * (shifted(1.0) - shifted(-1.0)) - (shifted(2.0) - shifted(-2.0))) / (12.0 * h)
        };
        near("first, difference", along(&f, &V), value_at(&first, &X), 1e-7);
        near("second, difference", along(&first, &U), curvature, 1e-7);
        near("third, difference", along(&second, &V), value_at(&third, &X), 1e-6);
    }
    for kind in kinds {
        assert!(met.contains(kind), "no case has {kind}");
    }
    Ok(())
}
