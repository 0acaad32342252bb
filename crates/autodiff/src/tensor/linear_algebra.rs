//! Linear algebra on [`Tensor`].

use super::matrix::{apply, identity, simple, solve, solve_triangular, transposed};
use crate::number::Scalar;
use crate::op::LinearAlgebra::{Cholesky, DetSign, Eigenvalues, Eigenvectors, LogAbsDet, Lu};
use crate::tape::Tensor;

/// Linear algebra. Matrices are the last two axes, leading axes are a batch.
///
/// All of it is differentiable to every order in every mode. Each factorization costs O(n³) once, also for the gradient
/// and for all Hessian-vector products of a [`Linearization`](crate::Linearization).
/// # Systems of equations
///
/// ```
/// use dualtape_autodiff::{Array, Tape};
///
/// let tape = Tape::new();
/// let a = tape.constant(&Array::new(&[2, 2], vec![4.0, 2.0, 2.0, 2.0])?);
/// let b = tape.constant(&Array::vector(vec![6.0, 4.0]));
/// let l = a.cholesky(); // [2, 0; 1, 1]
/// for x in [a.solve(b), a.solve_transposed(b), l.solve_cholesky(b)] {
///     assert_eq!(x.data(), [1.0, 1.0]);
/// }
/// assert_eq!(l.solve_lower_transposed(l.solve_lower(b)).data(), [1.0, 1.0]);
/// let u = l.t();
/// assert_eq!(u.solve_upper(u.solve_upper_transposed(b)).data(), [1.0, 1.0]);
/// let (sign, log) = a.sign_and_log_abs_det();
/// assert!(sign.data() == [1.0] && (log.data()[0] - 4_f64.ln()).abs() < 1e-15);
/// let values = a.eigenvalues_symmetric();
/// assert!((values.data()[0] - (3.0 - 5_f64.sqrt())).abs() < 1e-14);
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
impl<'t, S: Scalar> Tensor<'t, S> {
    /// The Cholesky factor: the lower triangular `L` with positive diagonal and `L·Lᵀ = A`.
    ///
    /// Of a matrix that is not symmetric, this is the factor of `½(A + Aᵀ)`, and so its gradient is symmetric.
    ///
    /// # Errors
    ///
    /// The recording, or the replay, is refused with [`Fault::NotPositiveDefinite`](crate::custom::Fault), which names the pivot.
    ///
    /// # Example
    ///
    /// The log-density of a Gaussian, `−½(xᵀA⁻¹x + ln det A)` up to a constant:
    ///
    /// ```
    /// use dualtape_autodiff::{Array, record};
    ///
    /// let a = [2.0, 1.0, 1.0, 3.0];
    /// let x = Array::vector(vec![1.0, -1.0]);
    /// let f = record(&a).data(&[&x]).function(|a, data| {
    ///     let l = a.reshape(&[2, 2]).cholesky();
    ///     let z = l.solve_lower(data[0]);
    ///     -0.5 * (z.dot(z) + l.log_det_cholesky().to_var())
    /// })?;
    /// assert!((f.value(&a)? + 0.5 * (7.0 / 5.0 + 5_f64.ln())).abs() < 1e-15);
    /// // ∂/∂A = ½(A⁻¹x·xᵀA⁻¹ − A⁻¹)
    /// let gradient = f.gradient(&a)?;
    /// assert!((gradient[0] - 0.5 * (16.0 / 25.0 - 3.0 / 5.0)).abs() < 1e-15);
    /// assert_eq!(gradient[1], gradient[2]);
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    #[track_caller]
    pub fn cholesky(self) -> Self {
        apply(Cholesky, &[self.symmetric()])
    }

    /// `L⁻¹·B` for the lower triangle of this matrix; `B` is a matrix, or a vector.
    ///
    /// # Errors
    ///
    /// [`Fault::Singular`](crate::custom::Fault) at an element of the diagonal without a finite reciprocal: 0, a number so small that
    /// it overflows, NaN.
    #[track_caller]
    pub fn solve_lower(self, b: Self) -> Self {
        self.as_given(b, solve_triangular(self, true, false, self.columns(b)))
    }

    /// `L⁻ᵀ·B` for the lower triangle of this matrix.
    ///
    /// # Errors
    ///
    /// As [`solve_lower`](Self::solve_lower).
    #[track_caller]
    pub fn solve_lower_transposed(self, b: Self) -> Self {
        self.as_given(b, solve_triangular(self, true, true, self.columns(b)))
    }

