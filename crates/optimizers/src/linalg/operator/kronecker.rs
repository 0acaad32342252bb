//! Kronecker-factored curvature of a layer (K-FAC).

use dualtape_autodiff::Real;

use super::linear_operator::{LinearOperator, check_vectors, dense_matrix};
use super::low_rank::LowRank;
use super::patches::Patches;
use super::spectral::SpectrumEnds;
use crate::check::require;
use crate::error::Error;
use crate::linalg::dense::{Eigen, symmetrize};
use crate::linalg::vector::axpy;

/// The curvature of one layer as a Kronecker product, `G ⊗ A` (K-FAC: Martens & Grosse, ICML 2015):
///
/// ```text
/// (G ⊗ A) W = G W A,    A ≈ E[a aᵀ],    G ≈ E[g gᵀ]
/// ```
///
/// for a layer `z = W a + b` with inputs `a` (a 1 appended where there is a bias) and gradients `g = ∂loss/∂z`. Its variables
/// are the weight `[outputs, inputs]`, row by row, then the bias: the order of the parameters of a linear or convolutional
/// layer. [`BlockDiagonal`](crate::BlockDiagonal) makes one operator of the layers of a network.
///
/// **Which matrix this approximates** depends on where the gradients come from. With labels drawn from the model's
/// distribution it is the Fisher matrix, with the labels of the data the *empirical* Fisher matrix: see
/// [`CurvatureMatrix`](crate::CurvatureMatrix). The gradients are those of the loss of *one* example, not of the mean over a
/// batch.
///
/// **Weights that are shared**, by the places of an image or of a sequence, give several rows `a`, `g` for an example;
/// [`Sharing`] says how they are put together. For a convolution the rows `a` are the [`patches`](Patches) under the kernel.
///
/// Products cost `O(oi(o + i))`. A shifted system is solved exactly, by the eigenvectors of both factors, `O(o³ + i³)` once;
/// [`damped`](Self::damped) is the cheaper-by-tradition factored damping.
///
/// # Example
///
/// ```
/// use dualtape_optimizers::{KroneckerFactored, LinearOperator, Sharing};
///
/// // Two examples through a layer of two inputs and one output, with a bias.
/// let inputs = [1.0, 2.0, 3.0, -1.0];
/// let output_gradients = [0.5, 1.0];
/// let layer = KroneckerFactored::linear(2, &inputs, &output_gradients, true, Sharing::Expand)?;
/// assert_eq!(layer.dim(), 3);
/// let mut diagonal = [0.0; 3];
/// layer.diagonal(&mut diagonal)?;
/// // E[g²] = ⅝, and E[a²] = 5, 5/2, 1
/// assert_eq!(diagonal, [3.125, 1.5625, 0.625]);
/// # Ok::<(), dualtape_optimizers::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct KroneckerFactored<S> {
    /// `A` and its order.
    input: Vec<S>,
    inputs: usize,
    /// `G` and its order.
    output: Vec<S>,
    outputs: usize,
    bias: bool,
}

/// How the rows of one example are put together where weights are shared (Eschenhagen, Immer, Turner, Schneider & Hennig,
/// NeurIPS 2023). With one row for an example both are the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sharing {
    /// As if each row were an example by itself: `A` the mean over all rows, `G` the sum over the rows of an example, meaned
    /// over examples. For convolutions: Grosse & Martens, ICML 2016.
    #[default]
    Expand,
    /// The rows of an example are put together first: the mean of its `a`, the sum of its `g`. Right where the inputs are
    /// the same at all places.
    Reduce,
}

impl<S: Real> KroneckerFactored<S> {
    /// From the inputs and output gradients of a linear layer for some `examples`, row by row: as many rows for each example.
    ///
    /// # Errors
    ///
    /// [`Error::Empty`] if there is nothing; [`Error::Length`] if the rows do not come out even.
    pub fn linear(
        examples: usize,
        inputs: &[S],
        output_gradients: &[S],
        bias: bool,
        sharing: Sharing,
    ) -> Result<Self, Error> {
        Self::shared(examples, 1, inputs, output_gradients, bias, sharing)
    }

    /// From the inputs and output gradients of a layer that each of the `examples` passes at several `places`, row by row:
    /// all places of the first example, then those of the next.
    ///
    /// # Errors
    ///
    /// As [`linear`](Self::linear).
    pub fn shared(
        examples: usize,
        places: usize,
        inputs: &[S],
        output_gradients: &[S],
        bias: bool,
        sharing: Sharing,
    ) -> Result<Self, Error> {
        let rows = examples * places;
        if rows == 0 || inputs.is_empty() || output_gradients.is_empty() {
            return Err(Error::Empty);
        }
        let (i, o) = (inputs.len() / rows, output_gradients.len() / rows);
        Error::check_length("the inputs of the layer", inputs.len(), rows * i.max(1))?;
        Error::check_length("the output gradients", output_gradients.len(), rows * o.max(1))?;
        let mut a = with_bias(inputs, i, bias);
        let mut g = output_gradients.to_vec();
        let width = i + usize::from(bias);
        let mut per_input = rows;
        if sharing == Sharing::Reduce {
            a = sum_places(&a, width, places);
            a.iter_mut().for_each(|a| *a /= S::constant(places as f64));
            g = sum_places(&g, o, places);
            per_input = examples;
        }
        Self::new(
            width,
            second_moment(width, a, per_input)?,
            o,
            second_moment(o, g, examples)?,
            bias,
        )
    }

