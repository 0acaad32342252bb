//! Where in a sequence an element stands, added to what it is.

use dualtape_autodiff::{Array, Real, Tensor};

use crate::module::{Declaration, Init, Module, Scope};

/// Adds to step `t` of a sequence the numbers `sin(t/ω²ⁱ)` at features `2i` and `cos(t/ω²ⁱ)` at features `2i + 1`, with
/// `ω = 10000^(1/width)`.
///
/// Source: Vaswani et al., "Attention is all you need", NeurIPS 2017, section 3.5.
///
/// # Shape
///
/// Input and output are `[batch, steps, width]`, of any number of steps and any width; others are errors that the tape keeps.
/// There are no parameters.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::Array;
/// use dualtape_layers::{SinusoidalPositions, predict};
///
/// let y = predict(&SinusoidalPositions, &[], &Array::<f64>::zeros(&[1, 2, 4]))?;
/// assert_eq!(y.data()[..4], [0.0, 1.0, 0.0, 1.0]);
/// let (sin, cos) = (f64::sin, f64::cos);
/// for (y, expected) in y.data()[4..].iter().zip([sin(1.0), cos(1.0), sin(0.01), cos(0.01)]) {
///     assert!((y - expected).abs() < 1e-15);
/// }
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SinusoidalPositions;

impl<S: Real> Module<S> for SinusoidalPositions {
    fn forward<'t>(&self, scope: &Scope<'t, S>, x: Tensor<'t, S>) -> Tensor<'t, S> {
        let &[_, steps, width] = x.shape() else {
            scope.tape().refuse("SinusoidalPositions", &[x.shape()], "[batch, steps, width]");
            return x;
        };
        let position = |k: usize| {
            let (step, feature) = (k / width, k % width);
            let exponent = (feature - feature % 2) as f64 / width as f64;
            let angle = step as f64 / 10_000.0_f64.powf(exponent);
            S::constant(if feature % 2 == 0 { angle.sin() } else { angle.cos() })
        };
        let table = Array::new(&[steps, width], (0..steps * width).map(position).collect());
        x + scope.tape().constant(&table.expect("its own size"))
    }
}

/// Adds to step `t` of a sequence row `t` of a table that is learned.
///
/// Source: Gehring et al., "Convolutional sequence to sequence learning", ICML 2017.
///
/// # Shape
///
/// Input and output are `[batch, steps, width]`, of no more steps than the table has rows; others are errors that the tape
/// keeps. The table is the parameter `weight` `[rows, width]`, which starts normally with standard deviation 0.02.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::Array;
/// use dualtape_layers::{LearnedPositions, predict};
///
/// let x = Array::new(&[2, 1, 1], vec![1.0, 2.0])?;
/// assert_eq!(predict(&LearnedPositions::new(3, 1), &[0.5, 7.0, 8.0], &x)?.data(), [1.5, 2.5]);
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LearnedPositions {
    rows: usize,
    width: usize,
}

impl LearnedPositions {
    /// A table for sequences of up to `rows` steps.
    pub fn new(rows: usize, width: usize) -> Self {
        Self { rows, width }
    }
}

impl<S: Real> Module<S> for LearnedPositions {
    fn declare(&self, declaration: &mut Declaration) {
        let init = Init::Normal { mean: 0.0, std: 0.02 };
        declaration.parameter("weight", &[self.rows, self.width], init);
    }

    fn forward<'t>(&self, scope: &Scope<'t, S>, x: Tensor<'t, S>) -> Tensor<'t, S> {
        match *x.shape() {
            [_, steps, width] if steps <= self.rows && width == self.width => {
                x + scope.parameter("weight").view(0, &[steps, width])
            }
            _ => {
                let needs = format!("[batch, steps, {}] of up to {} steps", self.width, self.rows);
                scope.tape().refuse("LearnedPositions", &[x.shape()], &needs);
                x
            }
        }
    }

    fn describe(&self) -> String {
        format!("LearnedPositions({} × {})", self.rows, self.width)
    }
}
