//! Curvature drawn as SVG.
//!
//! | file | |
//! |---|---|
//! | `mod.rs` | [`Picture`] |
//! | `canvas.rs`, `axes.rs` | what all panels are drawn on, their look, axes and their marks |
//! | `panels.rs`, `surface.rs` | a curve, a spectrum or a trace; a surface |

mod axes;
mod canvas;
mod panels;
mod surface;

use std::path::Path;

use plotters::prelude::*;

use crate::curvature::density::SpectralDensity;
use crate::curvature::landscape::{LossCurve, LossSurface};
use crate::error::Error;
use crate::linalg::{Extremes, RitzPair};
use canvas::{Drawn, FONT};

const PANEL: (u32, u32) = (640, 440);
const TITLE: u32 = 48;

/// A drawing of one or several panels, side by side in rows of two.
///
/// | panel | shows |
/// |---|---|
/// | [`density`](Picture::density) | the density of the eigenvalues with its band, on a logarithmic scale |
/// | [`eigenvalues`](Picture::eigenvalues) | the extreme eigenvalues by magnitude, coloured by sign |
/// | [`curves`](Picture::curves) | the loss along directions, with the parabolas that the eigenvalues promise |
/// | [`surface`](Picture::surface) | the loss on a plane, as a heat map with contours |
/// | [`histories`](Picture::histories) | the losses of runs by iteration, both on logarithmic scales |
///
/// What is not finite, or not positive on a logarithmic scale, is left out.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::record;
/// use dualtape_optimizers::{CurvatureInspection, LossCurve, LossSurface, Picture, prelude::*};
///
/// let x = [0.0, 0.0];
/// let f = record(&x).function(|x| x[0].powi(2) - x[1].powi(2) + x[1].powi(4))?;
/// let at = Objective::linearize(&f, &x)?;
/// let report = CurvatureInspection::new("a saddle").inspect(at.hessian())?;
/// let [up, down] = [&report.extremes.largest[0], &report.extremes.smallest[0]];
/// let curves = [
///     LossCurve::along_eigenvector(&f, &x, up, 1.0, 51)?,
///     LossCurve::along_eigenvector(&f, &x, down, 1.0, 51)?,
/// ];
/// let surface = LossSurface::around(&f, &x, [&up.vector, &down.vector], 1.0, 41)?;
/// let svg = Picture::new("a saddle")
///     .density(&report.density)
///     .eigenvalues(&report.extremes)
///     .curves(&curves)
///     .surface(&surface)
///     .to_svg()?;
/// assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Picture<'a> {
    title: String,
    panels: Vec<Panel<'a>>,
}

#[derive(Debug, Clone)]
enum Panel<'a> {
    Density(&'a SpectralDensity),
    /// Eigenvalues in ascending order.
    Eigenvalues(Vec<f64>),
    Curves(&'a [LossCurve]),
    Surface(&'a LossSurface),
    Histories(Vec<(String, Vec<f64>)>),
}

impl<'a> Picture<'a> {
    /// No panels yet.
    pub fn new(title: impl Into<String>) -> Self {
        Picture { title: title.into(), panels: Vec::new() }
    }

    /// Adds the density of the eigenvalues.
    #[must_use]
    pub fn density(mut self, density: &'a SpectralDensity) -> Self {
        self.panels.push(Panel::Density(density));
        self
    }

    /// Adds a bar for each of the extreme eigenvalues.
    #[must_use]
    pub fn eigenvalues<S>(mut self, extremes: &Extremes<S>) -> Self {
        let values =
            |pairs: &[RitzPair<S>]| -> Vec<f64> { pairs.iter().map(|pair| pair.value).collect() };
        // An eigenvalue may be among the smallest and the largest; if all are known, each is shown once.
        let mut bars = match &extremes.spectrum {
            Some(spectrum)
                if spectrum.len() <= extremes.largest.len() + extremes.smallest.len() =>
            {
                spectrum.clone()
            }
            _ => [values(&extremes.smallest), values(&extremes.largest)].concat(),
        };
        bars.sort_by(f64::total_cmp);
        self.panels.push(Panel::Eigenvalues(bars));
        self
    }

    /// Adds the loss along directions.
    #[must_use]
    pub fn curves(mut self, curves: &'a [LossCurve]) -> Self {
        self.panels.push(Panel::Curves(curves));
        self
    }

    /// Adds the loss on a plane.
    #[must_use]
    pub fn surface(mut self, surface: &'a LossSurface) -> Self {
        self.panels.push(Panel::Surface(surface));
        self
    }

    /// Adds the losses of runs, one for each iteration.
    #[must_use]
    pub fn histories<N: Into<String>>(
        mut self,
        runs: impl IntoIterator<Item = (N, Vec<f64>)>,
    ) -> Self {
        let runs = runs.into_iter().map(|(name, losses)| (name.into(), losses));
        self.panels.push(Panel::Histories(runs.collect()));
        self
    }

    /// The drawing.
    ///
    /// # Errors
    ///
    /// [`Error::Drawing`] if the drawing library refuses.
    pub fn to_svg(&self) -> Result<String, Error> {
        let mut text = String::new();
        self.draw(&mut text).map_err(|cause| Error::Drawing { cause: cause.to_string() })?;
        Ok(text)
    }

    /// Writes the drawing to a file.
    ///
    /// # Errors
    ///
    /// [`Error::Drawing`] if it cannot be made or written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        std::fs::write(path, self.to_svg()?)
            .map_err(|cause| Error::Drawing { cause: format!("{}: {cause}", path.display()) })
    }

    fn draw(&self, text: &mut String) -> Drawn {
        let columns = self.panels.len().clamp(1, 2);
        let rows = self.panels.len().div_ceil(columns).max(1);
        let size = (PANEL.0 * columns as u32, TITLE + PANEL.1 * rows as u32);
        let root = SVGBackend::with_string(text, size).into_drawing_area();
        root.fill(&WHITE)?;
        let body = root.titled(&self.title, (FONT, 24))?;
        for (panel, area) in self.panels.iter().zip(body.split_evenly((rows, columns))) {
            match panel {
                Panel::Density(density) => panels::density(&area, density)?,
                Panel::Eigenvalues(values) => panels::eigenvalues(&area, values)?,
                Panel::Curves(curves) => panels::curves(&area, curves)?,
                Panel::Surface(surface) => surface::draw(&area, surface)?,
                Panel::Histories(runs) => panels::histories(&area, runs)?,
            }
        }
        root.present()?;
        Ok(())
    }
}
