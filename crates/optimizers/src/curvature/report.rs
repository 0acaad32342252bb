//! What a curvature matrix looks like, in one report.

use std::fmt;
use std::ops::Range;

use dualtape_autodiff::{Real, parts::Part};

use super::density::{SpectralDensity, StochasticLanczos};
use super::estimate::Estimate;
use super::hutchinson::{BlockShare, Hutchinson, ParameterRange};
use crate::error::Error;
use crate::linalg::{ExtremeEigenpairs, Extremes, LinearOperator, RitzPair};

/// What to look at, and how closely, for a [`CurvatureReport`].
///
/// **Defaults**: 5 largest and 3 smallest eigenvalues ([`ExtremeEigenpairs`]), 30 probes for trace, norm and shares
/// ([`Hutchinson`]), density by [`StochasticLanczos`] with 10 vectors of 80 steps, seed 0.
///
/// # Example
///
/// See [`CurvatureReport`].
#[derive(Debug, Clone)]
pub struct CurvatureInspection {
    title: String,
    eigenpairs: ExtremeEigenpairs,
    density: StochasticLanczos,
    probes: usize,
    seed: u64,
    blocks: Vec<ParameterRange>,
}

impl CurvatureInspection {
    /// With the defaults; `title` says what is looked at: "Hessian at the minimum".
    pub fn new(title: impl Into<String>) -> Self {
        CurvatureInspection {
            title: title.into(),
            eigenpairs: ExtremeEigenpairs::new(5, 3),
            density: StochasticLanczos::default(),
            probes: 30,
            seed: 0,
            blocks: Vec::new(),
        }
    }

    /// How to find the extreme eigenpairs, and how many.
    #[must_use]
    pub fn eigenpairs(mut self, eigenpairs: ExtremeEigenpairs) -> Self {
        self.eigenpairs = eigenpairs;
        self
    }

    /// How to find the density.
    #[must_use]
    pub fn density(mut self, density: StochasticLanczos) -> Self {
        self.density = density;
        self
    }

    /// Probes for trace, norm and shares. Default 30.
    #[must_use]
    pub fn probes(mut self, probes: usize) -> Self {
        self.probes = probes;
        self
    }

    /// Seed of those probes; the other parts have their own. Default 0.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Adds a named range of parameters, whose share of trace and norm is to be told. It is a range of the vector that the
    /// matrix belongs to; of a network, [`parts`](Self::parts) has the right ones.
    #[must_use]
    pub fn block(mut self, name: impl Into<String>, range: Range<usize>) -> Self {
        self.blocks.push(ParameterRange::new(name, range));
        self
    }

    /// Adds named parameters: all of `&layout.parts()`, of a network as it is trained at present, or some of them. A matrix
    /// that belongs to another vector is refused: one of another order, or of a function of [other
    /// parts](dualtape_autodiff::Record::parts).
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{parts::Parts, record};
    /// use dualtape_optimizers::{CurvatureInspection, prelude::*};
    ///
    /// let parts = Parts::new([("weight", vec![2]), ("bias", vec![1])]);
    /// let f = record(&[0.0; 3]).function(|x| x[0] * x[0] + x[1] * x[1] + x[2] * x[2] * 2.0)?;
    /// let at = Objective::linearize(&f, &[0.0; 3])?;
    /// let report = CurvatureInspection::new("Hessian").parts(parts.iter()).inspect(at.hessian())?;
    /// assert_eq!((report.blocks[1].block.name.as_str(), report.blocks[1].trace_share), ("bias", 0.5));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn parts<'p>(mut self, parts: impl IntoIterator<Item = &'p Part>) -> Self {
        self.blocks.extend(parts.into_iter().map(ParameterRange::from));
        self
    }

    /// Looks at a matrix.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`], [`Error::Empty`], [`Error::Block`], [`ForeignPart`](dualtape_autodiff::Error::ForeignPart),
    /// [`Error::NonFiniteProduct`], [`Error::Eigenvalues`], and whatever the operator refuses.
    pub fn inspect<S: Real>(&self, a: &dyn LinearOperator<S>) -> Result<CurvatureReport<S>, Error> {
        let measured = Hutchinson::new(self.probes).seed(self.seed).measure(a, &self.blocks)?;
        let extremes = self.eigenpairs.find(a)?;
        let density = self.density.density(a)?;
        let products = extremes.products + density.products + self.probes.min(a.dim());
        let mut report = CurvatureReport {
            title: self.title.clone(),
            dim: a.dim(),
            trace: measured.trace,
            frobenius_norm: measured.frobenius_norm,
            condition: ConditionNumber::of(&extremes, S::epsilon().as_f64()),
            signs: Signs::of(&density, S::epsilon().as_f64().sqrt()),
            blocks: measured.blocks,
            extremes,
            density,
            products,
        };
        if let Some(spectrum) = &report.extremes.spectrum {
            report.trace = Estimate::exact(spectrum.iter().sum());
            report.frobenius_norm = Estimate::exact(spectrum.iter().copied().fold(0.0, f64::hypot));
            report.signs = Signs::count(spectrum, report.signs.zero);
        }
        Ok(report)
    }
}

