//! Panels with two axes.

use plotters::chart::{ChartBuilder, ChartContext, MeshStyle, SeriesLabelPosition};
use plotters::coord::Shift;
use plotters::coord::combinators::{BindKeyPoints, IntoLogRange};
use plotters::coord::ranged1d::{Ranged, ValueFormatter};
use plotters::prelude::*;

use super::axes::{label, linear, logarithmic, marks, visible};
use super::canvas::{Area, COLOURS, Drawn, FONT};
use crate::curvature::density::SpectralDensity;
use crate::curvature::landscape::LossCurve;

/// The part of a density that is shown below its maximum.
const DECADES: i32 = 7;

pub(super) fn chart<'a, 'b>(
    area: &'b DrawingArea<SVGBackend<'a>, Shift>,
    title: &str,
) -> ChartBuilder<'b, 'b, SVGBackend<'a>>
where
    'a: 'b,
{
    let mut builder = ChartBuilder::on(area);
    builder.margin(12).margin_right(24).x_label_area_size(52).y_label_area_size(76);
    builder.caption(title, (FONT, 18));
    builder
}

/// Titles of the axes, and how their marks read.
fn finish_mesh<X, Y>(
    mesh: &mut MeshStyle<'_, '_, X, Y, SVGBackend<'_>>,
    [x_title, y_title]: [&str; 2],
) -> Drawn
where
    X: Ranged<ValueType = f64> + ValueFormatter<f64>,
    Y: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    mesh.x_desc(x_title)
        .y_desc(y_title)
        .axis_desc_style((FONT, 16))
        .label_style((FONT, 14))
        .bold_line_style(BLACK.mix(0.12))
        .light_line_style(TRANSPARENT)
        .x_label_formatter(&label)
        .y_label_formatter(&label)
        .draw()?;
    Ok(())
}

fn legend<'c, 'b: 'c, X, Y>(
    chart: &mut ChartContext<'c, SVGBackend<'b>, Cartesian2d<X, Y>>,
    position: SeriesLabelPosition,
) -> Drawn
where
    X: Ranged<ValueType = f64>,
    Y: Ranged<ValueType = f64>,
{
    chart
        .configure_series_labels()
        .position(position)
        .legend_area_size(28)
        .margin(8)
        .label_font((FONT, 14))
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK.mix(0.3))
        .draw()?;
    Ok(())
}

/// The density with its band.
pub(super) fn density(area: &Area<'_>, density: &SpectralDensity) -> Drawn {
    let xs = linear(density.grid.iter().copied());
    let shown = density.density.iter().chain(&density.upper).copied();
    let ys = logarithmic(shown, DECADES);
    let mut chart = chart(area, "spectral density")
        .build_cartesian_2d(xs.clone(), ys.clone().log_scale().with_key_points(marks(&ys)))?;
    finish_mesh(&mut chart.configure_mesh(), ["eigenvalue", "density"])?;
    let within = |y: f64| y.clamp(ys.start, ys.end);
    if density.upper.iter().all(|y| y.is_finite()) {
        let upper = density.grid.iter().zip(&density.upper);
        let lower = density.grid.iter().zip(&density.lower).rev();
        let outline: Vec<(f64, f64)> = upper.chain(lower).map(|(&t, &y)| (t, within(y))).collect();
        let name = match density.exhaustive {
            true => "exact but for smoothing".to_owned(),
            false => format!("{:.0} % band", 100.0 * density.confidence),
        };
        chart.draw_series([Polygon::new(outline, COLOURS[0].mix(0.25))])?.label(name).legend(
            |(x, y)| Rectangle::new([(x, y - 5), (x + 22, y + 5)], COLOURS[0].mix(0.25).filled()),
        );
    }
    let points = density.grid.iter().copied().zip(density.density.iter().copied());
    for stretch in visible(points, &xs, &ys) {
        chart.draw_series(LineSeries::new(stretch, COLOURS[0].stroke_width(2)))?;
    }
    legend(&mut chart, SeriesLabelPosition::UpperRight)
}

