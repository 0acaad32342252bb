//! Elementwise operations: the functions of one and of two numbers, over arrays.

use super::operation::{Around, Batched, Forward, Operation, Out, Pattern, lower_case};
use crate::array::{Shape, View, size};
use crate::error::Fault;
use crate::kernel;
use crate::number::{
    Binary, Irregularity, Real, Scalar, Unary, power_int_irregularity, power_real_irregularity,
};

/// `f` of every element.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Map(pub Unary);

/// Every element to a constant power.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Power {
    Int(i32),
    Real(f64),
}

/// `f` of corresponding elements, with NumPy's broadcasting.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Zip(pub Binary);

impl Operation for Map {
    const NAME: &'static str = "map";

    fn text(&self) -> String {
        lower_case(self.0)
    }

    fn shape(&self, x: &[&[usize]]) -> Result<Shape, String> {
        Ok(x[0].into())
    }

    fn pattern(&self) -> Pattern {
        Pattern::Elementwise
    }

    fn batched(&self, _lanes: usize, _x: &[&[usize]], _shape: &[usize]) -> Batched<Self> {
        Batched::Leading(self.clone())
    }

    fn irregularity<R: Real>(&self, at: &Around<'_, R>) -> Option<Irregularity> {
        at.x[0].data.iter().find_map(|x| self.0.irregularity(x.as_f64(), at.margin))
    }
}

impl Forward for Map {
    fn forward<S: Scalar>(&self, x: &[View<'_, S>], y: Out<'_, S>) -> Result<(), Fault> {
        kernel::map(self.0, x[0].data, y.data);
        Ok(())
    }
}

impl Operation for Power {
    const NAME: &'static str = "power";

    fn text(&self) -> String {
        match self {
            Self::Int(n) => format!("power {n}"),
            Self::Real(p) => format!("power {p:?}"),
        }
    }

    fn shape(&self, x: &[&[usize]]) -> Result<Shape, String> {
        Ok(x[0].into())
    }

    fn pattern(&self) -> Pattern {
        Pattern::Elementwise
    }

    fn batched(&self, _lanes: usize, _x: &[&[usize]], _shape: &[usize]) -> Batched<Self> {
        Batched::Leading(self.clone())
    }

    fn irregularity<R: Real>(&self, at: &Around<'_, R>) -> Option<Irregularity> {
        at.x[0].data.iter().find_map(|x| match *self {
            Self::Int(n) => power_int_irregularity(x.as_f64(), n, at.margin),
            Self::Real(p) => power_real_irregularity(x.as_f64(), p, at.margin),
        })
    }
}

impl Forward for Power {
    fn forward<S: Scalar>(&self, x: &[View<'_, S>], y: Out<'_, S>) -> Result<(), Fault> {
        match *self {
            Self::Int(n) => kernel::power_int(n, x[0].data, y.data),
            Self::Real(p) => kernel::power_real(p, x[0].data, y.data),
        }
        Ok(())
    }
}

impl Operation for Zip {
    const NAME: &'static str = "elementwise operation";

    fn text(&self) -> String {
        lower_case(self.0)
    }

    fn shape(&self, x: &[&[usize]]) -> Result<Shape, String> {
        broadcast_shape(x[0], x[1])
    }

    fn pattern(&self) -> Pattern {
        Pattern::Elementwise
    }

    fn batched(&self, _lanes: usize, _x: &[&[usize]], _shape: &[usize]) -> Batched<Self> {
        Batched::Broadcasting(self.clone())
    }

    fn irregularity<R: Real>(&self, at: &Around<'_, R>) -> Option<Irregularity> {
        if let Binary::Add | Binary::Sub | Binary::Mul | Binary::Chain = self.0 {
            return None;
        }
        let strides = [0, 1].map(|i| strides_in(at.x[i].shape, at.shape));
        (0..size(at.shape)).find_map(|k| {
            let operand = |i: usize| at.x[i].data[offset(k, at.shape, &strides[i])].as_f64();
            self.0.irregularity(operand(0), operand(1), at.margin)
        })
    }
}

impl Forward for Zip {
    fn forward<S: Scalar>(&self, x: &[View<'_, S>], y: Out<'_, S>) -> Result<(), Fault> {
        kernel::zip(self.0, x[0], x[1], y.data, y.shape);
        Ok(())
    }
}

/// NumPy's rule: shapes are aligned at the last axis; an axis that is missing or of length 1 is repeated.
pub(crate) fn broadcast_shape(a: &[usize], b: &[usize]) -> Result<Shape, String> {
    let rank = a.len().max(b.len());
    let axis = |x: &[usize], i: usize| (i + x.len()).checked_sub(rank).map_or(1, |i| x[i]);
    (0..rank)
        .map(|i| match (axis(a, i), axis(b, i)) {
            (m, n) if m == n || n == 1 => Ok(m),
            (1, n) => Ok(n),
            (m, n) => Err(format!(
                "axes aligned from the last must have equal lengths or length 1, not {m} and {n}; \
                 give one operand an axis of length 1 there (`keep_axis`) if it is to be repeated"
            )),
        })
        .collect()
}

/// The strides with which an array of `shape` is read where it is broadcast to `result`.
fn strides_in(shape: &[usize], result: &[usize]) -> Vec<usize> {
    let mut strides = vec![0; result.len()];
    let mut stride = 1;
    for (axis, &length) in shape.iter().enumerate().rev() {
        if length > 1 {
            strides[result.len() - shape.len() + axis] = stride;
        }
        stride *= length;
    }
    strides
}

/// Where element number `at` of an array of `shape` lies in one that is read with these strides.
fn offset(mut at: usize, shape: &[usize], strides: &[usize]) -> usize {
    let mut offset = 0;
    for (&length, &stride) in shape.iter().zip(strides).rev() {
        offset += at % length * stride;
        at /= length;
    }
    offset
}
