//! The training curves as one SVG.

use std::error::Error;
use std::ops::Range;
use std::path::Path;

use plotters::coord::Shift;
use plotters::coord::combinators::{BindKeyPoints, IntoLogRange};
use plotters::prelude::*;

use crate::run::{Run, State, Work};

/// Colours that stay apart for every kind of colour vision (Okabe and Ito, 2008).
const COLOURS: [RGBColor; 3] = [RGBColor(0, 114, 178), RGBColor(213, 94, 0), RGBColor(0, 158, 115)];
const FONT: &str = "sans-serif";
const SIZE: (u32, u32) = (1280, 640);
/// Longer curves are drawn without a mark at every point.
const MARKED: usize = 100;

/// Draws the loss of every run, against wall time on the left and against work on the right.
pub fn draw(runs: &[Run], path: &Path) -> Result<(), Box<dyn Error>> {
    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    fill(&root, runs).map_err(|error| format!("cannot draw {}: {error}", path.display()).into())
}

fn fill<DB: DrawingBackend>(
    root: &DrawingArea<DB, Shift>,
    runs: &[Run],
) -> Result<(), Box<dyn Error>>
where
    DB::ErrorType: 'static,
{
    root.fill(&WHITE)?;
    let root = root.titled("Handwritten digits: training loss", (FONT, 26))?.margin(0, 10, 10, 10);
    let (left, right) = root.split_horizontally(SIZE.0 / 2 - 10);
    panel(&left, runs, "wall time (s)", |state| state.seconds)?;
    let work =
        format!("work (gradient-equivalents: gradient 1, Hessian-vector product {})", Work::HVP);
    panel(&right, runs, &work, |state| state.work.gradient_equivalents())?;
    root.present()?;
    Ok(())
}