/// What a curvature matrix (Hessian, Gauss–Newton, Fisher: any symmetric [`LinearOperator`]) looks like, from products
/// alone. Made by [`CurvatureInspection`]; printing it gives a table, and with the feature `svg` a `Picture` draws
/// it.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::record;
/// use dualtape_optimizers::{CurvatureInspection, prelude::*};
///
/// // Rosenbrock's valley at its minimum: one direction 2500 times as steep as the other
/// let f = record(&[1.0, 1.0]).function(|x| (1.0 - x[0]).powi(2) + (x[1] - x[0].powi(2)).powi(2) * 100.0)?;
/// let at = Objective::linearize(&f, &[1.0, 1.0])?;
/// let report = CurvatureInspection::new("Hessian at the minimum")
///     .block("x", 0..1)
///     .block("y", 1..2)
///     .inspect(at.hessian())?;
/// println!("{report}");
/// assert!((report.condition.value - 2508.0).abs() < 1.0 && report.condition.known);
/// assert!((report.trace.value - 1002.0).abs() < 1e-9);
/// assert!((report.blocks[0].trace_share - 802.0 / 1002.0).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct CurvatureReport<S> {
    /// What was looked at.
    pub title: String,
    /// The number of parameters.
    pub dim: usize,
    /// The largest and the smallest eigenvalues.
    pub extremes: Extremes<S>,
    /// The sum of the eigenvalues.
    pub trace: Estimate,
    /// The root of the sum of their squares.
    pub frobenius_norm: Estimate,
    /// The spectral condition number.
    pub condition: ConditionNumber,
    /// How many eigenvalues are negative, zero, positive.
    pub signs: Signs,
    /// The share of each block of parameters.
    pub blocks: Vec<BlockShare>,
    /// How the eigenvalues are distributed.
    pub density: SpectralDensity,
    /// Products made.
    pub products: usize,
}

/// `κ = max|λ| / min|λ|`.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct ConditionNumber {
    /// The condition number, infinite if the matrix is singular to rounding; or a lower bound of it.
    pub value: f64,
    /// Whether that is the condition number, and no bound: the extreme eigenvalues have converged and have one sign, or
    /// all eigenvalues are known. For a large indefinite matrix it never is: the eigenvalues next to zero lie inside the
    /// spectrum, where Lanczos's process does not see them.
    pub known: bool,
}

impl ConditionNumber {
    fn of<S>(extremes: &Extremes<S>, epsilon: f64) -> Self {
        let pairs = || extremes.largest.iter().chain(&extremes.smallest);
        let found: Vec<f64> = match &extremes.spectrum {
            Some(spectrum) => spectrum.clone(),
            None => pairs().map(|pair| pair.value).collect(),
        };
        let largest = found.iter().fold(0.0, |max: f64, v| max.max(v.abs()));
        let least = found.iter().fold(f64::INFINITY, |min, v| min.min(v.abs()));
        let singular = least <= epsilon * largest;
        let value = if singular { f64::INFINITY } else { largest / least };
        let one_sign = match (extremes.smallest.first(), extremes.largest.first()) {
            (Some(low), Some(high)) => {
                low.converged
                    && high.converged
                    && (low.value > low.residual || high.value < -high.residual)
            }
            _ => false,
        };
        ConditionNumber { value, known: extremes.spectrum.is_some() || one_sign || singular }
    }
}

