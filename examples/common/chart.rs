//! Charts as SVG: curves on logarithmic axes, alone or with other figures in rows.

use std::error::Error;
use std::ops::Range;

use plotters::coord::Shift;
use plotters::coord::combinators::{BindKeyPoints, IntoLogRange};
use plotters::prelude::*;

/// Colours that stay apart for every kind of colour vision (Okabe and Ito, 2008).
const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(0, 0, 0),
];
const FONT: &str = "sans-serif";
/// Longer curves are drawn without a mark at every point.
const MARKED: usize = 30;

pub type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub type Drawn = Result<(), Box<dyn Error>>;

/// What can be drawn into a part of the picture.
pub trait Figure {
    fn draw(&self, area: &Area<'_>) -> Drawn;
}

/// Figures side by side, and how high they are.
pub type Row<'a> = (u32, Vec<&'a dyn Figure>);

/// The rows one below the other.
pub fn svg(width: u32, rows: &[Row<'_>]) -> Result<String, Box<dyn Error>> {
    let mut text = String::new();
    let height = rows.iter().map(|(height, _)| height).sum();
    let root = SVGBackend::with_string(&mut text, (width, height)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut rest = root.clone();
    for (height, figures) in rows {
        let (row, below) = rest.split_vertically(*height);
        for (figure, area) in figures.iter().zip(row.split_evenly((1, figures.len()))) {
            figure.draw(&area)?;
        }
        rest = below;
    }
    root.present()?;
    drop((root, rest));
    Ok(text)
}

pub type Points = Vec<(f64, f64)>;
pub type Curve = (String, Points);

/// Curves on two logarithmic axes.
pub struct Curves {
    pub title: String,
    pub x_title: String,
    pub y_title: String,
    pub curves: Vec<Curve>,
}

impl Figure for Curves {
    fn draw(&self, area: &Area<'_>) -> Drawn {
        let curves: Vec<_> = self.curves.iter().map(|(_, points)| visible(points)).collect();
        let xs = range(curves.iter().flatten().map(|point| point.0));
        let ys = range(curves.iter().flatten().map(|point| point.1));
        let legend = free_corner(curves.iter().flatten(), &xs, &ys);
        let mut chart = ChartBuilder::on(area)
            .caption(&self.title, (FONT, 20))
            .margin(12)
            .margin_right(24)
            .x_label_area_size(52)
            .y_label_area_size(76)
            .build_cartesian_2d(
                xs.clone().log_scale().with_key_points(ticks(&xs)),
                ys.clone().log_scale().with_key_points(ticks(&ys)),
            )?;
        chart
            .configure_mesh()
            .x_desc(&self.x_title)
            .y_desc(&self.y_title)
            .axis_desc_style((FONT, 16))
            .label_style((FONT, 14))
            .x_label_formatter(&|value| tick(*value))
            .y_label_formatter(&|value| tick(*value))
            .bold_line_style(BLACK.mix(0.15))
            .draw()?;
        for (((name, _), points), colour) in
            self.curves.iter().zip(curves).zip(COLOURS.iter().cycle())
        {
            if points.len() <= MARKED {
                let mark = |&point| Circle::new(point, 3, colour.filled());
                chart.draw_series(points.iter().map(mark))?;
            }
            chart
                .draw_series(LineSeries::new(points, colour.stroke_width(2)))?
                .label(name)
                .legend(|(x, y)| PathElement::new([(x, y), (x + 24, y)], colour.stroke_width(3)));
        }
        chart
            .configure_series_labels()
            .position(legend)
            .legend_area_size(32)
            .margin(12)
            .label_font((FONT, 14))
            .background_style(WHITE.mix(0.85))
            .border_style(BLACK.mix(0.3))
            .draw()?;
        Ok(())
    }
}

/// The points that logarithmic axes can show: what has cost nothing yet lies infinitely far to the left.
fn visible(points: &[(f64, f64)]) -> Points {
    let shown = |&(x, y): &(f64, f64)| x > 0.0 && x.is_finite() && y > 0.0 && y.is_finite();
    points.iter().copied().filter(shown).collect()
}

/// A range around all values, with a little air.
fn range(values: impl Iterator<Item = f64>) -> Range<f64> {
    let (low, high) =
        values.fold((f64::INFINITY, 0.0_f64), |(low, high), v| (low.min(v), high.max(v)));
    if low <= high { low / 1.25..high * 1.25 } else { 0.1..1.0 }
}

/// The corner with the fewest points where the names would be.
fn free_corner<'a>(
    points: impl Iterator<Item = &'a (f64, f64)> + Clone,
    xs: &Range<f64>,
    ys: &Range<f64>,
) -> SeriesLabelPosition {
    use SeriesLabelPosition::{LowerLeft, LowerRight, UpperLeft, UpperRight};
    let share = |v: f64, of: &Range<f64>| (v / of.start).ln() / (of.end / of.start).ln();
    let corners = [
        (UpperRight, 1.0, 1.0),
        (LowerLeft, 0.0, 0.0),
        (LowerRight, 1.0, 0.0),
        (UpperLeft, 0.0, 1.0),
    ];
    let hidden = |&(_, right, up): &(SeriesLabelPosition, f64, f64)| {
        let near = |&&(x, y): &&(f64, f64)| {
            (share(x, xs) - right).abs() < 0.4 && (share(y, ys) - up).abs() < 0.3
        };
        points.clone().filter(near).count()
    };
    corners.into_iter().min_by_key(hidden).map_or(UpperRight, |(corner, ..)| corner)
}

/// 1, 2, 5, 10, … within `range`; only powers of ten, and not more than about ten, where those would crowd the axis.
fn ticks(range: &Range<f64>) -> Vec<f64> {
    let (first, last) = (range.start.log10().floor() as i32, range.end.log10().ceil() as i32);
    let mantissas: &[f64] = if last - first > 4 { &[1.0] } else { &[1.0, 2.0, 5.0] };
    let powers = (first..=last).step_by(((last - first) / 10 + 1) as usize);
    let values = powers.flat_map(|power| mantissas.iter().map(move |m| m * 10f64.powi(power)));
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

    #[test]
    fn what_logarithmic_axes_cannot_show_is_left_out() {
        let points =
            vec![(0.0, 2.0), (1.0, f64::NAN), (2.0, 0.0), (f64::INFINITY, 1.0), (3.0, 0.5)];
        assert_eq!(visible(&points), [(3.0, 0.5)]);
        for curves in [vec![("invisible".into(), points[..2].to_vec())], vec![]] {
            let [title, x_title, y_title] = ["", "x", "y"].map(String::from);
            let chart = Curves { title, x_title, y_title, curves };
            let text = svg(640, &[(480, vec![&chart])]).unwrap();
            assert!(text.ends_with("</svg>\n"), "nothing left to draw is no error");
        }
    }

    #[test]
    fn names_are_put_where_they_hide_nothing() {
        let corner = |points: &[(f64, f64)]| {
            let corner = free_corner(points.iter(), &(1.0..100.0), &(1.0..100.0));
            format!("{corner:?}")
        };
        assert_eq!(corner(&[(1.0, 99.0), (99.0, 1.0)]), "UpperRight");
        assert_eq!(corner(&[(1.0, 99.0), (99.0, 99.0), (99.0, 1.0)]), "LowerLeft");
        assert_eq!(corner(&[(1.0, 1.0), (1.0, 99.0), (99.0, 99.0)]), "LowerRight");
    }

    #[test]
    fn ticks_read_well() {
        let labels = |range| ticks(&range).into_iter().map(tick).collect::<Vec<_>>().join(" ");
        assert_eq!(labels(0.04..3.1), "0.05 0.1 0.2 0.5 1 2");
        assert_eq!(labels(0.9..3e6), "1 10 100 1000 10000 1e5 1e6");
        assert_eq!(labels(2e-16..3.0), "1e-14 1e-12 1e-10 1e-8 1e-6 1e-4 0.01 1");
        assert_eq!([0.01, 0.30000000000000004, 2.0, 300.0].map(tick), ["0.01", "0.3", "2", "300"]);
        assert_eq!([1e-7, 2e6].map(tick), ["1e-7", "2e6"]);
    }
}