fn panel<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    runs: &[Run],
    x_title: &str,
    x: impl Fn(&State) -> f64,
) -> Result<(), Box<dyn Error>>
where
    DB::ErrorType: 'static,
{
    let curves: Vec<Vec<(f64, f64)>> = runs.iter().map(|run| curve(run, &x)).collect();
    let xs = axis(curves.iter().flatten().map(|point| point.0));
    let ys = axis(curves.iter().flatten().map(|point| point.1));
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .margin_right(24)
        .x_label_area_size(56)
        .y_label_area_size(72)
        .build_cartesian_2d(
            xs.clone().log_scale().with_key_points(ticks(&xs)),
            ys.clone().log_scale().with_key_points(ticks(&ys)),
        )?;
    chart
        .configure_mesh()
        .x_desc(x_title)
        .y_desc("loss")
        .axis_desc_style((FONT, 18))
        .label_style((FONT, 16))
        .x_label_formatter(&|value| tick(*value))
        .y_label_formatter(&|value| tick(*value))
        .bold_line_style(BLACK.mix(0.15))
        .draw()?;
    for ((run, points), colour) in runs.iter().zip(curves).zip(COLOURS.iter().cycle()) {
        if points.len() <= MARKED {
            chart
                .draw_series(points.iter().map(|&point| Circle::new(point, 3, colour.filled())))?;
        }
        chart
            .draw_series(LineSeries::new(points, colour.stroke_width(2)))?
            .label(&run.name)
            .legend(|(x, y)| PathElement::new([(x, y), (x + 24, y)], colour.stroke_width(3)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .legend_area_size(32)
        .margin(12)
        .label_font((FONT, 16))
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK.mix(0.3))
        .draw()?;
    Ok(())
}

/// The points of a run that logarithmic axes can show: what has cost nothing yet lies infinitely far to the left.
fn curve(run: &Run, x: impl Fn(&State) -> f64) -> Vec<(f64, f64)> {
    let points = run.curve.iter().map(|state| (x(state), state.loss));
    points.filter(|&(x, y)| x > 0.0 && x.is_finite() && y > 0.0 && y.is_finite()).collect()
}

/// A range around all values, with a little air.
fn axis(values: impl Iterator<Item = f64>) -> Range<f64> {
    let (low, high) =
        values.fold((f64::INFINITY, 0.0_f64), |(low, high), v| (low.min(v), high.max(v)));
    if low <= high { low / 1.25..high * 1.25 } else { 0.1..1.0 }
}

/// 1, 2, 5, 10, … within `range`; only powers of ten where those would crowd the axis.
fn ticks(range: &Range<f64>) -> Vec<f64> {
    let decades = range.start.log10().floor() as i32..=range.end.log10().ceil() as i32;
    let mantissas: &[f64] = if decades.clone().count() > 5 { &[1.0] } else { &[1.0, 2.0, 5.0] };
    let values = decades.flat_map(|decade| mantissas.iter().map(move |m| m * 10f64.powi(decade)));
    values.filter(|value| range.contains(value)).collect()
}

/// `0.01`, `0.5`, `20`, `300`: plain where that is short, else a power of ten.
fn tick(value: f64) -> String {
    let value = format!("{value:.1e}").parse().unwrap_or(value);
    if (1e-3..1e5).contains(&value) { value.to_string() } else { format!("{value:.0e}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run through these seconds, gradients and losses.
    fn run(name: &str, points: &[(f64, f64, f64)]) -> Run {
        let state = |&(seconds, gradients, loss): &(f64, f64, f64)| {
            let work = Work { gradients, ..Work::default() };
            State { iteration: 0, seconds, work, loss, gradient_norm: 1e-3 }
        };
        Run {
            name: name.into(),
            curve: points.iter().map(state).collect(),
            end: state(&(1.0, 2.0, 0.1)),
            train_accuracy: 1.0,
            held_out_accuracy: 0.9,
            verdict: String::new(),
        }
    }

    fn svg(runs: &[Run]) -> String {
        let mut text = String::new();
        fill(&SVGBackend::with_string(&mut text, SIZE).into_drawing_area(), runs).unwrap();
        text
    }

    #[test]
    fn every_run_is_drawn_in_both_panels_with_legend_and_units() {
        let runs = [
            run("network, Adam", &[(0.1, 1.0, 2.0), (0.2, 2.0, 1.0)]),
            run("network, Newton-CG", &[(0.3, 9.0, 0.5), (0.4, 99.0, 0.05)]),
        ];
        let text = svg(&runs);
        for words in ["network, Adam", "network, Newton-CG", "loss"] {
            let shown = text.lines().filter(|&line| line == words).count();
            assert_eq!(shown, 2, "{words}");
        }
        assert!(text.contains("wall time (s)") && text.contains("Hessian-vector product 2"));
        for colour in ["#0072B2", "#D55E00"] {
            let lines =
                text.lines().filter(|line| line.starts_with("<polyline") && line.contains(colour));
            assert_eq!(lines.count(), 4, "two panels, each with a curve and a line in the legend");
        }
    }

    #[test]
    fn what_logarithmic_axes_cannot_show_is_left_out() {
        let points = [(0.0, 0.0, 2.0), (0.1, 1.0, f64::NAN), (0.2, 2.0, 0.0), (0.3, 3.0, 0.5)];
        assert_eq!(curve(&run("r", &points), |state| state.work.gradients), [(3.0, 0.5)]);
        assert!(
            svg(&[run("r", &points[..2])]).ends_with("</svg>\n"),
            "nothing left to draw is no error"
        );
        assert!(svg(&[]).ends_with("</svg>\n"));
    }

    #[test]
    fn ticks_read_well() {
        let labels = |range| ticks(&range).into_iter().map(tick).collect::<Vec<_>>().join(" ");
        assert_eq!(labels(0.04..3.1), "0.05 0.1 0.2 0.5 1 2");
        assert_eq!(labels(0.9..3e6), "1 10 100 1000 10000 1e5 1e6");
        assert_eq!([0.01, 0.30000000000000004, 2.0, 300.0].map(tick), ["0.01", "0.3", "2", "300"]);
        assert_eq!([1e-7, 2e6].map(tick), ["1e-7", "2e6"]);
    }
}
