//! How far the covariance of gradients is from the Hessian, as one SVG.

use std::error::Error;
use std::path::Path;

use plotters::prelude::*;

use crate::Curve;

/// Colours that stay apart for every kind of colour vision (Okabe and Ito, 2008).
const COLOURS: [RGBColor; 3] = [RGBColor(0, 114, 178), RGBColor(0, 158, 115), RGBColor(213, 94, 0)];
const FONT: &str = "sans-serif";
const SIZE: (u32, u32) = (960, 620);

/// Draws the relative distance of the empirical Fisher matrix from the Hessian against the number of examples.
pub fn draw(path: &Path, curves: &[Curve]) -> Result<(), Box<dyn Error>> {
    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let points = || curves.iter().flat_map(|curve| &curve.points);
    let (left, right) = points().fold((f64::MAX, 0.0_f64), |(l, r), p| (l.min(p.0), r.max(p.0)));
    let (low, high) = points().fold((f64::MAX, 0.0_f64), |(l, h), p| (l.min(p.1), h.max(p.1)));
    let mut chart = ChartBuilder::on(&root)
        .margin(16)
        .caption("Covariance of gradients: distance from the Hessian at the optimum", (FONT, 22))
        .x_label_area_size(52)
        .y_label_area_size(76)
        .build_cartesian_2d(
            (0.8 * left..1.25 * right).log_scale(),
            (0.6 * low..2.0 * high).log_scale(),
        )?;
    chart
        .configure_mesh()
        .x_desc("examples")
        .y_desc("‖B − H‖ / ‖H‖")
        .axis_desc_style((FONT, 17))
        .label_style((FONT, 14))
        .x_label_formatter(&|x| format!("{x:.0}"))
        .y_label_formatter(&|y| format!("{y}"))
        .bold_line_style(BLACK.mix(0.15))
        .light_line_style(TRANSPARENT)
        .draw()?;
    for (curve, colour) in curves.iter().zip(COLOURS) {
        let points = || curve.points.iter().copied();
        chart
            .draw_series(LineSeries::new(points(), colour.stroke_width(2)))?
            .label(curve.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 24, y)], colour.stroke_width(3)));
        chart.draw_series(points().map(|point| Circle::new(point, 4, colour.filled())))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerLeft)
        .background_style(WHITE.mix(0.9))
        .label_font((FONT, 16))
        .draw()?;
    root.present()?;
    Ok(())
}
