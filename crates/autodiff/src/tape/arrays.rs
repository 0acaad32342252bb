//! Recording operations on arrays.

use std::panic::Location;
use std::sync::Arc;

use smallvec::SmallVec;

use super::Tape;
use super::tensor::Tensor;
use super::var::Var;
use crate::array::{Array, View, has_room, size};
use crate::error::Error;
use crate::number::Scalar;
use crate::op::{self, OwnRule, TensorOp};
use crate::program::{Node, Op};

impl<S: Scalar> Tape<S> {
    /// A new array input with these values.
    #[track_caller]
    pub fn input_array(&self, value: &Array<S>) -> Tensor<'_, S> {
        let number = self.inputs.borrow().len();
        let input = self.push_source(|_| TensorOp::Input(number), value, Location::caller());
        self.inputs.borrow_mut().push(input.id);
        input
    }

    /// A constant array. Its elements are shared, not copied.
    #[track_caller]
    pub fn constant(&self, value: &Array<S>) -> Tensor<'_, S> {
        self.push_source(TensorOp::Constant, value, Location::caller())
    }

    /// Array number `slot` of the data that comes with each evaluation and is not differentiated.
    #[track_caller]
    pub(crate) fn data(&self, slot: usize, value: &Array<S>) -> Tensor<'_, S> {
        self.push_source(|_| TensorOp::Data(slot), value, Location::caller())
    }

    /// Records `op` on arrays: infers the shape, computes the value, appends the node.
    ///
    /// If the shapes do not fit, or the values have no result, the tape keeps the error and the result is filled with NaN.
    pub(crate) fn record<'t>(
        &'t self,
        op: TensorOp<S>,
        operands: &[Tensor<'t, S>],
        at: &'static Location<'static>,
    ) -> Tensor<'t, S> {
        let at = self.lines.users(at);
        if let Some(foreign) = operands.iter().find(|x| !x.tape.owns(self)) {
            self.refuse_foreign(foreign.tape, at);
        }
        let shapes: SmallVec<[&[usize]; 4]> = operands.iter().map(|x| x.shape).collect();
        let shape = match op.shape(&shapes) {
            Ok(shape) => shape,
            Err(needs) => {
                let shapes = shapes.iter().map(|s| s.to_vec()).collect();
                self.fail(Error::Shape { operation: op.name(), shapes, needs, at });
                return self.poison(operands.first().map_or(&[], |x| x.shape), at);
            }
        };
        if !has_room::<S>(&shape) {
            self.fail(Error::TooLarge { operation: op.name(), shape: shape.to_vec(), at });
            return self.poison(operands.first().map_or(&[], |x| x.shape), at);
        }
        let (data, elements): (&[S], _) = match op {
            _ if self.shapes_only => (&[], None),
            // A view lends its operand's own elements.
            TensorOp::View(op::View { offset, .. }) => {
                (&operands[0].data[offset..offset + size(&shape)], None)
            }
            _ => {
                let views: SmallVec<[View<'_, S>; 4]> =
                    operands.iter().map(|x| View { data: x.data, shape: x.shape }).collect();
                let mut value = vec![S::zero(); size(&shape)];
                if let Err(fault) = S::forward(OwnRule(&op), &views, &mut value, &shape) {
                    self.fail(fault.into_error(op.name(), at));
                    value.fill(S::nan());
                }
                let value = Arc::new(value);
                (self.lend(&value), Some(value))
            }
        };
        let operands = operands.iter().map(|x| x.id).collect();
        self.push_node(Node { op, operands, shape, at }, data, elements)
    }

    /// What stands for the result of a refused operation.
    pub(crate) fn poison(&self, shape: &[usize], at: &'static Location<'static>) -> Tensor<'_, S> {
        let nan = vec![S::nan(); size(shape)];
        self.push_source(TensorOp::Constant, &Array::from_shared(shape, Arc::new(nan)), at)
    }

    /// A node without operands: an input, a constant, or data.
    fn push_source(
        &self,
        op: impl FnOnce(Array<S>) -> TensorOp<S>,
        value: &Array<S>,
        at: &'static Location<'static>,
    ) -> Tensor<'_, S> {
        let node = Node {
            op: op(value.clone()),
            operands: SmallVec::new(),
            shape: value.shape().into(),
            at,
        };
        self.push_node(node, self.lend(&value.shared()), Some(value.shared()))
    }

    pub(crate) fn push_node<'t>(
        &'t self,
        node: Node<S>,
        data: &'t [S],
        elements: Option<Arc<Vec<S>>>,
    ) -> Tensor<'t, S> {
        let shape: &[usize] = self.shapes.alloc_extend(node.shape.iter().copied());
        let mut nodes = self.nodes.borrow_mut();
        let scalar = match data {
            [value] if shape.is_empty() => *value,
            _ => S::zero(),
        };
        let id = self.push(Op::Array, nodes.len() as u32, 0, scalar).id;
        nodes.push(node);
        self.arrays.borrow_mut().push(elements);
        Tensor { tape: self, id, shape, data }
    }

    /// A scalar seen as an array of rank 0; the same instruction.
    #[track_caller]
    pub(crate) fn scalar_tensor(&self, x: Var<'_, S>) -> Tensor<'_, S> {
        let id = self.id_of(x);
        let data: &[S] = match self.shapes_only {
            true => &[],
            false => self.lend(&Arc::new(vec![x.value])),
        };
        Tensor { tape: self, id, shape: &[], data }
    }
}
