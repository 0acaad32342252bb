//! Matrices as maps of their entries.

use dualtape::optimizers::Dense;
use plotters::prelude::*;

use crate::chart::{Area, Drawn, Figure};

/// A matrix, drawn in blue where it is negative and in red where it is positive.
pub struct Map {
    name: &'static str,
    matrix: Dense<f64>,
    /// The size of an entry in full colour.
    full: f64,
}

impl Map {
    /// Maps with the same shades for the same sizes, the first of which has entries of every shade.
    pub fn all(matrices: Vec<(&'static str, Dense<f64>)>) -> Vec<Map> {
        let entries = matrices.iter().take(1).flat_map(|(_, matrix)| matrix.as_slice());
        let full = entries.fold(0.0_f64, |max, a| max.max(a.abs()));
        matrices.into_iter().map(|(name, matrix)| Map { name, matrix, full }).collect()
    }

    /// The shade by the square root of the size.
    fn colour(&self, entry: f64) -> RGBColor {
        let shade = (entry.abs() / self.full).min(1.0).sqrt();
        let fade = |full: u8| (255.0 - shade * (255.0 - f64::from(full))) as u8;
        if entry < 0.0 {
            RGBColor(fade(0), fade(90), fade(180))
        } else {
            RGBColor(fade(200), fade(60), fade(0))
        }
    }
}

impl Figure for Map {
    fn draw(&self, area: &Area<'_>) -> Drawn {
        let area = area.margin(8, 8, 6, 6).titled(self.name, ("sans-serif", 13))?;
        let entries = self.matrix.as_slice();
        let dim = entries.len().isqrt();
        let n = dim as i32;
        let chart = ChartBuilder::on(&area).build_cartesian_2d(0..n, 0..n)?;
        let area = chart.plotting_area();
        for (k, &entry) in entries.iter().enumerate() {
            let (row, column) = ((k / dim) as i32, (k % dim) as i32);
            let corners = [(column, n - row - 1), (column + 1, n - row)];
            area.draw(&Rectangle::new(corners, self.colour(entry).filled()))?;
        }
        area.draw(&Rectangle::new([(0, 0), (n, n)], BLACK.mix(0.4).stroke_width(1)))?;
        Ok(())
    }
}
