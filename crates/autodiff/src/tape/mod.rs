//! The tape: a recording of ordinary Rust code.
//!
//! User code computes with [`Var`] and [`Tensor`] handles; each operation appends an instruction and has its value at
//! once, so code may loop and branch on values as usual. The tape stores what was done, not derivatives: those come from
//! the recorded [program](crate::Function).
//!
//! This folder imports `program` and what is below it.
//!
//! | file | |
//! |---|---|
//! | `mod.rs` | [`Tape`]: what a recording holds, how it begins and ends, its errors |
//! | `var.rs`, `var_operators.rs` | the handle of a scalar, and recording scalars |
//! | `tensor.rs`, `tensor_operators.rs` | the handle of an array |
//! | `arrays.rs` | recording arrays |
//! | `operand.rs` | what may stand beside a handle |
//! | `value.rs` | either handle; the handle of an instruction |
//! | `record.rs` | recording a function of scalars |
//! | `replay.rs` | a program onto a tape: the same computation, recorded again over any number, or copied |
//! | `lines.rs`, `watch.rs` | lines of the user's code, and that of one instruction |
//! | `store.rs`, `notes.rs` | growing lists, and notes on instructions |

mod arrays;
mod lines;
mod notes;
mod operand;
mod record;
mod replay;
mod store;
mod tensor;
mod tensor_operators;
mod value;
mod var;
mod var_operators;
mod watch;

pub(crate) use notes::{Mark, Notes};
pub use operand::IntoTensor;
pub(crate) use record::{record_scalars, record_scalars_on};
pub(crate) use replay::{copy, emit};
pub use tensor::Tensor;
pub(crate) use value::Value;
pub use var::Var;

use std::any::Any;
use std::cell::{Cell, OnceCell, RefCell};
use std::fmt;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;

use smallvec::SmallVec;
use typed_arena::Arena;

use crate::array::{Array, has_room};
use crate::error::Error;
use crate::number::Scalar;
use crate::op::TensorOp;
use crate::program::{Fact, Frames, Guard, Id, Instruction, Node, Program, Recording};
use lines::{Line, Lines};
use store::{Steps, Store};

/// A recording in progress.
///
/// The derivative functions make their own tapes; one is made by hand only to hold a recording of several inputs and
/// outputs. Tapes are independent of each other: any number may live at once, nested or on different threads.
///
/// Instructions are numbered lists of plain records. What is rare, owned and must stay put while the tape still grows
/// through `&self` (array elements lent to handles as `&'t [S]`, and shapes) lives in arenas.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Tape, Var};
///
/// let tape = Tape::new();
/// let x: Var = tape.input(2.0);
/// let y = (x * x + 1.0).ln();
/// assert_eq!(y.value(), 5.0_f64.ln());
/// assert_eq!(tape.len(), 4);
/// ```
///
/// # What the type system forbids
///
/// A handle cannot outlive its tape, leave the closure that it was made for, or go to another thread:
///
/// ```compile_fail,E0597
/// # use dualtape_autodiff::{Tape, Var};
/// let x: Var;
/// {
///     let tape = Tape::new();
///     x = tape.input(2.0);
/// }
/// let y = x * x;
/// ```
///
/// ```compile_fail,E0521
/// # use dualtape_autodiff::{Error, Var, gradient};
/// let mut escaped: Vec<Var> = Vec::new();
/// let kept = std::cell::RefCell::new(&mut escaped);
/// gradient(|x| { kept.borrow_mut().push(x[0]); x[0] }, &[1.0])?;
/// # Ok::<(), Error>(())
/// ```
///
/// ```compile_fail,E0277
/// # use dualtape_autodiff::{Tape, Var};
/// let tape = Tape::new();
/// let x: Var = tape.input(2.0);
/// std::thread::scope(|scope| { scope.spawn(|| x * x); });
/// ```
pub struct Tape<S: Scalar = f64> {
    steps: Steps<S>,
    constants: Store<S>,
    pub(crate) lists: Store<Id>,
    guards: Store<Guard<S>>,
    pub(crate) nodes: RefCell<Vec<Node<S>>>,
    /// The elements of each node; those of a view are its operand's.
    arrays: RefCell<Vec<Option<Arc<Vec<S>>>>>,
    elements: Arena<Arc<Vec<S>>>,
    shapes: Arena<usize>,
    pub(crate) error: RefCell<Option<Error>>,
    pub(crate) inputs: RefCell<Vec<Id>>,
    /// What cutting out a part of the recording notes.
    pub(crate) notes: RefCell<Notes>,
    /// What calls run in.
    frames: OnceCell<Box<dyn Any>>,
    /// The number of the first instruction that is not simply appended: the watched one, or one too many.
    watch: Cell<usize>,
    watched: Option<Rc<Line>>,
    /// While a program is transformed, if asked for: from which instruction on the tape's are made from which of its.
    marks: RefCell<Option<Vec<(usize, Id)>>>,
    /// Whether arrays have shapes alone: nothing is computed and no elements are kept.
    shapes_only: bool,
    /// Which lines of source code are the user's.
    lines: Lines,
}

