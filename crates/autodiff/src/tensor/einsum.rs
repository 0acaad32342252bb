//! Products and sums over named axes.

use smallvec::SmallVec;

use crate::array::{Axes, Shape, size};
use crate::number::Scalar;
use crate::tape::Tensor;

/// Names of axes, in order.
type Labels = SmallVec<[char; 6]>;

/// An operand with the names of its axes.
#[derive(Clone, Copy)]
struct Named<'t, 'l, S: Scalar> {
    x: Tensor<'t, S>,
    labels: &'l Labels,
}

impl<'t, S: Scalar> Tensor<'t, S> {
    /// Einstein's summation: products of operands, at least one, whose axes are named by letters, summed over the names that the result lacks.
    ///
    /// `"bij,bjk->bik"` is a batch of matrix products; a name that an operand repeats takes its diagonal; without `->` the
    /// result has the names that occur once, in alphabetical order. Axes of one name must have equal lengths.
    ///
    /// Operands are contracted from left to right, each time as one product of (batches of) matrices; the order is the
    /// caller's to choose.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{Array, Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let a = tape.constant(&Array::new(&[2, 2], vec![1.0, 2.0, 3.0, 4.0])?);
    /// let v = tape.constant(&Array::vector(vec![1.0, -1.0]));
    /// assert_eq!(Tensor::einsum("ij,j->i", &[a, v]).data(), [-1.0, -1.0]);
    /// assert_eq!(Tensor::einsum("ii", &[a]).data(), [5.0]);
    /// assert_eq!(Tensor::einsum("i,ij,j->", &[v, a, v]).data(), [0.0]);
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    #[track_caller]
    pub fn einsum(expression: &str, operands: &[Self]) -> Self {
        let Some(&first) = operands.first() else { return Self::of_no_operands("einsum") };
        match compile(expression, operands) {
            Ok((inputs, output)) => contract(operands, &inputs, &output),
            Err(needs) => {
                let shapes: Vec<&[usize]> = operands.iter().map(|x| x.shape).collect();
                first.tape.refuse("einsum", &shapes, &needs);
                first
            }
        }
    }

    /// `yᵢⱼ = aᵢ·bⱼ` of two vectors.
    #[track_caller]
    pub fn outer(self, other: Self) -> Self {
        if let (&[m], &[n]) = (self.shape, other.shape) {
            return self.reshape(&[m, 1]) * other.reshape(&[1, n]);
        }
        self.tape.refuse("outer", &[self.shape, other.shape], "two vectors");
        self
    }
}

/// The names of the operands' axes and of the result's, or what is wrong with the expression.
fn compile<S: Scalar>(
    expression: &str,
    operands: &[Tensor<'_, S>],
) -> Result<(Vec<Labels>, Labels), String> {
    let text: String = expression.chars().filter(|c| !c.is_whitespace()).collect();
    let (left, right) = match text.split_once("->") {
        Some((left, right)) => (left, Some(right)),
        None => (&text[..], None),
    };
    let inputs = left.split(',').map(letters).collect::<Result<Vec<Labels>, String>>()?;
    if inputs.len() != operands.len() {
        return Err(format!("as many operands as \"{expression}\" names, {}", inputs.len()));
    }
    let mut lengths: Vec<(char, usize)> = Vec::new();
    for (labels, x) in inputs.iter().zip(operands) {
        if labels.len() != x.rank() {
            return Err(format!("a letter for each of the {} axes in \"{expression}\"", x.rank()));
        }
        for (&label, &length) in labels.iter().zip(x.shape) {
            match lengths.iter().find(|(known, _)| *known == label) {
                Some((_, known)) if *known != length => {
                    return Err(format!(
                        "equal lengths of axes '{label}', not {known} and {length}"
                    ));
                }
                Some(_) => {}
                None => lengths.push((label, length)),
            }
        }
    }
    let output = match right {
        Some(right) => letters(right)?,
        None => {
            let times = |label: char| inputs.iter().flatten().filter(|&&l| l == label).count();
            let mut once: Labels =
                lengths.iter().map(|(label, _)| *label).filter(|&l| times(l) == 1).collect();
            once.sort_unstable();
            once
        }
    };
    for (i, label) in output.iter().enumerate() {
        if output[..i].contains(label) || !lengths.iter().any(|(known, _)| known == label) {
            return Err(format!(
                "'{label}' of the result once, and in an operand, in \"{expression}\""
            ));
        }
    }
    Ok((inputs, output))
}

fn letters(text: &str) -> Result<Labels, String> {
    match text.chars().find(|c| !c.is_alphabetic()) {
        Some(other) => {
            Err(format!("letters, commas and one \"->\" in the expression, not '{other}'"))
        }
        None => Ok(text.chars().collect()),
    }
}

#[track_caller]
fn contract<'t, S: Scalar>(
    operands: &[Tensor<'t, S>],
    inputs: &[Labels],
    output: &Labels,
) -> Tensor<'t, S> {
    let needed_after = |i: usize, label: char| {
        output.contains(&label) || inputs[i + 1..].iter().flatten().any(|&l| l == label)
    };
    let (mut x, mut labels) = diagonals(operands[0], &inputs[0]);
    for (i, (&next, next_labels)) in operands.iter().zip(inputs).enumerate().skip(1) {
        let (next, next_labels) = diagonals(next, next_labels);
        let a = Named { x, labels: &labels };
        let b = Named { x: next, labels: &next_labels };
        (x, labels) = multiply(a, b, |label| needed_after(i, label));
    }
    let (x, labels) = sum_out(Named { x, labels: &labels }, |label| output.contains(&label));
    let position = |label: &char| labels.iter().position(|l| l == label).expect("checked");
    let order: Axes = output.iter().map(position).collect();
    x.permuted(&order)
}

