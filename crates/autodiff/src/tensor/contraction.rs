//! Products of matrices and vectors.

use crate::array::{Shape, size};
use crate::number::Scalar;
use crate::op::MatMul;
use crate::tape::{Tensor, Var};

impl<'t, S: Scalar> Tensor<'t, S> {
    /// `C = A·B` of matrices `[.., m, k]` and `[.., k, n]`; leading axes are those of a batch and broadcast to each other.
    ///
    /// A vector on the right is a column, on the left a row, and its axis is not in the result: a matrix times a vector is a
    /// vector, two vectors make their [`dot`](Self::dot) product as an array of rank 0. These are NumPy's rules.
    ///
    /// In a recorded function a transposed operand (`a.t().matmul(b)`, or with its last two axes exchanged) is read in place,
    /// not copied. Complexity `O(m·k·n)` for each batch.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{Array, record};
    ///
    /// // xᵀ·A·x
    /// let a = Array::new(&[2, 2], vec![2.0, 1.0, 1.0, 3.0])?;
    /// let f = record(&[1.0, 1.0]).data(&[&a]).function(|x, data| x.matmul(data[0].matmul(x)).to_var())?;
    /// assert_eq!(f.value(&[1.0, 1.0])?, 7.0);
    /// assert_eq!(f.gradient(&[1.0, -1.0])?, [2.0, -4.0]);
    /// assert_eq!(f.hessian(&[1.0, -1.0])?.as_slice(), [4.0, 2.0, 2.0, 6.0]);
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    #[track_caller]
    pub fn matmul(self, other: Self) -> Self {
        let (left, right) = (self.shape, other.shape);
        if let (&[.., k], &[rows]) | (&[k], &[.., rows, _]) = (left, right) {
            if k != rows {
                let needs =
                    format!("as many columns on the left as rows on the right, not {k} and {rows}");
                self.tape.refuse("matmul", &[left, right], &needs);
                return self;
            }
            let a = if left.len() == 1 { self.reshape(&[1, k]) } else { self };
            let b = if right.len() == 1 { other.reshape(&[k, 1]) } else { other };
            let rows = &left[..left.len() - 1];
            let batch = &right[..right.len().saturating_sub(2)];
            let columns = if right.len() == 1 { &[] } else { &right[right.len() - 1..] };
            let y: Shape = batch.iter().chain(rows).chain(columns).copied().collect();
            return a.matmul(b).reshape(&y);
        }
        // Rows of all batches times one matrix are one product.
        if let (&[ref batch @ .., m, k], &[rows, n]) = (left, right)
            && !batch.is_empty()
            && k == rows
        {
            let y: Shape = batch.iter().copied().chain([m, n]).collect();
            return self.reshape(&[size(batch) * m, k]).matmul(other).reshape(&y);
        }
        let op = MatMul { transpose_a: false, transpose_b: false };
        self.record(op, &[self, other])
    }

    /// Transpose of a matrix.
    #[track_caller]
    pub fn t(self) -> Self {
        if self.rank() != 2 {
            self.tape.refuse(
                "t",
                &[self.shape],
                "a matrix (`swap_axes` exchanges two axes of any array)",
            );
            return self;
        }
        self.permute(&[1, 0])
    }

    /// `Σᵢ xᵢ·yᵢ` over all elements of two arrays of the same shape.
    #[track_caller]
    pub fn dot(self, other: Self) -> Var<'t, S> {
        if self.shape != other.shape {
            self.tape.refuse("dot", &[self.shape, other.shape], "two arrays of the same shape");
        }
        let n = self.len();
        self.reshape(&[1, n]).matmul(other.reshape(&[n, 1])).to_var()
    }
}
