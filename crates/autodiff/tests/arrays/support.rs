//! Sample data, and arrays read by multi-indices.

use dualtape_autodiff::{Array, Tape, Tensor};

/// `n` numbers in (−1, 1), different for each seed.
pub fn samples(n: usize, seed: u64) -> Vec<f64> {
    let number = |k: u64| {
        let mut z = (k + 1).wrapping_add(seed << 32).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    };
    (0..n as u64).map(number).collect()
}

pub fn size(shape: &[usize]) -> usize {
    shape.iter().product()
}

/// An array read by multi-indices.
#[derive(Clone, Debug, PartialEq)]
pub struct Naive {
    pub shape: Vec<usize>,
    pub data: Vec<f64>,
}

impl Naive {
    pub fn sample(shape: &[usize], seed: u64) -> Self {
        Self { shape: shape.to_vec(), data: samples(size(shape), seed) }
    }

    /// The array of this shape with the elements `f(index)`.
    pub fn from_fn(shape: &[usize], f: impl Fn(&[usize]) -> f64) -> Self {
        let data = indices(shape).iter().map(|index| f(index)).collect();
        Self { shape: shape.to_vec(), data }
    }

    pub fn at(&self, index: &[usize]) -> f64 {
        assert_eq!(index.len(), self.shape.len());
        let flat = self.shape.iter().zip(index).fold(0, |at, (&n, &i)| {
            assert!(i < n, "{index:?} in {:?}", self.shape);
            at * n + i
        });
        self.data[flat]
    }

    pub fn on<'t>(&self, tape: &'t Tape) -> Tensor<'t> {
        tape.constant(&Array::new(&self.shape, self.data.clone()).expect("its own shape"))
    }

    /// Holds the result of `op` on this array against `expected`, to `ulps` units of the last place of the largest element.
    pub fn check(
        &self,
        op: impl for<'t> Fn(Tensor<'t>) -> Tensor<'t>,
        expected: &Naive,
        ulps: f64,
    ) {
        let tape = Tape::new();
        let y = op(self.on(&tape));
        assert_eq!(tape.error(), None);
        assert_close(y, expected, ulps);
    }
}

pub fn assert_close(y: Tensor<'_>, expected: &Naive, ulps: f64) {
    assert_eq!(y.shape(), expected.shape);
    let scale = expected.data.iter().fold(1.0_f64, |m, x| m.max(x.abs()));
    for (i, (got, want)) in y.data().iter().zip(&expected.data).enumerate() {
        let near = (got - want).abs() <= ulps * f64::EPSILON * scale;
        assert!(near || got == want, "[{i}] {got} is not {want}");
    }
}

/// All multi-indices of `shape`, in row-major order.
pub fn indices(shape: &[usize]) -> Vec<Vec<usize>> {
    shape.iter().fold(vec![vec![]], |all, &len| {
        all.iter().flat_map(|i| (0..len).map(move |k| [&i[..], &[k]].concat())).collect()
    })
}

/// `index` with entry `axis` replaced.
pub fn with(index: &[usize], axis: usize, value: usize) -> Vec<usize> {
    let mut index = index.to_vec();
    index[axis] = value;
    index
}
