//! Curvature through products alone: the Lanczos process and what is made of it.

mod basis;
mod certificate;
mod lanczos;

pub(crate) use basis::{normal_deviates, normalize};
pub(crate) use certificate::SmallestEigenvalue;
pub(crate) use lanczos::Lanczos;

#[cfg(test)]
mod testing {
    use crate::{Error, LinearOperator};

    /// A diagonal matrix.
    pub(crate) struct Diagonal(pub(crate) Vec<f64>);

    impl LinearOperator<f64> for Diagonal {
        fn dim(&self) -> usize {
            self.0.len()
        }

        fn apply(&self, v: &[f64], out: &mut [f64]) -> Result<(), Error> {
            for ((out, v), d) in out.iter_mut().zip(v).zip(&self.0) {
                *out = v * d;
            }
            Ok(())
        }
    }
}
