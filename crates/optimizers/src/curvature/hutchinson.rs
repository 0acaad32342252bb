//! Trace, diagonal and Frobenius norm from products with random vectors.

use std::ops::Range;

use dualtape_autodiff::{Real, parts::Part};

use super::estimate::Estimate;
use crate::check::require_count;
use crate::error::Error;
use crate::linalg::{LinearOperator, Probes, dimension, products};

/// Means over `N` random sign vectors `v` (Hutchinson, Communications in Statistics – Simulation and Computation 19 (1990)),
/// with their standard errors:
///
/// ```text
/// tr A  = E[vᵀAv],    diag A = E[v ∘ Av],    ‖A‖²_F = E[‖Av‖²]
/// ```
///
/// The estimator of the diagonal is that of Bekas, Kokiopoulou & Saad, Applied Numerical Mathematics 57 (2007).
/// Where `N ≥ n`, the unit vectors are used instead, and the numbers are exact.
///
/// **Use it** for a few digits of the trace. The variance of one sample is `2 Σ_{i≠j} aᵢⱼ²`, so that a decaying spectrum is
/// better served by [`HutchPlusPlus`](crate::HutchPlusPlus) or [`XTrace`](crate::XTrace).
///
/// **Cost**: `N` products, made several at once. Every random number comes from the seed.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::record;
/// use dualtape_optimizers::{Hutchinson, prelude::*};
///
/// let x = [0.3, -1.2, 0.8];
/// let f = record(&x).function(|x| x[0] * x[1] + x[1].powi(3) + (x[0] * x[2]).exp())?;
/// let at = Objective::linearize(&f, &x)?;
/// // Three parameters: ten probes are as many as are needed to be exact.
/// let trace = Hutchinson::new(10).trace(at.hessian())?;
/// let exact = (0.8_f64.powi(2) + 0.3_f64.powi(2)) * 0.24_f64.exp() - 7.2;
/// assert!((trace.value - exact).abs() < 1e-14 && trace.is_exact());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Hutchinson {
    probes: usize,
    seed: u64,
}

/// The parameters of a range, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParameterRange {
    /// What they are called.
    pub name: String,
    /// Where they are in the vector of parameters.
    pub range: Range<usize>,
    /// The part of a vector that they are, if that is known: a matrix that belongs to another vector is refused.
    pub part: Option<Part>,
}

impl ParameterRange {
    /// This range of a vector of any length.
    pub fn new(name: impl Into<String>, range: Range<usize>) -> Self {
        ParameterRange { name: name.into(), range, part: None }
    }
}

impl From<&Part> for ParameterRange {
    fn from(part: &Part) -> Self {
        let name = part.name().to_owned();
        ParameterRange { name, range: part.range(), part: Some(part.clone()) }
    }
}

/// What rows of a matrix contribute to its trace and to its Frobenius norm.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct BlockShare {
    /// The parameters that the rows belong to.
    pub block: ParameterRange,
    /// `Σ_{i∈B} aᵢᵢ`.
    pub trace: Estimate,
    /// `Σ_{i∈B} aᵢᵢ / tr A`: between 0 and 1 for a semidefinite matrix, anything for an indefinite one.
    pub trace_share: f64,
    /// `Σ_{i∈B} Σⱼ aᵢⱼ² / ‖A‖²_F`, between 0 and 1.
    pub norm_share: f64,
}

/// What one set of probes tells.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Measured {
    pub(crate) trace: Estimate,
    pub(crate) frobenius_norm: Estimate,
    pub(crate) blocks: Vec<BlockShare>,
}

impl Hutchinson {
    /// So many probes, at least 1; 10 and more for a standard error that means something.
    pub fn new(probes: usize) -> Self {
        Hutchinson { probes, seed: 0 }
    }

    /// Seed of the random vectors. Default 0.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// `tr A`.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] without probes, [`Error::Empty`], [`Error::NonFiniteProduct`], and whatever the operator refuses.
    pub fn trace<S: Real>(&self, a: &dyn LinearOperator<S>) -> Result<Estimate, Error> {
        Ok(self.measure(a, &[])?.trace)
    }

    /// `‖A‖_F`, the root of the sum of the squared eigenvalues.
    ///
    /// # Errors
    ///
    /// As [`trace`](Hutchinson::trace).
    pub fn frobenius_norm<S: Real>(&self, a: &dyn LinearOperator<S>) -> Result<Estimate, Error> {
        Ok(self.measure(a, &[])?.frobenius_norm)
    }

