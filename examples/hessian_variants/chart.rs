//! The matrices, and the trainings with them, as one SVG.

use std::error::Error;
use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;

use crate::Course;

/// Colours that stay apart for every kind of colour vision (Okabe and Ito, 2008).
const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 0, 0),
    RGBColor(0, 114, 178),
    RGBColor(86, 180, 233),
    RGBColor(0, 158, 115),
    RGBColor(240, 190, 0),
    RGBColor(213, 94, 0),
    RGBColor(204, 121, 167),
];
const FONT: &str = "sans-serif";
const SIZE: (u32, u32) = (1320, 900);
const MAPS: u32 = 240;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Draws each matrix as a map of its entries, above the gradients along the trainings.
pub fn draw(
    path: &Path,
    dim: usize,
    matrices: &[(&str, Vec<f64>)],
    courses: &[Course],
) -> Result<(), Box<dyn Error>> {
    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let (maps, lines) = root.split_vertically(MAPS + 40);
    let largest = matrices[0].1.iter().fold(0.0_f64, |max, a| max.max(a.abs()));
    for (area, (name, entries)) in maps.split_evenly((1, matrices.len())).iter().zip(matrices) {
        map(area, name, dim, entries, largest)?;
    }
    trainings(&lines, courses)?;
    root.present()?;
    Ok(())
}

/// Blue for negative entries, red for positive ones, the shade by the square root of the size.
fn map(
    area: &Area<'_>,
    name: &str,
    dim: usize,
    entries: &[f64],
    largest: f64,
) -> Result<(), Box<dyn Error>> {
    let area = area.margin(8, 8, 6, 6).titled(name, (FONT, 13))?;
    let n = dim as i32;
    let chart = ChartBuilder::on(&area).build_cartesian_2d(0..n, 0..n)?;
    let area = chart.plotting_area();
    for (k, &entry) in entries.iter().enumerate() {
        let (row, column) = ((k / dim) as i32, (k % dim) as i32);
        let shade = (entry.abs() / largest).min(1.0).sqrt();
        let fade = |full: u8| (255.0 - shade * (255.0 - f64::from(full))) as u8;
        let colour = if entry < 0.0 {
            RGBColor(fade(0), fade(90), fade(180))
        } else {
            RGBColor(fade(200), fade(60), fade(0))
        };
        let corners = [(column, n - row - 1), (column + 1, n - row)];
        area.draw(&Rectangle::new(corners, colour.filled()))?;
    }
    area.draw(&Rectangle::new([(0, 0), (n, n)], BLACK.mix(0.4).stroke_width(1)))?;
    Ok(())
}

fn trainings(area: &Area<'_>, courses: &[Course]) -> Result<(), Box<dyn Error>> {
    let all = courses.iter().flat_map(|course| &course.gradients);
    let (longest, most, least) = all.fold((1.0_f64, 0.0_f64, 1.0_f64), |(x, high, low), point| {
        (x.max(point.0), high.max(point.1), low.min(point.1))
    });
    let mut chart = ChartBuilder::on(area)
        .margin(16)
        .caption("Newton's method with each: largest component of the gradient", (FONT, 20))
        .x_label_area_size(48)
        .y_label_area_size(72)
        .build_cartesian_2d(
            (1.0..1.1 * (longest + 1.0)).log_scale(),
            (least.max(1e-12)..2.0 * most).log_scale(),
        )?;
    chart
        .configure_mesh()
        .x_desc("iteration + 1")
        .y_desc("‖g‖∞")
        .axis_desc_style((FONT, 16))
        .label_style((FONT, 14))
        .x_label_formatter(&|x| format!("{x:.0}"))
        .y_label_formatter(&|y| format!("{y:.0e}"))
        .bold_line_style(BLACK.mix(0.15))
        .light_line_style(TRANSPARENT)
        .draw()?;
    for (course, colour) in courses.iter().zip(COLOURS) {
        let points = course.gradients.iter().map(|&(x, y)| (x + 1.0, y.max(1e-12)));
        chart
            .draw_series(LineSeries::new(points, colour.stroke_width(2)))?
            .label(course.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 24, y)], colour.stroke_width(3)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .background_style(WHITE.mix(0.9))
        .label_font((FONT, 15))
        .draw()?;
    Ok(())
}
