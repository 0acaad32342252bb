//! The loss on a plane, as a heat map with contours.

use plotters::prelude::*;

use super::axes::{label, linear};
use super::canvas::{Area, Drawn, FONT};
use super::panels::chart;
use crate::curvature::landscape::LossSurface;

const LEVELS: usize = 12;
/// From low to high, evenly growing in brightness (from matplotlib's "viridis", CC0).
const PALETTE: [[f64; 3]; 6] = [
    [68.0, 1.0, 84.0],
    [65.0, 68.0, 135.0],
    [42.0, 120.0, 142.0],
    [34.0, 168.0, 132.0],
    [122.0, 209.0, 81.0],
    [253.0, 231.0, 37.0],
];

pub(super) fn draw(area: &Area<'_>, surface: &LossSurface) -> Drawn {
    let steps = &surface.steps;
    let heights = heights(&surface.losses);
    let half = 0.5 * (steps[1] - steps[0]);
    let side = linear([steps[0] - half, steps[steps.len() - 1] + half].into_iter());
    let mut chart = chart(area, "loss on a plane (colour and contours: log scale)")
        .build_cartesian_2d(side.clone(), side)?;
    chart
        .configure_mesh()
        .disable_mesh()
        .x_desc("first direction")
        .y_desc("second direction")
        .axis_desc_style((FONT, 16))
        .label_style((FONT, 14))
        .x_label_formatter(&label)
        .y_label_formatter(&label)
        .draw()?;
    let n = steps.len();
    let cells = (0..n * n).filter(|&k| heights[k].is_finite()).map(|k| {
        let (x, y) = (steps[k % n], steps[k / n]);
        Rectangle::new([(x - half, y - half), (x + half, y + half)], colour(heights[k]).filled())
    });
    chart.draw_series(cells)?;
    let lines =
        (1..LEVELS).flat_map(|level| contour(steps, &heights, level as f64 / LEVELS as f64));
    chart.draw_series(lines.map(|segment| PathElement::new(segment, WHITE.mix(0.7))))?;
    chart.draw_series([Cross::new((0.0, 0.0), 5, WHITE.stroke_width(2))])?;
    Ok(())
}

/// Losses on a scale from 0 (lowest) to 1 (highest), logarithmic above the lowest; NaN where there is none.
fn heights(losses: &[f64]) -> Vec<f64> {
    let finite = || losses.iter().copied().filter(|loss| loss.is_finite());
    let low = finite().fold(f64::INFINITY, f64::min);
    let range = finite().fold(f64::NEG_INFINITY, f64::max) - low;
    let height = |&loss: &f64| match loss.is_finite() {
        true if range > 0.0 => (1e3 * (loss - low) / range).ln_1p() / 1e3_f64.ln_1p(),
        true => 0.0,
        false => f64::NAN,
    };
    losses.iter().map(height).collect()
}

fn colour(height: f64) -> RGBColor {
    let last = PALETTE.len() - 1;
    let place = height.clamp(0.0, 1.0) * last as f64;
    let k = (place as usize).min(last - 1);
    let mix = |c: usize| {
        let (a, b) = (PALETTE[k][c], PALETTE[k + 1][c]);
        (a + (b - a) * (place - k as f64)).round() as u8
    };
    RGBColor(mix(0), mix(1), mix(2))
}

/// Segments of a level line, by marching over the triangles of each cell, which leaves no ambiguity.
fn contour(steps: &[f64], heights: &[f64], level: f64) -> Vec<[(f64, f64); 2]> {
    let n = steps.len();
    let corner = |i: usize, j: usize| (steps[i], steps[j], heights[j * n + i]);
    let mut segments = Vec::new();
    for j in 0..n - 1 {
        for i in 0..n - 1 {
            let diagonal = [corner(i, j), corner(i + 1, j + 1)];
            for third in [corner(i + 1, j), corner(i, j + 1)] {
                segments.extend(crossing([diagonal[0], diagonal[1], third], level));
            }
        }
    }
    segments
}

/// Where a level line cuts a triangle.
fn crossing(corners: [(f64, f64, f64); 3], level: f64) -> Option<[(f64, f64); 2]> {
    let mut cuts = Vec::with_capacity(2);
    for (a, b) in [(0, 1), (1, 2), (2, 0)] {
        let ((x0, y0, h0), (x1, y1, h1)) = (corners[a], corners[b]);
        if h0.is_finite() && h1.is_finite() && (h0 < level) != (h1 < level) {
            let t = (level - h0) / (h1 - h0);
            cuts.push((x0 + t * (x1 - x0), y0 + t * (y1 - y0)));
        }
    }
    <[(f64, f64); 2]>::try_from(cuts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn level_lines_of_a_cone_are_circles() {
        let steps: Vec<f64> = (0..41).map(|i| f64::from(i) / 20.0 - 1.0).collect();
        let heights: Vec<f64> =
            steps.iter().flat_map(|y| steps.iter().map(move |x| x.hypot(*y))).collect();
        let segments = contour(&steps, &heights, 0.7);
        assert!(segments.len() > 50);
        let length: f64 = segments.iter().map(|[a, b]| (a.0 - b.0).hypot(a.1 - b.1)).sum();
        assert!((length - std::f64::consts::TAU * 0.7).abs() < 0.02, "{length}");
        assert!(segments.iter().flatten().all(|(x, y)| (x.hypot(*y) - 0.7).abs() < 0.005));
    }

    #[test]
    fn heights_of_what_is_flat_or_undefined() {
        assert_eq!(heights(&[2.0, 2.0]), [0.0, 0.0]);
        let found = heights(&[1.0, f64::NAN, 3.0, f64::INFINITY]);
        assert!(found[0] == 0.0 && found[1].is_nan() && found[2] == 1.0 && found[3].is_nan());
        assert_eq!(colour(0.0), RGBColor(68, 1, 84));
        assert_eq!(colour(1.0), RGBColor(253, 231, 37));
    }
}