    /// The diagonal, entry by entry. The error of entry `i` is made by the rest of row `i`: an estimate of a diagonal is
    /// good where the matrix is nearly diagonal.
    ///
    /// # Errors
    ///
    /// As [`trace`](Hutchinson::trace).
    pub fn diagonal<S: Real>(&self, a: &dyn LinearOperator<S>) -> Result<Vec<Estimate>, Error> {
        let n = dimension(a)?;
        // Welford's recurrence: mean and sum of squared deviations.
        let (mut mean, mut squares) = (vec![0.0; n], vec![0.0; n]);
        let mut drawn = 0.0;
        let exact = self.for_each(a, |v, av| {
            drawn += 1.0;
            let sample = v.iter().zip(av).map(|(v, av)| v.as_f64() * av.as_f64());
            for ((mean, squares), sample) in mean.iter_mut().zip(&mut squares).zip(sample) {
                let deviation = sample - *mean;
                *mean += deviation / drawn;
                *squares += deviation * (sample - *mean);
            }
        })?;
        let estimate = |(&value, &squares): (&f64, &f64)| match exact {
            true => Estimate::exact(value),
            false => Estimate {
                value,
                standard_error: if drawn > 1.0 {
                    (squares / (drawn * (drawn - 1.0))).sqrt()
                } else {
                    f64::INFINITY
                },
                samples: drawn as usize,
            },
        };
        Ok(mean.iter().zip(&squares).map(estimate).collect())
    }

    /// What each block of parameters contributes, all from the same products.
    ///
    /// # Errors
    ///
    /// [`Error::Block`] if a range is not within the parameters, [`ForeignPart`](dualtape_autodiff::Error::ForeignPart) if it is
    /// a part of another vector, else as [`trace`](Hutchinson::trace).
    pub fn shares<S: Real>(
        &self,
        a: &dyn LinearOperator<S>,
        blocks: &[ParameterRange],
    ) -> Result<Vec<BlockShare>, Error> {
        Ok(self.measure(a, blocks)?.blocks)
    }

    /// Trace, norm and shares from one set of probes.
    pub(crate) fn measure<S: Real>(
        &self,
        a: &dyn LinearOperator<S>,
        blocks: &[ParameterRange],
    ) -> Result<Measured, Error> {
        let n = dimension(a)?;
        for ParameterRange { name, range, part } in blocks {
            if let Some(part) = part {
                part.range_within(n, a.parts())?;
            }
            if range.start > range.end || range.end > n {
                return Err(Error::Block { name: name.clone(), end: range.end, parameters: n });
            }
        }
        // The whole is the first block.
        let ranges: Vec<Range<usize>> =
            std::iter::once(0..n).chain(blocks.iter().map(|block| block.range.clone())).collect();
        let (mut traces, mut norms) = (vec![vec![]; ranges.len()], vec![vec![]; ranges.len()]);
        let exact = self.for_each(a, |v, av| {
            for (k, range) in ranges.iter().enumerate() {
                let (v, av) = (&v[range.clone()], &av[range.clone()]);
                traces[k].push(inner(v, av));
                norms[k].push(inner(av, av));
            }
        })?;
        let estimate = |samples: &Vec<f64>| {
            let estimate = Estimate::from_samples(samples);
            if exact { Estimate::exact(estimate.value) } else { estimate }
        };
        let traces: Vec<Estimate> = traces.iter().map(estimate).collect();
        let norms: Vec<Estimate> = norms.iter().map(estimate).collect();
        let share = |(k, block): (usize, &ParameterRange)| BlockShare {
            block: block.clone(),
            trace: traces[k + 1],
            trace_share: ratio(traces[k + 1].value, traces[0].value),
            norm_share: ratio(norms[k + 1].value, norms[0].value),
        };
        Ok(Measured {
            trace: traces[0],
            frobenius_norm: norms[0].sqrt(),
            blocks: blocks.iter().enumerate().map(share).collect(),
        })
    }

    /// Hands out each probe with its product; tells whether means over them are exact.
    fn for_each<S: Real>(
        &self,
        a: &dyn LinearOperator<S>,
        mut take: impl FnMut(&[S], &[S]),
    ) -> Result<bool, Error> {
        require_count("probes", self.probes)?;
        let n = dimension(a)?;
        let probes = Probes::new(n, self.probes, self.seed);
        let exact = probes.exhaustive();
        for group in probes.groups() {
            let products = products(a, &group)?;
            group.chunks_exact(n).zip(products.chunks_exact(n)).for_each(|(v, av)| take(v, av));
        }
        Ok(exact)
    }
}

/// `Σ aᵢ bᵢ` in double precision.
pub(super) fn inner<S: Real>(a: &[S], b: &[S]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a.as_f64() * b.as_f64()).sum()
}

/// `a/b`, but nothing of nothing is nothing.
fn ratio(a: f64, b: f64) -> f64 {
    if a == 0.0 { 0.0 } else { a / b }
}
