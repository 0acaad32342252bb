//! Curves side by side in one SVG, with logarithmic heights.

use std::error::Error;
use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;

/// Colours that stay apart for every kind of colour vision (Okabe and Ito, 2008).
const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
];
const FONT: &str = "sans-serif";
const SIZE: (u32, u32) = (560, 520);

/// A name and heights over 0, 1, 2, ….
pub type Curve = (String, Vec<f64>);

/// One diagram.
pub struct Panel {
    pub title: String,
    pub x_title: &'static str,
    pub y_title: &'static str,
    pub curves: Vec<Curve>,
}

/// Draws the panels from left to right.
pub fn draw(panels: &[Panel], path: &Path) -> Result<(), Box<dyn Error>> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let width = SIZE.0 * panels.len() as u32;
    let root = SVGBackend::new(path, (width, SIZE.1)).into_drawing_area();
    root.fill(&WHITE)?;
    for (area, panel) in root.split_evenly((1, panels.len())).iter().zip(panels) {
        fill(area, panel)?;
    }
    root.present()?;
    Ok(())
}

fn fill<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    panel: &Panel,
) -> Result<(), Box<dyn Error>>
where
    DB::ErrorType: 'static,
{
    let shown = |y: &f64| *y > 0.0 && y.is_finite();
    let heights = || panel.curves.iter().flat_map(|(_, heights)| heights).filter(|y| shown(y));
    let low = heights().fold(f64::INFINITY, |low, &y| low.min(y));
    let high = heights().fold(0.0_f64, |high, &y| high.max(y));
    let longest = panel.curves.iter().map(|(_, heights)| heights.len()).max().unwrap_or(1);
    let (low, high) = if low < high { (low / 2.0, high * 2.0) } else { (0.1, 1.0) };
    let mut chart = ChartBuilder::on(area)
        .caption(&panel.title, (FONT, 20))
        .margin(12)
        .x_label_area_size(50)
        .y_label_area_size(76)
        .build_cartesian_2d(0.0..longest.max(2) as f64 - 1.0, (low..high).log_scale())?;
    chart
        .configure_mesh()
        .x_desc(panel.x_title)
        .y_desc(panel.y_title)
        .axis_desc_style((FONT, 16))
        .label_style((FONT, 14))
        .y_label_formatter(&|y| format!("{y:.0e}"))
        .draw()?;
    for ((name, heights), colour) in panel.curves.iter().zip(COLOURS.iter().cycle()) {
        let points = heights.iter().enumerate().filter(|(_, y)| shown(y));
        let points = points.map(|(x, &y)| (x as f64, y));
        chart
            .draw_series(LineSeries::new(points, colour.stroke_width(2)))?
            .label(name)
            .legend(|(x, y)| PathElement::new([(x, y), (x + 24, y)], colour.stroke_width(3)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .legend_area_size(32)
        .label_font((FONT, 14))
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK.mix(0.3))
        .draw()?;
    Ok(())
}