/// Bars of the magnitudes, in the order of the signed values, coloured by sign.
pub(super) fn eigenvalues(area: &Area<'_>, values: &[f64]) -> Drawn {
    // Down to the power of ten below the smallest, so that its bar is seen.
    let mut ys = logarithmic(values.iter().map(|v| v.abs()), 16);
    ys.start = 10f64.powf(ys.start.log10().floor());
    let count = values.len().max(1) as f64;
    let mut chart = chart(area, "extreme eigenvalues")
        .build_cartesian_2d(0.0..count, ys.clone().log_scale().with_key_points(marks(&ys)))?;
    let mut mesh = chart.configure_mesh();
    mesh.disable_x_mesh().x_labels(0);
    finish_mesh(&mut mesh, ["from the smallest to the largest", "magnitude"])?;
    for (name, colour, sign) in [("negative", COLOURS[1], -1.0), ("positive", COLOURS[0], 1.0)] {
        let bars = values.iter().enumerate().filter(|(_, value)| **value * sign > ys.start);
        let bars = bars.map(|(k, value)| {
            let left = k as f64;
            Rectangle::new([(left + 0.15, ys.start), (left + 0.85, value.abs())], colour.filled())
        });
        let bars: Vec<_> = bars.collect();
        if !bars.is_empty() {
            chart.draw_series(bars)?.label(name).legend(move |(x, y)| {
                Rectangle::new([(x, y - 5), (x + 22, y + 5)], colour.filled())
            });
        }
    }
    legend(&mut chart, SeriesLabelPosition::UpperRight)
}

/// The loss along directions, and dashed what the eigenvalues promise.
pub(super) fn curves(area: &Area<'_>, curves: &[LossCurve]) -> Drawn {
    let xs = linear(curves.iter().flat_map(|curve| curve.steps.iter().copied()));
    let ys = linear(curves.iter().flat_map(|curve| curve.losses.iter().copied()));
    let mut chart =
        chart(area, "loss along directions").build_cartesian_2d(xs.clone(), ys.clone())?;
    finish_mesh(&mut chart.configure_mesh(), ["distance", "loss (dashed: parabola)"])?;
    for (curve, &colour) in curves.iter().zip(COLOURS.iter().cycle()) {
        let points = |values: &[f64]| -> Vec<(f64, f64)> {
            curve.steps.iter().copied().zip(values.iter().copied()).collect()
        };
        for stretch in visible(points(&curve.losses).into_iter(), &xs, &ys) {
            chart.draw_series(LineSeries::new(stretch, colour.stroke_width(2)))?;
        }
        let model = curve.model.as_deref().unwrap_or_default();
        for stretch in visible(points(model).into_iter(), &xs, &ys) {
            let dashed = DashedLineSeries::new(stretch, 5, 4, colour.stroke_width(1));
            chart.draw_series(dashed)?;
        }
        name_line(&mut chart, &curve.label, colour)?;
    }
    legend(&mut chart, SeriesLabelPosition::UpperRight)
}

/// The loss by iteration, logarithmic in both: second-order methods need few where others need many.
pub(super) fn histories(area: &Area<'_>, runs: &[(String, Vec<f64>)]) -> Drawn {
    let longest = runs.iter().map(|(_, losses)| losses.len()).max().unwrap_or(0);
    let xs = logarithmic([1.0, longest.max(1) as f64].into_iter(), 30);
    let ys = logarithmic(runs.iter().flat_map(|(_, losses)| losses.iter().copied()), 30);
    let mut chart = chart(area, "training").build_cartesian_2d(
        xs.clone().log_scale().with_key_points(marks(&xs)),
        ys.clone().log_scale().with_key_points(marks(&ys)),
    )?;
    finish_mesh(&mut chart.configure_mesh(), ["iterations begun (1: the start)", "loss"])?;
    for ((name, losses), &colour) in runs.iter().zip(COLOURS.iter().cycle()) {
        let points = losses.iter().enumerate().map(|(k, &loss)| (1.0 + k as f64, loss));
        for stretch in visible(points, &xs, &ys) {
            chart.draw_series(LineSeries::new(stretch, colour.stroke_width(2)))?;
        }
        name_line(&mut chart, name, colour)?;
    }
    // Losses fall, which leaves that corner free.
    legend(&mut chart, SeriesLabelPosition::LowerLeft)
}

/// An entry in the legend, drawn as a line.
fn name_line<'c, 'b: 'c, X, Y>(
    chart: &mut ChartContext<'c, SVGBackend<'b>, Cartesian2d<X, Y>>,
    name: &str,
    colour: RGBColor,
) -> Drawn
where
    X: Ranged<ValueType = f64>,
    Y: Ranged<ValueType = f64>,
{
    chart
        .draw_series(LineSeries::new([], colour))?
        .label(name)
        .legend(move |(x, y)| PathElement::new([(x, y), (x + 22, y)], colour.stroke_width(3)));
    Ok(())
}