impl<S: Scalar> Default for Tape<S> {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Scalar> Tape<S> {
    /// An empty tape.
    #[track_caller]
    pub fn new() -> Self {
        Self::opened(Location::caller())
    }

    /// An empty tape of a recording that the user asked for at this line.
    pub(crate) fn opened(at: &'static Location<'static>) -> Self {
        Self::reusing(Recording::default(), at)
    }

    /// An empty tape of shapes: it computes nothing and keeps no elements.
    #[track_caller]
    pub(crate) fn of_shapes() -> Self {
        Self::new().with_shapes_only()
    }

    /// The same empty tape, of shapes.
    pub(crate) fn with_shapes_only(self) -> Self {
        Self { shapes_only: true, ..self }
    }

    /// An empty tape on which derivatives of these programs are recorded: one of shapes, unless the rule of an operation in
    /// them is user code, which may look at values.
    #[track_caller]
    pub(crate) fn deriving<'p>(programs: impl IntoIterator<Item = &'p Program<S>>) -> Self
    where
        S: 'p,
    {
        match programs.into_iter().any(Program::derives_from_values) {
            true => Self::new(),
            false => Self::of_shapes(),
        }
    }

    /// Whether arrays have shapes alone, and numbers no meaning.
    pub(crate) fn is_shapes_only(&self) -> bool {
        self.shapes_only
    }

    /// The same empty tape, noting from now on which of its instructions are made from which of the program being
    /// transformed.
    pub(crate) fn marking(self) -> Self {
        Self { marks: RefCell::new(Some(Vec::new())), ..self }
    }

    /// What follows is made from instruction `origin` of the program being transformed.
    pub(crate) fn mark(&self, origin: Id) {
        if let Some(marks) = &mut *self.marks.borrow_mut() {
            marks.push((self.len(), origin));
        }
    }

    /// What follows is made from none of its instructions.
    pub(crate) fn mark_new(&self) {
        self.mark(Id::MAX);
    }

    /// What is recorded meanwhile is made from the same instruction of that program as what was recorded before.
    pub(crate) fn unmarked<R>(&self, record: impl FnOnce() -> R) -> R {
        let marks = self.marks.take();
        let result = record();
        self.marks.replace(marks);
        result
    }