    /// From the input of a convolution, `[examples, channels, height, width]`, and the gradients of its output,
    /// `[examples, outputs, height′, width′]`.
    ///
    /// # Errors
    ///
    /// As [`linear`](Self::linear), and what [`Patches::rows`] refuses.
    pub fn conv2d(
        examples: usize,
        input: &[S],
        patches: &Patches,
        output_gradients: &[S],
        bias: bool,
        sharing: Sharing,
    ) -> Result<Self, Error> {
        let rows = patches.rows(examples, input)?;
        let places = patches.places();
        if examples * places == 0 || output_gradients.is_empty() {
            return Err(Error::Empty);
        }
        let o = output_gradients.len() / (examples * places);
        Error::check_length(
            "the output gradients",
            output_gradients.len(),
            examples * places * o.max(1),
        )?;
        let mut gradients = Vec::with_capacity(output_gradients.len());
        for example in output_gradients.chunks_exact(o * places) {
            for place in 0..places {
                gradients.extend((0..o).map(|channel| example[channel * places + place]));
            }
        }
        Self::shared(examples, places, &rows, &gradients, bias, sharing)
    }

    /// From the factors themselves: `A` of order `inputs`, the bias counted, and `G` of order `outputs`, row by row.
    ///
    /// # Errors
    ///
    /// [`Error::Length`].
    pub fn new(
        inputs: usize,
        mut input: Vec<S>,
        outputs: usize,
        mut output: Vec<S>,
        bias: bool,
    ) -> Result<Self, Error> {
        Error::check_length("the input factor", input.len(), inputs * inputs)?;
        Error::check_length("the output factor", output.len(), outputs * outputs)?;
        symmetrize(inputs, &mut input);
        symmetrize(outputs, &mut output);
        Ok(KroneckerFactored { input, inputs, output, outputs, bias })
    }

    /// `(G + √λ/π I) ⊗ (A + π√λ I)`, with `π² = (tr A / order A) / (tr G / order G)`: the damping that keeps the factors
    /// (Martens & Grosse, §6.3). It is not `G ⊗ A + λI`, but close, and as cheap to solve with.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if λ is negative or not finite.
    pub fn damped(&self, lambda: S) -> Result<Self, Error> {
        require("damping", lambda, "zero or positive", |lambda| lambda >= 0.0)?;
        let mean = |factor: &[S], n: usize| {
            let trace = factor.iter().step_by(n + 1).fold(S::zero(), |sum, &d| sum + d);
            trace / S::constant(n as f64)
        };
        let pi = (mean(&self.input, self.inputs) / mean(&self.output, self.outputs)).sqrt();
        let pi = if pi.is_normal() { pi } else { S::one() };
        let mut damped = self.clone();
        let root = lambda.sqrt();
        damped.input.iter_mut().step_by(self.inputs + 1).for_each(|d| *d += pi * root);
        damped.output.iter_mut().step_by(self.outputs + 1).for_each(|d| *d += root / pi);
        Ok(damped)
    }

    /// The variables as one matrix `[outputs, inputs]`, the bias its last column.
    fn gather(&self, v: &[S]) -> Vec<S> {
        if !self.bias {
            return v.to_vec();
        }
        let i = self.inputs - 1;
        let (weight, bias) = v.split_at(self.outputs * i);
        let mut matrix = Vec::with_capacity(v.len());
        for (o, &b) in bias.iter().enumerate() {
            matrix.extend_from_slice(&weight[o * i..(o + 1) * i]);
            matrix.push(b);
        }
        matrix
    }

    fn scatter(&self, matrix: &[S], out: &mut [S]) {
        if !self.bias {
            out.copy_from_slice(matrix);
            return;
        }
        let i = self.inputs - 1;
        let (weight, bias) = out.split_at_mut(self.outputs * i);
        for (o, row) in matrix.chunks_exact(self.inputs).enumerate() {
            weight[o * i..(o + 1) * i].copy_from_slice(&row[..i]);
            bias[o] = row[i];
        }
    }
}

impl<S: Real> LinearOperator<S> for KroneckerFactored<S> {
    fn dim(&self) -> usize {
        self.inputs * self.outputs
    }

    fn apply(&self, v: &[S], out: &mut [S]) -> Result<(), Error> {
        check_vectors(self.dim(), v, out)?;
        let right = multiply(self.inputs, &self.gather(v), &self.input);
        self.scatter(&multiply(self.outputs, &self.output, &right), out);
        Ok(())
    }

