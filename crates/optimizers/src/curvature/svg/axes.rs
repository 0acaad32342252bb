//! Ranges and their marks.

use std::ops::Range;

/// The range of the finite values, with a little air; something to draw if there are none.
pub(super) fn linear(values: impl Iterator<Item = f64>) -> Range<f64> {
    let (low, high) = extent(values);
    if low > high {
        return -1.0..1.0;
    }
    let air = match 0.04 * (high - low) {
        0.0 => 0.5 * low.abs().max(1e-3),
        air => air,
    };
    low - air..high + air
}

/// The range of the positive values, but not more than `decades` below the largest.
pub(super) fn logarithmic(values: impl Iterator<Item = f64>, decades: i32) -> Range<f64> {
    let (low, high) = extent(values.filter(|&v| v > 0.0));
    if low > high { 0.1..1.0 } else { low.max(high * 10f64.powi(-decades)) / 1.5..high * 1.5 }
}

fn extent(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values
        .filter(|v| v.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)))
}

/// Powers of ten, not more than about ten of them; 1, 2, 5, … where they are few.
pub(super) fn marks(range: &Range<f64>) -> Vec<f64> {
    let (first, last) = (range.start.log10().floor() as i32, range.end.log10().ceil() as i32);
    let mantissas: &[f64] = if last - first > 3 { &[1.0] } else { &[1.0, 2.0, 5.0] };
    let powers = (first..=last).step_by(((last - first) / 10 + 1) as usize);
    let values = powers.flat_map(|power| mantissas.iter().map(move |m| m * 10f64.powi(power)));
    values.filter(|value| range.contains(value)).collect()
}

/// Plain where that is short, else a power of ten.
pub(super) fn label(value: &f64) -> String {
    let value: f64 = format!("{value:.2e}").parse().unwrap_or(*value);
    let plain = value == 0.0 || (1e-2..1e5).contains(&value.abs());
    if plain { value.to_string() } else { format!("{value:e}") }
}

/// The stretches of a curve whose points are finite and within the ranges.
pub(super) fn visible(
    points: impl Iterator<Item = (f64, f64)>,
    xs: &Range<f64>,
    ys: &Range<f64>,
) -> Vec<Vec<(f64, f64)>> {
    let mut stretches = vec![vec![]];
    for (x, y) in points {
        // NaN is in no range.
        if xs.contains(&x) && ys.contains(&y) {
            stretches.last_mut().into_iter().for_each(|stretch| stretch.push((x, y)));
        } else if stretches.last().is_some_and(|stretch| !stretch.is_empty()) {
            stretches.push(vec![]);
        }
    }
    stretches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_what_is_finite() {
        assert_eq!(linear([f64::NAN, f64::INFINITY].into_iter()), -1.0..1.0);
        assert_eq!(linear([2.0, 2.0].into_iter()), 1.0..3.0);
        assert_eq!(linear([0.0, 100.0, f64::NAN].into_iter()), -4.0..104.0);
        assert_eq!(logarithmic([-1.0, 0.0].into_iter(), 6), 0.1..1.0);
        assert_eq!(logarithmic([1e-9, 3.0].into_iter(), 2), 0.02..4.5);
        assert_eq!(marks(&(0.02..450.0)), [0.1, 1.0, 10.0, 100.0]);
        assert_eq!(marks(&(0.15..3.0)), [0.2, 0.5, 1.0, 2.0]);
        assert_eq!(marks(&(2e-31..1e10)).len(), 8);
        assert_eq!(
            [0.0, 0.25, -1234.0, 1e-7, 2.5e6].map(|v| label(&v)),
            ["0", "0.25", "-1230", "1e-7", "2.5e6"]
        );
    }

    #[test]
    fn curves_break_where_they_cannot_be_seen() {
        let points = [(0.0, 0.5), (0.1, f64::NAN), (0.2, 0.6), (0.3, 0.7), (0.4, 9.0)];
        let found = visible(points.into_iter(), &(0.0..1.0), &(0.0..1.0));
        assert_eq!(found, [vec![(0.0, 0.5)], vec![(0.2, 0.6), (0.3, 0.7)], vec![]]);
    }
}