    /// Number of instructions recorded so far, inputs and constants included.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether nothing has been recorded.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A new array input of this shape, with these elements where there are any.
    #[track_caller]
    pub(crate) fn input_of_shape(
        &self,
        shape: &[usize],
        elements: impl FnOnce() -> Vec<S>,
    ) -> Tensor<'_, S> {
        if !self.shapes_only {
            return self.input_array(&Array::from_shared(shape, Arc::new(elements())));
        }
        let mut inputs = self.inputs.borrow_mut();
        let (op, operands) = (TensorOp::Input(inputs.len()), SmallVec::new());
        let node = Node { op, operands, shape: shape.into(), at: Location::caller() };
        let input = self.push_node(node, &[], None);
        inputs.push(input.id);
        input
    }

    /// The first error met while recording, if any.
    pub fn error(&self) -> Option<Error> {
        let limit = Id::MAX as usize;
        let full = self.len().max(self.lists.len()) > limit;
        self.error.borrow().clone().or_else(|| full.then_some(Error::TapeFull { limit }))
    }

    /// Refuses an operation on arrays of these shapes, saying what it needs: the call that asked for a derivative will return
    /// the error, with the line from which this was called, unless an earlier one is kept already.
    ///
    /// For functions of one's own that are made of tensor operations and have conditions of their own.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{Array, Tensor, Var, record};
    ///
    /// fn trace<'t>(a: Tensor<'t>) -> Var<'t> {
    ///     let n = a.shape()[0];
    ///     if a.shape() != [n, n] {
    ///         a.tape().refuse("trace", &[a.shape()], "a square matrix");
    ///     }
    ///     (0..n).map(|i| a.get(i * n + i)).sum()
    /// }
    /// let refused = record(&[0.0; 6]).array().function(|x| trace(x.reshape(&[2, 3])));
    /// assert!(refused.unwrap_err().to_string().contains("shapes [[2, 3]] do not fit trace: a square matrix"));
    /// ```
    #[track_caller]
    pub fn refuse(&self, operation: &'static str, shapes: &[&[usize]], needs: &str) {
        let shapes = shapes.iter().map(|shape| shape.to_vec()).collect();
        self.fail(Error::Shape { operation, shapes, needs: needs.into(), at: Location::caller() });
    }

    /// Whether memory has room for a result of this shape; if not, the tape keeps the error.
    #[track_caller]
    pub(crate) fn has_room(&self, operation: &'static str, shape: &[usize]) -> bool {
        let room = has_room::<S>(shape);
        if !room {
            let at = Location::caller();
            self.fail(Error::TooLarge { operation, shape: shape.to_vec(), at });
        }
        room
    }

    /// Keeps `error` unless an earlier one is kept already.
    #[cold]
    pub(crate) fn fail(&self, mut error: Error) {
        if let Some(at) = error.line_mut() {
            *at = self.lines.users(at);
        }
        self.error.borrow_mut().get_or_insert(error);
    }

    /// Refuses what was recorded on another tape: with that one's error, if it keeps one.
    #[cold]
    pub(crate) fn refuse_foreign(&self, other: &Tape<S>, at: &'static Location<'static>) {
        self.fail(other.error().unwrap_or(Error::MixedTapes { at }));
    }

    pub(crate) fn owns(&self, other: &Tape<S>) -> bool {
        std::ptr::eq(self, other)
    }

    /// Stores a constant for an instruction's field and returns its number.
    #[inline]
    pub(crate) fn store_constant(&self, value: S) -> u32 {
        self.constants.push(value) as u32
    }

    pub(crate) fn push_guard(&self, fact: Fact<S>, at: &'static Location<'static>) {
        self.guards.push(Guard { fact, at: self.lines.users(at) });
    }

    pub(crate) fn instruction(&self, id: Id) -> Instruction {
        self.steps.instruction(id as usize)
    }

    pub(crate) fn constant_number(&self, number: u32) -> S {
        self.constants.get(number as usize)
    }

    /// The memory that calls recorded on this tape run in; that of another tape if it was shared in time.
    pub(crate) fn frames(&self) -> Frames<S::Real> {
        let frames = self.frames.get_or_init(|| Box::new(Frames::<S::Real>::default()));
        frames.downcast_ref::<Frames<S::Real>>().expect("made for this precision").clone()
    }

    /// Lets calls on this tape run in the memory of another.
    pub(crate) fn share_frames(&self, frames: Frames<S::Real>) {
        self.frames.get_or_init(|| Box::new(frames));
    }

    /// The elements of an array, for as long as the tape lives.
    fn lend(&self, elements: &Arc<Vec<S>>) -> &[S] {
        self.elements.alloc(Arc::clone(elements)).as_slice()
    }

    /// Ends the recording.
    pub(crate) fn finish(self, outputs: Vec<Id>) -> Result<Recording<S>, Error> {
        if let Some(error) = self.error() {
            return Err(error);
        }
        let (instructions, values) = self.steps.into_vecs();
        let program = Program {
            instructions,
            constants: self.constants.into_vec(),
            lists: self.lists.into_vec(),
            nodes: self.nodes.into_inner(),
            guards: self.guards.into_vec(),
            inputs: self.inputs.into_inner(),
            outputs,
        };
        let marks = self.marks.into_inner().unwrap_or_default();
        Ok(Recording { program, values, arrays: self.arrays.into_inner(), marks })
    }

    /// An empty tape in the memory of an ended recording, for one that the user asked for at this line.
    pub(crate) fn reusing(recording: Recording<S>, at: &'static Location<'static>) -> Self {
        let Recording { program, values, .. } = recording;
        let (mut nodes, mut inputs) = (program.nodes, program.inputs);
        nodes.clear();
        inputs.clear();
        Self {
            steps: Steps::reusing(program.instructions, values),
            constants: Store::reusing(program.constants),
            lists: Store::reusing(program.lists),
            guards: Store::reusing(program.guards),
            nodes: RefCell::new(nodes),
            arrays: RefCell::new(Vec::new()),
            elements: Arena::new(),
            shapes: Arena::new(),
            error: RefCell::new(None),
            inputs: RefCell::new(inputs),
            notes: RefCell::default(),
            frames: OnceCell::new(),
            watch: Cell::new(Id::MAX as usize),
            watched: None,
            marks: RefCell::new(None),
            shapes_only: false,
            lines: Lines::opened(at),
        }
    }
}

impl<S: Scalar> fmt::Debug for Tape<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tape({} instructions)", self.len())
    }
}