    /// `U⁻¹·B` for the upper triangle of this matrix.
    ///
    /// # Errors
    ///
    /// As [`solve_lower`](Self::solve_lower).
    #[track_caller]
    pub fn solve_upper(self, b: Self) -> Self {
        self.as_given(b, solve_triangular(self, false, false, self.columns(b)))
    }

    /// `U⁻ᵀ·B` for the upper triangle of this matrix.
    ///
    /// # Errors
    ///
    /// As [`solve_lower`](Self::solve_lower).
    #[track_caller]
    pub fn solve_upper_transposed(self, b: Self) -> Self {
        self.as_given(b, solve_triangular(self, false, true, self.columns(b)))
    }

    /// `A⁻¹·B`, where this is the Cholesky factor of `A`.
    ///
    /// # Errors
    ///
    /// As [`solve_lower`](Self::solve_lower).
    #[track_caller]
    pub fn solve_cholesky(self, b: Self) -> Self {
        self.solve_lower_transposed(self.solve_lower(b))
    }

    /// `ln det A = 2·Σ ln Lᵢᵢ`, where this is the Cholesky factor of `A`: of rank 0, or of the batch's shape.
    #[track_caller]
    pub fn log_det_cholesky(self) -> Self {
        // The other elements must not meet a logarithm: the diagonal is summed out first.
        let diagonal = (self * identity(self)).sum_axis(self.rank().saturating_sub(1));
        diagonal.ln().sum_axis(diagonal.rank().saturating_sub(1)) * S::constant(2.0)
    }

    /// `A⁻¹·B` by Gaussian elimination with partial pivoting; `B` is a matrix, or a vector.
    ///
    /// # Errors
    ///
    /// [`Fault::Singular`](crate::custom::Fault) names the pivot for which no row is left, with an element whose reciprocal is finite.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{Array, record};
    ///
    /// let a = Array::new(&[2, 2], vec![0.0, 2.0, 4.0, 1.0])?;
    /// let f = record(&[2.0, 1.0]).data(&[&a]).function(|b, data| data[0].solve(b).sum())?;
    /// assert_eq!(f.value(&[2.0, 1.0])?, 1.0);
    /// assert_eq!(f.gradient(&[2.0, 1.0])?, [0.375, 0.25]);
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    #[track_caller]
    pub fn solve(self, b: Self) -> Self {
        self.as_given(b, solve(self, apply(Lu, &[self]), false, self.columns(b)))
    }

    /// `A⁻ᵀ·B`.
    ///
    /// # Errors
    ///
    /// As [`solve`](Self::solve).
    #[track_caller]
    pub fn solve_transposed(self, b: Self) -> Self {
        self.as_given(b, solve(self, apply(Lu, &[self]), true, self.columns(b)))
    }

    /// `A⁻¹`. To apply an inverse, [`solve`](Self::solve) is faster and more accurate.
    ///
    /// # Errors
    ///
    /// As [`solve`](Self::solve).
    #[track_caller]
    pub fn inverse(self) -> Self {
        if !self.is_square("inverse") {
            return self;
        }
        solve(self, apply(Lu, &[self]), false, identity(self))
    }

    /// `ln |det A|`, of rank 0 or of the batch's shape; does not overflow.
    ///
    /// # Errors
    ///
    /// As [`solve`](Self::solve): the logarithm has no value at a singular matrix.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::record;
    ///
    /// let at = [1.0, 2.0, 3.0, 4.0];
    /// let f = record(&at).array().function(|a| a.reshape(&[2, 2]).log_abs_det().to_var())?;
    /// assert!((f.value(&at)? - 2_f64.ln()).abs() < 1e-15);
    /// // The gradient is A⁻ᵀ.
    /// let expected = [-2.0, 1.5, 1.0, -0.5];
    /// assert!(f.gradient(&at)?.iter().zip(expected).all(|(g, e)| (g - e).abs() < 1e-14));
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    #[track_caller]
    pub fn log_abs_det(self) -> Self {
        apply(LogAbsDet, &[self, apply(Lu, &[self])])
    }

    /// The sign of `det A`, ±1 and locally constant, and `ln |det A|`.
    ///
    /// # Errors
    ///
    /// As [`log_abs_det`](Self::log_abs_det).
    #[track_caller]
    pub fn sign_and_log_abs_det(self) -> (Self, Self) {
        let factors = apply(Lu, &[self]);
        (apply(DetSign, &[factors]), apply(LogAbsDet, &[self, factors]))
    }

