//! Looking into a recorded function: its programs as text, the memory that they run in, inputs without effect, and the
//! first value that is not finite.

use std::fmt;
use std::mem::size_of;
use std::ops::Range;
use std::sync::Arc;

use crate::array::Array;
use crate::compiled::{
    Derived, Kind, Origin, ProductKind, Recorded, Source, Stage, gradient_program, source_line,
    tangent_program,
};
use crate::error::{Error, check_length};
use crate::number::Real;
use crate::program::{
    Arguments, Checked, Guard, Id, Instruction, Node, Op, Plan, Program, Workspace, origin_of,
};
use crate::tape::Tape;
use crate::transform::dependencies;

/// What something [`Recorded`] evaluates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Quantity {
    /// `f(x)`
    Value,
    /// `f(x)` and `∇f(x)`; of several values, of their sum
    Gradient,
    /// `f(x)`, `∇f(x)` and products `∇²f(x)·v`; of several values, of their sum
    HessianProduct,
    /// `f(x)` and products with its Jacobian, `J·v` and `wᵀJ`
    Jacobian,
}

/// The program that evaluates a [`Quantity`]: it prints one instruction a line, and says what memory it needs.
pub struct Inspection<S: Real = f64> {
    stage: Arc<Stage<S>>,
}

/// Bytes that a program needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Memory {
    /// The program itself with its constants, kept once for all threads.
    pub program: usize,
    /// The results of an evaluation, kept for each thread that evaluates.
    pub results: usize,
    /// What Hessian-vector products keep besides: coefficients and tangents.
    pub products: usize,
}

impl Memory {
    /// All bytes, for one thread.
    pub fn total(&self) -> usize {
        self.program + self.results + self.products
    }
}

impl<S: Real> Inspection<S> {
    /// Number of instructions.
    pub fn instructions(&self) -> usize {
        self.stage.program.len()
    }

    /// The memory that an evaluation needs, by the plan of the program.
    ///
    /// Nothing is evaluated to tell, and deriving the program takes no more memory than the program itself: a process that goes
    /// on to evaluate it grows by this much. (But where an operation has a [hand-written adjoint](crate::custom::Adjoint): that is user
    /// code, which sees values, so a program with one is evaluated once while it is derived.) What libraries take within an
    /// operation is not counted.
    pub fn memory(&self) -> Memory {
        let Stage { program, plan, products, .. } = &*self.stage;
        let constants = program.nodes.iter().map(|node| match program_constant(node) {
            Some(array) => array.len() * size_of::<S>(),
            None => 0,
        });
        let program_bytes = program.instructions.len() * size_of::<Instruction>()
            + program.constants.len() * size_of::<S>()
            + (program.lists.len() + program.inputs.len() + program.outputs.len())
                * size_of::<Id>()
            + program.nodes.len() * size_of::<Node<S>>()
            + program.guards.len() * size_of::<Guard<S>>()
            + constants.sum::<usize>();
        let linear: usize = products
            .iter()
            .filter_map(|product| product.linear.as_ref())
            .map(|linear| (linear.rows() + linear.terms()) * size_of::<S>())
            .sum();
        Memory {
            program: program_bytes,
            results: (program.len() + plan.buffer) * size_of::<S>(),
            products: linear,
        }
    }
}

fn program_constant<S>(node: &Node<S>) -> Option<&Array<S>> {
    match &node.op {
        crate::op::TensorOp::Constant(array) => Some(array),
        _ => None,
    }
}

impl<S: Real> fmt::Display for Inspection<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.stage.program.fmt(f)
    }
}

impl<S: Real> fmt::Debug for Inspection<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Inspection({} instructions, {:?})", self.instructions(), self.memory())
    }
}

