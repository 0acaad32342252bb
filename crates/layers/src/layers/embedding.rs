//! Vectors for words and other things that are numbered.

use dualtape_autodiff::{Real, Tensor};

use crate::module::Declaration;
use crate::module::Init;
use crate::module::Module;
use crate::module::Scope;

/// A table of learned vectors: the output for the index `i` is row `i` of `weight`.
///
/// # Shape
///
/// `x` of any shape `[..]` holds whole numbers below `count`; the result is `[.., width]`. Nothing is differentiated with
/// respect to `x`. An index that is not in the table is refused, when recording and at every evaluation. The parameter is
/// `weight` `[count, width]`, which starts standard normal as PyTorch's.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::Array;
/// use dualtape_layers::{Embedding, predict};
///
/// let table = [1.0, 10.0, 2.0, 20.0, 3.0, 30.0];
/// let words = Array::new(&[1, 3], vec![2.0, 0.0, 2.0])?;
/// let y = predict(&Embedding::new(3, 2), &table, &words)?;
/// assert_eq!(y.shape(), [1, 3, 2]);
/// assert_eq!(y.data(), [3.0, 30.0, 1.0, 10.0, 3.0, 30.0]);
///
/// let padded = predict(&Embedding::new(3, 2).padding_index(0), &table, &words)?;
/// assert_eq!(padded.data(), [3.0, 30.0, 0.0, 0.0, 3.0, 30.0]);
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Embedding {
    count: usize,
    width: usize,
    padding: Option<usize>,
    weight: Init,
}

impl Embedding {
    /// A table of `count` vectors of this width.
    pub fn new(count: usize, width: usize) -> Self {
        let weight = Init::Normal { mean: 0.0, std: 1.0 };
        Self { count, width, padding: None, weight }
    }

    /// The same layer, with zeros for this index, whatever its row holds; the row has derivative 0.
    ///
    /// PyTorch's layer gives the row itself, without a derivative; it is zero there too, unless somebody sets it.
    pub fn padding_index(self, index: usize) -> Self {
        Self { padding: Some(index), ..self }
    }

    /// The same layer, with a table that starts so.
    pub fn weight_init(self, weight: Init) -> Self {
        Self { weight, ..self }
    }
}

impl<S: Real> Module<S> for Embedding {
    fn declare(&self, declaration: &mut Declaration) {
        declaration.parameter("weight", &[self.count, self.width], self.weight);
    }

    fn forward<'t>(&self, scope: &Scope<'t, S>, x: Tensor<'t, S>) -> Tensor<'t, S> {
        let y = scope.parameter("weight").embedding(x);
        let Some(padding) = self.padding else { return y };
        if padding >= self.count {
            let needs = format!("a padding index below {}, not {padding}", self.count);
            scope.tape().refuse("Embedding", &[x.shape()], &needs);
            return y;
        }
        let column = [x.shape(), &[1]].concat();
        y.masked_fill(x.eq(S::constant(padding as f64)).reshape(&column), 0.0)
    }

    fn describe(&self) -> String {
        format!("Embedding({} × {})", self.count, self.width)
    }
}