    /// The eigenvalues of `½(A + Aᵀ)`, ascending.
    ///
    /// # Derivatives
    ///
    /// The gradient of eigenvalue `i` is `vᵢ·vᵢᵀ`. At a repeated eigenvalue that is one of its subgradients; the gradient
    /// of a symmetric function of the repeated ones (their sum, a trace, `Σ f(λᵢ)`) is right there too.
    ///
    /// An eigenvalue that stands alone has derivatives of every order, also beside others that are repeated; so have
    /// repeated ones that enter with one constant factor, as a sum of them all. A higher derivative that needs one of them by
    /// itself does not exist: it is refused with [`Fault::RepeatedEigenvalue`](crate::custom::Fault). So it is for `Σ f(λᵢ)` of a
    /// curved f, which is smooth, but has another formula: see [`eigh`](Self::eigh).
    ///
    /// # Errors
    ///
    /// [`Fault::NotConverged`](crate::custom::Fault), for elements that are not finite.
    ///
    /// # Example
    ///
    /// The largest eigenvalue of `x·xᵀ` is `‖x‖²`; all others are 0.
    ///
    /// ```
    /// use dualtape_autodiff::record;
    ///
    /// let x = [1.0, -2.0, 0.5];
    /// let f = record(&x).array().function(|x| x.outer(x).eigenvalues_symmetric().get(2))?;
    /// let hessian = f.hessian(&x)?; // 2I
    /// assert!((hessian[(0, 0)] - 2.0).abs() < 1e-14 && hessian[(0, 1)].abs() < 1e-14);
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    #[track_caller]
    pub fn eigenvalues_symmetric(self) -> Self {
        self.symmetric().eigenpairs().0
    }

    /// The eigenvalues of `½(A + Aᵀ)`, ascending, and its eigenvectors, as the columns of an orthogonal matrix: of each
    /// the first largest component is positive.
    ///
    /// By reduction to tridiagonal form and divide and conquer, O(n³).
    ///
    /// # Derivatives
    ///
    /// `V_dot = V·(F∘VᵀA_dotV)` with `Fᵢⱼ = 1/(λⱼ − λᵢ)`. Where eigenvalues are equal to rounding, their eigenvectors are not
    /// functions of the matrix: what uses one of them has no derivative, and is refused with
    /// [`Fault::RepeatedEigenvalue`](crate::custom::Fault) in reverse mode, NaN in forward mode. The vectors of eigenvalues that stand
    /// alone are differentiable all the same. A function of the matrix that is smooth at repeated eigenvalues has another
    /// formula: `log_det_cholesky`, `inverse`, a trace of products.
    ///
    /// # Errors
    ///
    /// As [`eigenvalues_symmetric`](Self::eigenvalues_symmetric).
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::record;
    ///
    /// let at = [2.0, 1.0, 1.0, 2.0];
    /// let f = record(&at).array().function(|a| a.reshape(&[2, 2]).eigh().0.get(1))?;
    /// assert!((f.value(&at)? - 3.0).abs() < 1e-15);
    /// assert!(f.gradient(&at)?.iter().all(|g| (g - 0.5).abs() < 1e-15));
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    #[track_caller]
    pub fn eigh(self) -> (Self, Self) {
        let (values, vectors) = self.symmetric().eigenpairs();
        (values, simple(vectors, values))
    }

    /// The eigenvalues of a symmetric matrix and a basis of eigenvectors, of which only what does not depend on its choice
    /// has derivatives.
    #[track_caller]
    fn eigenpairs(self) -> (Self, Self) {
        let vectors = apply(Eigenvectors, &[self]);
        (apply(Eigenvalues, &[self, vectors]), vectors)
    }

    /// `½(A + Aᵀ)`, exactly symmetric.
    #[track_caller]
    fn symmetric(self) -> Self {
        if !self.is_square("an operation on symmetric matrices") {
            return self;
        }
        (self + transposed(self)) * S::constant(0.5)
    }

    #[track_caller]
    fn is_square(self, operation: &'static str) -> bool {
        let square = matches!(self.shape, [.., rows, n] if rows == n);
        if !square {
            self.tape.refuse(operation, &[self.shape], "a square matrix");
        }
        square
    }

    /// A right side as a matrix: of one column if it is a vector.
    #[track_caller]
    fn columns(self, b: Self) -> Self {
        if b.rank() + 1 == self.rank() { b.keep_axis(b.rank()) } else { b }
    }

    /// A solution in the shape of the right side that was given.
    #[track_caller]
    fn as_given(self, b: Self, x: Self) -> Self {
        if b.rank() + 1 == self.rank() && x.len() == b.len() { x.reshape(b.shape) } else { x }
    }
}