impl<S: Real> Recorded<'_, S> {
    /// The program in use for a quantity, to print it or to ask for its memory.
    ///
    /// It is derived here if it was not in use before: from shapes alone, without evaluating anything.
    ///
    /// # Errors
    ///
    /// What was refused when the closure had to be recorded.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{record, inspect::Quantity};
    ///
    /// let f = record(&[2.0, 3.0]).function(|x| x[0].sin() * x[1])?;
    /// let program = f.inspect(Quantity::Gradient, &[2.0, 3.0])?;
    /// let expected = "\
    /// %0    input 0
    /// %1    input 1
    /// %2    sin %0
    /// %3    mul %2 %1
    /// %4    cos %0
    /// %5    chain %1 %4
    /// return %3 %5 %2";
    /// assert_eq!(program.to_string(), expected);
    /// assert_eq!(program.memory().results, 6 * 8);
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    pub fn inspect(&self, quantity: Quantity, x: &[S]) -> Result<Inspection<S>, Error> {
        check_length("the point", x, self.dim())?;
        let kind = match quantity {
            Quantity::Value => Kind::Value,
            Quantity::Gradient => Kind::Gradient,
            Quantity::HessianProduct => Kind::Hvp,
            Quantity::Jacobian => Kind::Jacobian,
        };
        let state = self.state();
        let stage = state.compiled.stage(kind, Origin { point: x, data: &state.data })?;
        Ok(Inspection { stage })
    }

    /// The inputs on which the function does not depend differentiably, on the branch taken at `x`: none of its instructions
    /// reads them, or only ones that are locally constant do. Their gradient is zero everywhere on the branch.
    ///
    /// # Errors
    ///
    /// What was refused when the closure had to be recorded.
    pub fn unused_inputs(&self, x: &[S]) -> Result<Vec<usize>, Error> {
        let used = self.read(x, Kind::Jacobian, |run| {
            let product = run.stage.product(ProductKind::Forward);
            let (direction, outputs) = (product.direction.clone(), product.outputs.clone());
            let Stage { program, primal_inputs, .. } = &*run.stage;
            dependencies(program, &product.parts, *primal_inputs, direction, outputs)
        })?;
        let mut unused = vec![true; self.dim()];
        used.iter().flatten().for_each(|&i| unused[i as usize] = false);
        Ok((0..self.dim()).filter(|&i| unused[i]).collect())
    }

    /// Refuses a function that does not depend on all its inputs: a parameter that was forgotten, or whose gradient was
    /// stopped. `names` are those of ranges of inputs, where they have any.
    ///
    /// # Errors
    ///
    /// [`Error::UnusedInput`] with the first such input; and what was refused when the closure had to be recorded.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{Error, record};
    ///
    /// let f = record(&[1.0; 3]).function(|x| x[0] * x[1] + x[2].floor())?;
    /// let refused = f.require_all_inputs(&[1.0; 3], &[("weight", 0..2), ("bias", 2..3)]).unwrap_err();
    /// assert_eq!(refused, Error::UnusedInput { index: 2, name: Some("bias".into()) });
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    pub fn require_all_inputs(&self, x: &[S], names: &[(&str, Range<usize>)]) -> Result<(), Error> {
        let Some(&index) = self.unused_inputs(x)?.first() else { return Ok(()) };
        let name = names.iter().find(|(_, range)| range.contains(&index));
        Err(Error::UnusedInput { index, name: name.map(|&(name, _)| name.into()) })
    }

    /// Refuses a point at which something is not finite on the way to the value or to the gradient (of several values, of their
    /// sum): says which operation made the first infinity or NaN, of which operands, and in which source line.
    ///
    /// The function is recorded again at `x`, instruction by instruction, so this is for finding an error, not for every
    /// step.
    ///
    /// # Errors
    ///
    /// [`Error::NotFinite`]; and what was refused when the closure had to be recorded.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{Error, record};
    ///
    /// let f = record(&[1.0, 1.0]).function(|x| (x[0] - x[1]).sqrt() + x[1])?;
    /// let refused = f.check_finite(&[1.0, 2.0]).unwrap_err();
    /// assert!(refused.to_string().contains("sqrt of [-1.0] is NaN"), "{refused}");
    /// // The value is finite here, but not the slope of the square root.
    /// let refused = f.check_finite(&[2.0, 2.0]).unwrap_err();
    /// assert!(refused.to_string().contains("in the gradient"), "{refused}");
    /// assert_eq!(f.check_finite(&[3.0, 2.0]), Ok(()));
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    pub fn check_finite(&self, x: &[S]) -> Result<(), Error> {
        self.gradient_checked_finite(x).map(|_| ())
    }

    /// Like [`check_finite`](Self::check_finite), for the Hessian-vector product with `v` too.
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::record;
    ///
    /// let f = record(&[1.0]).function(|x| x[0].powf(1.5))?;
    /// assert_eq!(f.check_finite(&[0.0]), Ok(()));
    /// let refused = f.check_finite_along(&[0.0], &[1.0]).unwrap_err();
    /// assert!(refused.to_string().contains("in the Hessian-vector product"), "{refused}");
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    pub fn check_finite_along(&self, x: &[S], v: &[S]) -> Result<(), Error> {
        check_length("the direction", v, self.dim())?;
        let gradient = self.gradient_checked_finite(x)?;
        let data = &self.state().data;
        let inputs = gradient.program.inputs.len();
        let tangent = tangent_program(
            Tape::deriving([&gradient.program]).marking(),
            &gradient.program,
            inputs,
            gradient.appended[0].clone(),
            Origin { point: x, data },
        )?;
        let arguments = Arguments { point: x, direction: v, data };
        self.checked("the Hessian-vector product", tangent.program, inputs, arguments, |id| {
            origin_of(&gradient.marks, origin_of(&tangent.marks, id)?)
        })
    }

    /// Value and gradient checked; the recording of the gradient.
    fn gradient_checked_finite(&self, x: &[S]) -> Result<Derived<S>, Error> {
        check_length("the point", x, self.dim())?;
        let state = self.state();
        let data = &state.data;
        let primal = self.recorded_on(Tape::new(), x)?;
        let inputs = primal.inputs.len();
        let arguments = Arguments { point: x, direction: &[], data };
        self.checked("the value", primal.clone(), inputs, arguments, Some)?;
        let gradient = gradient_program(
            Tape::deriving([&primal]).marking(),
            &primal,
            state.compiled.differentiated_outputs(),
            Origin { point: x, data },
        )?;
        self.checked("the gradient", gradient.program.clone(), inputs, arguments, |id| {
            origin_of(&gradient.marks, id)
        })?;
        Ok(gradient)
    }

    /// Evaluates a program instruction by instruction; `recorded` gives the user's instruction behind one of it.
    fn checked(
        &self,
        quantity: &'static str,
        program: Program<S>,
        primal_inputs: usize,
        arguments: Arguments<'_, S>,
        recorded: impl Fn(Id) -> Option<Id>,
    ) -> Result<(), Error> {
        let plan = Plan::new(&program, primal_inputs, program.len());
        let program = &Checked::new(program);
        let mut workspace = Workspace::default();
        workspace.fit(program, &plan);
        let live = program.live();
        for id in 0..program.len() {
            workspace.run(program, &plan, arguments, id..id + 1);
            workspace.check_results()?;
            let id = id as Id;
            if !live[id as usize] || matches!(program.instructions[id as usize].op, Op::Constant) {
                continue;
            }
            let elements = |id: Id| match program.shape(id) {
                [] => vec![workspace.values[id as usize]],
                _ => workspace.array(program, &plan, arguments, id).to_vec(),
            };
            let Some(value) = elements(id).into_iter().find(|x| !x.is_finite()) else { continue };
            let mut operands = Vec::new();
            program.operands(id, |x| operands.push(extreme(&elements(x))));
            return Err(Error::NotFinite {
                quantity,
                operation: program.operation(id),
                operands,
                value: value.as_f64(),
                at: recorded(id).map_or(Ok(None), |id| self.source_line(arguments.point, id))?,
            });
        }
        Ok(())
    }

    /// The source line of an instruction, from a recording that looks out for it.
    pub(crate) fn source_line(
        &self,
        x: &[S],
        id: Id,
    ) -> Result<Option<&'static std::panic::Location<'static>>, Error> {
        source_line(self, x, id)
    }
}

/// The element that stands for an operand: a NaN if there is one, else that of largest magnitude.
fn extreme<S: Real>(elements: &[S]) -> f64 {
    let larger = |a: f64, b: f64| if b.is_nan() || b.abs() > a.abs() { b } else { a };
    elements.iter().map(|x| x.as_f64()).reduce(larger).unwrap_or(0.0)
}