impl fmt::Display for ConditionNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.known, self.value.is_finite()) {
            (true, true) => write!(f, "{:>13.4e}", self.value),
            (true, false) => f.write_str("     infinite  (singular to rounding)"),
            (false, _) => write!(f, "{:>13.4e}  or more", self.value),
        }
    }
}

/// The shares of the eigenvalues by their signs.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Signs {
    /// Below `−zero`.
    pub negative: Estimate,
    /// Within `zero` of 0.
    pub vanishing: Estimate,
    /// Above `zero`.
    pub positive: Estimate,
    /// What counts as zero: `√ε` of the largest magnitude.
    pub zero: f64,
}

impl Signs {
    fn of(density: &SpectralDensity, relative: f64) -> Self {
        let nodes = density.quadratures.iter().flatten();
        let zero = relative * nodes.fold(0.0, |max: f64, (t, _)| max.max(t.abs()));
        let zero = zero.max(f64::MIN_POSITIVE);
        Signs {
            negative: density.share(f64::NEG_INFINITY..-zero),
            vanishing: density.share(-zero..zero),
            positive: density.share(zero..f64::INFINITY),
            zero,
        }
    }

    fn count(spectrum: &[f64], zero: f64) -> Self {
        let share = |range: Range<f64>| {
            let inside = spectrum.iter().filter(|&v| range.contains(v)).count();
            Estimate::exact(inside as f64 / spectrum.len() as f64)
        };
        Signs {
            negative: share(f64::NEG_INFINITY..-zero),
            vanishing: share(-zero..zero),
            positive: share(zero..f64::INFINITY),
            zero,
        }
    }
}

impl<S> fmt::Display for CurvatureReport<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {} parameters, {} products", self.title, self.dim, self.products)?;
        eigenvalues(f, "largest eigenvalues", &self.extremes.largest)?;
        // Those that are among the largest have been shown.
        let others = self.dim - self.extremes.largest.len();
        let smallest = &self.extremes.smallest;
        eigenvalues(f, "smallest eigenvalues", &smallest[..smallest.len().min(others)])?;
        writeln!(f, "{:<22}{:>13.4}", "trace", self.trace)?;
        writeln!(f, "{:<22}{:>13.4}", "Frobenius norm", self.frobenius_norm)?;
        writeln!(f, "{:<22}{}", "condition number", self.condition)?;
        let Signs { negative, vanishing, positive, .. } = self.signs;
        for (name, share) in
            [("negative", negative), ("zero to rounding", vanishing), ("positive", positive)]
        {
            writeln!(f, "{name:<22}{}", percent(share))?;
        }
        self.table_of_blocks(f)
    }
}

impl<S> CurvatureReport<S> {
    fn table_of_blocks(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.blocks.is_empty() {
            return Ok(());
        }
        let names = self.blocks.iter().map(|share| share.block.name.chars().count());
        let width = names.chain(["block".len()]).max().unwrap_or(0);
        writeln!(
            f,
            "\n{:<width$}  {:>10}  {:>22}  {:>9}  {:>9}",
            "block", "parameters", "trace", "of trace", "of norm²"
        )?;
        for BlockShare { block, trace, trace_share, norm_share } in &self.blocks {
            writeln!(
                f,
                "{:<width$}  {:>10}  {:>22}  {:>7.1} %  {:>7.1} %",
                block.name,
                block.range.len(),
                format!("{trace:.3}"),
                100.0 * trace_share,
                100.0 * norm_share,
            )?;
        }
        Ok(())
    }
}

fn eigenvalues<S>(f: &mut fmt::Formatter<'_>, name: &str, pairs: &[RitzPair<S>]) -> fmt::Result {
    for (k, RitzPair { value, residual, converged, .. }) in pairs.iter().enumerate() {
        let name = if k == 0 { name } else { "" };
        let note = if *converged { "" } else { ", not converged" };
        writeln!(f, "{name:<22}{value:>13.4e}  (residual {residual:.1e}{note})")?;
    }
    Ok(())
}

fn percent(share: Estimate) -> String {
    let Estimate { value, standard_error, .. } = share.scaled(100.0);
    match share.is_exact() {
        true => format!("{value:>11.1} %"),
        false => format!("{value:>11.1} % ± {standard_error:.1} %"),
    }
}