/// Takes the diagonal over axes of one name.
#[track_caller]
fn diagonals<'t, S: Scalar>(mut x: Tensor<'t, S>, labels: &Labels) -> (Tensor<'t, S>, Labels) {
    let mut labels = labels.clone();
    while let Some((first, second)) = repeated(&labels) {
        x = x.diagonal(0, first, second);
        let label = labels[first];
        labels.remove(second);
        labels.remove(first);
        labels.push(label);
    }
    (x, labels)
}

fn repeated(labels: &[char]) -> Option<(usize, usize)> {
    let pairs = (0..labels.len()).flat_map(|j| (0..j).map(move |i| (i, j)));
    pairs.into_iter().find(|&(i, j)| labels[i] == labels[j])
}

/// Sums over the axes whose names are not wanted.
#[track_caller]
fn sum_out<'t, S: Scalar>(
    Named { x, labels }: Named<'t, '_, S>,
    wanted: impl Fn(char) -> bool,
) -> (Tensor<'t, S>, Labels) {
    let axes: Axes = (0..labels.len()).filter(|&axis| !wanted(labels[axis])).collect();
    let kept = labels.iter().copied().filter(|&label| wanted(label)).collect();
    if axes.is_empty() { (x, kept) } else { (x.sum_axes(&axes), kept) }
}

/// The product of two operands, summed over the names of both that are not needed: one product of batches of matrices.
#[track_caller]
fn multiply<'t, S: Scalar>(
    a: Named<'t, '_, S>,
    b: Named<'t, '_, S>,
    needed: impl Fn(char) -> bool,
) -> (Tensor<'t, S>, Labels) {
    let (a_x, a_labels) = sum_out(a, |label| needed(label) || b.labels.contains(&label));
    let (b_x, b_labels) = sum_out(b, |label| needed(label) || a.labels.contains(&label));
    let (a, b) = (Named { x: a_x, labels: &a_labels }, Named { x: b_x, labels: &b_labels });
    let names = |of: &Labels, keep: &dyn Fn(char) -> bool| -> Labels {
        of.iter().copied().filter(|&label| keep(label)).collect()
    };
    let both = |label: char| b.labels.contains(&label);
    let batch = names(a.labels, &|label| both(label) && needed(label));
    let summed = names(a.labels, &|label| both(label) && !needed(label));
    let rows = names(a.labels, &|label| !both(label));
    let columns = names(b.labels, &|label| !a.labels.contains(&label));
    let y_labels: Labels = batch.iter().chain(&rows).chain(&columns).copied().collect();
    let lengths = |labels: &Labels| -> Shape {
        let length = |label: &char| match a.labels.iter().position(|l| l == label) {
            Some(axis) => a.x.shape()[axis],
            None => b.x.shape()[b.labels.iter().position(|l| l == label).expect("of one")],
        };
        labels.iter().map(length).collect()
    };
    let count = |labels: &Labels| size(&lengths(labels));
    let shape = |last: [usize; 2]| -> Shape { lengths(&batch).into_iter().chain(last).collect() };
    let (m, k, n) = (count(&rows), count(&summed), count(&columns));
    let y = if summed.is_empty() {
        let left = a.ordered(&[&batch, &rows]).reshape(&shape([m, 1]));
        left * b.ordered(&[&batch, &columns]).reshape(&shape([1, n]))
    } else {
        let left = a.matrices(&batch, &rows, &summed, [&shape([m, k]), &shape([k, m])]);
        left.matmul(b.matrices(&batch, &summed, &columns, [&shape([k, n]), &shape([n, k])]))
    };
    (y.reshape(&lengths(&y_labels)), y_labels)
}

impl<'t, S: Scalar> Named<'t, '_, S> {
    /// The axes in the order of these names.
    #[track_caller]
    fn ordered(self, groups: &[&Labels]) -> Tensor<'t, S> {
        self.x.permuted(&self.order(groups))
    }

    fn order(self, groups: &[&Labels]) -> Axes {
        let position =
            |label: &char| self.labels.iter().position(|l| l == label).expect("one of its names");
        groups.iter().flat_map(|group| group.iter()).map(position).collect()
    }

    /// The matrices of these rows and columns; transposed ones are exchanged by the last step, which a product reads in place.
    #[track_caller]
    fn matrices(
        self,
        batch: &Labels,
        rows: &Labels,
        columns: &Labels,
        [shape, transposed]: [&[usize]; 2],
    ) -> Tensor<'t, S> {
        if self.order(&[batch, columns, rows]).iter().copied().eq(0..self.labels.len()) {
            let last = batch.len();
            return self.x.reshape(transposed).swap_axes(last, last + 1);
        }
        self.ordered(&[batch, rows, columns]).reshape(shape)
    }
}