    fn diagonal(&self, out: &mut [S]) -> Result<(), Error> {
        Error::check_length("the diagonal", out.len(), self.dim())?;
        let diagonals = self.output.iter().step_by(self.outputs + 1);
        let products: Vec<S> = diagonals
            .flat_map(|&g| self.input.iter().step_by(self.inputs + 1).map(move |&a| g * a))
            .collect();
        self.scatter(&products, out);
        Ok(())
    }

    fn extreme_eigenvalues(&self) -> Result<SpectrumEnds<S>, Error> {
        let (input, output) =
            (Basis::new(self.inputs, &self.input)?, Basis::new(self.outputs, &self.output)?);
        let products = input.values.iter().flat_map(|&a| output.values.iter().map(move |&g| a * g));
        let ends = products.map(|product| SpectrumEnds::known(product, product));
        ends.reduce(SpectrumEnds::union).ok_or(Error::Empty)
    }

    fn shifted_inverse(&self, shift: S) -> Result<Box<dyn LinearOperator<S> + '_>, Error> {
        let (input, output) =
            (Basis::new(self.inputs, &self.input)?, Basis::new(self.outputs, &self.output)?);
        let divisors: Vec<S> = output
            .values
            .iter()
            .flat_map(|&g| input.values.iter().map(move |&a| g * a + shift))
            .collect();
        let largest = divisors.iter().fold(S::zero(), |max, d| max.max(d.abs()));
        let tiny = S::constant(self.dim() as f64) * S::epsilon() * largest;
        if divisors.iter().any(|d| d.abs() <= tiny) {
            return Err(Error::Singular { dim: self.dim() });
        }
        Ok(Box::new(KroneckerInverse { factored: self, input, output, divisors }))
    }
}

/// Eigenvalues, and the eigenvectors as rows.
struct Basis<S> {
    values: Vec<S>,
    rows: Vec<S>,
}

impl<S: Real> Basis<S> {
    fn new(n: usize, matrix: &[S]) -> Result<Self, Error> {
        let eigen = Eigen::new(n, matrix)?.ok_or(Error::NonFiniteMatrix { row: 0 })?;
        let values = eigen.values.iter().map(|&value| S::constant(value)).collect();
        Ok(Basis { values, rows: (0..n).flat_map(|k| eigen.vector::<S>(k)).collect() })
    }

    fn columns(&self) -> Vec<S> {
        let n = self.values.len();
        (0..n * n).map(|e| self.rows[e % n * n + e / n]).collect()
    }
}

/// `(G ⊗ A + sI)⁻¹` by the eigenvectors of the factors.
struct KroneckerInverse<'a, S> {
    factored: &'a KroneckerFactored<S>,
    input: Basis<S>,
    output: Basis<S>,
    divisors: Vec<S>,
}

impl<S: Real> LinearOperator<S> for KroneckerInverse<'_, S> {
    fn dim(&self) -> usize {
        self.divisors.len()
    }

    fn apply(&self, v: &[S], out: &mut [S]) -> Result<(), Error> {
        check_vectors(self.divisors.len(), v, out)?;
        let (i, o) = (self.factored.inputs, self.factored.outputs);
        let turned = multiply(i, &self.factored.gather(v), &self.input.columns());
        let mut turned = multiply(o, &self.output.rows, &turned);
        turned.iter_mut().zip(&self.divisors).for_each(|(x, &d)| *x /= d);
        let back = multiply(o, &self.output.columns(), &turned);
        self.factored.scatter(&multiply(i, &back, &self.input.rows), out);
        Ok(())
    }
}

/// `A B` of row-major matrices, `A` with `inner` columns.
fn multiply<S: Real>(inner: usize, a: &[S], b: &[S]) -> Vec<S> {
    let columns = b.len() / inner;
    let mut product = vec![S::zero(); a.len() / inner * columns];
    for (out, row) in product.chunks_exact_mut(columns).zip(a.chunks_exact(inner)) {
        for (&a, b) in row.iter().zip(b.chunks_exact(columns)) {
            axpy(a, b, out);
        }
    }
    product
}

/// `1/count Σ x xᵀ` over rows of width `n`.
fn second_moment<S: Real>(n: usize, rows: Vec<S>, count: usize) -> Result<Vec<S>, Error> {
    let weights = vec![S::one() / S::constant(count as f64); rows.len() / n];
    dense_matrix(&LowRank::new(n, rows, weights)?)
}

/// The rows with a 1 appended to each if there is a bias.
fn with_bias<S: Real>(rows: &[S], width: usize, bias: bool) -> Vec<S> {
    if !bias {
        return rows.to_vec();
    }
    rows.chunks_exact(width).flat_map(|row| row.iter().copied().chain([S::one()])).collect()
}

/// For each example the sum of its rows.
fn sum_places<S: Real>(rows: &[S], width: usize, places: usize) -> Vec<S> {
    let mut sums = Vec::with_capacity(rows.len() / places);
    for example in rows.chunks_exact(width * places) {
        let mut sum = vec![S::zero(); width];
        example.chunks_exact(width).for_each(|row| axpy(S::one(), row, &mut sum));
        sums.extend(sum);
    }
    sums
}
